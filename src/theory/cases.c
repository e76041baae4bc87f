// SPDX-License-Identifier: MIT
// Files of problems: fields read with messages that name file, case, field, found and expected; answers written.
#include "theory/cases.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *kind(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return value ? names[json_typeof(value)] : "nothing";
}

tw_status tw_case_wrong(const tw_case *r, const char *field, const json_t *found, const char *expected)
{
    if (json_is_number(found))
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %.17g, expected %s", r->path, r->id, field,
                       json_number_value(found), expected);
    return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %s, expected %s", r->path, r->id, field, kind(found),
                   expected);
}

tw_status tw_case_int(const tw_case *r, const char *field, int64_t least, int64_t *out)
{
    const json_t *value = json_object_get(r->in, field);
    double x = json_number_value(value);
    char expected[64];
    if (!json_is_number(value) || x != floor(x) || !(x >= (double)least && x <= 0x1p40)) {
        snprintf(expected, sizeof expected, "an integer, at least %" PRId64, least);
        return tw_case_wrong(r, field, value, expected);
    }
    *out = (int64_t)x;
    return TW_OK;
}

tw_status tw_case_real(const tw_case *r, const char *field, double *out)
{
    const json_t *value = json_object_get(r->in, field);
    if (!json_is_number(value)) return tw_case_wrong(r, field, value, "a number");
    *out = json_number_value(value);
    return TW_OK;
}

static tw_status get_row(const tw_case *r, const char *field, const json_t *row, int64_t n, double *out)
{
    char at[96], expected[64];
    if (!json_is_array(row) || (int64_t)json_array_size(row) != n) {
        if (json_is_array(row)) {
            return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %zu numbers, expected %" PRId64, r->path, r->id,
                           field, json_array_size(row), n);
        }
        snprintf(expected, sizeof expected, "an array of %" PRId64 " numbers", n);
        return tw_case_wrong(r, field, row, expected);
    }
    for (int64_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(row, (size_t)i);
        if (!json_is_number(value)) {
            snprintf(at, sizeof at, "%s[%" PRId64 "]", field, i);
            return tw_case_wrong(r, at, value, "a number");
        }
        out[i] = json_number_value(value);
    }
    return TW_OK;
}

// Arrays are counted before memory is taken, so a large D in a short file costs nothing.
tw_status tw_case_vector(const tw_case *r, const char *field, int64_t n, double **out)
{
    tw_status st = TW_OK;
    const json_t *value = json_object_get(r->in, field);
    if (!json_is_array(value) || (int64_t)json_array_size(value) != n) return get_row(r, field, value, n, NULL);
    TW_TRY(tw_alloc(n, sizeof **out, out));
    TW_TRY(get_row(r, field, value, n, *out));
done:
    return st;
}

tw_status tw_case_matrix(const tw_case *r, const char *field, int64_t rows, int64_t cols, double **out)
{
    tw_status st = TW_OK;
    const json_t *value = json_object_get(r->in, field);
    char name[64];
    if (!json_is_array(value)) return tw_case_wrong(r, field, value, "an array of rows");
    if ((int64_t)json_array_size(value) != rows)
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %zu rows, expected %" PRId64, r->path, r->id, field,
                       json_array_size(value), rows);
    for (int64_t i = 0; i < rows; i++) {
        const json_t *row = json_array_get(value, (size_t)i);
        if (json_is_array(row) && (int64_t)json_array_size(row) == cols) continue;
        snprintf(name, sizeof name, "%s[%" PRId64 "]", field, i);
        return get_row(r, name, row, cols, NULL);
    }
    TW_TRY(tw_alloc(rows, (size_t)cols * sizeof **out, out));
    for (int64_t i = 0; i < rows; i++) {
        snprintf(name, sizeof name, "%s[%" PRId64 "]", field, i);
        TW_TRY(get_row(r, name, json_array_get(value, (size_t)i), cols, *out + i * cols));
    }
