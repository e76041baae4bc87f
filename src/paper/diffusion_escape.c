// SPDX-License-Identifier: MIT
// Xie, Sato & Sugiyama, "A Diffusion Theory For Deep Learning Dynamics" (ICLR 2021): claims and rules,
// and their measurements on test landscapes; those on networks are in paper/escape_*.c.
#include "paper/escape.h"

#include "base/alloc.h"
#include "paper/escape_valley.h"
#include "paper/evidence.h"
#include "sim/escape.h"
#include "thalweg/theory_escape.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double quartic[] = {1, 0, -2, 0, 1}, tang[] = {0, 2.5, -8, 0, 0.5};

static void put(tw_finding *f, const char *name, double x)
{
    json_object_set_new(f->evidence, name, isfinite(x) ? json_real(x) : json_null());
}

static void append(tw_finding *f, const char *name, double x)
{
    json_t *list = json_object_get(f->evidence, name);
    if (!list) json_object_set_new(f->evidence, name, list = json_array());
    json_array_append_new(list, isfinite(x) ? json_real(x) : json_null());
}

enum { HORIZON = 20000000 }; // steps; runs that last longer are cut off, and counted as such

static int64_t replicas(const tw_effort *e)
{
    static const int64_t count[] = {400, 2000, 20000};
    return count[e->scale];
}

static tw_escape_problem on_quartic(double D, double absorb)
{
    return (tw_escape_problem){.landscape = {.shape = TW_ESCAPE_POLY, .terms = 5, .coef = quartic},
                               .diffusion = {.law = TW_ESCAPE_CONST, .scale = D},
                               .lo = -3,
                               .start = -1,
                               .absorb = absorb};
}

static tw_escape_problem on_piecewise(double ha, double hb, double scale, tw_escape_convention convention)
{
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_PIECEWISE, .ha = ha, .hb = hb, .dl = 1},
                           .diffusion = {.law = TW_ESCAPE_HESSIAN, .scale = scale},
                           .convention = convention,
                           .lo = -4};
    double c = sqrt(2 * hb / (ha * (ha + hb)));
    p.absorb = 2 * (c + ha * c / hb) - c; // the far side, as deep as the switch
    return p;
}

static tw_escape_chain_spec chain_on(const tw_effort *e, const double *coef, int64_t n, tw_escape_noise noise,
                                     double strength, double eta, double B)
{
    tw_escape_chain_spec c = {.n = n, .terms = 5, .noise = noise, .strength = strength, .eta = eta, .B = B};
    for (int i = 0; i < 5; i++) c.coef[i] = coef[i];
    bool st = coef == tang;
    c.start = st ? -2.9035340277711783 : -1;
    c.absorb = st ? 0.15673125678034014 : 0;
    c.lo = st ? -5.5 : -2.6;
    c.seed = e->seed;
    return c;
}

// ln of the mean steps, its standard error, and the exact chain's where there is one (else NAN).
static tw_status measure_point(const tw_effort *e, const tw_escape_chain_spec *c, double dead, tw_finding *f,
                               double *ln_tau, double *se)
{
    tw_status st = TW_OK;
    int64_t n = replicas(e), *steps = NULL, alive = 0;
    bool *escaped = NULL;
    double *t = NULL;
    tw_escape_rate rate;
    TW_TRY(tw_alloc(n, sizeof *steps, &steps));
    TW_TRY(tw_alloc(n, sizeof *escaped, &escaped));
    TW_TRY(tw_alloc(n, sizeof *t, &t));
    TW_TRY(tw_escape_simulate(c, n, HORIZON, &e->progress, steps, escaped));
    for (int64_t i = 0; i < n; i++) {
        if ((double)steps[i] <= dead) continue;
        t[alive] = (double)steps[i] - dead;
        escaped[alive++] = escaped[i];
    }
    TW_TRY(tw_escape_rate_mle(alive, t, escaped, &rate));
    *ln_tau = rate.ln_tau;
    *se = rate.se_ln_tau;
    append(f, "ln_steps", rate.ln_tau);
    append(f, "se", rate.se_ln_tau);
done:
    free(steps);
    free(escaped);
    free(t);
    return st;
}

