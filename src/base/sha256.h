// SPDX-License-Identifier: MIT
// SHA-256: whether bytes are those that were published. Source: NIST FIPS 180-4 (2015), sections 4 to 6.
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { TW_SHA256_HEX = 65 }; // 64 digits and the end

typedef struct tw_sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64]; // bytes % 64 of them wait here
} tw_sha256;

void tw_sha256_begin(tw_sha256 *sha);
void tw_sha256_add(tw_sha256 *sha, const void *data, size_t size);
void tw_sha256_end(tw_sha256 *sha, char hex[TW_SHA256_HEX]); // lower case

#endif
