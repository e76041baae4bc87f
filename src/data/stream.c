// SPDX-License-Identifier: MIT
// Bytes of a file, plain or gzipped (RFC 1952), by zlib.
#include "data/stream.h"

#include "base/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 30 }; // zlib counts in unsigned int, read() in ssize_t

static tw_status open_file(const char *path, int *file, size_t *size)
{
    struct stat info;
    *file = open(path, O_RDONLY | O_CLOEXEC);
    if (*file < 0) return tw_fail(TW_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(*file, &info) != 0 || !S_ISREG(info.st_mode))
        return tw_fail(TW_EIO, "%s: found %s, expected a file", path, S_ISDIR(info.st_mode) ? "a folder" : "a device");
    *size = (size_t)info.st_size;
    return TW_OK;
}

tw_status tw_bytes_map(const char *path, tw_bytes *out)
{
    int file = -1;
    size_t size = 0;
    tw_status st = open_file(path, &file, &size);
    if (st == TW_OK && size == 0) { // there are no maps of nothing
        close(file);
        return tw_bytes_load(path, out);
    }
    if (st == TW_OK) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED)
            st = tw_fail(TW_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
        else
            *out = (tw_bytes){data, size, true};
    }
    if (file >= 0) close(file);
    return st;
}

tw_status tw_bytes_load(const char *path, tw_bytes *out)
{
    tw_status st = TW_OK;
    tw_bytes made = {0};
    int file = -1;

    TW_TRY(open_file(path, &file, &made.size));
    TW_TRY(tw_alloc((int64_t)made.size, 1, &made.data));
    for (size_t at = 0; at < made.size;) {
        size_t want = made.size - at < CHUNK ? made.size - at : CHUNK;
        ssize_t got = read(file, made.data + at, want);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            st = tw_fail(TW_EIO, "%s: byte %zu: cannot be read: %s", path, at, got < 0 ? strerror(errno) : "it shrank");
            goto done;
        }
        at += (size_t)got;
    }
    *out = made;
    made = (tw_bytes){0};
done:
    tw_bytes_free(&made);
    if (file >= 0) close(file);
    return st;
}

void tw_bytes_free(tw_bytes *bytes)
{
    if (bytes->mapped)
        munmap(bytes->data, bytes->size);
    else
        free(bytes->data);
    *bytes = (tw_bytes){0};
}

uint64_t tw_inflated_most(uint64_t size) { return size > UINT64_MAX / 1032 ? UINT64_MAX : size * 1032; }

// zlib's own allocations go through the counted allocator, so that tests can make them fail.
static void *z_new(void *ctx, unsigned count, unsigned size)
{
    (void)ctx;
    void *memory = NULL;
    return tw_alloc(count, size, &memory) == TW_OK ? memory : NULL;
}

static void z_drop(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

static tw_status z_begin(z_stream *z, int window)
{
    *z = (z_stream){.zalloc = z_new, .zfree = z_drop};
    return inflateInit2(z, window) == Z_OK ? TW_OK : tw_fail(TW_ENOMEM, "out of memory: zlib could not start");
}

// Inflates until n bytes are made or the data ends; *made says how many, *ended whether the end mark was seen.
static int z_run(z_stream *z, const uint8_t *data, size_t size, uint8_t *out, size_t n, size_t *made)
{
    int code = Z_OK;
    size_t used = 0;
    *made = 0;
    while (code == Z_OK && *made < n) {
        unsigned in = (unsigned)(size - used < CHUNK ? size - used : CHUNK);
        unsigned room = (unsigned)(n - *made < CHUNK ? n - *made : CHUNK);
        z->next_in = (z_const Bytef *)(uintptr_t)(data + used);
        z->avail_in = in;
        z->next_out = out + *made;
        z->avail_out = room;
        code = inflate(z, Z_NO_FLUSH);
        used += in - z->avail_in;
        *made += room - z->avail_out;
    }
    z->next_in = (z_const Bytef *)(uintptr_t)(data + used);
    return code;
}

tw_status tw_inflate_raw(const char *path, uint64_t at, const uint8_t *data, size_t size, uint8_t *out, size_t out_size)
{
    z_stream z;
    size_t made, more = 0;
    uint8_t extra;
    tw_status st = z_begin(&z, -MAX_WBITS);
    if (st != TW_OK) return st;
    int code = z_run(&z, data, size, out, out_size, &made);
    if (code == Z_OK) { // the end mark may still be unread
        const uint8_t *rest = z.next_in;
        code = z_run(&z, rest, size - (size_t)(rest - data), &extra, 1, &more);
    }
    if (code == Z_MEM_ERROR)
        st = tw_fail(TW_ENOMEM, "out of memory: zlib could not inflate");
    else if (code != Z_STREAM_END && more == 0)
        st = tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": deflate data is corrupt or cut: %s", path, at,
                     z.msg ? z.msg : "it ends too early");
    else if (made != out_size || more != 0)
        st = tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found %s%zu bytes after inflating, expected %zu", path, at,
                     more ? "more than " : "", made, out_size);
    inflateEnd(&z);
    return st;
}

tw_status tw_stream_open(tw_stream *stream, const char *path, const uint8_t *data, size_t size)
{
    *stream = (tw_stream){.path = path, .data = data, .size = size};
    stream->gz = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    if (!stream->gz) return TW_OK;
    tw_status st = z_begin(&stream->z, MAX_WBITS + 16);
    if (st != TW_OK) {
        stream->gz = false;
        return st;
    }
    stream->z.next_in = (z_const Bytef *)(uintptr_t)data;
    return TW_OK;
}

