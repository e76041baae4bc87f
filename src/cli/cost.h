// SPDX-License-Identifier: MIT
// What a product costs on ranks: seconds = flops / rate + bytes / bandwidth + messages latency.
#ifndef CLI_COST_H
#define CLI_COST_H

#include "thalweg/net.h"

enum { TW_COST_FLOPS, TW_COST_BYTES, TW_COST_MESSAGES, TW_COST_TERMS };

typedef struct tw_cost {
    double per[TW_COST_TERMS],
        error[TW_COST_TERMS];  // seconds a flop of a core, a byte received, a message; standard errors
    bool known[TW_COST_TERMS]; // alone, a process knows its flops only
    double rms, most;          // relative residuals: root mean square, largest
    int64_t rows;              // measurements
    int ranks;                 // on 1 ... ranks
} tw_cost;

// Products of the Hessian and bare sums on 1, 2, 3, 4 and all ranks that there are, fitted: the same on all ranks.
TW_NODISCARD tw_status tw_cost_measure(const tw_net *net, const tw_data *data, int64_t block, int64_t memory,
                                       tw_cost *out);

// Flops of a Hessian product of one direction over one sample, on kept states or (kept = false) with the states made.
double tw_cost_flops(const tw_net *net, bool kept);

#endif
