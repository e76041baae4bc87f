// SPDX-License-Identifier: MIT
// Sharpness-aware minimisation: the gradient is taken where the loss of the batch rises fastest.
//
//   e = rho g / |g|            adaptive: rho w^2 g / |w g|
//   SGD step with the gradient of the same batch at w + e
//
// Source: Foret, Kleiner, Mobahi & Neyshabur, ICLR 2021; adaptive: Kwon, Kim, Park & Choi, ICML 2021 (w^2 g and w g
// entry by entry, without their floor on |w|). The perturbation's gradient holds the l2 term, as the step's does.
#include "train/trainer.h"

#include <math.h>
#include <string.h>

enum { RHO, ADAPTIVE, MOMENTUM, DECAY };

static const tw_word words[] = {
    {"rho", "0.05", 0, TW_LARGE, false, NULL, "length of the perturbation"},
    {"adaptive", "no", 0, 0, false, "no yes", "lengths in units of the weights"},
    {"momentum", "0", 0, 1, false, NULL, "heavy ball; 0: none"},
    {"weight_decay", "0", 0, TW_LARGE, false, NULL, "adds so much times w to the gradient of the step"},
    TW_END,
};

typedef struct climb {
    tw_trainer *t;
    bool adaptive;
    double size; // rho / |g|
} climb;

static void square(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const climb *c = ctx;
    (void)first;
    for (int64_t i = 0; i < count; i++) {
        double x = c->adaptive ? w[i] * g[i] : g[i];
        sum[0] += x * x;
    }
}

static void perturb(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const climb *c = ctx;
    (void)sum;
    double x[TW_BLOCK];
    for (int64_t i = 0; i < count; i++) x[i] = w[i] + c->size * (c->adaptive ? w[i] * w[i] * g[i] : g[i]);
    const tw_kernels *kern = c->t->net->kern;
    kern->map->from_double(count, x, (char *)c->t->net->w + first * (int64_t)kern->real);
}

static tw_status gradient(tw_rule *rule, tw_trainer *t)
{
    tw_status st = TW_OK;
    climb c = {t, rule->value[ADAPTIVE] == 1, 0};
    size_t bytes = (size_t)t->net->n * (size_t)t->net->kern->real;
    double sum;
    TW_TRY(tw_trainer_batch_gradient(t, false));
    tw_gradient_sums here = t->sums;
    TW_TRY(tw_trainer_walk(t, square, &c, 1, &sum));
    if (!isfinite(here.loss) || !(sum > 0)) goto done; // nowhere to climb
    c.size = rule->value[RHO] / sqrt(sum);
    memcpy(t->before, t->net->w, bytes);
    TW_TRY(tw_trainer_walk(t, perturb, &c, 0, NULL));
    t->sweep.track = false;
    st = tw_trainer_batch_gradient(t, false);
    memcpy(t->net->w, t->before, bytes);
    t->sums = here; // what is reported is the loss at the weights
done:
    return st;
}

TW_CLONES static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                           double *const *m, double *u)
{
    (void)first;
    const double *v = rule->value, decay = v[DECAY], mu = v[MOMENTUM], lr = rule->lr;
    double *restrict b = m[0];
    for (int64_t i = 0; i < count; i++) {
        b[i] = mu * b[i] + (g[i] + decay * w[i]);
        u[i] = -lr * b[i];
    }
}

const tw_rule_kind tw_rule_sam = {.words = {"sam", "sharpness-aware: SGD with the gradient from uphill", words},
                                  .moment = {"momentum"},
                                  .gradient = gradient,
                                  .slab = slab};
