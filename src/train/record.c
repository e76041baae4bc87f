// SPDX-License-Identifier: MIT
// A run from its recipe: data, network, optimiser and probes are opened, and every step is made, looked at and put
// away.
//
// With `s` steps taken, in this order: the state is saved if it is time; probes that are due measure; a step is made;
// its numbers are put as those of step s + 1; probes that watch look at it. So a state says where the run stands before
// anything of step s was measured, and what a process had put of step s before it died is put again, to the same bits.
#include "thalweg/train.h"

#include "base/alloc.h"
#include "data/part.h"
#include "net/net.h"
#include "thalweg/kernel.h"
#include "train/revisit.h"
#include "train/probe.h"
#include "train/stepper.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double save_seconds = 60, apart_seconds = 5; // between states at most, and at least where nothing is said

typedef struct record {
    tw_recipe *recipe;
    tw_run *run;
    tw_data *train, *test, *validation;
    tw_net *net, *spare;
    tw_stepper *stepper;
    tw_trainer *trainer; // the stepper's
    tw_probes probes;
    tw_probe_place place;
    tw_array *state; // room for all arrays of a state
    char (*name)[32];
    tw_cadence log, save, weights;
    bool saves; // as the recipe says, not by the clock alone
    int64_t step, total, batch;
    bool watches, early; // the loss at the end of epochs; it has not improved for too long
    double begin, saved; // clocks
    double looked;       // at the clock, to see whether it is time to save
    int64_t look, apart; // the step of the next such look, and the steps between the last two
    double store_seconds;
    tw_progress progress;
    tw_recorded result;
} record;

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// --- opening ---

static uint64_t seed_of(const tw_recipe *recipe, const char *key)
{
    return tw_recipe_seed(recipe, tw_recipe_has(recipe, key) ? key : "seeds.run");
}

// A test part is there or not; the words were right for the training part.
static tw_status open_data(record *r)
{
    tw_status st = TW_OK;
    const char *split = tw_recipe_str(r->recipe, "data.split");
    TW_TRY(tw_recipe_flag(r->recipe, "data.dealt") ? tw_recipe_data_dealt(r->recipe, split, &r->train)
                                                   : tw_recipe_data(r->recipe, split, false, 0, 0, &r->train));
    if (strcmp(split, "train") != 0) goto done;
    if (tw_recipe_real(r->recipe, "data.validation") > 0)
        TW_TRY(tw_recipe_data(r->recipe, "validation", true, 0, 0, &r->validation));
    st = tw_recipe_data(r->recipe, "test", true, 0, 0, &r->test);
    if (st == TW_EINVAL) st = TW_OK;
done:
    return st;
}

static tw_status open_all(record *r, bool fresh)
{
    tw_status st = TW_OK;
    const tw_recipe *recipe = r->recipe;
    TW_TRY(open_data(r));
    TW_TRY(tw_recipe_net(recipe, r->train, 0, &r->net));
    TW_TRY(tw_recipe_net(recipe, r->train, 0, &r->spare));
    TW_TRY(tw_data_hold(r->train, tw_net_shard(r->net, r->train->m)));
    if (fresh && tw_recipe_has(recipe, "model.weights"))
        TW_TRY(tw_net_load(r->net, tw_recipe_str(recipe, "model.weights")));
    TW_TRY(tw_stepper_new(recipe, r->net, r->train, &r->stepper));
    r->trainer = tw_stepper_trainer(r->stepper);
    int64_t epoch_steps = tw_trainer_epoch_steps(r->trainer);
    r->batch = tw_recipe_int(recipe, "sampling.batch");
    if (r->batch > r->train->m) r->batch = r->train->m;
    r->total = tw_recipe_int(recipe, "stop.epochs") * epoch_steps;
    if (tw_recipe_has(recipe, "stop.steps")) {
        int64_t steps = tw_recipe_int(recipe, "stop.steps");
        if (steps < r->total || !tw_recipe_given(recipe, "stop.epochs")) r->total = steps;
    }
    r->place = (tw_probe_place){recipe,      r->net,   r->spare,
                                r->train,    r->test,  r->validation,
                                epoch_steps, r->batch, seed_of(recipe, "seeds.probes"),
                                r->total};
    TW_TRY(tw_probes_expand(r->recipe, &r->place));
    TW_TRY(tw_probes_open(&r->place, &r->probes));
    TW_TRY(tw_alloc(TW_STEPPER_ARRAYS + 2 * r->probes.count, sizeof *r->state, &r->state));
    TW_TRY(tw_alloc(2 * r->probes.count, sizeof *r->name, &r->name));
    r->watches = tw_recipe_int(recipe, "stop.patience") > 0 ||
                 strncmp(tw_recipe_str(recipe, "schedule.name"), "plateau", 7) == 0;
    r->log = tw_recipe_cadence(recipe, "outputs.log");
    r->saves = tw_recipe_has(recipe, "outputs.checkpoint");
    r->save = tw_recipe_cadence(recipe, "outputs.checkpoint");
    r->weights = tw_recipe_cadence(recipe, "outputs.weights");
    r->result.epoch_steps = epoch_steps;
    r->result.total = r->total;
    r->result.predicted_share = tw_probes_share(&r->probes, &r->place);
done:
    return st;
}

