// SPDX-License-Identifier: MIT
// Paper 1, second question: what a step of SGD does to the loss, and what many runs do.
#include "paper/hessian.h"

#include "thalweg/train_dynamics.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t by_scale(const tw_effort *e, int64_t smoke, int64_t small, int64_t full)
{
    const int64_t n[] = {smoke, small, full};
    return n[e->scale];
}

static tw_status law_at(const tw_effort *e, const tw_course *c, double lr, int64_t batch, double power, int64_t draws,
                        tw_step_law **out)
{
    tw_step_law_opts opts = tw_step_law_defaults();
    opts.lr = lr;
    opts.batch = batch;
    opts.power = power;
    opts.eps = 1e-4;
    opts.draws = draws;
    opts.seed = e->seed;
    opts.progress = e->progress;
    return tw_step_law_new(c->net, c->data, &opts, out);
}

// --- the mean ---

tw_status tw_hessian_mean(const tw_effort *e, tw_finding *f)
{
    static const int64_t steps[] = {0, 20, 100, 400};
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double worst = 0, start = 0;
    bool holds = true;
    json_t *figure = tw_evidence_figure(f, "Mean change of the loss in a step", "clean labels", "log10(step + 1)",
                                        TW_LOG_Y, "-mean D", NULL);
    for (int which = 0; which < 2; which++) {
        tw_course_spec spec = which ? tw_hessian_floor(e) : tw_hessian_clean(e, 0, 0);
        TW_TRY(tw_course_open(&spec, &c));
        for (int i = 0; i < 4; i++) {
            TW_TRY(tw_course_to(&c, steps[i]));
            TW_TRY(law_at(e, &c, spec.lr, spec.batch, 0, by_scale(e, 1000, 10000, 100000), &l));
            // Where the two terms of the mean nearly cancel, a tenth of it is no measure: of the larger term then.
            double predicted = l->predicted.mean.value, term = spec.lr * l->gradient2;
            double off = fabs(l->measured.mean.value - predicted), scale = fmax(fabs(predicted), term);
            tw_evidence_append(f, "step", (double)steps[i]);
            tw_evidence_append(f, "predicted", predicted);
            tw_evidence_append(f, "measured", l->measured.mean.value);
            tw_evidence_append(f, "stderr", l->measured.mean.error);
            tw_evidence_append(f, "coverage_of_95", l->coverage[2].value);
            if (which == 0) {
                tw_evidence_x(figure, log10((double)steps[i] + 1));
                tw_evidence_line(figure, 0, "formula", fmax(-predicted, 1e-300));
                tw_evidence_dot(figure, 0, "drawn", fmax(-l->measured.mean.value, 1e-300), l->measured.mean.error);
            }
            if (i == 0 && which == 0) start = off / scale;
            if (i > 0) worst = fmax(worst, off / scale);
            if (i > 0 && off > 0.1 * scale + 2 * l->measured.mean.error) holds = false;
            tw_step_law_free(l);
            l = NULL;
        }
        tw_course_close(&c);
    }
    f->verdict = holds ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "off by %.1f %% at the start and by at most %.1f %% from step 20 on, at 6 states of two networks",
             100 * start, 100 * worst);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

// Every batch of a regression: nothing is drawn, and second order is all there is.
tw_status tw_hessian_regression(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double worst = 0;
    tw_course_spec spec = {.data = "regression:dim=4,n=24,noise=0.2",
                           .model = "mlp:4-1",
                           .loss = "half-mse",
                           .lr = 0.1,
                           .batch = 3,
                           .seed = e->seed};
    TW_TRY(tw_course_open(&spec, &c));
    for (int i = 0; i < 4; i++) {
        TW_TRY(tw_course_to(&c, 10 * i));
        TW_TRY(law_at(e, &c, 0.1, 3, 0, 2024, &l)); // C(24, 3)
        double size = 0.1 * l->gradient2 + fabs(l->predicted.mean.value);
        worst = fmax(worst, fabs(l->measured.mean.value - l->predicted.mean.value) / size);
        tw_evidence_append(f, "mean_over_all_batches", l->measured.mean.value);
        tw_evidence_append(f, "formula", l->predicted.mean.value);
        if (!l->enumerated) worst = INFINITY;
        tw_step_law_free(l);
        l = NULL;
    }
    f->verdict = worst < 1e-10 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured, "all 2,024 batches at 4 states: mean and formula differ by %.0e of it",
             worst);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

