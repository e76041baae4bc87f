// SPDX-License-Identifier: MIT
// Nudged SGD and its relatives: another step length along the sharpest directions e_1 ... e_k than elsewhere.
//
//   correct_v   v <- momentum v - lr g,  w <- w + v + (gamma - 1) E E'v     (v keeps the velocity that is not nudged)
//   correct_g   g' = g + (gamma - 1) E E'g,  v <- momentum v - lr g',  w <- w + v
//   correct_both  g' as above, then correct_v
//
// and w <- w - lr u with c = E'g:
//
//   onlytop        u = E c                      topscaled      u = g + (factor - 1) E c
//   removetop      u = g - E c                  bottomscaled   u = factor g + (1 - factor) E c
//   alldrop        u = g - each e_i c_i with probability factor
//   overshoot      u = g - E c + 0.3 sum_i sign(c_i) e_i
//
// "dominant" and "bulk" are onlytop and removetop. All are even in each e_i. The directions are those of the Hessian of
// the loss on a subset drawn anew each time.
// Source: Jastrzebski et al., "On the relation between the sharpest directions of DNN loss and the SGD step length",
// ICLR 2019; dominant and bulk: Song, Ahn & Yun, ICLR 2025.
#include "train/directions.h"

#include "base/rng.h"
#include "base/alloc.h"
#include <string.h>

enum { VARIANT, K, GAMMA, FACTOR, MOMENTUM, REFRESH, EVERY, SAMPLES, BURNIN, TOLERANCE, RANDOM };
enum { CORRECT_V, CORRECT_G, CORRECT_BOTH, ONLY_TOP, REMOVE_TOP, TOP_SCALED, BOTTOM_SCALED, ALL_DROP, OVERSHOOT };

enum { REFRESH_EPOCHS, REFRESH_STEPS, REFRESH_ONCE };
enum { COUNT, MOST_K = 50 };

#define WORDS(variant, refresh)                                                                                         \
    {"variant",                                                                                                         \
     variant,                                                                                                           \
     0,                                                                                                                 \
     0,                                                                                                                 \
     false,                                                                                                             \
     "correct_v correct_g correct_both onlytop removetop topscaled bottomscaled alldrop overshoot",                     \
     "what is done with the components along them"},                                                                    \
        {"k", "5", 1, MOST_K, true, NULL, "how many directions"},                                                       \
        {"gamma", "0.1", 0, TW_LARGE, false, NULL, "correct_*: step length along them, in units of the rate"},          \
        {"factor", "0.5", 0, TW_LARGE, false, NULL, "topscaled, bottomscaled: the factor; alldrop: the probability"},   \
        {"momentum", "0", 0, 1, false, NULL, "correct_*: heavy ball; 0: none"},                                         \
        {"refresh", refresh, 0, 0, false, "epochs steps once", "what the times between new directions are counted in"}, \
        {"every", "1", 1, 1e15, true, NULL, "how many of them"},                                                        \
        {"samples", "2560", 1, 1e15, true, NULL, "of the subset the directions are those of"},                          \
        {"burnin", "0", 0, 1e15, true, NULL, "epochs without directions: plain SGD"},                                   \
        {"tolerance", "1e-3", 1e-15, 1, false, NULL, "residual over the largest eigenvalue"},                           \
        {"random", "no", 0, 0, false, "no yes", "random orthonormal directions instead: the control"}, TW_END

static const tw_word nudged_words[] = {WORDS("correct_v", "epochs")};
static const tw_word dominant_words[] = {WORDS("onlytop", "steps")};
static const tw_word bulk_words[] = {WORDS("removetop", "steps")};

typedef struct nudge {
    double *e, *value;        // [k][n], [k]: arrays of the rule's state
    bool on;                  // directions are used at this step
    double keep, add[MOST_K]; // g' = keep g + sum add_i e_i
    double nudge[MOST_K];     // what is added to v: sum nudge_i e_i
    double sum[2 * MOST_K];   // E'g, E'v before
    const tw_rule *rule;
} nudge;

static tw_status open(tw_rule *rule)
{
    tw_status st = TW_OK;
    nudge *own = NULL;
    int64_t k = (int64_t)rule->value[K];
    if (k > rule->n)
        return tw_fail(TW_EINVAL, "optim %s: k: found %g, expected at most the number of parameters",
                       rule->kind->words.name, rule->value[K]);
    if (rule->value[VARIANT] == ALL_DROP && rule->value[FACTOR] > 1)
        return tw_fail(TW_EINVAL, "optim %s: factor: found %g, expected a probability", rule->kind->words.name,
                       rule->value[FACTOR]);
    TW_TRY(tw_alloc(1, sizeof *own, &own));
    rule->own = own;
    TW_TRY(tw_rule_add_array(rule, "directions", k * rule->n, &own->e));
    TW_TRY(tw_rule_add_array(rule, "eigenvalues", k, &own->value));
done:
    return st;
}

// Whether the directions are to be found anew before this step.
static bool due(const tw_rule *rule, const tw_trainer *t)
{
    int64_t spacing = rule->value[REFRESH] == REFRESH_EPOCHS ? t->sampling.epoch_steps : 1;
    if (rule->scalar[COUNT] == 0) return true;
    return rule->value[REFRESH] != REFRESH_ONCE && t->step % ((int64_t)rule->value[EVERY] * spacing) == 0;
}

