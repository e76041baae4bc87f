// SPDX-License-Identifier: MIT
// The probes of a run: made from the recipe's list, asked when they are due, carried over a stop.
//
// Presets are lists of probes whose cadence is chosen so that the predicted cost, in gradients of one sample, is a
// stated share of training: a probe of cost c that may take a share p of steps of b samples looks every c / (p b)
// steps. That depends on the problem alone, never on a clock, so a resumed run looks at the same steps. In a run so
// short that this would be fewer than eight looks, the probe looks at fewer samples instead, and in the shortest at
// least so often as the preset says below, whatever its share is then.
#include "train/probe.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const tw_probe_kind *const kinds[] = {&tw_probe_covariance, &tw_probe_loss,  &tw_probe_eigs,
                                             &tw_probe_density,    &tw_probe_trace, &tw_probe_noise,
                                             &tw_probe_path,       &tw_probe_step,  &tw_probe_tail};
enum { KINDS = sizeof kinds / sizeof *kinds };

// --- keys and series ---

static const char *key_of(const tw_probe *probe, const char *key, char *buffer, size_t size)
{
    snprintf(buffer, size, "probes.also.%d.%s", probe->item, key);
    return buffer;
}

bool tw_probe_has(const tw_probe *probe, const tw_recipe *recipe, const char *key)
{
    char name[96];
    return tw_recipe_has(recipe, key_of(probe, key, name, sizeof name));
}

int64_t tw_probe_int(const tw_probe *probe, const tw_recipe *recipe, const char *key)
{
    char name[96];
    return tw_recipe_int(recipe, key_of(probe, key, name, sizeof name));
}

double tw_probe_real(const tw_probe *probe, const tw_recipe *recipe, const char *key)
{
    char name[96];
    return tw_recipe_real(recipe, key_of(probe, key, name, sizeof name));
}

const char *tw_probe_str(const tw_probe *probe, const tw_recipe *recipe, const char *key)
{
    char name[96];
    return tw_recipe_str(recipe, key_of(probe, key, name, sizeof name));
}

tw_status tw_probe_put(const tw_probe *probe, const tw_moment *at, double value, double error, const char *format, ...)
{
    char name[TW_PROBE_SERIES];
    va_list args;
    int used = snprintf(name, sizeof name, "%s/", probe->prefix);
    va_start(args, format);
    vsnprintf(name + used, sizeof name - (size_t)used, format, args);
    va_end(args);
    return tw_run_put_scalar(at->run, name, at->step, value, error);
}

tw_status tw_probe_put_curve(const tw_probe *probe, const tw_moment *at, int64_t count, const double *x,
                             const char *format, ...)
{
    char name[TW_PROBE_SERIES];
    va_list args;
    int used = snprintf(name, sizeof name, "%s/", probe->prefix);
    va_start(args, format);
    vsnprintf(name + used, sizeof name - (size_t)used, format, args);
    va_end(args);
    return tw_run_put_curve(at->run, name, at->step, count, x);
}

// --- opening ---

static tw_status find_part(const tw_probe *probe, const tw_probe_place *place, const char *part, const tw_data **out)
{
    *out = strcmp(part, "test") == 0 ? place->test : strcmp(part, "validation") == 0 ? place->validation : place->train;
    if (*out) return TW_OK;
    return tw_fail(TW_EINVAL, "probes.also.%d.data: found %s, but the data have no such part here", probe->item, part);
}

// Without samples a loss looks at the whole part; what is dearer at probes.samples.
static tw_status open_data(tw_probe *probe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    const tw_recipe *recipe = place->recipe;
    TW_TRY(find_part(probe, place, tw_probe_str(probe, recipe, "data"), &probe->data));
    int64_t samples = tw_probe_has(probe, recipe, "samples") ? tw_probe_int(probe, recipe, "samples")
                      : probe->kind == &tw_probe_loss        ? probe->data->m
                                                             : tw_recipe_int(recipe, "probes.samples");
    if (samples < probe->data->m) {
        TW_TRY(tw_data_sample(probe->data, samples, place->seed, &probe->subset));
        probe->data = probe->subset;
    }
done:
    return st;
}

