// SPDX-License-Identifier: MIT
// Matrix products by library: oneDNN for float where it was found, OpenBLAS otherwise and for double.
//
// A kernel is single-threaded, whoever calls it. OpenBLAS built on pthreads obeys openblas_set_num_threads; its OpenMP
// build and oneDNN take as many threads as the caller's next parallel region would have, so that number is one while
// they work.
#include "kernel/gemm.h"
#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#ifdef TW_HAVE_DNNL
#include <dnnl.h>
#endif

void tw_gemm_setup(void)
{
    const int threads = omp_get_max_threads();
    openblas_set_num_threads(1);
    omp_set_num_threads(threads); // an OpenMP build of OpenBLAS would have changed it for everyone
}

static int alone(void)
{
    const int threads = omp_get_max_threads();
    if (threads != 1) omp_set_num_threads(1);
    return threads;
}

static void together(int threads)
{
    if (threads != 1) omp_set_num_threads(threads);
}

static blasint narrow(int64_t i)
{
    assert(i >= 0 && i <= INT_MAX);
    return (blasint)i;
}

// The library's leading dimensions must be at least 1, even where nothing is read.
static int64_t atleast1(int64_t ld) { return ld > 1 ? ld : 1; }

// What is left of a product with m, n or k = 0. True if that was all.
static bool nothing(int64_t m, int64_t n, int64_t k, int beta, void *c, int64_t ldc, size_t size)
{
    if (m > 0 && n > 0 && k > 0) return false;
    if (!beta)
        for (int64_t i = 0; i < m && n > 0; i++) memset((char *)c + (size_t)(i * ldc) * size, 0, (size_t)n * size);
    return true;
}

void tw_gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc)
{
    if (nothing(m, n, k, beta, c, ldc, sizeof(float))) return;
    lda = atleast1(lda), ldb = atleast1(ldb), ldc = atleast1(ldc);
    const int threads = alone();
#ifdef TW_HAVE_DNNL
    const dnnl_status_t st =
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, lda, b, ldb, (float)beta, c, ldc);
    if (st != dnnl_success) // oneDNN packs into memory of its own, and may find none
#endif
        cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, narrow(m), narrow(n),
                    narrow(k), 1, a, narrow(lda), b, narrow(ldb), (float)beta, c, narrow(ldc));
    together(threads);
}

void tw_gemm_f64(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc)
{
    if (nothing(m, n, k, beta, c, ldc, sizeof(double))) return;
    const int threads = alone();
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, narrow(m), narrow(n),
                narrow(k), 1, a, narrow(atleast1(lda)), b, narrow(atleast1(ldb)), beta, c, narrow(atleast1(ldc)));
    together(threads);
}

void tw_gemm_describe(char *text, size_t size)
{
    char blas[128];
    snprintf(blas, sizeof blas, "%s (%s)", openblas_get_config(), openblas_get_corename());
#ifdef TW_HAVE_DNNL
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, size, "f32: oneDNN %d.%d.%d; f64: %s", v->major, v->minor, v->patch, blas);
#else
    snprintf(text, size, "f32, f64: %s", blas);
#endif
}
