// SPDX-License-Identifier: MIT
// thalweg train RECIPE, --run, --resume, --grid: flags become keys of a recipe, and recipes become runs.
#include "cli/train_recipe.h"

#include "base/alloc.h"
#include "cli/train_grid.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool tw_train_is_recorded(const tw_args *args)
{
    char *const *word;
    return tw_args_words(args, &word) > 0 || tw_args_flag(args, "run") || tw_args_flag(args, "resume") ||
           tw_args_flag(args, "set") || tw_args_flag(args, "grid") || tw_args_flag(args, "seeds");
}

// --- flags as keys ---

static const char *const same[][2] = {
    {"data", "data.source"},
    {"split", "data.split"},
    {"samples", "data.samples"},
    {"random-labels", "data.random_labels"},
    {"validation", "data.validation"},
    {"scale", "data.scale"},
    {"add-to-sd", "data.add_to_sd"},
    {"model", "model.spec"},
    {"init", "model.init"},
    {"dtype", "model.dtype"},
    {"arith", "model.arith"},
    {"shard", "model.shard"},
    {"loss", "loss.name"},
    {"l2", "loss.l2"},
    {"optim", "optim.name"},
    {"lr", "optim.lr"},
    {"clip-norm", "optim.clip_norm"},
    {"clip-value", "optim.clip_value"},
    {"schedule", "schedule.name"},
    {"sampling", "sampling.kind"},
    {"augment", "sampling.augment"},
    {"patience", "stop.patience"},
    {"improvement", "stop.improvement"},
    {"batch", "sampling.batch"},
    {"epochs", "stop.epochs"},
    {"seed", "seeds.run"},
    {"weights", "model.weights"},
};

static tw_status take_flags(const tw_args *args, tw_recipe *recipe)
{
    tw_status st = TW_OK;
    char where[64];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *name = same[i][0], *value = tw_args_str(args, name);
        if (!tw_args_flag(args, name)) continue;
        snprintf(where, sizeof where, "--%s", name);
        if (strcmp(name, "weights") == 0 && strncmp(value, "init:", 5) == 0)
            TW_TRY(tw_recipe_set(recipe, where, "seeds.init", value + 5));
        else
            TW_TRY(tw_recipe_set(recipe, where, same[i][1], value));
    }
    if (tw_args_flag(args, "random-subset"))
        TW_TRY(tw_recipe_set(recipe, "--random-subset", "data.random_subset", "true"));
done:
    return st;
}

// "optim.lr=0.05,sampling.batch=32": a comma begins another pair where KEY= follows, else it belongs to the value; a
// line begins another pair too.
static tw_status take_pairs(tw_recipe *recipe, const char *where, const char *text)
{
    tw_status st = TW_OK;
    char *copy = NULL;
    TW_TRY(tw_strdup(text, &copy));
    for (char *at = copy; at;) {
        char *equals = strchr(at, '='), *next = NULL;
        if (!equals || equals == at) {
            st = tw_fail(TW_EINVAL, "%s: found \"%s\", expected KEY=VALUE, such as optim.lr=0.05", where, at);
            goto done;
        }
        char *line = strchr(equals, '\n');
        if (line) next = line;
        for (char *comma = strchr(equals, ','); comma && (!next || comma < next); comma = strchr(comma + 1, ',')) {
            size_t key = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_0123456789.");
            if (comma[1 + key] == '=' && memchr(comma + 1, '.', key)) {
                next = comma;
                break;
            }
        }
        if (next) *next++ = '\0';
        *equals = '\0';
        TW_TRY(tw_recipe_set(recipe, where, at, equals + 1));
        at = next;
    }
done:
    free(copy);
    return st;
}

static tw_status read_recipe(const tw_args *args, tw_recipe **out)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    char *const *word;
    int words = tw_args_words(args, &word);
    if (words > 1) {
        st = tw_fail(TW_EINVAL, "%s: found a second word, expected one recipe", word[1]);
        goto done;
    }
    if (words == 1 && !tw_args_flag(args, "resume"))
        TW_TRY(tw_recipe_load(word[0], &recipe));
    else
        TW_TRY(tw_recipe_new(&recipe));
    TW_TRY(take_flags(args, recipe));
    if (tw_args_flag(args, "set")) TW_TRY(take_pairs(recipe, "--set", tw_args_str(args, "set")));
    *out = recipe;
    recipe = NULL;
