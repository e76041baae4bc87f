// SPDX-License-Identifier: MIT
// Paper 4's figure 1: is the covariance of gradients the Hessian over B? Whole matrices, on images of 7 x 7.
//
// For log-losses C_1 = H + H_p - grad grad', H_p = (1/m) sum (second derivative of p_j) / p_j, which vanishes where
// labels are as the model says (docs/escape.md). So C_1 = H asks for calibration, not for a minimum.
#include "paper/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "paper/condition.h"
#include "paper/evidence.h"
#include "thalweg/curv.h"
#include "thalweg/trainer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 7, TOP = 50, FEW = 10, LOOKS = 5 };

static const int64_t samples[] = {200, 2000, 20000}, hidden[] = {6, 12, 20};

// False: there are none, and the finding says so.
static tw_status read_images(const tw_effort *e, tw_finding *f, tw_data **out, bool *there)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    double *small = NULL;
    tw_data_opts opts = tw_data_defaults();
    opts.real = 8;
    *there = false;
    st = tw_data_open(e->data ? e->data : "fashion-mnist", &opts, &data);
    if (st != TW_OK && !e->data) { // nobody asked for it
        f->verdict = TW_UNDECIDED;
        snprintf(f->measured, sizeof f->measured, "not measured: needs images, --data fashion-mnist or mnist:DIR");
        return TW_OK;
    }
    if (st != TW_OK) goto done;
    if (data->m > samples[e->scale]) {
        tw_data_free(data);
        data = NULL;
        opts.samples = samples[e->scale];
        TW_TRY(tw_data_open(e->data ? e->data : "fashion-mnist", &opts, &data));
    }
    if (data->classes < 2 || data->channels != 1 || data->height % SIDE != 0 || data->width % SIDE != 0) {
        st = tw_fail(TW_EINVAL, "--data: found %s, expected grey images of a side that %d divides, with classes",
                     data->name, SIDE);
        goto done;
    }
    // Means over blocks, so that every matrix can be had whole.
    int64_t high = data->height / SIDE, wide = data->width / SIDE;
    TW_TRY(tw_alloc(data->m * SIDE * SIDE, sizeof *small, &small));
    for (int64_t j = 0; j < data->m; j++)
        for (int64_t y = 0; y < data->height; y++)
            for (int64_t x = 0; x < data->width; x++)
                small[(j * SIDE + y / high) * SIDE + x / wide] +=
                    ((const double *)data->x)[(j * data->height + y) * data->width + x] / (double)(high * wide);
    free(data->x);
    data->x = small;
    small = NULL;
    data->features = SIDE * SIDE;
    data->height = data->width = SIDE;
    *out = data;
    data = NULL;
    *there = true;
done:
    free(small);
    tw_data_free(data);
    return st;
}

// ---- two matrices --------------------------------------------------------------------------------------------------

typedef struct likeness {
    double loss, accuracy;
    double entries;                             // correlation of entries
    double eigen;                               // of u'Cu with lambda over all eigenvectors u of H
    double slope;                               // <C, H> / <H, H>
    double traces;                              // tr C / tr H
    double power;                               // of u'Cu over lambda along the TOP largest, by logarithms
    double overlap;                             // mean squared cosine of the FEW leading eigenvectors of either
    double lambda[TOP], along[TOP], noise[TOP]; // of H, u'Cu, of C
} likeness;

static tw_status matrix(const tw_net *net, const tw_data *data, const tw_effort *e, const char *name, double *a,
                        tw_loss_value *loss)
{
    tw_status st = TW_OK;
    tw_curv *curv = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    double asymmetry;
    opts.matrix = name;
    opts.seed = e->seed;
    opts.block = 32;
    TW_TRY(tw_curv_new(net, data, &opts, &curv));
    TW_TRY(tw_linop_assemble(tw_curv_linop(curv), e->progress, a, &asymmetry));
    *loss = *tw_curv_loss(curv);
    int64_t n = tw_curv_linop(curv)->n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++) a[i * n + k] = a[k * n + i] = (a[i * n + k] + a[k * n + i]) / 2;
done:
    tw_curv_free(curv);
    return st;
}

static double correlation(double count, double ch, double cc, double hh, double c, double h)
{
    return (ch - c * h / count) / sqrt((cc - c * c / count) * (hh - h * h / count));
}

