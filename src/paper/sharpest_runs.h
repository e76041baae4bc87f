// SPDX-License-Identifier: MIT
// The runs and figures of the paper on sharpest directions.
#ifndef PAPER_SHARPEST_RUNS_H
#define PAPER_SHARPEST_RUNS_H

#include "paper/paper.h"

extern const tw_paper_run tw_sharpest_run[]; // ended by a NULL name
extern const tw_paper_figure tw_sharpest_figure[];

#endif
