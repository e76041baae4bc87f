// SPDX-License-Identifier: MIT
// Are tails heavy? Estimates from independent draws, each with its error, and tests whose size is known.
#ifndef THEORY_TAIL_H
#define THEORY_TAIL_H

#include "base/rng.h"
#include "base/status.h"

enum { TW_TAIL_LEAST = 50 }; // draws without which nothing is said of a tail

// P(x > v) ~ v^-index beyond a threshold.
typedef struct tw_tail_power {
    double index, error; // Hill's estimate; standard error by bootstrap, with the threshold chosen anew each time
    int64_t largest;     // draws beyond the threshold, which is the next one
    double fit;          // p-value of "the tail is a power law": small where it bends
} tw_tail_power;

// x: m positive draws. The threshold is where the power law fits best (least Kolmogorov-Smirnov distance) to at least a
// tenth of them; fit is the
// part of `replicas` data sets with that very tail that fit worse. Draws from *rng. TW_EINVAL: m < TW_TAIL_LEAST or
// replicas < 1; TW_ENUMERIC: an x that is not positive and finite, or all the same; TW_ENOMEM. Source: Clauset, Shalizi
// & Newman, SIAM Review 51 (2009) 661; Hill, Ann. Stat. 3 (1975) 1163.
TW_NODISCARD tw_status tw_tail_fit_power(int64_t m, const double *x, int64_t replicas, tw_rng *rng, tw_tail_power *out);

// x[n][k]: n independent draws of k numbers, which may depend on each other. The p-value of "each is Gaussian":
// Anderson and Darling's test of every column with its own mean and variance, joined by Bonferroni's inequality, so its
// size is at most what it says whatever the dependence. TW_EINVAL: n < 8; TW_ENOMEM.
// Source: Stephens in D'Agostino & Stephens (eds.), Goodness-of-Fit Techniques (1986), section 4.8 and table 4.9.
TW_NODISCARD tw_status tw_tail_test_gaussian(int64_t n, int64_t k, const double *x, double *p);
double tw_tail_gaussian_p(double a2, int64_t n); // of the statistic A^2 of n numbers

// Index of stability alpha of x[n][k], supposed symmetric and stable: sums of r draws are r^(1/alpha) as large. 2 for
// any Gaussian; for another law of finite variance between its own and 2, nearer to 2 the larger r is. Mean over
// columns, jackknife standard error over groups of r rows. TW_EINVAL: n < 4 r or r < 2. Source: Mohammadi, Mohammadpour
// & Ogata, Metrika 78 (2015) 549.
TW_NODISCARD tw_status tw_tail_stable(int64_t n, int64_t k, const double *x, int64_t r, double *alpha, double *error);

#endif
