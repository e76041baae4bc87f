// SPDX-License-Identifier: MIT
// thalweg data: which data sets there are, what is in one, and what its samples look like.
#include "cli/open.h"

#include "base/alloc.h"
#include "data/fetch.h"
#include "data/raw.h"
#include "report/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 10, NUMBERS = 8 }; // images in a row of the picture; numbers of a sample that are printed

// --- the list ---

static tw_status list(const tw_args *args)
{
    tw_status st = TW_OK;
    int64_t count;
    const tw_source *sources = tw_data_sources(&count);
    json_t *result = json_object(), *kinds = json_array();

    if (!tw_args_flag(args, "json")) printf("After --data, or after `thalweg data` to look inside:\n");
    for (int64_t i = 0; i < count; i++) {
        const tw_source *s = &sources[i];
        const tw_fetch_set *set;
        char *home = NULL;
        if (tw_fetch_find(s->name, &set) == TW_OK) {
            if (s->home && access(s->home, R_OK) == 0)
                TW_TRY(tw_strdup(s->home, &home));
            else
                TW_TRY(tw_fetch_place(s->name, &home));
        }
        bool there = home && access(home, R_OK) == 0;
        if (!tw_args_flag(args, "json")) {
            printf("\n  %s%s\n      %s\n", s->name, s->usage, s->what);
            if (there) printf("      in %s\n", home);
            if (home && !there) printf("      not in %s; `thalweg data fetch %s` brings it\n", home, s->name);
            free(home);
            continue;
        }
        json_t *kind = json_object();
        json_object_set_new(kind, "name", json_string(s->name));
        json_object_set_new(kind, "usage", json_sprintf("%s%s", s->name, s->usage));
        json_object_set_new(kind, "what", json_string(s->what));
        json_object_set_new(kind, "place", home ? json_string(home) : json_null());
        json_object_set_new(kind, "found", home ? json_boolean(there) : json_null());
        free(home);
        json_array_append_new(kinds, kind);
    }
    json_object_set(result, "kinds", kinds);
    TW_TRY(tw_show_provenance(args, result));
    if (tw_args_flag(args, "json")) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(kinds);
    json_decref(result);
    return st;
}

// --- one data set ---

static double feature(const tw_data *d, int64_t i)
{
    return d->real == 4 ? (double)((const float *)d->x)[i] : ((const double *)d->x)[i];
}

static double target(const tw_data *d, int64_t i) { return d->target[i]; }

typedef struct moments {
    double mean, sd, least, most;
} moments;

// Of m rows of `width` numbers: sums row by row, so that rounding does not grow with all of them; a second pass, so
// that the sd of numbers far from 0 is right.
static moments measure(const tw_data *d, int64_t width, double (*number)(const tw_data *, int64_t))
{
    moments all = {.least = INFINITY, .most = -INFINITY};
    double count = (double)d->m * (double)width;
    for (int64_t i = 0; i < d->m; i++) {
        double sum = 0;
        for (int64_t j = i * width; j < (i + 1) * width; j++) {
            double x = number(d, j);
            sum += x;
            all.least = x < all.least ? x : all.least;
            all.most = x > all.most ? x : all.most;
        }
        all.mean += sum / count;
    }
    for (int64_t i = 0; i < d->m; i++) {
        double sum = 0;
        for (int64_t j = i * width; j < (i + 1) * width; j++) {
            double off = number(d, j) - all.mean;
            sum += off * off;
        }
        all.sd += sum / count;
    }
    all.sd = sqrt(all.sd);
    return all;
}

// Features with the same number in every sample.
static int64_t constant_features(const tw_data *d)
{
    int64_t count = 0;
    for (int64_t j = 0; j < d->features; j++) {
        int64_t i = 1;
        while (i < d->m && feature(d, i * d->features + j) == feature(d, j)) i++;
        count += i == d->m;
    }
    return count;
}

static tw_status count_classes(const tw_data *d, int64_t **out)
{
    tw_status st = tw_alloc(d->classes, sizeof **out, out);
    for (int64_t i = 0; st == TW_OK && i < d->m && d->classes > 0; i++) (*out)[d->label[i]]++;
    return st;
}

