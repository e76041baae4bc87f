// SPDX-License-Identifier: MIT
// What was found of one matrix's spectrum, and the ways to show it.
#ifndef CLI_SPECTRUM_H
#define CLI_SPECTRUM_H

#include "cli/open.h"

typedef struct tw_found {
    const tw_args *args;
    const char *matrix;
    const tw_net *net;
    const tw_data *data;
    const tw_curv *curv;
    int64_t n;           // parameters of the matrix
    tw_eigs *eigs;       // NULL: not asked for
    tw_density *density; // NULL: not asked for
    tw_estimate trace;
    bool has_trace;
    double seconds;
} tw_found;

void tw_found_show(const tw_found *found);                                 // a table for people
TW_NODISCARD tw_status tw_found_json(const tw_found *found, json_t **out); // without provenance; the caller's
TW_NODISCARD tw_status tw_found_save(const tw_found *found, const char *path);
TW_NODISCARD tw_status tw_found_draw(const tw_found *found, const char *path, const char *csv);
void tw_found_free(tw_found *found); // eigs and density only

// The matrix's name as a title begins: "Hessian", "Second moment of per-sample gradients".
const char *tw_found_title(const char *matrix);

#endif
