// SPDX-License-Identifier: MIT
// Paper 1, first question: how H, M, their difference and the covariance look, and which directions they share.
#include "paper/hessian.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "curv/samples.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// --- H = M - R ---

// (1/m) sum_i v'(second derivative of p_i)/p_i, by central differences of the gradient of p_i = exp(-f_i), which is
// -p_i g_i: a way to R v that knows neither H nor M. The step h leaves errors of h^2 and eps/h.
static tw_status residual_by_differences(tw_course *c, const double *v, double *out)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(c->net), m = c->data->m;
    const double h = 1e-5;
    double *w = NULL, *g = NULL, *f = NULL;
    tw_loss_value value;
    TW_TRY(tw_alloc(2 * n, sizeof *w, &w));
    TW_TRY(tw_alloc(m, (size_t)n * sizeof *g, &g));
    TW_TRY(tw_alloc(2 * m, sizeof *f, &f));
    tw_net_get_weights(c->net, w);
    TW_TRY(tw_loss(c->net, c->data, NULL, f + m, &value));
    memset(out, 0, (size_t)n * sizeof *out);
    for (int side = -1; side <= 1; side += 2) {
        for (int64_t q = 0; q < n; q++) w[n + q] = w[q] + side * h * v[q];
        TW_TRY(tw_net_set_weights(c->net, w + n));
        TW_TRY(tw_sample_gradients(c->net, c->data, g));
        TW_TRY(tw_loss(c->net, c->data, NULL, f, &value));
        for (int64_t i = 0; i < m; i++) {
            double weight = -exp(f[m + i] - f[i]) * side / (2 * h * (double)m); // p_i(here) / p_i
            for (int64_t q = 0; q < n; q++) out[q] += weight * g[i * n + q];
        }
    }
    TW_TRY(tw_net_set_weights(c->net, w));
done:
    free(w);
    free(g);
    free(f);
    return st;
}

tw_status tw_hessian_decomposition(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_curv *curv = NULL;
    double *room = NULL, worst = 0;
    tw_course_spec spec = tw_hessian_clean(e, 0.5, 0);
    spec.model = e->scale == TW_SMOKE ? "mlp:20-8-5,act=tanh" : "mlp:50-16-10,act=tanh"; // it must have a Hessian there
    TW_TRY(tw_course_open(&spec, &c));
    int64_t n = tw_net_params(c.net);
    TW_TRY(tw_alloc(3, (size_t)n * sizeof *room, &room));
    for (int look = 0; look < 3; look++) {
        TW_TRY(tw_course_to(&c, tw_hessian_steps[e->scale][look]));
        tw_curv_opts opts = tw_curv_defaults();
        double *v = room, *direct = v + n, *ours = direct + n, away = 0, size = 0, length = 0;
        tw_rng rng = tw_rng_at(e->seed, TW_RNG_PROBE, (uint64_t)look);
        tw_rng_normals(&rng, n, v);
        for (int64_t q = 0; q < n; q++) length += v[q] * v[q];
        for (int64_t q = 0; q < n; q++) v[q] /= sqrt(length);
        opts.matrix = "residual";
        opts.block = 1;
        TW_TRY(tw_curv_new(c.net, c.data, &opts, &curv));
        TW_TRY(tw_curv_linop(curv)->apply(tw_curv_linop(curv)->ctx, 1, v, ours));
        tw_curv_free(curv);
        curv = NULL;
        TW_TRY(residual_by_differences(&c, v, direct));
        for (int64_t q = 0; q < n; q++) {
            away += (ours[q] - direct[q]) * (ours[q] - direct[q]);
            size += ours[q] * ours[q];
        }
        tw_evidence_append(f, "relative_difference", sqrt(away / size));
        worst = fmax(worst, sqrt(away / size));
    }
    f->verdict = worst < 1e-6 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "(M - H) v and mean (second derivative of p_i) v / p_i by differences agree to %.1e of their size, at 3 states",
        worst);
done:
    tw_curv_free(curv);
    free(room);
    tw_course_close(&c);
    return st;
}

