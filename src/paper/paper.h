// SPDX-License-Identifier: MIT
// A paper as a list of claims, each with its measurement and the rule that turns numbers into a verdict.
//
// A file of this room declares one tw_paper: its runs as recipes, its claims, its figures. Adding a paper is adding a
// file and its line in paper/papers.def.
#ifndef PAPER_PAPER_H
#define PAPER_PAPER_H

#include "base/json.h"

// TW_REPORTED: the claim has no rule at this scale and is shown, not judged.
typedef enum tw_verdict { TW_HOLDS, TW_CONTRADICTED, TW_UNDECIDED, TW_REPORTED, TW_VERDICTS } tw_verdict;
typedef enum tw_scale { TW_SMOKE, TW_SMALL, TW_FULL, TW_SCALES } tw_scale;

// How much to measure, and where.
typedef struct tw_effort {
    tw_scale scale;
    uint64_t seed;
    int seeds; // of every run: seed, seed + 1, ...
    tw_progress progress;
    const char *data;   // as thalweg train --data reads it; NULL: claims that need real data stay undecided
    const char *tables; // folder of the small tables a paper names; NULL: claims that need them stay undecided
    const char *folder; // where its runs are: tw_paper_runs_make has made them; NULL for claims without runs
    json_t *shared; // an object in which claims of one command leave each other what they measured (paper/evidence.h);
                    // NULL: each measures for itself
} tw_effort;

// The verdict is computed from the numbers in `evidence` by the rule of the claim, and never softened.
typedef struct tw_finding {
    tw_verdict verdict;
    char measured[640]; // one sentence with the numbers and their uncertainty
    json_t *evidence;   // an object, made before measure is called; what is under "figures", an array, is drawn
} tw_finding;

typedef struct tw_claim {
    const char *id, *says, *rule;
    tw_status (*measure)(const tw_effort *effort, tw_finding *out);
    const char *runs; // names of runs it looks at, separated by blanks; NULL: none. One that is not made at a scale
                      // takes the claim out of it.
} tw_claim;

// A run that claims look at, made once for each seed. Lines of changes are KEY=VALUE.
typedef struct tw_paper_run {
    const char *name;
    const char *base;          // a recipe (YAML) that several have in common
    const char *changes;       // and what makes this one different
    const char *at[TW_SCALES]; // changes by scale; NULL: not made at that scale
    const char *after;         // NULL, or the run from whose kept weights this one starts
    int64_t after_epochs;      // those that it had after so many epochs
} tw_paper_run;

// A series of several runs over epochs, drawn as means over seeds with standard errors.
typedef struct tw_paper_figure {
    const char *title, *about, *y_name;
    const char *series, *runs; // name of the series; names of runs, separated by blanks
    bool log_y;
} tw_paper_figure;

typedef struct tw_paper {
    const char *name, *title;
    int claims;
    const tw_claim *claim;
    const tw_paper_run *run;       // ended by a NULL name; NULL: it has none
    const tw_paper_figure *figure; // ended by a NULL title; NULL: none
    const char *data;              // where samples of its runs come from unless the user says; NULL: it has no runs
    int seeds[TW_SCALES];          // of every run
} tw_paper;

const tw_paper *tw_paper_find(const char *name); // NULL: none of that name
int tw_paper_count(void);
const tw_paper *tw_paper_at(int i);

const char *tw_verdict_name(tw_verdict verdict);

// Whether a claim is among those asked for: only: ids, a line each; NULL: all.
bool tw_claim_is_wanted(const char *only, const char *id);

#endif
