// SPDX-License-Identifier: MIT
// RMSProp, as in PyTorch:
//
//   s <- alpha s + (1 - alpha) g^2,  r = sqrt(s) + eps            centered: a <- alpha a + (1 - alpha) g, s - a^2 for s
//   b <- momentum b + g / r,  w <- w - lr b
//
// Source: Tieleman & Hinton, lecture 6.5 of "Neural networks for machine learning", 2012; centered: Graves,
// arXiv 1308.0850, equation 38, with eps outside the root.
#include "train/optimizer.h"

#include <math.h>

enum { ALPHA, EPS, MOMENTUM, CENTERED, DECAY };

static const tw_word words[] = {
    {"alpha", "0.99", 0, 1, false, NULL, "of the mean of squares"},
    {"eps", "1e-8", 0, TW_LARGE, false, NULL, "added to the root"},
    {"momentum", "0", 0, 1, false, NULL, "of the scaled gradients"},
    {"centered", "no", 0, 0, false, "no yes", "the square of the mean is taken off"},
    {"weight_decay", "0", 0, TW_LARGE, false, NULL, "adds so much times w to the gradient"},
    TW_END,
};

TW_CLONES static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                           double *const *m, double *u)
{
    (void)first;
    const double *v = rule->value, alpha = v[ALPHA], eps = v[EPS], mu = v[MOMENTUM], centre = v[CENTERED];
    double *restrict square = m[0], *restrict mean = m[1], *restrict b = m[2];
    for (int64_t i = 0; i < count; i++) {
        double full = g[i] + v[DECAY] * w[i];
        square[i] = alpha * square[i] + (1 - alpha) * full * full;
        mean[i] = alpha * mean[i] + (1 - alpha) * full;
        // Rounding can make the difference a little negative; a variance is not.
        double root = sqrt(fmax(square[i] - centre * mean[i] * mean[i], 0)) + eps;
        b[i] = mu * b[i] + full / root;
        u[i] = -rule->lr * b[i];
    }
}

const tw_rule_kind tw_rule_rmsprop = {
    .words = {"rmsprop", "RMSProp, as in PyTorch", words}, .moment = {"square", "mean", "momentum"}, .slab = slab};
