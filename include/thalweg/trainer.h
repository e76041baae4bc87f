// SPDX-License-Identifier: MIT
// A trainer: one trajectory, one step at a time, by any of the step rules of docs/training.md.
#ifndef THALWEG_TRAINER_H
#define THALWEG_TRAINER_H

#include "thalweg/net.h"

#ifdef __cplusplus
extern "C" {
#endif

// A rule, a schedule and a way of sampling are words: NAME or NAME:key=value,key=value. tw_train_words lists them all.
typedef struct tw_trainer_opts {
    size_t size;
    const char *optim;    // "sgd", "gd", "adam:beta2=0.99", "sam:rho=0.1", ...
    const char *schedule; // "constant", "cosine:length=90,warmup=5", ...
    const char *sampling; // "shuffle", "replacement", "independent", "ordered", "full"
    double lr;            // > 0, what the schedule multiplies
    int64_t batch;        // >= 1; more than there are samples means all of them
    double clip_norm;     // > 0: a longer gradient (l2 term included) is shortened to it; 0: not
    double clip_value;    // > 0: each entry of it is cut to [-clip_value, clip_value]; 0: not; not both
    int64_t patience;     // observations without improvement after which `stop` is set; 0: never
    double improvement;   // >= 0, by how much an observation must be smaller to count as one
    bool gradient_norm;   // measure it at every step; clipping by norm does anyway
    uint64_t seed;        // of the order of samples and of every noise
    int64_t first_epoch;  // number of the first epoch
    const char *augment; // of images, in the gradients of steps alone: "none", "flip", "shift:4", "flip,shift:4"; drawn
                         // for (seed, epoch, sample), zeros where an image was moved away (docs/training.md)
} tw_trainer_opts;

static inline tw_trainer_opts tw_trainer_defaults(void)
{
    tw_trainer_opts opts = {sizeof opts, "sgd", "constant", "shuffle", 0.1, 64, 0, 0, 0, 0, false, 0, 0, "none"};
    return opts;
}

typedef struct tw_step {
    int64_t step;           // 1 is the first
    int64_t epoch;          // to which it belongs; the first is opts.first_epoch
    bool epoch_end;         // the last step of its epoch
    int64_t samples;        // of the batch
    double loss;            // mean over the batch before the step, l2 term left out
    int64_t right, counted; // answers that were right, of so many: one a sample and position; 0 for regression
    double accuracy;        // right / counted; NAN for regression
    double epoch_loss;      // mean over the samples of the epoch so far
    double lr;              // with which the step was made
    double gradient_norm;   // with the l2 term, before clipping; NAN when not asked for
    bool clipped;           // the gradient was cut
    bool diverged; // the loss is not finite: no step was made, and the weights are the last ones whose loss was
    int64_t unusable_sample; // diverged: first sample of the batch with a number that is not finite; -1: none
} tw_step;

typedef struct tw_trainer tw_trainer;

// net is trained in place; net and data are kept as borrowed pointers. The caller frees *out with tw_trainer_free.
// TW_EINVAL: an option or a word is impossible (named, with the nearest known one), net and data do not fit; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_trainer_new(tw_net *net, const tw_data *data, const tw_trainer_opts *opts,
                                             tw_trainer **out);
TW_API void tw_trainer_free(tw_trainer *trainer);

// One step. Diverging is an answer, not an error; every further step answers the same. TW_ENOMEM, and what Lanczos
// returns where a rule looks at curvature. Equal options and seeds give equal bits on any number of threads.
TW_API TW_NODISCARD tw_status tw_trainer_step(tw_trainer *trainer, tw_step *out);

TW_API int64_t tw_trainer_epoch_steps(const tw_trainer *trainer); // steps an epoch
TW_API int64_t tw_trainer_steps(const tw_trainer *trainer);       // taken so far
TW_API int64_t tw_trainer_products(const tw_trainer *trainer);    // with the Hessian, by this process's steps
TW_API double tw_trainer_lr(const tw_trainer *trainer);           // of the next step, by the schedule

// What was seen of the quantity that should fall (validation loss, say), usually once an epoch: feeds the schedule
// "plateau" and early stopping. *stop: opts.patience observations have passed without improvement. NaN counts as none.
TW_API void tw_trainer_observe(tw_trainer *trainer, double value, bool *stop);

// n numbers each, in the order of tw_net_get_weights. Before the first step both are zero.
TW_API void tw_trainer_gradient(const tw_trainer *trainer, double *g);  // of the last batch, l2 term in, not clipped
TW_API void tw_trainer_last_step(const tw_trainer *trainer, double *u); // weights now minus weights before

// For the rule "noise:kind=factor": the batch gradient's noise is sum_j z_j f_j with z standard normal, so that its
// covariance is F'F; f [k][n]. Copied. Not part of the state: set it again after loading one. TW_EINVAL: another rule,
// or f is not finite; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_trainer_set_noise(tw_trainer *trainer, int64_t k, const double *f);

// Everything the next step depends on, as named arrays: weights, the rule's moments, counters. A trainer made with the
// same net, data and options that loads it goes on to the same bits. The caller frees *out with tw_arrays_free.
// load: TW_EINVAL: an array is missing or of another size (named), and then nothing has changed; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_trainer_save_state(const tw_trainer *trainer, tw_arrays **out);
TW_API TW_NODISCARD tw_status tw_trainer_load_state(tw_trainer *trainer, const tw_arrays *arrays);

// ---- the words -----------------------------------------------------------------------------------------------------

typedef struct tw_word {
    const char *key;
    const char *fallback; // its default, as one would type it
    double least, most;   // numbers
    bool whole;           // a whole number
    const char *choices;  // separated by blanks: one of these instead of a number; NULL
    const char *text;
} tw_word;

typedef struct tw_words {
    const char *name, *text;
    const tw_word *word; // ended by a NULL key
} tw_words;

typedef enum tw_words_of { TW_OPTIM, TW_SCHEDULE, TW_SAMPLING } tw_words_of;

// How many names there are; *out is the i-th of them, static.
TW_API int64_t tw_train_words(tw_words_of of, int64_t i, tw_words *out);

// Whether such words could be given to a trainer, without one: TW_EINVAL names what is wrong and the nearest word.
TW_API TW_NODISCARD tw_status tw_train_check(tw_words_of of, const char *words);

// The same for tw_trainer_opts.augment.
TW_API TW_NODISCARD tw_status tw_augment_check(const char *words);

// The learning rate of a schedule at a step (0 is the first), as a function of nothing else: `cuts` is how often
// "plateau" has cut it. TW_EINVAL: the words.
TW_API TW_NODISCARD tw_status tw_schedule_lr(const char *schedule, double lr, int64_t epoch_steps, int64_t step,
                                             int64_t cuts, double *out);

#ifdef __cplusplus
}
#endif
#endif
