// SPDX-License-Identifier: MIT
// Jastrzebski et al., "On the Relation Between the Sharpest Directions of DNN Loss and the SGD Step Length" (ICLR
// 2019): claims on scaled-down networks. Bounds come from a prototype's runs with a margin, not from the paper.
#include "paper/sharpest_runs.h"
#include "paper/view.h"

#include "base/alloc.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TOP "eigs/hessian/top/1"

// --- C1: growth of the top eigenvalues ---

static tw_status growth(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(slow, tw_view_largest(&v, "cnn-0.01", s, TOP, 0, INFINITY) / tw_view_at(&v, "cnn-0.01", s, TOP, 0));
    TW_EACH_SEED(fast, tw_view_largest(&v, "cnn-0.03", s, TOP, 0, INFINITY) / tw_view_at(&v, "cnn-0.03", s, TOP, 0));
    tw_view_ratio(&v, "peak over start at 0.01", TW_AT_LEAST, 5, slow);
    tw_view_ratio(&v, "at 0.03", TW_AT_LEAST, 5, fast);
    return v.st;
}

static tw_status decay(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double x[TW_SEEDS] = {0};
    for (int s = 0; s < v.seeds; s++) {
        double peak = tw_view_largest(&v, "cnn-0.01", s, TOP, 0, INFINITY);
        const tw_points *p = tw_view_points(&v, "cnn-0.01", s, TOP, 0, INFINITY);
        x[s] = p->count >= 3 ? tw_view_median_of(3, p->x + p->count - 3) / peak : NAN;
    }
    tw_view_ratio(&v, "median of the last three over peak", TW_AT_MOST, 0.85, x);
    return v.st;
}

static void ranks(int n, const double *x, double *rank)
{
    for (int i = 0; i < n; i++) {
        rank[i] = 0;
        for (int j = 0; j < n; j++) rank[i] += x[j] < x[i] ? 1 : x[j] == x[i] && j != i ? 0.5 : 0;
    }
}

static tw_status together(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double x[TW_SEEDS] = {0}, *rank = NULL;
    tw_status st = TW_OK;
    TW_TRY(tw_alloc(2 * TW_POINTS, sizeof *rank, &rank));
    for (int s = 0; s < v.seeds; s++) {
        double a = 0, b = 0, c = 0;
        const tw_points *p = tw_view_points(&v, "cnn-0.01", s, TOP, 0, INFINITY);
        int n = p->count;
        ranks(n, p->x, rank);
        p = tw_view_points(&v, "cnn-0.01", s, "eigs/hessian/top/2", 0, INFINITY);
        ranks(p->count, p->x, rank + TW_POINTS);
        for (int i = 0; i < n && n == p->count; i++) {
            double dx = rank[i] - (n - 1) / 2.0, dy = rank[TW_POINTS + i] - (n - 1) / 2.0;
            a += dx * dy;
            b += dx * dx;
            c += dy * dy;
        }
        x[s] = a / sqrt(b * c);
    }
    tw_view_number(&v, "rank correlation of the first two", TW_AT_LEAST, 0.6, x);
    st = v.st;
done:
    free(rank);
    return st;
}

// --- C2: larger steps and smaller batches, a lower and earlier peak ---

static tw_status step_size(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_largest(&v, "cnn-0.01", s, TOP, 0, INFINITY) /
                        tw_view_largest(&v, "cnn-0.03", s, TOP, 0, INFINITY));
    tw_view_ratio(&v, "peak at 0.01 over that at 0.03", TW_AT_LEAST, 1.5, a);
    return v.st;
}

static tw_status step_size_later(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(b, tw_view_median(&v, "cnn-0.03", s, TOP, 2, INFINITY) /
                        tw_view_median(&v, "cnn-0.1", s, TOP, 2, INFINITY));
    tw_view_ratio(&v, "median from epoch 2 at 0.03 over that at 0.1", TW_AT_LEAST, 1.5, b);
    return v.st;
}

