// SPDX-License-Identifier: MIT
// The runs that a paper's claims look at: made side by side, kept, found again.
#ifndef PAPER_RUNS_H
#define PAPER_RUNS_H

#include "paper/paper.h"
#include "thalweg/run.h"

// The next name of a list separated by blanks, in buffer; false: there is none.
bool tw_paper_next_word(const char **at, size_t size, char *buffer);

const tw_paper_run *tw_paper_run_named(const tw_paper *paper, const char *name); // NULL: none

// Whether all runs of the claim are made at this scale.
bool tw_claim_is_at(const tw_paper *paper, const tw_claim *claim, tw_scale scale);

// Makes the runs of these claims (only: ids, a line each; NULL for all) that are not there yet, as many at once as
// there are threads, in effort->folder/runs/NAME-SEED; one that was stopped goes on. *made: how many were not done
// before. TW_EINVAL: a folder holds a run by another recipe; a run that fails: its message.
TW_NODISCARD tw_status tw_paper_runs_make(const tw_paper *paper, const tw_effort *effort, const char *only,
                                          int64_t *made);

// Seconds that went into the runs of a claim, over all seeds; other claims may look at the same runs.
TW_NODISCARD tw_status tw_claim_runs_seconds(const tw_effort *effort, const tw_claim *claim, double *seconds);

// The folder of a run for seed number s, in a buffer of the caller's; returns it.
const char *tw_paper_run_folder(const tw_effort *effort, const char *name, int s, size_t size, char *buffer);

// The recipe of a run for seed number s. The caller frees *out.
TW_NODISCARD tw_status tw_paper_run_recipe(const tw_paper *paper, const tw_paper_run *run, const tw_effort *effort,
                                           int s, tw_recipe **out);

// A series of a run and its epochs (series->step over the steps of an epoch). The caller frees *out and *epoch.
TW_NODISCARD tw_status tw_paper_series(const tw_effort *effort, const char *name, int s, const char *series,
                                       tw_series **out, double **epoch);

#endif
