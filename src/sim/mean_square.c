// SPDX-License-Identifier: MIT
// chi^2_S / S as the square of a polynomial in a normal: the map between quantiles, fitted once a simulation.
//
// sqrt(chi^2) is nearly normal at once (Fisher), so its quantile is nearly linear in the normal's: degree 4 does from
// S = 64 or so, 13 at S = 3. Quantiles in the upper half are polished by Newton on the logarithm of the tail, where
// 1 - p would have lost its digits; beyond S = 1e5 Cornish & Fisher's series, whose next term is of order S^-3, is
// closer to the truth than a numerical inverse (Abramowitz & Stegun 26.2.49 with the cumulants of chi^2).
#include "sim/mean_square.h"

#include "linalg/dense.h"
#include "theory/gamma.h"
#include <math.h>
#include <string.h>

enum { NODES = 160 };
static const double END = 6.7, FREE = 4, LARGE = 1e5;

// chi^2 = S + sqrt(2S) (n + (n^2-1)/3 sqrt(2/S) + (n^3-7n)/18 (1/S) ...): terms to S^-1 beyond the first.
static double series(double S, double n)
{
    double s = sqrt(2 * S);
    return 1 + s / S *
                   (n + (n * n - 1) * 2 / (3 * s) + (n * n * n - 7 * n) / (9 * 2 * S) -
                    (6 * pow(n, 4) + 14 * n * n - 32) / (405 * S * s));
}

static double quantile(double S, double n)
{
    if (S > LARGE) return series(S, n);
    double lower = 0.5 * erfc(-n / sqrt(2)), upper = 0.5 * erfc(n / sqrt(2));
    if (n <= 0) return tw_chi2_quantile(S, lower) / S;
    double x = tw_chi2_quantile(S, lower);
    for (int i = 0; i < 4; i++) { // ln Q(x) = ln upper
        double tail = tw_chi2_tail(S, x);
        double density = exp((S / 2 - 1) * log(x) - x / 2 - S / 2 * log(2) - lgamma(S / 2));
        x += log(tail / upper) * tail / density;
    }
    return x / S;
}

// What an error may be, in units of that within FREE standard deviations: draws beyond are ever rarer (6e-5 of all,
// 1e-11 beyond END), so a larger error there moves no mean.
static double allowed(double n) { return exp(2 * fmax(0, fabs(n) - FREE)); }

static tw_status fit(int degree, const double *n, const double *q, tw_mean_square *out)
{
    tw_status st = TW_OK;
    double matrix[NODES * (TW_MEAN_SQUARE_DEGREE + 1)], right[NODES], cheb[TW_MEAN_SQUARE_DEGREE + 1], weight[NODES],
        error[NODES];
    int terms = degree + 1;
    int64_t rank;
    for (int i = 0; i < NODES; i++) weight[i] = (2 * sqrt(q[i]) + 1e-3) / ((1 + q[i]) * allowed(n[i]));
    for (int round = 0; round < 20; round++) { // Lawson: weights rise where the error is large
        for (int i = 0; i < NODES; i++) {
            double t = n[i] / END, before = 1, now = t;
            for (int k = 0; k < terms; k++) {
                matrix[i * terms + k] = weight[i] * (k == 0 ? 1 : now);
                if (k > 0) {
                    double next = 2 * t * now - before;
                    before = now;
                    now = next;
                }
            }
            right[i] = weight[i] * sqrt(q[i]);
        }
        TW_TRY(tw_least_squares(NODES, terms, matrix, right, cheb, &rank));
        double worst = 0;
        for (int i = 0; i < NODES; i++) {
            double r = 0;
            for (int k = 0; k < terms; k++) r += matrix[i * terms + k] / weight[i] * cheb[k];
            error[i] = fabs(r * r - q[i]) / ((1 + q[i]) * allowed(n[i]));
            worst = fmax(worst, error[i]);
        }
        if (round == 0 || worst < out->off) {
            // To powers of n: T_0 = 1, T_1 = t, T_{k+1} = 2 t T_k - T_{k-1}.
            double power[TW_MEAN_SQUARE_DEGREE + 1] = {0}, a[TW_MEAN_SQUARE_DEGREE + 1] = {1},
                                                 b[TW_MEAN_SQUARE_DEGREE + 1] = {0, 1};
            for (int k = 0; k < terms; k++) {
                double c[TW_MEAN_SQUARE_DEGREE + 1] = {0};
                for (int j = 0; j < terms; j++) power[j] += cheb[k] * a[j];
                for (int j = 0; j < terms; j++) c[j] = (j > 0 ? 2 * b[j - 1] : 0) - a[j];
                memcpy(a, b, sizeof a);
                memcpy(b, c, sizeof b);
            }
            *out = (tw_mean_square){.degree = degree, .off = worst};
            for (int j = 0; j < terms; j++) out->c[j] = (float)(power[j] / pow(END, j));
        }
        for (int i = 0; i < NODES; i++) weight[i] *= sqrt(error[i] / worst + 0.3);
    }
done:
    return st;
}

tw_status tw_mean_square_fit(int64_t S, tw_mean_square *out)
{
    tw_status st = TW_OK;
    static const int degree[] = {4, 6, 8, 10, 12, TW_MEAN_SQUARE_DEGREE};
    double n[NODES], q[NODES];
    for (int i = 0; i < NODES; i++) {
        n[i] = END * cos((i + 0.5) * acos(-1) / NODES);
        q[i] = quantile((double)S, n[i]);
    }
    for (size_t i = 0; i < sizeof degree / sizeof *degree; i++) {
        TW_TRY(fit(degree[i], n, q, out));
        if (out->off <= 5e-6) break;
    }
done:
    return st;
}
