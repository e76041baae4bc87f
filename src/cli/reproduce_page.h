// SPDX-License-Identifier: MIT
// What `thalweg reproduce` leaves beside the numbers: figures, a table in Markdown, and a page that needs nothing else.
#ifndef CLI_REPRODUCE_PAGE_H
#define CLI_REPRODUCE_PAGE_H

#include "base/json.h"
#include "paper/paper.h"

// Writes FOLDER/figure-NN.svg and .csv (of figures of which at least two runs are there), FOLDER/claims.md and
// FOLDER/report.html from result = {paper, scale, data, claims: [...], version, ...}. TW_EIO, also when gnuplot is
// missing; TW_ENOMEM.
TW_NODISCARD tw_status tw_reproduce_page(const tw_paper *paper, const tw_effort *effort, const char *folder,
                                         const json_t *result);

#endif
