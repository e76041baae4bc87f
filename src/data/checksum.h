// SPDX-License-Identifier: MIT
// A 64-bit checksum of bytes, the same on any number of threads: docs/data.md has the definition.
#ifndef DATA_CHECKSUM_H
#define DATA_CHECKSUM_H

#include "base/status.h"

enum { TW_CHECKSUM_BLOCK = 1 << 20 }; // bytes

uint64_t tw_checksum_block(const void *data, size_t size);                        // one block, one thread
TW_NODISCARD tw_status tw_checksum(const void *data, size_t size, uint64_t *out); // of the checksums of its MiB blocks

#endif
