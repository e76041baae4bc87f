// SPDX-License-Identifier: MIT
// The tail index of the stationary law: P(|w| > v) ~ v^-beta.
//
// One step multiplies |w| by |1 - z Q/S| with Q ~ chi^2_S (isotropic D > 1: by [(1 - zQ/S)^2 + z^2 Q R/S^2]^1/2,
// R ~ chi^2_{D-1}), so beta solves E |factor|^beta = 1 (Kesten, Acta Math. 131 (1973) 207): ln E |factor|^b is convex
// in b, zero at 0, and falls there iff E ln |factor| < 0, which is when a stationary law exists at all.
//
// Expectations: s = sqrt(Q/S) has density 2 exp[(S/2) ln(S/2) - lnGamma(S/2) + (S-1) ln s - S s^2/2]; the integral is
// split at the kink s = 1/sqrt(z) and done by tanh-sinh (Takahasi & Mori 1974) in logarithms, with the distance to the
// kink kept exactly. Step halving until two sums agree to 1e-13.
#include "theory/noise.h"

#include <inttypes.h>
#include <math.h>

typedef struct law {
    double z, S, R, log_s,
        log_r; // constants of the two densities; R = D - 1 degrees of freedom across; 0 for one dimension
    double beta;
    bool logarithm; // E ln |factor| instead of ln E |factor|^beta
} law;

typedef struct sum {
    double top, value; // value * exp(top)
} sum;

static void add(sum *s, double exponent, double factor)
{
    if (!(exponent > -1e300)) return;
    if (exponent > s->top) {
        s->value = s->value * exp(s->top - exponent) + factor;
        s->top = exponent;
    } else {
        s->value += factor * exp(exponent - s->top);
    }
}

// Node x in (0, 1) of tanh-sinh at t: distances to both ends and the weight, all without cancellation.
static void node(double t, double *from_low, double *to_high, double *weight)
{
    double u = 1.5707963267948966 * sinh(t), e = exp(-2 * fabs(u)), small = e / (1 + e), large = 1 / (1 + e);
    *from_low = u < 0 ? small : large;
    *to_high = u < 0 ? large : small;
    *weight = 3.141592653589793 * cosh(t) * small * large; // dx/dt = pi cosh t x (1-x)
}

// The integrand at s = low + from_low = high - to_high, added to *into with this weight.
typedef void (*point_fn)(const void *ctx, double from_low, double to_high, double weight, sum *into);

static sum tanh_sinh(point_fn fn, const void *ctx, double length)
{
    sum total = {-INFINITY, 0};
    double before = NAN;
    for (int level = 3; level <= 8; level++) {
        double h = ldexp(1, -level);
        sum now = {-INFINITY, 0};
        for (int i = (int)(-4.2 / h); i <= (int)(4.2 / h); i++) {
            double a, b, w;
            node(i * h, &a, &b, &w);
            if (a > 0 && b > 0 && w > 0) fn(ctx, a * length, b * length, w * h * length, &now);
        }
        total = now;
        double value = log(fabs(now.value)) + now.top;
        if (fabs(value - before) < 1e-13) break;
        before = value;
    }
    return total;
}

typedef struct stretch {
    const law *l;
    double low, high;
    bool kink_at_high; // else at low
} stretch;

typedef struct across {
    const law *l;
    double miss, reach; // 1 - z s^2 (its size), z s / sqrt(S)
} across;

// sqrt(chi^2_k / k) has density exp(log_constant(k) + (k-1) ln s - k s^2/2).
static double log_constant(double k) { return k > 0 ? log(2.) + k / 2 * log(k / 2) - lgamma(k / 2) : 0; }

static double log_density(double constant, double k, double s)
{
    return constant + (k == 1 ? 0 : (k - 1) * log(s)) - k * s * s / 2;
}

static void factor_point(const law *l, double log_factor, double exponent, double weight, sum *into)
{
    if (l->logarithm)
        add(into, exponent, weight * log_factor);
    else
        add(into, exponent + l->beta * log_factor, weight);
}

// R = r^2 (D-1): |factor|^2 = miss^2 + reach^2 R.
static void across_point(const void *ctx, double r, double rest, double weight, sum *into)
{
    const across *c = ctx;
    (void)rest;
    double side = c->reach * r, size = log(c->miss * c->miss + side * side * c->l->R) / 2;
    factor_point(c->l, size, log_density(c->l->log_r, c->l->R, r), weight, into);
}

