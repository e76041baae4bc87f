// SPDX-License-Identifier: MIT
// Philox 4x32-10 and the distributions that the program needs.
//
// Source: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (constants, ten rounds).
#include "base/rng.h"

#include <math.h>

void tw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

tw_rng tw_rng_at(uint64_t seed, tw_purpose purpose, uint64_t index)
{
    tw_rng rng = {
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, 0, (uint32_t)index, (uint32_t)(index >> 32) ^ (uint32_t)purpose << 24},
    };
    return rng;
}

uint32_t tw_rng_u32(tw_rng *rng)
{
    if (rng->left == 0) {
        tw_philox(rng->counter, rng->key, rng->word);
        if (++rng->counter[0] == 0) rng->counter[1]++;
        rng->left = 4;
    }
    return rng->word[4 - rng->left--];
}

uint64_t tw_rng_u64(tw_rng *rng)
{
    uint64_t low = tw_rng_u32(rng);
    return low | (uint64_t)tw_rng_u32(rng) << 32;
}

double tw_rng_uniform(tw_rng *rng) { return (double)(tw_rng_u64(rng) >> 11) * 0x1p-53; }

double tw_rng_normal(tw_rng *rng)
{
    if (rng->has_spare) {
        rng->has_spare = false;
        return rng->spare;
    }
    double radius = sqrt(-2 * log(1 - tw_rng_uniform(rng))), angle = 2 * 3.14159265358979323846 * tw_rng_uniform(rng);
    rng->spare = radius * sin(angle);
    rng->has_spare = true;
    return radius * cos(angle);
}

uint64_t tw_rng_below(tw_rng *rng, uint64_t n)
{
    uint64_t reject = -n % n; // 2^64 mod n: numbers below it would favour small results
    uint64_t x;
    do x = tw_rng_u64(rng);
    while (x < reject);
    return x % n;
}

void tw_rng_shuffle(tw_rng *rng, int64_t n, int64_t *index)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)tw_rng_below(rng, (uint64_t)i + 1), swap = index[i];
        index[i] = index[j];
        index[j] = swap;
    }
}

void tw_rng_normals(tw_rng *rng, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++) x[i] = tw_rng_normal(rng);
}

void tw_rng_signs(tw_rng *rng, int64_t n, double *x)
{
    uint32_t bits = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i % 32 == 0) bits = tw_rng_u32(rng);
        x[i] = bits >> (i % 32) & 1 ? 1 : -1;
    }
}