static void close_all(record *r)
{
    free(r->name);
    free(r->state);
    tw_probes_close(&r->probes);
    tw_stepper_free(r->stepper);
    tw_net_free(r->spare);
    tw_net_free(r->net);
    tw_data_free(r->validation);
    tw_data_free(r->test);
    tw_data_free(r->train);
    tw_recipe_free(r->recipe);
}

// --- what is said of the whole run ---

static tw_status put_number(tw_run *run, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return tw_run_put_text(run, key, text);
}

static tw_status put_recipe(record *r)
{
    char *text = NULL;
    tw_status st = tw_recipe_text(r->recipe, &text);
    if (st == TW_OK) st = tw_run_put_text(r->run, "recipe", text);
    free(text);
    return st;
}

static tw_status put_provenance(record *r, const char *given)
{
    tw_status st = TW_OK;
    char text[64];
    time_t now = time(NULL);
    struct tm utc;
    const tw_recipe *recipe = r->recipe;
    TW_TRY(put_recipe(r));
    TW_TRY(tw_run_put_text(r->run, "recipe as given", given));
    TW_TRY(tw_run_put_text(r->run, "version", tw_version()));
    TW_TRY(tw_run_put_text(r->run, "kernels", tw_kernels_describe()));
    TW_TRY(tw_run_put_text(r->run, "model", tw_recipe_str(recipe, "model.spec")));
    TW_TRY(tw_run_put_text(r->run, "data", tw_recipe_str(recipe, "data.source")));
    if (tw_recipe_has(recipe, "name")) TW_TRY(tw_run_put_text(r->run, "name", tw_recipe_str(recipe, "name")));
    if (strcmp(tw_recipe_str(recipe, "sampling.augment"), "none") != 0) {
        char augment[256];
        snprintf(augment, sizeof augment,
                 "%.128s in the steps; probes, losses and curvature see the samples as they are",
                 tw_recipe_str(recipe, "sampling.augment"));
        TW_TRY(tw_run_put_text(r->run, "augmentation", augment));
    }
    TW_TRY(put_number(r->run, "parameters", tw_net_params(r->net)));
    TW_TRY(put_number(r->run, "samples", r->train->m));
    TW_TRY(put_number(r->run, "epoch steps", r->result.epoch_steps));
    snprintf(text, sizeof text, "%016" PRIx64, r->train->checksum);
    TW_TRY(tw_run_put_text(r->run, "data checksum", text));
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
    TW_TRY(tw_run_put_text(r->run, "created", text));
done:
    return st;
}

static tw_status put_status(record *r, const char *status)
{
    tw_status st = TW_OK;
    char share[32];
    TW_TRY(tw_run_put_text(r->run, "status", status));
    TW_TRY(put_number(r->run, "steps", r->step));
    TW_TRY(put_number(r->run, "total steps", r->total));
    snprintf(share, sizeof share, "%.4g", r->result.predicted_share);
    TW_TRY(tw_run_put_text(r->run, "predicted share of probes", share));
done:
    return st;
}

