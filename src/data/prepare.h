// SPDX-License-Identifier: MIT
// From samples as a file holds them to samples as a network takes them.
#ifndef DATA_PREPARE_H
#define DATA_PREPARE_H

#include "data/raw.h"

// The samples of raw that the split keeps (all, without validation, or validation only), in the order of the file.
TW_NODISCARD tw_status tw_split_rows(const tw_raw *raw, const tw_data_opts *opts, bool whole, int64_t **row,
                                     int64_t *count);

// Cuts *count down to opts->samples, the first or drawn ones. TW_EINVAL: there are not that many.
TW_NODISCARD tw_status tw_subset_rows(const char *name, const tw_data_opts *opts, int64_t *row, int64_t *count);

// Mean and standard deviation (divisor count) of every feature over the given rows, after bytes / 255. Added up in
// their order. parted: by all ranks, one after another, each of its part of the rows (tw_rows_part), which raw must
// hold.
TW_NODISCARD tw_status tw_feature_moments(const tw_raw *raw, int64_t count, const int64_t *row, bool parted,
                                          double *mean, double *sd);

// The part of `count` rows that is this rank's; row_window: the least window of samples that holds rows first ... first
// + count - 1 of a list.
tw_wanted tw_rows_part(int64_t count);
tw_wanted tw_rows_window(tw_wanted part, const int64_t *row);

// y = (scale x - shift[j]) * factor[j]; shift and factor may both be NULL. Takes memory from raw when nothing changes.
// TW_ENUMERIC: a number that float cannot hold. tw_rows_write: into given memory.
TW_NODISCARD tw_status tw_rows_write(const tw_raw *raw, int64_t count, const int64_t *row, int real, double scale,
                                     const double *shift, const double *factor, void *x);
TW_NODISCARD tw_status tw_rows_convert(tw_raw *raw, int64_t count, const int64_t *row, int real, double scale,
                                       const double *shift, const double *factor, void **x);

// Draws floor(fraction m + 1/2) samples and gives each a class drawn uniformly.
TW_NODISCARD tw_status tw_labels_randomise(uint64_t seed, double fraction, int64_t classes, int64_t m, int32_t *label);

#endif
