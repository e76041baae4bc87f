// SPDX-License-Identifier: MIT
// One valley of a logistic regression and several noises: what drives escapes, and how they depend on sharpness.
//
// Gaussian noise needs the gradient of all samples in every step, so the table is cut to 128 samples drawn by the seed.
#include "paper/escape.h"

#include "paper/escape_valley.h"
#include "paper/evidence.h"
#include "thalweg/theory_escape.h"
#include <math.h>
#include <stdio.h>

enum { POINTS = 5 };
static const tw_escape_set banknote = {"Banknote", "banknote.csv", 1, 128};
static const double l2 = 0.05, box = 0.27, eta = 0.2;

static int64_t replicas(const tw_effort *e)
{
    static const int64_t count[] = {48, 400, 2000};
    return count[e->scale];
}

static int64_t horizon(const tw_effort *e)
{
    static const int64_t steps[] = {2000, 1000000, 10000000};
    return steps[e->scale];
}

static void too_few(tw_finding *f)
{
    f->verdict = TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured, "some points with fewer than 8 escapes before the horizon");
}

// White noise of a strength at which ln of the steps to leave is about 7 at k = 1.
tw_status tw_escape_claim_network_langevin(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_escape_valley v = {0};
    tw_network_predicted one;
    tw_escape_line white, sgd;
    double x[POINTS], per[POINTS], y[POINTS], se[POINTS], z[POINTS], zse[POINTS];
    const double small = 0.02;
    bool there, few = false;
    TW_TRY(tw_escape_valley_open(e, &banknote, "-1", l2, f, &v, &there));
    if (!there) goto done;
    TW_TRY(tw_network_predict(&v.valley, l2, TW_NETWORK_WHITE, 1, TW_RULE_BOX, box, small, 1, &one));
    json_t *figure = tw_evidence_figure(f, "Escape times over sharpness", "logistic regression, 128 banknotes",
                                        "sharpness k", TW_LOG_BOTH, "steps", NULL);
    for (int i = 0; i < POINTS; i++) {
        tw_escape_reading p;
        double k = pow(2, i / 2.0);
        tw_evidence_x(figure, k);
        TW_TRY(tw_escape_valley_leave(e, &v, TW_NETWORK_WHITE, one.exponent / 3.5, box, small * k, 1, replicas(e),
                                      horizon(e), e->seed, &p));
        x[i] = log(k);
        per[i] = 1 / k;
        y[i] = p.ln_tau;
        se[i] = p.se;
        tw_evidence_append(f, "white_ln_steps", p.ln_tau);
        tw_evidence_append(f, "white_se", p.se);
        tw_evidence_dot(figure, 0, "white noise", exp(p.ln_tau), exp(p.ln_tau) * p.se);
        TW_TRY(tw_escape_valley_leave(e, &v, TW_NETWORK_SAMPLES, 0, box, eta / 2 * k, 3, replicas(e), horizon(e),
                                      e->seed, &p));
        z[i] = p.ln_tau;
        zse[i] = p.se;
        tw_evidence_append(f, "k", k);
        tw_evidence_append(f, "minibatch_ln_steps", p.ln_tau);
        tw_evidence_append(f, "minibatch_se", p.se);
        tw_evidence_dot(figure, 0, "minibatches", exp(p.ln_tau), exp(p.ln_tau) * p.se);
    }
    for (int i = 0; i < POINTS; i++) few = few || !isfinite(y[i]) || !isfinite(z[i]);
    if (few) {
        too_few(f);
        goto done;
    }
    TW_TRY(tw_escape_fit(POINTS, x, y, se, &white));
    TW_TRY(tw_escape_fit(POINTS, per, z, zse, &sgd));
    double grown = exp(z[0] - z[POINTS - 1]), error = hypot(zse[0], zse[POINTS - 1]);
    tw_evidence_put(f, "white_slope_in_ln_k", white.slope);
    tw_evidence_put(f, "white_se_slope", white.se_slope);
    tw_evidence_put(f, "minibatch_slope_in_1_over_k", sgd.slope);
    tw_evidence_put(f, "minibatch_se_slope", sgd.se_slope);
    bool power = fabs(white.slope + 1)<0.05 + 2 * white.se_slope, faster = log(grown)> log(4) + 2 * error;
    f->verdict = power && faster ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "white noise: ln steps falls with slope %.3f +- %.3f in ln k (chi2 %.1f on 3); minibatches: from k = 4 to 1 "
        "times grow %.3g-fold (standard error %.0f %%), ln steps rises by %.3g +- %.2g per 1/k",
        white.slope, white.se_slope, white.chi2, grown, 100 * error, sgd.slope, sgd.se_slope);
