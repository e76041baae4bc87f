// SPDX-License-Identifier: MIT
// Exits of a linear Gaussian chain from a box, and Cramer's root (theory/escape_linear.h).
#include "theory/escape_linear.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>

// out = V' c V for eigenvectors in rows.
static void rotate(int64_t n, const double *v, const double *c, double *half, double *out)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double sum = 0;
            for (int64_t j = 0; j < n; j++) sum += v[i * n + j] * c[j * n + k];
            half[i * n + k] = sum;
        }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double sum = 0;
            for (int64_t j = 0; j < n; j++) sum += half[i * n + j] * v[k * n + j];
            out[i * n + k] = sum;
        }
}

tw_status tw_escape_linear_box(int64_t n, const double *eig, const double *vector, const double *c, double eta,
                               double r, tw_escape_linear *out)
{
    tw_status st = TW_OK;
    double *half = NULL, *turned = NULL, *log_rate = NULL, top = -INFINITY, sum = 0;
    tw_escape_linear found = {.exponent = INFINITY, .level = INFINITY};
    if (!(eig[0] > 0) || !(eta > 0) || !(eta * eig[n - 1] < 2) || !(r > 0))
        return tw_fail(TW_EINVAL,
                       "box: found eigenvalues %g to %g, eta = %g, size %g, expected all positive and eta times "
                       "the largest below 2",
                       eig[0], eig[n - 1], eta, r);
    TW_TRY(tw_alloc(n * n, sizeof *half, &half));
    TW_TRY(tw_alloc(n * n, sizeof *turned, &turned));
    TW_TRY(tw_alloc(n, sizeof *log_rate, &log_rate));
    rotate(n, vector, c, half, turned);
    for (int64_t i = 0; i < n; i++) // Lyapunov's equation in the eigenbasis of H
        for (int64_t k = 0; k < n; k++)
            turned[i * n + k] *= eta * eta / (eta * (eig[i] + eig[k]) - eta * eta * eig[i] * eig[k]);
    for (int64_t i = 0; i < n; i++) {
        double variance = 0, pull = 0;
        for (int64_t k = 0; k < n; k++)
            for (int64_t l = 0; l < n; l++) {
                double s = vector[k * n + i] * turned[k * n + l] * vector[l * n + i];
                variance += s;
                pull += eig[k] * s;
            }
        log_rate[i] = -INFINITY;
        if (!(variance > 0) || !(pull > 0)) continue; // a direction without noise
        double u = (r + 0.5825971579390107 * eta * sqrt(fmax(c[i * n + i], 0))) / sqrt(variance);
        double exponent = r * r / (2 * variance);
        if (exponent < found.exponent) {
            found.exponent = exponent;
            found.tightest = i;
        }
        found.level = fmin(found.level, u);
        log_rate[i] = log(2 * eta * pull / variance * u / sqrt(2 * M_PI)) - u * u / 2;
        top = fmax(top, log_rate[i]);
    }
    if (!isfinite(top)) {
        st = tw_fail(TW_EINVAL, "box: found no noise in any direction, expected some");
        goto done;
    }
    for (int64_t i = 0; i < n; i++) sum += exp(log_rate[i] - top);
    found.log_steps = -top - log(sum);
    found.steps = exp(found.log_steps);
    *out = found;
done:
    free(half);
    free(turned);
    free(log_rate);
    return st;
}

// ln of the mean of e^(-p s), by its largest term.
static double log_mean(int64_t m, const double *s, const double *weight, double p, double least)
{
    double sum = 0, all = 0;
    for (int64_t j = 0; j < m; j++) {
        double w = weight ? weight[j] : 1;
        sum += w * exp(-p * (s[j] - least));
        all += w;
    }
    return log(sum / all) - p * least;
}

tw_status tw_escape_cramer(int64_t m, const double *s, const double *weight, double *p)
{
    double mean = 0, all = 0, least = INFINITY, lo = 0, hi;
    for (int64_t j = 0; j < m; j++) {
        double w = weight ? weight[j] : 1;
        mean += w * s[j];
        all += w;
        least = fmin(least, s[j]);
    }
    mean /= all;
    if (m < 1 || !(mean > 0) || !isfinite(mean))
        return tw_fail(TW_EINVAL, "slopes: found %" PRId64 " of mean %g, expected a positive mean", m, mean);
    if (least >= 0) {
        *p = INFINITY;
        return TW_OK;
    }
    // The function falls from 0 with slope -mean, is convex, and grows at last like -p least: one positive root.
    for (hi = 1 / -least; log_mean(m, s, weight, hi, least) <= 0; hi *= 2) lo = hi;
    if (lo == 0)
        for (lo = hi / 2; log_mean(m, s, weight, lo, least) > 0; lo /= 2) hi = lo;
    for (int i = 0; i < 200 && hi - lo > 1e-15 * hi; i++) {
        double middle = (lo + hi) / 2;
        if (log_mean(m, s, weight, middle, least) > 0)
            hi = middle;
        else
            lo = middle;
    }
    *p = (lo + hi) / 2;
    return TW_OK;
}
