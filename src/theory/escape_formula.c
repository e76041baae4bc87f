// SPDX-License-Identifier: MIT
// Closed forms: the paper's two theorems, rates from censored times, and straight lines through them.
#include "theory/escape.h"

#include "theory/gamma.h"
#include <inttypes.h>
#include <math.h>

static tw_status positive(const char *what, double x)
{
    if (x > 0 && isfinite(x)) return TW_OK;
    return tw_fail(TW_EINVAL, "%s: found %g, expected a positive number", what, x);
}

tw_status tw_escape_kramers(int64_t n, const double *ha, const double *hb, double dl, double D, double *full,
                            double *to_saddle)
{
    tw_status st = TW_OK;
    double log_ratio = 0;
    if (n < 1) return tw_fail(TW_EINVAL, "kramers: found no eigenvalues, expected at least one");
    TW_TRY(positive("dL", dl));
    TW_TRY(positive("D", D));
    if (!(hb[0] < 0) || !isfinite(hb[0]))
        return tw_fail(TW_EINVAL, "Hb_eigs[0]: found %g, expected a negative number, the escape direction", hb[0]);
    for (int64_t i = 0; i < n; i++) {
        TW_TRY(positive("Ha_eigs", ha[i]));
        if (i > 0) TW_TRY(positive("Hb_eigs behind the first", hb[i]));
        log_ratio += log(fabs(hb[i])) - log(ha[i]);
    }
    double log_tau = log(2 * M_PI) + log_ratio / 2 - log(-hb[0]) + dl / D;
    if (log_tau > 709) return tw_fail(TW_ENUMERIC, "kramers: a time of e^%.6g is beyond what a double holds", log_tau);
    *full = 2 * M_PI * exp(log_ratio / 2) / -hb[0] * exp(dl / D);
    *to_saddle = *full / 2;
done:
    return st;
}

tw_status tw_escape_ddt_time(double dl, double hae, double hbe_abs, double s, double eta, double B, tw_escape_ddt *out)
{
    tw_status st = TW_OK;
    TW_TRY(positive("dL", dl));
    TW_TRY(positive("Hae", hae));
    TW_TRY(positive("Hbe_abs", hbe_abs));
    TW_TRY(positive("eta", eta));
    TW_TRY(positive("B", B));
    if (!(s >= 0 && s <= 1)) return tw_fail(TW_EINVAL, "s: found %g, expected a share in [0, 1]", s);
    double exponent = 2 * B * dl / eta * (s / hae + (1 - s) / hbe_abs), time = 2 * M_PI / hbe_abs * exp(exponent);
    if (!isfinite(time / eta))
        return tw_fail(TW_ENUMERIC, "ddt: a time of e^%.6g is beyond what a double holds", exponent);
    *out = (tw_escape_ddt){exponent, time, time / eta};
done:
    return st;
}

tw_status tw_escape_rate_mle(int64_t n, const double *duration, const bool *event, tw_escape_rate *out)
{
    tw_escape_rate r = {0};
    if (n < 1) return tw_fail(TW_EINVAL, "durations: found none, expected at least one");
    for (int64_t i = 0; i < n; i++) {
        if (!(duration[i] >= 0) || !isfinite(duration[i]))
            return tw_fail(TW_EINVAL, "durations[%" PRId64 "]: found %g, expected a number of at least 0", i,
                           duration[i]);
        r.exposure += duration[i];
        r.events += event[i];
    }
    if (!(r.exposure > 0)) return tw_fail(TW_EINVAL, "durations: found a sum of 0, expected a positive one");
    double events = (double)r.events;
    r.rate = events / r.exposure;
    r.lo = tw_chi2_quantile(2 * events, 0.025) / (2 * r.exposure);
    r.hi = tw_chi2_quantile(2 * events + 2, 0.975) / (2 * r.exposure);
    r.ln_tau = r.events ? log(r.exposure / events) : NAN;
    r.se_ln_tau = r.events ? 1 / sqrt(events) : NAN;
    *out = r;
    return TW_OK;
}

// U = r + sum d ln t - g sum t ln t and its information, with the rate g estimated.
tw_status tw_escape_weibull(int64_t n, const double *duration, const bool *event, double *z)
{
    double events = 0, exposure = 0, score = 0, first = 0, second = 0;
    if (n < 1) return tw_fail(TW_EINVAL, "durations: found none, expected at least one");
    for (int64_t i = 0; i < n; i++) {
        double t = duration[i];
        if (!(t >= 0) || !isfinite(t))
            return tw_fail(TW_EINVAL, "durations[%" PRId64 "]: found %g, expected a number of at least 0", i, t);
        if (t == 0) continue;
        events += event[i];
        exposure += t;
        score += event[i] ? log(t) : 0;
        first += t * log(t);
        second += t * log(t) * log(t);
    }
    if (!(events > 0)) {
        *z = NAN;
        return TW_OK;
    }
    double g = events / exposure, information = events + g * second - first * first * g * g / events;
    *z = (events + score - g * first) / sqrt(information);
    return TW_OK;
}

tw_status tw_escape_fit(int64_t n, const double *x, const double *y, const double *se, tw_escape_line *out)
{
    tw_escape_line l = {.dof = n - 2};
    double sum = 0, mx = 0, my = 0, xx = 0, xy = 0, yy = 0;
    if (n < 3) return tw_fail(TW_EINVAL, "line: found %" PRId64 " points, expected at least 3", n);
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]) || !isfinite(se[i]) || !(se[i] > 0))
            return tw_fail(TW_EINVAL,
                           "line: point %" PRId64 ": found x = %g, y = %g, se = %g, expected finite numbers "
                           "and se > 0",
                           i, x[i], y[i], se[i]);
        double w = 1 / (se[i] * se[i]);
        sum += w;
        mx += w * x[i];
        my += w * y[i];
    }
    mx /= sum;
    my /= sum;
    for (int64_t i = 0; i < n; i++) {
        double w = 1 / (se[i] * se[i]);
        xx += w * (x[i] - mx) * (x[i] - mx);
        xy += w * (x[i] - mx) * (y[i] - my);
        yy += w * (y[i] - my) * (y[i] - my);
    }
    if (!(xx > 0)) return tw_fail(TW_EINVAL, "line: every x is the same, expected at least two values");
    l.slope = xy / xx;
    l.intercept = my - l.slope * mx;
    l.se_slope = sqrt(1 / xx);
    l.se_intercept = sqrt(1 / sum + mx * mx / xx);
    for (int64_t i = 0; i < n; i++) l.chi2 += pow((y[i] - l.intercept - l.slope * x[i]) / se[i], 2);
    l.p = tw_chi2_tail((double)l.dof, l.chi2);
    l.r2 = yy > 0 ? 1 - l.chi2 / yy : 1;
    *out = l;
    return TW_OK;
}
