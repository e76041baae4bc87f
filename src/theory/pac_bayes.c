// SPDX-License-Identifier: MIT
// The anisotropic PAC-Bayes bound: a Gaussian prior, a Gaussian posterior shaped by the Hessian's diagonal.
//
// With probability 1 - delta, for every posterior Q at once: kl(L^(Q) || L(Q)) <= [KL(Q||P) + ln(xi/delta)] / n, and
//     KL(Q||P) = 1/2 sum_j [ 1/(nu_j s_j) - 1 + ln(nu_j s_j) + (theta_j - theta0_j)^2 / s_j ],   s_j = prior variance.
// nu_j = max(beta H_jj, 1/s_j) makes the first part at most 0; the paper drops it (kl_paper_upper).
// Source: Li et al. 2019, section on generalisation; Maurer 2004 for xi = 2 sqrt(n), Langford 2005 for xi = n + 1.
#include "thalweg/theory_bound.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>

static tw_status check_confidence(const tw_pac_bayes_input *in)
{
    if (in->p < 0) return tw_fail(TW_EINVAL, "p: found %" PRId64 ", expected a number of coordinates", in->p);
    if (in->n < 1) return tw_fail(TW_EINVAL, "n: found %" PRId64 ", expected at least 1 training sample", in->n);
    if (!(in->delta > 0 && in->delta < 1))
        return tw_fail(TW_EINVAL, "delta: found %g, expected a number inside (0, 1)", in->delta);
    if (!(in->gibbs >= 0 && in->gibbs <= 1))
        return tw_fail(TW_EINVAL, "emp_gibbs_loss: found %g, expected a number in [0, 1]", in->gibbs);
    if (!(in->beta >= 0 && isfinite(in->beta)))
        return tw_fail(TW_EINVAL, "beta: found %g, expected a finite number that is not negative", in->beta);
    return TW_OK;
}

static tw_status check_coordinate(const tw_pac_bayes_input *in, int64_t j)
{
    const struct {
        const char *name;
        double x;
    } field[] = {{"theta", in->theta[j]}, {"theta0", in->theta0[j]}, {"hess_diag", in->hess_diag[j]}};
    for (int i = 0; i < 3; i++)
        if (!isfinite(field[i].x))
            return tw_fail(TW_EINVAL, "%s[%" PRId64 "]: found %g, expected a finite number", field[i].name, j,
                           field[i].x);
    double s = in->prior_var[j];
    if (!(s > 0 && isfinite(s) && isfinite(1 / s)))
        return tw_fail(TW_EINVAL, "prior_var[%" PRId64 "]: found %g, expected a positive number", j, s);
    return TW_OK;
}

static tw_status form(double gibbs, double rhs, tw_pac_bayes_form *out)
{
    tw_kl_range range;
    tw_status st = tw_kl_inverse(gibbs, rhs, &range);
    if (st != TW_OK) return st;
    *out = (tw_pac_bayes_form){
        .rhs = rhs, .bound = range.upper, .pinsker = gibbs + sqrt(rhs / 2), .vacuous = range.upper >= 1};
    return TW_OK;
}

tw_status tw_pac_bayes(const tw_pac_bayes_input *in, double *nu, tw_pac_bayes_value *out)
{
    tw_status st = TW_OK;
    tw_pac_bayes_value v = {0};
    double trace_part = 0, n = (double)in->n;

    TW_TRY(check_confidence(in));
    for (int64_t j = 0; j < in->p; j++) {
        TW_TRY(check_coordinate(in, j));
        double s = in->prior_var[j], move = in->theta[j] - in->theta0[j], h = in->beta * in->hess_diag[j];
        bool active = h > 1 / s;
        if (active) {
            v.active++;
            v.effective_curvature += log(h * s);
            trace_part += 1 / (h * s) - 1;
        }
        v.weighted_norm += move * move / s;
        if (nu) nu[j] = active ? h : 1 / s;
    }
    v.kl_exact = (trace_part + v.effective_curvature + v.weighted_norm) / 2;
    v.kl_paper_upper = (v.effective_curvature + v.weighted_norm) / 2;
    TW_TRY(form(in->gibbs, (v.kl_exact + log((n + 1) / in->delta)) / n, &v.langford));
    TW_TRY(form(in->gibbs, (v.kl_exact + log(2 * sqrt(n) / in->delta)) / n, &v.maurer));
    TW_TRY(form(in->gibbs, (v.kl_paper_upper + log((n + 1) / in->delta)) / n, &v.paper));
    *out = v;
done:
    return st;
}

static tw_status check_grid(double c, double b, int64_t imax)
{
    if (!(c > 0 && isfinite(c))) return tw_fail(TW_EINVAL, "c: found %g, expected a positive number", c);
    if (!(b > 0 && isfinite(b))) return tw_fail(TW_EINVAL, "b: found %g, expected a positive number", b);
    if (imax < 1) return tw_fail(TW_EINVAL, "jmax: found %" PRId64 ", expected at least 1", imax);
    return TW_OK;
}

tw_status tw_prior_grid(const tw_pac_bayes_input *in, double c, double b, int64_t imax, tw_prior_choice *out)
{
    tw_status st = TW_OK;
    tw_pac_bayes_input trial = *in;
    tw_prior_choice best = {.index = 0, .bound = INFINITY};
    double *variance = NULL;

    TW_TRY(check_grid(c, b, imax));
    TW_TRY(check_confidence(in));
    TW_TRY(tw_alloc(in->p, sizeof *variance, &variance));
    trial.prior_var = variance;
    for (int64_t i = 1; i <= imax; i++) {
        double scale = c * exp(-(double)i / b);
        for (int64_t j = 0; j < in->p; j++) variance[j] = scale * (in->prior_var ? in->prior_var[j] : 1);
        trial.delta = 6 * in->delta / (9.869604401089358618834 * (double)i * (double)i); // pi^2
        tw_pac_bayes_value v;
        TW_TRY(tw_pac_bayes(&trial, NULL, &v));
        if (best.index == 0 || v.maurer.rhs < best.rhs) // gibbs is fixed: the least right side is the least bound
            best = (tw_prior_choice){.index = i, .variance = scale, .rhs = v.maurer.rhs, .bound = v.maurer.bound};
    }
    *out = best;
done:
    free(variance);
    return st;
}
