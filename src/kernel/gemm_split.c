// SPDX-License-Identifier: MIT
// Float products as bf16 products, for processors with units for those: the only door to oneDNN.
//
// A float is cut into bf16 pieces of 8 bits each, a = a1 + a2 (+ a3) + rest, each piece the rounding of what the ones
// before left. Products of pieces are exact in float, and are summed in float, those of the smallest pieces first:
//
//   split3   a2 b1 + a1 b2 + a1 b1                              misses 3 * 2^-18 |a||b| of a term
//   split6   a3 b1 + a2 b2 + a1 b3 + a2 b1 + a1 b2 + a1 b1      4 * 2^-27, half the rounding of a product
//
// (Henry, Tang & Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision
// computations", ARITH 2019.) The pieces are laid side by side along the depth, so that one bf16 product of three or
// six times the depth does it all; oneDNN picks AMX where there is AMX. What is too small to pay for being cut, and
// what finds no memory, is multiplied in float. Root mean square error of 256 x 256 x 512 uniform numbers against
// double, in units of the result's: split3 3.8e-6, split6 1.4e-7, float tiles 2.9e-7, plain float loops 4.1e-7. Without
// AMX (AVX-512 bf16 alone is at most twice float) both are slower than float: bench/bench_kernel.c.
#include "kernel/gemm.h"
#include <stdio.h>

#if defined(TW_HAVE_DNNL) && defined(TW_X86)
#include <dnnl.h>
#endif
#if defined(TW_HAVE_DNNL) && defined(TW_X86) && DNNL_VERSION_MAJOR == 2
#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 512, LEAST = 64 }; // rows of C at once; least m, n and k that are cut

static dnnl_engine_t engine;
static void engine_open(void)
{
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
}

bool tw_gemm_split_here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!__builtin_cpu_supports("avx512bf16")) return false;
    pthread_once(&once, engine_open);
    return engine != NULL;
}

void tw_gemm_split_describe(char *text, size_t size)
{
    const dnnl_version_t *v = dnnl_version();
    if (tw_gemm_split_here())
        snprintf(text, size, "oneDNN %d.%d.%d bf16", v->major, v->minor, v->patch);
    else
        snprintf(text, size, "not here");
}

// Nearest bf16, ties to even. Infinities and NaN stay; a finite number stays finite.
static uint16_t nearest(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    if ((u & 0x7fffffff) >= 0x7f7f8000) return (uint16_t)(u >> 16 | ((u & 0x7fffffff) > 0x7f800000 ? 1 : 0));
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static float widen(uint16_t h)
{
    const uint32_t u = (uint32_t)h << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static void cut(float x, int pieces, uint16_t *piece)
{
    piece[0] = nearest(x);
    const bool finite = (piece[0] & 0x7f80) != 0x7f80;
    for (int i = 1; i < pieces; i++) {
        x = finite ? x - widen(piece[i - 1]) : 0;
        piece[i] = nearest(x);
    }
}

// Which piece of A meets which of B, smallest products first.
static const int left3[3] = {1, 0, 0}, right3[3] = {0, 1, 0};
static const int left6[6] = {2, 1, 0, 1, 0, 0}, right6[6] = {0, 1, 2, 0, 1, 0};

// to[row][product][l] = piece which[product] of x: rows of x lie `across` apart, its depth `along`.
static void lay(int64_t rows, int64_t k, const float *x, int64_t across, int64_t along, int products, const int *which,
                uint16_t *to)
{
    for (int64_t i = 0; i < rows; i++, x += across, to += products * k)
        for (int64_t l = 0; l < k; l++) {
            uint16_t piece[3];
            cut(x[l * along], products == 3 ? 2 : 3, piece);
            for (int p = 0; p < products; p++) to[p * k + l] = piece[which[p]];
        }
}

// c (m x n) = a (m x depth) b (n x depth)' + beta c.
static dnnl_status_t multiply(int64_t m, int64_t n, int64_t depth, uint16_t *a, uint16_t *b, int beta, float *c,
                              int64_t ldc)
{
    dnnl_memory_desc_t ad, bd, cd;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t am = NULL, bm = NULL, cm = NULL;
    dnnl_status_t st;
#define TRY(call) \
    if ((st = (call)) != dnnl_success) goto done
    TRY(dnnl_memory_desc_init_by_strides(&ad, 2, (dnnl_dims_t){m, depth}, dnnl_bf16, (dnnl_dims_t){depth, 1}));
    TRY(dnnl_memory_desc_init_by_strides(&bd, 2, (dnnl_dims_t){depth, n}, dnnl_bf16, (dnnl_dims_t){1, depth}));
    TRY(dnnl_memory_desc_init_by_strides(&cd, 2, (dnnl_dims_t){m, n}, dnnl_f32, (dnnl_dims_t){ldc, 1}));
    TRY(dnnl_matmul_desc_init(&desc, &ad, &bd, NULL, &cd));
    TRY(dnnl_primitive_attr_create(&attr));
    if (beta) {
        TRY(dnnl_post_ops_create(&post));
        TRY(dnnl_post_ops_append_sum(post, 1));
        TRY(dnnl_primitive_attr_set_post_ops(attr, post));
    }
    TRY(dnnl_primitive_desc_create(&pd, &desc, attr, engine, NULL));
    TRY(dnnl_primitive_create(&primitive, pd));
    TRY(dnnl_memory_create(&am, &ad, engine, a));
    TRY(dnnl_memory_create(&bm, &bd, engine, b));
    TRY(dnnl_memory_create(&cm, &cd, engine, c));
    TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, am}, {DNNL_ARG_WEIGHTS, bm}, {DNNL_ARG_DST, cm}};
    TRY(dnnl_primitive_execute(primitive, stream, 3, args));
    TRY(dnnl_stream_wait(stream));
#undef TRY
done:
    dnnl_stream_destroy(stream);
    dnnl_memory_destroy(cm);
    dnnl_memory_destroy(bm);
    dnnl_memory_destroy(am);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(pd);
    dnnl_post_ops_destroy(post);
    dnnl_primitive_attr_destroy(attr);
    return st;
}

