// SPDX-License-Identifier: MIT
// Small networks on made-up data, for tests of sweeps and operators.
#ifndef TESTS_CURV_TOY_H
#define TESTS_CURV_TOY_H

#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "kernel/kernel.h"
#include "thalweg/curv.h"

typedef struct toy {
    tw_data data;
    tw_net *net;
    double *w; // the weights, [n]
    int64_t n;
} toy;

// m samples of standard normal features with uniformly drawn labels (classes > 0) or normal targets.
static inline void toy_fill(toy *t, int64_t m, int64_t features, int64_t classes, int64_t targets)
{
    tw_rng rng = tw_rng_at(11, TW_RNG_TEST, 0);
    *t = (toy){.data = {.name = (char *)(uintptr_t) "toy",
                        .m = m,
                        .features = features,
                        .channels = 1,
                        .height = 1,
                        .width = features,
                        .real = 8,
                        .classes = classes,
                        .targets = targets}};
    must(tw_alloc(m * features, sizeof(double), &t->data.x));
    tw_rng_normals(&rng, m * features, t->data.x);
    if (classes > 0) {
        must(tw_alloc(m, sizeof(int32_t), &t->data.label));
        for (int64_t i = 0; i < m; i++) t->data.label[i] = (int32_t)tw_rng_below(&rng, (uint64_t)classes);
    } else {
        must(tw_alloc(m * targets, sizeof(double), &t->data.target));
        tw_rng_normals(&rng, m * targets, t->data.target);
    }
}

static inline void toy_net(toy *t, const char *model, tw_net_opts opts)
{
    must(tw_net_new(model, &t->data, &opts, &t->net));
    t->n = tw_net_params(t->net);
    must(tw_alloc(t->n, sizeof(double), &t->w));
    tw_net_get_weights(t->net, t->w);
}

static inline void toy_open(toy *t, const char *model, int64_t m, int64_t features, int64_t classes, int64_t targets,
                            tw_net_opts opts)
{
    toy_fill(t, m, features, classes, targets);
    toy_net(t, model, opts);
}

// Square images of so many channels.
static inline void toy_open_images(toy *t, const char *model, int64_t m, int64_t channels, int64_t size,
                                   int64_t classes, tw_net_opts opts)
{
    toy_fill(t, m, channels * size * size, classes, 0);
    t->data.channels = channels;
    t->data.height = t->data.width = size;
    toy_net(t, model, opts);
}

static inline void toy_close(toy *t)
{
    tw_net_free(t->net);
    free(t->data.x);
    free(t->data.label);
    free(t->data.target);
    free(t->w);
}

static inline tw_net_opts toy_opts(int real)
{
    tw_net_opts opts = tw_net_defaults();
    opts.real = real;
    opts.seed = 5;
    return opts;
}

// out[k][n] = A v for k directions; curv opts from the caller.
static inline void toy_product(const toy *t, tw_curv_opts opts, int64_t k, const double *v, double *out)
{
    tw_curv *curv = NULL;
    must(tw_curv_new(t->net, &t->data, &opts, &curv));
    must(tw_curv_linop(curv)->apply(tw_curv_linop(curv)->ctx, k, v, out));
    tw_curv_free(curv);
}

static inline double norm2(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

static inline double distance(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(sum);
}

static inline double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

#endif
