// SPDX-License-Identifier: MIT
// The list of step rules, and what they share: words, state, noise.
#include "train/optimizer.h"

#include "base/alloc.h"
#include "base/rng.h"
#include <math.h>
#include <string.h>

static const tw_rule_kind *const kinds[] = {
    &tw_rule_sgd,    &tw_rule_gd,       &tw_rule_adam, &tw_rule_adamw,    &tw_rule_rmsprop, &tw_rule_sgld, &tw_rule_sam,
    &tw_rule_nudged, &tw_rule_dominant, &tw_rule_bulk, &tw_rule_adaptive, &tw_rule_precond, &tw_rule_noise};
enum { KINDS = sizeof kinds / sizeof *kinds };

int64_t tw_rule_words(int64_t i, tw_words *out)
{
    if (i >= 0 && i < KINDS) *out = kinds[i]->words;
    return KINDS;
}

tw_status tw_rule_read(const char *words, int64_t *kind, double value[TW_MOST_WORDS])
{
    tw_words table[KINDS];
    for (int i = 0; i < KINDS; i++) table[i] = kinds[i]->words;
    return tw_words_read("optim", words, KINDS, table, kind, value);
}

tw_status tw_rule_add_array(tw_rule *rule, const char *name, int64_t count, double **out)
{
    double *x = NULL;
    tw_status st = tw_alloc(count, sizeof *x, &x);
    if (st != TW_OK) return st;
    rule->array[rule->arrays++] = (tw_rule_array){name, count, x};
    *out = x;
    return TW_OK;
}

tw_status tw_rule_open(const char *words, int64_t n, uint64_t seed, tw_rule *out)
{
    tw_status st = TW_OK;
    tw_rule made = {.n = n, .seed = seed};
    int64_t kind;
    double *unused;
    TW_TRY(tw_rule_read(words, &kind, made.value));
    made.kind = kinds[kind];
    for (int i = 0; i < 4 && made.kind->moment[i]; i++) {
        TW_TRY(tw_rule_add_array(&made, made.kind->moment[i], n, &unused));
        made.moments++;
    }
    if (made.kind->scalars > 0) TW_TRY(tw_rule_add_array(&made, "scalars", made.kind->scalars, &made.scalar));
    if (made.kind->open) TW_TRY(made.kind->open(&made));
    *out = made;
    made = (tw_rule){0};
done:
    tw_rule_close(&made);
    return st;
}

void tw_rule_close(tw_rule *rule)
{
    if (rule->kind && rule->kind->close) rule->kind->close(rule);
    for (int i = 0; i < rule->arrays; i++) free(rule->array[i].x);
    free(rule->own);
    *rule = (tw_rule){0};
}

void tw_step_normals(uint64_t seed, int64_t step, int64_t first, int64_t count, double *x)
{
    // A pair of Box-Muller takes one block of four words, so pair number i is block number i.
    tw_rng rng = tw_rng_at(seed, TW_RNG_STEP, (uint64_t)step);
    uint64_t pair = (uint64_t)first / 2;
    rng.counter[0] = (uint32_t)pair;
    rng.counter[1] = (uint32_t)(pair >> 32);
    tw_rng_normals(&rng, count, x);
}