// ---- theorem 3.1 ---------------------------------------------------------------------------------------------------

static tw_status kramers_time(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    const double ha = 8, hb = -4;
    double full, half, last = 0;
    tw_escape_time exact;
    tw_escape_splitting split;
    for (double exponent = 5; exponent <= 40; exponent *= 2) {
        tw_escape_problem p = on_quartic(1 / exponent, 1);
        TW_TRY(tw_escape_kramers(1, &ha, &hb, 1, 1 / exponent, &full, &half));
        TW_TRY(tw_escape_mfpt(&p, &exact));
        last = exact.mean / full;
        append(f, "exponent", exponent);
        append(f, "exact_over_formula", last);
    }
    tw_escape_problem p = on_quartic(0.05, 0);
    p.lo = -2.6;
    tw_escape_chain_spec c = chain_on(e, quartic, 1, TW_ESCAPE_WHITE, 0.05, 0.01, 1);
    TW_TRY(tw_escape_chain(&p, c.eta, &exact));
    TW_TRY(tw_escape_split(&c, 16, e->scale == TW_SMOKE ? 200 : 1000, NULL, NULL, &e->progress, &split));
    put(f, "chain_exact_steps", exact.mean);
    put(f, "chain_split_low", split.lo);
    put(f, "chain_split_high", split.hi);
    bool limit = fabs(last - 1) < 0.02, seen = split.rare && split.lo <= exact.mean && exact.mean <= split.hi;
    f->verdict = !limit ? TW_CONTRADICTED : seen ? TW_HOLDS : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "exact time over formula %.4f at dL/D = 40; chain at dL/D = 20: splitting [%.3g, %.3g] steps, exact %.3g",
             last, split.lo, split.hi, exact.mean);
done:
    return st;
}

// ---- theorem 3.2 ---------------------------------------------------------------------------------------------------

static tw_status piecewise_exponent(const tw_effort *e, tw_finding *f)
{
    (void)e;
    tw_status st = TW_OK;
    tw_escape_time a, b;
    tw_escape_ddt da, db;
    const double ha = 4, hb = 1, s = hb / (ha + hb);
    tw_escape_problem rough = on_piecewise(ha, hb, 0.02, TW_ESCAPE_ITO),
                      fine = on_piecewise(ha, hb, 0.01, TW_ESCAPE_ITO);
    TW_TRY(tw_escape_mfpt(&rough, &a));
    TW_TRY(tw_escape_mfpt(&fine, &b));
    TW_TRY(tw_escape_ddt_time(1, ha, hb, s, 0.04, 1, &da));
    TW_TRY(tw_escape_ddt_time(1, ha, hb, s, 0.02, 1, &db));
    double slope = (b.log_mean - a.log_mean) / (db.exponent - da.exponent);
    put(f, "slope", slope);
    f->verdict = fabs(slope - 1) < 0.02 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "ln of the exact time rises %.4f times as fast as the formula's exponent, from %.1f to %.1f", slope,
             da.exponent, db.exponent);
done:
    return st;
}

static tw_status piecewise_prefactor(const tw_effort *e, tw_finding *f)
{
    (void)e;
    tw_status st = TW_OK;
    const double h[][2] = {{4, 1}, {1, 4}, {1, 1}};
    double ratio[3];
    for (int i = 0; i < 3; i++) {
        tw_escape_time t;
        tw_escape_ddt d;
        tw_escape_problem p = on_piecewise(h[i][0], h[i][1], 0.02, TW_ESCAPE_ITO);
        TW_TRY(tw_escape_mfpt(&p, &t));
        TW_TRY(tw_escape_ddt_time(1, h[i][0], h[i][1], h[i][1] / (h[i][0] + h[i][1]), 0.04, 1, &d));
        ratio[i] = exp(t.log_mean - log(d.tau_time));
        append(f, "exact_over_formula", ratio[i]);
        append(f, "hb_over_ha", h[i][1] / h[i][0]);
    }
    bool right = fabs(ratio[0] - 1) < 0.1 && fabs(ratio[1] - 1) < 0.1;
    f->verdict = right ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "exact Ito time over formula: %.3f at H_a/H_b = 4/1, %.3f at 1/4, %.3f at 1/1: about |H_b|/H_a", ratio[0],
             ratio[1], ratio[2]);
