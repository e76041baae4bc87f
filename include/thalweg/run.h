// SPDX-License-Identifier: MIT
// A run on disk: the recipe it was made by.
#ifndef THALWEG_RUN_H
#define THALWEG_RUN_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- recipes: docs/recipe.md ---------------------------------------------------------------------------------------
// What a run is to be, as keys and values: "optim.lr" is 0.05. Every key has a type, a range and a default; a value
// that was accepted is one of its type and range, so the getters below cannot fail.

typedef struct tw_recipe tw_recipe;

// Everything at its default. The caller frees *out with tw_recipe_free. TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_recipe_new(tw_recipe **out);

// A YAML (or JSON) file, or its bytes in memory (`name` is for messages). TW_EIO: cannot be read; TW_EFORMAT: "FILE:
// line L: KEY: ...", with what was found, what was expected and, for an unknown key, the nearest one; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_recipe_load(const char *path, tw_recipe **out);
TW_API TW_NODISCARD tw_status tw_recipe_parse(const char *name, const char *text, size_t size, tw_recipe **out);
TW_API void tw_recipe_free(tw_recipe *recipe);

// Sets one key from words. `where` begins the message ("--set"). An item of a list is named by its number from 0,
// "probes.also.0.kind"; the number of items adds one. TW_EINVAL: no such key, or no such value.
TW_API TW_NODISCARD tw_status tw_recipe_set(tw_recipe *recipe, const char *where, const char *key, const char *value);

// The whole recipe as understood, defaults filled in, as YAML that gives the same recipe again. The caller's, free().
TW_API TW_NODISCARD tw_status tw_recipe_text(const tw_recipe *recipe, char **out);

// The value of a key there is: asking for another, or for another type, is the caller's mistake.
TW_API bool tw_recipe_has(const tw_recipe *recipe, const char *key);   // a value was given or it has a default
TW_API bool tw_recipe_given(const tw_recipe *recipe, const char *key); // a value was given
TW_API int64_t tw_recipe_int(const tw_recipe *recipe, const char *key);
TW_API uint64_t tw_recipe_seed(const tw_recipe *recipe, const char *key);
TW_API double tw_recipe_real(const tw_recipe *recipe, const char *key);
TW_API bool tw_recipe_flag(const tw_recipe *recipe, const char *key);
TW_API const char *tw_recipe_str(const tw_recipe *recipe, const char *key); // as text, any type; NULL: has none
TW_API int64_t tw_recipe_items(const tw_recipe *recipe);                    // of probes.also

// ---- cadences ------------------------------------------------------------------------------------------------------
// When something is done: a function of the step alone, so that a resumed run does it at the same steps.
typedef enum tw_cadence_unit { TW_NEVER, TW_STEPS, TW_EPOCHS, TW_LOG } tw_cadence_unit;

typedef struct tw_cadence {
    tw_cadence_unit unit;
    int64_t every; // steps or epochs between; TW_LOG: how many a decade
} tw_cadence;

// "never", "10 steps", "1 epoch", "log 8". TW_EINVAL: something else; the message begins with `where`.
TW_API TW_NODISCARD tw_status tw_cadence_parse(const char *where, const char *text, tw_cadence *out);
TW_API tw_cadence tw_recipe_cadence(const tw_recipe *recipe, const char *key); // TW_NEVER when it has none

// step: steps taken, 0 before the first. Steps and epochs: multiples, 0 too. Log: 0 and the numbers 10^(j / every),
// rounded.
TW_API bool tw_cadence_due(const tw_cadence *cadence, int64_t step, int64_t steps_an_epoch);

// ---- the keys themselves -------------------------------------------------------------------------------------------
typedef struct tw_recipe_key {
    const char *key;      // "optim.lr"; "probes.also.*.kind": of each item
    const char *kind;     // "number", "whole number", "word", "text", "yes or no", "seed", "cadence"
    const char *fallback; // NULL: none
    const char *choices;  // separated by blanks; NULL: free
    const char *text;
} tw_recipe_key;

TW_API int64_t tw_recipe_keys(const tw_recipe_key **out); // how many, and the first; static
#ifdef __cplusplus
}
#endif
#endif