static tw_status open_cadence(tw_probe *probe, const tw_probe_place *place)
{
    char name[96];
    const tw_recipe *recipe = place->recipe;
    probe->cadence = tw_recipe_cadence(recipe, key_of(probe, "every", name, sizeof name));
    if (!tw_probe_has(probe, recipe, "every")) probe->cadence = tw_recipe_cadence(recipe, "probes.every");
    if (!tw_probe_has(probe, recipe, "every") && !tw_recipe_has(recipe, "probes.every"))
        probe->cadence = (tw_cadence){TW_EPOCHS, 1};
    return TW_OK;
}

static tw_status name_probe(tw_probe *probe, const tw_probes *before, const tw_recipe *recipe)
{
    const char *name = tw_probe_str(probe, recipe, "name");
    if (!name && (probe->kind == &tw_probe_eigs || probe->kind == &tw_probe_density || probe->kind == &tw_probe_trace))
        name = tw_probe_str(probe, recipe, "matrix");
    if (!name) name = tw_probe_str(probe, recipe, "data");
    snprintf(probe->name, sizeof probe->name, "%s", name);
    if (strlen(name) >= sizeof probe->name ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
        return tw_fail(TW_EINVAL, "probes.also.%d.name: found \"%.80s\", expected fewer than %d letters, digits, - _ .",
                       probe->item, name, TW_PROBE_NAME);
    snprintf(probe->prefix, sizeof probe->prefix, "%s/%s", probe->kind->name, probe->name);
    for (int64_t i = 0; i < before->count; i++)
        if (strcmp(before->probe[i].prefix, probe->prefix) == 0)
            return tw_fail(TW_EINVAL, "probes.also.%d: found a second %s probe called %s, expected another name",
                           probe->item, probe->kind->name, probe->name);
    return TW_OK;
}

static tw_status open_probe(tw_probes *probes, int item, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    tw_probe *probe = &probes->probe[item];
    const tw_recipe *recipe = place->recipe;
    probe->item = item;
    probe->seed = place->seed + (uint64_t)item;
    probe->n = tw_net_params(place->net);
    if (!tw_probe_has(probe, recipe, "kind"))
        return tw_fail(TW_EINVAL, "probes.also.%d: found no kind, expected one", item);
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds[k]->name, tw_probe_str(probe, recipe, "kind")) == 0) probe->kind = kinds[k];
    TW_TRY(name_probe(probe, probes, recipe));
    probes->count = item + 1; // from here on tw_probes_close sees it
    const char *with = tw_probe_str(probe, recipe, "with");
    for (int i = 0; with && i < item; i++)
        if (probes->probe[i].kind == &tw_probe_eigs && strcmp(probes->probe[i].name, with) == 0)
            probe->other = &probes->probe[i];
    if (with && !probe->other) {
        st = tw_fail(TW_EINVAL, "probes.also.%d.with: found \"%s\", expected the name of an eigs probe before it", item,
                     with);
        goto done;
    }
    TW_TRY(open_cadence(probe, place));
    TW_TRY(open_data(probe, place));
    TW_TRY(probe->kind->open(probe, place));
    if (probe->keeps > 0) TW_TRY(tw_alloc(probe->keeps * probe->n, sizeof *probe->keep, &probe->keep));
done:
    return st;
}

tw_status tw_probes_open(const tw_probe_place *place, tw_probes *out)
{
    tw_status st = TW_OK;
    tw_probes made = {0};
    int64_t count = tw_recipe_items(place->recipe);
    TW_TRY(tw_alloc(count, sizeof *made.probe, &made.probe));
    for (int i = 0; i < count; i++) TW_TRY(open_probe(&made, i, place));
    *out = made;
    made = (tw_probes){0};
done:
    tw_probes_close(&made);
    return st;
}

void tw_probes_close(tw_probes *probes)
{
    for (int64_t i = 0; i < probes->count; i++) {
        tw_probe *probe = &probes->probe[i];
        if (probe->kind->close) probe->kind->close(probe);
        free(probe->own);
        free(probe->keep);
        tw_data_free(probe->subset);
    }
    free(probes->probe);
    *probes = (tw_probes){0};
}

// --- measuring ---

static double clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