done:
    return st;
}

static tw_status smooth_exponent(const tw_effort *e, tw_finding *f)
{
    (void)e;
    tw_status st = TW_OK;
    const double eta = 0.2;
    double phi = 0;
    tw_escape_ddt well, barrier;
    TW_TRY(tw_escape_ddt_time(1, 8, 4, 1, eta, 1, &well));
    TW_TRY(tw_escape_ddt_time(1, 8, 4, 0, eta, 1, &barrier));
    for (double delta = 1; delta > 5e-3; delta /= 10) {
        tw_escape_time t;
        tw_escape_problem p = on_quartic(0, 0);
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_ABS_HESS, .scale = eta / 2, .delta = delta};
        TW_TRY(tw_escape_mfpt(&p, &t));
        phi = t.exponent;
        append(f, "delta", delta);
        append(f, "exponent", phi);
    }
    f->verdict = phi >= well.exponent && phi <= barrier.exponent ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "quartic, D = eta sqrt(H^2 + delta^2)/2B: exponent %.2f at delta = 0.01 and growing; formula %.2f (s = 1) "
             "to %.2f "
             "(s = 0)",
             phi, well.exponent, barrier.exponent);
done:
    return st;
}

// ---- laws ----------------------------------------------------------------------------------------------------------

enum { POINTS = 5 };

static void judge_line(const tw_escape_line *line, const tw_escape_line *rival, const char *what, tw_finding *f)
{
    put(f, "slope", line->slope);
    put(f, "se_slope", line->se_slope);
    put(f, "chi2", line->chi2);
    put(f, "chi2_rival", rival->chi2);
    f->verdict = tw_escape_line_verdict(line, rival);
    snprintf(f->measured, sizeof f->measured,
             "slope %.4g +- %.2g over %s; chi2 %.1f on %" PRId64 ", of a line in the logarithm %.0f", line->slope,
             line->se_slope, what, line->chi2, line->dof, rival->chi2);
}

// Quartic, gradient noise of covariance sqrt(L''^2 + 16)/B: ln(eta T) against x, or against ln x.
static tw_status law(const tw_effort *e, bool over_batch, tw_finding *f)
{
    tw_status st = TW_OK;
    double x[POINTS], lx[POINTS], y[POINTS], se[POINTS];
    tw_escape_line line, rival;
    for (int i = 0; i < POINTS; i++) {
        double B = over_batch ? 2 + 0.5 * i : 1, eta = over_batch ? 0.1 : 1 / (8.0 + 4 * i);
        tw_escape_chain_spec c = chain_on(e, quartic, 1, TW_ESCAPE_SHARP, 4, eta, B);
        TW_TRY(measure_point(e, &c, ceil(5 / (8 * eta)), f, &y[i], &se[i]));
        y[i] += log(eta);
        x[i] = over_batch ? B : 1 / eta;
        lx[i] = log(x[i]);
        append(f, "x", x[i]);
    }
    TW_TRY(tw_escape_fit(POINTS, x, y, se, &line));
    TW_TRY(tw_escape_fit(POINTS, lx, y, se, &rival));
    judge_line(&line, &rival, over_batch ? "B" : "1/eta", f);
done:
    return st;
}

static tw_status linear_in_batch(const tw_effort *e, tw_finding *f) { return law(e, true, f); }
static tw_status linear_in_step(const tw_effort *e, tw_finding *f) { return law(e, false, f); }

