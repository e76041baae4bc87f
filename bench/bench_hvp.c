// SPDX-License-Identifier: MIT
// What a curvature product costs: milliseconds a direction, and the share of the machine's measured FMA peak.
//
//   bench_hvp [THREADS [SECONDS [MODEL [DTYPE [WHAT [work]]]]]]   all threads, half a second a figure; only models that
//   begin with
//                                                   MODEL (without it the dense ones, as images take minutes each);
//                                                   only DTYPE, f32 or f64; only WHAT, as in the rows; work: the time
//                                                   this process works (bench.h), for one thread on a machine in use
//
// Each line is a row of name=value words, so that bench/peers/torch_hvp.py can set its own figures beside them. Flops
// are those of the matrix products alone (tw_sweep_flops), two a multiply-add; everything else costs time and counts
// for nothing. Weights and data are drawn as a network begins; what relu and pooling drop is not multiplied
// (net/op_conv.c), but counts as if it were: the share of the peak is of the dense arithmetic. rss: the largest
// resident set while that row was measured, in MB, data and the doubles of the operator's interface included.
#include "bench.h"
#include "curv/product.h"
#include "net/net.h"
#include "thalweg/curv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds = 0.5;
static const char *only_what = "";

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_hvp: %s\n", tw_error());
    exit(1);
}

static double draw(uint64_t *state) // uniform in [-1, 1)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-52 - 1;
}

static tw_data drawn_data(int64_t m, int64_t channels, int64_t side, int64_t classes, int real)
{
    const int64_t features = channels * side * side;
    uint64_t state = 1;
    tw_data data = {.name = (char *)"drawn",
                    .m = m,
                    .features = features,
                    .channels = channels,
                    .height = side,
                    .width = side,
                    .real = real,
                    .classes = classes};
    data.x = malloc((size_t)(m * features * real));
    data.label = malloc((size_t)m * sizeof *data.label);
    if (!data.x || !data.label) exit(1);
    for (int64_t i = 0; i < m * features; i++)
        if (real == 4)
            ((float *)data.x)[i] = (float)draw(&state);
        else
            ((double *)data.x)[i] = draw(&state);
    for (int64_t i = 0; i < m; i++) data.label[i] = (int32_t)(i % classes);
    return data;
}

typedef struct work {
    const tw_net *net;
    const tw_data *data;
    const tw_linop *op;
    int64_t k;
    double *x, *y;
} work;

static void product(void *ctx)
{
    const work *w = ctx;
    must(w->op->apply(w->op->ctx, w->k, w->x, w->y));
}

static void gradient(void *ctx)
{
    const work *w = ctx;
    tw_loss_value value;
    must(tw_loss(w->net, w->data, w->y, NULL, &value));
}

// The largest resident set since it was last asked for, in MB; 0 where the system does not say.
static double resident(void)
{
    char line[128];
    long kb = 0;
    FILE *status = fopen("/proc/self/status", "r"), *reset = NULL;
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kb);
    if (status) fclose(status);
    reset = fopen("/proc/self/clear_refs", "w");
    if (reset) {
        fputs("5", reset);
        fclose(reset);
    }
    return (double)kb / 1e3;
}

static void row(const char *model, int64_t m, const char *dtype, const char *what, int64_t k, double time, double flops,
                double peak)
{
    printf("model=%s samples=%d dtype=%s what=%s k=%d ms=%.4g gflops=%.1f peak=%.1f%% rss=%.0f\n", model, (int)m, dtype,
           what, (int)k, 1e3 * time / (double)k, flops / time / 1e9, 100 * flops / time / peak, resident());
    fflush(stdout);
}