static tw_status peak_time(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(x, tw_view_epoch_of_peak(&v, "cnn-0.01", s, TOP) - tw_view_epoch_of_peak(&v, "cnn-0.03", s, TOP));
    tw_view_number(&v, "epochs by which the peak at 0.01 is later than at 0.03", TW_AT_LEAST, 0, x);
    return v.st;
}

static double late(tw_view *v, const char *run, int s) { return tw_view_median(v, run, s, TOP, 40.0 / 3, INFINITY); }

static tw_status batch_size(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, late(&v, "mlp-batch-32", s) / late(&v, "mlp-batch-8", s));
    TW_EACH_SEED(b, late(&v, "mlp-batch-256", s) / late(&v, "mlp-batch-32", s));
    tw_view_ratio(&v, "median of the last 2/3, batch 32 over 8", TW_AT_LEAST, 1.5, a);
    tw_view_ratio(&v, "256 over 32", TW_AT_LEAST, 1.1, b);
    return v.st;
}

// Sharpness when the training loss first is at most 1.
static double at_loss(tw_view *v, const char *run, int s)
{
    double when = NAN;
    const tw_points *p = tw_view_points(v, run, s, "loss/train/loss", 0, INFINITY);
    for (int i = 0; i < p->count && isnan(when); i++)
        if (p->x[i] <= 1) when = p->epoch[i];
    return isnan(when) ? NAN : tw_view_at(v, run, s, TOP, when);
}

static tw_status equal_loss(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, at_loss(&v, "mlp-0.03", s) / at_loss(&v, "mlp-0.1", s));
    TW_EACH_SEED(b, at_loss(&v, "mlp-0.01", s) / at_loss(&v, "mlp-0.03", s));
    tw_view_ratio(&v, "at loss 1, step 0.03 over 0.1", TW_AT_LEAST, 1.2, a);
    tw_view_ratio(&v, "0.01 over 0.03", TW_AT_LEAST, 1.2, b);
    return v.st;
}

// --- C3: the step is too long along the sharpest direction ---

static double looks(tw_view *v, int s, const char *series) { return tw_view_mean(v, "cnn-step", s, series, 2, 8); }

static tw_status too_long(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double half[TW_SEEDS], up[TW_SEEDS], more[TW_SEEDS], twice[TW_SEEDS], share[TW_SEEDS];
    for (int s = 0; s < v.seeds; s++) {
        double a = looks(&v, s, "step/train/delta/1/0.5"), b = looks(&v, s, "step/train/delta/1/1");
        twice[s] = looks(&v, s, "step/train/delta/1/2");
        half[s] = a;
        up[s] = b - a;
        more[s] = twice[s] - b;
        share[s] = fabs(b) / twice[s];
    }
    tw_view_number(&v, "change of the loss, percent: half the step", TW_AT_MOST, 0, half);
    tw_view_number(&v, "all of it, more than half by", TW_AT_LEAST, 0, up);
    tw_view_number(&v, "twice, more than all by", TW_AT_LEAST, 0, more);
    tw_view_number(&v, "twice", TW_AT_LEAST, 1, twice);
    tw_view_number(&v, "|all| over twice", TW_AT_MOST, 0.5, share);
    return v.st;
}

static tw_status overshoot(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double half[TW_SEEDS], all[TW_SEEDS], twice[TW_SEEDS];
    for (int s = 0; s < v.seeds; s++) {
        all[s] = looks(&v, s, "step/train/raised/1/1");
        half[s] = all[s] - looks(&v, s, "step/train/raised/1/0.5");
        twice[s] = looks(&v, s, "step/train/raised/1/2") - all[s];
    }
    tw_view_number(&v, "part of steps that raise the loss", TW_AT_LEAST, 0.3, all);
    tw_view_number(&v, "the same", TW_AT_MOST, 0.7, all);
    tw_view_number(&v, "more than half the step by", TW_AT_LEAST, 0, half);
    tw_view_number(&v, "twice the step, more by", TW_AT_LEAST, 0, twice);
    return v.st;
}

