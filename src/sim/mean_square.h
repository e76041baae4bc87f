// SPDX-License-Identifier: MIT
// chi^2_S / S as the square of a polynomial in a normal.
#ifndef SIM_MEAN_SQUARE_H
#define SIM_MEAN_SQUARE_H

#include "base/status.h"

// r(n)^2 has, for n standard normal, the law of chi^2_S / S: r(n) = sqrt(F^-1(Phi(n)) / S), here a polynomial of least
// degree that keeps |r^2 - F^-1(Phi(n))/S| <= 5e-6 (1 + q) on |n| <= 4, and e^(2(|n| - 4)) times as much on to 6.7,
// beyond which the simulator's normals do not go.
enum { TW_MEAN_SQUARE_DEGREE = 13 };
typedef struct tw_mean_square {
    int degree;                         // 4, 6, 8, 10, 12 or 13
    float c[TW_MEAN_SQUARE_DEGREE + 1]; // of n^0, n^1, ...
    double off;                         // the largest |r^2 - q| / (1 + q) over what is allowed there, 1 within |n| <= 4
} tw_mean_square;

// S >= 3. TW_ENUMERIC, TW_ENOMEM: as least squares has them.
TW_NODISCARD tw_status tw_mean_square_fit(int64_t S, tw_mean_square *out);

#endif
