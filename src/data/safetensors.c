// SPDX-License-Identifier: MIT
// Safetensors files (https://github.com/huggingface/safetensors, "Format").
//
//   LENGTH      8 bytes, little endian
//   {"fc1.weight": {"dtype": "F32", "shape": [128, 784], "data_offsets": [0, 401408]}, "__metadata__": {...}}
//   numbers     row-major, little endian; offsets count from here; every byte belongs to exactly one array
#include "data/arrays.h"

#include "base/alloc.h"
#include "base/json.h"
#include <inttypes.h>
#include <string.h>

static const struct {
    const char *name;
    tw_number number;
} types[] = {
    {"F64", {'f', 8, false}},  {"F32", {'f', 4, false}}, {"F16", {'f', 2, false}}, {"BF16", {'g', 2, false}},
    {"I64", {'i', 8, false}},  {"I32", {'i', 4, false}}, {"I16", {'i', 2, false}}, {"I8", {'i', 1, false}},
    {"U64", {'u', 8, false}},  {"U32", {'u', 4, false}}, {"U16", {'u', 2, false}}, {"U8", {'u', 1, false}},
    {"BOOL", {'b', 1, false}},
};

// One array as the header describes it.
typedef struct claim {
    const char *name; // borrowed from the JSON
    const tw_number *number;
    uint64_t begin, end;
    tw_array array; // rank and shape
} claim;

static tw_status bad(const char *path, const char *name, const char *expected)
{
    return tw_fail(TW_EFORMAT, "%s: header: array \"%s\": expected %s", path, name, expected);
}

static tw_status read_claim(const char *path, const char *name, const json_t *json, uint64_t room, claim *out)
{
    *out = (claim){.name = name};
    const char *type = json_string_value(json_object_get(json, "dtype"));
    const json_t *shape = json_object_get(json, "shape"), *offsets = json_object_get(json, "data_offsets");
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].name) == 0) out->number = &types[i].number;
    if (!out->number)
        return tw_fail(TW_EFORMAT,
                       "%s: header: array \"%s\": found dtype %s, expected F64 F32 F16 BF16, I8 to I64, "
                       "U8 to U64 or BOOL",
                       path, name, type ? type : "none");
    if (!json_is_array(shape) || json_array_size(shape) > 8) return bad(path, name, "\"shape\" of at most 8 sizes");
    out->array.rank = (int)json_array_size(shape);
    for (int i = 0; i < out->array.rank; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) return bad(path, name, "sizes of at least 0");
        out->array.shape[i] = json_integer_value(size);
    }
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return bad(path, name, "\"data_offsets\" of two integers");
    if (json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin) ||
        (uint64_t)json_integer_value(end) > room)
        return tw_fail(TW_EFORMAT,
                       "%s: header: array \"%s\": found data_offsets %" PRId64 " to %" PRId64
                       ", expected within the %" PRIu64 " bytes that follow the header",
                       path, name, (int64_t)json_integer_value(begin), (int64_t)json_integer_value(end), room);
    out->begin = (uint64_t)json_integer_value(begin);
    out->end = (uint64_t)json_integer_value(end);
    return TW_OK;
}

static int by_begin(const void *a_, const void *b_)
{
    const claim *a = a_, *b = b_;
    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1; // empty arrays before the one that begins there
    return strcmp(a->name, b->name);
}

static tw_status parse_header(const char *path, const uint8_t *text, size_t size, json_t **out)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json) return tw_fail(TW_EFORMAT, "%s: byte %d: header is no JSON: %s", path, 8 + error.position, error.text);
    if (!json_is_object(json)) {
        json_decref(json);
        return tw_fail(TW_EFORMAT, "%s: byte 8: header: expected a JSON object", path);
    }
    *out = json;
    return TW_OK;
}

// All arrays that the header claims, in the order of their bytes, which they must cover without gap or overlap.
static tw_status read_claims(const char *path, json_t *json, uint64_t room, claim *claims, int64_t *count)
{
    tw_status st = TW_OK;
    const char *name;
    json_t *value;
    uint64_t at = 0;

    *count = 0;
    json_object_foreach(json, name, value)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        TW_TRY(read_claim(path, name, value, room, &claims[(*count)++]));
    }
    qsort(claims, (size_t)*count, sizeof *claims, by_begin);
    for (int64_t i = 0; i < *count; i++) {
        if (claims[i].begin != at) {
            st = tw_fail(TW_EFORMAT,
                         "%s: header: array \"%s\": found data_offsets from %" PRIu64 ", expected %" PRIu64
                         " where the one before ends",
                         path, claims[i].name, claims[i].begin, at);
            goto done;
        }
        at = claims[i].end;
    }
    if (at != room)
        st = tw_fail(TW_EFORMAT, "%s: found %" PRIu64 " bytes of numbers, expected %" PRIu64, path, room, at);