static void step_point(const void *ctx, double from_low, double to_high, double weight, sum *into)
{
    const stretch *q = ctx;
    const law *l = q->l;
    double s = q->kink_at_high && from_low > to_high ? q->high - to_high : q->low + from_low;
    // 1 - z s^2 = z (kink - s)(kink + s), kink = 1/sqrt(z)
    double kink = 1 / sqrt(l->z), off = q->kink_at_high ? to_high : from_low, miss = l->z * off * (kink + s);
    double exponent = log_density(l->log_s, l->S, s);
    if (l->R == 0) {
        factor_point(l, log(miss), exponent, weight, into);
        return;
    }
    across c = {l, miss, l->z * s / sqrt(l->S)};
    double mode = (l->R + l->beta) / l->R, end = sqrt(mode) + 10 / sqrt(l->R) + 1;
    sum inner = tanh_sinh(across_point, &c, end);
    add(into, exponent + inner.top, weight * inner.value);
}

static double expectation(const law *l)
{
    double kink = 1 / sqrt(l->z);
    // Beyond end the integrand, at most s^(S-1+2 beta) exp(-S s^2/2) up to a factor, is below 1e-20 of its largest.
    double power = l->S - 1 + 2 * l->beta, mode = sqrt(fmax(power, 1) / l->S), width = 1 / sqrt(2 * l->S);
    double end = fmax(kink, mode) + 10 * width + 1 / sqrt(l->S);
    stretch below = {l, 0, kink, true}, above = {l, kink, end, false};
    sum a = tanh_sinh(step_point, &below, kink), b = tanh_sinh(step_point, &above, end - kink);
    sum all = {-INFINITY, 0};
    add(&all, a.top, a.value);
    add(&all, b.top, b.value);
    return l->logarithm ? all.value * exp(all.top) : log(all.value) + all.top;
}

static double kesten_root(law l)
{
    double low = 0, high = 1;
    l.beta = high;
    while (expectation(&l) < 0) {
        low = high;
        high *= 2;
        l.beta = high;
    }
    // In (0, high) the function is convex, negative and then positive. Two points above the root bound it from the left
    // by their chord and from the right by the chord to a point below it; bisection guards the first steps, where low =
    // 0 stands only for a negative slope.
    double f_high = expectation(&l), f_low = 0;
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        double guess = low + (high - low) / 2;
        if (f_low < 0 && i % 3 != 2) guess = low + (high - low) * (f_low / (f_low - f_high));
        if (!(guess > low && guess < high)) break;
        l.beta = guess;
        double f = expectation(&l);
        if (fabs(f) < 1e-15) return guess; // the rounding of f itself
        if (f < 0) {
            low = guess;
            f_low = f;
        } else {
            high = guess;
            f_high = f;
        }
    }
    return low + (high - low) / 2;
}

tw_status tw_noise_tail_index(double a, double lambda, int64_t S, int64_t D, tw_noise_tail *out)
{
    if (!(a > 0 && isfinite(a))) return tw_fail(TW_EINVAL, "a: found %g, expected a positive variance", a);
    if (!(lambda > 0 && isfinite(lambda)))
        return tw_fail(TW_EINVAL, "lambda: found %g, expected a positive number", lambda);
    if (S < 1 || D < 1) return tw_fail(TW_EINVAL, "S, D: found %" PRId64 ", %" PRId64 ", expected at least 1", S, D);
    double z = a * lambda, n = (double)S;
    if (!(z > 1e-8 && z < 1e8)) return tw_fail(TW_EINVAL, "a lambda: found %g, expected a number in (1e-8, 1e8)", z);
    law l = {.z = z,
             .S = n,
             .R = (double)(D - 1),
             .log_s = log_constant(n),
             .log_r = log_constant((double)(D - 1)),
             .logarithm = true};
    double mean = expectation(&l);
    tw_noise_tail v = {0};
    if (D == 1) {
        v.has_estimates = true;
        v.beta_moment = 2 * n / z - n;
        v.beta_continuous = 2 * n / z + 1;
        v.has_log_mean = true;
        v.log_mean = mean;
    }
    if (mean >= 0) {
        v.status = TW_NOISE_NO_STATIONARY_LAW;
    } else {
        l.logarithm = false;
        v.has_exact = true;
        v.beta_exact = kesten_root(l);
        v.second_moment_finite = v.beta_exact > 2;
        v.status = v.second_moment_finite ? TW_NOISE_STABLE : TW_NOISE_NOISE_UNSTABLE;
    }
    *out = v;
    return TW_OK;
}
