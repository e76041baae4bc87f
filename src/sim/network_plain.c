// SPDX-License-Identifier: MIT
// Escapes of networks, lanes on any processor: the compiler cuts the vectors to what there is.
#include "sim/network_lanes.h"

#include "base/rng.h"
#include <math.h>
#include <string.h>

#define FN(name) name##_plain
#define FN_NAME "plain"
#define MUL_EVEN(a, b) (((a)&0xFFFFFFFFu) * ((b)&0xFFFFFFFFu))
#define LOW_WORDS(even, odd) ((u16)(((even)&0xFFFFFFFFu) | ((odd) << 32)))
#define SQRT(x) root_of(x)

static inline float __attribute__((vector_size(64))) root_of(float __attribute__((vector_size(64))) x)
{
    for (int i = 0; i < 16; i++) x[i] = sqrtf(x[i]);
    return x;
}

#include "sim/lanes.inc"
#include "sim/network_lanes.inc"
