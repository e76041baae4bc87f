// SPDX-License-Identifier: MIT
// Archives, plain or gzipped: every file in them is read.
#include "fuzz.h"

#include "data/tar.h"

static tw_status take(void *ctx, const char *name, uint64_t size, tw_stream *stream)
{
    (void)ctx, (void)name;
    uint8_t some[512];
    return tw_stream_read(stream, size < sizeof some ? (size_t)size : sizeof some, some);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    refused(tw_tar_each("f", data, size, take, NULL));
    return 0;
}
