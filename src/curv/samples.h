// SPDX-License-Identifier: MIT
// The gradients of single samples, written out.
#ifndef CURV_SAMPLES_H
#define CURV_SAMPLES_H

#include "thalweg/curv.h"

// g [m][n], without the l2 term. TW_EINVAL: samples are coupled by the batch's own statistics; TW_ENOMEM.
TW_NODISCARD tw_status tw_sample_gradients(const tw_net *net, const tw_data *data, double *g);

// out[i cols + j] = x_i . y_j for x [rows][n] and y [cols][n]; by slabs of rows, the same bits on any number of
// threads.
TW_NODISCARD tw_status tw_row_products(int64_t rows, int64_t cols, int64_t n, const double *x, const double *y,
                                       double *out);

#endif
