// SPDX-License-Identifier: MIT
// Files of escape problems and their answers.
#ifndef THEORY_ESCAPE_CASES_H
#define THEORY_ESCAPE_CASES_H

#include "base/json.h"

// {"cases": [{"id", "kind", "in"}]} to {"cases": [{"id", "out"}]}; *out is the caller's.
TW_NODISCARD tw_status tw_escape_solve_cases(const char *path, json_t **out);

#endif
