// SPDX-License-Identifier: MIT
// Stochastic gradient Langevin dynamics: w <- w - lr g + sqrt(2 lr T) z, z standard normal.
//
// On a quadratic of curvature a with exact gradients the stationary variance is T / (a (1 - lr a / 2)). White noise of
// strength D in the sense of escape theory is T = D; the posterior of m samples at mean loss L is T = 1/m.
// Source: Welling & Teh, ICML 2011.
#include "train/optimizer.h"

#include <math.h>

enum { TEMPERATURE, DECAY };

static const tw_word words[] = {
    {"temperature", "1e-4", 0, TW_LARGE, false, NULL, "T of the noise sqrt(2 lr T)"},
    {"weight_decay", "0", 0, TW_LARGE, false, NULL, "adds so much times w to the gradient"},
    TW_END,
};

static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g, double *const *m,
                 double *u)
{
    (void)m;
    const double *v = rule->value, size = sqrt(2 * rule->lr * v[TEMPERATURE]);
    tw_step_normals(rule->seed, rule->step, first, count, u);
    for (int64_t i = 0; i < count; i++) u[i] = size * u[i] - rule->lr * (g[i] + v[DECAY] * w[i]);
}

const tw_rule_kind tw_rule_sgld = {.words = {"sgld", "SGD with white noise of a temperature (Langevin)", words},
                                   .slab = slab};