static void measure(const char *model, int64_t m, int64_t channels, int64_t side, int real, double peak)
{
    const char *dtype = real == 4 ? "f32" : "f64";
    const int64_t classes = 10;
    tw_data data = drawn_data(m, channels, side, classes, real);
    tw_net_opts opts = tw_net_defaults();
    opts.real = real;
    tw_net *net = NULL;
    must(tw_net_new(model, &data, &opts, &net));
    const tw_flops one = tw_sweep_flops(net);
    const double s = (double)m;
    const int64_t n = tw_net_params(net);
    work w = {.net = net, .data = &data};
    w.x = malloc((size_t)(n * 8) * sizeof *w.x);
    w.y = malloc((size_t)(n * 8) * sizeof *w.y);
    if (!w.x || !w.y) exit(1);
    uint64_t state = 2;
    for (int64_t i = 0; i < n * 8; i++) w.x[i] = draw(&state);
    resident();

    if (!*only_what || strcmp(only_what, "gradient") == 0)
        row(model, m, dtype, "gradient", 1, bench_best(seconds, gradient, &w), s * (one.forward + one.backward), peak);
    static const struct {
        const char *what, *matrix;
        bool kept;
        int64_t k;
    } figure[] = {{"hessian", "hessian", true, 8},
                  {"hessian", "hessian", true, 1},
                  {"hessian-rebuilt", "hessian", false, 8},
                  {"hessian-rebuilt", "hessian", false, 1},
                  {"ggn", "ggn", true, 8},
                  {"ggn", "ggn", true, 1}};
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
        tw_curv_opts copts = tw_curv_defaults();
        copts.matrix = figure[i].matrix;
        copts.block = figure[i].k;
        const bool ggn = strcmp(figure[i].matrix, "ggn") == 0;
        if (*only_what && strcmp(only_what, figure[i].what) != 0) continue;
        if (ggn && side > 1 && !*only_what) continue; // as a Hessian product, without the product rule
        if (!figure[i].kept) {                        // just what recomputing needs
            tw_product plan;
            const bool base[TW_BASES] = {[TW_BASE_HESSIAN] = !ggn, [TW_BASE_GGN] = ggn};
            must(tw_product_open(&plan, net, &data, base, figure[i].k, 0, false, 0));
            copts.memory = plan.recompute_bytes + plan.work_bytes;
            tw_product_close(&plan);
        }
        tw_curv *curv = NULL;
        resident();
        must(tw_curv_new(net, &data, &copts, &curv));
        w.op = tw_curv_linop(curv);
        w.k = figure[i].k;
        const double flops = s * ((double)w.k * (one.tangent + (ggn ? one.ggn : one.hessian)) +
                                  (figure[i].kept ? 0 : one.forward + one.backward));
        row(model, m, dtype, figure[i].what, w.k, bench_best(seconds, product, &w), flops, peak);
        tw_curv_free(curv);
    }
    free(w.x);
    free(w.y);
    tw_net_free(net);
    free(data.x);
    free(data.label);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *model;
        int64_t m, channels, side;
    } network[] = {
        {"mlp:784-512-512-10,act=tanh", 4096, 784, 1},
        {"mlp:784-512-512-10,act=relu", 4096, 784, 1},
        {"mlp:10-10-10-10,act=tanh", 1000, 10, 1},
        {"simplecnn", 512, 3, 32},
        {"resnet32", 128, 3, 32},
        {"simplecnn:medium", 128, 3, 32},
    };
    const char *only = argc > 3 ? argv[3] : "";
    const char *dtype = argc > 4 ? argv[4] : "";
    if (argc > 5) only_what = argv[5];
    if (argc > 6) bench_count_work();
    if (argc > 1) must(tw_threads_set(atoi(argv[1])));
    if (argc > 2) seconds = atof(argv[2]);
    bench_machine();
    const int threads = tw_threads();
    const double peak32 = bench_peak(TW_F32, threads), peak64 = bench_peak(TW_F64, threads);
    printf("FMA peak   float %.1f GFLOP/s, double %.1f, on %d\n", peak32 / 1e9, peak64 / 1e9, threads);
    for (int real = 4; real <= 8; real += 4) {
        if (*dtype && strcmp(dtype, real == 4 ? "f32" : "f64") != 0) continue;
        for (size_t i = 0; i < sizeof network / sizeof *network; i++)
            if (*only ? strncmp(network[i].model, only, strlen(only)) == 0 : network[i].side == 1)
                measure(network[i].model, network[i].m, network[i].channels, network[i].side, real,
                        real == 4 ? peak32 : peak64);
    }
    return 0;
}
