// SPDX-License-Identifier: MIT
// The escape simulator's lanes on any processor: the compiler cuts the vectors to what there is.
#include "sim/escape_lanes.h"

#include "base/rng.h"
#include <math.h>
#include <string.h>

#define FN(name) name##_plain
#define FN_NAME "plain"
#define MUL_EVEN(a, b) (((a)&0xFFFFFFFFu) * ((b)&0xFFFFFFFFu))
#define LOW_WORDS(even, odd) ((u16)(((even)&0xFFFFFFFFu) | ((odd) << 32)))
#define SQRT(x) root_of(x)
#define MAX(a, b) pick((a) > (b), a, b)
#define MIN(a, b) pick((a) < (b), a, b)

static inline float __attribute__((vector_size(64))) root_of(float __attribute__((vector_size(64))) x)
{
    for (int i = 0; i < 16; i++) x[i] = sqrtf(x[i]);
    return x;
}

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t m16 __attribute__((vector_size(64)));
static inline v16 pick(m16 first, v16 a, v16 b) { return (v16)((first & (m16)a) | (~first & (m16)b)); }

#include "sim/lanes.inc"
#include "sim/escape_lanes.inc"