// --- concentration ---

tw_status tw_hessian_spread(const tw_effort *e, tw_finding *f)
{
    static const double lr[] = {0.002, 0.005, 0.01, 0.02, 0.05};
    enum { POINTS = 5 };
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    tw_course_spec spec = tw_hessian_clean(e, 0, 0);
    json_t *figure = tw_evidence_figure(f, "Standard deviation of the change of the loss", "clean labels, step 50",
                                        "lr", TW_LOG_BOTH, "sd of D", NULL);
    TW_TRY(tw_course_open(&spec, &c));
    TW_TRY(tw_course_to(&c, 50));
    for (int i = 0; i < POINTS; i++) {
        TW_TRY(law_at(e, &c, lr[i], spec.batch, 0, by_scale(e, 1000, 10000, 100000), &l));
        double sd = sqrt(l->measured.variance.value), x = log(lr[i]), y = log(sd);
        tw_evidence_append(f, "lr", lr[i]);
        tw_evidence_append(f, "sd", sd);
        tw_evidence_append(f, "sd_predicted", sqrt(l->predicted.variance.value));
        tw_evidence_x(figure, lr[i]);
        tw_evidence_line(figure, 0, "formula", sqrt(l->predicted.variance.value));
        tw_evidence_dot(figure, 0, "drawn", sd, l->measured.variance.error / (2 * sd));
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        tw_step_law_free(l);
        l = NULL;
    }
    double slope = (POINTS * sxy - sx * sy) / (POINTS * sxx - sx * sx);
    tw_evidence_put(f, "slope", slope);
    f->verdict = fabs(slope - 1) < 0.1 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured, "sd of D goes with the power %.3f of the step, from 0.002 to 0.05",
             slope);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_tail(const tw_effort *e, tw_finding *f)
{
    static const int64_t steps[] = {0, 30, 100, 400};
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    bool holds = true;
    double worst = 0, skew = 0;
    for (int which = 0; which < 2; which++) {
        tw_course_spec spec = which ? tw_hessian_floor(e) : tw_hessian_clean(e, 0, 0);
        TW_TRY(tw_course_open(&spec, &c));
        for (int i = 0; i < 4; i++) {
            TW_TRY(tw_course_to(&c, steps[i]));
            TW_TRY(law_at(e, &c, spec.lr, spec.batch, 0, by_scale(e, 1000, 10000, 100000), &l));
            for (int k = 0; k < TW_LAW_TAILS; k++) {
                double bound = exp(-l->tail_x[k]);
                tw_evidence_append(f, "x", l->tail_x[k]);
                tw_evidence_append(f, "beyond", l->tail[k].value);
                tw_evidence_append(f, "bound", bound);
                worst = fmax(worst, l->tail[k].value / bound);
                if (l->tail[k].value > bound + 2 * l->tail[k].error) holds = false;
            }
            skew = fmax(skew, l->measured.skewness);
            tw_step_law_free(l);
            l = NULL;
        }
        tw_course_close(&c);
    }
    f->verdict = holds ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "beyond E D + sqrt(2 V x) + c x, x = 1 ... 6: at most %.2f times exp(-x), at 8 states; skewness up to %.1f",
        worst, skew);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

// --- steps other than constant ones ---