static void project(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const nudge *own = ctx;
    const double *v = own->rule->array[0].x + first;
    int64_t k = (int64_t)own->rule->value[K];
    (void)w;
    for (int64_t j = 0; j < k; j++) {
        const double *e = own->e + j * own->rule->n + first;
        double along_g = 0, along_v = 0;
        for (int64_t i = 0; i < count; i++) {
            along_g += e[i] * g[i];
            along_v += e[i] * v[i];
        }
        sum[j] += along_g;
        sum[k + j] += along_v;
    }
}

// From the components of the (clipped) gradient c and of the velocity to what is added along each direction.
static void weigh(tw_rule *rule, const tw_trainer *t)
{
    nudge *own = rule->own;
    const double *p = rule->value;
    int64_t k = (int64_t)p[K];
    tw_rng rng = tw_rng_at(rule->seed, TW_RNG_STEP, (uint64_t)t->step);
    own->keep = p[VARIANT] == ONLY_TOP ? 0 : p[VARIANT] == BOTTOM_SCALED ? p[FACTOR] : 1;
    for (int64_t j = 0; j < k; j++) {
        double c = own->sum[j] * t->clip, add = 0;
        switch ((int)p[VARIANT]) {
        case CORRECT_G:
        case CORRECT_BOTH:
            add = (p[GAMMA] - 1) * c;
            break;
        case ONLY_TOP:
            add = c;
            break;
        case REMOVE_TOP:
            add = -c;
            break;
        case TOP_SCALED:
            add = (p[FACTOR] - 1) * c;
            break;
        case BOTTOM_SCALED:
            add = (1 - p[FACTOR]) * c;
            break;
        case ALL_DROP:
            add = tw_rng_uniform(&rng) < p[FACTOR] ? -c : 0;
            break;
        case OVERSHOOT:
            add = -c + (c > 0 ? 0.3 : c < 0 ? -0.3 : 0);
            break;
        default:
            break;
        }
        own->add[j] = add;
        // E'v of the velocity to come: E is orthonormal, so E'g' = keep c + add.
        double v = p[MOMENTUM] * own->sum[k + j] - t->rule.lr * (own->keep * c + add);
        own->nudge[j] = p[VARIANT] == CORRECT_V || p[VARIANT] == CORRECT_BOTH ? (p[GAMMA] - 1) * v : 0;
    }
}

static bool corrects(const tw_rule *rule) { return rule->value[VARIANT] <= CORRECT_BOTH; }

// gamma = 1 is SGD to the bit: nothing is added, not even zero.
static bool plain(const tw_rule *rule)
{
    const nudge *own = rule->own;
    return rule->value[MOMENTUM] == 0 && (!own->on || (corrects(rule) && rule->value[GAMMA] == 1));
}

static tw_status gradient(tw_rule *rule, tw_trainer *t)
{
    tw_status st = TW_OK;
    nudge *own = rule->own;
    const double *p = rule->value;
    own->rule = rule;
    own->on = t->step >= (int64_t)p[BURNIN] * t->sampling.epoch_steps;
    if (own->on && due(rule, t)) {
        tw_directions_opts opts = {(int64_t)p[K],  (int64_t)p[SAMPLES],          p[TOLERANCE],
                                   p[RANDOM] == 1, (int64_t)rule->scalar[COUNT], rule->scalar[COUNT] > 0};
        st = tw_directions(t, &opts, own->e, own->value);
        if (st == TW_ENUMERIC) { // curvature is no longer finite: so will be the loss of the batch, or the next
            own->on = rule->scalar[COUNT] > 0;
            st = TW_OK;
        } else {
            TW_TRY(st);
            rule->scalar[COUNT]++;
        }
    }
    TW_TRY(tw_trainer_batch_gradient(t, false));
done:
    return st;
}

// After clipping is known.
static tw_status prepare(tw_rule *rule, tw_trainer *t)
{
    nudge *own = rule->own;
    if (!own->on || plain(rule)) return TW_OK;
    tw_status st = tw_trainer_walk(t, project, own, 2 * (int)rule->value[K], own->sum);
    if (st == TW_OK) weigh(rule, t);
    return st;
}

TW_CLONES static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g,
                           double *const *m, double *u)
{
    (void)w;
    const nudge *own = rule->own;
    double *restrict v = m[0], mu = rule->value[MOMENTUM], lr = rule->lr, keep = own->on ? own->keep : 1;
    if (!corrects(rule)) mu = 0;
    double full[TW_BLOCK];
    for (int64_t i = 0; i < count; i++) full[i] = keep * g[i];
    for (int64_t j = 0; own->on && j < (int64_t)rule->value[K]; j++) {
        const double *restrict e = own->e + j * rule->n + first, add = own->add[j];
        for (int64_t i = 0; i < count; i++) full[i] += add * e[i];
    }
    for (int64_t i = 0; i < count; i++) u[i] = v[i] = mu * v[i] - lr * full[i];
    for (int64_t j = 0; own->on && j < (int64_t)rule->value[K]; j++) {
        const double *restrict e = own->e + j * rule->n + first, add = own->nudge[j];
        if (add != 0)
            for (int64_t i = 0; i < count; i++) u[i] += add * e[i];
    }
}

#define RULE(name, text, keys)                                                                           \
    {                                                                                                    \
        .words = {name, text, keys}, .scalars = 1, .moment = {"velocity"}, .open = open, .plain = plain, \
        .gradient = gradient, .prepare = prepare, .slab = slab                                           \
    }
const tw_rule_kind tw_rule_nudged = RULE("nudged", "SGD with another rate along the sharpest directions", nudged_words);
const tw_rule_kind tw_rule_dominant = RULE("dominant", "SGD inside the sharpest directions alone", dominant_words);
const tw_rule_kind tw_rule_bulk = RULE("bulk", "SGD without the sharpest directions", bulk_words);
