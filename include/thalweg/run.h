// SPDX-License-Identifier: MIT
// A run on disk: the recipe it was made by, and what it left behind.
#ifndef THALWEG_RUN_H
#define THALWEG_RUN_H

#include "thalweg/data.h"

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

// ---- the store: docs/runs.md ---------------------------------------------------------------------------------------
// A run is a folder: run.sqlite, and tensors as .safetensors. One process at a time writes it, any number read. What is
// put is committed about once a second and with every state; a process that is killed leaves a run that can be resumed,
// to the same bits, from its last state.
//
// All functions: TW_EIO with the system's reason (no such folder, read-only, disk full); TW_EFORMAT: not a run,
// damaged, or of a newer version; TW_ENOMEM. A put that fails leaves what was committed before.

typedef struct tw_run tw_run;

// Makes the folder (its parent must be there) and an empty run in it, open for writing. TW_EINVAL: there is a run
// already.
// With several ranks (base.h), tw_run_new, tw_run_open for writing and what is then called with the run must be reached
// by all of them: rank 0 alone touches the folder, texts and states reach all.
TW_API TW_NODISCARD tw_status tw_run_new(const char *folder, tw_run **out);
// TW_EINVAL (write): another process writes it.
TW_API TW_NODISCARD tw_status tw_run_open(const char *folder, bool write, tw_run **out);
// Commits and closes; NULL is fine. A run that was closed in good order has no files but its own.
TW_API TW_NODISCARD tw_status tw_run_close(tw_run *run);
TW_API bool tw_run_is_being_written(const char *folder); // by a process that is alive

// Facts about the whole run: "recipe", "version", "status", ... An older value is replaced.
TW_API TW_NODISCARD tw_status tw_run_put_text(tw_run *run, const char *key, const char *text);
TW_API TW_NODISCARD tw_status tw_run_load_text(tw_run *run, const char *key, char **out); // the caller's; NULL: none

// One number of a named series ("loss/train") at a step. error: its standard error or bound, NAN when it has none. A
// NaN is kept as a missing number.
TW_API TW_NODISCARD tw_status tw_run_put_scalar(tw_run *run, const char *series, int64_t step, double value,
                                                double error);
// count numbers at a step: a density, a histogram.
TW_API TW_NODISCARD tw_status tw_run_put_curve(tw_run *run, const char *series, int64_t step, int64_t count,
                                               const double *x);
// What happened: one of a kind at a step, so that what happens again after a resume is said once.
TW_API TW_NODISCARD tw_status tw_run_put_event(tw_run *run, int64_t step, const char *kind, const char *text);
// Adds to the time spent on something. Not part of what is the same after a resume.
TW_API TW_NODISCARD tw_status tw_run_put_time(tw_run *run, const char *what, double seconds, int64_t calls);
TW_API TW_NODISCARD tw_status tw_run_commit(tw_run *run);

// State: arrays and a text from which the run goes on after `step` steps. What was put before is committed with it. The
// last two are kept.
TW_API TW_NODISCARD tw_status tw_run_save_state(tw_run *run, int64_t step, const char *text, int64_t count,
                                                const tw_array *array);
// The last state whose file is whole; everything put for later steps is forgotten. *arrays NULL: there is none, and all
// is forgotten. The caller frees *text and *arrays.
TW_API TW_NODISCARD tw_status tw_run_load_state(tw_run *run, int64_t *step, char **text, tw_arrays **arrays);
// A .safetensors file that is kept for good, NAME-STEP.safetensors: `save` writes it, whole, to the path it is given.
TW_API TW_NODISCARD tw_status tw_run_save_file(tw_run *run, const char *name, int64_t step,
                                               tw_status (*save)(void *ctx, const char *path), void *ctx);

typedef struct tw_series {
    int64_t count;
    int64_t *step;         // [count] ascending
    double *value, *error; // [count] NAN: missing
} tw_series;

typedef struct tw_series_names {
    int64_t count;
    char **name;     // [count]
    int64_t *points; // [count]
} tw_series_names;

// Series of scalars (curves: of curves), by name. The caller frees *out.
TW_API TW_NODISCARD tw_status tw_run_series_names(tw_run *run, bool curves, tw_series_names **out);
TW_API void tw_series_names_free(tw_series_names *names);
// Every stride-th number of a series and the last one; stride 1: all. No such series: count 0.
TW_API TW_NODISCARD tw_status tw_run_series(tw_run *run, const char *series, int64_t stride, tw_series **out);
TW_API void tw_series_free(tw_series *series);
TW_API TW_NODISCARD tw_status tw_run_last(tw_run *run, const char *series, int64_t *step, double *value,
                                          double *error); // count 0: step -1, value and error NAN
// The steps at which a curve was put: of the series, values and errors NAN. The caller frees *out.
TW_API TW_NODISCARD tw_status tw_run_curve_steps(tw_run *run, const char *series, tw_series **out);
// The curve at a step; step < 0: the last. The caller frees *x; NULL: there is none.
TW_API TW_NODISCARD tw_status tw_run_curve(tw_run *run, const char *series, int64_t step, int64_t *count, double **x);

typedef struct tw_event {
    int64_t step;
    char *kind, *text;
} tw_event;

typedef struct tw_events {
    int64_t count;
    tw_event *event;
} tw_events;
TW_API TW_NODISCARD tw_status tw_run_events(tw_run *run, tw_events **out);
TW_API void tw_events_free(tw_events *events);

typedef struct tw_times {
    int64_t count;
    char **what;
    double *seconds;
    int64_t *calls;
} tw_times;
TW_API TW_NODISCARD tw_status tw_run_times(tw_run *run, tw_times **out);
TW_API void tw_times_free(tw_times *times);

// Reads everything: the database by its own check, every tensor file by its checksum. *bad: how many faults; each is
// told to `say`.
TW_API TW_NODISCARD tw_status tw_run_verify(tw_run *run, void (*say)(void *ctx, const char *fault), void *ctx,
                                            int64_t *bad);

// Removes the run's own files, and the folder if nothing else is in it (*left: it is still there). TW_EINVAL: somebody
// writes it.
TW_API TW_NODISCARD tw_status tw_run_delete(const char *folder, bool *left);

#ifdef __cplusplus
}
#endif
#endif
