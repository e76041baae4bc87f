// SPDX-License-Identifier: MIT
// The door to Jansson. Reading: objects from files with messages that name file and place.
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/status.h"
#include <jansson.h>

// *out is the caller's; release with json_decref. TW_EIO: cannot read; TW_EFORMAT: "FILE: line L, column C: ...".
TW_NODISCARD tw_status tw_json_load(const char *path, json_t **out);
// The same from text in memory that is called `name` in messages.
TW_NODISCARD tw_status tw_json_parse(const char *name, const char *text, size_t size, json_t **out);

// A finite number becomes a JSON real with 17 digits when dumped; NaN and infinities become null. New reference.
json_t *tw_json_real(double x);
json_t *tw_json_reals(int64_t n, const double *x);

#endif
