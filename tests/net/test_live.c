// SPDX-License-Identifier: MIT
// Convolutions behind which a relu and a pool stand (net/op_conv_live.c): what is left out changes nothing.
//
// Truth: the same network on the reference table, which works every output. Both sum in double, in different orders:
// they may differ by rounding, at most about the number of terms times eps times their size; 1e4 eps of the largest
// number is above that for the few thousand terms of an entry, and far below any term left out.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"
#include "thalweg/curv.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { M = 5, K = 3 };

static tw_data images(void)
{
    static double x[M * 3 * 11 * 9];
    static int32_t label[M] = {0, 1, 2, 3, 1};
    tw_rng rng = tw_rng_at(3, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, M * 3 * 11 * 9, x);
    return (tw_data){.name = (char *)"drawn",
                     .m = M,
                     .features = 297,
                     .channels = 3,
                     .height = 11,
                     .width = 9,
                     .real = 8,
                     .classes = 4,
                     .x = x,
                     .label = label};
}

// The products of a matrix with K directions, and the gradient behind them, on one table; the caller frees.
static double *products(const char *model, const char *matrix, const char *table, int64_t *n)
{
    const tw_data data = images();
    tw_net_opts opts = tw_net_defaults();
    tw_curv_opts copts = tw_curv_defaults();
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_loss_value value;
    opts.real = 8;
    must(tw_net_new(model, &data, &opts, &net));
    net->kern = tw_kernels_find(table);
    *n = tw_net_params(net);
    double *v = NULL, *out = NULL;
    must(tw_alloc(*n * K, sizeof *v, &v));
    must(tw_alloc(*n * (K + 1), sizeof *out, &out));
    tw_rng rng = tw_rng_at(4, TW_RNG_TEST, 1);
    tw_rng_normals(&rng, *n * K, v);
    copts.matrix = matrix;
    copts.block = K;
    must(tw_curv_new(net, &data, &copts, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    for (int again = 0; again < 2; again++)
        must(op->apply(op->ctx, K, v, out)); // what was there before is written over
    must(tw_loss(net, &data, out + *n * K, NULL, &value));
    tw_curv_free(curv);
    tw_net_free(net);
    free(v);
    return out;
}

static void what_a_relu_or_a_pool_drops_is_not_missed(void **state)
{
    (void)state;
    static const char *const models[] = {
        "seq:conv(33,3,pad=same) relu conv(10,3,pad=same) relu conv(9,3,pad=same) relu maxpool(2) conv(17,3,pad=same) "
        "relu dense(4)",                                                                     // same
                                                                                             // padding,
                                                                                             // odd
                                                                                             // sizes
        "seq:conv(8,3,pad=same) relu conv(12,3,stride=2,pad=same) relu maxpool(2) dense(4)", // places between windows
        "seq:conv(8,2) relu conv(9,3) relu maxpool(3) dense(4)",                             // and beyond the last pool
        "seq:conv(48,3,pad=same) relu conv(40,5,pad=same) relu maxpool(2) dense(4)", // four images at once, and one
        "resnet8",
    };
    static const char *const matrices[] = {"hessian", "ggn", "moment"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++) {
            int64_t n = 0;
            double *truth = products(models[i], matrices[j], "ref64", &n),
                   *found = products(models[i], matrices[j], "f64", &n);
            double most = 0;
            for (int64_t a = 0; a < n * (K + 1); a++) most = fmax(most, fabs(truth[a]));
            assert_true(most > 0);
            for (int64_t a = 0; a < n * (K + 1); a++) assert_near(found[a], truth[a], 1e4 * DBL_EPSILON * most);
            free(truth);
            free(found);
        }
}

// conv, relu, pool: gates are found where they are, and not where a second reader sees what they drop.
static void gates_are_found(void **state)
{
    (void)state;
    const tw_data data = images();
    tw_net_opts opts = tw_net_defaults();
    tw_net *net = NULL;
    must(tw_net_new("seq:conv(9,3) relu conv(10,3) relu maxpool(2) conv(9,2) tanh dense(4)", &data, &opts, &net));
    assert_int_equal(net->node[0].relu, 0); // three channels: too few to pay
    assert_int_equal(net->node[2].relu, 3);
    assert_int_equal(net->node[2].pool, 4);
    assert_int_equal(net->node[5].relu, 0); // tanh drops nothing
    tw_net_free(net);
    must(tw_net_new("resnet8", &data, &opts, &net));
    int gated = 0;
    for (int i = 0; i < net->nodes; i++)
        if (net->node[i].op == &tw_op_conv) gated += net->node[i].relu > 0;
    assert_int_equal(gated, 1); // the last block's first, of 32 channels: what the second adds to is read twice
    tw_net_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_a_relu_or_a_pool_drops_is_not_missed),
                                       cmocka_unit_test(gates_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
