// SPDX-License-Identifier: MIT
// Power laws in tails, Gaussian or not, stable or not.
//
// Power law, in logarithms l_0 >= l_1 >= ...: beyond l_k, Hill's 1/index = mean_{i<k} (l_i - l_k), and the distance to
// the law is the largest |F_k - (1 - exp(-index (l - l_k)))|. k is that of least distance on a grid, and
// at least a tenth of the draws (20 if that is more): in a smaller tail of a few hundred draws anything is a power law.
// The fit is judged by data sets made as the estimate says: each draw is one of the body with probability 1 - k/m, else
// threshold times a Pareto draw. Resampling and order statistics need no sorting: counts of sorted draws, and sums of
// exponential spacings (Renyi 1953: the j-th largest of N exponentials exceeds the next by an exponential over j).
#include "theory/tail.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { GRID = 32 }; // thresholds tried

typedef struct choice {
    double index, distance;
    int64_t largest;
} choice;

// l: m logarithms, largest first, without those that are all the same beyond a threshold.
static choice choose(int64_t m, const double *l)
{
    choice best = {NAN, INFINITY, 0};
    double sum = 0, least = fmax(20, (double)m / 10), step = pow((double)(m - 1) / least, 1. / (GRID - 1));
    int64_t k = 0;
    for (int g = 0; g < GRID; g++) {
        int64_t next = g == GRID - 1 ? m - 1 : (int64_t)(least * pow(step, g));
        while (k < next) sum += l[k++];
        double mean = sum / (double)k - l[k];
        if (!(mean > 0)) continue;
        double distance = 0, n = (double)k;
        for (int64_t i = 0; i < k; i++) { // the i-th largest: a part (k - i)/k lies at or below it
            double law = -expm1(-(l[i] - l[k]) / mean), above = ((double)(k - i)) / n;
            double off = fmax(fabs(law - above), fabs(law - (above - 1 / n)));
            distance = off > distance ? off : distance;
        }
        if (distance < best.distance) best = (choice){1 / mean, distance, k};
    }
    return best;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b) { return descending(b, a); }

static double exponential(tw_rng *rng) { return -log1p(-tw_rng_uniform(rng)); }

// `draws` of l[from ... m), in order, behind out.
static void redraw(tw_rng *rng, int64_t from, int64_t m, const double *l, int64_t draws, int64_t *times, double *out)
{
    memset(times, 0, (size_t)m * sizeof *times);
    for (int64_t i = 0; i < draws; i++) times[from + (int64_t)tw_rng_below(rng, (uint64_t)(m - from))]++;
    for (int64_t i = from; i < m; i++)
        for (int64_t j = 0; j < times[i]; j++) *out++ = l[i];
}

// A data set with the tail that was found, and the body that was seen.
static void make(tw_rng *rng, int64_t m, const double *l, const choice *c, int64_t *times, double *out)
{
    int64_t beyond = 0;
    for (int64_t i = 0; i < m; i++) beyond += tw_rng_uniform(rng) * (double)m < (double)c->largest;
    double at = l[c->largest];
    for (int64_t j = beyond; j >= 1; j--) { // the j-th largest exceeds the one below it by an exponential over j
        at += exponential(rng) / (c->index * (double)j);
        out[j - 1] = at;
    }
    redraw(rng, c->largest, m, l, m - beyond, times, out + beyond);
}

tw_status tw_tail_fit_power(int64_t m, const double *x, int64_t replicas, tw_rng *rng, tw_tail_power *out)
{
    tw_status st = TW_OK;
    double *l = NULL, *other = NULL, sum = 0, square = 0;
    int64_t *times = NULL, worse = 0, count = 0;
    if (m < TW_TAIL_LEAST || replicas < 1)
        return tw_fail(TW_EINVAL, "tail: found %" PRId64 " draws and %" PRId64 " replicas, expected %d and 1", m,
                       replicas, TW_TAIL_LEAST);
    TW_TRY(tw_alloc(m, sizeof *l, &l));
    TW_TRY(tw_alloc(m, sizeof *other, &other));
    TW_TRY(tw_alloc(m, sizeof *times, &times));
    for (int64_t i = 0; i < m; i++) {
        if (!(x[i] > 0 && isfinite(x[i]))) {
            st = tw_fail(TW_ENUMERIC, "tail: draw %" PRId64 ": found %g, expected a positive finite number", i, x[i]);
            goto done;
        }
        l[i] = log(x[i]);
    }
    qsort(l, (size_t)m, sizeof *l, descending);
    choice c = choose(m, l);
    if (c.largest == 0) {
        st = tw_fail(TW_ENUMERIC, "tail: found draws that are all the same, expected different ones");
        goto done;
    }
    for (int64_t r = 0; r < replicas; r++) {
        redraw(rng, 0, m, l, m, times, other);
        choice again = choose(m, other);
        if (isfinite(again.index)) {
            sum += again.index;
            square += again.index * again.index;
            count++;
        }
        make(rng, m, l, &c, times, other);
        worse += choose(m, other).distance >= c.distance;
    }
    double mean = sum / (double)count;
    out->index = c.index;
    out->error =
        count > 1 ? sqrt(fmax(0, square / (double)count - mean * mean) * (double)count / (double)(count - 1)) : NAN;
    out->largest = c.largest;
    out->fit = ((double)worse + 1) / ((double)replicas + 1); // the data themselves count: never 0, size kept
done:
    free(times);
    free(other);
    free(l);
    return st;
}

