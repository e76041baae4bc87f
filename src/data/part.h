// SPDX-License-Identifier: MIT
// Samples of which each rank holds only its part.
//
// The numbers of a sample are asked for by the shards of a sweep, and a rank works on one range of them; how many
// samples a shard has is known only after the network, which needs their shape. So data are opened in two steps: all
// but x, and then x of this rank's shards. Facts about all samples (checksum, mean, deviation) have the bits that one
// process finds.
#ifndef DATA_PART_H
#define DATA_PART_H

#include "data/prepare.h"

// tw_data_open without x (before is m); alone it is tw_data_open. Every rank calls it, and then tw_data_hold.
TW_NODISCARD tw_status tw_data_open_part(const char *spec, const tw_data_opts *opts, tw_data **out);

// Reads x of the shards of `shard` samples that are this rank's, and finds the checksum, which is 0 before. Nothing to
// do for data that hold all. TW_EFORMAT: the file is another than when it was opened; the rest as tw_data_open.
TW_NODISCARD tw_status tw_data_hold(tw_data *data, int64_t shard);

// x [...][features] of samples that several ranks hold: of the list index[0 ... count), or first, first + 1, ... where
// index is NULL. The list is dealt in shards of `shard`, and each rank receives those of its own; a single shard is
// everybody's. Every rank calls it with
// the same list. Where x is whole, it is copied.
TW_NODISCARD tw_status tw_data_fetch(const tw_data *data, const int64_t *index, int64_t first, int64_t count,
                                     int64_t shard, void *x);
tw_wanted tw_data_fetched(int64_t count, int64_t shard, int rank); // the places that a rank receives

// --- inside: what data/open.c and data/part.c share ---

// A data set on its way from words to samples.
typedef struct tw_data_rest {
    tw_spec spec;
    const tw_source *source;
    tw_data_opts opts;
    char split[16], scale[16]; // what opts points to
    tw_raw raw;
    int64_t *row; // [m] samples of raw
} tw_data_rest;

// All but x, of which raw holds what is wanted at least.
TW_NODISCARD tw_status tw_data_begin(const char *text, const tw_data_opts *given, const tw_wanted *wanted,
                                     tw_data_rest *rest, tw_data *data);
TW_NODISCARD tw_status tw_data_read_split(const tw_data_rest *rest, const char *split, const tw_wanted *wanted,
                                          tw_raw *out);

// How numbers become those of x: (number / unit - shift) factor. parted: from a part of the samples by each rank.
typedef struct tw_data_scale {
    double unit, *shift, *factor; // [features], or NULL
} tw_data_scale;
TW_NODISCARD tw_status tw_data_find_scale(const tw_data_rest *rest, bool parted, tw_data_scale *out);

// x_sum: of all of x.
TW_NODISCARD tw_status tw_data_checksum(tw_data *data, uint64_t x_sum);
void tw_data_rest_free(tw_data_rest *rest); // what it holds

#endif