static tw_status at_start(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(x, tw_view_at(&v, "mlp-0.03", s, "step/train/delta/1/1", 0));
    tw_view_number(&v, "percent at the start", TW_AT_MOST, 0, x);
    return v.st;
}

static tw_status random_direction(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    static const char *const length[] = {"0.5", "1", "2"};
    double x[TW_SEEDS] = {0};
    for (int s = 0; s < v.seeds; s++)
        for (int a = 0; a < 3; a++) {
            char series[64];
            snprintf(series, sizeof series, "step/train/delta/random/%s", length[a]);
            x[s] = fmax(x[s], fmax(tw_view_largest(&v, "cnn-step", s, series, 2, 8),
                                   -tw_view_smallest(&v, "cnn-step", s, series, 2, 8)));
        }
    tw_view_number(&v, "largest |percent| at any look and length", TW_AT_MOST, 0.02, x);
    return v.st;
}

static tw_status parabola(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    static const char *const length[] = {"0.5", "1", "2"};
    double x[TW_SEEDS] = {0};
    tw_status st = TW_OK;
    tw_points *seen = NULL;
    TW_TRY(tw_alloc(1, sizeof *seen, &seen));
    for (int s = 0; s < v.seeds; s++) {
        int good = 0, all = 0;
        for (int a = 0; a < 3; a++) {
            char series[64];
            snprintf(series, sizeof series, "step/train/delta/1/%s", length[a]);
            *seen = *tw_view_points(&v, "cnn-step", s, series, 0, INFINITY);
            snprintf(series, sizeof series, "step/train/predicted/1/%s", length[a]);
            const tw_points *p = tw_view_points(&v, "cnn-step", s, series, 0, INFINITY);
            for (int i = 0; i < p->count && i < seen->count; i++) {
                double off = fabs(p->x[i] - seen->x[i]);
                if (fabs(seen->x[i]) >= 1) continue;
                all++;
                good += off <= 0.05 || off <= 0.3 * fabs(seen->x[i]);
            }
        }
        x[s] = all > 0 ? (double)good / all : NAN;
    }
    tw_view_number(&v, "part of changes below 1 percent that the parabola gives within 30 percent or 0.05 points",
                   TW_AT_LEAST, 0.95, x);
    st = v.st;
done:
    free(seen);
    return st;
}

// Where the loss, read between points of the bowl, is 5 percent higher: the nearest crossing on each side.
static double half_width(int64_t count, const double *loss)
{
    static const double t[] = {-16, -8, -4, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 4, 8, 16};
    double level = 1.05 * loss[7], sum = 0;
    if (count != 15) return NAN;
    for (int side = -1; side <= 1; side += 2) {
        double found = 16;
        for (int k = 1; k <= 7 && found == 16; k++) {
            double a = loss[7 + side * (k - 1)], b = loss[7 + side * k];
            if (b < level) continue;
            double from = fabs(t[7 + side * (k - 1)]), to = fabs(t[7 + side * k]);
            found = from + (to - from) * (level - a) / (b - a);
        }
        sum += found;
    }
    return sum / 2;
}

static tw_status width(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double x[TW_SEEDS] = {0}, found[TW_POINTS];
    for (int s = 0; s < v.seeds; s++) {
        tw_run *run = NULL;
        char folder[4096];
        const tw_points *p = tw_view_points(&v, "cnn-step", s, "step/train/top/1", 0, INFINITY);
        int n = 0, peak = 0;
        for (int i = 0; i < p->count; i++)
            if (p->x[i] > p->x[peak]) peak = i;
        if (v.st == TW_OK)
            v.st = tw_run_open(tw_paper_run_folder(e, "cnn-step", s, sizeof folder, folder), false, &run);
        for (int i = peak; v.st == TW_OK && i < p->count; i++) {
            double *loss = NULL;
            int64_t count = 0;
            v.st = tw_run_curve(run, "step/train/bowl/1", (int64_t)(p->epoch[i] * 40 + 0.5), &count, &loss);
            if (v.st == TW_OK && loss) found[n++] = half_width(count, loss);
            free(loss);
        }
        if (run && tw_run_close(run) != TW_OK && v.st == TW_OK) v.st = TW_EIO;
        x[s] = tw_view_median_of(n, found);
    }
    tw_view_number(&v, "half-width of the bowl at 1.05 L, in mean steps, after the peak", TW_AT_LEAST, 0.2, x);
    tw_view_number(&v, "the same", TW_AT_MOST, 5, x);
    return v.st;
}

