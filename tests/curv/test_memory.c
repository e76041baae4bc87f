// SPDX-License-Identifier: MIT
// The memory that products take is what their plan says.
//
// Truth: the C library's own count of bytes in use, before and after. Of a plan partial sums alone may be fewer than it
// counts on (how many wait at once depends on how threads meet), and it leaves out the tables of pointers, which no
// size of layers enters.
#include "curv/product.h"
#include "curv/toy.h"

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33) && !defined(__SANITIZE_ADDRESS__)
#include <malloc.h>
static int64_t in_use(void)
{
    const struct mallinfo2 now = mallinfo2();
    return (int64_t)(now.uordblks + now.hblkhd);
}
#else
static int64_t in_use(void) { return -1; } // no such count here
#endif

enum { M = 24, LIBRARY = 64 << 10 }; // what the C library and the threads' runtime keep for themselves

static void take(const toy *t, const char *what, const bool *base, int64_t k, int64_t memory, tw_product *plan)
{
    tw_product p;
    double *v = NULL;
    must(tw_alloc(t->n * k, sizeof *v, &v));
    for (int64_t i = 0; i < t->n * k; i++) v[i] = 1;
    const int64_t before = in_use();
    must(tw_product_open(&p, t->net, &t->data, base, k, memory, false, 0));
    for (int again = 0; again < 2; again++) must(tw_product_apply(&p, k, v));
    const int64_t used = in_use() - before, mine = p.mine.last - p.mine.first;
    const int64_t states = p.kept ? mine : p.threads, state = p.kept ? p.kept_bytes : p.recompute_bytes;
    const int64_t tables = states * (int64_t)sizeof *p.state + p.threads * (int64_t)sizeof *p.work +
                           (p.jacobian ? mine * (int64_t)sizeof *p.jacobian : 0);
    const int64_t least = state + p.jacobian_bytes + p.scratch_bytes * p.threads;
    const int64_t most = state + p.jacobian_bytes + p.work_bytes + tables + LIBRARY;
    if (before >= 0 && (used > most || used < least))
        fail_msg("%s, %d directions, %s: found %lld bytes in use, the plan says %lld to %lld", what, (int)k,
                 p.kept ? "kept" : "recomputed", (long long)used, (long long)least, (long long)most);
    *plan = p;
    tw_product_close(&p);
    free(v);
}

static void products_take_what_is_planned(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int64_t channels, size;
        int base;
    } cases[] = {
        {"mlp:60-90-70-3,act=tanh", 60, 0, TW_BASE_HESSIAN},
        {"mlp:60-90-70-3,act=relu", 60, 0, TW_BASE_GGN}, // Jacobians are kept
        {"lstm:20,steps=3", 60, 0, TW_BASE_HESSIAN},
        {"seq:conv(16,3,pad=same) relu conv(16,3) relu maxpool(2) dense(3)", 2, 12, TW_BASE_HESSIAN},
        {"resnet8", 3, 12, TW_BASE_MOMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int64_t k = 1; k <= 5; k += 4) {
            toy t;
            tw_product plan, less;
            bool base[TW_BASES] = {false};
            tw_net_opts opts = toy_opts(8);
            opts.shard = 3;
            base[cases[i].base] = true;
            toy_fill(&t, M, cases[i].channels * (cases[i].size ? cases[i].size * cases[i].size : 1), 3, 0);
            if (cases[i].size) {
                t.data.channels = cases[i].channels;
                t.data.height = t.data.width = cases[i].size;
            }
            toy_net(&t, cases[i].model, opts);
            take(&t, cases[i].model, base, k, 0, &plan);
            assert_true(plan.kept_bytes > plan.recompute_bytes);
            take(&t, cases[i].model, base, k, plan.recompute_bytes + plan.work_bytes, &less);
            toy_close(&t);
        }
}

// One direction needs less than several: the refusal says how much, and that much is enough.
static void a_refusal_says_what_is_enough(void **state)
{
    (void)state;
    toy t;
    tw_product p;
    const bool base[TW_BASES] = {[TW_BASE_HESSIAN] = true};
    long long need = 0, one = 0;
    tw_net_opts opts = toy_opts(8);
    opts.shard = 3;
    toy_open(&t, "mlp:60-90-70-3,act=tanh", M, 60, 3, 0, opts);
    assert_int_equal(tw_product_open(&p, t.net, &t.data, base, 5, 1, false, 0), TW_ENOMEM);
    assert_int_equal(
        sscanf(tw_error(), "memory: products need %lld bytes with 5 directions at once (%lld with one)", &need, &one),
        2);
    assert_true(one < need);
    must(tw_product_open(&p, t.net, &t.data, base, 5, need, false, 0));
    tw_product_close(&p);
    assert_int_equal(tw_product_open(&p, t.net, &t.data, base, 5, need - 1, false, 0), TW_ENOMEM);
    must(tw_product_open(&p, t.net, &t.data, base, 1, one, false, 0));
    tw_product_close(&p);
    assert_int_equal(tw_product_open(&p, t.net, &t.data, base, 1, one - 1, false, 0), TW_ENOMEM);
    toy_close(&t);
}

int main(void)
{
    must(tw_threads_set(2));
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_take_what_is_planned),
                                       cmocka_unit_test(a_refusal_says_what_is_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