double tw_tail_gaussian_p(double a2, int64_t n)
{
    double m = (double)n, a = fmin(a2 * (1 + 0.75 / m + 2.25 / (m * m)), 10);
    if (a >= 0.6) return exp(1.2937 - 5.709 * a + 0.0186 * a * a);
    if (a >= 0.34) return exp(0.9177 - 4.279 * a - 1.38 * a * a);
    if (a >= 0.2) return 1 - exp(-8.318 + 42.796 * a - 59.938 * a * a);
    return 1 - exp(-13.436 + 101.14 * a - 223.73 * a * a);
}

// ln of the normal distribution function.
static double log_below(double z) { return log(fmax(erfc(-z * 0.70710678118654752) / 2, 1e-300)); }

tw_status tw_tail_test_gaussian(int64_t n, int64_t k, const double *x, double *p)
{
    tw_status st = TW_OK;
    double *y = NULL, least = 1;
    if (n < 8 || k < 1) return tw_fail(TW_EINVAL, "tail: found %" PRId64 " draws, expected at least 8", n);
    TW_TRY(tw_alloc(n, sizeof *y, &y));
    for (int64_t c = 0; c < k; c++) {
        double mean = 0, square = 0, a2 = 0, m = (double)n;
        for (int64_t i = 0; i < n; i++) mean += x[i * k + c] / m;
        for (int64_t i = 0; i < n; i++) square += pow(x[i * k + c] - mean, 2);
        double sd = sqrt(square / (m - 1));
        for (int64_t i = 0; i < n; i++) y[i] = sd > 0 ? (x[i * k + c] - mean) / sd : 0;
        qsort(y, (size_t)n, sizeof *y, ascending);
        for (int64_t i = 0; i < n; i++) a2 -= (2 * (double)i + 1) / m * (log_below(y[i]) + log_below(-y[n - 1 - i]));
        least = fmin(least, tw_tail_gaussian_p(a2 - m, n));
    }
    *p = fmin(1, (double)k * least);
done:
    free(y);
    return st;
}

// Sums over rows from ... to of ln|x| and, a group of r rows at a time, of ln|sum|.
static void log_sizes(int64_t k, const double *x, int64_t r, int64_t group, double *one, double *sum)
{
    *one = *sum = 0;
    for (int64_t c = 0; c < k; c++) {
        double total = 0;
        for (int64_t i = group * r; i < (group + 1) * r; i++) {
            total += x[i * k + c];
            *one += log(fmax(fabs(x[i * k + c]), 1e-300));
        }
        *sum += log(fmax(fabs(total), 1e-300));
    }
}

tw_status tw_tail_stable(int64_t n, int64_t k, const double *x, int64_t r, double *alpha, double *error)
{
    tw_status st = TW_OK;
    double *one = NULL, ones = 0, sums = 0, mean = 0, square = 0;
    if (r < 2 || n < 4 * r || k < 1)
        return tw_fail(TW_EINVAL, "tail: found %" PRId64 " draws for sums of %" PRId64 ", expected four times as many",
                       n, r);
    int64_t groups = n / r;
    TW_TRY(tw_alloc(2 * groups, sizeof *one, &one));
    double *sum = one + groups, g = (double)groups;
    for (int64_t i = 0; i < groups; i++) {
        log_sizes(k, x, r, i, &one[i], &sum[i]);
        ones += one[i];
        sums += sum[i];
    }
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < groups; i++) {
            double slope = ((sums - sum[i]) - (ones - one[i]) / (double)r) / ((g - 1) * (double)k);
            double value = log((double)r) / slope;
            if (pass == 0)
                mean += value / g;
            else
                square += (value - mean) * (value - mean);
        }
    *alpha = log((double)r) * g * (double)k / (sums - ones / (double)r);
    *error = sqrt((g - 1) / g * square);
done:
    free(one);
    return st;
}
