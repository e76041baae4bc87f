// SPDX-License-Identifier: MIT
// One SGD step on least squares, over every batch there is: the exact distribution that formulas are held against.
//
//     f = (1/2n)|X theta - y|^2,  g_i = r_i x_i,  mu = mean g_i,  H = X'X/n,
//     Delta(B) = -eta mu'g_B + (eta^2/2) g_B' H g_B          (exact: f is quadratic)
// With a_i = -eta mu'g_i and Q_ij = (eta^2/2) g_i' H g_j, Delta(B) = (1/B) sum a_i + (1/B^2) sum_ij Q_ij over the
// batch, so a batch costs B^2 additions. With replacement, multisets are weighted by their number of orders. Source: Li
// et al. 2019 (dynamics of SGD, least squares as a special case).
#include "thalweg/theory_bound.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>

enum { MOST = 10000000 }; // batches

// The number of multisets of size k out of n; may stop early above 1e15.
static double multisets(int64_t n, int64_t k)
{
    double count = 1;
    for (int64_t i = 1; i <= k && count <= 1e15; i++) count *= (double)(n - 1 + i) / (double)i;
    return count;
}

// The next batch in lexical order; repeats: i_1 <= i_2 <= ... instead of <. False after the last.
static bool next_batch(int64_t n, int64_t batch, bool repeats, int64_t *pick)
{
    int64_t k = batch - 1;
    while (k >= 0 && pick[k] == (repeats ? n - 1 : n - batch + k)) k--;
    if (k < 0) return false;
    pick[k]++;
    for (int64_t j = k + 1; j < batch; j++) pick[j] = repeats ? pick[k] : pick[j - 1] + 1;
    return true;
}

// ln of the number of orders of a multiset: batch! / prod(multiplicity!).
static double log_orders(int64_t batch, const int64_t *pick)
{
    double value = lgamma((double)batch + 1);
    for (int64_t i = 0, run = 1; i < batch; i++, run++)
        if (i + 1 == batch || pick[i + 1] != pick[i]) {
            value -= lgamma((double)run + 1);
            run = 0;
        }
    return value;
}

// Population mean and variance of Delta over all batches; centre is near the mean, so the variance does not cancel.
static void enumerate(int64_t n, int64_t batch, bool repeats, const double *a, const double *q, double centre,
                      int64_t *pick, double *mean, double *var)
{
    double weight = 0, first = 0, second = 0, size = (double)batch, all = repeats ? size * log((double)n) : 0;
    for (int64_t i = 0; i < batch; i++) pick[i] = repeats ? 0 : i;
    do {
        double linear = 0, square = 0;
        for (int64_t i = 0; i < batch; i++) {
            linear += a[pick[i]];
            for (int64_t j = 0; j < batch; j++) square += q[pick[i] * n + pick[j]];
        }
        double w = repeats ? exp(log_orders(batch, pick) - all) : 1;
        double away = linear / size + square / (size * size) - centre;
        weight += w;
        first += w * away;
        second += w * away * away;
    } while (next_batch(n, batch, repeats, pick));
    *mean = centre + first / weight;
    *var = second / weight - first / weight * (first / weight);
}

static tw_status check_finite(const char *name, int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return tw_fail(TW_EINVAL, "%s[%" PRId64 "]: found %g, expected a finite number", name, i, x[i]);
    return TW_OK;
}

static tw_status check_sizes(int64_t n, int64_t d, double eta, int64_t batch)
{
    if (n < 1 || d < 1)
        return tw_fail(TW_EINVAL, "X: found %" PRId64 " x %" PRId64 ", expected at least one sample and one feature", n,
                       d);
    if (batch < 1 || batch > n)
        return tw_fail(TW_EINVAL, "batch: found %" PRId64 ", expected 1 to %" PRId64 " samples", batch, n);
    if (!isfinite(eta)) return tw_fail(TW_EINVAL, "eta: found %g, expected a finite number", eta);
    if (multisets(n, batch) > MOST)
        return tw_fail(TW_EINVAL,
                       "batch: %" PRId64 " of %" PRId64 " samples make more than %d batches, too many to enumerate",
                       batch, n, MOST);
    return TW_OK;
}

tw_status tw_least_squares_step(int64_t n, int64_t d, const double *x, const double *y, const double *theta, double eta,
                                int64_t batch, tw_step_change *out)
{
    tw_status st = TW_OK;
    double *residual = NULL, *gram = NULL, *a = NULL, *q = NULL;
    int64_t *pick = NULL;
    tw_step_change found = {0};

    TW_TRY(check_sizes(n, d, eta, batch));
    TW_TRY(check_finite("X", n * d, x));
    TW_TRY(check_finite("y", n, y));
    TW_TRY(check_finite("theta", d, theta));
    TW_TRY(tw_alloc(n, sizeof *residual, &residual));
    TW_TRY(tw_alloc(n * n, sizeof *gram, &gram));
    TW_TRY(tw_alloc(n, sizeof *a, &a));
    TW_TRY(tw_alloc(n * n, sizeof *q, &q));
    TW_TRY(tw_alloc(batch, sizeof *pick, &pick));

    double samples = (double)n, centre = 0;
    for (int64_t i = 0; i < n; i++) {
        residual[i] = -y[i];
        for (int64_t c = 0; c < d; c++) residual[i] += x[i * d + c] * theta[c];
        found.loss += residual[i] * residual[i] / (2 * samples);
        for (int64_t j = 0; j < n; j++)
            for (int64_t c = 0; c < d; c++) gram[i * n + j] += x[i * d + c] * x[j * d + c];
    }
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            double curvature = 0; // x_i' H x_j
            for (int64_t l = 0; l < n; l++) curvature += gram[i * n + l] * gram[l * n + j] / samples;
            a[i] -= eta * residual[j] * residual[i] * gram[i * n + j] / samples;
            q[i * n + j] = eta * eta / 2 * residual[i] * residual[j] * curvature;
        }
        centre += (a[i] + q[i * n + i] / (double)batch) / samples;
    }
    enumerate(n, batch, true, a, q, centre, pick, &found.mean[0], &found.var[0]);
    enumerate(n, batch, false, a, q, centre, pick, &found.mean[1], &found.var[1]);
    *out = found;
done:
    free(pick);
    free(q);
    free(a);
    free(gram);
    free(residual);
    return st;
}