done:
    return st;
}

tw_status tw_safetensors_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows, tw_arrays **out)
{
    tw_status st = TW_OK;
    json_t *json = NULL;
    claim *claims = NULL;
    tw_arrays *made = NULL;
    int64_t count, numbers, room = 0;
    uint64_t header = 0;

    for (size_t i = 0; i < 8 && i < size; i++) header |= (uint64_t)data[i] << 8 * i;
    if (size < 10 || header > size - 8) {
        st =
            tw_fail(TW_EFORMAT, "%s: byte 0: found a header of %" PRIu64 " bytes, expected at most the %zu that follow",
                    path, header, size < 8 ? 0 : size - 8);
        goto done;
    }
    TW_TRY(parse_header(path, data + 8, (size_t)header, &json));
    TW_TRY(tw_alloc((int64_t)json_object_size(json), sizeof *claims, &claims));
    TW_TRY(read_claims(path, json, size - 8 - header, claims, &count));
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    for (int64_t i = 0; i < count; i++) {
        const claim *c = &claims[i];
        tw_array *array;
        uint64_t bytes = c->end - c->begin, width = (uint64_t)c->number->bytes;
        TW_TRY(tw_arrays_add(made, &room, c->name, strlen(c->name), &array));
        array->rank = c->array.rank;
        memcpy(array->shape, c->array.shape, sizeof array->shape);
        TW_TRY(tw_array_count(path, array, bytes / width, &numbers));
        if ((uint64_t)numbers * width != bytes) {
            st = tw_fail(TW_EFORMAT,
                         "%s: header: array \"%s\": found %" PRIu64 " bytes, expected %" PRId64 " numbers of %" PRIu64,
                         path, c->name, bytes, numbers, width);
            goto done;
        }
        TW_TRY(tw_array_decode(path, c->number, false, data + 8 + header + c->begin, numbers, rows, array));
    }
    *out = made;
    made = NULL;
done:
    tw_arrays_free(made);
    free(claims);
    json_decref(json);
    return st;
}

// A new reference with the header's JSON, or NULL when memory is out.
static json_t *describe(int64_t count, const tw_array *array)
{
    json_t *json = json_pack("{s:{s:s}}", "__metadata__", "format", "pt"); // what PyTorch's readers look for
    json_int_t at = 0;
    bool good = json != NULL;
    for (int64_t i = 0; good && i < count; i++) {
        json_int_t end = at + (json_int_t)tw_array_bytes(&array[i]);
        json_t *shape = json_array();
        good = shape != NULL;
        for (int d = 0; good && d < array[i].rank; d++)
            good = json_array_append_new(shape, json_integer(array[i].shape[d])) == 0;
        json_t *one = json_pack("{s:s, s:o, s:[I, I]}", "dtype", array[i].real == 4 ? "F32" : "F64", "shape", shape,
                                "data_offsets", at, end);
        bool set = json_object_set_new(json, array[i].name, one) == 0; // takes one in any case
        good = good && set;
        at = end;
    }
    if (good) return json;
    json_decref(json);
    return NULL;
}

tw_status tw_safetensors_write(tw_outfile *file, int64_t count, const tw_array *array)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < count; i++)
        if (strcmp(array[i].name, "__metadata__") == 0)
            return tw_fail(TW_EINVAL, "%s: an array of safetensors cannot be called \"__metadata__\"", file->path);
    json_t *json = describe(count, array);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!text) {
        st = tw_fail(TW_EINVAL, "%s: the header cannot be made: a name is not UTF-8, or memory is out", file->path);
        goto done;
    }
    size_t length = strlen(text), whole = (length + 7) / 8 * 8; // numbers begin on a multiple of 8
    for (int i = 0; i < 8; i++) fputc((int)((uint64_t)whole >> 8 * i & 255), file->stream);
    fprintf(file->stream, "%-*s", (int)whole, text); // blanks fill up; errors stay on the stream
    for (int64_t i = 0; i < count; i++)
        if (tw_array_bytes(&array[i])) fwrite(array[i].x, 1, tw_array_bytes(&array[i]), file->stream);
done:
    free(text);
    json_decref(json);
    return st;
}
