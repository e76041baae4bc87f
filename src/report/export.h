// SPDX-License-Identifier: MIT
// A run's numbers for other programs.
#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

#include "base/status.h"
#include "thalweg/run.h"

// Files appear whole or not at all. TW_EIO, TW_ENOMEM, and what reading the run returns.

// series,step,value,error: one line a number; a missing one is empty.
TW_NODISCARD tw_status tw_export_csv(tw_run *run, const char *path);
// One JSON object a line: {"series", "step", "value", "error"}, and {"series", "step", "x": [...]} for curves.
TW_NODISCARD tw_status tw_export_jsonl(tw_run *run, const char *path);
// Arrays SERIES.step, SERIES.value, SERIES.error, and SERIES.STEP for curves.
TW_NODISCARD tw_status tw_export_npz(tw_run *run, const char *path);
// An event file in `folder`, which is made if it is not there.
TW_NODISCARD tw_status tw_export_tensorboard(tw_run *run, const char *folder);

// CRC-32C (Castagnoli), as TFRecord files use it.
uint32_t tw_crc32c(const void *data, size_t size);

#endif