// --- along a training ---

static const char *const look_name[] = {"start", "early", "midway", "end"};

static void keep(tw_finding *f, const tw_hessian_look *s, double fraction)
{
    for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
        tw_evidence_append(f, "random_labels", fraction);
        tw_evidence_append(f, "loss", s[look].loss);
        tw_evidence_append(f, "overlap_of_h_and_m", s[look].overlap);
        tw_evidence_append(f, "cosine_error_at_most", s[look].error);
        tw_evidence_append(f, "overlap_of_h_and_c", s[look].covariance);
        tw_evidence_append(f, "slope_of_c_on_h", s[look].slope);
        tw_evidence_append(f, "residual_over_hessian", s[look].norm_ratio);
        tw_evidence_append(f, "cosine_of_residual_and_minus_h", s[look].against);
        tw_evidence_append(f, "largest_eigenvalue", s[look].top);
        tw_evidence_append(f, "smallest_eigenvalue", s[look].lowest);
    }
}

static json_t *figure_over_looks(tw_finding *f, const char *title, const char *panel, const char *second)
{
    return tw_evidence_figure(f, title, "Gaussian mixture; one point a look at the training", "log10(step + 1)",
                              TW_LINEAR, panel, second);
}

tw_status tw_hessian_residual(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    double least = INFINITY, end = 0, against = 1;
    tw_hessian_look s[TW_HESSIAN_LOOKS];
    json_t *figure = figure_over_looks(f, "The residual R = M - H beside the Hessian", "|R|_2 / |H|_2", "cos(R, -H)");
    for (int64_t run = 0; run < tw_hessian_runs(e); run++) {
        tw_course_spec spec = tw_hessian_clean(e, 0, run);
        TW_TRY(tw_hessian_watch(e, &spec, tw_hessian_steps[e->scale], tw_hessian_classes(e), false, s));
        keep(f, s, 0);
        for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
            least = fmin(least, s[look].norm_ratio);
            if (run > 0) continue;
            tw_evidence_x(figure, log10((double)tw_hessian_steps[e->scale][look] + 1));
            tw_evidence_line(figure, 0, "run 1", s[look].norm_ratio);
            tw_evidence_line(figure, 1, "run 1", s[look].against);
        }
        end = fmax(end, fabs(s[3].norm_ratio - 1));
        against = fmin(against, s[3].against);
    }
    f->verdict = least > 0.5 && end < 0.05 && against > 0.95 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "|R|/|H| never below %.2f; at the end within %.1e of 1, and the cosine of R and -H is %.4f (least of %" PRId64
        " runs)",
        least, end, against, tw_hessian_runs(e));
done:
    return st;
}

// The mean over runs at a look, and the range.
typedef struct range {
    double mean, least, most;
} range;

static void widen(range *r, double x, int64_t runs)
{
    r->mean += x / (double)runs;
    r->least = fmin(r->least, x);
    r->most = fmax(r->most, x);
}

static tw_status overlaps(const tw_effort *e, tw_finding *f, double fraction, range *hm, range *hc, double *uncertain)
{
    tw_status st = TW_OK;
    tw_hessian_look s[TW_HESSIAN_LOOKS];
    int64_t runs = tw_hessian_runs(e);
    for (int look = 0; look < TW_HESSIAN_LOOKS; look++) hm[look] = hc[look] = (range){0, INFINITY, -INFINITY};
    for (int64_t run = 0; run < runs; run++) {
        tw_course_spec spec = tw_hessian_clean(e, fraction, run);
        TW_TRY(tw_hessian_watch(e, &spec, tw_hessian_steps[e->scale], tw_hessian_classes(e), false, s));
        keep(f, s, fraction);
        for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
            widen(&hm[look], s[look].overlap, runs);
            widen(&hc[look], s[look].covariance, runs);
            *uncertain = fmax(*uncertain, s[look].error);
        }
    }
done:
    return st;
}

