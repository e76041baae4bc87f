// SPDX-License-Identifier: MIT
// What a training step costs, in microseconds, for the sizes that bench/peers/torch_train.py sets beside PyTorch.
//
//   bench_train [THREADS [SECONDS [conv] [work]]]     all threads, half a second a figure; conv: SimpleCNN alone; work:
//   on one thread, the time it worked
//
// Each line is a row of name=value words. Weights and data are drawn; a step's cost does not depend on what they are.
#include "bench.h"
#include "thalweg/trainer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds = 0.5;

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_train: %s\n", tw_error());
    exit(1);
}

typedef struct work {
    tw_trainer *trainer;
    int steps; // a run
} work;

static void steps(void *ctx)
{
    work *w = ctx;
    tw_step step;
    for (int i = 0; i < w->steps; i++) must(tw_trainer_step(w->trainer, &step));
}

static void measure(const char *model, const char *spec, int64_t batch, const char *optim, int count)
{
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    tw_data_opts dopts = tw_data_defaults();
    tw_net_opts nopts = tw_net_defaults();
    tw_trainer_opts opts = tw_trainer_defaults();
    must(tw_data_open(spec, &dopts, &data));
    if (data->features == 3 * 32 * 32) { // as pictures
        data->channels = 3;
        data->height = data->width = 32;
    }
    must(tw_net_new(model, data, &nopts, &net));
    opts.optim = optim;
    opts.batch = batch;
    opts.lr = 1e-4;
    must(tw_trainer_new(net, data, &opts, &trainer));
    work w = {trainer, count};
    printf("model=%s batch=%d optim=%s us=%.4g\n", model, (int)batch, optim,
           1e6 * bench_best(seconds, steps, &w) / count);
    fflush(stdout);
    tw_trainer_free(trainer);
    tw_net_free(net);
    tw_data_free(data);
}

int main(int argc, char **argv)
{
    if (argc > 1) must(tw_threads_set(atoi(argv[1])));
    if (argc > 2) seconds = atof(argv[2]);
    bench_machine();
    bool conv = false;
    for (int i = 3; i < argc; i++) {
        conv = conv || strcmp(argv[i], "conv") == 0;
        if (strcmp(argv[i], "work") != 0) continue;
        must(tw_threads_set(1));
        bench_count_work();
    }
    static const char *const optim[] = {"sgd", "sgd:momentum=0.9", "adam"};
    for (int i = 0; i < 3; i++) {
        if (conv) {
            measure("simplecnn", "gauss:classes=10,dim=3072,n=512", 128, optim[i], 4);
            continue;
        }
        measure("mlp:784-512-512-10,act=relu", "gauss:classes=10,dim=784,n=5120", 128, optim[i], 20);
        measure("mlp:10-32-32-10,act=relu", "gauss:classes=10,dim=10,n=3200", 32, optim[i], 20);
    }
    return 0;
}
