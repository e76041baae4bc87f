// SPDX-License-Identifier: MIT
// Numbers over seeds against the bound of a claim.
#ifndef PAPER_CONDITION_H
#define PAPER_CONDITION_H

#include "paper/paper.h"

enum { TW_SEEDS = 16 };

typedef enum tw_side { TW_AT_LEAST, TW_AT_MOST } tw_side;

// One condition of a claim: `what` over seeds, on one side of `bound`. It holds where the mean is on that side by more
// than its standard error over seeds (of one seed: by anything), is contradicted where it is on the other side by more
// than that, else undecided; so is one with a number missing. A ratio is averaged by its logarithm. The claim's verdict
// becomes the worst of its conditions: contradicted, then undecided. Numbers go into the evidence and the sentence.
typedef struct tw_condition {
    const char *what;
    tw_side side;
    double bound;
    bool ratio; // positive numbers whose logarithms are averaged
} tw_condition;

void tw_finding_begin(tw_finding *f); // verdict holds, empty sentence
void tw_finding_check(tw_finding *f, const tw_condition *condition, int seeds, const double *x);
void tw_finding_note(tw_finding *f, const char *what, int seeds, const double *x); // shown, not judged

#endif
