// SPDX-License-Identifier: MIT
// Results of eigensolvers: made, certified by fresh products, freed.
#ifndef LINALG_EIGS_H
#define LINALG_EIGS_H

#include "linalg/panel.h"

TW_NODISCARD tw_status tw_eigs_new(int64_t n, int64_t top, int64_t bottom, tw_eigs **out);

// Fills value, residual, orthogonality, products and order from eigs->vector by fresh products; r [count][n] receives
// A v - value v, in the order of the pairs; unit: a power of two near |A|, so that squares stay in range.
TW_NODISCARD tw_status tw_eigs_certify(tw_eigs *eigs, tw_panel *p, const tw_linop *op, double unit, double *r);

// converged, lo, hi and note, from value, residual and scale. slack: what rounding adds to a residual.
TW_NODISCARD tw_status tw_eigs_judge(tw_eigs *eigs, double tolerance, bool of_each, double slack);

// tw_lanczos from opts->starts known vectors, by as few products as following them takes; opts are checked.
TW_NODISCARD tw_status tw_eigs_follow(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out);

#endif
