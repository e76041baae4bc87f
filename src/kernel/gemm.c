// SPDX-License-Identifier: MIT
// Which matrix product runs on this processor.
//
// The products are our own: on the shapes of networks (bench/bench_kernel.c) the register tiles of gemm_tiles.inc reach
// as much of the processor's peak as the libraries do where matrices are large, and more where they are thin or tiny;
// and they never start a thread, so equal calls give equal bits wherever they are made.
#include "kernel/gemm.h"
#include "kernel/gemm_tiles.h"
#include <stdio.h>
#include <string.h>

_Thread_local _Alignas(64) char tw_gemm_room[TW_GEMM_ROOM];

extern const tw_tiles tw_tiles_plain;
#ifdef TW_X86
extern const tw_tiles tw_tiles_avx512, tw_tiles_avx2;
static bool has_avx512(void) { return __builtin_cpu_supports("avx512f"); }
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif
static bool always(void) { return true; }

// Best first.
static const struct {
    const tw_tiles *tiles;
    bool (*here)(void);
} known[] = {
#ifdef TW_X86
    {&tw_tiles_avx512, has_avx512},
    {&tw_tiles_avx2, has_avx2},
#endif
    {&tw_tiles_plain, always},
};

static const tw_tiles *best = &tw_tiles_plain;

const tw_tiles *tw_tiles_find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].tiles->name, name) == 0) return known[i].here() ? known[i].tiles : NULL;
    return NULL;
}

const tw_tiles *tw_tiles_best(void) { return best; }

void tw_gemm_setup(void)
{
    size_t i = 0;
    while (!known[i].here()) i++;
    best = known[i].tiles;
}

void tw_gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc)
{
    best->f32(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void tw_gemm_f64(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc)
{
    best->f64(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void tw_gemm_describe(char *text, size_t size)
{
    char split[64];
    tw_gemm_split_describe(split, sizeof split);
    snprintf(text, size, "f32, f64: register tiles (%s); split3, split6: %s", best->name, split);
}