done:
    tw_recipe_free(recipe);
    return st;
}

// --run, the recipe's outputs.folder, or runs/STEM.
static tw_status choose_folder(const tw_args *args, const tw_recipe *recipe, char *folder, size_t size)
{
    char *const *word;
    const char *given = tw_args_str(args, "run");
    if (!given) given = tw_recipe_str(recipe, "outputs.folder");
    if (given) {
        snprintf(folder, size, "%s", given);
        return TW_OK;
    }
    if (tw_args_words(args, &word) == 0) return tw_fail(TW_EINVAL, "--run: is missing: expected the folder of the run");
    const char *slash = strrchr(word[0], '/'), *stem = slash ? slash + 1 : word[0], *dot = strrchr(stem, '.');
    if (mkdir("runs", 0777) != 0 && errno != EEXIST)
        return tw_fail(TW_EIO, "runs: the folder cannot be made: %s", strerror(errno));
    snprintf(folder, size, "runs/%.*s", dot ? (int)(dot - stem) : (int)strlen(stem), stem);
    return TW_OK;
}

// --- what is said at the end ---

static tw_status show(const tw_args *args, const char *folder, const tw_recorded *result)
{
    double all = result->train_seconds + result->probe_seconds + result->store_seconds;
    double share = all > 0 ? result->probe_seconds / all : 0;
    char count[32], total[32], time[32];
    if (tw_args_flag(args, "json")) {
        json_t *json = json_object();
        json_object_set_new(json, "run", json_string(folder));
        json_object_set_new(json, "steps", json_integer(result->steps));
        json_object_set_new(json, "total_steps", json_integer(result->total));
        json_object_set_new(json, "diverged", json_boolean(result->diverged));
        json_object_set_new(json, "seconds", tw_json_real(all));
        json_object_set_new(json, "probe_share", tw_json_real(share));
        json_object_set_new(json, "probe_share_predicted", tw_json_real(result->predicted_share));
        return tw_show_json(json);
    }
    printf("%s: %s of %s steps in %s; %.1f %% of the time went to probes (predicted %.1f %%), %.1f %% to the store\n",
           folder, tw_show_count(result->steps, count), tw_show_count(result->total, total), tw_show_seconds(all, time),
           100 * share, 100 * result->predicted_share / (1 + result->predicted_share),
           all > 0 ? 100 * result->store_seconds / all : 0);
    printf("Look at it: thalweg runs show %s, thalweg report %s\n", folder, folder);
    return TW_OK;
}

tw_status tw_train_recorded(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_recipe *recipe = NULL;
    tw_recorded result;
    char folder[4096];

    TW_TRY(read_recipe(args, &recipe));
    if (tw_args_flag(args, "resume")) {
        snprintf(folder, sizeof folder, "%s", tw_args_str(args, "resume"));
        TW_TRY(tw_record_resume(folder, recipe, tw_show_progress(args), &result));
    } else if (tw_args_flag(args, "grid") || tw_args_flag(args, "seeds")) {
        int64_t seeds = 1;
        TW_TRY(tw_args_int(args, "seeds", 1, 4096, &seeds));
        TW_TRY(choose_folder(args, recipe, folder, sizeof folder));
        st = tw_train_grid(args, recipe, folder, tw_args_str(args, "grid"), seeds);
        goto done;
    } else {
        TW_TRY(choose_folder(args, recipe, folder, sizeof folder));
        TW_TRY(tw_record(recipe, folder, tw_show_progress(args), &result));
    }
    tw_show_progress_end();
    TW_TRY(show(args, folder, &result));
    if (result.diverged)
        tw_show_shortfall("training diverged: the loss was not finite after step %" PRId64
                          "; the last finite state is kept",
                          result.steps);
done:
    tw_recipe_free(recipe);
    return st;
}
