// SPDX-License-Identifier: MIT
// What each instruction set offers the simulator: groups of sixteen replicas.
#ifndef SIM_REGRESSION_LANES_H
#define SIM_REGRESSION_LANES_H

#include "sim/mean_square.h"
#include "sim/regression.h"

typedef struct tw_regression_lanes {
    void (*one)(const tw_regression_one *in, const tw_mean_square *fit, int64_t first_replica, double *mean_square,
                float *last); // fit: of in->S, looked at from S = 3 on
    void (*pairs)(uint64_t seed, const tw_mean_square *fit, int64_t first_replica, int64_t count, float *root,
                  float *normal); // [count][16] each; fit NULL: the first normals themselves
    void (*normals)(uint64_t seed, int64_t first_replica, int64_t count, float *out);            // out[count][16]
    void (*words)(uint64_t seed, int64_t first_replica, int64_t blocks, uint32_t (*out)[4][16]); // Philox itself
    tw_status (*many)(const tw_regression_many *in, int64_t first_replica, double *moments, float *last);
    const char *name;
} tw_regression_lanes;

extern const tw_regression_lanes tw_regression_plain, tw_regression_avx512;
const tw_regression_lanes *tw_regression_best(void);

#endif