// The runs over k, made on landscapes that are really scaled, beside those over eta.
static tw_status sharpness_law(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    int64_t n = replicas(e), *a = NULL, *b = NULL, differ = 0;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(n, sizeof *a, &a));
    TW_TRY(tw_alloc(n, sizeof *b, &b));
    TW_TRY(tw_alloc(n, sizeof *escaped, &escaped));
    for (int i = 0; i < 2; i++) {
        double k = i ? 16 : 4, root = sqrt(k);
        tw_escape_chain_spec one = chain_on(e, quartic, 1, TW_ESCAPE_SHARP, 1, 0.08, 2), scaled = one;
        scaled.eta = one.eta / k;
        for (int j = 0; j < 5; j++) scaled.coef[j] = one.coef[j] * pow(root, j);
        scaled.start = one.start / root;
        scaled.absorb = one.absorb / root;
        scaled.lo = one.lo / root;
        scaled.strength = k * one.strength;
        TW_TRY(tw_escape_simulate(&one, n, (int64_t)1 << 40, &e->progress, a, escaped));
        TW_TRY(tw_escape_simulate(&scaled, n, (int64_t)1 << 40, &e->progress, b, escaped));
        for (int64_t j = 0; j < n; j++) differ += a[j] != b[j];
    }
    put(f, "replicas", (double)(2 * n));
    put(f, "different", (double)differ);
    // Evidence of its own is what the claim is about.
    f->verdict = differ == 0 ? TW_CONTRADICTED : TW_HOLDS;
    snprintf(f->measured, sizeof f->measured,
             "%" PRId64 " of %" PRId64
             " escapes at k = 4 and 16 take other numbers of steps than at k = 1 with the step k eta",
             differ, 2 * n);
done:
    free(a);
    free(b);
    free(escaped);
    return st;
}

static tw_status langevin_law(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    double x[POINTS], y[POINTS], se[POINTS];
    tw_escape_line line;
    for (int i = 0; i < POINTS; i++) { // k eta small: the chain is then the SDE up to O(sqrt(k eta))
        double k = pow(2, i), eta = 0.0005 * k;
        tw_escape_chain_spec c = chain_on(e, quartic, 1, TW_ESCAPE_WHITE, 0.25, eta, 1);
        TW_TRY(measure_point(e, &c, ceil(5 / (8 * eta)), f, &y[i], &se[i]));
        x[i] = log(k);
        append(f, "k", k);
    }
    TW_TRY(tw_escape_fit(POINTS, x, y, se, &line));
    put(f, "slope", line.slope);
    put(f, "se_slope", line.se_slope);
    double off = fabs(line.slope + 1), allowed = 0.05 + 2 * line.se_slope;
    f->verdict = off < allowed ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured, "ln steps falls with slope %.3f +- %.3f in ln k, chi2 %.1f on %" PRId64,
             line.slope, line.se_slope, line.chi2, line.dof);
done:
    return st;
}

static tw_status rates_add(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_escape_time one;
    double ln_tau, se;
    tw_escape_chain_spec c = chain_on(e, tang, 10, TW_ESCAPE_WHITE, 4.5, 0.002, 1);
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 5, .coef = tang},
                           .diffusion = {.law = TW_ESCAPE_CONST, .scale = 4.5},
                           .lo = c.lo,
                           .start = c.start,
                           .absorb = c.absorb};
    TW_TRY(tw_escape_chain(&p, c.eta, &one));
    TW_TRY(measure_point(e, &c, ceil(5 / (c.eta * 34.583)), f, &ln_tau, &se));
    double ratio = one.mean / (10 * exp(ln_tau)), error = ratio * se;
    put(f, "ratio", ratio);
    put(f, "se", error);
    f->verdict = fabs(ratio - 1) < 0.03 + 2 * error ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured, "T_1 / (10 T_10) = %.3f +- %.3f on Styblinski-Tang at dL/D = 8.7", ratio,
             error);
done:
    return st;
}

