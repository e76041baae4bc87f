// SPDX-License-Identifier: MIT
// SHA-256 (NIST FIPS 180-4, sections 5 and 6.2): words are big-endian, additions are mod 2^32.
//
//   W[t] = M[t] for t < 16, else s1(W[t-2]) + W[t-7] + s0(W[t-15]) + W[t-16]
//   T1 = h + S1(e) + Ch(e, f, g) + K[t] + W[t],  T2 = S0(a) + Maj(a, b, c);  (a ... h) <- (T1 + T2, a, b, c, d + T1, e,
//   f, g)
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2).
static const uint32_t constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void compress(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64], v[8];
    for (int t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    memcpy(v, h, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t sum0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t t1 = v[7] + sum1 + choice + constant[t] + w[t], t2 = sum0 + majority;
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
}

void tw_sha256_begin(tw_sha256 *sha)
{
    // Of the square roots of the first 8 primes (section 5.3.3).
    *sha = (tw_sha256){
        .h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void tw_sha256_add(tw_sha256 *sha, const void *data, size_t size)
{
    const uint8_t *from = data;
    size_t waiting = sha->bytes % 64;
    sha->bytes += size;
    while (size > 0) {
        if (waiting == 0 && size >= 64) {
            compress(sha->h, from);
            from += 64;
            size -= 64;
            continue;
        }
        size_t some = size < 64 - waiting ? size : 64 - waiting;
        memcpy(sha->block + waiting, from, some);
        waiting += some;
        from += some;
        size -= some;
        if (waiting == 64) {
            compress(sha->h, sha->block);
            waiting = 0;
        }
    }
}

void tw_sha256_end(tw_sha256 *sha, char hex[TW_SHA256_HEX])
{
    // One bit, zeros up to 56 bytes of a block, the number of bits in eight bytes (section 5.1.1).
    uint8_t tail[72] = {0x80};
    uint64_t bits = 8 * sha->bytes;
    size_t zeros = (119 - sha->bytes % 64) % 64;
    for (int i = 0; i < 8; i++) tail[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    tw_sha256_add(sha, tail, 1 + zeros + 8);
    for (int i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", (unsigned)sha->h[i]);
}
