// SPDX-License-Identifier: MIT
// What the commands on runs share: facts about a run as texts, its status as it is now.
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include "cli/show.h"
#include "thalweg/run.h"

typedef struct tw_runs_found {
    char **path; // by name
    int64_t count, room;
} tw_runs_found;

// Runs below a folder: those in it, and those in its folders that are no runs, which may be grids. TW_EIO: no folder.
TW_NODISCARD tw_status tw_runs_find(const char *folder, tw_runs_found *out);
void tw_runs_found_free(tw_runs_found *found);

// The text, or "" where there is none; in a buffer of the caller's.
TW_NODISCARD tw_status tw_runs_text(tw_run *run, const char *key, size_t size, char *buffer);

// "done", "diverged", "running", "stopped", or "interrupted": said to run while no process writes it.
TW_NODISCARD tw_status tw_runs_status(tw_run *run, const char *folder, size_t size, char *buffer);

// A loss to show in one cell: of the first loss probe, else of the batch; -1 and NAN: none.
TW_NODISCARD tw_status tw_runs_loss(tw_run *run, int64_t *step, double *value);

// Every fact, the time spent, the last number of every series, events: new reference.
TW_NODISCARD tw_status tw_runs_json(tw_run *run, const char *folder, json_t **out);

// Closes a run that was only read: nothing can be lost, so nothing is said. NULL is fine.
void tw_runs_close(tw_run *run);

#endif
