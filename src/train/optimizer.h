// SPDX-License-Identifier: MIT
// A step rule: a table of functions and the state that they keep.
//
// A step is: `gradient` puts the batch's summed gradient where the rule wants it taken (default: at the weights) and
// does what needs the whole of it; then `slab` makes the step for each few hundred numbers at a time, in double.
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "base/clones.h"
#include "train/words.h"

typedef struct tw_rule tw_rule;

enum { TW_MOST_ARRAYS = 6, TW_MOST_SCALARS = 8, TW_BLOCK = 512 };

typedef struct tw_rule_kind {
    tw_words words;
    int scalars;                                         // numbers of state that are not one a parameter
    const char *moment[4];                               // names of arrays of n doubles; NULL ends
    bool whole_data;                                     // gradients of all the data are taken
    bool all_batch;                                      // every batch is all samples
    tw_status (*open)(tw_rule *rule);                    // NULL: nothing
    void (*close)(tw_rule *rule);                        // NULL: nothing
    bool (*plain)(const tw_rule *rule);                  // this step is w - lr g and nothing else; NULL: never
    tw_status (*gradient)(tw_rule *rule, tw_trainer *t); // NULL: the batch's
    tw_status (*prepare)(tw_rule *rule, tw_trainer *t);  // lr and clipping are known; NULL: nothing
    // u[count] = what is added to w[count], from the gradient g (l2 term in, clipped); parameters first ... in the
    // order of memory. m[i]: the i-th moment there. Only these numbers are written, so slabs run in any order.
    void (*slab)(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g, double *const *m,
                 double *u);
} tw_rule_kind;

// An array of state by name; saved and loaded with the trainer.
typedef struct tw_rule_array {
    const char *name;
    int64_t count;
    double *x;
} tw_rule_array;

struct tw_rule {
    const tw_rule_kind *kind;
    double value[TW_MOST_WORDS]; // of the keys
    int64_t n;
    int moments, arrays;
    tw_rule_array array[TW_MOST_ARRAYS]; // moments first, then scalars, then the rule's own
    double *scalar;                      // [kind->scalars]
    double lr;                           // of this step
    int64_t step;                        // taken before this one
    uint64_t seed;
    void *own; // the rule's
};

TW_NODISCARD tw_status tw_rule_open(const char *words, int64_t n, uint64_t seed, tw_rule *out);
void tw_rule_close(tw_rule *rule);
TW_NODISCARD tw_status tw_rule_read(const char *words, int64_t *kind, double value[TW_MOST_WORDS]);
int64_t tw_rule_words(int64_t i, tw_words *out); // as tw_train_words
TW_NODISCARD tw_status tw_rule_add_array(tw_rule *rule, const char *name, int64_t count, double **out);

extern const tw_rule_kind tw_rule_sgd, tw_rule_gd, tw_rule_adam, tw_rule_adamw, tw_rule_rmsprop, tw_rule_sgld,
    tw_rule_sam, tw_rule_nudged, tw_rule_dominant, tw_rule_bulk, tw_rule_adaptive, tw_rule_precond, tw_rule_noise;

// Standard normals number first ... of step `step`: functions of (seed, step, number) alone. first is even.
void tw_step_normals(uint64_t seed, int64_t step, int64_t first, int64_t count, double *x);

// The end of a table of words.
#define TW_END                              \
    {                                       \
        NULL, NULL, 0, 0, false, NULL, NULL \
    }
#define TW_LARGE 1e300

#endif
