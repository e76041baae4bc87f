// SPDX-License-Identifier: MIT
// NPZ files: a ZIP archive of .npy files (PKWARE APPNOTE 6.3). Read by its central directory, which alone is
// trustworthy for sizes; entries stored or deflated. Written stored, so that the numbers can be mapped.
#include "data/arrays.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <string.h>

enum { LOCAL = 30, CENTRAL = 46, END = 22 }; // bytes of the fixed parts

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }

typedef struct entry {
    const char *name; // not terminated
    size_t length;
    uint32_t method, crc, packed, whole, at; // at: of the local header
} entry;

// The end record stands last, before a comment of at most 65535 bytes.
static tw_status find_end(const char *path, const uint8_t *data, size_t size, size_t *out)
{
    size_t least = size > END + 65535 ? size - END - 65535 : 0;
    for (size_t at = size < END ? 0 : size - END + 1; at-- > least;)
        if (memcmp(data + at, "PK\5\6", 4) == 0 && at + END + get16(data + at + 20) == size) {
            *out = at;
            return TW_OK;
        }
    return tw_fail(TW_EFORMAT, "%s: byte %zu: found no end of a zip archive; the file is cut or no npz", path, size);
}

// The entry whose central record is at *at, which moves on; `end` is where the directory ends.
static tw_status read_entry(const char *path, const uint8_t *data, size_t end, size_t *at, entry *out)
{
    const uint8_t *p = data + *at;
    if (end - *at < CENTRAL || memcmp(p, "PK\1\2", 4) != 0)
        return tw_fail(TW_EFORMAT, "%s: byte %zu: expected an entry of the zip directory", path, *at);
    size_t name = get16(p + 28), whole = CENTRAL + name + get16(p + 30) + get16(p + 32);
    if (end - *at < whole)
        return tw_fail(TW_EFORMAT, "%s: byte %zu: found a zip directory entry of %zu bytes, expected at most %zu", path,
                       *at, whole, end - *at);
    *out = (entry){.name = (const char *)p + CENTRAL,
                   .length = name,
                   .method = get16(p + 10),
                   .crc = get32(p + 16),
                   .packed = get32(p + 20),
                   .whole = get32(p + 24),
                   .at = get32(p + 42)};
    if (get16(p + 8) & 1) return tw_fail(TW_EFORMAT, "%s: byte %zu: found an encrypted entry", path, *at);
    if (out->packed == UINT32_MAX || out->whole == UINT32_MAX || out->at == UINT32_MAX)
        return tw_fail(TW_EFORMAT, "%s: byte %zu: found an entry of 4 GiB or more (zip64), which is not read", path,
                       *at);
    *at += whole;
    return TW_OK;
}

static tw_status read_array(const char *path, const uint8_t *data, size_t directory, const entry *e,
                            const tw_rows *rows, tw_array *out)
{
    tw_status st = TW_OK;
    uint8_t *inflated = NULL;

    if (directory < LOCAL || e->at > directory - LOCAL || memcmp(data + e->at, "PK\3\4", 4) != 0)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu32 ": expected the local header of array \"%s\"", path, e->at,
                       out->name);
    size_t start = (size_t)e->at + LOCAL + get16(data + e->at + 26) + get16(data + e->at + 28);
    if (start > directory || e->packed > directory - start)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu32 ": array \"%s\" claims %" PRIu32 " bytes, found %zu", path,
                       e->at, out->name, e->packed, start > directory ? 0 : directory - start);
    if (e->method != 0 && e->method != 8)
        return tw_fail(TW_EFORMAT,
                       "%s: byte %" PRIu32 ": found compression method %" PRIu32 ", expected 0 (stored) or 8 (deflate)",
                       path, e->at, e->method);
    if (e->method == 0 ? e->whole != e->packed : e->whole > tw_inflated_most(e->packed))
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu32 ": array \"%s\" claims %" PRIu32 " bytes made of %" PRIu32, path,
                       e->at, out->name, e->whole, e->packed);

    const uint8_t *bytes = data + start;
    if (e->method == 8) {
        TW_TRY(tw_alloc(e->whole, 1, &inflated));
        TW_TRY(tw_inflate_raw(path, start, bytes, e->packed, inflated, e->whole));
        bytes = inflated;
    }
    uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, e->whole);
    if (crc != e->crc) {
        st = tw_fail(TW_EFORMAT, "%s: byte %zu: array \"%s\": found checksum %08" PRIx32 ", expected %08" PRIx32, path,
                     start, out->name, crc, e->crc);
        goto done;
    }
    st = tw_npy_parse(path, start, bytes, e->whole, rows, out);
done:
    free(inflated);
    return st;
}

