// SPDX-License-Identifier: MIT
// Paper 3's figure 1, on real images: training loss against width, and weight decay against the step.
//
// The paper names neither loss, batch nor scale of the inputs: cross-entropy, batches of 16 and 32 and pixels in [0, 1]
// are ours.
#include "paper/evidence.h"
#include "paper/minibatch.h"

#include "base/alloc.h"
#include "thalweg/curv.h"
#include "thalweg/trainer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool needs_data(const tw_effort *e, tw_finding *f)
{
    if (e->data) return false;
    f->verdict = TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured, "not measured: needs images, --data mnist:DIR or fashion-mnist");
    return true;
}

static tw_status read_data(const tw_effort *e, const char *split, int64_t most, tw_data **out)
{
    tw_status st = TW_OK;
    tw_data_opts opts = tw_data_defaults();
    opts.split = split;
    TW_TRY(tw_data_open(e->data, &opts, out));
    if ((*out)->m > most) { // the first ones
        tw_data_free(*out);
        *out = NULL;
        opts.samples = most;
        TW_TRY(tw_data_open(e->data, &opts, out));
    }
    if ((*out)->classes < 2) {
        tw_data_free(*out);
        *out = NULL;
        st = tw_fail(TW_EINVAL, "--data: found targets, expected classes");
    }
done:
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SEEDS = 3 };

// ---- left and middle: variance of the training loss of an epoch's batches ------------------------------------------

typedef struct optimiser {
    const char *words, *name;
    double lr;
} optimiser;

static const optimiser sgd = {"sgd", "SGD, step 0.5", 0.5}, adam = {"adam", "Adam, step 0.03", 0.03};

// INFINITY: it diverged.
static tw_status epoch_variance(const tw_data *data, const optimiser *o, int64_t width, double lr, uint64_t seed,
                                double *variance)
{
    tw_status st = TW_OK;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    char model[80];
    tw_net_opts opts = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    tw_step step;
    double mean = 0, square = 0, n = 0;
    snprintf(model, sizeof model, "mlp:%lld-%lld-%lld,act=tanh", (long long)data->features, (long long)width,
             (long long)data->classes);
    opts.seed = train.seed = seed;
    train.optim = o->words;
    train.lr = lr;
    train.batch = 16;
    TW_TRY(tw_net_new(model, data, &opts, &net));
    TW_TRY(tw_trainer_new(net, data, &train, &trainer));
    do { // Welford: the losses span decades
        TW_TRY(tw_trainer_step(trainer, &step));
        if (step.diverged) break;
        double off = step.loss - mean;
        mean += off / ++n;
        square += off * (step.loss - mean);
    } while (!step.epoch_end);
    *variance = step.diverged ? INFINITY : square / (n - 1);
done:
    tw_trainer_free(trainer);
    tw_net_free(net);
    return st;
}

// What a rule's variances say from width 50 up.
typedef struct growth {
    double narrow[SEEDS], wide[SEEDS], smallest, largest; // in order of size at width 50 and the last; medians
} growth;

static tw_status at_width(const tw_effort *e, const tw_data *data, const optimiser *o, bool scaled, int64_t width,
                          tw_finding *f, json_t *figure, int panel, growth *out)
{
    tw_status st = TW_OK;
    double *v = out->wide;
    char key[80];
    for (int k = 0; k < SEEDS; k++)
        TW_TRY(
            epoch_variance(data, o, width, scaled ? o->lr * 50 / (double)width : o->lr, e->seed + (uint64_t)k, &v[k]));
    qsort(v, SEEDS, sizeof *v, ascending);
    tw_evidence_line(figure, panel, scaled ? "median, step x 50/width" : "median, fixed step", v[SEEDS / 2]);
    tw_evidence_line(figure, panel, "least", v[0]);
    tw_evidence_line(figure, panel, "most", v[SEEDS - 1]);
    snprintf(key, sizeof key, "%s %s", o->words, scaled ? "scaled" : "fixed");
    tw_evidence_append(f, key, v[SEEDS / 2]);
    if (width == 50) memcpy(out->narrow, v, sizeof out->narrow);
    if (width >= 50) {
        out->largest = fmax(out->largest, v[SEEDS / 2]);
        out->smallest = fmin(out->smallest, v[SEEDS / 2]);
    }
done:
    return st;
}