// Wells of one depth and one barrier top |H_b| = 1, of sharpness 1/4 to 4, all seen from the same place beyond the top.
static tw_status flat_minima(const tw_effort *e, tw_finding *f)
{
    (void)e;
    tw_status st = TW_OK;
    double per[POINTS], ln[POINTS], sgd[POINTS], white[POINTS], one[POINTS];
    tw_escape_line exponential, power;
    json_t *figure =
        tw_evidence_figure(f, "Time in a well over its sharpness", "piecewise quadratic, |H_b| = 1, exact SDE",
                           "sharpness of the well H_a", TW_LOG_X, "ln of the mean time", NULL);
    for (int i = 0; i < POINTS; i++) {
        double ha = 0.25 * pow(2, i), c = 0.01;
        tw_escape_time t;
        tw_escape_ddt formula;
        tw_escape_problem p = on_piecewise(ha, 1, c, TW_ESCAPE_ITO);
        p.lo = -12;
        TW_TRY(tw_escape_mfpt(&p, &t));
        TW_TRY(tw_escape_ddt_time(1, ha, 1, 1 / (ha + 1), 2 * c, 1, &formula));
        per[i] = formula.exponent;
        sgd[i] = t.log_mean + log(ha); // the prefactor of an Ito SDE is 2 pi / H_a
        tw_evidence_x(figure, ha);
        tw_evidence_dot(figure, 0, "noise eta |H| / 2B", t.log_mean, 0);
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_CONST, .scale = 0.05};
        TW_TRY(tw_escape_mfpt(&p, &t));
        ln[i] = log(ha);
        white[i] = t.log_mean;
        one[i] = 1;
        tw_evidence_dot(figure, 0, "white noise", white[i], 0);
        append(f, "h_a", ha);
        append(f, "formula_exponent", per[i]);
        append(f, "sgd_ln_time_ha", sgd[i]);
        append(f, "white_ln_time", white[i]);
    }
    TW_TRY(tw_escape_fit(POINTS, per, sgd, one, &exponential));
    TW_TRY(tw_escape_fit(POINTS, ln, white, one, &power));
    put(f, "sgd_slope", exponential.slope);
    put(f, "white_slope", power.slope);
    f->verdict = fabs(exponential.slope - 1) < 0.02 && fabs(power.slope + 0.5) < 0.01 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(
        f->measured, sizeof f->measured,
        "exact SDE, sharpness 1/4 to 4 of the well alone: ln T rises by %.4f times the formula's exponent under D = "
        "eta |H|/2B, from %.1f to %.1f; under white noise it falls with slope %.4f in ln H_a",
        exponential.slope, sgd[POINTS - 1], sgd[0], power.slope);
done:
    return st;
}

// ---- selection -----------------------------------------------------------------------------------------------------

// Three wells in a row: shares by quadrature of e^(-L/D), and by mean escape times.
static tw_status selection(const tw_effort *e, tw_finding *f)
{
    (void)e;
    tw_status st = TW_OK;
    // L' = 3 (x + 2)(x + 1) x (x - 1.0853)(x - 2.1): outer wells of one depth at -2 and 2.1, a middle one at 0, and
    // saddles of different heights at -1 and 1.0853.
    const double root[] = {-2, -1, 0, 1.0853, 2.1};
    double slope[7] = {3}, coef[7] = {0}, mirrored[7], share[3] = {0}, tau[3], all = 0, taus = 0;
    const double D = 0.7;
    for (int i = 0; i < 5; i++) // times (x - root)
        for (int k = i + 1; k >= 0; k--) slope[k] = (k > 0 ? slope[k - 1] : 0) - root[i] * slope[k];
    for (int k = 0; k < 6; k++) coef[k + 1] = slope[k] / (k + 1);
    for (int k = 0; k < 7; k++) mirrored[k] = k % 2 ? -coef[k] : coef[k];
    tw_escape_landscape l = {.shape = TW_ESCAPE_POLY, .terms = 7, .coef = coef},
                        m = {.shape = TW_ESCAPE_POLY, .terms = 7, .coef = mirrored};
    double least = fmin(tw_escape_value(&l, 0, -2), fmin(0, tw_escape_value(&l, 0, 2.1)));
    for (int i = 0; i < 60000; i++) { // midpoints: the integrand vanishes at both ends
        double x = -3 + 6.2 * (i + 0.5) / 60000, w = exp((least - tw_escape_value(&l, 0, x)) / D);
        share[x < root[1] ? 0 : x < root[3] ? 1 : 2] += w;
        all += w;
    }
    for (int v = 0; v < 3; v++) {
        double rate = 0;
        for (int side = 0; side < 2; side++) { // to the right, and to the left on the mirrored landscape
            int at = 2 * v, to = side ? at - 1 : at + 1;
            if (to < 0 || to > 4) continue;
            double sign = side ? -1 : 1,
                   behind = side ? (at + 1 > 4 ? 3.2 : root[at + 1]) : (at - 1 < 0 ? -3 : root[at - 1]);
            tw_escape_time t;
            tw_escape_problem p = {.landscape = side ? m : l,
                                   .diffusion = {.law = TW_ESCAPE_CONST, .scale = D},
                                   .lo = sign * behind,
                                   .start = sign * root[at],
                                   .absorb = sign * root[to]};
            TW_TRY(tw_escape_mfpt(&p, &t));
            rate += 1 / (2 * t.mean); // half of those on the saddle return
        }
        tau[v] = 1 / rate;
        taus += tau[v];
    }
    double off = 0;
    for (int v = 0; v < 3; v++) {
        share[v] /= all;
        tau[v] /= taus;
        off = fmax(off, fabs(share[v] - tau[v]));
        append(f, "stationary_share", share[v]);
        append(f, "tau_share", tau[v]);
    }
    f->verdict = off < 0.05 ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "three wells: stationary shares %.3f, %.3f, %.3f; proportional to escape times %.3f, %.3f, %.3f", share[0],
             share[1], share[2], tau[0], tau[1], tau[2]);
