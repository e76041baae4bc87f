// SPDX-License-Identifier: MIT
// One step at a time.
#include "train/stepper.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "thalweg/curv.h"
#include <math.h>
#include <string.h>

struct tw_stepper {
    tw_net *net;
    const tw_data *data;
    int64_t n, batch, step, epoch_steps, order_epoch, *order;
    double lr, *w, *before, *g;
    uint64_t seed;
    tw_data part;
};

tw_status tw_stepper_new(const tw_recipe *recipe, tw_net *net, const tw_data *data, tw_stepper **out)
{
    tw_status st = TW_OK;
    tw_stepper *s = NULL;
    TW_TRY(tw_alloc(1, sizeof *s, &s));
    s->net = net;
    s->data = data;
    s->n = tw_net_params(net);
    s->lr = tw_recipe_real(recipe, "optim.lr");
    s->batch = tw_recipe_int(recipe, "sampling.batch");
    if (s->batch > data->m) s->batch = data->m;
    s->epoch_steps = (data->m + s->batch - 1) / s->batch;
    s->order_epoch = -1;
    s->seed = tw_recipe_seed(recipe, tw_recipe_has(recipe, "seeds.order") ? "seeds.order" : "seeds.run");
    TW_TRY(tw_alloc(data->m, sizeof *s->order, &s->order));
    TW_TRY(tw_alloc(s->n, sizeof *s->w, &s->w));
    TW_TRY(tw_alloc(s->n, sizeof *s->w, &s->before));
    TW_TRY(tw_alloc(s->n, sizeof *s->w, &s->g));
    s->part = *data;
    s->part.x = NULL;
    s->part.label = NULL;
    s->part.target = NULL;
    TW_TRY(tw_alloc(s->batch * data->features, (size_t)data->real, &s->part.x));
    if (data->label) TW_TRY(tw_alloc(s->batch, sizeof *s->part.label, &s->part.label));
    if (data->target) TW_TRY(tw_alloc(s->batch * data->targets, sizeof *s->part.target, &s->part.target));
    *out = s;
    s = NULL;
done:
    tw_stepper_free(s);
    return st;
}

void tw_stepper_free(tw_stepper *s)
{
    if (!s) return;
    free(s->part.x);
    free(s->part.label);
    free(s->part.target);
    free(s->g);
    free(s->before);
    free(s->w);
    free(s->order);
    free(s);
}

int64_t tw_stepper_epoch_steps(const tw_stepper *s) { return s->epoch_steps; }

tw_status tw_stepper_step(tw_stepper *s, tw_stepped *out)
{
    tw_status st = TW_OK;
    tw_loss_value value;
    int64_t epoch = s->step / s->epoch_steps, first = s->step % s->epoch_steps * s->batch;
    size_t row = (size_t)s->data->features * (size_t)s->data->real;
    if (epoch != s->order_epoch) {
        tw_rng rng = tw_rng_at(s->seed, TW_RNG_ORDER, (uint64_t)epoch);
        for (int64_t i = 0; i < s->data->m; i++) s->order[i] = i;
        tw_rng_shuffle(&rng, s->data->m, s->order);
        s->order_epoch = epoch;
    }
    s->part.m = s->data->m - first < s->batch ? s->data->m - first : s->batch;
    for (int64_t i = 0; i < s->part.m; i++) {
        int64_t from = s->order[first + i];
        memcpy((char *)s->part.x + (size_t)i * row, (const char *)s->data->x + (size_t)from * row, row);
        if (s->data->label) s->part.label[i] = s->data->label[from];
        if (s->data->target)
            memcpy(s->part.target + i * s->data->targets, s->data->target + from * s->data->targets,
                   (size_t)s->data->targets * sizeof(double));
    }
    TW_TRY(tw_loss(s->net, &s->part, s->g, NULL, &value));
    *out = (tw_stepped){value.data_loss, value.accuracy, s->lr, !isfinite(value.loss)};
    tw_net_get_weights(s->net, s->w);
    if (out->diverged) {
        if (s->step > 0) TW_TRY(tw_net_set_weights(s->net, s->before));
        goto done;
    }
    memcpy(s->before, s->w, (size_t)s->n * sizeof *s->w);
    for (int64_t i = 0; i < s->n; i++) s->w[i] -= s->lr * s->g[i];
    st = tw_net_set_weights(s->net, s->w);
    if (st == TW_EINVAL) {
        out->diverged = true;
        st = tw_net_set_weights(s->net, s->before);
        goto done;
    }
    s->step++;
done:
    return st;
}

tw_status tw_stepper_state(tw_stepper *s, int64_t *count, tw_array *array)
{
    static char names[2][8] = {"weights", "before"};
    tw_net_get_weights(s->net, s->w);
    array[0] = (tw_array){.name = names[0], .rank = 1, .shape = {s->n}, .real = 8, .x = s->w};
    array[1] = (tw_array){.name = names[1], .rank = 1, .shape = {s->n}, .real = 8, .x = s->before};
    *count = 2;
    return TW_OK;
}

tw_status tw_stepper_load_state(tw_stepper *s, int64_t step, const tw_arrays *arrays)
{
    const tw_array *w = tw_arrays_find(arrays, "weights"), *before = tw_arrays_find(arrays, "before");
    if (!w || !before || w->shape[0] != s->n || before->shape[0] != s->n || w->real != 8 || before->real != 8)
        return tw_fail(TW_EFORMAT, "state: found no weights of this network");
    s->step = step;
    memcpy(s->before, before->x, (size_t)s->n * sizeof *s->w);
    return tw_net_set_weights(s->net, w->x);
}
