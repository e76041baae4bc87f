// SPDX-License-Identifier: MIT
// The trainings that paper 1's claims are measured on, in double: relu, weights N(0, 2/fan in), SGD with shuffled
// batches.
#include "paper/hessian.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const double tw_hessian_fraction[TW_HESSIAN_FRACTIONS] = {0, 0.15, 0.5, 1};
const char *const tw_hessian_percent[TW_HESSIAN_FRACTIONS] = {"0 %", "15 %", "50 %", "100 %"};

const int64_t tw_hessian_steps[3][TW_HESSIAN_LOOKS] = {{0, 30, 120, 1500}, {0, 50, 300, 4000}, {0, 50, 300, 20000}};

int64_t tw_hessian_runs(const tw_effort *effort)
{
    static const int64_t runs[] = {3, 3, 10};
    return effort->seeds > 0 ? effort->seeds : runs[effort->scale];
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
    char model[160];
    tw_data_opts data = tw_data_defaults();
    tw_net_opts net = tw_net_defaults();
    tw_trainer_opts train = tw_trainer_defaults();
    data.real = net.real = 8;
    data.samples = spec->samples;
    data.random_subset = spec->samples > 0;
    data.random_labels = spec->random_labels;
    data.seed = net.seed = train.seed = spec->seed;
    net.loss = spec->loss;
    net.init = "he-normal";
    train.lr = spec->lr;
    train.batch = spec->batch;
    if (spec->images)
        TW_TRY(tw_hessian_images(spec->data, spec->samples, spec->random_labels, spec->seed, &c.data, NULL));
    else
        TW_TRY(tw_data_open(spec->data, &data, &c.data));
    if (!spec->model) {
        char inner[64] = "";
        for (int i = 0; i < 2 && spec->hidden[i] > 0; i++)
            snprintf(inner + strlen(inner), sizeof inner - strlen(inner), "%" PRId64 "-", spec->hidden[i]);
        snprintf(model, sizeof model, "mlp:%" PRId64 "-%s%" PRId64 ",act=relu", c.data->features, inner,
                 c.data->classes);
    }
    TW_TRY(tw_net_new(spec->model ? spec->model : model, c.data, &net, &c.net));
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

double tw_hessian_largest(const tw_compared *m)
{
    return m->eigs->count > m->eigs->top ? fmax(m->eigs->value[0], -m->eigs->value[m->eigs->top]) : m->eigs->value[0];
}

// From every eigenvalue, where there are all: the widest gap among the first 3 classes.
static void widest_gap(const tw_compare *o, const tw_compared *h, tw_hessian_look *out)
{
    out->gap_at = (double)h->gap_at;
    out->gap = h->gap;
    for (int64_t k = 0; k < 3 * o->classes && k + 1 < h->values && h->value[k + 1] > 0; k++)
        if (h->value[k] / h->value[k + 1] > out->gap) {
            out->gap = h->value[k] / h->value[k + 1];
            out->gap_at = (double)(k + 1);
        }
}

static double bulk_of(const tw_compared *h)
{
    double small = 0;
    for (int64_t i = 0; i < h->values; i++) small += fabs(h->value[i]) < 0.01 * h->value[0];
    return h->value ? small / (double)h->values : NAN;
}

tw_status tw_hessian_watch(const tw_effort *e, const tw_course_spec *spec, const int64_t *steps, int64_t top, bool full,
                           tw_hessian_look *out)
{
    tw_status st = TW_OK;
    tw_course c = {NULL, NULL, NULL};
    tw_compare *o = NULL;
    TW_TRY(tw_course_open(spec, &c));
    for (int look = 0; look < TW_HESSIAN_LOOKS; look++) {
        TW_TRY(tw_course_to(&c, steps[look]));
        TW_TRY(
            tw_course_compare(&c, "hessian,moment,covariance,residual", top > 0 ? top : c.data->classes, full, e, &o));
        const tw_compared_pair *hm = &o->pair[0], *hc = &o->pair[1];
        const tw_compared *h = &o->matrix[0], *r = &o->matrix[3];
        out[look] = (tw_hessian_look){.loss = o->loss.data_loss,
                                      .overlap = hm->class_cosine ? hm->class_overlap : hm->overlap,
                                      .error = hm->class_cosine ? hm->class_error : hm->cosine_error,
                                      .covariance = hc->class_cosine ? hc->class_overlap : hc->overlap,
                                      .slope = hc->slope.value,
                                      .norm_ratio = tw_hessian_largest(r) / tw_hessian_largest(h),
                                      .against = -o->pair[2].cosine_all.value, // H, R
                                      .top = h->eigs->value[0],
                                      .top_error = h->eigs->residual[0],
                                      .lowest = h->eigs->value[h->eigs->top],
                                      .above_tenth = h->above_tenth < 0 ? NAN : (double)h->above_tenth,
                                      .bulk = bulk_of(h)};
        widest_gap(o, h, &out[look]);
        tw_compare_free(o);
        o = NULL;
    }
done:
    tw_compare_free(o);
    tw_course_close(&c);
    return st;
}