void tw_stream_close(tw_stream *stream)
{
    if (stream->gz) inflateEnd(&stream->z);
    *stream = (tw_stream){0};
}

static size_t left(const tw_stream *stream)
{
    return stream->gz ? stream->size - (size_t)(stream->z.next_in - stream->data) : stream->size - (size_t)stream->at;
}

static tw_status inflate_some(tw_stream *stream, size_t n, uint8_t *out, size_t *made)
{
    int code = z_run(&stream->z, stream->z.next_in, left(stream), out, n, made);
    stream->at += *made;
    if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR) return TW_OK;
    if (code == Z_MEM_ERROR) return tw_fail(TW_ENOMEM, "out of memory: zlib could not inflate");
    return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 " (after inflating): gzip data is corrupt: %s", stream->path,
                   stream->at, stream->z.msg ? stream->z.msg : "found a preset dictionary");
}

tw_status tw_stream_read(tw_stream *stream, size_t n, void *out)
{
    tw_status st = TW_OK;
    size_t made = 0;
    uint64_t at = stream->at;
    if (stream->gz) {
        if ((st = inflate_some(stream, n, out, &made)) != TW_OK) return st;
    } else {
        made = left(stream) < n ? left(stream) : n;
        if (made) memcpy(out, stream->data + stream->at, made);
        stream->at += made;
    }
    if (made < n)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found the end%s after %zu bytes, expected %zu", stream->path,
                       at, stream->gz ? " of the gzip data" : " of the file", made, n);
    return TW_OK;
}

tw_status tw_stream_skip(tw_stream *stream, uint64_t n)
{
    uint8_t passed[1 << 15];
    tw_status st = TW_OK;
    if (!stream->gz && n <= left(stream)) {
        stream->at += n;
        return TW_OK;
    }
    while (n > 0 && st == TW_OK) {
        size_t some = n < sizeof passed ? (size_t)n : sizeof passed;
        st = tw_stream_read(stream, some, passed);
        n -= some;
    }
    return st;
}

tw_status tw_stream_u32be(tw_stream *stream, uint32_t *out)
{
    uint8_t b[4];
    tw_status st = tw_stream_read(stream, sizeof b, b);
    if (st == TW_OK) *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return st;
}

tw_status tw_stream_holds(tw_stream *stream, uint64_t count, uint64_t size)
{
    // A gzip decoder may hold back one match (258 bytes) and half a window of input already taken.
    uint64_t most = stream->gz ? tw_inflated_most((uint64_t)left(stream) + 65536) : left(stream);
    uint64_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > most || bytes > PTRDIFF_MAX)
        return tw_fail(TW_EFORMAT,
                       "%s: byte %" PRIu64 ": the header claims %" PRIu64 " items of %" PRIu64
                       " bytes; found %s%" PRIu64 " bytes",
                       stream->path, stream->at, count, size, stream->gz ? "at most " : "", most);
    return TW_OK;
}

tw_status tw_stream_end(tw_stream *stream)
{
    tw_status st = TW_OK;
    uint8_t extra;
    size_t made = 0;
    if (!stream->gz) {
        if (left(stream) > 0)
            st = tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 ": found %zu bytes too many, expected the end of the file",
                         stream->path, stream->at, left(stream));
        return st;
    }
    if ((st = inflate_some(stream, 1, &extra, &made)) != TW_OK) return st;
    if (made > 0)
        return tw_fail(TW_EFORMAT, "%s: byte %" PRIu64 " (after inflating): found more data, expected the end",
                       stream->path, stream->at - 1);
    // inflate says Z_STREAM_END again once trailer and checksum are through, Z_BUF_ERROR when they are missing.
    stream->z.avail_in = 0;
    stream->z.next_out = &extra;
    stream->z.avail_out = 1;
    if (inflate(&stream->z, Z_NO_FLUSH) != Z_STREAM_END)
        return tw_fail(TW_EFORMAT, "%s: byte %zu: found the end of the file inside the gzip data", stream->path,
                       stream->size);
    if (left(stream) > 0)
        return tw_fail(TW_EFORMAT, "%s: byte %zu: found %zu bytes after the gzip data, expected the end of the file",
                       stream->path, stream->size - left(stream), left(stream));
    return st;
}

tw_status tw_stream_all(const char *path, const uint8_t *data, size_t size, tw_bytes *out)
{
    tw_status st = TW_OK;
    tw_stream s = {0};
    tw_bytes made = {0}, grown = {0};
    size_t room = size < 4096 ? 4096 : size + 1, got;

    TW_TRY(tw_stream_open(&s, path, data, size));
    TW_TRY(tw_alloc((int64_t)room, 1, &made.data));
    if (!s.gz) {
        TW_TRY(tw_stream_read(&s, size, made.data));
        made.size = size;
    }
    while (s.gz) { // no header says how long the data are: double the memory as they come
        TW_TRY(inflate_some(&s, room - made.size, made.data + made.size, &got));
        made.size += got;
        if (made.size < room) break;
        TW_TRY(tw_alloc((int64_t)room, 2, &grown.data));
        memcpy(grown.data, made.data, made.size);
        free(made.data);
        made.data = grown.data;
        grown.data = NULL;
        room *= 2;
    }
    TW_TRY(tw_stream_end(&s));
    *out = made;
    made = (tw_bytes){0};
done:
    tw_bytes_free(&made);
    tw_stream_close(&s);
    return st;
}
