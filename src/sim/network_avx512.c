// SPDX-License-Identifier: MIT
// Escapes of networks, lanes in AVX-512 registers: one register holds sixteen replicas.
#include "sim/network_lanes.h"

#include "base/rng.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define FN(name) name##_avx512
#define FN_NAME "avx512"
#define MUL_EVEN(a, b) ((u8x)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#define LOW_WORDS(even, odd)   \
    ((u16)_mm512_castps_si512( \
        _mm512_mask_moveldup_ps(_mm512_castsi512_ps((__m512i)(even)), 0xAAAA, _mm512_castsi512_ps((__m512i)(odd)))))
#define SQRT(x) ((f16)_mm512_sqrt_ps((__m512)(x)))

#include "sim/lanes.inc"
#include "sim/network_lanes.inc"