tw_status tw_probes_measure(tw_probes *probes, const tw_moment *at)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < probes->count; i++) {
        tw_probe *probe = &probes->probe[i];
        if (!tw_cadence_due(&probe->cadence, at->step, at->epoch_steps)) continue;
        double begin = clock_now();
        TW_TRY(probe->kind->measure(probe, at));
        probe->seconds += clock_now() - begin;
        probe->calls++;
    }
done:
    return st == TW_OK || st == TW_ESTOPPED ? st : tw_fail_in(st, "step %" PRId64 ": probe: ", at->step);
}

tw_status tw_probes_follow(tw_probes *probes, const tw_moment *at)
{
    tw_status st = TW_OK;
    for (int64_t i = 0; i < probes->count; i++) {
        tw_probe *probe = &probes->probe[i];
        if (!probe->kind->follow) continue;
        double begin = clock_now();
        TW_TRY(probe->kind->follow(probe, at));
        probe->seconds += clock_now() - begin;
    }
done:
    return st;
}

double tw_probes_seconds(const tw_probes *probes)
{
    double sum = 0;
    for (int64_t i = 0; i < probes->count; i++) sum += probes->probe[i].seconds;
    return sum;
}

// The look at the start is beside these.
static double looks_a_step(const tw_cadence *cadence, int64_t epoch_steps)
{
    if (cadence->unit == TW_STEPS) return 1 / (double)cadence->every;
    if (cadence->unit == TW_EPOCHS) return 1 / ((double)cadence->every * (double)epoch_steps);
    return 0; // a logarithmic cadence costs less and less
}

double tw_probes_share(const tw_probes *probes, const tw_probe_place *place)
{
    double sum = 0;
    for (int64_t i = 0; i < probes->count; i++)
        if (probes->probe[i].cadence.unit != TW_NEVER)
            sum += probes->probe[i].kind->cost(&probes->probe[i]) *
                   (looks_a_step(&probes->probe[i].cadence, place->epoch_steps) +
                    (place->total > 0 ? 1 / (double)place->total : 0));
    return sum / (double)place->batch;
}

// --- state ---

char *tw_probes_state_name(int64_t probe, bool memo, char *buffer)
{
    snprintf(buffer, 32, "probe.%d.%s", (int)probe, memo ? "memo" : "keep");
    return buffer;
}

int64_t tw_probes_state(const tw_probes *probes, tw_array *out)
{
    int64_t count = 0;
    for (int64_t i = 0; i < probes->count; i++) {
        tw_probe *probe = &probes->probe[i];
        out[count++] = (tw_array){.rank = 1, .shape = {TW_PROBE_MEMOS}, .real = 8, .x = probe->memo};
        if (probe->kept > 0)
            out[count++] = (tw_array){.rank = 2, .shape = {probe->kept, probe->n}, .real = 8, .x = probe->keep};
    }
    return count;
}

tw_status tw_probes_load_state(tw_probes *probes, const tw_arrays *arrays)
{
    char name[32];
    for (int64_t i = 0; i < probes->count; i++) {
        tw_probe *probe = &probes->probe[i];
        const tw_array *memo = tw_arrays_find(arrays, tw_probes_state_name(i, true, name));
        if (!memo || memo->rank != 1 || memo->shape[0] != TW_PROBE_MEMOS || memo->real != 8)
            return tw_fail(TW_EFORMAT, "state: found no \"%s\" of %d numbers, expected one", name, TW_PROBE_MEMOS);
        memcpy(probe->memo, memo->x, sizeof probe->memo);
        const tw_array *keep = tw_arrays_find(arrays, tw_probes_state_name(i, false, name));
        probe->kept = keep ? keep->shape[0] : 0;
        if (!keep) continue;
        if (keep->rank != 2 || keep->shape[0] > probe->keeps || keep->shape[1] != probe->n || keep->real != 8)
            return tw_fail(TW_EFORMAT, "state: \"%s\": found another shape, expected at most %" PRId64 " x %" PRId64,
                           name, probe->keeps, probe->n);
        memcpy(probe->keep, keep->x, (size_t)(probe->kept * probe->n) * sizeof *probe->keep);
    }
    return TW_OK;
}

// --- presets ---

