// SPDX-License-Identifier: MIT
// thalweg train with a recipe, or into a run: what flags and files together ask for.
#ifndef CLI_TRAIN_RECIPE_H
#define CLI_TRAIN_RECIPE_H

#include "cli/show.h"
#include "thalweg/train.h"

// Whether the words or flags ask for a recorded run rather than a curve alone.
bool tw_train_is_recorded(const tw_args *args);
TW_NODISCARD tw_status tw_train_recorded(const tw_args *args);

#endif