static tw_status width(const tw_effort *e, bool scaled, tw_finding *f)
{
    tw_status st = TW_OK;
    static const int64_t samples[] = {1000, 12000, 60000}, widest[] = {100, 800, 1600};
    tw_data *data = NULL;
    growth a = {.smallest = INFINITY}, b = a;
    if (needs_data(e, f)) return TW_OK;
    TW_TRY(read_data(e, "train", samples[e->scale], &data));
    json_t *figure =
        tw_evidence_figure(f, "Variance of the training loss over one epoch's batches",
                           "one hidden layer, tanh, batch 16, 3 seeds", "width", TW_LOG_BOTH, sgd.name, adam.name);
    for (int64_t d = 25; d <= widest[e->scale]; d *= 2) {
        tw_evidence_x(figure, (double)d);
        TW_TRY(at_width(e, data, &sgd, scaled, d, f, figure, 0, &a));
        TW_TRY(at_width(e, data, &adam, scaled, d, f, figure, 1, &b));
        if (e->progress.tick && !e->progress.tick(e->progress.ctx, "widths", (double)d, (double)widest[e->scale])) {
            st = tw_fail(TW_ESTOPPED, "stopped at width %lld", (long long)d);
            goto done;
        }
    }
    tw_evidence_put(f, "samples", (double)data->m);
    double grown_a = a.wide[SEEDS / 2] / a.narrow[SEEDS / 2], grown_b = b.wide[SEEDS / 2] / b.narrow[SEEDS / 2];
    double level_a = a.largest / a.smallest, level_b = b.largest / b.smallest;
    bool holds = scaled ? level_a < 2.5 && level_b < 2.5 : grown_a > 100 && grown_b > 10;
    // Widths of 100 at most say nothing yet.
    f->verdict = e->scale == TW_SMOKE ? TW_UNDECIDED : holds ? TW_HOLDS : TW_CONTRADICTED;
    if (scaled)
        snprintf(f->measured, sizeof f->measured,
                 "step x 50/width: largest over smallest median variance from width 50 up %.2f (SGD), %.2f (Adam)",
                 level_a, level_b);
    else
        snprintf(f->measured, sizeof f->measured,
                 "variance at the largest width over that at 50, median (and extremes of the seeds): SGD %.3g (%.3g to "
                 "%.3g), Adam %.3g (%.3g to %.3g)",
                 grown_a, a.wide[0] / a.narrow[SEEDS - 1], a.wide[SEEDS - 1] / a.narrow[0], grown_b,
                 b.wide[0] / b.narrow[SEEDS - 1], b.wide[SEEDS - 1] / b.narrow[0]);
done:
    tw_data_free(data);
    return st;
}

tw_status tw_minibatch_width_fixed(const tw_effort *e, tw_finding *f) { return width(e, false, f); }
tw_status tw_minibatch_width_scaled(const tw_effort *e, tw_finding *f) { return width(e, true, f); }

// ---- right: weight decay in logistic regression --------------------------------------------------------------------

enum { DECAYS = 9 };
static const double decay[DECAYS] = {-1e-3, -6e-4, -3e-4, -1e-4, 0, 1e-4, 3e-4, 1e-3, 3e-3};

typedef struct images {
    tw_data *train, *test;
    int64_t epochs;
} images;

static void close_images(images *s)
{
    tw_data_free(s->train);
    tw_data_free(s->test);
    *s = (images){0};
}

static tw_status open_images(const tw_effort *e, images *s)
{
    static const int64_t samples[] = {1000, 20000, 60000}, epochs[] = {2, 8, 8};
    tw_status st = read_data(e, "train", samples[e->scale], &s->train);
    if (st == TW_OK) st = read_data(e, "test", 10000, &s->test);
    s->epochs = epochs[e->scale];
    return st;
}