static json_t *moments_json(const moments *m)
{
    json_t *json = json_object();
    json_object_set_new(json, "mean", tw_json_real(m->mean));
    json_object_set_new(json, "sd", tw_json_real(m->sd));
    json_object_set_new(json, "min", tw_json_real(m->least));
    json_object_set_new(json, "max", tw_json_real(m->most));
    return json;
}

static tw_status show_json(const tw_args *args, const tw_data *d, const moments *x, const moments *y,
                           const int64_t *per_class)
{
    tw_status st = TW_OK;
    json_t *result = tw_open_data_json(args, d), *shape = json_array(), *classes = json_array();

    json_array_append_new(shape, json_integer(d->channels));
    json_array_append_new(shape, json_integer(d->height));
    json_array_append_new(shape, json_integer(d->width));
    json_object_set(result, "shape", shape);
    json_object_set_new(result, "x", moments_json(x));
    json_object_set_new(result, "constant_features", json_integer(constant_features(d)));
    if (d->target) json_object_set_new(result, "y", moments_json(y));
    for (int64_t c = 0; c < d->classes; c++) {
        json_t *one = json_object();
        if (d->class_name) json_object_set_new(one, "name", json_string(d->class_name[c]));
        json_object_set_new(one, "samples", json_integer(per_class[c]));
        json_array_append_new(classes, one);
    }
    if (d->classes > 0) json_object_set(result, "per_class", classes);
    st = tw_show_provenance(args, result);
    if (st == TW_OK) st = tw_show_json(json_incref(result));
    json_decref(classes);
    json_decref(shape);
    json_decref(result);
    return st;
}

static void print_moments(const char *name, const moments *m)
{
    printf("  %-10s mean %.6g, sd %.6g, from %.6g to %.6g\n", name, m->mean, m->sd, m->least, m->most);
}

static void show_text(const tw_args *args, const tw_data *d, const moments *x, const moments *y,
                      const int64_t *per_class)
{
    char samples[32], features[32];
    printf("%s, %s\n", d->name, tw_args_str(args, "split"));
    printf("  %-10s %s\n", "samples", tw_show_count(d->m, samples));
    printf("  %-10s %s", "features", tw_show_count(d->features, features));
    if (d->height * d->width > 1) printf(" = %" PRId64 " x %" PRId64 " x %" PRId64, d->channels, d->height, d->width);
    int64_t constant = constant_features(d);
    printf(constant ? ", %" PRId64 " of them the same in every sample\n" : "\n", constant);
    print_moments("x", x);
    if (d->target) print_moments("y", y);
    if (d->classes > 0) printf("  %-10s %" PRId64 "\n", "classes", d->classes);
    for (int64_t c = 0; c < d->classes && c < 100; c++)
        printf("  %10" PRId64 " %-16s %s\n", c, d->class_name ? d->class_name[c] : "",
               tw_show_count(per_class[c], samples));
    printf("  %-10s %016" PRIx64 "\n", "checksum", d->checksum);
}

static void show_samples(const tw_data *d, int64_t count)
{
    for (int64_t i = 0; i < count && i < d->m; i++) {
        printf("  %" PRId64 ":", i);
        for (int64_t j = 0; j < d->features && j < NUMBERS; j++) printf(" %.6g", feature(d, i * d->features + j));
        printf("%s ->", d->features > NUMBERS ? " ..." : "");
        if (d->label && d->class_name)
            printf(" %s", d->class_name[d->label[i]]);
        else if (d->label)
            printf(" %" PRId32, d->label[i]);
        for (int64_t t = 0; t < d->targets; t++) printf(" %.6g", d->target[i * d->targets + t]);
        printf("\n");
    }
}

// --- the picture ---

static tw_status check_drawable(const tw_data *d)
{
    if (d->height * d->width > 1 && (d->channels == 1 || d->channels == 3)) return TW_OK;
    return tw_fail(TW_EINVAL,
                   "--figure: %s: found samples of %" PRId64 " x %" PRId64 " x %" PRId64
                   ", expected images with 1 or 3 channels; --show prints numbers",
                   d->name, d->channels, d->height, d->width);
}

