// SPDX-License-Identifier: MIT
// tar as POSIX has it (ustar interchange format, IEEE Std 1003.1, pax): 512-byte headers, each before its file's bytes,
// which are filled up to a multiple of 512; two zero blocks at the end.
//
//   name 0..99, size 124..135 and checksum 148..155 in octal, type 156 ('0' or NUL: a file), checksum: the sum of the
//   header's bytes with blanks in its own place.
#include "data/tar.h"

#include <inttypes.h>
#include <string.h>

enum { BLOCK = 512, NAME = 100, SIZE_AT = 124, SUM_AT = 148, TYPE_AT = 156 };

// Blanks, octal digits, then a blank or NUL.
static bool octal(const uint8_t *field, int width, uint64_t *out)
{
    uint64_t value = 0;
    int i = 0, digits = 0;
    while (i < width && field[i] == ' ') i++;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++, digits++)
        value = 8 * value + (uint64_t)(field[i] - '0');
    if (digits == 0 || (i < width && field[i] != ' ' && field[i] != '\0')) return false;
    *out = value;
    return true;
}

static bool zeros(const uint8_t *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i]) return false;
    return true;
}

static uint64_t sum(const uint8_t *block)
{
    uint64_t total = 0;
    for (int i = 0; i < BLOCK; i++) total += i >= SUM_AT && i < SUM_AT + 8 ? ' ' : block[i];
    return total;
}

static tw_status pass(tw_stream *s, uint64_t bytes)
{
    tw_status st = TW_OK;
    uint8_t waste[16 * BLOCK];
    while (bytes > 0) {
        size_t some = bytes < sizeof waste ? (size_t)bytes : sizeof waste;
        TW_TRY(tw_stream_read(s, some, waste));
        bytes -= some;
    }
done:
    return st;
}

tw_status tw_tar_each(const char *path, const uint8_t *data, size_t size, tw_tar_take take, void *ctx)
{
    tw_status st = TW_OK;
    tw_stream s = {0};
    uint8_t head[BLOCK];

    TW_TRY(tw_stream_open(&s, path, data, size));
    for (;;) {
        uint64_t at = s.at, claimed, length;
        char name[NAME + 1] = "";
        TW_TRY(tw_stream_read(&s, BLOCK, head));
        if (zeros(head)) break;
        if (!octal(head + SUM_AT, 8, &claimed) || claimed != sum(head)) {
            st = tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found no header of a tar archive (its sum is %" PRIu64 ")",
                         path, at, sum(head));
            goto done;
        }
        if (!octal(head + SIZE_AT, 12, &length)) {
            st = tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found no octal number, expected the size of a file", path,
                         at + SIZE_AT);
            goto done;
        }
        TW_TRY(tw_stream_holds(&s, length, 1));
        memcpy(name, head, NAME);
        const char *slash = strrchr(name, '/');
        uint64_t begin = s.at, whole = (length + BLOCK - 1) / BLOCK * BLOCK;
        if (head[TYPE_AT] == '0' || head[TYPE_AT] == '\0') TW_TRY(take(ctx, slash ? slash + 1 : name, length, &s));
        TW_TRY(pass(&s, whole - (s.at - begin)));
    }
done:
    tw_stream_close(&s);
    return st;
}
