// SPDX-License-Identifier: MIT
// A data set by its name: which reader, which samples, which scale.
#include "base/alloc.h"
#include "base/nearest.h"
#include "base/options.h"
#include "data/checksum.h"
#include "data/part.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const tw_source sources[] = {
    {"fashion-mnist", "[:DIR]", "clothes, 28 x 28, 10 classes", TW_FASHION_HOME, tw_fashion_read},
    {"mnist", "[:DIR]", "digits, 28 x 28, 10 classes", NULL, tw_mnist_read},
    {"idx", ":IMAGES,LABELS[,test-images=FILE,test-labels=FILE,classes=N]", "images in IDX files, plain or .gz", NULL,
     tw_idx_read},
    {"cifar10", "[:PLACE,test=FILE]", "pictures, 3 x 32 x 32, 10 classes; a folder or a file, plain or .gz", NULL,
     tw_cifar10_read},
    {"cifar100", "[:PLACE,test=FILE,labels=fine|coarse]", "pictures, 3 x 32 x 32, 100 or 20 classes", NULL,
     tw_cifar100_read},
    {"csv", ":FILE[,label=COLUMN|target=COLUMN,sep=comma|semicolon|tab|blank,header=yes|no,test=FILE]",
     "rows of numbers with a class or a target", NULL, tw_csv_read},
    {"npz", ":FILE[,x=NAME,y=NAME,test=FILE,task=auto|classes|regression,classes=N]", "NumPy arrays x and y", NULL,
     tw_xy_read},
    {"safetensors", ":FILE[,... as npz]", "tensors x and y", NULL, tw_xy_read},
    {"npy", ":X,Y[,test-x=FILE,test-y=FILE,task=auto|classes|regression,classes=N]", "one NumPy array a file", NULL,
     tw_npy_read},
    {"text", ":FILE[,length=33,stride=LENGTH,test=FILE|test-part=0.1]",
     "bytes of a file, plain or .gz, and the next byte", NULL, tw_text_read},
    {"gauss", "[:classes=10,dim=50,n=100,sep=2,seed=11,random=0,stream=0,test=2000]", "a mixture of Gaussians", NULL,
     tw_gauss_read},
    {"regression", "[:dim=10,n=1000,law=gaussian|uniform|sphere,eig=1,u=1,noise=0,input-noise=0,seed=0,test=1000]",
     "linear regression, y = u x + noise", NULL, tw_regression_read},
};

const tw_source *tw_data_sources(int64_t *count)
{
    *count = sizeof sources / sizeof *sources;
    return sources;
}

static tw_status find_source(const char *kind, const tw_source **out)
{
    char names[256] = "", near[64];
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (strcmp(kind, sources[i].name) == 0) {
            *out = &sources[i];
            return TW_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? " " : "", sources[i].name);
    }
    tw_nearest(kind, names, near, sizeof near);
    return tw_fail(TW_EINVAL, "data: found \"%s\", expected one of: %s; did you mean %s?", kind, names, near);
}

static tw_status check_opts(const tw_data_opts *given, tw_data_opts *out)
{
    TW_OPTIONS(tw_data, given);
    tw_data_opts o = *given;
    static const char splits[] = "train test all validation", scales[] = "unit none centre standard one-scale";
    const struct {
        const char *what, *word, *words;
    } choice[] = {{"split", o.split, splits}, {"scale", o.scale ? o.scale : "none", scales}};
    for (int i = 0; i < 2; i++) {
        char near[64] = "";
        if (choice[i].word) tw_nearest(choice[i].word, choice[i].words, near, sizeof near);
        if (!choice[i].word || strcmp(near, choice[i].word) != 0)
            return tw_fail(TW_EINVAL, "data options: %s: found \"%s\", expected one of: %s; did you mean %s?",
                           choice[i].what, choice[i].word ? choice[i].word : "", choice[i].words, near);
    }
    if (o.samples < 0)
        return tw_fail(TW_EINVAL, "data options: samples: found %" PRId64 ", expected at least 0", o.samples);
    if (!(o.random_labels >= 0 && o.random_labels <= 1))
        return tw_fail(TW_EINVAL, "data options: random labels: found %g, expected 0 to 1", o.random_labels);
    if (!(o.validation >= 0 && o.validation < 1))
        return tw_fail(TW_EINVAL, "data options: validation: found %g, expected at least 0 and below 1", o.validation);
    if (strcmp(o.split, "validation") == 0 && !(o.validation > 0))
        return tw_fail(TW_EINVAL, "data options: split validation: found validation 0, expected a fraction above 0");
    if (o.real != 4 && o.real != 8) return tw_fail(TW_EINVAL, "data options: real: found %d, expected 4 or 8", o.real);
    if (!(o.add_to_sd >= 0 && o.add_to_sd < 1e300))
        return tw_fail(TW_EINVAL, "data options: add to sd: found %g, expected at least 0", o.add_to_sd);
    *out = o;
    return TW_OK;
}