static double quadratic(int64_t n, const double *a, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double row = 0;
        for (int64_t k = 0; k < n; k++) row += a[i * n + k] * x[k];
        sum += x[i] * row;
    }
    return sum;
}

static tw_status liken(const tw_net *net, const tw_data *data, const tw_effort *e, const char *noise,
                       const char *curvature, likeness *out)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(net);
    double *h = NULL, *c = NULL, *value = NULL, *u = NULL, *v = NULL, *along = NULL;
    double ch = 0, cc = 0, hh = 0, sc = 0, sh = 0, tc = 0, th = 0;
    tw_loss_value loss;
    TW_TRY(tw_alloc(n * n, sizeof *h, &h));
    TW_TRY(tw_alloc(n * n, sizeof *c, &c));
    TW_TRY(tw_alloc(n, sizeof *value, &value));
    TW_TRY(tw_alloc(n * n, sizeof *u, &u));
    TW_TRY(tw_alloc(n * n, sizeof *v, &v));
    TW_TRY(tw_alloc(n, sizeof *along, &along));
    TW_TRY(matrix(net, data, e, curvature, h, &loss));
    TW_TRY(matrix(net, data, e, noise, c, &loss));
    for (int64_t i = 0; i < n * n; i++) {
        ch += c[i] * h[i];
        cc += c[i] * c[i];
        hh += h[i] * h[i];
        sc += c[i];
        sh += h[i];
        if (i % (n + 1) == 0) {
            tc += c[i];
            th += h[i];
        }
    }
    double count = (double)n * (double)n;
    *out = (likeness){.loss = loss.data_loss, .accuracy = loss.accuracy, .slope = ch / hh, .traces = tc / th};
    out->entries = correlation(count, ch, cc, hh, sc, sh);
    TW_TRY(tw_sym_eig(n, c, value, v));
    for (int64_t k = 0; k < TOP && k < n; k++) out->noise[k] = value[n - 1 - k];
    TW_TRY(tw_sym_eig(n, h, value, u));
    double dd = 0, ld = 0, ll = 0;
    for (int64_t k = 0; k < n; k++) {
        along[k] = quadratic(n, c, u + k * n);
        dd += along[k] * along[k];
        ld += along[k] * value[k];
        ll += value[k] * value[k];
    }
    out->eigen = correlation((double)n, ld, dd, ll, tc, th);
    double x = 0, y = 0, xx = 0, xy = 0, used = 0;
    for (int64_t k = 0; k < TOP && k < n; k++) {
        out->lambda[k] = value[n - 1 - k];
        out->along[k] = along[n - 1 - k];
        if (!(out->lambda[k] > 0) || !(out->along[k] > 0)) continue;
        double lx = log(out->lambda[k]), ly = log(out->along[k]);
        x += lx;
        y += ly;
        xx += lx * lx;
        xy += lx * ly;
        used++;
    }
    out->power = (xy - x * y / used) / (xx - x * x / used);
    for (int64_t k = 0; k < FEW; k++)
        for (int64_t l = 0; l < FEW; l++) {
            double dot = 0;
            for (int64_t i = 0; i < n; i++) dot += u[(n - 1 - k) * n + i] * v[(n - 1 - l) * n + i];
            out->overlap += dot * dot / FEW;
        }
done:
    free(h);
    free(c);
    free(value);
    free(u);
    free(v);
    free(along);
    return st;
}

// ---- a network as it is trained ------------------------------------------------------------------------------------

typedef struct course {
    tw_data *data;
    tw_net *net;
    tw_trainer *trainer;
} course;

static void close_course(course *c)
{
    tw_trainer_free(c->trainer);
    tw_net_free(c->net);
    *c = (course){.data = c->data};
}

static tw_status open_course(const tw_effort *e, int s, course *c)
{
    tw_status st = TW_OK;
    char model[80];
    tw_net_opts net = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    long long width = (long long)hidden[e->scale];
    snprintf(model, sizeof model, "mlp:%d-%lld-%lld-%lld,act=relu", SIDE * SIDE, width, width,
             (long long)c->data->classes);
    net.real = 8;
    net.seed = train.seed = e->seed + (uint64_t)s;
    train.optim = "adam";
    train.lr = 0.003;
    train.batch = 50;
    TW_TRY(tw_net_new(model, c->data, &net, &c->net));
    TW_TRY(tw_trainer_new(c->net, c->data, &train, &c->trainer));
done:
    return st;
}

