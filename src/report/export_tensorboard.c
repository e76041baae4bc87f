// SPDX-License-Identifier: MIT
// TensorBoard's event files: records of protocol buffers.
//
//   record   length (8 bytes), its masked CRC, the bytes, their masked CRC; little endian
//   mask     rotate right by 15, add 0xa282ead8                     (TFRecord format, tensorflow.org/tutorials)
//   Event    1: wall_time double, 2: step int64, 3: file_version string, 5: Summary
//   Summary  1: Value { 1: tag string, 2: simple_value float }
//
// A run keeps no clock a number, so wall_time is the step: "relative" axes count steps.
#include "report/export.h"

#include "base/outfile.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

uint32_t tw_crc32c(const void *data, size_t size)
{
    const unsigned char *byte = data;
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static void put_little(FILE *out, uint64_t x, int bytes)
{
    for (int i = 0; i < bytes; i++) fputc((int)(x >> 8 * i & 255), out);
}

static uint32_t masked(const void *data, size_t size)
{
    uint32_t crc = tw_crc32c(data, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_record(FILE *out, const unsigned char *data, size_t size)
{
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)size >> 8 * i & 255);
    fwrite(length, 1, 8, out);
    put_little(out, masked(length, 8), 4);
    fwrite(data, 1, size, out);
    put_little(out, masked(data, size), 4);
}

// --- protocol buffers: a key is number << 3 | kind (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes) ---

typedef struct bytes {
    unsigned char at[512];
    size_t size;
} bytes;

static void put_varint(bytes *b, uint64_t x)
{
    for (; x > 127; x >>= 7) b->at[b->size++] = (unsigned char)(x & 127) | 128;
    b->at[b->size++] = (unsigned char)x;
}

static void put_fixed(bytes *b, const void *little, size_t size)
{
    memcpy(b->at + b->size, little, size);
    b->size += size;
}

static void put_bytes(bytes *b, int field, const void *data, size_t size)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, size);
    put_fixed(b, data, size);
}

static bytes event(int64_t step)
{
    bytes b = {.size = 0};
    double time = (double)step;
    put_varint(&b, 1 << 3 | 1);
    put_fixed(&b, &time, 8);
    put_varint(&b, 2 << 3 | 0);
    put_varint(&b, (uint64_t)step);
    return b;
}

static void put_scalar(FILE *out, const char *tag, int64_t step, double value)
{
    bytes b = event(step), summary = {.size = 0}, one = {.size = 0};
    float x = (float)value;
    put_bytes(&one, 1, tag, strnlen(tag, 200));
    put_varint(&one, 2 << 3 | 5);
    put_fixed(&one, &x, 4);
    put_bytes(&summary, 1, one.at, one.size);
    put_bytes(&b, 5, summary.at, summary.size);
    put_record(out, b.at, b.size);
}

tw_status tw_export_tensorboard(tw_run *run, const char *folder)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    tw_series_names *names = NULL;
    tw_series *series = NULL;
    char path[4096];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return tw_fail(TW_EIO, "%s: the folder cannot be made: %s", folder, strerror(errno));
    if (snprintf(path, sizeof path, "%s/events.out.tfevents.0.thalweg", folder) >= (int)sizeof path)
        return tw_fail(TW_EINVAL, "%s: found a name that is too long", folder);
    TW_TRY(tw_run_series_names(run, false, &names));
    TW_TRY(tw_outfile_open(&file, path));
    bytes first = event(0);
    put_bytes(&first, 3, "brain.Event:2", 13);
    put_record(file.stream, first.at, first.size);
    for (int64_t s = 0; s < names->count; s++) {
        TW_TRY(tw_run_series(run, names->name[s], 1, &series));
        for (int64_t i = 0; i < series->count; i++)
            put_scalar(file.stream, names->name[s], series->step[i], series->value[i]);
        tw_series_free(series);
        series = NULL;
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_series_free(series);
    tw_series_names_free(names);
    tw_outfile_discard(&file);
    return st;
}