static void split(int products, const int *left, const int *right, bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                  const float *a, int64_t lda, const float *b, int64_t ldb, int beta, float *c, int64_t ldc)
{
    const int64_t depth = products * k;
    const bool worth = m >= LEAST && n >= LEAST && k >= LEAST && tw_gemm_split_here();
    uint16_t *as = worth ? malloc((size_t)((m < ROWS ? m : ROWS) * depth) * sizeof *as) : NULL;
    uint16_t *bs = worth ? malloc((size_t)(n * depth) * sizeof *bs) : NULL;
    int64_t done = 0;
    if (as && bs) {
        const int threads = omp_get_max_threads(); // oneDNN would take as many
        if (threads != 1) omp_set_num_threads(1);
        lay(n, k, b, tb ? ldb : 1, tb ? 1 : ldb, products, right, bs);
        while (done < m) {
            const int64_t rows = m - done < ROWS ? m - done : ROWS;
            lay(rows, k, a + (ta ? done : done * lda), ta ? 1 : lda, ta ? lda : 1, products, left, as);
            if (multiply(rows, n, depth, as, bs, beta, c + done * ldc, ldc) != dnnl_success) break;
            done += rows;
        }
        if (threads != 1) omp_set_num_threads(threads);
    }
    free(as);
    free(bs);
    tw_gemm_f32(ta, tb, m - done, n, k, a + (ta ? done : done * lda), lda, b, ldb, beta, c + done * ldc, ldc);
}

#else
bool tw_gemm_split_here(void) { return false; }
void tw_gemm_split_describe(char *text, size_t size) { snprintf(text, size, "not here"); }
static const int left3[3], right3[3], left6[6], right6[6];
static void split(int products, const int *left, const int *right, bool ta, bool tb, int64_t m, int64_t n, int64_t k,
                  const float *a, int64_t lda, const float *b, int64_t ldb, int beta, float *c, int64_t ldc)
{
    (void)products, (void)left, (void)right;
    tw_gemm_f32(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}
#endif

void tw_gemm_split3(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                    int64_t ldb, int beta, void *c, int64_t ldc)
{
    split(3, left3, right3, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void tw_gemm_split6(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                    int64_t ldb, int beta, void *c, int64_t ldc)
{
    split(6, left6, right6, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
}