tw_status tw_hessian_preconditioned(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double worst = 0;
    bool holds = true;
    tw_course_spec spec = tw_hessian_floor(e);
    TW_TRY(tw_course_open(&spec, &c));
    TW_TRY(tw_course_to(&c, 30));
    for (int i = 0; i < 3; i++) {
        double power = 0.5 * i, lr = 0.01;
        TW_TRY(law_at(e, &c, lr, spec.batch, power, 100, &l)); // for the best step alone
        lr = l->best_lr / 4;
        tw_step_law_free(l);
        l = NULL;
        TW_TRY(law_at(e, &c, lr, spec.batch, power, by_scale(e, 1000, 10000, 100000), &l));
        double off = fabs(l->measured.mean.value / l->predicted.mean.value - 1);
        tw_evidence_append(f, "power", power);
        tw_evidence_append(f, "lr", lr);
        tw_evidence_append(f, "predicted", l->predicted.mean.value);
        tw_evidence_append(f, "measured", l->measured.mean.value);
        tw_evidence_append(f, "stderr", l->measured.mean.error);
        worst = fmax(worst, off);
        if (off > 0.1 + 2 * l->measured.mean.error / fabs(l->predicted.mean.value)) holds = false;
        tw_step_law_free(l);
        l = NULL;
    }
    f->verdict = holds ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "powers 0, 1/2 and 1 of the mean square gradient, at a quarter of the best step: mean off by at most %.1f %%",
        100 * worst);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_best_step(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double mean[3], error[3], best = 0, cut[2] = {0, 0};
    bool holds = true;
    tw_course_spec spec = tw_hessian_floor(e);
    TW_TRY(tw_course_open(&spec, &c));
    for (int state = 0; state < 2; state++) {
        TW_TRY(tw_course_to(&c, state ? 400 : 30));
        TW_TRY(law_at(e, &c, 1e-6, spec.batch, 0, 100, &l));
        best = l->best_lr;
        for (int i = 0; i < 3; i++) {
            static const double part[] = {0.4, 1, 1.6};
            tw_step_law_free(l);
            l = NULL;
            TW_TRY(law_at(e, &c, part[i] * best, spec.batch, 0, by_scale(e, 2000, 20000, 200000), &l));
            mean[i] = l->measured.mean.value;
            error[i] = l->measured.mean.error;
            tw_evidence_append(f, "lr_over_best", part[i]);
            tw_evidence_append(f, "mean", mean[i]);
            tw_evidence_append(f, "stderr", error[i]);
        }
        for (int i = 0; i < 3; i += 2) {
            double sure = 2 * hypot(error[1], error[i]);
            if (mean[1] > mean[i] + sure) holds = false;
            cut[state] = fmax(cut[state], mean[i] / mean[1]);
        }
        tw_step_law_free(l);
        l = NULL;
    }
    f->verdict = holds ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "0.4 and 1.6 times |mu|^2/Tr(H M_B) bring at most %.2f (step 30) and %.2f (step 400) of the decrease that "
             "it brings",
             cut[0], cut[1]);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

static tw_status ensemble(const tw_effort *e, const tw_course_spec *spec, const char *optim, int64_t epochs,
                          int64_t runs, tw_ensemble **out)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_ensemble_opts opts = tw_ensemble_defaults();
    opts.optim = optim;
    opts.lr = spec->lr;
    opts.batch = spec->batch;
    opts.epochs = epochs;
    opts.runs = runs;
    opts.looks = 24;
    opts.seed = e->seed;
    opts.progress = e->progress;
    opts.sampling = "independent"; // what the formulas speak of
    TW_TRY(tw_course_open(spec, &c));
    TW_TRY(tw_ensemble_new(c.net, c.data, &opts, out));
done:
    tw_course_close(&c);
    return st;
}

static void show_looks(tw_finding *f, const tw_ensemble *o, const char *title)
{
    json_t *figure = tw_evidence_figure(f, title, "quantiles over runs from one start", "log10(step + 1)", TW_LINEAR,
                                        "loss", "P(loss falls)");
    for (int64_t i = 0; i < o->looks; i++) {
        const tw_ensemble_look *l = &o->look[i];
        tw_evidence_x(figure, log10((double)l->step + 1));
        tw_evidence_line(figure, 0, "median", l->loss[2]);
        tw_evidence_line(figure, 0, ".05", l->loss[0]);
        tw_evidence_line(figure, 0, ".95", l->loss[4]);
        tw_evidence_line(figure, 1, "P", l->falls.value);
        tw_evidence_append(f, "step", (double)l->step);
        tw_evidence_append(f, "falls", l->falls.value);
        tw_evidence_append(f, "mean_change", l->mean_change.value);
        tw_evidence_append(f, "sd_change", l->spread);
        tw_evidence_append(f, "inner", l->inner.value);
        tw_evidence_append(f, "inner_stderr", l->inner.error);
        tw_evidence_append(f, "median_cosine", l->cosine[1]);
    }
}

static tw_status floor_runs(const tw_effort *e, const char *optim, tw_ensemble **out)
{
    tw_course_spec spec = tw_hessian_floor(e);
    return ensemble(e, &spec, optim, by_scale(e, 60, 80, 400), by_scale(e, 60, 300, 2000), out);
}

