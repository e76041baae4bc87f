// SPDX-License-Identifier: MIT
// What fuzzers share: the entry point of libFuzzer, and what must hold of whatever a reader accepts.
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "data/arrays.h"
#include "data/raw.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A refused file must be refused for its content, with a message that begins with its name.
static inline void refused(tw_status st)
{
    if (st == TW_OK || st == TW_ENOMEM) return;
    if ((st != TW_EFORMAT && st != TW_EINVAL) || strncmp(tw_error(), "f: ", 3) != 0) abort();
}

static inline void accepted_arrays(tw_status st, tw_arrays *arrays)
{
    refused(st);
    for (int64_t i = 0; st == TW_OK && i < arrays->count; i++) {
        const tw_array *a = &arrays->array[i];
        size_t bytes = tw_array_bytes(a);
        volatile uint8_t last = bytes ? ((uint8_t *)a->x)[bytes - 1] : 0; // all of it is there
        (void)last;
        if (!a->name || !a->x || (a->real != 4 && a->real != 8) || a->rank < 0 || a->rank > 8) abort();
        if (tw_arrays_find(arrays, a->name) != a) abort();
    }
    tw_arrays_free(arrays);
}

static inline void accepted_samples(tw_status st, tw_raw *raw)
{
    refused(st);
    if (st == TW_OK) {
        if (raw->m < 1 || raw->features < 1 || raw->channels * raw->height * raw->width != raw->features) abort();
        if (raw->label)
            for (int64_t i = 0; i < raw->m; i++)
                if (raw->label[i] < 0 || raw->label[i] >= raw->classes) abort();
        if (tw_raw_check_finite("f", raw) != TW_OK) abort();
    } else if (raw->x || raw->label || raw->target) {
        abort(); // outputs are untouched on failure
    }
    tw_raw_free(raw);
}

#endif