done:
    return st;
}

#define LINEAR \
    "chi2/dof < 2, and a line in the logarithm worse by more than 10, for logistic regression and a network; points \
whose times are not exponential are left out"

static const tw_claim claims[] = {
    {"white-noise-time", "theorem 3.1: white noise leaves after 2 pi sqrt(-det H_b / det H_a) e^(dL/D) / |H_be|",
     "exact time over formula within 2 % of 1 at dL/D = 40, and the simulated chain's 95 % interval holds its exact "
     "time",
     kramers_time, NULL},
    {"sgd-exponent", "theorem 3.2: for D = eta H / 2B the exponent is (2B dL/eta)(s/H_ae + (1-s)/|H_be|)",
     "on the piecewise quadratic well the slope of ln T in it is within 2 % of 1", piecewise_exponent, NULL},
    {"sgd-exponent-smooth", "theorem 3.2 with some s in (0, 1) on a smooth landscape with D = eta |H| / 2B",
     "the exact exponent on the quartic lies between those of s = 1 and s = 0", smooth_exponent, NULL},
    {"sgd-prefactor", "theorem 3.2: the prefactor is 2 pi / |H_be|",
     "exact Ito time over formula within 10 % of 1 at H_a/H_b = 4 and 1/4", piecewise_prefactor, NULL},
    {"linear-in-batch", "-ln rate is linear in the batch size",
     "chi2/dof < 2, and a line in ln B worse by more than 10", linear_in_batch, NULL},
    {"linear-in-step", "-ln rate is linear in 1/eta", "chi2/dof < 2, and a line in ln(1/eta) worse by more than 10",
     linear_in_step, NULL},
    {"sharpness-evidence", "-ln rate linear in 1/k is evidence of its own for noise that follows the Hessian",
     "runs at k differ from runs at the step k eta", sharpness_law, NULL},
    {"langevin-power", "under white noise the rate is proportional to k",
     "slope of ln T in ln k within 0.05 and 2 se of -1", langevin_law, NULL},
    {"rates-add", "rates of several exits add", "T_1 / (n T_n) within 0.03 and 2 se of 1 in ten dimensions", rates_add,
     NULL},
    {"selection", "valleys are occupied in proportion to their mean escape times",
     "shares of three wells within 0.05 of the stationary ones", selection, NULL},
    {"flat-minima", "SGD prefers flat minima exponentially, white noise polynomially",
     "ln T over 1/H_a is a line under D = eta |H|/2B to 2 %, and over ln H_a one of slope -1/2 to 2 % under white "
     "noise",
     flat_minima, NULL},
    {"covariance-pretrained", "near a minimum the covariance of gradients is the Hessian over B: a straight line",
     "correlation of u'Cu with lambda over the Hessian's eigenvectors at least 0.9",
     tw_escape_claim_covariance_pretrained, NULL},
    {"covariance-equal", "and its slope is 1", "slope <C, H>/<H, H> within 10 % of 1 at the end of training",
     tw_escape_claim_covariance_equal, NULL},
    {"covariance-random", "a random network still shows the trend",
     "correlation of u'Cu with lambda over the Hessian's eigenvectors at least 0.5", tw_escape_claim_covariance_random,
     NULL},
    {"covariance-labels", "(exact theory) C = H/B where labels are as the model says",
     "slope within 10 % of 1 and correlation of u'Cu with lambda at least 0.9", tw_escape_claim_covariance_labels,
     NULL},
    {"banknote-covariance", "near a minimum C = H/B: Banknote Authentication",
     "correlation of entries above 0.9 and slope within 10 % of 1, for logistic regression and a network",
     tw_escape_claim_banknote_covariance, NULL},
    {"banknote-batch", "-ln rate is linear in B: Banknote Authentication", LINEAR, tw_escape_claim_banknote_batch,
     NULL},
    {"banknote-step", "-ln rate is linear in 1/eta: Banknote Authentication", LINEAR, tw_escape_claim_banknote_step,
     NULL},
    {"banknote-sharpness", "-ln rate is linear in 1/k: Banknote Authentication", LINEAR,
     tw_escape_claim_banknote_sharpness, NULL},
    {"cardiotocography-covariance", "near a minimum C = H/B: Cardiotocography",
     "correlation of entries above 0.9 and slope within 10 % of 1, for logistic regression and a network",
     tw_escape_claim_cardiotocography_covariance, NULL},
    {"cardiotocography-batch", "-ln rate is linear in B: Cardiotocography", LINEAR,
     tw_escape_claim_cardiotocography_batch, NULL},
    {"cardiotocography-step", "-ln rate is linear in 1/eta: Cardiotocography", LINEAR,
     tw_escape_claim_cardiotocography_step, NULL},
    {"cardiotocography-sharpness", "-ln rate is linear in 1/k: Cardiotocography", LINEAR,
     tw_escape_claim_cardiotocography_sharpness, NULL},
    {"avila-covariance", "near a minimum C = H/B: Avila",
     "correlation of entries above 0.9 and slope within 10 % of 1, for logistic regression and a network",
     tw_escape_claim_avila_covariance, NULL},
    {"avila-batch", "-ln rate is linear in B: Avila", LINEAR, tw_escape_claim_avila_batch, NULL},
    {"avila-step", "-ln rate is linear in 1/eta: Avila", LINEAR, tw_escape_claim_avila_step, NULL},
    {"avila-sharpness", "-ln rate is linear in 1/k: Avila", LINEAR, tw_escape_claim_avila_sharpness, NULL},
    {"sensorless-covariance", "near a minimum C = H/B: Sensorless Drive Diagnosis",
     "correlation of entries above 0.9 and slope within 10 % of 1, for logistic regression and a network",
     tw_escape_claim_sensorless_covariance, NULL},
    {"sensorless-batch", "-ln rate is linear in B: Sensorless Drive Diagnosis", LINEAR,
     tw_escape_claim_sensorless_batch, NULL},
    {"sensorless-step", "-ln rate is linear in 1/eta: Sensorless Drive Diagnosis", LINEAR,
     tw_escape_claim_sensorless_step, NULL},
    {"sensorless-sharpness", "-ln rate is linear in 1/k: Sensorless Drive Diagnosis", LINEAR,
     tw_escape_claim_sensorless_sharpness, NULL},
    {"network-langevin", "SGD's times depend on sharpness exponentially, those under white noise as its power",
     "white noise: slope of ln T in ln k within 0.05 and 2 se of -1; minibatches: times grow by more than the power's "
     "4 "
     "from k = 4 to 1",
     tw_escape_claim_network_langevin, NULL},
    {"network-noise", "noise of covariance H/B drives escapes as minibatches do",
     "slope of ln T over B within 10 % and 2 se of that of minibatches", tw_escape_claim_network_noise, NULL},
};

const tw_paper tw_paper_diffusion_escape = {
    .name = "diffusion-escape",
    .title = "A diffusion theory for deep learning dynamics (Xie, Sato & Sugiyama 2021)",
    .claims = sizeof claims / sizeof *claims,
    .claim = claims,
    .seeds = {1, 3, 5},
};
