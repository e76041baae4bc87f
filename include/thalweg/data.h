// SPDX-License-Identifier: MIT
// Samples, from wherever, in a given order.
#ifndef THALWEG_DATA_H
#define THALWEG_DATA_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// m samples of features, with class labels or numeric targets. Plain to read; made and freed by the library.
typedef struct tw_data {
    char *name;                      // what the user called it
    int64_t m;                       // samples, >= 1
    int64_t features;                // numbers a sample, = channels * height * width for images
    int64_t channels, height, width; // images, channel first; otherwise channels = features, height = width = 1
    int real;                        // 4: x is float, 8: x is double
    void *x;                         // [m][features]; less where before or after is not 0
    int64_t classes;                 // > 0: labels 0 ... classes-1; 0: regression
    int32_t *label;                  // [m], or NULL for regression
    int64_t targets;                 // numbers a target; 0 for classification
    double *target;                  // [m][targets], or NULL
    uint64_t checksum;               // of shape, x, label and target, as stored with every result: docs/data.md
    char **class_name;               // [classes], or NULL where the source has no names for them
    int64_t before, after;           // samples that x lacks at its beginning and end, as other ranks hold them; else 0
    int64_t unit;                    // 0: x is whole; else x is dealt to ranks in shards of so many samples
    struct tw_data_rest *rest;       // the library's own
} tw_data;

// What to read and what to do to it: split and validation, subset, random labels, scale. Made by tw_data_defaults, then
// changed. Not kept.
typedef struct tw_data_opts {
    size_t size;
    const char *split;    // "train" (default), "test", "all" (train, then test) or "validation"
    int64_t samples;      // > 0: this many samples, 0: all
    bool random_subset;   // drawn by seed, in the order drawn, so that smaller subsets begin larger ones; false: the
                          // first ones
    double random_labels; // fraction in [0, 1] of the samples of "train" or "all" that gets a uniformly drawn label,
                          // which may be the old one; "test" and "validation" keep theirs
    double validation;    // fraction in [0, 1) put aside from "train", drawn by seed; read it with split "validation"
    const char *scale;    // NULL: "unit" for images of bytes, "none" otherwise; "unit" (bytes / 255), "none", "centre"
                          // (minus the mean of each feature) "standard" (and divided by sd + add_to_sd) or
                          // "one-scale" (and divided by one sd, that of all numbers about their mean); mean and sd
                          // (divisor m) are those of the whole training part without validation, whatever is read;
                          // images of bytes are divided by 255 before; a feature with sd + add_to_sd = 0 is centred
    uint64_t seed;        // of subset, random labels and validation
    int real;             // 4: x as float, 8: as double
    double add_to_sd;     // >= 0, added to each standard deviation by "standard" (paper 1 uses 0.05)
} tw_data_opts;

static inline tw_data_opts tw_data_defaults(void)
{
    tw_data_opts opts = {sizeof opts, "train", 0, false, 0, 0, NULL, 0, 4, 0};
    return opts;
}

// Where data sets lie that are named without a place: "cifar10" is then FOLDER/cifar10 (NULL, as at first: nowhere).
// Copies the name; not to be called beside other calls of this header. TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_data_home_set(const char *folder);
TW_API const char *tw_data_home(void); // NULL: none was set; borrowed until the next tw_data_home_set

// spec: "fashion-mnist", "mnist:DIR", "idx:IMAGES,LABELS", "cifar10:DIR", "cifar100:DIR", "csv:FILE[,label=NAME]...",
// "npz:FILE", "text:FILE,length=33", "gauss:classes=10,dim=10,...", "regression:...": docs/data.md. The caller frees
// *out with tw_data_free. TW_EINVAL: bad spec or option; TW_EIO, TW_EFORMAT: the file, with place, found, expected;
// TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_data_open(const char *spec, const tw_data_opts *opts, tw_data **out);
TW_API void tw_data_free(tw_data *data);

// Named arrays in a file (.safetensors, .npz, or .npy with one array called "").
typedef struct tw_array {
    char *name;
    int rank; // <= 8
    int64_t shape[8];
    int real;     // 4 or 8; half-width floats are read as float, integers and booleans as double
    void *x;      // row-major
    bool integer; // the file's type is an integer or boolean; not looked at by tw_arrays_save
} tw_array;

typedef struct tw_arrays {
    int64_t count;
    tw_array *array; // in the order of the file
} tw_arrays;

// The kind is found by the first bytes. Read: NPY (versions 1 to 3; f2 f4 f8, i1 ... i8, u1 ... u8, bool; either byte
// order, C or Fortran), NPZ (stored or deflated), safetensors (F64 F32 F16 BF16, I8 ... I64, U8 ... U64, BOOL).
// TW_EIO; TW_EFORMAT: the file, place, found and expected, also for integers beyond +-2^53; TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_arrays_load(const char *path, tw_arrays **out);
// By the ending of path (.npy takes one array; .npz is stored, not deflated, 4 GiB at most); appears whole or not at
// all. TW_EINVAL: the ending, a name twice, rank or shape; TW_EIO, TW_ENOMEM.
TW_API TW_NODISCARD tw_status tw_arrays_save(const char *path, int64_t count, const tw_array *array);
TW_API void tw_arrays_free(tw_arrays *arrays);
TW_API const tw_array *tw_arrays_find(const tw_arrays *arrays, const char *name); // NULL when there is none

#ifdef __cplusplus
}
#endif
#endif
