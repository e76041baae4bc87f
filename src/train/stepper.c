// SPDX-License-Identifier: MIT
// The trainer that a recipe asks for.
#include "train/stepper.h"

#include "base/alloc.h"
#include <inttypes.h>

struct tw_stepper {
    tw_trainer *trainer;
    tw_arrays *state; // of the last tw_stepper_state, lent to the caller
};

tw_status tw_stepper_new(const tw_recipe *recipe, tw_net *net, const tw_data *data, tw_stepper **out)
{
    tw_status st = TW_OK;
    tw_stepper *s = NULL;
    tw_trainer_opts opts = tw_trainer_defaults();

    opts.optim = tw_recipe_str(recipe, "optim.name");
    opts.schedule = tw_recipe_str(recipe, "schedule.name");
    opts.sampling = tw_recipe_str(recipe, "sampling.kind");
    opts.augment = tw_recipe_str(recipe, "sampling.augment");
    opts.lr = tw_recipe_real(recipe, "optim.lr");
    opts.batch = tw_recipe_int(recipe, "sampling.batch");
    opts.clip_norm = tw_recipe_real(recipe, "optim.clip_norm");
    opts.clip_value = tw_recipe_real(recipe, "optim.clip_value");
    opts.patience = tw_recipe_int(recipe, "stop.patience");
    opts.improvement = tw_recipe_real(recipe, "stop.improvement");
    opts.gradient_norm = tw_recipe_flag(recipe, "outputs.gradient_norm");
    opts.seed = tw_recipe_seed(recipe, tw_recipe_has(recipe, "seeds.order") ? "seeds.order" : "seeds.run");
    TW_TRY(tw_alloc(1, sizeof *s, &s));
    TW_TRY(tw_trainer_new(net, data, &opts, &s->trainer));
    *out = s;
    s = NULL;
done:
    tw_stepper_free(s);
    return st;
}

void tw_stepper_free(tw_stepper *s)
{
    if (!s) return;
    tw_arrays_free(s->state);
    tw_trainer_free(s->trainer);
    free(s);
}

tw_trainer *tw_stepper_trainer(tw_stepper *s) { return s->trainer; }

tw_status tw_stepper_state(tw_stepper *s, int64_t *count, tw_array *array)
{
    tw_arrays_free(s->state);
    s->state = NULL;
    tw_status st = tw_trainer_save_state(s->trainer, &s->state);
    if (st != TW_OK) return st;
    if (s->state->count > TW_STEPPER_ARRAYS)
        return tw_fail(TW_EINVAL, "state: found %" PRId64 " arrays, expected at most %d", s->state->count,
                       TW_STEPPER_ARRAYS);
    for (int64_t i = 0; i < s->state->count; i++) array[i] = s->state->array[i];
    *count = s->state->count;
    return st;
}