done:
    return st;
}

void tw_out_number(json_t *o, const char *name, bool has, double x)
{
    json_object_set_new(o, name, has ? tw_json_real(x) : json_null());
}

void tw_out_vector(json_t *o, const char *name, int64_t n, const double *x)
{
    json_object_set_new(o, name, x ? tw_json_reals(n, x) : json_null());
}

void tw_out_matrix(json_t *o, const char *name, int64_t rows, int64_t cols, const double *x)
{
    json_t *list = x ? json_array() : json_null();
    for (int64_t i = 0; x && i < rows; i++) json_array_append_new(list, tw_json_reals(cols, x + i * cols));
    json_object_set_new(o, name, list);
}

static tw_status solve_case(const char *path, const char *key, int count, const tw_case_kind *kinds, size_t number,
                            const json_t *entry, json_t *list)
{
    char place[32];
    snprintf(place, sizeof place, "number %zu", number);
    const char *id = json_string_value(json_object_get(entry, "id"));
    const char *family = json_string_value(json_object_get(entry, key));
    tw_case r = {path, id ? id : place, json_object_get(entry, "in")};
    if (!json_is_object(entry) || !id)
        return tw_fail(TW_EFORMAT, "%s: case %s: id: found %s, expected a string", path, place,
                       kind(json_is_object(entry) ? json_object_get(entry, "id") : entry));
    if (!family)
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": %s: found %s, expected a string", path, id, key,
                       kind(json_object_get(entry, key)));
    if (!json_is_object(r.in))
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in: found %s, expected an object", path, id, kind(r.in));
    for (int i = 0; i < count; i++) {
        if (strcmp(family, kinds[i].name) != 0) continue;
        json_t *o = json_object(), *item = json_object();
        if (!o || !item) {
            json_decref(o);
            json_decref(item);
            return tw_fail(TW_ENOMEM, "%s: case \"%s\": no memory for its answer", path, id);
        }
        tw_status st = kinds[i].solve(&r, o);
        json_object_set_new(item, "id", json_string(id));
        json_object_set_new(item, "out", o);
        json_array_append_new(list, item);
        // Messages about the file name it already; those of the solvers know only the numbers.
        if (st == TW_EINVAL || st == TW_ENUMERIC) st = tw_fail_in(st, "%s: case \"%s\": ", path, id);
        return st;
    }
    char expected[512] = "";
    size_t used = 0;
    for (int i = 0; i < count && used < sizeof expected; i++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s",
                                 i == 0          ? ""
                                 : i + 1 < count ? ", "
                                                 : " or ",
                                 kinds[i].name);
    return tw_fail(TW_EFORMAT, "%s: case \"%s\": %s: found \"%.40s\", expected %s", path, id, key, family, expected);
}

tw_status tw_cases_answer(const char *path, const json_t *file, const char *key, int count, const tw_case_kind *kinds,
                          json_t **out)
{
    tw_status st = TW_OK;
    json_t *result = json_object(), *list = json_array();
    const json_t *cases = json_object_get(file, "cases");
    if (!json_is_array(cases)) {
        st = tw_fail(TW_EFORMAT, "%s: cases: found %s, expected an array", path, kind(cases));
        goto done;
    }
    for (size_t i = 0; i < json_array_size(cases); i++)
        TW_TRY(solve_case(path, key, count, kinds, i, json_array_get(cases, i), list));
    json_object_set(result, "cases", list);
    *out = json_incref(result);
done:
    json_decref(list);
    json_decref(result);
    return st;
}

tw_status tw_cases_solve(const char *path, const char *key, int count, const tw_case_kind *kinds, json_t **out)
{
    json_t *file = NULL;
    tw_status st = tw_json_load(path, &file);
    if (st == TW_OK) st = tw_cases_answer(path, file, key, count, kinds, out);
    json_decref(file);
    return st;
}