// Time since the last call, by what it went into.
static tw_status put_times(record *r)
{
    tw_status st = TW_OK;
    double now = clock_now(), probes = tw_probes_seconds(&r->probes);
    for (int64_t i = 0; i < r->probes.count; i++) {
        tw_probe *probe = &r->probes.probe[i];
        char what[TW_PROBE_SERIES];
        snprintf(what, sizeof what, "probe %s", probe->prefix);
        if (probe->calls > 0 || probe->seconds > 0) TW_TRY(tw_run_put_time(r->run, what, probe->seconds, probe->calls));
        probe->seconds = 0;
        probe->calls = 0;
    }
    double train = now - r->begin - probes - r->store_seconds;
    TW_TRY(tw_run_put_time(r->run, "steps", train, 0));
    TW_TRY(tw_run_put_time(r->run, "store", r->store_seconds, 0));
    r->result.train_seconds += train;
    r->result.probe_seconds += probes;
    r->result.store_seconds += r->store_seconds;
    r->store_seconds = 0;
    r->begin = now;
done:
    return st;
}

// --- states and weights ---

static tw_status save_state(record *r)
{
    tw_status st = TW_OK;
    int64_t count, more;
    char text[64];
    double begin = clock_now();
    TW_TRY(tw_stepper_state(r->stepper, &count, r->state));
    more = tw_probes_state(&r->probes, r->state + count);
    int64_t at = count;
    for (int64_t i = 0; i < r->probes.count; i++)
        for (int kind = 0; kind < 2; kind++) { // memo first, then what is kept, as tw_probes_state has them
            if (kind == 1 && r->probes.probe[i].kept == 0) continue;
            r->state[at].name = tw_probes_state_name(i, kind == 0, r->name[at - count]);
            at++;
        }
    snprintf(text, sizeof text, "{\"step\": %" PRId64 "}", r->step);
    TW_TRY(tw_run_put_text(r->run, "status", "running"));
    TW_TRY(put_number(r->run, "steps", r->step));
    TW_TRY(tw_run_save_state(r->run, r->step, text, count + more, r->state));
    r->saved = clock_now();
    r->store_seconds += r->saved - begin;
    TW_TRY(put_times(r));
done:
    return st;
}

static tw_status save_net(void *net, const char *path) { return tw_net_save(net, path); }

static tw_status save_weights(record *r)
{
    tw_status st = TW_OK;
    double begin = clock_now();
    TW_TRY(tw_run_save_file(r->run, "weights", r->step, save_net, r->net));
    r->store_seconds += clock_now() - begin;
done:
    return st;
}

// --- the loop ---

static tw_moment here(const record *r, double lr)
{
    return (tw_moment){r->run, r->net, r->step, r->result.epoch_steps, lr, r->batch};
}

static tw_status put_step(record *r, const tw_step *step)
{
    tw_status st = TW_OK;
    if (!tw_cadence_due(&r->log, r->step, r->result.epoch_steps)) return TW_OK;
    TW_TRY(tw_run_put_scalar(r->run, "batch/loss", r->step, step->loss, NAN));
    if (r->train->label) TW_TRY(tw_run_put_scalar(r->run, "batch/accuracy", r->step, step->accuracy, NAN));
    TW_TRY(tw_run_put_scalar(r->run, "lr", r->step, step->lr, NAN));
    if (isfinite(step->gradient_norm))
        TW_TRY(tw_run_put_scalar(r->run, "batch/gradient_norm", r->step, step->gradient_norm, NAN));
done:
    return st;
}

// At the end of an epoch the schedule "plateau" and early stopping look at the loss on the validation part, where there
// is one, else on the training part. A state at this step is saved before, so a resumed run looks again.
static tw_status watch(record *r)
{
    tw_status st = TW_OK;
    tw_loss_value value;
    bool stop = false;
    if (!r->watches || r->step == 0 || r->step % r->result.epoch_steps != 0) return TW_OK;
    TW_TRY(tw_loss(r->net, r->validation ? r->validation : r->train, NULL, NULL, &value));
    TW_TRY(tw_run_put_scalar(r->run, "watched/loss", r->step, value.loss, NAN));
    tw_trainer_observe(r->trainer, value.loss, &stop);
    if (stop) {
        r->early = true;
        TW_TRY(tw_run_put_event(r->run, r->step, "stopped early",
                                "the watched loss has not improved for stop.patience epochs"));
    }
done:
    return st;
}

