// SPDX-License-Identifier: MIT
// The files inside a tar archive, plain or gzipped.
#ifndef DATA_TAR_H
#define DATA_TAR_H

#include "data/stream.h"

// Called for every regular file, in the order of the archive; name: without its folders. It may read at most `size`
// bytes from the stream; what it leaves is passed over.
typedef tw_status (*tw_tar_take)(void *ctx, const char *name, uint64_t size, tw_stream *stream);

// Links, folders and the like are passed over: a name from an archive is never a place to write to, only one to
// compare. TW_EFORMAT: "path: byte AT: ..."; whatever take returns.
TW_NODISCARD tw_status tw_tar_each(const char *path, const uint8_t *data, size_t size, tw_tar_take take, void *ctx);

#endif