typedef struct preset_line {
    const char *preset;
    const char *kind, *data, *matrix;
    int64_t samples; // 0: all
    int64_t top, bottom, products, along;
    double share; // of the time of training it may take
} preset_line;

static const preset_line lines[] = {
    {"economy", "loss", "train", NULL, 1000, 0, 0, 0, 0, 0.01},
    {"economy", "loss", "test", NULL, 1000, 0, 0, 0, 0, 0.01},
    {"economy", "eigs", "train", "hessian", 500, 1, 0, 12, 0, 0.03},
    {"standard", "loss", "train", NULL, 5000, 0, 0, 0, 0, 0.06},
    {"standard", "loss", "test", NULL, 0, 0, 0, 0, 0, 0.06},
    {"standard", "eigs", "train", "hessian", 1000, 5, 1, 80, 1, 0.3},
    {"standard", "noise", "train", NULL, 1000, 0, 0, 0, 0, 0.05},
    {"standard", "path", "train", NULL, 1000, 0, 0, 0, 0, 0.03},
    {"full", "loss", "train", NULL, 0, 0, 0, 0, 0, 0.2},
    {"full", "loss", "test", NULL, 0, 0, 0, 0, 0, 0.1},
    {"full", "eigs", "train", "hessian", 2000, 10, 2, 200, 3, 0.7},
    {"full", "eigs", "train", "ggn", 2000, 10, 0, 150, 0, 0.4},
    {"full", "eigs", "train", "moment", 2000, 10, 0, 150, 0, 0.4},
    {"full", "density", "train", "hessian", 1000, 0, 0, 0, 0, 0.5},
    {"full", "trace", "train", "hessian", 1000, 0, 0, 96, 0, 0.2},
    {"full", "noise", "train", NULL, 2000, 0, 0, 0, 0, 0.3},
    {"full", "tail", "train", NULL, 2000, 0, 0, 0, 0, 0.1},
    {"full", "path", "train", NULL, 2000, 0, 0, 0, 0, 0.2},
};

// In short runs: looks after the one at the start, at least; samples and products of each, at least; and how many times
// its share a probe may take, the look at the start counted. Economy promises a tenth of the run, of which this is
// three quarters: products are made fewer, then looks, and where not even one can be had the probe never looks.
typedef struct preset_floor {
    const char *preset;
    int64_t looks, samples, products;
    double most;
} preset_floor;
static const preset_floor floors[] = {
    {"economy", 8, 64, 6, 1.5}, {"standard", 4, 250, 0, INFINITY}, {"full", 4, 500, 0, INFINITY}};
enum { LOOKS = 8, FEW = 3 }; // wanted of every run; worth fewer products

static tw_status set_number(tw_recipe *recipe, int64_t item, const char *key, int64_t value)
{
    char name[96], text[32];
    snprintf(name, sizeof name, "probes.also.%d.%s", (int)item, key);
    snprintf(text, sizeof text, "%" PRId64, value);
    return tw_recipe_set(recipe, "preset", name, text);
}

static tw_status set_word(tw_recipe *recipe, int64_t item, const char *key, const char *value)
{
    char name[96];
    snprintf(name, sizeof name, "probes.also.%d.%s", (int)item, key);
    return tw_recipe_set(recipe, "preset", name, value);
}

// Steps between looks at so many samples that keep the share. The cost is that of this line alone: the probe is opened
// on the recipe as it would be later.
static tw_status steps_for_share(const tw_recipe *recipe, const preset_line *line, const tw_probe_place *place,
                                 int64_t item, int64_t samples, double *steps)
{
    tw_status st = TW_OK;
    tw_probe probe = {.item = (int)item, .n = tw_net_params(place->net)};
    tw_data counted = {.m = samples};
    for (int k = 0; k < KINDS; k++)
        if (strcmp(kinds[k]->name, line->kind) == 0) probe.kind = kinds[k];
    probe.data = &counted;
    tw_probe_place here = *place;
    here.recipe = recipe;
    TW_TRY(probe.kind->open(&probe, &here));
    *steps = fmax(1, ceil(probe.kind->cost(&probe) / (line->share * (double)place->batch)));
done:
    if (probe.kind->close) probe.kind->close(&probe);
    free(probe.own);
    return st;
}

