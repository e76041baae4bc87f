// SPDX-License-Identifier: MIT
// The trainings that paper 1's claims are measured on, in double: relu, weights N(0, 2/fan in), SGD with shuffled
// batches.
#include "paper/hessian.h"

#include <string.h>

const int64_t tw_hessian_steps[3][TW_HESSIAN_LOOKS] = {{0, 30, 120, 1500}, {0, 50, 300, 4000}, {0, 50, 300, 20000}};

int64_t tw_hessian_runs(const tw_effort *effort)
{
    static const int64_t runs[] = {1, 3, 10};
    return runs[effort->scale];
}

int64_t tw_hessian_classes(const tw_effort *effort) { return effort->scale == TW_SMOKE ? 5 : 10; }

tw_course_spec tw_hessian_clean(const tw_effort *effort, double random_labels, int64_t run)
{
    bool smoke = effort->scale == TW_SMOKE;
    return (tw_course_spec){.data = smoke ? "gauss:classes=5,dim=20,n=50" : "gauss:classes=10,dim=50,n=100",
                            .model = smoke ? "mlp:20-8-5,act=relu" : "mlp:50-16-10,act=relu",
                            .random_labels = random_labels,
                            .lr = 0.1,
                            .batch = 5,
                            .seed = effort->seed * 1000 + (uint64_t)run};
}

tw_course_spec tw_hessian_floor(const tw_effort *effort)
{
    bool smoke = effort->scale == TW_SMOKE;
    return (tw_course_spec){.data = smoke ? "gauss:classes=5,dim=20,n=100" : "gauss:classes=10,dim=50,n=500",
                            .model = smoke ? "mlp:20-2-5,act=relu" : "mlp:50-4-10,act=relu",
                            .random_labels = 0.5,
                            .lr = smoke ? 0.1 : 0.05,
                            .batch = 5,
                            .seed = effort->seed};
}

tw_status tw_course_open(const tw_course_spec *spec, tw_course *out)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_data_opts data = tw_data_defaults();
    tw_net_opts net = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    data.real = net.real = 8;
    data.samples = spec->samples;
    data.random_subset = spec->samples > 0;
    data.random_labels = spec->random_labels;
    data.scale = spec->scale;
    data.add_to_sd = spec->scale && strcmp(spec->scale, "standard") == 0 ? 0.05 : 0;
    data.seed = net.seed = train.seed = spec->seed;
    net.loss = spec->loss;
    net.init = "he-normal";
    train.lr = spec->lr;
    train.batch = spec->batch;
    TW_TRY(tw_data_open(spec->data, &data, &c.data));
    TW_TRY(tw_net_new(spec->model, c.data, &net, &c.net));
    TW_TRY(tw_trainer_new(c.net, c.data, &train, &c.trainer));
    *out = c;
    return TW_OK;
done:
    tw_course_close(&c);
    return st;
}

void tw_course_close(tw_course *course)
{
    tw_trainer_free(course->trainer);
    tw_net_free(course->net);
    tw_data_free(course->data);
    *course = (tw_course){NULL, NULL, NULL};
}

tw_status tw_course_to(tw_course *course, int64_t step)
{
    tw_status st = TW_OK;
    tw_step last = {0};
    while (tw_trainer_steps(course->trainer) < step && !last.diverged) TW_TRY(tw_trainer_step(course->trainer, &last));
done:
    return st;
}

tw_status tw_course_compare(const tw_course *course, const char *matrices, int64_t top, bool full,
                            const tw_effort *effort, tw_compare **out)
{
    tw_compare_opts opts = tw_compare_defaults();
    int64_t n = tw_net_params(course->net);
    opts.matrices = matrices;
    opts.top = top;
    opts.full = full ? n : 0;
    opts.probes = n <= 2500 ? n : 64; // unit vectors: exact
    if (opts.probes < 3) opts.probes = 3;
    opts.tolerance = 1e-7;
    opts.max_products = 6000;
    opts.seed = effort->seed;
    opts.progress = effort->progress;
    return tw_compare_new(course->net, course->data, &opts, out);
}