static tw_status go(course *c, int64_t epochs)
{
    tw_status st = TW_OK;
    tw_step step;
    while (tw_trainer_steps(c->trainer) < epochs * tw_trainer_epoch_steps(c->trainer)) {
        TW_TRY(tw_trainer_step(c->trainer, &step));
        if (step.diverged) {
            st = tw_fail(TW_ENUMERIC, "training on images diverged at step %lld", (long long)step.step);
            goto done;
        }
    }
done:
    return st;
}

static void note(tw_finding *f, const likeness *l)
{
    tw_evidence_append(f, "loss", l->loss);
    tw_evidence_append(f, "accuracy", l->accuracy);
    tw_evidence_append(f, "correlation_of_entries", l->entries);
    tw_evidence_append(f, "correlation_of_diagonals", l->eigen);
    tw_evidence_append(f, "slope", l->slope);
    tw_evidence_append(f, "trace_ratio", l->traces);
    tw_evidence_append(f, "power", l->power);
    tw_evidence_append(f, "overlap_of_10", l->overlap);
}

static void draw(tw_finding *f, const char *title, const char *subtitle, const likeness *l)
{
    json_t *figure = tw_evidence_figure(f, title, subtitle, "number of the eigenvalue", TW_LOG_Y, "", NULL);
    for (int k = 0; k < TOP; k++) {
        tw_evidence_x(figure, k + 1);
        tw_evidence_line(figure, 0, "eigenvalues of H", l->lambda[k] > 0 ? l->lambda[k] : NAN);
        tw_evidence_line(figure, 0, "eigenvalues of C", l->noise[k] > 0 ? l->noise[k] : NAN);
        tw_evidence_dot(figure, 0, "C along eigenvectors of H", l->along[k] > 0 ? l->along[k] : NAN, 0);
    }
}

typedef enum stage { RANDOM, PRETRAINED, LABELS } stage;

static tw_status at_stage(const tw_effort *e, stage what, tw_finding *f)
{
    static const char *const title[] = {"Gradient noise and Hessian of a random network",
                                        "Gradient noise and Hessian of a trained network",
                                        "The same with labels drawn from the model"};
    tw_status st = TW_OK;
    course c = {0};
    likeness l;
    int seeds = e->seeds < 1 ? 1 : e->seeds > TW_SEEDS ? TW_SEEDS : e->seeds;
    double eigen[TW_SEEDS], entries[TW_SEEDS], slope[TW_SEEDS], traces[TW_SEEDS], overlap[TW_SEEDS], power[TW_SEEDS];
    bool there;
    const int64_t epochs = what == RANDOM ? 0 : e->scale == TW_SMOKE ? 60 : 15;
    TW_TRY(read_images(e, f, &c.data, &there));
    if (!there) goto done;
    for (int s = 0; s < seeds; s++) {
        TW_TRY(open_course(e, s, &c));
        TW_TRY(go(&c, epochs));
        TW_TRY(liken(c.net, c.data, e, what == LABELS ? "fisher-sampled" : "covariance",
                     what == LABELS ? "ggn" : "hessian", &l));
        note(f, &l);
        eigen[s] = l.eigen;
        entries[s] = l.entries;
        slope[s] = l.slope;
        traces[s] = l.traces;
        overlap[s] = l.overlap;
        power[s] = l.power;
        if (s == 0) draw(f, title[what], "7 x 7 images, one seed", &l);
        close_course(&c);
    }
    tw_finding_begin(f);
    if (what == LABELS) {
        tw_finding_check(f, &(tw_condition){"slope <C, H>/<H, H>", TW_AT_LEAST, 0.9, false}, seeds, slope);
        tw_finding_check(f, &(tw_condition){"slope", TW_AT_MOST, 1.1, false}, seeds, slope);
    }
    tw_finding_check(f,
                     &(tw_condition){"correlation of u'Cu with lambda", TW_AT_LEAST, what == RANDOM ? 0.5 : 0.9, false},
                     seeds, eigen);
    tw_finding_note(f, "of entries", seeds, entries);
    if (what != LABELS) tw_finding_note(f, "slope <C, H>/<H, H>", seeds, slope);
    tw_finding_note(f, "tr C/tr H", seeds, traces);
    tw_finding_note(f, "overlap of 10 leading eigenvectors", seeds, overlap);
    tw_finding_note(f, "power of u'Cu over lambda", seeds, power);
done:
    close_course(&c);
    tw_data_free(c.data);
    return st;
}