// The sharpness where it went wrong is what one wants to know.
static tw_status note_divergence(record *r, const tw_step *step)
{
    tw_status st = TW_OK;
    char text[128];
    tw_moment at = here(r, step->lr);
    r->result.diverged = true;
    if (step->unusable_sample >= 0)
        snprintf(text, sizeof text, "after step %" PRId64 ": sample %" PRId64 " has a number that is not finite",
                 r->step, step->unusable_sample);
    else
        snprintf(text, sizeof text, "the loss of the batch after step %" PRId64 " is not finite", r->step);
    TW_TRY(tw_run_put_event(r->run, r->step, "diverged", text));
    for (int64_t i = 0; i < r->probes.count; i++) {
        tw_probe *probe = &r->probes.probe[i];
        if (probe->kind != &tw_probe_eigs) continue;
        st = probe->kind->measure(probe, &at);
        if (st == TW_ENUMERIC) st = TW_OK; // no eigenpairs where products are not finite
        TW_TRY(st);
    }
done:
    return st;
}

static tw_status one_step(record *r)
{
    tw_status st = TW_OK;
    tw_step step = {0};
    int64_t products = tw_trainer_products(r->trainer);
    TW_TRY(tw_trainer_step(r->trainer, &step));
    products = tw_trainer_products(r->trainer) - products;
    if (step.diverged) {
        TW_TRY(note_divergence(r, &step));
        goto done;
    }
    r->step++;
    TW_TRY(put_step(r, &step));
    if (products > 0) TW_TRY(tw_run_put_scalar(r->run, "optim/products", r->step, (double)products, NAN));
    tw_moment after = here(r, step.lr);
    TW_TRY(tw_probes_follow(&r->probes, &after));
    if (r->progress.tick && !r->progress.tick(r->progress.ctx, "training", (double)r->step, (double)r->total)) {
        TW_TRY(save_state(r));
        TW_TRY(put_status(r, "stopped"));
        st = tw_fail(TW_ESTOPPED, "training: stopped after step %" PRId64 ", and can be resumed", r->step);
    }
done:
    return st;
}

// States change no number of a run, so a clock may say when. It is read at the end of an epoch, and in between so often
// that looks are no more than a tenth of a second apart: reading it costs some of the shortest steps a hundredth.
static bool is_time_to_save(record *r)
{
    enum { APART = 64 };
    bool epoch = r->step % r->result.epoch_steps == 0;
    if (r->step == 0 || (r->saves && tw_cadence_due(&r->save, r->step, r->result.epoch_steps))) return true;
    if (!epoch && r->step < r->look) return false;
    double now = clock_now(), since = now - r->saved;
    r->apart = now - r->looked > 0.05 ? 1 : r->apart < APART ? 2 * r->apart + 1 : APART;
    r->looked = now;
    r->look = r->step + r->apart;
    return since > save_seconds || (!r->saves && since > apart_seconds && epoch);
}

static tw_status go(record *r)
{
    tw_status st = TW_OK;
    int64_t resumed = r->step;
    bool fresh = r->step == 0;
    r->begin = r->saved = clock_now();
    TW_TRY(put_status(r, "running"));
    for (;;) {
        bool last = r->step >= r->total || r->result.diverged;
        bool due = is_time_to_save(r);
        if ((due || last) && (fresh || r->step > resumed)) TW_TRY(save_state(r));
        if (r->result.diverged) break;
        TW_TRY(watch(r));
        last = last || r->early;
        tw_moment at = here(r, tw_trainer_lr(r->trainer));
        TW_TRY(tw_probes_measure(&r->probes, &at));
        if (tw_cadence_due(&r->weights, r->step, r->result.epoch_steps)) TW_TRY(save_weights(r));
        if (last) break;
        TW_TRY(one_step(r));
    }
    TW_TRY(save_weights(r));
    TW_TRY(put_times(r));
    TW_TRY(put_status(r, r->result.diverged ? "diverged" : "done"));
done:
    r->result.steps = r->step;
    return st;
}

