// SPDX-License-Identifier: MIT
// Files of PAC-Bayes problems ("bound-solve-1") to the answers: docs/bound.md.
#ifndef THEORY_BOUND_CASES_H
#define THEORY_BOUND_CASES_H

#include "base/json.h"

// *out = {"cases": [{"id", "out": {...}}]}, the caller's. TW_EFORMAT: the file's form; TW_EINVAL: numbers out of range.
TW_NODISCARD tw_status tw_bound_solve_cases(const char *path, json_t **out);

#endif
