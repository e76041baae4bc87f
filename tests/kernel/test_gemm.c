// SPDX-License-Identifier: MIT
// Matrix products: every table against small integers, whose sums are exact, so all orders of summation must agree in
// bits; double against long double within the bound of Higham 2002, section 3.5; the same bits on any thread.
#include "test.h"

#include "kernel/gemm_tiles.h"
#include "kernel/kernel.h"
#include <omp.h>

// Every table, and the register tiles of every instruction set this processor has.
static const char *const names[] = {"f32", "f64", "ref32", "ref64", "split3", "split6"};
static const char *const sets[] = {"plain", "avx2", "avx512"};
enum { NAMED = sizeof names / sizeof *names, SETS = sizeof sets / sizeof *sets, TABLES = NAMED + 2 * SETS };

static tw_kernels table[TABLES];

static int tables_exist(void **state)
{
    (void)state;
    for (int t = 0; t < NAMED; t++)
        if (tw_kernels_find(names[t])) table[t] = *tw_kernels_find(names[t]);
    for (int t = 0; t < SETS; t++) {
        const tw_tiles *tiles = tw_tiles_find(sets[t]);
        if (!tiles) continue;
        table[NAMED + 2 * t] = (tw_kernels){.name = sets[t], .real = TW_F32, .gemm = tiles->f32};
        table[NAMED + 2 * t + 1] = (tw_kernels){.name = sets[t], .real = TW_F64, .gemm = tiles->f64};
    }
    return 0;
}