static tw_status finish(record *r, tw_status st, tw_recorded *out)
{
    char said[1024] = "";
    if (st != TW_OK) snprintf(said, sizeof said, "%s", tw_error());
    tw_status closed = tw_run_close(r->run);
    if (st == TW_OK)
        st = closed;
    else
        st = tw_fail(st, "%s", said);
    if (st == TW_OK || st == TW_ESTOPPED) *out = r->result;
    close_all(r);
    return st;
}

static tw_status copy_recipe(const tw_recipe *recipe, tw_recipe **out)
{
    char *text = NULL;
    tw_status st = tw_recipe_text(recipe, &text);
    if (st == TW_OK) st = tw_recipe_parse("recipe", text, strlen(text), out);
    free(text);
    return st;
}

tw_status tw_record(const tw_recipe *recipe, const char *folder, tw_progress progress, tw_recorded *out)
{
    tw_status st = TW_OK;
    record r = {.progress = progress};
    char *given = NULL;
    TW_TRY(tw_recipe_text(recipe, &given));
    TW_TRY(copy_recipe(recipe, &r.recipe));
    TW_TRY(open_all(&r, true)); // before the folder is made: what cannot be opened leaves nothing behind
    TW_TRY(tw_run_new(folder, &r.run));
    TW_TRY(put_provenance(&r, given));
    TW_TRY(go(&r));
done:
    free(given);
    return finish(&r, st, out);
}

// stop.* and outputs.* of `changes` where they are given; anything else would make another run of it.
static tw_status take_changes(tw_recipe *recipe, const tw_recipe *changes)
{
    tw_status st = TW_OK;
    const tw_recipe_key *key;
    int64_t count = tw_recipe_keys(&key);
    if (tw_recipe_items(changes) > 0)
        return tw_fail(TW_EINVAL, "probes.also: cannot be changed in a run that has begun");
    for (int64_t i = 0; i < count; i++) {
        if (strchr(key[i].key, '*') || !tw_recipe_given(changes, key[i].key)) continue;
        if (strncmp(key[i].key, "stop.", 5) != 0 && strncmp(key[i].key, "outputs.", 8) != 0)
            return tw_fail(TW_EINVAL, "%s: cannot be changed in a run that has begun, only stop.* and outputs.* can",
                           key[i].key);
        TW_TRY(tw_recipe_set(recipe, "resume", key[i].key, tw_recipe_str(changes, key[i].key)));
    }
done:
    return st;
}

static tw_status check_data(record *r)
{
    tw_status st = TW_OK;
    char *stored = NULL, found[24];
    TW_TRY(tw_run_load_text(r->run, "data checksum", &stored));
    snprintf(found, sizeof found, "%016" PRIx64, r->train->checksum);
    if (!stored || strcmp(stored, found) != 0)
        st = tw_fail(TW_EFORMAT, "data %s: found checksum %s, expected %s as when the run began", r->train->name, found,
                     stored ? stored : "one");
done:
    free(stored);
    return st;
}

tw_status tw_record_resume(const char *folder, const tw_recipe *changes, tw_progress progress, tw_recorded *out)
{
    tw_status st = TW_OK;
    record r = {.progress = progress};
    tw_arrays *arrays = NULL;
    char *text = NULL, *state = NULL;
    int64_t step;

    TW_TRY(tw_run_open(folder, true, &r.run));
    TW_TRY(tw_run_load_text(r.run, "recipe", &text));
    if (!text) {
        st = tw_fail(TW_EFORMAT, "%s: found no recipe, expected one: the run was stopped before it began", folder);
        goto done;
    }
    TW_TRY(tw_recipe_parse(folder, text, strlen(text), &r.recipe));
    if (changes) TW_TRY(take_changes(r.recipe, changes));
    TW_TRY(open_all(&r, true)); // without a state it begins anew
    TW_TRY(check_data(&r));
    TW_TRY(tw_run_load_state(r.run, &step, &state, &arrays));
    if (arrays) {
        TW_TRY(tw_trainer_load_state(r.trainer, arrays));
        TW_TRY(tw_probes_load_state(&r.probes, arrays));
        r.step = step;
    }
    if (changes) TW_TRY(put_recipe(&r));
    TW_TRY(go(&r));
done:
    tw_arrays_free(arrays);
    free(state);
    free(text);
    return finish(&r, st, out);
}
