// SPDX-License-Identifier: MIT
// The door to zlib: bytes of a file, inflated on the way when it is gzipped, with a place for every message.
#ifndef DATA_STREAM_H
#define DATA_STREAM_H

#include "base/status.h"
#include <zlib.h>

// The bytes of a whole file. Freed with tw_bytes_free.
typedef struct tw_bytes {
    uint8_t *data;
    size_t size;
    bool mapped; // pages of the file, read when they are looked at
} tw_bytes;

// TW_EIO: cannot be opened, is not a regular file, or cannot be read; TW_ENOMEM.
TW_NODISCARD tw_status tw_bytes_load(const char *path, tw_bytes *out);
// The same without reading: what is looked at is read then, so the file must not shrink as long as it is held.
TW_NODISCARD tw_status tw_bytes_map(const char *path, tw_bytes *out);
void tw_bytes_free(tw_bytes *bytes);

// The least and greatest number of bytes that `size` bytes of deflate data can stand for: deflate shrinks by at most
// 1032 (258 bytes, the longest match, in two bits; zlib's technical notes).
uint64_t tw_inflated_most(uint64_t size);

// Inflates exactly `out_size` raw deflate bytes. TW_EFORMAT: "path: byte AT: ...".
TW_NODISCARD tw_status tw_inflate_raw(const char *path, uint64_t at, const uint8_t *data, size_t size, uint8_t *out,
                                      size_t out_size);

// A reading position in bytes that the caller keeps; gzip is recognised by its first two bytes.
typedef struct tw_stream {
    const char *path; // for messages; borrowed
    const uint8_t *data;
    size_t size;
    uint64_t at; // bytes delivered so far, after inflating
    bool gz;
    z_stream z;
} tw_stream;

TW_NODISCARD tw_status tw_stream_open(tw_stream *stream, const char *path, const uint8_t *data, size_t size);
void tw_stream_close(tw_stream *stream); // harmless on {0}

// Exactly n bytes. TW_EFORMAT: the file ends before, or is corrupt.
TW_NODISCARD tw_status tw_stream_read(tw_stream *stream, size_t n, void *out);
// Passes over n bytes, with the same messages; in a plain file they are not looked at.
TW_NODISCARD tw_status tw_stream_skip(tw_stream *stream, uint64_t n);
TW_NODISCARD tw_status tw_stream_u32be(tw_stream *stream, uint32_t *out);

// What a header claims, before any memory: count items of size bytes can follow. TW_EFORMAT: they cannot.
TW_NODISCARD tw_status tw_stream_holds(tw_stream *stream, uint64_t count, uint64_t size);

// Nothing may follow; a gzip checksum must fit. TW_EFORMAT.
TW_NODISCARD tw_status tw_stream_end(tw_stream *stream);

// All bytes of a plain or gzipped file at once, in new memory.
TW_NODISCARD tw_status tw_stream_all(const char *path, const uint8_t *data, size_t size, tw_bytes *out);

#endif
