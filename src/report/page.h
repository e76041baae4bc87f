// SPDX-License-Identifier: MIT
// One self-contained HTML page from results as JSON and their figures.
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "base/status.h"

// result[i] is a JSON file of `thalweg train` or `thalweg spectrum`; a figure NAME.svg beside NAME.json is put above
// its table. The page appears whole or not at all. TW_EIO, TW_EFORMAT: a file, with what was found and expected.
TW_NODISCARD tw_status tw_page_write(const char *path, const char *title, int64_t count, char *const *result);

#endif