// Shapes that networks ask for (wide, thin, tiny), none, not a multiple of anything, and past every block of the tiles.
static const int64_t shapes[][3] = {{1, 1, 1},     {2, 3, 4},    {10, 10, 10}, {8, 10, 10},    {250, 10, 10},
                                    {10, 10, 250}, {37, 1, 53},  {1, 37, 53},  {37, 53, 1},    {17, 33, 65},
                                    {64, 10, 29},  {10, 64, 29}, {0, 5, 5},    {5, 0, 5},      {5, 5, 0},
                                    {0, 0, 0},     {31, 16, 16}, {33, 48, 24}, {66, 96, 7},    {9, 50, 300},
                                    {43, 110, 20}, {9, 601, 12}, {131, 67, 5}, {34, 100, 270}, {70, 66, 65}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double get(tw_real real, const void *x, int64_t i)
{
    return real == TW_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void set(tw_real real, void *x, int64_t i, double value)
{
    if (real == TW_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static double small_integer(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)((int)(*state >> 60) - 8);
}

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-52 - 1;
}

// A rows x cols array with ld numbers a row; what lies between the rows is NaN and must not be read.
static void *array(tw_real real, int64_t rows, int64_t cols, int64_t ld, double draw(uint64_t *), uint64_t *state)
{
    void *x = malloc((size_t)(rows * ld + 1) * (size_t)real);
    assert_non_null(x);
    for (int64_t i = 0; i < rows * ld + 1; i++) set(real, x, i, i % ld < cols && i < rows * ld ? draw(state) : NAN);
    return x;
}

typedef struct product {
    bool ta, tb;
    int beta;
    int64_t m, n, k, lda, ldb, ldc;
    void *a, *b, *c;
} product;

// pad: numbers between the rows of every array.
static product product_new(tw_real real, const int64_t *shape, bool ta, bool tb, int beta, int64_t pad,
                           double draw(uint64_t *))
{
    product p = {.ta = ta, .tb = tb, .beta = beta, .m = shape[0], .n = shape[1], .k = shape[2]};
    uint64_t state = 1;
    p.lda = (ta ? p.m : p.k) + pad;
    p.ldb = (tb ? p.k : p.n) + pad;
    p.ldc = p.n + pad;
    if (p.lda < 1) p.lda = 1;
    if (p.ldb < 1) p.ldb = 1;
    if (p.ldc < 1) p.ldc = 1;
    p.a = array(real, ta ? p.k : p.m, ta ? p.m : p.k, p.lda, draw, &state);
    p.b = array(real, tb ? p.n : p.k, tb ? p.k : p.n, p.ldb, draw, &state);
    p.c = array(real, p.m, p.n, p.ldc, draw, &state);
    for (int64_t i = 0; !beta && i < p.m * p.ldc; i++) set(real, p.c, i, NAN); // not initialised
    return p;
}

static void product_free(product *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
}

static void run(const tw_kernels *kern, const product *p, void *c)
{
    kern->gemm(p->ta, p->tb, p->m, p->n, p->k, p->a, p->lda, p->b, p->ldb, p->beta, c, p->ldc);
}

static long double a_at(tw_real real, const product *p, int64_t i, int64_t l)
{
    return get(real, p->a, p->ta ? l * p->lda + i : i * p->lda + l);
}

static long double b_at(tw_real real, const product *p, int64_t l, int64_t j)
{
    return get(real, p->b, p->tb ? j * p->ldb + l : l * p->ldb + j);
}

// Truth: sums of products of integers below 8 in size stay below 2^24, so every table must find them exactly.
// Numbers between the rows of C must stay as they were.
static void products_of_small_integers_are_exact_in_every_table(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++) {
        const tw_kernels *kern = &table[t];
        if (!kern->gemm) continue; // the processor lacks what it needs
        for (int s = 0; s < SHAPES; s++)
            for (int flags = 0; flags < 16; flags++) {
                product p = product_new(kern->real, shapes[s], flags & 1, flags & 2, !!(flags & 4), flags & 8 ? 3 : 0,
                                        small_integer);
                const size_t bytes = (size_t)(p.m * p.ldc + 1) * (size_t)kern->real;
                void *found = malloc(bytes);
                assert_non_null(found);
                memcpy(found, p.c, bytes);

                run(kern, &p, found);

                for (int64_t i = 0; i < p.m; i++)
                    for (int64_t j = 0; j < p.ldc; j++) {
                        const double before = get(kern->real, p.c, i * p.ldc + j);
                        const double after = get(kern->real, found, i * p.ldc + j);
                        if (j >= p.n) {
                            assert_true(isnan(after));
                            continue;
                        }
                        long double truth = p.beta ? before : 0;
                        for (int64_t l = 0; l < p.k; l++)
                            truth += a_at(kern->real, &p, i, l) * b_at(kern->real, &p, l, j);
                        if (after != (double)truth)
                            fail_msg("%s %c%c %dx%dx%d beta %d: C[%d][%d] = %g, truth %g", kern->name, p.ta ? 'T' : 'N',
                                     p.tb ? 'T' : 'N', (int)p.m, (int)p.n, (int)p.k, p.beta, (int)i, (int)j, after,
                                     (double)truth);
                    }
                free(found);
                product_free(&p);
            }
    }
}

// Truth: the sum in long double. Bound: gamma_k sum |a||b| for any order of summation, gamma_k = k u / (1 - k u), and
// one more rounding for beta C (Higham 2002, equation 3.5); long double adds less than one more u.
static void errors_stay_within_the_bound_of_any_order(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++) {
        const tw_kernels *kern = &table[t];
        if (!kern->gemm || strncmp(kern->name, "split", 5) == 0) continue; // those have a bound of their own
        const double u = kern->real == TW_F32 ? FLT_EPSILON / 2.0 : DBL_EPSILON / 2;
        for (int s = 0; s < SHAPES; s++)
            for (int flags = 0; flags < 8; flags++) {
                product p = product_new(kern->real, shapes[s], flags & 1, flags & 2, !!(flags & 4), 0, uniform);
                const size_t bytes = (size_t)(p.m * p.ldc + 1) * (size_t)kern->real;
                void *found = malloc(bytes);
                assert_non_null(found);
                memcpy(found, p.c, bytes);

                run(kern, &p, found);

                const double gamma = (double)(p.k + 2) * u / (1 - (double)(p.k + 2) * u);
                for (int64_t i = 0; i < p.m; i++)
                    for (int64_t j = 0; j < p.n; j++) {
                        long double truth = p.beta ? get(kern->real, p.c, i * p.ldc + j) : 0, size = fabsl(truth);
                        for (int64_t l = 0; l < p.k; l++) {
                            const long double term = a_at(kern->real, &p, i, l) * b_at(kern->real, &p, l, j);
                            truth += term;
                            size += fabsl(term);
                        }
                        assert_near(get(kern->real, found, i * p.ldc + j), (double)truth, gamma * (double)size);
                    }
                free(found);
                product_free(&p);
            }
    }
}