// --- C4: alignment ---

static tw_status alignment(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double chance = sqrt(2 / (3.14159265358979 * tw_view_parameters(&v, "mlp-0.03")));
    TW_EACH_SEED(x, tw_view_smallest(&v, "mlp-0.03", s, "step/train/cosine", 0, INFINITY) / chance);
    tw_view_ratio(&v, "smallest mean |cos| over that of a random direction", TW_AT_LEAST, 10, x);
    return v.st;
}

static tw_status share(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(x, tw_view_smallest(&v, "mlp-0.03", s, "step/train/share", 0, INFINITY));
    tw_view_number(&v, "smallest part of |g_S|^2 in five directions", TW_AT_LEAST, 0.05, x);
    return v.st;
}

// --- C5: what SGD does along the sharpest direction steers the curvature ---

static double ablated(tw_view *v, const char *run, int s)
{
    double end = tw_view_end(v, run, s, TOP);
    return tw_view_mean(v, run, s, TOP, 0.8 * end, INFINITY);
}

static tw_status ablation_smoke(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(x, ablated(&v, "mlp-onlytop", s) / ablated(&v, "mlp-normal", s));
    tw_view_ratio(&v, "sharpness in the last fifth, only along it over all", TW_AT_MOST, 0.8, x);
    return v.st;
}

static tw_status ablation(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, ablated(&v, "mlp-onlytop", s) / tw_view_at(&v, "mlp-normal", s, TOP, 0));
    TW_EACH_SEED(b, ablated(&v, "mlp-normal", s) / tw_view_at(&v, "mlp-normal", s, TOP, 0));
    TW_EACH_SEED(c, ablated(&v, "mlp-removetop", s) / ablated(&v, "mlp-normal", s));
    tw_view_ratio(&v, "sharpness, only along it over the start", TW_AT_MOST, 1, a);
    tw_view_ratio(&v, "all over the start", TW_AT_LEAST, 1, b);
    tw_view_ratio(&v, "without it over all", TW_AT_LEAST, 1.1, c);
    return v.st;
}

static double fallen(tw_view *v, const char *run, int s)
{
    return tw_view_at(v, run, s, "loss/train/loss", 0) - tw_view_last(v, run, s, "loss/train/loss");
}

static tw_status ablation_loss(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, fallen(&v, "mlp-onlytop", s) / fallen(&v, "mlp-normal", s));
    TW_EACH_SEED(b, fallen(&v, "mlp-constanttop", s) / fallen(&v, "mlp-normal", s));
    tw_view_number(&v, "fall of the loss, only along it over all", TW_AT_MOST, 0.25, a);
    tw_view_number(&v, "along the first one over all", TW_AT_MOST, 0.25, b);
    return v.st;
}

static tw_status scaled(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, ablated(&v, "mlp-scaled-0.25", s) / ablated(&v, "mlp-normal", s));
    TW_EACH_SEED(b, ablated(&v, "mlp-scaled-2", s) / ablated(&v, "mlp-normal", s));
    TW_EACH_SEED(c, ablated(&v, "mlp-scaled-4", s) / ablated(&v, "mlp-scaled-2", s));
    TW_EACH_SEED(d, ablated(&v, "mlp-scaled-4", s) / ablated(&v, "mlp-normal", s));
    tw_view_ratio(&v, "sharpness, factor 0.25 over 1", TW_AT_LEAST, 1, a);
    tw_view_ratio(&v, "2 over 1", TW_AT_MOST, 1, b);
    tw_view_ratio(&v, "4 over 2", TW_AT_MOST, 1, c);
    tw_view_ratio(&v, "4 over 1", TW_AT_MOST, 0.7, d);
    return v.st;
}

