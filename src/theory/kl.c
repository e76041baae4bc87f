// SPDX-License-Identifier: MIT
// kl between two coins and its inverse, without cancellation.
//
// With d = p - q and u(x) = x - ln(1 + x) >= 0,
//     kl(q || p) = q ln(q/p) + (1-q) ln((1-q)/(1-p)) = q u(d/q) + (1-q) u(-d/(1-q)),
// a sum of two terms that are not negative, so nothing cancels for p near q. The derivative is d / (p (1-p)).
#include "thalweg/theory_bound.h"

#include "base/status.h"
#include <float.h>
#include <math.h>

// x - ln(1+x). Below 0.1 the difference would lose digits and the series x^2/2 - x^3/3 + ... takes over.
static double u(double x)
{
    if (fabs(x) >= 0.1) return x - log1p(x);
    double sum = 0, power = x * x;
    for (int j = 2; j < 40; j++, power *= -x) { // 0.1^40 is far below a rounding of x^2/2
        double term = power / j;
        sum += term;
        if (fabs(term) < 1e-18 * sum) break;
    }
    return sum;
}

// q and its complement separately: a complement that was given exactly must not be rounded away.
static double kl_shift(double q, double qc, double d)
{
    double left = q > 0 ? q * u(d / q) : d, right = qc > 0 ? (d < qc ? qc * u(-d / qc) : INFINITY) : -d;
    return left + right;
}

tw_status tw_kl(double q, double p, double *out)
{
    if (!(q >= 0 && q <= 1)) return tw_fail(TW_EINVAL, "kl: q: found %g, expected a number in [0, 1]", q);
    if (!(p >= 0 && p <= 1)) return tw_fail(TW_EINVAL, "kl: p: found %g, expected a number in [0, 1]", p);
    if (p == q)
        *out = 0;
    else if ((p == 0 && q > 0) || (p == 1 && q < 1))
        *out = INFINITY;
    else if (q == 0)
        *out = -log1p(-p);
    else if (q == 1)
        *out = -log(p);
    else
        *out = kl_shift(q, 1 - q, p - q);
    return TW_OK;
}

// 1 - p keeps at least half of 1 - q: Newton in d = p - q, kept inside a bracket.
static double invert_shift(double q, double qc, double c)
{
    double low = 0, high = qc, d = fmin(sqrt(c / 2), qc / 2); // Pinsker: kl >= 2 d^2
    for (int i = 0; i < 200; i++) {
        double excess = kl_shift(q, qc, d) - c;
        if (excess > 0)
            high = d;
        else
            low = d;
        double next = d - excess * (q + d) * (qc - d) / d;
        if (!(next > low && next < high)) next = (low + high) / 2;
        bool done = fabs(next - d) <= DBL_EPSILON * d / 2 || next == low || next == high;
        d = next;
        if (done) break;
    }
    return d;
}

// 1 - p is less than half of 1 - q, so it is found itself: Newton in r = ln(1-p), where kl is almost a straight line
// with slope -(p-q)/p.
static double invert_log_tail(double q, double qc, double c)
{
    double log_q = qc < 0.5 ? log1p(-qc) : log(q);
    double low = log(qc) - c / qc - 1, high = log(qc), r = log(qc) - c / qc;
    for (int i = 0; i < 200; i++) {
        double tail = exp(r), excess = q * (log_q - log1p(-tail)) + qc * (log(qc) - r) - c;
        if (excess > 0)
            low = r;
        else
            high = r;
        double next = r + excess * (1 - tail) / (qc - tail);
        if (!(next > low && next < high)) next = (low + high) / 2;
        bool done = fabs(next - r) <= 4 * DBL_EPSILON * fabs(r);
        r = next;
        if (done) break;
    }
    return r;
}

// The upper inverse p and its complement t = 1 - p.
static void upper(double q, double qc, double c, double *p, double *t)
{
    if (c <= 0) {
        *p = q;
        *t = qc;
    } else if (qc <= 0 || isinf(c)) {
        *p = 1;
        *t = 0;
    } else if (q <= 0) {
        *p = -expm1(-c);
        *t = exp(-c);
    } else if (c <= kl_shift(q, qc, qc / 2)) {
        double d = invert_shift(q, qc, c);
        *p = q + d;
        *t = qc - d;
    } else {
        double r = invert_log_tail(q, qc, c);
        *p = -expm1(r);
        *t = exp(r);
    }
}

tw_status tw_kl_inverse(double q, double c, tw_kl_range *out)
{
    if (!(q >= 0 && q <= 1)) return tw_fail(TW_EINVAL, "kl inverse: q: found %g, expected a number in [0, 1]", q);
    if (!(c >= 0)) return tw_fail(TW_EINVAL, "kl inverse: c: found %g, expected a number that is not negative", c);
    double mirrored;
    upper(q, 1 - q, c, &out->upper, &out->one_minus_upper);
    upper(1 - q, q, c, &mirrored, &out->lower); // p-(q) = 1 - p+(1-q)
    return TW_OK;
}

tw_status tw_gibbs_upper(int64_t errors, int64_t draws, double delta, double *out)
{
    if (draws < 1) return tw_fail(TW_EINVAL, "draws: found %lld, expected at least 1", (long long)draws);
    if (errors < 0 || errors > draws)
        return tw_fail(TW_EINVAL, "errors: found %lld, expected 0 to %lld", (long long)errors, (long long)draws);
    if (!(delta > 0 && delta < 1)) return tw_fail(TW_EINVAL, "delta: found %g, expected a number inside (0, 1)", delta);
    tw_kl_range range;
    tw_status st = tw_kl_inverse((double)errors / (double)draws, log(2 / delta) / (double)draws, &range);
    if (st == TW_OK) *out = range.upper;
    return st;
}
