// SPDX-License-Identifier: MIT
// Convolutions behind which a relu and a pool stand (net/op_conv_live.c): what is left out changes nothing.
//
// Truth: the same network on the reference table, which works every output. Both sum in double, in different orders:
// they may differ by rounding, at most about the number of terms times eps times their size; 1e4 eps of the largest
// number is above that for the few thousand terms of an entry, and far below any term left out.
#include "net/on_tables.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { K = 3 };

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
            double *truth = products(models[i], matrices[j], "ref64", 8, K, &n),
                   *found = products(models[i], matrices[j], "f64", 8, K, &n);
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
