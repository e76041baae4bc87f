// SPDX-License-Identifier: MIT
// A run's recipe becomes samples and a network once more, and its files of weights are found.
#include "train/revisit.h"

#include "base/alloc.h"
#include "data/part.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int width(const tw_recipe *recipe, int real)
{
    if (real > 0) return real;
    return strcmp(tw_recipe_str(recipe, "model.dtype"), "f64") == 0 ? 8 : 4;
}

static uint64_t seed_of(const tw_recipe *recipe, const char *key)
{
    return tw_recipe_seed(recipe, tw_recipe_has(recipe, key) ? key : "seeds.run");
}

static tw_status must_give(const tw_recipe *recipe, const char *key)
{
    if (tw_recipe_has(recipe, key)) return TW_OK;
    return tw_fail(TW_EINVAL, "recipe: %s is missing", key);
}

static tw_data_opts data_opts(const tw_recipe *recipe, const char *split, bool whole, int real, int64_t samples)
{
    tw_data_opts opts = tw_data_defaults();
    opts.split = split;
    if (!whole && tw_recipe_has(recipe, "data.samples")) opts.samples = tw_recipe_int(recipe, "data.samples");
    if (samples > 0) opts.samples = samples;
    opts.random_subset = tw_recipe_flag(recipe, "data.random_subset");
    opts.random_labels = tw_recipe_real(recipe, "data.random_labels");
    opts.validation = tw_recipe_real(recipe, "data.validation");
    opts.scale = tw_recipe_str(recipe, "data.scale");
    opts.add_to_sd = tw_recipe_real(recipe, "data.add_to_sd");
    opts.seed = seed_of(recipe, "seeds.data");
    opts.real = width(recipe, real);
    return opts;
}

tw_status tw_recipe_data(const tw_recipe *recipe, const char *split, bool whole, int real, int64_t samples,
                         tw_data **out)
{
    tw_status st = must_give(recipe, "data.source");
    if (st != TW_OK) return st;
    tw_data_opts opts = data_opts(recipe, split, whole, real, samples);
    return tw_data_open(tw_recipe_str(recipe, "data.source"), &opts, out);
}

tw_status tw_recipe_data_dealt(const tw_recipe *recipe, const char *split, tw_data **out)
{
    tw_status st = must_give(recipe, "data.source");
    if (st != TW_OK) return st;
    tw_data_opts opts = data_opts(recipe, split, false, 0, 0);
    return tw_data_open_part(tw_recipe_str(recipe, "data.source"), &opts, out);
}

tw_status tw_recipe_net(const tw_recipe *recipe, const tw_data *data, int real, tw_net **out)
{
    tw_status st = TW_OK;
    tw_net_opts opts = tw_net_defaults();
    opts.real = width(recipe, real);
    opts.loss = tw_recipe_str(recipe, "loss.name");
    opts.l2 = tw_recipe_real(recipe, "loss.l2");
    opts.init = tw_recipe_str(recipe, "model.init");
    opts.arith = tw_recipe_str(recipe, "model.arith");
    opts.seed = seed_of(recipe, "seeds.init");
    if (tw_recipe_has(recipe, "model.shard")) opts.shard = tw_recipe_int(recipe, "model.shard");
    TW_TRY(must_give(recipe, "model.spec"));
    TW_TRY(tw_net_new(tw_recipe_str(recipe, "model.spec"), data, &opts, out));
done:
    return st;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// "weights-STEP.safetensors" in the folder.
static tw_status find_weights(tw_revisit *run)
{
    tw_status st = TW_OK;
    int64_t room = 0;
    DIR *folder = opendir(run->folder);
    if (!folder) return tw_fail(TW_EIO, "%s: %s", run->folder, strerror(errno));
    for (const struct dirent *one = readdir(folder); one; one = readdir(folder)) {
        int64_t step;
        int end = 0;
        if (sscanf(one->d_name, "weights-%" SCNd64 ".safetensors%n", &step, &end) != 1 || end == 0 || one->d_name[end])
            continue;
        if (run->kept == room) {
            int64_t *more = NULL;
            room = 2 * room + 16;
            TW_TRY(tw_alloc(room, sizeof *more, &more));
            if (run->kept > 0) memcpy(more, run->step, (size_t)run->kept * sizeof *more);
            free(run->step);
            run->step = more;
        }
        run->step[run->kept++] = step;
    }
    if (run->kept > 0) qsort(run->step, (size_t)run->kept, sizeof *run->step, ascending);
done:
    closedir(folder);
    return st;
}

static tw_status check_samples(tw_run *store, const char *folder, const tw_data *data)
{
    tw_status st = TW_OK;
    char *text = NULL, found[32];
    snprintf(found, sizeof found, "%016" PRIx64, data->checksum);
    TW_TRY(tw_run_load_text(store, "data checksum", &text));
    if (text && strcmp(text, found) != 0)
        st = tw_fail(TW_EINVAL, "%s: found samples with checksum %s, expected those of the run, %s", folder, found,
                     text);
done:
    free(text);
    return st;
}

tw_status tw_revisit_open(const char *folder, int real, int64_t samples, tw_revisit *out)
{
    tw_status st = TW_OK;
    tw_revisit run = {0};
    tw_run *store = NULL;
    char *text = NULL;
    TW_TRY(tw_strdup(folder, &run.folder));
    TW_TRY(tw_run_open(folder, false, &store));
    TW_TRY(tw_run_load_text(store, "recipe", &text));
    if (!text) {
        st = tw_fail(TW_EFORMAT, "%s: found no recipe in the run", folder);
        goto done;
    }
    TW_TRY(tw_recipe_parse(folder, text, strlen(text), &run.recipe));
    TW_TRY(tw_recipe_data(run.recipe, tw_recipe_str(run.recipe, "data.split"), false, real, samples, &run.data));
    if (real == 0 && samples == 0) TW_TRY(check_samples(store, folder, run.data));
    TW_TRY(tw_recipe_net(run.recipe, run.data, real, &run.net));
    TW_TRY(find_weights(&run));
    if (tw_recipe_has(run.recipe, "model.weights"))
        TW_TRY(tw_net_load(run.net, tw_recipe_str(run.recipe, "model.weights")));
    *out = run;
    run = (tw_revisit){0};
done:
    free(text);
    if (store) {
        tw_status closed = tw_run_close(store);
        if (st == TW_OK) st = closed;
    }
    tw_revisit_close(&run);
    return st;
}

tw_status tw_revisit_load(tw_revisit *run, int64_t i)
{
    tw_status st = TW_OK;
    char *path = NULL;
    size_t size = strlen(run->folder) + 64;
    TW_TRY(tw_alloc((int64_t)size, 1, &path));
    snprintf(path, size, "%s/weights-%" PRId64 ".safetensors", run->folder, run->step[i]);
    TW_TRY(tw_net_load(run->net, path));
done:
    free(path);
    return st;
}

void tw_revisit_close(tw_revisit *run)
{
    free(run->step);
    tw_net_free(run->net);
    tw_data_free(run->data);
    tw_recipe_free(run->recipe);
    free(run->folder);
    *run = (tw_revisit){0};
}
