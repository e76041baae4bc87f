// SPDX-License-Identifier: MIT
// A fixed random part of samples that are in memory already.
#include "train/probe.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "data/part.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

tw_status tw_data_sample(const tw_data *data, int64_t samples, uint64_t seed, tw_data **out)
{
    tw_status st = TW_OK;
    tw_data *made = NULL;
    int64_t *order = NULL;
    size_t row = (size_t)data->features * (size_t)data->real;

    if (samples > data->m) samples = data->m;
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    *made = *data;
    made->m = samples;
    made->name = NULL;
    made->x = NULL;
    made->label = NULL;
    made->target = NULL;
    made->class_name = NULL;
    made->before = made->after = made->unit = 0;
    TW_TRY(tw_strdup(data->name, &made->name));
    TW_TRY(tw_alloc(samples, row, &made->x));
    if (data->label) TW_TRY(tw_alloc(samples, sizeof *made->label, &made->label));
    if (data->target) TW_TRY(tw_alloc(samples * data->targets, sizeof *made->target, &made->target));
    TW_TRY(tw_alloc(data->m, sizeof *order, &order));
    for (int64_t i = 0; i < data->m; i++) order[i] = i;
    if (samples < data->m) {
        tw_rng rng = tw_rng_at(seed, TW_RNG_SPLIT, 1);
        tw_rng_shuffle(&rng, data->m, order);
    }
    TW_TRY(tw_data_fetch(data, order, 0, samples, samples, made->x));
    for (int64_t i = 0; i < samples; i++) {
        int64_t from = order[i];
        if (data->label) made->label[i] = data->label[from];
        if (data->target)
            memcpy(made->target + i * data->targets, data->target + from * data->targets,
                   (size_t)data->targets * sizeof *data->target);
    }
    *out = made;
    made = NULL;
done:
    free(order);
    tw_data_free(made);
    return st;
}
