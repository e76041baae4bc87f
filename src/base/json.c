// SPDX-License-Identifier: MIT
// JSON in and out, by Jansson.
#include "base/json.h"

#include <math.h>

tw_status tw_json_load(const char *path, json_t **out)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        if (error.line <= 0) return tw_fail(TW_EIO, "%s: %s", path, error.text);
        return tw_fail(TW_EFORMAT, "%s: line %d, column %d: %s", path, error.line, error.column, error.text);
    }
    *out = json;
    return TW_OK;
}

tw_status tw_json_parse(const char *name, const char *text, size_t size, json_t **out)
{
    json_error_t error;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json) return tw_fail(TW_EFORMAT, "%s: line %d, column %d: %s", name, error.line, error.column, error.text);
    *out = json;
    return TW_OK;
}

json_t *tw_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *tw_json_reals(int64_t n, const double *x)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < n; i++) json_array_append_new(array, tw_json_real(x[i]));
    return array;
}
