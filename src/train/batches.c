// SPDX-License-Identifier: MIT
// Sets of samples: counted, walked through, drawn, gathered.
//
// Floyd's method draws a set of k out of m with k numbers: for j = m - k ... m - 1 draw t in 0 ... j and take t, or j
// where t is taken already (Bentley & Floyd, Commun. ACM 30 (1987) 754).
#include "train/batches.h"

#include "base/alloc.h"
#include <string.h>

double tw_batches_count(int64_t m, int64_t batch)
{
    double count = 1;
    int64_t k = batch < m - batch ? batch : m - batch;
    for (int64_t i = 1; i <= k && count <= 1e15; i++) count *= (double)(m - k + i) / (double)i;
    return count;
}

bool tw_batches_next(int64_t m, int64_t batch, int64_t *pick)
{
    int64_t k = batch - 1;
    while (k >= 0 && pick[k] == m - batch + k) k--;
    if (k < 0) return false;
    pick[k]++;
    for (int64_t i = k + 1; i < batch; i++) pick[i] = pick[i - 1] + 1;
    return true;
}

void tw_batches_draw(tw_rng *rng, int64_t m, int64_t batch, bool replacement, int64_t *pick)
{
    for (int64_t i = 0; i < batch; i++) {
        int64_t most = replacement ? m : m - batch + i + 1, one = (int64_t)tw_rng_below(rng, (uint64_t)most);
        bool taken = false;
        for (int64_t j = 0; j < i && !replacement; j++) taken = taken || pick[j] == one;
        pick[i] = taken ? most - 1 : one;
    }
}

tw_status tw_batch_open(const tw_data *data, int64_t batch, tw_data *out)
{
    tw_status st = TW_OK;
    tw_data b = *data;
    b.m = batch;
    b.x = NULL;
    b.label = NULL;
    b.target = NULL;
    TW_TRY(tw_alloc(batch * data->features, (size_t)data->real, &b.x));
    if (data->label) TW_TRY(tw_alloc(batch, sizeof *b.label, &b.label));
    if (data->target) TW_TRY(tw_alloc(batch * data->targets, sizeof *b.target, &b.target));
    *out = b;
    b = (tw_data){0};
done:
    tw_batch_close(&b);
    return st;
}

void tw_batch_close(tw_data *batch)
{
    free(batch->x);
    free(batch->label);
    free(batch->target);
    *batch = (tw_data){0};
}

void tw_batch_fill(const tw_data *data, const int64_t *pick, tw_data *batch)
{
    size_t row = (size_t)data->features * (size_t)data->real;
    for (int64_t i = 0; i < batch->m; i++) {
        memcpy((char *)batch->x + (size_t)i * row, (const char *)data->x + (size_t)pick[i] * row, row);
        if (data->label) batch->label[i] = data->label[pick[i]];
        if (data->target)
            memcpy(batch->target + i * data->targets, data->target + pick[i] * data->targets,
                   (size_t)data->targets * sizeof(double));
    }
}
