// SPDX-License-Identifier: MIT
// Lanczos against operators whose spectrum is chosen: A = Q diag(d) Q' with Q a product of reflections, so that neither
// eigenvalues nor eigenvectors come from an eigensolver.
#include "test.h"

#include "base/alloc.h"
#include "linalg/chosen.h"

// Like a trained network: ten outliers, some multiple, a bulk that falls off, and a few negative ones.
static tw_linop hessian_like(chosen *a, int64_t n, int64_t block)
{
    const double top[10] = {10, 8, 8, 8, 5, 4, 4, 2.5, 2, 1.5};
    for (int64_t i = 0; i < n; i++)
        a->d[i] = i < 10 ? top[i] : exp(-8.0 * (double)(i - 10) / (double)n) - (i > n - 20 ? 0.1 : 0);
    return rotated(a, n, block);
}

static double largest(const chosen *a)
{
    double max = 0;
    for (int64_t i = 0; i < a->n; i++) max = fmax(max, fabs(a->d[i]));
    return max;
}

static int descending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a < b) - (a > b);
}

// Everything that a result promises. Rounding of our own products: a few n eps |A|.
static void holds(chosen *a, const tw_eigs *e)
{
    double truth[MAX], rounding = 20 * DBL_EPSILON * sqrt((double)a->n) * largest(a), y[MAX];
    memcpy(truth, a->d, sizeof truth);
    qsort(truth, (size_t)a->n, sizeof *truth, descending);
    assert_true(e->orthogonality < 1e-13);
    for (int64_t i = 0; i < e->count; i++) {
        double lambda = i < e->top ? truth[i] : truth[a->n - 1 - (i - e->top)], sum = 0;
        assert_true(e->converged[i]);
        assert_true(e->lo[i] <= lambda && lambda <= e->hi[i]);
        assert_near(e->value[i], lambda, e->hi[i] - e->value[i]);
        must(apply(a, 1, e->vector + i * a->n, y));
        for (int64_t j = 0; j < a->n; j++) sum += pow((y[j] - e->value[i] * e->vector[i * a->n + j]) / largest(a), 2);
        assert_near(e->residual[i], sqrt(sum) * largest(a), rounding);
        if (i > 0 && i < e->top) assert_true(e->value[i] <= e->value[i - 1]);
        if (i > e->top) assert_true(e->value[i] >= e->value[i - 1]);
    }
}

static void a_hundred_random_starts_find_the_true_top_ten(void **state)
{
    (void)state;
    static chosen a;
    const int starts[] = {20, 100, 20};
    for (int b = 0; b < 3; b++) {
        tw_linop op = hessian_like(&a, 300, 1 + 3 * b);
        int64_t products = 0;
        for (int seed = 0; seed < starts[b]; seed++) {
            tw_lanczos_opts opts = tw_lanczos_defaults();
            tw_eigs *e = NULL;
            opts.seed = (uint64_t)seed;
            must(tw_lanczos(&op, &opts, &e));
            holds(&a, e);
            products += e->products;
            tw_eigs_free(e);
        }
        print_message("block %d: %.1f products\n", (int)op.block, (double)products / starts[b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_random_starts_find_the_true_top_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
