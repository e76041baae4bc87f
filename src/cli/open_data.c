// SPDX-License-Identifier: MIT
// --data, --split, --samples and kin become samples.
#include "cli/open.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static tw_status options(const tw_args *args, bool wide, tw_data_opts *opts)
{
    tw_status st = TW_OK;
    *opts = tw_data_defaults();
    opts->split = tw_args_str(args, "split");
    opts->scale = tw_args_str(args, "scale");
    opts->random_subset = tw_args_flag(args, "random-subset");
    opts->real = wide ? 8 : 4;
    TW_TRY(tw_args_int(args, "samples", 1, INT64_MAX, &opts->samples));
    TW_TRY(tw_args_real(args, "random-labels", 0, 1, &opts->random_labels));
    TW_TRY(tw_args_real(args, "validation", 0, 1, &opts->validation));
    TW_TRY(tw_args_real(args, "add-to-sd", 0, 1e300, &opts->add_to_sd));
    TW_TRY(tw_args_seed(args, "seed", &opts->seed));
done:
    return st;
}

const char *tw_open_data_spec(const tw_args *args)
{
    char *const *word;
    int words = tw_args_words(args, &word);
    const char *spec = tw_args_str(args, "data");
    return spec ? spec : words > 0 ? word[0] : NULL;
}

static bool is_wide(const tw_args *args) { return strcmp(tw_args_str(args, "dtype"), "f64") == 0; }

tw_status tw_open_data_opts(const tw_args *args, tw_data_opts *out) { return options(args, is_wide(args), out); }

tw_status tw_open_data(const tw_args *args, tw_data **out)
{
    tw_data_opts opts;
    tw_status st = options(args, is_wide(args), &opts);
    if (st == TW_OK) st = tw_data_open(tw_open_data_spec(args), &opts, out);
    return st;
}

tw_status tw_open_data_f64(const tw_args *args, tw_data **out)
{
    tw_data_opts opts;
    tw_status st = options(args, true, &opts);
    if (st == TW_OK) st = tw_data_open(tw_open_data_spec(args), &opts, out);
    return st;
}

tw_status tw_open_data_split(const tw_args *args, const char *split, tw_data **out)
{
    tw_data_opts opts;
    tw_status st = options(args, is_wide(args), &opts);
    opts.split = split;
    opts.samples = 0;
    if (st == TW_OK) st = tw_data_open(tw_open_data_spec(args), &opts, out);
    return st;
}

json_t *tw_open_data_json(const tw_args *args, const tw_data *data)
{
    char checksum[24];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, data->checksum);
    json_t *about = json_object();
    json_object_set_new(about, "name", json_string(data->name));
    json_object_set_new(about, "split", json_string(tw_args_str(args, "split")));
    json_object_set_new(about, "samples", json_integer(data->m));
    json_object_set_new(about, "features", json_integer(data->features));
    if (data->classes > 0)
        json_object_set_new(about, "classes", json_integer(data->classes));
    else
        json_object_set_new(about, "targets", json_integer(data->targets));
    json_object_set_new(about, "checksum", json_string(checksum));
    return about;
}

static bool ends_with_one_of(const char *path, const char *endings)
{
    const char *dot = strrchr(path, '.');
    if (!dot) return false;
    for (const char *at = endings; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (strlen(dot) == length && strncmp(dot, at, length) == 0) return true;
        at += length;
    }
    return false;
}

tw_status tw_open_check_out(const char *flag, const char *path, const char *endings)
{
    if (!path) return TW_OK;
    if (endings && !ends_with_one_of(path, endings))
        return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected a name that ends in one of %s", flag, path, endings);
    char folder[4096];
    struct stat info;
    if (strlen(path) >= sizeof folder)
        return tw_fail(TW_EINVAL, "--%s: found a name of %zu bytes, expected fewer than %zu", flag, strlen(path),
                       sizeof folder);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return tw_fail(TW_EINVAL, "--%s: %s: found a folder, expected a file", flag, path);
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    if (access(slash ? folder : ".", W_OK | X_OK) != 0)
        return tw_fail(TW_EIO, "--%s: %s: the folder %s cannot be written: %s", flag, path, slash ? folder : ".",
                       strerror(errno));
    return TW_OK;
}

tw_status tw_open_check_figure(const tw_args *args)
{
    tw_status st = tw_open_check_out("figure", tw_args_str(args, "figure"), ".svg .pdf .png");
    return st != TW_OK ? st : tw_open_check_out("csv", tw_args_str(args, "csv"), NULL);
}
