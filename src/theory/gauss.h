// SPDX-License-Identifier: MIT
// Gauss-Legendre panels: nodes, weights, and the integral from the left end of a panel up to each node.
#ifndef THEORY_GAUSS_H
#define THEORY_GAUSS_H

enum { TW_GAUSS = 20 };

typedef struct tw_gauss {
    double t[TW_GAUSS], w[TW_GAUSS]; // on [-1, 1]
    double upto[TW_GAUSS][TW_GAUSS]; // integral of f from -1 to t[i] = sum of upto[i][j] f(t[j])
} tw_gauss;

void tw_gauss_init(tw_gauss *g);

#endif
