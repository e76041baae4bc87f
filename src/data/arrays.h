// SPDX-License-Identifier: MIT
// Named arrays inside files: what npy, npz and safetensors share.
#ifndef DATA_ARRAYS_H
#define DATA_ARRAYS_H

#include "base/outfile.h"
#include "data/stream.h"
#include "data/wanted.h"
#include "thalweg/data.h"

// How a number stands in a file. letter: 'f' float, 'g' bfloat16, 'i' signed, 'u' unsigned, 'b' boolean.
typedef struct tw_number {
    char letter;
    int bytes; // 1, 2, 4 or 8
    bool big;  // big endian
} tw_number;

// Of the array called `name` only the rows (by the first index) of a window are wanted: x holds those alone, while the
// shape says all. NULL: all of every array.
typedef struct tw_rows {
    const char *name;
    const tw_wanted *wanted;
} tw_rows;

// out->shape and out->rank are set, data holds `count` numbers: makes out->x, real and integer. `fortran`: the first
// index runs fastest. TW_EFORMAT: an integer that double cannot hold, a boolean other than 0 and 1.
TW_NODISCARD tw_status tw_array_decode(const char *path, const tw_number *number, bool fortran, const uint8_t *data,
                                       int64_t count, const tw_rows *rows, tw_array *out);

// The product of the sizes. TW_EFORMAT: negative or more than `most`.
TW_NODISCARD tw_status tw_array_count(const char *path, const tw_array *array, uint64_t most, int64_t *count);

// Makes room for one more array and returns it zeroed, to be filled; freed with the whole.
TW_NODISCARD tw_status tw_arrays_add(tw_arrays *arrays, int64_t *room, const char *name, size_t length, tw_array **out);

// Bytes in memory; `path` is for messages, `at` the place of data[0] in the file.
TW_NODISCARD tw_status tw_npy_parse(const char *path, uint64_t at, const uint8_t *data, size_t size,
                                    const tw_rows *rows, tw_array *out);
TW_NODISCARD tw_status tw_npz_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows,
                                    tw_arrays **out);
TW_NODISCARD tw_status tw_safetensors_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows,
                                            tw_arrays **out);
TW_NODISCARD tw_status tw_arrays_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows,
                                       tw_arrays **out);
// tw_arrays_load, of some rows: what is not wanted is not read where the format allows it.
TW_NODISCARD tw_status tw_arrays_load_rows(const char *path, const tw_rows *rows, tw_arrays **out);

// The header of an npy file, a multiple of 64 bytes, in head[TW_NPY_HEAD]; *size its length.
enum { TW_NPY_HEAD = 512 };
void tw_npy_head(const tw_array *array, char *head, size_t *size);
size_t tw_array_bytes(const tw_array *array);

TW_NODISCARD tw_status tw_npz_write(tw_outfile *file, int64_t count, const tw_array *array);
TW_NODISCARD tw_status tw_safetensors_write(tw_outfile *file, int64_t count, const tw_array *array);

#endif