done:
    tw_escape_valley_close(&v);
    return st;
}

tw_status tw_escape_claim_network_noise(const tw_effort *e, tw_finding *f)
{
    static const char *const name[] = {"minibatches", "Gaussian, C/B", "Gaussian, H/B", "Gaussian, tr C/(nB) I"};
    tw_status st = TW_OK;
    tw_escape_valley v = {0};
    double slope[4], error[4];
    bool there, few = false;
    TW_TRY(tw_escape_valley_open(e, &banknote, "-1", l2, f, &v, &there));
    if (!there) goto done;
    json_t *figure = tw_evidence_figure(f, "One valley, four noises", "logistic regression, 128 banknotes",
                                        "batch size B", TW_LOG_X, "ln steps", NULL);
    // Each noise gets batches at which its exponent by the linear chain is 3.5 to 7.5: slopes are then of one regime.
    for (int k = 0; k < 4; k++) {
        double x[POINTS], y[POINTS], se[POINTS];
        tw_network_predicted one;
        tw_escape_line line;
        TW_TRY(tw_network_predict(&v.valley, l2, (tw_network_noise)k, 0, TW_RULE_BOX, box, eta, 1, &one));
        for (int i = 0; i < POINTS; i++) {
            tw_escape_reading p;
            double B = (3.5 + i) / one.exponent;
            if (k == 0) B = fmax(1, floor(B + 0.5));
            if (k == 0 && i > 0 && B <= x[i - 1]) B = x[i - 1] + 1;
            TW_TRY(tw_escape_valley_leave(e, &v, (tw_network_noise)k, 0, box, eta, B, replicas(e), horizon(e),
                                          e->seed + (uint64_t)k, &p));
            x[i] = B;
            y[i] = p.ln_tau;
            se[i] = p.se;
            few = few || !isfinite(p.ln_tau);
            tw_evidence_x(figure, B);
            tw_evidence_dot(figure, 0, name[k], p.ln_tau, p.se);
            tw_evidence_append(f, "noise", k);
            tw_evidence_append(f, "batch", B);
            tw_evidence_append(f, "ln_steps", p.ln_tau);
            tw_evidence_append(f, "se", p.se);
            tw_evidence_append(f, "theory_ln_steps", p.says.ln_steps);
        }
        if (few) {
            too_few(f);
            goto done;
        }
        TW_TRY(tw_escape_fit(POINTS, x, y, se, &line));
        slope[k] = line.slope;
        error[k] = line.se_slope;
        tw_evidence_append(f, "slope", line.slope);
        tw_evidence_append(f, "se_slope", line.se_slope);
    }
    double ratio = slope[2] / slope[0], of_ratio = ratio * hypot(error[2] / slope[2], error[0] / slope[0]);
    tw_evidence_put(f, "hessian_over_minibatches", ratio);
    tw_evidence_put(f, "error_of_ratio", of_ratio);
    f->verdict = !isfinite(ratio) ? TW_UNDECIDED : fabs(ratio - 1) < 0.1 + 2 * of_ratio ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "slope of ln steps over B: minibatches %.3f +- %.3f; Gaussian noise of covariance C/B %.3f +- %.3f, H/B "
             "%.3f +- %.3f, isotropic of C's trace %.3f +- %.3f",
             slope[0], error[0], slope[1], error[1], slope[2], error[2], slope[3], error[3]);
done:
    tw_escape_valley_close(&v);
    return st;
}