tw_status tw_hessian_overlap(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    range hm[TW_HESSIAN_LOOKS], hc[TW_HESSIAN_LOOKS];
    double uncertain = 0;
    json_t *figure =
        figure_over_looks(f, "Leading spaces of H and M, and of H and C", "mean cos^2 (mean of runs)", NULL);
    TW_TRY(overlaps(e, f, 0, hm, hc, &uncertain));
    for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
        tw_evidence_x(figure, log10((double)tw_hessian_steps[e->scale][look] + 1));
        tw_evidence_line(figure, 0, "H, M", hm[look].mean);
        tw_evidence_line(figure, 0, "H, C", hc[look].mean);
        tw_evidence_append(f, look_name[look], hm[look].mean);
    }
    bool after = hm[1].mean > 0.6 && hm[3].least > 0.8;
    f->verdict = !after ? TW_CONTRADICTED : uncertain < 0.05 ? TW_HOLDS : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "mean cos^2 %.2f at the start, %.2f early, %.2f midway, %.2f at the end (%.2f to %.2f over runs); a "
             "cosine is off "
             "by at most %.0e",
             hm[0].mean, hm[1].mean, hm[2].mean, hm[3].mean, hm[3].least, hm[3].most, uncertain);
done:
    return st;
}

tw_status tw_hessian_overlap_random(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    range hm[4][TW_HESSIAN_LOOKS], hc[TW_HESSIAN_LOOKS];
    double uncertain = 0, least = 1;
    for (int i = 0; i < 4; i++) {
        TW_TRY(overlaps(e, f, tw_hessian_fraction[i], hm[i], hc, &uncertain));
        least = fmin(least, hm[i][3].mean);
    }
    json_t *figure =
        figure_over_looks(f, "Overlap of H and M by fraction of random labels", "mean cos^2 (mean of runs)", NULL);
    for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
        tw_evidence_x(figure, log10((double)tw_hessian_steps[e->scale][look] + 1));
        for (int i = 0; i < 4; i++) tw_evidence_line(figure, 0, tw_hessian_percent[i], hm[i][look].mean);
    }
    f->verdict = least > 0.8 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "mean cos^2 at the end %.2f, %.2f, %.2f and %.2f with 0, 15, 50 and 100 %% of the labels drawn anew",
             hm[0][3].mean, hm[1][3].mean, hm[2][3].mean, hm[3][3].mean);
done:
    return st;
}

tw_status tw_hessian_covariance(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_hessian_look s[TW_HESSIAN_LOOKS];
    double away = 0, slope = 0;
    for (int64_t run = 0; run < tw_hessian_runs(e); run++) {
        tw_course_spec spec = tw_hessian_clean(e, 0, run);
        TW_TRY(tw_hessian_watch(e, &spec, tw_hessian_steps[e->scale], tw_hessian_classes(e), false, s));
        keep(f, s, 0);
        for (int look = 1; look < TW_HESSIAN_LOOKS; look++)
            away = fmax(away, fabs(s[look].overlap - s[look].covariance));
        slope = fmax(slope, s[3].slope);
    }
    f->verdict = away < 0.1 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "mean cos^2 with C differs by at most %.3f from that with M after the first steps; the slope of C on H is at "
        "most %.1e at the end",
        away, slope);
done:
    return st;
}