// --- C6 to C9: Nudged SGD ---

#define LOSS "loss/train/loss"

// At full scale epochs 16 and 20 of 20 take the place of 8 and 10 of 10.
static double scaled_epoch(const tw_view *v, double epoch) { return v->e->scale == TW_FULL ? 2 * epoch : epoch; }

static tw_status speed(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    for (int k = 8; k <= 10; k += 2) {
        double when = scaled_epoch(&v, k);
        char low[64], high[64];
        TW_EACH_SEED(a, tw_view_at(&v, "cnn-nudged-0.1", s, LOSS, when) / tw_view_at(&v, "cnn-0.01", s, LOSS, when));
        TW_EACH_SEED(b, tw_view_at(&v, "cnn-nudged-5", s, LOSS, when) / tw_view_at(&v, "cnn-0.01", s, LOSS, when));
        snprintf(low, sizeof low, "loss at epoch %g, gamma 0.1 over 1", when);
        snprintf(high, sizeof high, "gamma 5 over 1");
        tw_view_ratio(&v, low, TW_AT_MOST, 0.97, a);
        tw_view_ratio(&v, high, TW_AT_LEAST, 1, b);
    }
    return v.st;
}

static tw_status accuracy(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    static const char *const run[] = {"cnn-nudged-5", "cnn-0.01", "cnn-nudged-0.1", "cnn-nudged-0.01"};
    static const char *const gamma[] = {"5", "1", "0.1", "0.01"};
    for (int r = 0; r < 4; r++)
        for (int k = 0; k < 3; k++) {
            static const double epoch[] = {3, 5, 10};
            char what[64];
            TW_EACH_SEED(x, tw_view_at(&v, run[r], s, "loss/validation/accuracy", scaled_epoch(&v, epoch[k])));
            snprintf(what, sizeof what, "gamma %s epoch %g:", gamma[r], scaled_epoch(&v, epoch[k]));
            tw_finding_note(f, what, v.seeds, x);
        }
    f->verdict = TW_REPORTED;
    return v.st;
}

static tw_status speed_mlp(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    for (int when = 10; when <= (e->scale == TW_SMOKE ? 10 : 20); when += 10) {
        char low[64];
        TW_EACH_SEED(a, tw_view_at(&v, "mlp-nudged-0.1", s, LOSS, when) / tw_view_at(&v, "mlp-0.03", s, LOSS, when));
        TW_EACH_SEED(b, tw_view_at(&v, "mlp-0.03", s, LOSS, when) / tw_view_at(&v, "mlp-nudged-5", s, LOSS, when));
        snprintf(low, sizeof low, "loss at epoch %d, gamma 0.1 over 1", when);
        tw_view_ratio(&v, low, TW_AT_MOST, 0.97, a);
        tw_view_ratio(&v, "gamma 1 over 5", TW_AT_MOST, 0.97, b);
    }
    return v.st;
}

static double sharp_end(tw_view *v, const char *run, int s)
{
    return tw_view_mean(v, run, s, TOP, scaled_epoch(v, 8), scaled_epoch(v, 10));
}

static tw_status sharper(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, sharp_end(&v, "cnn-nudged-0.1", s) / sharp_end(&v, "cnn-0.01", s));
    TW_EACH_SEED(b, sharp_end(&v, "cnn-0.01", s) / sharp_end(&v, "cnn-nudged-5", s));
    tw_view_ratio(&v, "sharpness over the last epochs, gamma 0.1 over 1", TW_AT_LEAST, 1.6, a);
    tw_view_ratio(&v, "gamma 1 over 5", TW_AT_LEAST, 1.5, b);
    return v.st;
}

