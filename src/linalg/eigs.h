// SPDX-License-Identifier: MIT
// Results of eigensolvers: made, certified by fresh products, freed.
#ifndef LINALG_EIGS_H
#define LINALG_EIGS_H

#include "linalg/panel.h"

// vector is laid out as the panel's vectors are, [count][stride], until tw_eigs_whole makes it [count][n].
TW_NODISCARD tw_status tw_eigs_new(const tw_panel *p, int64_t top, int64_t bottom, tw_eigs **out);
TW_NODISCARD tw_status tw_eigs_whole(tw_eigs *eigs, const tw_panel *p);

// Fills value, residual, orthogonality, products and order from eigs->vector by fresh products; r, a panel of count
// vectors, receives A v - value v, in the order of the pairs; unit: a power of two near |A|, so that squares stay in
// range.
TW_NODISCARD tw_status tw_eigs_certify(tw_eigs *eigs, tw_panel *p, const tw_linop *op, double unit, double *r);

// converged, lo, hi and note, from value, residual and scale. slack: what rounding adds to a residual.
TW_NODISCARD tw_status tw_eigs_judge(tw_eigs *eigs, double tolerance, bool of_each, double slack);

// tw_lanczos from opts->starts known vectors, by as few products as following them takes; opts are checked.
TW_NODISCARD tw_status tw_eigs_follow(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out);

#endif