// So that the last look is at the end, if that takes away no more than a third of them.
static double ends_with_the_run(double steps, int64_t total)
{
    int64_t most = steps <= (double)total ? total / (int64_t)steps : 0;
    for (int64_t looks = most; looks >= 1 && 3 * looks >= 2 * most; looks--)
        if (total % looks == 0) return (double)(total / looks);
    return steps;
}

// Steps between looks; 0: never.
static tw_status choose_cadence(tw_recipe *recipe, const preset_line *line, const tw_probe_place *place, int64_t item,
                                int64_t samples, double *every)
{
    tw_status st = TW_OK;
    const preset_floor *least = &floors[0];
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++)
        if (strcmp(floors[i].preset, line->preset) == 0) least = &floors[i];
    double steps, spacing = fmax(1, floor((double)place->total / LOOKS));
    TW_TRY(steps_for_share(recipe, line, place, item, samples, &steps));
    if (steps > spacing && samples > least->samples) {
        samples = (int64_t)fmax((double)least->samples, floor((double)samples * spacing / steps));
        TW_TRY(set_number(recipe, item, "samples", samples));
        TW_TRY(steps_for_share(recipe, line, place, item, samples, &steps));
    }
    double total = (double)place->total, may = INFINITY; // looks, the one at the start counted
    for (int64_t products = line->products;; products--) {
        if (isfinite(least->most)) may = floor(least->most * total / steps);
        if (may >= FEW || products <= least->products) break;
        TW_TRY(set_number(recipe, item, "products", products - 1));
        TW_TRY(steps_for_share(recipe, line, place, item, samples, &steps));
    }
    if (may < 1) {
        *every = 0;
        goto done;
    }
    steps = fmin(steps, fmax(1, floor(total / (double)least->looks)));
    steps = may < 2 ? total + 1 : fmax(steps, ceil(total / (may - 1)));
    // The full preset looks at least once an epoch, whatever that costs; its share is then larger than stated.
    if (strcmp(line->preset, "full") == 0) steps = fmin(steps, (double)place->epoch_steps);
    *every = ends_with_the_run(steps, place->total);
done:
    return st;
}

static tw_status add_line(tw_recipe *recipe, const preset_line *line, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    int64_t item = tw_recipe_items(recipe);
    const tw_data *data = strcmp(line->data, "test") == 0 ? place->test : place->train;
    char text[48];
    TW_TRY(set_word(recipe, item, "kind", line->kind));
    TW_TRY(set_word(recipe, item, "data", line->data));
    int64_t samples = line->samples > 0 && line->samples < data->m ? line->samples : data->m;
    TW_TRY(set_number(recipe, item, "samples", samples));
    if (line->matrix) TW_TRY(set_word(recipe, item, "matrix", line->matrix));
    if (line->top > 0) {
        int64_t n = tw_net_params(place->net), top = line->top < n ? line->top : n;
        TW_TRY(set_number(recipe, item, "top", top));
        TW_TRY(set_number(recipe, item, "bottom", line->bottom < n - top ? line->bottom : n - top));
        TW_TRY(set_number(recipe, item, "along", line->along < top ? line->along : top));
    }
    if (line->products > 0) TW_TRY(set_number(recipe, item, "products", line->products));
    if (tw_recipe_has(recipe, "probes.every")) goto done;

    double every;
    TW_TRY(choose_cadence(recipe, line, place, item, samples, &every));
    if (every > 0)
        snprintf(text, sizeof text, "%.0f steps", every);
    else
        snprintf(text, sizeof text, "never");
    TW_TRY(set_word(recipe, item, "every", text));
done:
    return st;
}

tw_status tw_probes_expand(tw_recipe *recipe, const tw_probe_place *place)
{
    tw_status st = TW_OK;
    char preset[32];
    snprintf(preset, sizeof preset, "%s", tw_recipe_str(recipe, "probes.preset"));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strcmp(lines[i].preset, preset) != 0 || (strcmp(lines[i].data, "test") == 0 && !place->test)) continue;
        TW_TRY(add_line(recipe, &lines[i], place));
    }
    st = tw_recipe_set(recipe, "preset", "probes.preset", "none");
done:
    return st;
}
