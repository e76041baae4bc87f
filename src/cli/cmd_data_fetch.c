// SPDX-License-Identifier: MIT
// thalweg data fetch: data sets from their official addresses, checked and unpacked.
#include "cli/show.h"

#include "base/alloc.h"
#include "data/fetch.h"
#include "data/http.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Where a set goes: --to, or the folder in which `--data NAME` looks for it. TW_EINVAL: neither.
static tw_status place(const tw_args *args, const char *name, char **out)
{
    tw_status st = TW_OK;
    const char *to = tw_args_str(args, "to");
    TW_TRY(to ? tw_strdup(to, out) : tw_fetch_place(name, out));
    if (!*out) st = tw_fail(TW_EINVAL, "data fetch: found neither HOME nor THALWEG_DATA set, expected --to FOLDER");
done:
    return st;
}

static int64_t bytes_of(const tw_fetch_set *set)
{
    int64_t bytes = 0;
    for (int i = 0; i < set->files; i++) bytes += set->file[i].size;
    return bytes;
}

// --- without a name: what there is ---

static tw_status list_one(const tw_args *args, const tw_fetch_set *set, json_t *list)
{
    tw_status st = TW_OK;
    char *folder = NULL, size[32];
    bool whole = false;
    tw_fetch_sums sums;
    TW_TRY(place(args, set->name, &folder));
    TW_TRY(tw_fetch_check(set, folder, &whole, &sums));
    if (!tw_args_flag(args, "json")) {
        printf("\n  %s\n      %s\n      %s from %s\n      %s %s\n", set->name, set->what,
               tw_show_bytes((double)bytes_of(set), size), set->base[0], whole ? "in" : "not in", folder);
        goto done;
    }
    json_t *files = json_array();
    for (int i = 0; i < set->files; i++)
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", set->file[i].name, "bytes",
                                               (json_int_t)set->file[i].size, "sha256", set->file[i].sha256));
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", set->name, "what", set->what,
                                          "address", set->base[0], "folder", folder, "there", whole, "files", files));
done:
    free(folder);
    return st;
}

static tw_status list(const tw_args *args)
{
    tw_status st = TW_OK;
    int64_t count;
    const tw_fetch_set *sets = tw_fetch_sets(&count);
    json_t *result = json_object(), *all = json_array();
    if (!tw_args_flag(args, "json")) printf("thalweg data fetch NAME brings:\n");
    for (int64_t i = 0; i < count; i++) TW_TRY(list_one(args, &sets[i], all));
    if (!tw_args_flag(args, "json")) {
        if (!tw_http_there())
            printf("\nThis Thalweg was built without libcurl: it checks and unpacks, but downloads nothing.\n");
        goto done;
    }
    json_object_set(result, "sets", all);
    json_object_set_new(result, "downloads", json_boolean(tw_http_there()));
    TW_TRY(tw_show_provenance(args, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(all);
    json_decref(result);
    return st;
}

// --- one set ---

static tw_status show_json(const tw_args *args, const tw_fetch_set *set, const char *folder, const tw_fetched *f)
{
    tw_status st = TW_OK;
    json_t *files = json_array();
    for (int i = 0; i < f->sums.count; i++)
        json_array_append_new(files, json_pack("{s:s, s:I, s:s}", "name", f->sums.file[i].name, "bytes",
                                               (json_int_t)f->sums.file[i].size, "sha256", f->sums.file[i].sha256));
    json_t *result =
        json_pack("{s:s, s:s, s:b, s:I, s:I, s:o}", "name", set->name, "folder", folder, "was_there", f->was_there,
                  "received", (json_int_t)f->received, "kept", (json_int_t)f->kept, "files", files);
    TW_TRY(tw_show_provenance(args, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

static void show_text(const tw_fetch_set *set, const char *folder, const tw_fetched *f, bool given)
{
    char size[32], kept[32];
    for (int i = 0; i < f->sums.count; i++) printf("%s  %s\n", f->sums.file[i].sha256, f->sums.file[i].name);
    if (f->was_there)
        printf("%s was there already, every byte as its sums say: %s\n", set->name, folder);
    else if (f->kept > 0)
        printf("%s: %s received after %s of an earlier download, sums as published: %s\n", set->name,
               tw_show_bytes((double)f->received, size), tw_show_bytes((double)f->kept, kept), folder);
    else
        printf("%s: %s received, sums as published: %s\n", set->name, tw_show_bytes((double)f->received, size), folder);
    printf("Use it as --data %s%s%s\n", set->name, given ? ":" : "", given ? folder : "");
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    const tw_fetch_set *set = NULL;
    tw_fetch_opts opts = tw_fetch_defaults();
    tw_fetched fetched;
    char *folder = NULL;
    char *const *word;
    int words = tw_args_words(args, &word);
    int64_t tries = opts.tries;

    if (words == 0) return list(args);
    if (words > 1) return tw_fail(TW_EINVAL, "data fetch: found %d words, expected the name of one data set", words);
    TW_TRY(tw_fetch_find(word[0], &set));
    TW_TRY(tw_args_int(args, "tries", 1, 1000, &tries));
    TW_TRY(place(args, set->name, &folder));
    opts.folder = folder;
    opts.base = tw_args_str(args, "from");
    opts.tries = (int)tries;
    opts.progress = tw_show_progress(args);
    tw_explain(args, "address", "%s", opts.base ? opts.base : set->base[0]);
    tw_explain(args, "folder", "%s", folder);
    st = tw_fetch(set, &opts, &fetched);
    if (st == TW_EIO && !tw_http_there())
        st = tw_fail_in(st, "bring %s%s yourself into %s, and this command checks and unpacks it (SHA-256 %s): ",
                        set->base[0], set->file[0].name, folder, set->file[0].sha256);
    if (st != TW_OK) goto done;
    tw_show_progress_end();
    if (tw_args_flag(args, "json"))
        TW_TRY(show_json(args, set, folder, &fetched));
    else
        show_text(set, folder, &fetched, tw_args_str(args, "to") != NULL);
done:
    free(folder);
    return st;
}

static const tw_flag flags[] = {
    {"to", "FOLDER", NULL,
     "where to; without it where --data NAME looks: $THALWEG_DATA/NAME, ~/.local/share/thalweg/NAME", .neutral = true},
    {"from", "ADDRESS", NULL, "a copy of the official folder, http or https; the sums stay the published ones",
     .neutral = true},
    {"tries", "N", "4", "connections that bring no new byte before it gives up", .neutral = true},
    {0},
};

const tw_command tw_cmd_data_fetch = {
    .name = "data fetch",
    .summary = "download a data set, checked against its published SHA-256",
    .about =
        "Without a name: what can be fetched, how large it is, where it goes, and whether it is there. With one, as "
        "in\n"
        "`thalweg data fetch cifar10`: downloads from the official address, goes on where a broken download ended,\n"
        "compares the published SHA-256 before a file gets its name, unpacks what the readers need, and writes\n"
        "SHA256SUMS, which `sha256sum -c` reads. A file that lies in the folder already is checked and used; so\n"
        "an archive may be brought by other means. Proxies are taken from http_proxy and https_proxy.",
    .example = "thalweg data fetch\nthalweg data fetch --json",
    .words = "[NAME]",
    .flags = flags,
    .run = run,
};