static tw_status sharper_mlp(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    double to = e->scale == TW_SMOKE ? 10 : 20, bound = e->scale == TW_SMOKE ? 1 : 1.3;
    TW_EACH_SEED(a,
                 tw_view_largest(&v, "mlp-nudged-0.1", s, TOP, 0, to) / tw_view_largest(&v, "mlp-0.03", s, TOP, 0, to));
    TW_EACH_SEED(b,
                 tw_view_largest(&v, "mlp-0.03", s, TOP, 0, to) / tw_view_largest(&v, "mlp-nudged-5", s, TOP, 0, to));
    tw_view_ratio(&v, "largest sharpness, gamma 0.1 over 1", TW_AT_LEAST, bound, a);
    tw_view_ratio(&v, "gamma 1 over 5", TW_AT_LEAST, bound, b);
    return v.st;
}

static tw_status control(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_at(&v, "mlp-random", s, LOSS, 20) / tw_view_at(&v, "mlp-0.03", s, LOSS, 20));
    TW_EACH_SEED(b, tw_view_largest(&v, "mlp-random", s, TOP, 0, 20) / tw_view_largest(&v, "mlp-0.03", s, TOP, 0, 20));
    tw_view_ratio(&v, "loss at epoch 20, random directions over SGD", TW_AT_LEAST, 0.9, a);
    tw_view_ratio(&v, "the same", TW_AT_MOST, 1.1, a);
    tw_view_ratio(&v, "largest sharpness", TW_AT_LEAST, 0.75, b);
    tw_view_ratio(&v, "the same", TW_AT_MOST, 1.25, b);
    return v.st;
}

static tw_status endpoint(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    static const char norm[] = "trace/hessian/frobenius";
    TW_EACH_SEED(a, tw_view_last(&v, "cnn-nudged-0.1", s, norm) / tw_view_last(&v, "cnn-0.01", s, norm));
    TW_EACH_SEED(b, tw_view_last(&v, "cnn-0.01", s, norm) / tw_view_last(&v, "cnn-nudged-5", s, norm));
    tw_view_ratio(&v, "Frobenius norm at the end, gamma 0.1 over 1", TW_AT_LEAST, 1.4, a);
    tw_view_ratio(&v, "gamma 1 over 5", TW_AT_LEAST, 1.5, b);
    TW_EACH_SEED(one, tw_view_largest(&v, "cnn-0.01", s, "loss/validation/accuracy", 0, INFINITY));
    TW_EACH_SEED(low, tw_view_largest(&v, "cnn-nudged-0.1", s, "loss/validation/accuracy", 0, INFINITY));
    TW_EACH_SEED(high, tw_view_largest(&v, "cnn-nudged-5", s, "loss/validation/accuracy", 0, INFINITY));
    tw_finding_note(f, "best accuracy (not judged) gamma 0.1:", v.seeds, low);
    tw_finding_note(f, "1:", v.seeds, one);
    tw_finding_note(f, "5:", v.seeds, high);
    return v.st;
}

static tw_status directions(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_largest(&v, "mlp-k10", s, TOP, 0, 20) / tw_view_largest(&v, "mlp-k1", s, TOP, 0, 20));
    TW_EACH_SEED(b, tw_view_at(&v, "mlp-k5", s, LOSS, 20) / tw_view_at(&v, "mlp-k1", s, LOSS, 20));
    TW_EACH_SEED(c, tw_view_at(&v, "mlp-k10", s, LOSS, 20) / tw_view_at(&v, "mlp-k5", s, LOSS, 20));
    tw_view_ratio(&v, "largest sharpness, ten directions over one", TW_AT_LEAST, 1.3, a);
    tw_view_ratio(&v, "loss at epoch 20, five over one", TW_AT_MOST, 1, b);
    tw_view_ratio(&v, "ten over five", TW_AT_MOST, 1, c);
    return v.st;
}

// --- C11, C12 ---

static tw_status adam(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_largest(&v, "cnn-adam-0.001", s, TOP, 0, 6) /
                        tw_view_largest(&v, "cnn-adam-0.003", s, TOP, 0, 6));
    TW_EACH_SEED(b, tw_view_largest(&v, "cnn-adam-0.0003", s, TOP, 0, 6) /
                        tw_view_largest(&v, "cnn-adam-0.001", s, TOP, 0, 6));
    tw_view_ratio(&v, "peak at 0.001 over 0.003", TW_AT_LEAST, 1.2, a);
    tw_view_ratio(&v, "0.0003 over 0.001", TW_AT_LEAST, 1.2, b);
    return v.st;
}

