// SPDX-License-Identifier: MIT
// A network of images on one table of kernels or another: its products and its gradient, from the same draws.
#ifndef TESTS_NET_ON_TABLES_H
#define TESTS_NET_ON_TABLES_H

#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"
#include "thalweg/curv.h"

enum { M = 5 };

static inline tw_data images(void)
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

// The products of a matrix with k directions, and the gradient behind them, on one table; the caller frees.
static inline double *products(const char *model, const char *matrix, const char *table, int real, int64_t k,
                               int64_t *n)
{
    const tw_data data = images();
    tw_net_opts opts = tw_net_defaults();
    tw_curv_opts copts = tw_curv_defaults();
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_loss_value value;
    opts.real = real;
    must(tw_net_new(model, &data, &opts, &net));
    net->kern = tw_kernels_find(table);
    *n = tw_net_params(net);
    double *v = NULL, *out = NULL;
    must(tw_alloc(*n * k, sizeof *v, &v));
    must(tw_alloc(*n * (k + 1), sizeof *out, &out));
    tw_rng rng = tw_rng_at(4, TW_RNG_TEST, 1);
    tw_rng_normals(&rng, *n * k, v);
    copts.matrix = matrix;
    copts.block = k;
    must(tw_curv_new(net, &data, &copts, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    for (int again = 0; again < 2; again++)
        must(op->apply(op->ctx, k, v, out)); // what was there before is written over
    must(tw_loss(net, &data, out + *n * k, NULL, &value));
    tw_curv_free(curv);
    tw_net_free(net);
    free(v);
    return out;
}

#endif