// One step with decay of the weights and not of the bias, of either sign: w <- w - lr (g + gamma w).
static tw_status decayed_step(tw_net *net, tw_trainer *trainer, int64_t weights, double shrink, double *before,
                              double *after, tw_step *step)
{
    tw_status st = TW_OK;
    tw_net_get_weights(net, before);
    TW_TRY(tw_trainer_step(trainer, step));
    if (step->diverged || shrink == 0) goto done;
    tw_net_get_weights(net, after);
    for (int64_t i = 0; i < weights; i++) after[i] -= shrink * before[i];
    TW_TRY(tw_net_set_weights(net, after));
done:
    return st;
}

// Test accuracy and cross-entropy, means over the second half of the epochs; NAN: it diverged.
static tw_status regress(const images *s, double lr, double gamma, uint64_t seed, double *accuracy, double *loss)
{
    tw_status st = TW_OK;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    double *room = NULL;
    char model[64];
    tw_net_opts opts = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    tw_step step = {0};
    tw_loss_value value;
    int64_t half = s->epochs / 2;
    snprintf(model, sizeof model, "mlp:%lld-%lld", (long long)s->train->features, (long long)s->train->classes);
    opts.seed = train.seed = seed;
    train.lr = lr;
    train.batch = 32;
    TW_TRY(tw_net_new(model, s->train, &opts, &net));
    int64_t n = tw_net_params(net), weights = tw_net_param(net, 0)->count; // the weight comes first, then the bias
    TW_TRY(tw_alloc(2 * n, sizeof *room, &room));
    TW_TRY(tw_net_set_weights(net, room)); // zeros
    TW_TRY(tw_trainer_new(net, s->train, &train, &trainer));
    *accuracy = *loss = 0;
    for (int64_t epoch = 0; epoch < s->epochs && !step.diverged; epoch++) {
        do {
            TW_TRY(decayed_step(net, trainer, weights, lr * gamma, room, room + n, &step));
        } while (!step.diverged && !step.epoch_end);
        if (step.diverged || epoch < s->epochs - half) continue;
        TW_TRY(tw_loss(net, s->test, NULL, NULL, &value));
        *accuracy += value.accuracy / (double)half;
        *loss += value.data_loss / (double)half;
    }
    if (step.diverged) *accuracy = *loss = NAN;
done:
    free(room);
    tw_trainer_free(trainer);
    tw_net_free(net);
    return st;
}

typedef struct summary {
    double mean, se;
} summary;

static summary of(const double *x)
{
    double mean = 0, square = 0;
    for (int k = 0; k < SEEDS; k++) mean += x[k] / SEEDS;
    for (int k = 0; k < SEEDS; k++) square += (x[k] - mean) * (x[k] - mean);
    return (summary){mean, sqrt(square / (SEEDS - 1) / SEEDS)};
}

static tw_status over_decays(const tw_effort *e, const images *s, double lr, summary accuracy[DECAYS],
                             summary loss[DECAYS])
{
    tw_status st = TW_OK;
    for (int g = 0; g < DECAYS; g++) {
        double right[SEEDS], entropy[SEEDS];
        for (int k = 0; k < SEEDS; k++) TW_TRY(regress(s, lr, decay[g], e->seed + (uint64_t)k, &right[k], &entropy[k]));
        accuracy[g] = of(right);
        loss[g] = of(entropy);
        if (e->progress.tick && !e->progress.tick(e->progress.ctx, "logistic regression", g + 1, DECAYS)) {
            st = tw_fail(TW_ESTOPPED, "stopped at weight decay %g", decay[g]);
            goto done;
        }
    }
done:
    return st;
}

