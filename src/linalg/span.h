// SPDX-License-Identifier: MIT
// Orthonormal bases of spans of vectors that a caller gives.
#ifndef LINALG_SPAN_H
#define LINALG_SPAN_H

#include "linalg/panel.h"

// q [k][n]: an orthonormal basis of span{x_1 ... x_k}, of any lengths. TW_EINVAL: k not in 1 ... n, or the vectors are
// linearly dependent to rounding. TW_ENUMERIC: not finite.
TW_NODISCARD tw_status tw_span(tw_panel *panel, int64_t k, const double *x, const char *what, double *q);

#endif
