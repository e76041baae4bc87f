// SPDX-License-Identifier: MIT
// Many recorded runs as one job: each is a process with one thread, so that they share nothing but a page of progress.
#ifndef TRAIN_MANY_H
#define TRAIN_MANY_H

#include "thalweg/train.h"

typedef enum tw_many_outcome {
    TW_MANY_WAITING,
    TW_MANY_DONE,
    TW_MANY_DIVERGED,
    TW_MANY_FAILED,
    TW_MANY_STOPPED
} tw_many_outcome;

const char *tw_many_word(tw_many_outcome outcome); // "waiting", "done", ...

typedef struct tw_many_result {
    tw_many_outcome outcome;
    char message[256]; // why it failed
} tw_many_result;

// The recipe of run i and the folder it goes to: called in the process of the run.
typedef tw_status (*tw_many_fn)(void *ctx, int64_t i, tw_recipe **recipe, char *folder, size_t size);

// Makes count runs, tw_threads() at once; one that is there goes on from its last state, to the bits it would have
// alone. result [count]. A run that fails or diverges is said in its result, the others go on. TW_ESTOPPED: progress
// said so, and all can be resumed; TW_ENOMEM, TW_EIO: no memory or process.
TW_NODISCARD tw_status tw_record_many(int64_t count, tw_many_fn fn, void *ctx, tw_progress progress,
                                      tw_many_result *result);

#endif