// The best of the nine, and by how many standard errors it beats no decay.
static int best_of(const summary *x, bool most, double *over_zero)
{
    int best = 0;
    for (int g = 1; g < DECAYS; g++)
        if (most ? x[g].mean > x[best].mean : x[g].mean < x[best].mean) best = g;
    *over_zero = decay[best] == 0 ? 0 : fabs(x[best].mean - x[4].mean) / hypot(x[best].se, x[4].se);
    return best;
}

tw_status tw_minibatch_logistic_accuracy(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    static const double lr[] = {0.1, 0.5, 1.5, 3};
    static const char *const name[] = {"step 0.1", "step 0.5", "step 1.5", "step 3"};
    images s = {0};
    summary accuracy[4][DECAYS], loss[DECAYS];
    int best[4];
    double beats[4];
    if (needs_data(e, f)) return TW_OK;
    TW_TRY(open_images(e, &s));
    json_t *figure = tw_evidence_figure(f, "Weight decay in logistic regression", "batch 32, 3 seeds",
                                        "weight decay x 1000", TW_LINEAR, "test accuracy", NULL);
    for (int i = 0; i < 4; i++) {
        TW_TRY(over_decays(e, &s, lr[i], accuracy[i], loss));
        best[i] = best_of(accuracy[i], true, &beats[i]);
        tw_evidence_append(f, "step", lr[i]);
        tw_evidence_append(f, "best_decay", decay[best[i]]);
        tw_evidence_append(f, "beats_no_decay_by_se", beats[i]);
    }
    for (int g = 0; g < DECAYS; g++) {
        tw_evidence_x(figure, 1000 * decay[g]);
        tw_evidence_append(f, "decay", decay[g]);
        for (int i = 0; i < 4; i++) {
            char key[32];
            tw_evidence_dot(figure, 0, name[i], accuracy[i][g].mean, accuracy[i][g].se);
            tw_evidence_append(f, name[i], accuracy[i][g].mean);
            snprintf(key, sizeof key, "error, %s", name[i]);
            tw_evidence_append(f, key, accuracy[i][g].se);
        }
    }
    bool negative = decay[best[2]] < 0 && beats[2] > 2, falls = decay[best[2]] <= decay[best[0]];
    f->verdict = e->scale == TW_SMOKE ? TW_UNDECIDED : negative && falls ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "best decay by test accuracy: %g at step 0.1, %g at 0.5, %g at 1.5 (%.4f +- %.4f against %.4f +- %.4f "
             "without), "
             "%g at 3",
             decay[best[0]], decay[best[1]], decay[best[2]], accuracy[2][best[2]].mean, accuracy[2][best[2]].se,
             accuracy[2][4].mean, accuracy[2][4].se, decay[best[3]]);
done:
    close_images(&s);
    return st;
}

tw_status tw_minibatch_logistic_loss(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    images s = {0};
    summary accuracy[DECAYS], loss[DECAYS];
    double beats;
    if (needs_data(e, f)) return TW_OK;
    TW_TRY(open_images(e, &s));
    TW_TRY(over_decays(e, &s, 1.5, accuracy, loss));
    int best = best_of(loss, false, &beats);
    json_t *figure = tw_evidence_figure(f, "Weight decay in logistic regression, step 1.5", "batch 32, 3 seeds",
                                        "weight decay x 1000", TW_LOG_Y, "test cross-entropy", NULL);
    for (int g = 0; g < DECAYS; g++) {
        tw_evidence_x(figure, 1000 * decay[g]);
        tw_evidence_dot(figure, 0, "measured", loss[g].mean, loss[g].se);
        tw_evidence_append(f, "decay", decay[g]);
        tw_evidence_append(f, "cross_entropy", loss[g].mean);
        tw_evidence_append(f, "standard_error", loss[g].se);
    }
    f->verdict = e->scale == TW_SMOKE ? TW_UNDECIDED : decay[best] < 0 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "test cross-entropy at step 1.5: least at decay %g, %.3f +- %.3f; %.3f +- %.3f without, %.3g at -0.001",
             decay[best], loss[best].mean, loss[best].se, loss[4].mean, loss[4].se, loss[0].mean);
done:
    close_images(&s);
    return st;
}