tw_status tw_hessian_outliers(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    int64_t classes = tw_hessian_classes(e), runs = tw_hessian_runs(e), same = 0;
    double ratio = 0;
    char counts[96] = "";
    tw_compare *o = NULL;
    tw_course c = {NULL, NULL, NULL};
    for (int64_t run = 0; run < runs; run++) {
        tw_course_spec spec = tw_hessian_clean(e, 0, run);
        TW_TRY(tw_course_open(&spec, &c));
        TW_TRY(tw_course_to(&c, tw_hessian_steps[e->scale][3]));
        TW_TRY(tw_course_compare(&c, "hessian,moment", 3 * classes, false, e, &o));
        const tw_compared *h = &o->matrix[0];
        same += h->gap_at == classes;
        ratio += h->eigs->value[classes - 1] / h->eigs->value[classes] / (double)runs;
        tw_evidence_append(f, "widest_gap_of_h_after", (double)h->gap_at);
        tw_evidence_append(f, "its_ratio", h->gap);
        tw_evidence_append(f, "above_a_tenth", (double)h->above_tenth);
        tw_evidence_append(f, "widest_gap_of_m_after", (double)o->matrix[1].gap_at);
        if (run < 10)
            snprintf(counts + strlen(counts), sizeof counts - strlen(counts), "%s%" PRId64, run ? ", " : "", h->gap_at);
        if (run == 0) {
            json_t *figure = tw_evidence_figure(f, "Leading eigenvalues at the end of training", spec.model, "rank",
                                                TW_LOG_Y, "eigenvalue", NULL);
            for (int64_t k = 0; k < h->eigs->top - 1; k++) {
                tw_evidence_x(figure, (double)(k + 1));
                tw_evidence_line(figure, 0, "H", fmax(h->eigs->value[k], 1e-300));
                tw_evidence_line(figure, 0, "M", fmax(o->matrix[1].eigs->value[k], 1e-300));
            }
        }
        tw_compare_free(o);
        o = NULL;
        tw_course_close(&c);
    }
    f->verdict = same == runs ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "widest gap after %s eigenvalues (%" PRId64 " classes); value %" PRId64 " over the next: %.2f on average",
             counts, classes, classes, ratio);
done:
    tw_compare_free(o);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_bulk(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_compare *o = NULL;
    double bulk = 1, below[2] = {0, 0};
    for (int64_t run = 0; run < tw_hessian_runs(e); run++) {
        tw_course_spec spec = tw_hessian_clean(e, 0, run);
        TW_TRY(tw_course_open(&spec, &c));
        for (int look = 0; look < TW_HESSIAN_LOOKS; look += 3) {
            TW_TRY(tw_course_to(&c, tw_hessian_steps[e->scale][look]));
            TW_TRY(tw_course_compare(&c, "hessian", 1, true, e, &o));
            const tw_compared *h = &o->matrix[0];
            double small = 0, lowest = -h->value[o->n - 1] / h->value[0];
            for (int64_t i = 0; i < o->n; i++) small += fabs(h->value[i]) < 0.01 * h->value[0] ? 1 / (double)o->n : 0;
            tw_evidence_append(f, "share_below_a_hundredth", small);
            tw_evidence_append(f, "most_negative_over_largest", lowest);
            below[look / 3] = fmax(below[look / 3], lowest);
            if (look == 3) bulk = fmin(bulk, small);
            tw_compare_free(o);
            o = NULL;
        }
        tw_course_close(&c);
    }
    f->verdict = bulk > 0.8 && below[0] > 0 && below[1] < 0.1 && below[1] > 0 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "at the end %.1f %% of the eigenvalues are below a hundredth of the largest; the most negative is %.3f of it, "
        "%.2f at the start",
        100 * bulk, below[1], below[0]);
done:
    tw_compare_free(o);
    tw_course_close(&c);
    return st;
}

tw_status tw_hessian_sharper(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_hessian_look clean[TW_HESSIAN_LOOKS], random[TW_HESSIAN_LOOKS];
    double least = INFINITY;
    for (int64_t run = 0; run < tw_hessian_runs(e); run++) {
        tw_course_spec a = tw_hessian_clean(e, 0, run), b = tw_hessian_clean(e, 1, run);
        TW_TRY(tw_hessian_watch(e, &a, tw_hessian_steps[e->scale], 1, false, clean));
        TW_TRY(tw_hessian_watch(e, &b, tw_hessian_steps[e->scale], 1, false, random));
        for (int look = 2; look < TW_HESSIAN_LOOKS; look++) {
            double low = (random[look].top - random[look].top_error) / (clean[look].top + clean[look].top_error);
            tw_evidence_append(f, "ratio_of_largest_eigenvalues", random[look].top / clean[look].top);
            least = fmin(least, low);
        }
    }
    f->verdict = least > 1 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "midway and at the end the largest eigenvalue with random labels is at least %.1f times that with true ones",
        least);
done:
    return st;
}
