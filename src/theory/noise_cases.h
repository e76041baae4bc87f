// SPDX-License-Identifier: MIT
// Files of noise problems ("noise-cases-1") to the answers: docs/noise.md, "The case file".
#ifndef THEORY_NOISE_CASES_H
#define THEORY_NOISE_CASES_H

#include "base/json.h"

// *out = {"cases": [{"id", "out": {...}}]}, the caller's. What is not defined is null. Bad input names file, case,
// field, what was found and what was expected: TW_EFORMAT for the file's form, TW_EINVAL for numbers out of range.
TW_NODISCARD tw_status tw_noise_solve_cases(const char *path, json_t **out);

#endif
