// SPDX-License-Identifier: MIT
// Files of problems and their answers: {"cases": [{"id", KEY, "in": {...}}]} to {"cases": [{"id", "out": {...}}]}.
#ifndef THEORY_CASES_H
#define THEORY_CASES_H

#include "base/alloc.h"
#include "base/json.h"

// One problem: its fields, and where it stands for messages.
typedef struct tw_case {
    const char *path, *id;
    const json_t *in;
} tw_case;

// A kind of problem: fills out, or fails with TW_EFORMAT (form of the file) or TW_EINVAL (numbers out of range).
typedef struct tw_case_kind {
    const char *name;
    tw_status (*solve)(const tw_case *c, json_t *out);
} tw_case_kind;

// key: the field that names the kind ("family", "kind"). *out is the caller's.
TW_NODISCARD tw_status tw_cases_solve(const char *path, const char *key, int count, const tw_case_kind *kinds,
                                      json_t **out);
// The same for a file that has been read; path is its name in messages.
TW_NODISCARD tw_status tw_cases_answer(const char *path, const json_t *file, const char *key, int count,
                                       const tw_case_kind *kinds, json_t **out);

TW_NODISCARD tw_status tw_case_int(const tw_case *c, const char *field, int64_t least, int64_t *out);
TW_NODISCARD tw_status tw_case_real(const tw_case *c, const char *field, double *out);
// Arrays of exactly n numbers, or rows of cols; *out is the caller's. Sizes are checked before memory is taken.
TW_NODISCARD tw_status tw_case_vector(const tw_case *c, const char *field, int64_t n, double **out);
TW_NODISCARD tw_status tw_case_matrix(const tw_case *c, const char *field, int64_t rows, int64_t cols, double **out);
tw_status tw_case_wrong(const tw_case *c, const char *field, const json_t *found, const char *expected);

// out[name] = x, or null when it is not there (has false, x NULL).
void tw_out_number(json_t *o, const char *name, bool has, double x);
void tw_out_vector(json_t *o, const char *name, int64_t n, const double *x);
void tw_out_matrix(json_t *o, const char *name, int64_t rows, int64_t cols, const double *x);

#endif
