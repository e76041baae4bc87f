// SPDX-License-Identifier: MIT
// The words after --data: KIND[:VALUE,...,key=value,...].
#ifndef DATA_SPEC_H
#define DATA_SPEC_H

#include "base/status.h"

enum { TW_SPEC_MOST = 32 };

typedef struct tw_spec {
    char *text;                      // the whole, as given
    char *words;                     // a copy, cut into the strings below
    const char *kind;                // "csv"
    int values;                      // positional values before the first key=value
    const char *value[TW_SPEC_MOST]; // borrowed from words
    int pairs;
    const char *key[TW_SPEC_MOST], *set[TW_SPEC_MOST];
} tw_spec;

// A comma inside a list in brackets ("diag=[1,2,3]") does not end the value. TW_EINVAL: empty, key twice, too many.
TW_NODISCARD tw_status tw_spec_parse(const char *text, tw_spec *out);
void tw_spec_free(tw_spec *spec);

// Checks the number of positional values and that every key is one of `keys` ("sep header label"): TW_EINVAL names the
// nearest known key.
TW_NODISCARD tw_status tw_spec_check(const tw_spec *spec, int least, int most, const char *keys);

const char *tw_spec_get(const tw_spec *spec, const char *key); // NULL: not given
// *out is untouched when the key is not given. TW_EINVAL: not a number, or outside [least, most].
TW_NODISCARD tw_status tw_spec_int(const tw_spec *spec, const char *key, int64_t least, int64_t most, int64_t *out);
TW_NODISCARD tw_status tw_spec_real(const tw_spec *spec, const char *key, double least, double most, double *out);
// One of `choices` (separated by blanks); *out becomes its place from 0.
TW_NODISCARD tw_status tw_spec_choice(const tw_spec *spec, const char *key, const char *choices, int *out);

#endif
