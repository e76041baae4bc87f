// SPDX-License-Identifier: MIT
// A run, or several beside each other, as one HTML page.
#ifndef REPORT_PAGE_RUN_H
#define REPORT_PAGE_RUN_H

#include "base/status.h"
#include "thalweg/run.h"

enum { TW_REPORT_RUNS = 12 }; // in one page, at most

// The page needs nothing else and appears whole or not at all. Long curves are drawn as means over equal parts of their
// steps. TW_EIO (also when gnuplot is missing), TW_ENOMEM, what reading runs returns.
TW_NODISCARD tw_status tw_report_write(const char *path, const char *title, int64_t count, char *const *folder);

#endif
