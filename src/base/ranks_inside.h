// SPDX-License-Identifier: MIT
// What base/ranks.c and base/ranks_sum.c share.
#ifndef BASE_RANKS_INSIDE_H
#define BASE_RANKS_INSIDE_H

#include "base/ranks.h"
#include "base/transport.h"

// All messages of all ranks at once, counted.
TW_NODISCARD tw_status tw_ranks_exchange(int64_t sends, const tw_message *send, int64_t receives,
                                         const tw_message *receive);
// Rank r has bytes first[r] ... first[r + 1] of data (ranks + 1 entries); afterwards every rank has all; counted.
TW_NODISCARD tw_status tw_ranks_collect(const int64_t *first, void *data);

#endif