tw_status tw_data_read_split(const tw_data_rest *rest, const char *split, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_raw made = {0}, more = {0};
    TW_TRY(rest->source->read(&rest->spec, strcmp(split, "test") == 0 ? TW_PART_TEST : TW_PART_TRAIN, wanted, &made));
    if (strcmp(split, "all") == 0) {
        tw_wanted after = {0, 0}; // counted from the first sample of the test part
        if (wanted) after = (tw_wanted){wanted->first - made.m, wanted->count};
        st = rest->source->read(&rest->spec, TW_PART_TEST, wanted ? &after : NULL, &more);
        if (st == TW_EINVAL) // the words were right for the training part, so: there is no test part
            st = TW_OK;
        else if (st == TW_OK)
            st = tw_raw_append(rest->spec.text, &made, &more);
        if (st != TW_OK) goto done;
    }
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    tw_raw_free(&more);
    return st;
}

// Of all numbers together, about their common mean (paper 2, section 4: pixels before the mean image is subtracted).
static double common_sd(int64_t features, const double *mean, const double *sd)
{
    double all = 0, variance = 0, f = (double)features;
    for (int64_t j = 0; j < features; j++) all += mean[j] / f;
    for (int64_t j = 0; j < features; j++) variance += (sd[j] * sd[j] + (mean[j] - all) * (mean[j] - all)) / f;
    return sqrt(variance);
}

// shift and factor of every feature from the training part (paper 1, section 13: sd + add_to_sd).
static tw_status read_moments(const tw_data_rest *rest, bool parted, double *shift, double *factor)
{
    tw_status st = TW_OK;
    const tw_data_opts *opts = &rest->opts;
    const tw_raw *raw = &rest->raw;
    tw_raw other = {0};
    int64_t *row = NULL, count;
    tw_data_opts train = *opts;
    const tw_wanted none = {0, 0};
    bool here = strcmp(opts->split, "train") == 0 || strcmp(opts->split, "validation") == 0;

    train.split = "train";
    if (!here) {
        TW_TRY(tw_data_read_split(rest, "train", parted ? &none : NULL, &other));
        if (other.features != raw->features) {
            st = tw_fail(TW_EFORMAT,
                         "data %s: found %" PRId64 " features in the training part, expected %" PRId64
                         " as in split \"%s\"",
                         rest->spec.text, other.features, raw->features, opts->split);
            goto done;
        }
        raw = &other;
    }
    TW_TRY(tw_split_rows(raw, &train, false, &row, &count));
    if (count == 0) {
        st = tw_fail(TW_EINVAL, "data %s: found no training samples with validation %g, expected at least 1",
                     rest->spec.text, opts->validation);
        goto done;
    }
    if (tw_raw_held(raw) < raw->m) {
        tw_wanted part = tw_rows_window(tw_rows_part(count), row);
        const int64_t m = raw->m, features = raw->features;
        tw_raw_free(&other);
        TW_TRY(tw_data_read_split(rest, "train", &part, &other));
        if (other.m != m || other.features != features) {
            st = tw_fail(TW_EFORMAT,
                         "data %s: found %" PRId64 " samples of %" PRId64 " numbers, expected %" PRId64 " of %" PRId64
                         " as a moment ago: was the file written meanwhile?",
                         rest->spec.text, other.m, other.features, m, features);
            goto done;
        }
        raw = &other;
    }
    TW_TRY(tw_feature_moments(raw, count, row, parted, shift, factor));
    double one = common_sd(raw->features, shift, factor);
    for (int64_t j = 0; j < raw->features; j++) {
        double sd = strcmp(rest->scale, "one-scale") == 0 ? one : factor[j] + opts->add_to_sd;
        factor[j] = strcmp(rest->scale, "centre") != 0 && sd > 0 ? 1 / sd : 1;
    }
done:
    free(row);
    tw_raw_free(&other);
    return st;
}

tw_status tw_data_checksum(tw_data *d, uint64_t x_sum)
{
    tw_status st = TW_OK;
    uint64_t part[9] = {(uint64_t)d->m,    (uint64_t)d->channels, (uint64_t)d->height,  (uint64_t)d->width,
                        (uint64_t)d->real, (uint64_t)d->classes,  (uint64_t)d->targets, x_sum};
    if (d->label)
        TW_TRY(tw_checksum(d->label, (size_t)d->m * sizeof *d->label, &part[8]));
    else
        TW_TRY(tw_checksum(d->target, (size_t)d->m * (size_t)d->targets * sizeof *d->target, &part[8]));
    d->checksum = tw_checksum_block(part, sizeof part);
done:
    return st;
}

