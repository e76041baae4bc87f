// SPDX-License-Identifier: MIT
// Single batches: which samples they have, written out as data of their own.
#ifndef TRAIN_BATCHES_H
#define TRAIN_BATCHES_H

#include "base/rng.h"
#include "base/status.h"
#include "thalweg/data.h"

// C(m, batch), cut off above 1e15.
double tw_batches_count(int64_t m, int64_t batch);

// pick [batch]: the next set of different samples in lexical order, from 0 ... batch - 1; false after the last.
bool tw_batches_next(int64_t m, int64_t batch, int64_t *pick);

// pick [batch] at random; without replacement by Floyd's method, in no particular order.
void tw_batches_draw(tw_rng *rng, int64_t m, int64_t batch, bool replacement, int64_t *pick);

// Room for a batch of data; freed with tw_batch_close.
TW_NODISCARD tw_status tw_batch_open(const tw_data *data, int64_t batch, tw_data *out);
void tw_batch_close(tw_data *batch);
void tw_batch_fill(const tw_data *data, const int64_t *pick, tw_data *batch);

#endif
