// SPDX-License-Identifier: MIT
// One step at a time, as a recorded run wants it: what moves the weights, and its state.
#ifndef TRAIN_STEPPER_H
#define TRAIN_STEPPER_H

#include "base/status.h"
#include "thalweg/run.h"
#include "thalweg/train.h"

typedef struct tw_stepper tw_stepper;

typedef struct tw_stepped {
    double loss, accuracy; // of the batch, before the step
    double lr;
    bool diverged; // no step was made: the weights are the last whose loss was finite
} tw_stepped;

TW_NODISCARD tw_status tw_stepper_new(const tw_recipe *recipe, tw_net *net, const tw_data *data, tw_stepper **out);
void tw_stepper_free(tw_stepper *stepper);
int64_t tw_stepper_epoch_steps(const tw_stepper *stepper);
TW_NODISCARD tw_status tw_stepper_step(tw_stepper *stepper, tw_stepped *out);
enum { TW_STEPPER_ARRAYS = 8 };
TW_NODISCARD tw_status tw_stepper_state(tw_stepper *stepper, int64_t *count, tw_array *array); // borrowed
TW_NODISCARD tw_status tw_stepper_load_state(tw_stepper *stepper, int64_t step, const tw_arrays *arrays);

#endif