tw_status tw_npz_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows, tw_arrays **out)
{
    tw_status st = TW_OK;
    tw_arrays *made = NULL;
    int64_t room = 0;
    size_t end = 0;
    entry e = {0};

    TW_TRY(find_end(path, data, size, &end));
    uint32_t count = get16(data + end + 10);
    size_t bytes = get32(data + end + 12), at = get32(data + end + 16), directory = at;
    if (at > end || bytes != end - at) {
        st = tw_fail(TW_EFORMAT, "%s: byte %zu: found a zip directory of %zu bytes at %zu, expected it to end here",
                     path, end, bytes, at);
        goto done;
    }
    TW_TRY(tw_alloc(1, sizeof *made, &made));
    for (uint32_t i = 0; i < count; i++) {
        tw_array *array;
        TW_TRY(read_entry(path, data, end, &at, &e));
        if (e.length < 4 || memcmp(e.name + e.length - 4, ".npy", 4) != 0 || memchr(e.name, 0, e.length)) {
            st = tw_fail(TW_EFORMAT, "%s: found the entry \"%.*s\", expected NAME.npy", path, (int)e.length, e.name);
            goto done;
        }
        TW_TRY(tw_arrays_add(made, &room, e.name, e.length - 4, &array));
        if (tw_arrays_find(made, array->name) != array) {
            st = tw_fail(TW_EFORMAT, "%s: found two arrays called \"%s\"", path, array->name);
            goto done;
        }
        TW_TRY(read_array(path, data, directory, &e, rows, array));
    }
    if (at != end) {
        st = tw_fail(TW_EFORMAT, "%s: byte %zu: found more than the %" PRIu32 " entries that the directory claims",
                     path, at, count);
        goto done;
    }
    *out = made;
    made = NULL;
done:
    tw_arrays_free(made);
    return st;
}

static void put16(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
}

static void put32(uint8_t *p, uint32_t x)
{
    put16(p, x & 0xffff);
    put16(p + 2, x >> 16);
}

// What local and central header share, from "version needed" on: 26 bytes.
static void put_common(uint8_t *p, uint32_t crc, size_t bytes, size_t name)
{
    put16(p, 20);         // version 2.0
    put16(p + 8, 0x0021); // 1 January 1980: the same bytes tomorrow as today
    put32(p + 10, crc);
    put32(p + 14, (uint32_t)bytes);
    put32(p + 18, (uint32_t)bytes);
    put16(p + 22, (uint32_t)name);
}

tw_status tw_npz_write(tw_outfile *file, int64_t count, const tw_array *array)
{
    tw_status st = TW_OK;
    uint32_t *crc = NULL, *start = NULL;
    uint64_t at = 0, whole = END;

    for (int64_t i = 0; i < count; i++) {
        size_t name = strlen(array[i].name) + 4;
        if (name > UINT16_MAX) whole = UINT64_MAX;
        if (__builtin_add_overflow(whole, tw_array_bytes(&array[i]) + TW_NPY_HEAD + LOCAL + CENTRAL + 2 * name, &whole))
            whole = UINT64_MAX;
    }
    if (whole > UINT32_MAX - 1 || count > UINT16_MAX - 1)
        return tw_fail(TW_EINVAL,
                       "%s: found %" PRId64 " arrays of %" PRIu64
                       " bytes, expected less than 65535 and 4 GiB for .npz; .safetensors takes more",
                       file->path, count, whole);
    TW_TRY(tw_alloc(count, sizeof *crc, &crc));
    TW_TRY(tw_alloc(count, sizeof *start, &start));
    for (int64_t i = 0; i < count; i++) {
        uint8_t local[LOCAL] = "PK\3\4";
        char head[TW_NPY_HEAD];
        size_t size, bytes = tw_array_bytes(&array[i]), name = strlen(array[i].name) + 4;
        tw_npy_head(&array[i], head, &size);
        crc[i] = (uint32_t)crc32_z(crc32_z(crc32_z(0, NULL, 0), (const uint8_t *)head, size), array[i].x, bytes);
        start[i] = (uint32_t)at;
        put_common(local + 4, crc[i], size + bytes, name);
        fwrite(local, 1, LOCAL, file->stream); // errors stay on the stream for tw_outfile_commit
        fprintf(file->stream, "%s.npy", array[i].name);
        fwrite(head, 1, size, file->stream);
        if (bytes) fwrite(array[i].x, 1, bytes, file->stream);
        at += LOCAL + name + size + bytes;
    }
    uint64_t directory = at;
    for (int64_t i = 0; i < count; i++) {
        uint8_t central[CENTRAL] = "PK\1\2";
        char head[TW_NPY_HEAD];
        size_t size, name = strlen(array[i].name) + 4;
        tw_npy_head(&array[i], head, &size);
        put16(central + 4, 20);
        put_common(central + 6, crc[i], size + tw_array_bytes(&array[i]), name);
        put32(central + 42, start[i]);
        fwrite(central, 1, CENTRAL, file->stream);
        fprintf(file->stream, "%s.npy", array[i].name);
        at += CENTRAL + name;
    }
    uint8_t end[END] = "PK\5\6";
    put16(end + 8, (uint32_t)count);
    put16(end + 10, (uint32_t)count);
    put32(end + 12, (uint32_t)(at - directory));
    put32(end + 16, (uint32_t)directory);
    fwrite(end, 1, END, file->stream);
done:
    free(crc);
    free(start);
    return st;
}
