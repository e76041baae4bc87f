// SPDX-License-Identifier: MIT
// How the time of a Hessian product grows with samples, parameters, directions and threads, beside the ideal line, as
// four figures: FOLDER/scaling-samples.svg, -parameters, -directions, -threads.
//
//   bench_scaling [FOLDER [SECONDS]]   without FOLDER only the rows; SECONDS (0.2) for each point
//
// Ideal: proportional to samples and to flops from the point where there is most work; the same time a direction; as
// many times as fast as there are threads. A network is measured on states kept, in blocks of eight unless said.
#include "bench.h"
#include "net/sweep.h"
#include "report/figure.h"
#include "thalweg/curv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 8 };

static double seconds = 0.2;

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_scaling: %s\n", tw_error());
    exit(1);
}

static void *room(int64_t n, size_t size)
{
    void *x = calloc((size_t)n, size);
    if (!x) exit(1);
    return x;
}

static double draw(uint64_t *state) // uniform in [-1, 1)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-52 - 1;
}

typedef struct work {
    const tw_linop *op;
    int64_t k;
    double *x, *y;
} work;

static void product(void *ctx)
{
    const work *w = ctx;
    must(w->op->apply(w->op->ctx, w->k, w->x, w->y));
}

// Milliseconds of a product with k directions, in float; and the parameters and flops of one direction.
static double measure(const char *model, int64_t channels, int64_t side, int64_t m, int64_t k, int threads,
                      int64_t *params, double *flops)
{
    must(tw_threads_set(threads));
    const int64_t f = channels * side * side;
    uint64_t state = 1;
    tw_data data = {.name = (char *)"drawn",
                    .m = m,
                    .features = f,
                    .channels = channels,
                    .height = side,
                    .width = side,
                    .real = 4,
                    .classes = 10};
    float *x = data.x = room(m * f, sizeof *x);
    data.label = room(m, sizeof *data.label);
    for (int64_t i = 0; i < m * f; i++) x[i] = (float)draw(&state);
    for (int64_t i = 0; i < m; i++) data.label[i] = (int32_t)(i % 10);
    tw_net_opts opts = tw_net_defaults();
    tw_curv_opts copts = tw_curv_defaults();
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    opts.real = 4;
    must(tw_net_new(model, &data, &opts, &net));
    copts.matrix = "hessian";
    copts.block = k;
    must(tw_curv_new(net, &data, &copts, &curv));
    const int64_t n = tw_net_params(net);
    const tw_flops one = tw_sweep_flops(net);
    work w = {tw_curv_linop(curv), k, room(n * k, sizeof(double)), room(n * k, sizeof(double))};
    for (int64_t i = 0; i < n * k; i++) w.x[i] = draw(&state);
    const double ms = 1e3 * bench_best(seconds, product, &w);
    *params = n;
    *flops = (double)m * (one.tangent + one.hessian);
    printf("model=%s samples=%d parameters=%lld k=%d threads=%d ms=%.4g a_direction=%.4g\n", model, (int)m,
           (long long)n, (int)k, threads, ms, ms / (double)k);
    fflush(stdout);
    free(w.x);
    free(w.y);
    tw_curv_free(curv);
    tw_net_free(net);
    free(data.x);
    free(data.label);
    return ms;
}

static void figure(const char *folder, const char *name, const char *title, const char *subtitle, const char *axis,
                   int64_t points, const double *x, const double *found, const double *ideal, const char *what,
                   bool logarithmic)
{
    char path[512];
    const tw_figure_curve curve[] = {{.name = "ideal", .y = ideal}, {.name = "measured", .y = found, .dots = true}};
    const tw_figure_curves all = {.title = title,
                                  .subtitle = subtitle,
                                  .axis = axis,
                                  .panels = 1,
                                  .panel = &what,
                                  .points = points,
                                  .x = x,
                                  .count = 2,
                                  .curve = curve,
                                  .log_x = logarithmic,
                                  .log_y = logarithmic};
    if (!folder) return;
    snprintf(path, sizeof path, "%s/scaling-%s.svg", folder, name);
    must(tw_figure_draw_curves(&all, path, NULL));
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : NULL;
    double x[POINTS], found[POINTS], ideal[POINTS], flops[POINTS];
    int64_t params = 0, points = 0;
    if (argc > 2) seconds = atof(argv[2]);
    bench_machine();
    const int most = tw_threads();

    for (int64_t m = 8; m <= 128; m *= 2, points++) {
        x[points] = (double)m;
        found[points] = measure("simplecnn", 3, 32, m, 8, most, &params, &flops[points]);
    }
    for (int64_t i = 0; i < points; i++) ideal[i] = found[points - 1] * x[i] / x[points - 1];
    figure(folder, "samples", "Eight Hessian products of SimpleCNN", "float, states kept, all threads", "samples",
           points, x, found, ideal, "milliseconds", true);

    points = 0;
    for (int64_t width = 32; width <= 2048; width *= 2, points++) {
        char model[64];
        snprintf(model, sizeof model, "mlp:784-%d-%d-10,act=tanh", (int)width, (int)width);
        found[points] = measure(model, 784, 1, 512, 8, most, &params, &flops[points]);
        x[points] = (double)params;
    }
    for (int64_t i = 0; i < points; i++) ideal[i] = found[points - 1] * flops[i] / flops[points - 1];
    figure(folder, "parameters", "Eight Hessian products of mlp:784-W-W-10, W = 32 ... 2048",
           "512 samples, float, states kept, all threads", "parameters", points, x, found, ideal, "milliseconds", true);

    points = 0;
    for (int64_t k = 1; k <= 32; k *= 2, points++) {
        x[points] = (double)k;
        found[points] = measure("simplecnn", 3, 32, 32, k, most, &params, &flops[points]) / (double)k;
        ideal[points] = found[0];
    }
    figure(folder, "directions", "A Hessian product of SimpleCNN in blocks",
           "32 samples, float, states kept, all threads", "directions at once", points, x, found, ideal,
           "milliseconds a direction", true);

    double alone = 0;
    points = 0;
    for (int threads = 1; threads <= most && points < POINTS; threads *= 2, points++) {
        x[points] = threads;
        const double ms = measure("simplecnn", 3, 32, 64, 8, threads, &params, &flops[points]);
        if (points == 0) alone = ms;
        found[points] = alone / ms;
    }
    for (int64_t i = 0; i < points; i++) ideal[i] = x[i];
    figure(folder, "threads", "Hessian products of SimpleCNN on several threads",
           "64 samples, blocks of 8, float, states kept", "threads", points, x, found, ideal,
           "times as fast as one thread", false);
    return 0;
}
