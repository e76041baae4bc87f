// SPDX-License-Identifier: MIT
// NPY files, versions 1.0 to 3.0 (NumPy Enhancement Proposal 1).
//
//   "\x93NUMPY" MAJOR MINOR LENGTH   LENGTH: 2 bytes in version 1, 4 bytes later, little endian
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }   a Python literal of LENGTH bytes, then the numbers
#include "data/arrays.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct head {
    const char *path;
    uint64_t at; // of text[0] in the file
    const char *text;
    size_t size, here;
} head;

static tw_status bad(const head *h, const char *expected)
{
    size_t left = h->size - h->here;
    return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 " (npy header): found \"%.*s\", expected %s", h->path,
                   h->at + h->here, (int)(left < 20 ? left : 20), h->text + h->here, expected);
}

static void skip_blanks(head *h)
{
    while (h->here < h->size && strchr(" \t\r\n", h->text[h->here]) && h->text[h->here]) h->here++;
}

static bool accept(head *h, const char *word)
{
    skip_blanks(h);
    size_t length = strlen(word);
    if (h->size - h->here < length || memcmp(h->text + h->here, word, length) != 0) return false;
    h->here += length;
    return true;
}

static tw_status read_descr(head *h, tw_number *number)
{
    skip_blanks(h);
    if (h->size - h->here >= 5) {
        const char *p = h->text + h->here; // '<f4'
        char quote = p[0], order = p[1], letter = p[2], width = p[3];
        bool known = (quote == '\'' || quote == '"') && p[4] == quote && order && strchr("<>|=", order);
        bool fits = (letter == 'f' && width && strchr("248", width)) ||
                    ((letter == 'i' || letter == 'u') && width && strchr("1248", width)) ||
                    (letter == 'b' && width == '1');
        if (known && fits && (order != '|' || width == '1')) {
            *number = (tw_number){.letter = letter, .bytes = width - '0', .big = order == '>'};
            h->here += 5;
            return TW_OK;
        }
    }
    return bad(h, "'descr' f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8 or b1 with its byte order");
}

static tw_status read_shape(head *h, tw_array *out)
{
    if (!accept(h, "(")) return bad(h, "'shape' (");
    out->rank = 0;
    while (!accept(h, ")")) {
        if (h->here >= h->size || h->text[h->here] < '0' || h->text[h->here] > '9') return bad(h, "a size");
        if (out->rank == 8) return bad(h, "at most 8 sizes");
        int64_t size = 0;
        for (; h->here < h->size && h->text[h->here] >= '0' && h->text[h->here] <= '9'; h->here++)
            if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, h->text[h->here] - '0', &size))
                return bad(h, "a size below 2^63");
        out->shape[out->rank++] = size;
        if (accept(h, ",")) continue;
        if (accept(h, ")")) break;
        return bad(h, "\",\" or \")\"");
    }
    return TW_OK;
}

static tw_status read_dictionary(head *h, tw_number *number, bool *fortran, tw_array *out)
{
    unsigned seen = 0, part = 0;
    tw_status st = TW_OK;
    if (!accept(h, "{")) return bad(h, "\"{\"");
    while (!accept(h, "}")) {
        if (accept(h, "'descr':")) {
            part = 1;
            TW_TRY(read_descr(h, number));
        } else if (accept(h, "'fortran_order':")) {
            part = 2;
            *fortran = accept(h, "True");
            if (!*fortran && !accept(h, "False")) return bad(h, "True or False");
        } else if (accept(h, "'shape':")) {
            part = 4;
            TW_TRY(read_shape(h, out));
        } else {
            return bad(h, "'descr':, 'fortran_order': or 'shape':");
        }
        if (seen & part) return bad(h, "each key once");
        seen |= part;
        if (!accept(h, ",") && (skip_blanks(h), h->here >= h->size || h->text[h->here] != '}'))
            return bad(h, "\",\" or \"}\"");
    }
    if (seen != 7) return bad(h, "'descr', 'fortran_order' and 'shape' before");
    skip_blanks(h);
    if (h->here != h->size) return bad(h, "blanks up to the numbers");
done:
    return st;
}

tw_status tw_npy_parse(const char *path, uint64_t at, const uint8_t *data, size_t size, const tw_rows *rows,
                       tw_array *out)
{
    tw_status st = TW_OK;
    tw_number number = {0};
    tw_array made = {.name = out->name};
    bool fortran = false;
    int64_t count;

    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": expected \"\\x93NUMPY\" and a header (npy)", path, at);
    if (data[6] < 1 || data[6] > 3)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found npy version %d, expected 1, 2 or 3", path, at + 6,
                       data[6]);
    size_t start = data[6] == 1 ? 10 : 12, length = (size_t)data[8] | (size_t)data[9] << 8;
    if (start > 10 && size >= 12) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (size < start || length > size - start)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found a header of %zu bytes, expected at most the %zu left",
                       path, at + 8, length, size < start ? 0 : size - start);

    head h = {.path = path, .at = at + start, .text = (const char *)data + start, .size = length};
    TW_TRY(read_dictionary(&h, &number, &fortran, &made));
    size_t body = size - start - length;
    TW_TRY(tw_array_count(path, &made, body / (size_t)number.bytes, &count));
    if ((size_t)count * (size_t)number.bytes != body) {
        st = tw_fail(TW_EFORMAT,
                     "%s: byte %" PRIu64 ": found %zu bytes of numbers, expected %" PRId64 " numbers of %d bytes", path,
                     at + start + length, body, count, number.bytes);
        goto done;
    }
    TW_TRY(tw_array_decode(path, &number, fortran, data + start + length, count, rows, &made));
    *out = made;
done:
    return st;
}

void tw_npy_head(const tw_array *array, char *head_, size_t *size)
{
    int used =
        snprintf(head_ + 10, TW_NPY_HEAD - 10, "{'descr': '<f%d', 'fortran_order': False, 'shape': (", array->real);
    for (int i = 0; i < array->rank; i++)
        used +=
            snprintf(head_ + 10 + used, TW_NPY_HEAD - 10 - (size_t)used, "%s%" PRId64, i ? ", " : "", array->shape[i]);
    used += snprintf(head_ + 10 + used, TW_NPY_HEAD - 10 - (size_t)used, "%s), }", array->rank == 1 ? "," : "");
    size_t whole = ((size_t)used + 11 + 63) / 64 * 64; // with the newline, so that numbers begin on a cache line
    memset(head_ + 10 + used, ' ', whole - 10 - (size_t)used);
    head_[whole - 1] = '\n';
    memcpy(head_, "\x93NUMPY\x01\x00", 8);
    head_[8] = (char)((whole - 10) & 255);
    head_[9] = (char)((whole - 10) >> 8);
    *size = whole;
}
