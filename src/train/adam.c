// SPDX-License-Identifier: MIT
// Adam and AdamW.
//
//   m <- beta1 m + (1 - beta1) g        v <- beta2 v + (1 - beta2) g^2
//   w <- w - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//
// Source: Kingma & Ba, ICLR 2015, algorithm 1, with eps outside the root of the corrected v as in PyTorch. adam adds
// weight_decay w to g; adamw multiplies w by 1 - lr weight_decay before the step (Loshchilov & Hutter, ICLR 2019).
// amsgrad divides by the largest v so far (Reddi, Kale & Kumar, ICLR 2018).
#include "train/optimizer.h"

#include <math.h>

enum { BETA1, BETA2, EPS, DECAY, AMSGRAD };

#define WORDS(decay)                                                                                  \
    {"beta1", "0.9", 0, 1 - 0x1p-53, false, NULL, "of the mean of gradients"},                        \
        {"beta2", "0.999", 0, 1 - 0x1p-53, false, NULL, "of the mean of their squares"},              \
        {"eps", "1e-8", 0, TW_LARGE, false, NULL, "added to the root"},                               \
        {"weight_decay", decay, 0, TW_LARGE, false, NULL, "L2 term (adam), decay by itself (adamw)"}, \
        {"amsgrad", "no", 0, 0, false, "no yes", "divide by the largest mean square so far"}, TW_END

static const tw_word adam_words[] = {WORDS("0")};
static const tw_word adamw_words[] = {WORDS("0.01")};

TW_CLONES static void step(const tw_rule *rule, double coupled, double apart, int64_t count, const double *restrict w,
                           const double *restrict g, double *restrict m, double *restrict v, double *restrict most,
                           double *restrict u)
{
    const double *p = rule->value, b1 = p[BETA1], b2 = p[BETA2], eps = p[EPS], t = (double)(rule->step + 1);
    const double rate = rule->lr / (1 - pow(b1, t)), root = 1 / sqrt(1 - pow(b2, t)), shrink = rule->lr * apart;
    if (p[AMSGRAD] == 0) {
        for (int64_t i = 0; i < count; i++) {
            double full = g[i] + coupled * w[i];
            m[i] = b1 * m[i] + (1 - b1) * full;
            v[i] = b2 * v[i] + (1 - b2) * full * full;
            u[i] = -shrink * w[i] - rate * m[i] / (sqrt(v[i]) * root + eps);
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        double full = g[i] + coupled * w[i];
        m[i] = b1 * m[i] + (1 - b1) * full;
        v[i] = b2 * v[i] + (1 - b2) * full * full;
        most[i] = fmax(most[i], v[i]);
        u[i] = -shrink * w[i] - rate * m[i] / (sqrt(most[i]) * root + eps);
    }
}

static void adam(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g, double *const *m,
                 double *u)
{
    (void)first;
    step(rule, rule->value[DECAY], 0, count, w, g, m[0], m[1], m[2], u);
}

static void adamw(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g, double *const *m,
                  double *u)
{
    (void)first;
    step(rule, 0, rule->value[DECAY], count, w, g, m[0], m[1], m[2], u);
}

const tw_rule_kind tw_rule_adam = {.words = {"adam", "Adam; weight decay as an L2 term", adam_words},
                                   .moment = {"mean", "square", "most"},
                                   .slab = adam};
const tw_rule_kind tw_rule_adamw = {.words = {"adamw", "Adam with weight decay apart from the gradient", adamw_words},
                                    .moment = {"mean", "square", "most"},
                                    .slab = adamw};
