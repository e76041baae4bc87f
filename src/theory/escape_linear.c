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

typedef struct chain {
    int64_t n;
    const double *eig, *c;
    double eta;
    double *half, *sigma; // Sigma in the eigenbasis of H
} chain;

static void close_chain(chain *k)
{
    free(k->half);
    free(k->sigma);
}

static tw_status open_chain(int64_t n, const double *eig, const double *vector, const double *c, double eta, double r,
                            chain *k)
{
    tw_status st = TW_OK;
    *k = (chain){.n = n, .eig = eig, .c = c, .eta = eta};
    if (!(eig[0] > 0) || !(eta > 0) || !(eta * eig[n - 1] < 2) || !(r > 0))
        return tw_fail(TW_EINVAL,
                       "box: found eigenvalues %g to %g, eta = %g, size %g, expected all positive and eta times "
                       "the largest below 2",
                       eig[0], eig[n - 1], eta, r);
    TW_TRY(tw_alloc(n * n, sizeof(double), &k->half));
    TW_TRY(tw_alloc(n * n, sizeof(double), &k->sigma));
    rotate(n, vector, c, k->half, k->sigma);
    for (int64_t i = 0; i < n; i++) // Lyapunov's equation
        for (int64_t j = 0; j < n; j++)
            k->sigma[i * n + j] *= eta * eta / (eta * (eig[i] + eig[j]) - eta * eta * eig[i] * eig[j]);
done:
    return st;
}

// ln of the rate a step past distance r in a direction with components `turned` in the eigenbasis, where one gradient's
// noise has this variance; on one side. -infinity without noise.
static double log_passage(const chain *k, const double *turned, double noise, double r, double *variance, double *level)
{
    double pull = 0, overshoot = 0.5825971579390107 * k->eta * sqrt(fmax(noise, 0));
    *variance = 0;
    for (int64_t i = 0; i < k->n; i++)
        for (int64_t j = 0; j < k->n; j++) {
            double s = turned[i] * k->sigma[i * k->n + j] * turned[j];
            *variance += s;
            pull += k->eig[i] * s;
        }
    if (!(*variance > 0) || !(pull > 0)) return -INFINITY;
    double u = (r + overshoot) / sqrt(*variance);
    *level = u;
    return log(k->eta * pull / *variance * u / sqrt(2 * M_PI)) - u * u / 2;
}

// r Sigma e / (e' Sigma e) in the coordinates of w, e with components `turned` in the eigenbasis.
static void likeliest(const chain *k, const double *vector, const double *turned, double r, double *place)
{
    double variance = 0;
    for (int64_t i = 0; i < k->n; i++) place[i] = 0;
    for (int64_t i = 0; i < k->n; i++) {
        double reach = 0;
        for (int64_t j = 0; j < k->n; j++) reach += k->sigma[i * k->n + j] * turned[j];
        variance += turned[i] * reach;
        for (int64_t j = 0; j < k->n; j++) place[j] += reach * vector[i * k->n + j];
    }
    for (int64_t i = 0; i < k->n; i++) place[i] *= r / variance;
}

tw_status tw_escape_linear_box(int64_t n, const double *eig, const double *vector, const double *c, double eta,
                               double r, double *place, tw_escape_linear *out)
{
    tw_status st = TW_OK;
    chain k = {0};
    double *turned = NULL, *log_rate = NULL, top = -INFINITY, sum = 0;
    tw_escape_linear found = {.exponent = INFINITY, .level = INFINITY};
    TW_TRY(open_chain(n, eig, vector, c, eta, r, &k));
    TW_TRY(tw_alloc(n, sizeof *turned, &turned));
    TW_TRY(tw_alloc(n, sizeof *log_rate, &log_rate));
    for (int64_t i = 0; i < n; i++) {
        double variance, level = INFINITY;
        for (int64_t j = 0; j < n; j++) turned[j] = vector[j * n + i];
        log_rate[i] = log(2) + log_passage(&k, turned, c[i * n + i], r, &variance, &level);
        top = fmax(top, log_rate[i]);
        found.level = fmin(found.level, level);
        if (variance > 0 && r * r / (2 * variance) < found.exponent) {
            found.exponent = r * r / (2 * variance);
            found.tightest = i;
        }
    }
    if (!isfinite(top)) {
        st = tw_fail(TW_EINVAL, "box: found no noise in any direction, expected some");
        goto done;
    }
    for (int64_t i = 0; i < n; i++) sum += exp(log_rate[i] - top);
    found.log_steps = -top - log(sum);
    found.steps = exp(found.log_steps);
    for (int64_t j = 0; j < n; j++) turned[j] = vector[j * n + found.tightest];
    if (place) likeliest(&k, vector, turned, r, place);
    *out = found;
done:
    close_chain(&k);
    free(turned);
    free(log_rate);
    return st;
}

tw_status tw_escape_linear_plane(int64_t n, const double *eig, const double *vector, const double *c, double eta,
                                 const double *normal, double r, double *place, tw_escape_linear *out)
{
    tw_status st = TW_OK;
    chain k = {0};
    double *turned = NULL, noise = 0, variance, level = INFINITY, log_rate;
    TW_TRY(open_chain(n, eig, vector, c, eta, r, &k));
    TW_TRY(tw_alloc(n, sizeof *turned, &turned));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            turned[i] += vector[i * n + j] * normal[j];
            noise += normal[i] * c[i * n + j] * normal[j];
        }
    log_rate = log_passage(&k, turned, noise, r, &variance, &level);
    if (!isfinite(log_rate)) {
        st = tw_fail(TW_EINVAL, "plane: found no noise across it, expected some");
        goto done;
    }
    *out = (tw_escape_linear){.exponent = r * r / (2 * variance), .log_steps = -log_rate, .level = level};
    out->steps = exp(-log_rate);
    if (place) likeliest(&k, vector, turned, r, place);
done:
    close_chain(&k);
    free(turned);
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