// Numbers of any scale are brought to 0 ... 1 over what is shown, and the same for all images.
static tw_status draw(const tw_args *args, const tw_data *d, int64_t count)
{
    tw_status st = TW_OK;
    float *x = NULL;
    const char **label = NULL;
    char(*text)[16] = NULL, title[128], subtitle[128];
    double least = INFINITY, most = -INFINITY;

    count = count < d->m ? count : d->m;
    TW_TRY(check_drawable(d));
    TW_TRY(tw_alloc(count, (size_t)d->features * sizeof *x, &x));
    TW_TRY(tw_alloc(count, sizeof *label, &label));
    TW_TRY(tw_alloc(count, sizeof *text, &text));
    for (int64_t i = 0; i < count * d->features; i++) {
        least = fmin(least, feature(d, i));
        most = fmax(most, feature(d, i));
    }
    for (int64_t i = 0; i < count * d->features; i++)
        x[i] = most > least ? (float)((feature(d, i) - least) / (most - least)) : 0;
    for (int64_t i = 0; i < count && d->label; i++) {
        snprintf(text[i], sizeof text[i], "%" PRId32, d->label[i]);
        label[i] = d->class_name ? d->class_name[d->label[i]] : text[i];
    }
    snprintf(title, sizeof title, "%.100s", d->name);
    snprintf(subtitle, sizeof subtitle, "%" PRId64 " of %" PRId64 " samples, %s", count, d->m,
             tw_args_str(args, "split"));
    const tw_figure_images images = {.title = title,
                                     .subtitle = subtitle,
                                     .count = count,
                                     .columns = count < COLUMNS ? count : COLUMNS,
                                     .channels = d->channels,
                                     .height = d->height,
                                     .width = d->width,
                                     .x = x,
                                     .label = d->label ? label : NULL};
    TW_TRY(tw_figure_draw_images(&images, tw_args_str(args, "figure")));
done:
    free(text);
    free(label);
    free(x);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *d = NULL;
    int64_t *per_class = NULL, show = 0, drawn = 0;
    char *const *word;
    const char *figure = tw_args_str(args, "figure");

    if (tw_args_words(args, &word) > (tw_args_str(args, "data") ? 0 : 1)) {
        st = tw_fail(TW_EINVAL, "data: found more than one data set, expected one word or --data");
        goto done;
    }
    if (!tw_open_data_spec(args)) return list(args);
    TW_TRY(tw_args_int(args, "show", 0, 1000, &show));
    TW_TRY(tw_args_int(args, "images", 1, 1000, &drawn));
    TW_TRY(tw_open_check_out("figure", figure, ".svg .pdf .png"));
    TW_TRY(tw_open_data(args, &d));
    if (figure) TW_TRY(draw(args, d, drawn));
    TW_TRY(count_classes(d, &per_class));
    moments x = measure(d, d->features, feature), y = {0};
    if (d->target) y = measure(d, d->targets, target);
    if (tw_args_flag(args, "json")) {
        TW_TRY(show_json(args, d, &x, &y, per_class));
    } else {
        show_text(args, d, &x, &y, per_class);
        show_samples(d, show);
    }
done:
    free(per_class);
    tw_data_free(d);
    return st;
}

const tw_command tw_cmd_data = {
    .name = "data",
    .summary = "list data sets, describe one, draw its samples",
    .about = "Without a word: every kind of data set that --data understands, and where it was found.\n"
             "With one: samples, shape, classes and how many samples each has, mean, standard deviation\n"
             "(divisor: the count) and range over all numbers, and a checksum of exactly what a network\n"
             "would see after --split, --samples, --random-labels and --scale.",
    .example = "thalweg data\n"
               "thalweg data gauss:classes=3,dim=2,n=30 --show 3\n"
               "thalweg data regression:dim=4,noise=0.1 --json",
    .words = "[SPEC]",
    .uses = TW_USE_DATA | TW_USE_ANY_DATA | TW_USE_DTYPE,
    .flags =
        (const tw_flag[]){
            {"figure", "FILE", NULL, "draw images in FILE.svg, .pdf or .png (by gnuplot)", .neutral = true},
            {"images", "N", "40", "how many --figure draws", .neutral = true},
            {"show", "N", "0", "print N samples: their first 8 numbers and their class or target", .neutral = true},
            {0},
        },
    .run = run,
    .one_rank = true,
};
