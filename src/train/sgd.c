// SPDX-License-Identifier: MIT
// SGD with momentum, and gradient descent on all samples.
//
//   g <- g + decay w
//   b <- momentum b + (1 - dampening) g       (b = g at the first step)
//   w <- w - lr (g + momentum b)  (Nesterov)  or  w - lr b
//
// These are PyTorch's conventions (torch.optim.SGD): the buffer holds gradients, not steps, so a changed learning rate
// acts at once; Nesterov's form is that of Sutskever et al., ICML 2013, with the step taken at the looked-ahead point.
#include "train/optimizer.h"

enum { MOMENTUM, NESTEROV, DECAY, DAMPENING };

static const tw_word words[] = {
    {"momentum", "0", 0, 1, false, NULL, "heavy ball; 0: none"},
    {"nesterov", "no", 0, 0, false, "no yes", "Nesterov's form of it"},
    {"weight_decay", "0", 0, TW_LARGE, false, NULL, "adds so much times w to the gradient"},
    {"dampening", "0", 0, 1, false, NULL, "of the gradient that enters the buffer"},
    TW_END,
};

static bool plain(const tw_rule *rule) { return rule->value[MOMENTUM] == 0 && rule->value[DECAY] == 0; }

static tw_status open(tw_rule *rule)
{
    const double *v = rule->value;
    if (v[NESTEROV] == 1 && (v[MOMENTUM] == 0 || v[DAMPENING] != 0))
        return tw_fail(TW_EINVAL,
                       "optim %s: nesterov: found momentum %g and dampening %g, expected momentum above 0 and "
                       "no dampening",
                       rule->kind->words.name, v[MOMENTUM], v[DAMPENING]);
    return TW_OK;
}

TW_CLONES static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                           double *const *m, double *u)
{
    (void)first;
    const double *v = rule->value, mu = v[MOMENTUM], decay = v[DECAY], lr = rule->lr;
    double *restrict b = m[0];
    double keep = rule->step == 0 ? 0 : mu, take = rule->step == 0 ? 1 : 1 - v[DAMPENING];
    if (mu == 0) { // only weight decay or clipping
        for (int64_t i = 0; i < count; i++) u[i] = -lr * (g[i] + decay * w[i]);
    } else if (v[NESTEROV] == 1) {
        for (int64_t i = 0; i < count; i++) {
            double full = g[i] + decay * w[i];
            b[i] = keep * b[i] + take * full;
            u[i] = -lr * (full + mu * b[i]);
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            b[i] = keep * b[i] + take * (g[i] + decay * w[i]);
            u[i] = -lr * b[i];
        }
    }
}

const tw_rule_kind tw_rule_sgd = {.words = {"sgd", "SGD, with momentum and weight decay as in PyTorch", words},
                                  .moment = {"momentum"},
                                  .open = open,
                                  .plain = plain,
                                  .slab = slab};

const tw_rule_kind tw_rule_gd = {.words = {"gd", "the same on all samples at once", words},
                                 .moment = {"momentum"},
                                 .all_batch = true,
                                 .open = open,
                                 .plain = plain,
                                 .slab = slab};