tw_status tw_escape_claim_covariance_pretrained(const tw_effort *e, tw_finding *f)
{
    return at_stage(e, PRETRAINED, f);
}
tw_status tw_escape_claim_covariance_random(const tw_effort *e, tw_finding *f) { return at_stage(e, RANDOM, f); }
tw_status tw_escape_claim_covariance_labels(const tw_effort *e, tw_finding *f) { return at_stage(e, LABELS, f); }

// Along training: the slope, not only the correlation.
tw_status tw_escape_claim_covariance_equal(const tw_effort *e, tw_finding *f)
{
    static const int64_t looks[TW_SCALES][LOOKS] = {{0, 30, 60, 100, 150}, {0, 4, 16, 64, 200}, {0, 4, 16, 64, 200}};
    tw_status st = TW_OK;
    course c = {0};
    likeness l = {0};
    int seeds = e->seeds < 1 ? 1 : e->seeds > TW_SEEDS ? TW_SEEDS : e->seeds;
    double slope[LOOKS][TW_SEEDS], eigen[LOOKS][TW_SEEDS], loss[LOOKS][TW_SEEDS];
    bool there;
    char words[64];
    TW_TRY(read_images(e, f, &c.data, &there));
    if (!there) goto done;
    for (int s = 0; s < seeds; s++) {
        TW_TRY(open_course(e, s, &c));
        for (int i = 0; i < LOOKS; i++) {
            TW_TRY(go(&c, looks[e->scale][i]));
            TW_TRY(liken(c.net, c.data, e, "covariance", "hessian", &l));
            note(f, &l);
            slope[i][s] = l.slope;
            eigen[i][s] = l.eigen;
            loss[i][s] = l.loss;
        }
        close_course(&c);
    }
    json_t *figure = tw_evidence_figure(f, "C against H along training", "7 x 7 images, means and standard errors",
                                        "epochs", TW_LINEAR, "slope <C, H>/<H, H>", "correlation of u'Cu with lambda");
    for (int i = 0; i < LOOKS; i++) {
        double mean[2] = {0}, square[2] = {0};
        for (int s = 0; s < seeds; s++) {
            mean[0] += slope[i][s] / seeds;
            mean[1] += eigen[i][s] / seeds;
        }
        for (int s = 0; s < seeds; s++) {
            square[0] += (slope[i][s] - mean[0]) * (slope[i][s] - mean[0]);
            square[1] += (eigen[i][s] - mean[1]) * (eigen[i][s] - mean[1]);
        }
        tw_evidence_x(figure, (double)looks[e->scale][i]);
        for (int k = 0; k < 2; k++)
            tw_evidence_dot(figure, k, "measured", mean[k], seeds > 1 ? sqrt(square[k] / (seeds * (seeds - 1.0))) : 0);
        tw_evidence_append(f, "epochs", (double)looks[e->scale][i]);
    }
    tw_finding_begin(f);
    tw_finding_check(f, &(tw_condition){"slope <C, H>/<H, H> when trained", TW_AT_LEAST, 0.9, false}, seeds,
                     slope[LOOKS - 1]);
    tw_finding_check(f, &(tw_condition){"slope", TW_AT_MOST, 1.1, false}, seeds, slope[LOOKS - 1]);
    for (int i = 0; i < LOOKS; i++) {
        snprintf(words, sizeof words, "after %lld epochs", (long long)looks[e->scale][i]);
        tw_finding_note(f, words, seeds, slope[i]);
    }
    tw_finding_note(f, "last correlation of u'Cu with lambda", seeds, eigen[LOOKS - 1]);
    tw_finding_note(f, "last loss", seeds, loss[LOOKS - 1]);
done:
    close_course(&c);
    tw_data_free(c.data);
    return st;
}
