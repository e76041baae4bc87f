// SPDX-License-Identifier: MIT
// The trainer that a recipe asks for, as a recorded run wants it.
#ifndef TRAIN_STEPPER_H
#define TRAIN_STEPPER_H

#include "base/status.h"
#include "thalweg/run.h"
#include "thalweg/trainer.h"

typedef struct tw_stepper tw_stepper;

// optim, schedule, sampling and stop of the recipe; net and data are borrowed.
TW_NODISCARD tw_status tw_stepper_new(const tw_recipe *recipe, tw_net *net, const tw_data *data, tw_stepper **out);
void tw_stepper_free(tw_stepper *stepper);
tw_trainer *tw_stepper_trainer(tw_stepper *stepper); // borrowed

// Arrays of a state, lent until the next call; at most so many.
enum { TW_STEPPER_ARRAYS = 64 };
TW_NODISCARD tw_status tw_stepper_state(tw_stepper *stepper, int64_t *count, tw_array *array);

#endif