static tw_status variations(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_largest(&v, "cnn-he", s, TOP, 0, 6) / tw_view_at(&v, "cnn-he", s, TOP, 0));
    TW_EACH_SEED(b, tw_view_largest(&v, "cnn-momentum", s, TOP, 0, 6) / tw_view_at(&v, "cnn-momentum", s, TOP, 0));
    tw_finding_note(f, "peak over start, He normal weights:", v.seeds, a);
    tw_finding_note(f, "momentum 0.9, step 0.001:", v.seeds, b);
    f->verdict = TW_REPORTED;
    return v.st;
}

static tw_status drop(const tw_effort *e, tw_finding *f)
{
    tw_view v = tw_view_begin(e, f);
    TW_EACH_SEED(a, tw_view_at(&v, "cnn-drop", s, TOP, 4));
    TW_EACH_SEED(b, tw_view_mean(&v, "cnn-drop", s, TOP, 6, 8));
    TW_EACH_SEED(c, tw_view_mean(&v, "cnn-0.1", s, TOP, 6, 8));
    tw_finding_note(f, "sharpness at the drop", v.seeds, a);
    tw_finding_note(f, "over epochs 6 to 8", v.seeds, b);
    tw_finding_note(f, "without a drop", v.seeds, c);
    f->verdict = TW_REPORTED;
    return v.st;
}

#define NUDGED "cnn-0.01 cnn-nudged-5 cnn-nudged-0.1"