tw_status tw_hessian_phases(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_ensemble *o = NULL;
    TW_TRY(floor_runs(e, "sgd", &o));
    show_looks(f, o, "A network that cannot learn its labels");
    const tw_ensemble_look *first = &o->look[0], *last = &o->look[o->looks - 1];
    bool fast = first->falls.value > 0.75, still = fabs(last->mean_change.value) < 3 * last->mean_change.error;
    f->verdict = o->phase >= 0 && fast && still && last->spread < first->spread ? TW_HOLDS : TW_CONTRADICTED;
    tw_evidence_put(f, "boundary", o->phase < 0 ? NAN : (double)o->look[o->phase].step);
    snprintf(f->measured, sizeof f->measured,
             "P(loss falls) %.2f at the start, %.2f at the end; mean D %.2g, then %.1g +- %.1g; sd of D %.2g, then "
             "%.2g; second "
             "phase seen from step %" PRId64,
             first->falls.value, last->falls.value, first->mean_change.value, last->mean_change.value,
             last->mean_change.error, first->spread, last->spread, o->phase < 0 ? -1 : o->look[o->phase].step);
done:
    tw_ensemble_free(o);
    return st;
}

tw_status tw_hessian_one_phase(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_ensemble *o = NULL;
    double least = 1, relative = 0;
    tw_course_spec spec = tw_hessian_clean(e, 0, 0);
    TW_TRY(ensemble(e, &spec, "sgd", by_scale(e, 60, 100, 400), by_scale(e, 60, 300, 2000), &o));
    show_looks(f, o, "A network that learns every label");
    for (int64_t i = 0; i < o->looks; i++) least = fmin(least, o->look[i].falls.value);
    relative = o->look[o->looks - 1].spread / o->look[o->looks - 1].mean_loss.value;
    f->verdict = o->phase >= 0 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "P(loss falls) never below %.2f and mean D below 0 at every look: one phase; sd(D)/f at the end %.2g",
             least, relative);
done:
    tw_ensemble_free(o);
    return st;
}

tw_status tw_hessian_angles(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_ensemble *o = NULL;
    TW_TRY(floor_runs(e, "sgd", &o));
    const tw_ensemble_look *first = &o->look[0];
    double sum = 0, weight = 0; // the last quarter of the looks, all in the second phase
    for (int64_t i = 0; i < o->looks; i++) {
        const tw_ensemble_look *l = &o->look[i];
        tw_evidence_append(f, "step", (double)l->step);
        tw_evidence_append(f, "inner", l->inner.value);
        tw_evidence_append(f, "stderr", l->inner.error);
        if (i < o->looks * 3 / 4) continue;
        sum += l->inner.value / (l->inner.error * l->inner.error);
        weight += 1 / (l->inner.error * l->inner.error);
    }
    double late = sum / weight, error = 1 / sqrt(weight);
    tw_evidence_put(f, "late", late);
    tw_evidence_put(f, "late_stderr", error);
    double before = first->inner.value / first->inner.error, after = -late / error; // in standard errors
    f->verdict = before > 2 && after > 2 ? TW_HOLDS : before < -2 || after < -2 ? TW_CONTRADICTED : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "mean g_t'g_(t+1) %.3g +- %.1g at the start, %.3g +- %.1g over the last quarter of the looks",
             first->inner.value, first->inner.error, late, error);
done:
    tw_ensemble_free(o);
    return st;
}

