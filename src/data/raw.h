// SPDX-License-Identifier: MIT
// Samples as a file holds them, before subsets, scaling and conversion; and the readers that make them.
//
// Every reader is a function of bytes in memory (path is only for messages), so that it can be fuzzed.
#ifndef DATA_RAW_H
#define DATA_RAW_H

#include "data/spec.h"
#include "data/stream.h"
#include "data/wanted.h"
#include "thalweg/data.h"

typedef enum tw_raw_kind { TW_RAW_U8 = 1, TW_RAW_F32 = 4, TW_RAW_F64 = 8 } tw_raw_kind; // bytes of a number of x

// The names of classes.
typedef struct tw_names {
    int64_t count;
    char **name;
} tw_names;

TW_NODISCARD tw_status tw_names_copy(int64_t count, const char *const *name, tw_names *out);
void tw_names_free(tw_names *names);

typedef struct tw_raw {
    int64_t m, features, channels, height, width;
    tw_raw_kind kind;
    void *x;               // [m - before - after][features]
    int64_t before, after; // samples that x lacks at the beginning and at the end
    int64_t classes;
    int32_t *label; // [m]; NULL for regression
    int64_t targets;
    double *target; // [m][targets]; NULL for classification
    tw_names names; // of the classes; none: {0}
} tw_raw;

void tw_raw_free(tw_raw *raw); // what it holds; harmless on {0}

static inline int64_t tw_raw_held(const tw_raw *raw) { return raw->m - raw->before - raw->after; }

// TW_EFORMAT: sample, feature and value of the first number of x or target that is not finite.
TW_NODISCARD tw_status tw_raw_check_finite(const char *path, const tw_raw *raw);

// Appends the samples of `more` (same shape, kind and targets; else TW_EFORMAT) to `raw`. Where both
// lack samples at the seam, x keeps one of the two parts: a window never needs both.
TW_NODISCARD tw_status tw_raw_append(const char *path, tw_raw *raw, const tw_raw *more);

typedef enum tw_part { TW_PART_TRAIN, TW_PART_TEST } tw_part;

// One kind of data set: "idx" and so on. Outputs are untouched on failure. x of samples that are not wanted may be left
// out; with a window, files are mapped where that spares reading.
typedef struct tw_source {
    const char *name, *usage, *what;
    const char *home; // where it is looked for first when no place is given; NULL: nowhere, or it is generated
    tw_status (*read)(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
} tw_source;

const tw_source *tw_data_sources(int64_t *count);

#define TW_FASHION_HOME "/usr/share/datasets/fashion-mnist" // Debian's package dataset-fashion-mnist

// The folder of a data set that can be fetched: `given` when it is not NULL, else `system` when that is there, else
// tw_data_home()/name. TW_EIO: it is not there; says where to put `what` and how to fetch it. The caller frees *out.
TW_NODISCARD tw_status tw_data_place(const char *name, const char *given, const char *system, const char *what,
                                     char **out);

tw_status tw_fashion_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_mnist_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_idx_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_cifar10_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_cifar100_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_csv_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_xy_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted,
                     tw_raw *out); // npz and safetensors: arrays x and y
tw_status tw_npy_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_text_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_gauss_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);
tw_status tw_regression_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out);

// Readers of bytes. idx: sets either images (kind, x, shape) or labels of out, by the rank that the magic number says.
TW_NODISCARD tw_status tw_idx_images(const char *path, const uint8_t *data, size_t size, const tw_wanted *wanted,
                                     tw_raw *out);
TW_NODISCARD tw_status tw_idx_labels(const char *path, const uint8_t *data, size_t size, int64_t m, int32_t **out);

// Windows of `length` bytes, `stride` apart, as numbers 0 to 255 (kind TW_RAW_F32), each with the byte after it as
// class.
TW_NODISCARD tw_status tw_text_windows(const char *path, const uint8_t *data, size_t size, int64_t length,
                                       int64_t stride, tw_raw *out);

// label_bytes: 1 (cifar10: the label) or 2 (cifar100: coarse, fine); which: the byte that is the label.
TW_NODISCARD tw_status tw_cifar_records(const char *path, const uint8_t *data, size_t size, int label_bytes, int which,
                                        int classes, const tw_wanted *wanted, tw_raw *out);

typedef struct tw_csv_opts {
    int separator;     // ',', ';', '\t', ' ' (any run of blanks and tabs), or 0: found in the first line
    int header;        // 1 yes, 0 no, -1: yes when it has the label's name, or when none of its features is a number
    const char *label; // column: a number from 1, a name (then the first line is a header), or "last"
    bool regression;   // the column holds numbers, not classes
} tw_csv_opts;

// out->names: the classes in sorted order, numbers by value if all are numbers, else by bytes. known: the classes of
// the training part, which these rows must then have; or NULL.
TW_NODISCARD tw_status tw_csv_parse(const char *path, const uint8_t *data, size_t size, const tw_csv_opts *opts,
                                    const tw_names *known, tw_raw *out);

#endif