static const tw_claim claims[] = {
    {"C1a-growth", "SGD first visits increasingly sharp regions", "peak over initial sharpness at least 5", growth,
     "cnn-0.01 cnn-0.03"},
    {"C1b-decay", "then the sharpness falls or levels off", "median of the last three looks at most 0.85 of the peak",
     decay, "cnn-0.01 cnn-nudged-5"},
    {"C1c-together", "the top few eigenvalues rise together", "rank correlation of the first two at least 0.6",
     together, "cnn-0.01"},
    {"C2a-step", "larger steps: a lower peak", "peak at 0.01 at least 1.5 times that at 0.03", step_size,
     "cnn-0.01 cnn-0.03"},
    {"C2a-step-later", "and lower sharpness throughout", "median from epoch 2 at 0.03 at least 1.5 times that at 0.1",
     step_size_later, "cnn-0.03 cnn-0.1"},
    {"C2b-time", "larger steps: the peak comes no later", "the peak at 0.01 is not before that at 0.03", peak_time,
     "cnn-0.01 cnn-0.03 cnn-0.1"},
    {"C2c-batch", "smaller batches: lower sharpness",
     "medians of the last 2/3: 32 over 8 at least 1.5, 256 over 32 1.1", batch_size,
     "mlp-batch-8 mlp-batch-32 mlp-batch-256"},
    {"C2d-equal-loss", "also at equal loss", "at training loss 1 each smaller step is at least 1.2 times as sharp",
     equal_loss, "mlp-0.1 mlp-0.03 mlp-0.01"},
    {"C3a-too-long", "the step is too long along the sharpest direction: half of it helps, twice hurts",
     "changes of the loss ordered, half below 0, twice above 1 percent, all less than half of twice", too_long,
     "cnn-step"},
    {"C3b-overshoot", "many single steps raise the loss along it", "0.3 to 0.7 of them, rising with the length",
     overshoot, "cnn-step"},
    {"C3c-start", "at the very start the whole step still helps", "mean change of the loss below 0", at_start,
     "mlp-0.03"},
    {"C3d-random", "along a random direction nothing happens", "at most 0.02 percent", random_direction, "cnn-step"},
    {"C3e-parabola", "slope, curvature and noise explain it", "95 percent of small changes within 30 percent or 0.05",
     parabola, "cnn-step"},
    {"C3f-width", "the bowl is about as wide as the step", "half-width at 1.05 L between 0.2 and 5 mean steps", width,
     "cnn-step"},
    {"C4a-alignment", "batch gradients are strongly aligned with the sharpest directions",
     "mean |cos| with five of them at least 10 times a random direction's, always", alignment, "mlp-0.03"},
    {"C4b-share", "and a good part of them lies in their span", "at least 0.05 of the squared norm, always", share,
     "mlp-0.03"},
    {"C5-only-top", "following the sharpest direction alone lowers the sharpness",
     "sharpness in the last fifth at most 0.8 of plain SGD's", ablation_smoke, "mlp-normal mlp-onlytop"},
    {"C5a-ablation", "without it the sharpness rises above plain SGD's",
     "only along it below the start, plain above, without it at least 1.1 of plain", ablation,
     "mlp-normal mlp-onlytop mlp-removetop mlp-constanttop"},
    {"C5b-loss", "steps along it alone hardly lower the loss", "at most 25 percent of what plain SGD does",
     ablation_loss, "mlp-normal mlp-onlytop mlp-constanttop"},
    {"C5c-scaled", "a larger factor on its component, a lower sharpness",
     "decreasing over 0.25, 1, 2, 4; at 4 at most 0.7 of plain", scaled,
     "mlp-normal mlp-scaled-0.25 mlp-scaled-2 mlp-scaled-4"},
    {"C6a-speed", "Nudged SGD with gamma < 1 trains faster", "loss at gamma 0.1 at least 3 percent lower, at 5 higher",
     speed, NUDGED},
    {"C6b-accuracy", "and its accuracy on held-out samples leads at first", "shown, not judged at this size", accuracy,
     NUDGED " cnn-nudged-0.01"},
    {"C6c-speed-mlp", "the same for the perceptron", "loss at gamma 0.1, 1, 5 at least 3 percent apart", speed_mlp,
     "mlp-0.03 mlp-nudged-5 mlp-nudged-0.1"},
    {"C7a-sharper", "it traverses a much sharper region", "0.1 at least 1.6 times gamma 1, which is 1.5 times gamma 5",
     sharper, NUDGED},
    {"C7b-sharper-mlp", "the same for the perceptron", "largest sharpness at least 1.3 times (smoke: 1) at each factor",
     sharper_mlp, "mlp-0.03 mlp-nudged-5 mlp-nudged-0.1"},
    {"C7r-control", "random directions have no such effect", "loss within 10 percent, sharpness within 25", control,
     "mlp-0.03 mlp-random"},
    {"C8-endpoint", "it ends in a sharper region; gamma > 1 in a wider one",
     "Frobenius norm at gamma 0.1 at least 1.4 times gamma 1, that 1.5 times gamma 5; accuracy is not judged", endpoint,
     NUDGED},
    {"C9-directions", "the effect grows with the number of directions",
     "largest sharpness for ten at least 1.3 times that for one, loss falling", directions, "mlp-k1 mlp-k5 mlp-k10"},
    {"C11a-adam", "the same ordering under Adam", "peaks at least 1.2 times for each smaller step", adam,
     "cnn-adam-0.003 cnn-adam-0.001 cnn-adam-0.0003"},
    {"C11b-variations", "and with other initial weights and momentum", "shown, not judged", variations,
     "cnn-he cnn-momentum"},
    {"C12-drop", "dropping the step size lets the sharpness rise", "shown, not judged: slow at this size", drop,
     "cnn-drop cnn-0.1"},
};

const tw_paper tw_paper_sharpest_directions = {
    .name = "sharpest-directions",
    .title = "On the relation between the sharpest directions of DNN loss and the SGD step length (Jastrzebski et al. "
             "2019)",
    .claims = sizeof claims / sizeof *claims,
    .claim = claims,
    .run = tw_sharpest_run,
    .figure = tw_sharpest_figure,
    .data = "fashion-mnist",
    .seeds = {1, 3, 3},
};