// Truth: the sum in long double. Bound: a rounding to bf16 leaves 2^-9 of a number, two leave 2^-18, three 2^-27.
// split3 misses the rests of a and of b and a2 b2, split6 the rests, a2 b3 and a3 b2; then come the roundings of a sum
// of 3 or 6 k exact products, two a product where they are added in pairs. 1.02: pieces are together a little larger
// than a number.
static void split_products_err_by_what_they_leave_out(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double products, missing;
    } cases[] = {{"split3", 3, 3 * 0x1p-18}, {"split6", 6, 4 * 0x1p-27}};
    const int64_t shape[3] = {70, 66, 65};
    for (int t = 0; t < 2; t++) {
        const tw_kernels *kern = tw_kernels_find(cases[t].name);
        if (!kern) continue; // no bf16 units
        for (int flags = 0; flags < 8; flags++) {
            product p = product_new(TW_F32, shape, flags & 1, flags & 2, !!(flags & 4), 1, uniform);
            float *found = malloc((size_t)(p.m * p.ldc + 1) * sizeof *found);
            assert_non_null(found);
            memcpy(found, p.c, (size_t)(p.m * p.ldc + 1) * sizeof *found);
            run(kern, &p, found);
            const double roundings = (2 * cases[t].products * (double)p.k + 2) * FLT_EPSILON / 2;
            for (int64_t i = 0; i < p.m; i++)
                for (int64_t j = 0; j < p.n; j++) {
                    long double truth = p.beta ? get(TW_F32, p.c, i * p.ldc + j) : 0, size = fabsl(truth);
                    for (int64_t l = 0; l < p.k; l++) {
                        const long double term = a_at(TW_F32, &p, i, l) * b_at(TW_F32, &p, l, j);
                        truth += term;
                        size += fabsl(term);
                    }
                    assert_near((double)found[i * p.ldc + j], (double)truth,
                                1.02 * (cases[t].missing + roundings) * (double)size);
                }
            free(found);
            product_free(&p);
        }
    }
}

// Truth: the bits of the call outside any parallel region. Inside one, each thread makes the same call on copies that
// lie elsewhere in memory, at another alignment.
static void every_thread_finds_the_same_bits(void **state)
{
    (void)state;
    enum { THREADS = 3 };
    for (int t = 0; t < TABLES; t++) {
        const tw_kernels *kern = &table[t];
        if (!kern->gemm) continue;
        for (int s = 0; s < SHAPES; s++)
            for (int flags = 0; flags < 4; flags++) {
                product p = product_new(kern->real, shapes[s], flags & 1, flags & 2, 0, 0, uniform);
                const size_t bytes = (size_t)(p.m * p.ldc + 1) * (size_t)kern->real;
                int differ = 0;
                run(kern, &p, p.c);
#pragma omp parallel num_threads(THREADS) reduction(+ : differ)
                {
                    char *room = malloc(bytes + (size_t)kern->real * THREADS);
                    if (room) {
                        char *c = room + (size_t)kern->real * (size_t)omp_get_thread_num();
                        run(kern, &p, c);
                        differ += memcmp(c, p.c, (size_t)(p.m * p.n) * (size_t)kern->real) != 0;
                    }
                    free(room);
                }
                assert_int_equal(differ, 0);
                product_free(&p);
            }
    }
}

// The caller's number of threads is the caller's: a product must leave it alone.
static void a_product_leaves_the_number_of_threads_alone(void **state)
{
    (void)state;
    const int before = omp_get_max_threads();
    omp_set_num_threads(3);
    float x[4] = {1, 2, 3, 4}, y[4];
    tw_kernels_find("f32")->gemm(false, false, 2, 2, 2, x, 2, x, 2, 0, y, 2);
    assert_int_equal(omp_get_max_threads(), 3);
    omp_set_num_threads(before);
}

static void only_known_names_have_tables(void **state)
{
    (void)state;
    assert_null(tw_kernels_find("f16"));
    assert_null(tw_kernels_find(""));
    for (int t = 0; t < NAMED; t++) {
        const tw_kernels *kern = tw_kernels_find(names[t]);
        if (kern) assert_string_equal(kern->name, names[t]);
    }
    assert_true(strlen(tw_kernels_describe()) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_small_integers_are_exact_in_every_table),
        cmocka_unit_test(errors_stay_within_the_bound_of_any_order),
        cmocka_unit_test(split_products_err_by_what_they_leave_out),
        cmocka_unit_test(every_thread_finds_the_same_bits),
        cmocka_unit_test(a_product_leaves_the_number_of_threads_alone),
        cmocka_unit_test(only_known_names_have_tables),
    };
    return cmocka_run_group_tests(tests, tables_exist, NULL);
}