tw_status tw_hessian_adaptive(const tw_effort *e, tw_finding *f)
{
    static const char *const rule[] = {"sgd", "adaptive", "adaptive:kind=oracle,vectors=8",
                                       "precond:power=0.5,eps=1e-3"};
    tw_status st = TW_OK;
    tw_ensemble *o = NULL;
    double loss[4], lo[4], hi[4];
    tw_course_spec spec = tw_hessian_floor(e);
    int64_t epochs = by_scale(e, 10, 12, 100), runs = by_scale(e, 12, 16, 200);
    json_t *figure = tw_evidence_figure(f, "Steps from moments beside constant ones", "median over runs from one start",
                                        "log10(step + 1)", TW_LINEAR, "loss", NULL);
    for (int i = 0; i < 4; i++) {
        tw_course_spec its = spec;
        if (i == 3) its.lr /= 10; // its steps are some ten times the gradient
        TW_TRY(ensemble(e, &its, rule[i], epochs, runs, &o));
        const tw_ensemble_look *last = &o->look[o->looks - 1];
        for (int64_t k = 0; i == 0 && k < o->looks; k++) tw_evidence_x(figure, log10((double)o->look[k].step + 1));
        json_t *curve = json_object(), *y = json_array(), *curves = json_object_get(figure, "curves");
        for (int64_t k = 0; k < o->looks; k++) json_array_append_new(y, json_real(o->look[k].loss[2]));
        json_object_set_new(curve, "name", json_string(i == 2 ? "oracle" : i == 3 ? "precond" : rule[i]));
        json_object_set_new(curve, "panel", json_integer(0));
        json_object_set_new(curve, "y", y);
        if (!curves) json_object_set_new(figure, "curves", curves = json_array());
        json_array_append_new(curves, curve);
        loss[i] = last->loss[2];
        lo[i] = last->loss[0];
        hi[i] = last->loss[4];
        tw_evidence_append(f, "median_loss", loss[i]);
        tw_evidence_append(f, "loss_05", lo[i]);
        tw_evidence_append(f, "loss_95", hi[i]);
        tw_ensemble_free(o);
        o = NULL;
    }
    // Medians over runs move by about a twentieth to a nineteentieth quantile over the square root of the runs.
    double sure = (hi[0] - lo[0] + hi[1] - lo[1]) / sqrt((double)runs);
    f->verdict = loss[1] < loss[0] - sure ? TW_HOLDS : loss[1] > loss[0] + sure ? TW_CONTRADICTED : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "median loss after %" PRId64
             " epochs: constant %.4f, from running moments %.4f, from the exact ones %.4f, "
             "preconditioned %.4f; range of the first %.3f to %.3f",
             epochs, loss[0], loss[1], loss[2], loss[3], lo[0], hi[0]);
done:
    tw_ensemble_free(o);
    return st;
}

// --- special cases ---

tw_status tw_hessian_supermartingale(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    int64_t points = 0;
    double margin = INFINITY, first = 0, last = 0;
    tw_course_spec spec = {.data = "regression:dim=5,n=30,noise=0",
                           .model = "mlp:5-1",
                           .loss = "half-mse",
                           .lr = 1e-3,
                           .batch = 1,
                           .seed = e->seed};
    TW_TRY(tw_course_open(&spec, &c));
    TW_TRY(law_at(e, &c, 1e-3, 1, 0, 100, &l));
    spec.lr = l->safe_lr;
    tw_course_close(&c);
    TW_TRY(tw_course_open(&spec, &c));
    for (int64_t step = 0; step <= by_scale(e, 300, 1000, 10000); step += by_scale(e, 30, 50, 100)) {
        tw_step_law_free(l);
        l = NULL;
        TW_TRY(tw_course_to(&c, step));
        TW_TRY(law_at(e, &c, spec.lr, 1, 0, 100, &l));
        margin = fmin(margin, l->safe_factor - (1 + l->measured.mean.value / l->loss)); // every sample, each once
        if (points++ == 0) first = l->loss;
        last = l->loss;
        tw_evidence_append(f, "loss", l->loss);
        tw_evidence_append(f, "expected_ratio", 1 + l->measured.mean.value / l->loss);
        tw_evidence_put(f, "factor", l->safe_factor);
        if (!l->enumerated) margin = -INFINITY;
    }
    f->verdict = margin >= 0 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "E f_(t+1)/f_t over all samples at %" PRId64
             " states stays below 1 - lambda+^2/max x'Hx = %.5f by at least %.2g; f "
             "from %.2g to %.1g",
             points, l->safe_factor, margin, first, last);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_logistic(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_step_law *l = NULL;
    double most = 0;
    tw_course_spec spec = {.data = "gauss:classes=2,dim=10,n=80,sep=1",
                           .model = "mlp:10-1",
                           .loss = "logistic",
                           .random_labels = 0.1,
                           .lr = 0.5,
                           .batch = 4,
                           .seed = e->seed};
    TW_TRY(tw_course_open(&spec, &c));
    for (int i = 0; i < 6; i++) {
        TW_TRY(tw_course_to(&c, 50 * i * i));
        TW_TRY(law_at(e, &c, 0.5, 4, 0, 100, &l));
        most = fmax(most, l->noise_share);
        tw_evidence_append(f, "loss", l->loss);
        tw_evidence_append(f, "share", l->noise_share);
        tw_step_law_free(l);
        l = NULL;
    }
    f->verdict = most <= 1 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured, "Tr M is at most %.2f of max |x|^2 f at 6 states of a training", most);
done:
    tw_step_law_free(l);
    tw_course_close(&c);
    return st;
}
