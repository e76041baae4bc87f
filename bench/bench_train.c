// SPDX-License-Identifier: MIT
// What a training step costs, in microseconds, for the sizes that bench/peers/torch_train.py sets beside PyTorch.
//
//   bench_train [THREADS [SECONDS]]     all threads, half a second a figure
//
// Each line is a row of name=value words. Weights and data are drawn; a step's cost does not depend on what they are.
#include "bench.h"
#include "thalweg/trainer.h"
#include <stdio.h>
#include <stdlib.h>

static double seconds = 0.5;

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_train: %s\n", tw_error());
    exit(1);
}

enum { STEPS = 20 }; // a run

static void steps(void *ctx)
{
    tw_trainer *trainer = ctx;
    tw_step step;
    for (int i = 0; i < STEPS; i++) must(tw_trainer_step(trainer, &step));
}

static void measure(const char *model, const char *spec, int64_t batch, const char *optim)
{
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    tw_data_opts dopts = tw_data_defaults();
    tw_net_opts nopts = tw_net_defaults();
    tw_trainer_opts opts = tw_trainer_defaults();
    must(tw_data_open(spec, &dopts, &data));
    must(tw_net_new(model, data, &nopts, &net));
    opts.optim = optim;
    opts.batch = batch;
    opts.lr = 1e-4;
    must(tw_trainer_new(net, data, &opts, &trainer));
    printf("model=%s batch=%d optim=%s us=%.4g\n", model, (int)batch, optim,
           1e6 * bench_best(seconds, steps, trainer) / STEPS);
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
    static const char *const optim[] = {"sgd", "sgd:momentum=0.9", "adam"};
    for (int i = 0; i < 3; i++) {
        measure("mlp:784-512-512-10,act=relu", "gauss:classes=10,dim=784,n=5120", 128, optim[i]);
        measure("mlp:10-32-32-10,act=relu", "gauss:classes=10,dim=10,n=3200", 32, optim[i]);
    }
    return 0;
}