static tw_status take_answers(tw_raw *raw, const int64_t *row, tw_data *d)
{
    tw_status st = TW_OK;
    d->classes = raw->classes;
    d->targets = raw->targets;
    if (raw->names.count == d->classes) {
        d->class_name = raw->names.name;
        raw->names = (tw_names){0};
    }
    if (raw->label) {
        TW_TRY(tw_alloc(d->m, sizeof *d->label, &d->label));
        for (int64_t i = 0; i < d->m; i++) d->label[i] = raw->label[row[i]];
    } else {
        size_t bytes = (size_t)d->targets * sizeof *d->target;
        TW_TRY(tw_alloc(d->m, bytes, &d->target));
        for (int64_t i = 0; i < d->m; i++) memcpy(d->target + i * d->targets, raw->target + row[i] * d->targets, bytes);
    }
done:
    return st;
}

tw_status tw_data_find_scale(const tw_data_rest *rest, bool parted, tw_data_scale *out)
{
    tw_status st = TW_OK;
    double *shift = NULL, *factor = NULL;
    bool bytes = rest->raw.kind == TW_RAW_U8, none = strcmp(rest->scale, "none") == 0;

    if (strcmp(rest->scale, "unit") == 0 && !bytes)
        return tw_fail(TW_EINVAL,
                       "data %s: scale unit divides bytes by 255; found numbers that are no bytes, expected "
                       "scale none, centre, standard or one-scale",
                       rest->spec.text);
    if (!none && strcmp(rest->scale, "unit") != 0) {
        TW_TRY(tw_alloc(rest->raw.features, sizeof *shift, &shift));
        TW_TRY(tw_alloc(rest->raw.features, sizeof *factor, &factor));
        TW_TRY(read_moments(rest, parted, shift, factor));
    }
    *out = (tw_data_scale){bytes && !none ? 255 : 1, shift, factor};
    shift = factor = NULL;
done:
    free(shift);
    free(factor);
    return st;
}

tw_status tw_data_begin(const char *text, const tw_data_opts *given, const tw_wanted *wanted, tw_data_rest *r,
                        tw_data *d)
{
    tw_status st = TW_OK;
    tw_data_opts *opts = &r->opts;
    TW_TRY(check_opts(given, opts));
    TW_TRY(tw_spec_parse(text, &r->spec));
    TW_TRY(find_source(r->spec.kind, &r->source));
    TW_TRY(tw_data_read_split(r, opts->split, wanted, &r->raw));
    TW_TRY(tw_strdup(text, &d->name));
    const tw_raw *raw = &r->raw;
    snprintf(r->split, sizeof r->split, "%s", opts->split);
    snprintf(r->scale, sizeof r->scale, "%s", opts->scale ? opts->scale : raw->kind == TW_RAW_U8 ? "unit" : "none");
    opts->split = r->split;
    opts->scale = r->scale;
    bool all = strcmp(r->split, "all") == 0, trains = all || strcmp(r->split, "train") == 0;
    TW_TRY(tw_split_rows(raw, opts, all || strcmp(r->split, "test") == 0, &r->row, &d->m));
    TW_TRY(tw_subset_rows(text, opts, r->row, &d->m));
    d->features = raw->features;
    d->channels = raw->channels;
    d->height = raw->height;
    d->width = raw->width;
    d->real = opts->real;
    TW_TRY(take_answers(&r->raw, r->row, d));
    if (trains && opts->random_labels > 0) {
        if (!d->label) {
            st = tw_fail(TW_EINVAL, "data %s: random labels: found numeric targets, expected classes", text);
            goto done;
        }
        TW_TRY(tw_labels_randomise(opts->seed, opts->random_labels, d->classes, d->m, d->label));
    }
done:
    return st;
}

tw_status tw_data_open(const char *text, const tw_data_opts *given, tw_data **out)
{
    tw_status st = TW_OK;
    tw_data_rest rest = {0};
    tw_data_scale scale = {0};
    tw_data *made = NULL;
    uint64_t sum;

    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_data_begin(text, given, NULL, &rest, made));
    TW_TRY(tw_data_find_scale(&rest, false, &scale));
    TW_TRY(tw_rows_convert(&rest.raw, made->m, rest.row, made->real, scale.unit, scale.shift, scale.factor, &made->x));
    TW_TRY(tw_checksum(made->x, (size_t)made->m * (size_t)made->features * (size_t)made->real, &sum));
    TW_TRY(tw_data_checksum(made, sum));
    *out = made;
    made = NULL;
done:
    tw_data_free(made);
    free(scale.shift);
    free(scale.factor);
    tw_data_rest_free(&rest);
    return st;
}

void tw_data_rest_free(tw_data_rest *rest)
{
    free(rest->row);
    tw_raw_free(&rest->raw);
    tw_spec_free(&rest->spec);
}

void tw_data_free(tw_data *data)
{
    if (!data) return;
    for (int64_t i = 0; data->class_name && i < data->classes; i++) free(data->class_name[i]);
    free(data->class_name);
    free(data->name);
    free(data->x);
    free(data->label);
    free(data->target);
    if (data->rest) tw_data_rest_free(data->rest);
    free(data->rest);
    free(data);
}
