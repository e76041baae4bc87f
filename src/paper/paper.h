// SPDX-License-Identifier: MIT
// A paper as a list of claims, each with its measurement and the rule that turns numbers into a verdict.
//
// A file of this room declares one tw_paper; adding a paper is adding a file and its line in paper/papers.def.
#ifndef PAPER_PAPER_H
#define PAPER_PAPER_H

#include "base/json.h"

typedef enum tw_verdict { TW_HOLDS, TW_CONTRADICTED, TW_UNDECIDED } tw_verdict;
typedef enum tw_scale { TW_SMOKE, TW_SMALL, TW_FULL } tw_scale;

// How much to measure.
typedef struct tw_effort {
    tw_scale scale;
    uint64_t seed;
    tw_progress progress;
    const char *data; // as thalweg train --data reads it; NULL: claims that need real data stay undecided
} tw_effort;

// The verdict is computed from the numbers in `evidence` by the rule of the claim, and never softened.
typedef struct tw_finding {
    tw_verdict verdict;
    char measured[400]; // one sentence with the numbers and their uncertainty
    json_t *evidence;   // an object, made before measure is called; what is under "figures", an array, is drawn
} tw_finding;

typedef struct tw_claim {
    const char *id, *says, *rule;
    tw_status (*measure)(const tw_effort *effort, tw_finding *out);
} tw_claim;

typedef struct tw_paper {
    const char *name, *title;
    int claims;
    const tw_claim *claim;
} tw_paper;

const tw_paper *tw_paper_find(const char *name); // NULL: none of that name
int tw_paper_count(void);
const tw_paper *tw_paper_at(int i);

const char *tw_verdict_name(tw_verdict verdict);

#endif
