// SPDX-License-Identifier: MIT
// thalweg train --grid: many runs as one job.
#ifndef CLI_TRAIN_GRID_H
#define CLI_TRAIN_GRID_H

#include "cli/show.h"
#include "thalweg/train.h"

// Every combination of the values in `grid` ("KEY=V,V\nKEY=V,V") and of `seeds` seeds from seeds.run on, each a run in
// `folder`, as many processes at once as there are threads. A run that is there already is gone on with, so the same
// words continue a grid that was stopped. Members that fail or diverge are marked, and the others go on.
TW_NODISCARD tw_status tw_train_grid(const tw_args *args, const tw_recipe *recipe, const char *folder, const char *grid,
                                     int64_t seeds);

#endif
