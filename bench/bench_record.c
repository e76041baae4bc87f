// SPDX-License-Identifier: MIT
// What recipe, store and log cost a training step: a recorded run beside the same steps of the trainer alone.
//
//   bench_record [FOLDER [work]]     runs are written below FOLDER (/tmp) and removed; work: one thread, the time it
//   worked
//
// Both are made in turn and the best of each is taken, so that a busy moment hits neither alone. Of a recorded run the
// time of one without steps is subtracted: opening data, network and database and keeping the last weights happen once.
#include "bench.h"
#include "thalweg/train.h"
#include "thalweg/trainer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 4 };

static void must(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "bench_record: %s\n", tw_error());
    exit(1);
}

static double alone(const char *model, const char *spec, int64_t batch, int64_t steps)
{
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_trainer_opts opts = tw_trainer_defaults();
    must(tw_data_open(spec, &data_opts, &data));
    must(tw_net_new(model, data, &net_opts, &net));
    opts.batch = batch;
    opts.lr = 1e-4;
    must(tw_trainer_new(net, data, &opts, &trainer));
    double begin = bench_now();
    for (int64_t i = 0; i < steps; i++) {
        tw_step step;
        must(tw_trainer_step(trainer, &step));
    }
    double seconds = bench_now() - begin;
    tw_trainer_free(trainer);
    tw_net_free(net);
    tw_data_free(data);
    return seconds;
}

static double recorded(const char *folder, const char *model, const char *spec, int64_t batch, int64_t steps)
{
    char text[1024], run[512];
    tw_recipe *recipe = NULL;
    tw_recorded result;
    bool left;
    snprintf(run, sizeof run, "%s/bench_record", folder);
    snprintf(
        text, sizeof text,
        "data: {source: \"%s\"}\nmodel: {spec: \"%s\"}\noptim: {lr: 1e-4}\nsampling: {batch: %d}\nstop: {steps: %ld}\n",
        spec, model, (int)batch, (long)steps);
    must(tw_recipe_parse("bench", text, strlen(text), &recipe));
    double begin = bench_now();
    must(tw_record(recipe, run, (tw_progress){NULL, NULL}, &result));
    double seconds = bench_now() - begin;
    must(tw_run_delete(run, &left));
    tw_recipe_free(recipe);
    return seconds;
}

static void measure(const char *folder, const char *model, const char *spec, int64_t batch, int64_t steps)
{
    double least = INFINITY, whole = INFINITY, empty = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        least = fmin(least, alone(model, spec, batch, steps));
        whole = fmin(whole, recorded(folder, model, spec, batch, steps));
        empty = fmin(empty, recorded(folder, model, spec, batch, 0));
    }
    double each = 1e6 / (double)steps;
    printf("model=%s batch=%d steps=%ld alone_us=%.4g recorded_us=%.4g ratio=%.3f once_ms=%.3g\n", model, (int)batch,
           (long)steps, least * each, (whole - empty) * each, (whole - empty) / least, 1e3 * empty);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "/tmp";
    if (argc > 2 && strcmp(argv[2], "work") == 0) {
        must(tw_threads_set(1));
        bench_count_work();
    }
    bench_machine();
    measure(folder, "mlp:784-512-512-10,act=relu", "gauss:classes=10,dim=784,n=5120", 128, 200);
    measure(folder, "mlp:784-64-10,act=relu", "gauss:classes=10,dim=784,n=5120", 64, 1000);
    measure(folder, "mlp:10-32-32-10,act=relu", "gauss:classes=10,dim=10,n=3200", 32, 40000);
    return 0;
}
