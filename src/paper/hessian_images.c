// SPDX-License-Identifier: MIT
// Images as paper 1's networks see them: averaged over squares until few numbers are left, then each number minus its
// mean over the training samples, divided by its standard deviation there + 0.05.
//
// Networks of a thousand or two parameters can then read them, and every matrix be written out. What is no image, or
// has few numbers, is not averaged.
#include "paper/hessian.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

enum { MOST_FEATURES = 64 };

// The least side of a square that divides both sides of the image and leaves few enough numbers.
static int64_t square_of(const tw_data *d)
{
    for (int64_t side = 1; side <= d->height && side <= d->width; side++)
        if (d->height % side == 0 && d->width % side == 0 && d->features / (side * side) <= MOST_FEATURES) return side;
    return 1;
}

// In place: number j of the result is written where all before it have been read.
static void average(tw_data *d, int64_t side)
{
    int64_t rows = d->height / side, cols = d->width / side, planes = d->m * d->channels;
    double *x = d->x, *to = d->x;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t c = 0; c < cols; c++) {
                double sum = 0;
                for (int64_t i = 0; i < side; i++)
                    for (int64_t k = 0; k < side; k++)
                        sum += x[(p * d->height + r * side + i) * d->width + c * side + k];
                *to++ = sum / (double)(side * side);
            }
    d->height = rows;
    d->width = cols;
    d->features = d->channels * rows * cols;
}

static void standardise(const double *mean, const double *sd, tw_data *d)
{
    double *x = d->x;
    for (int64_t i = 0; i < d->m; i++)
        for (int64_t j = 0; j < d->features; j++, x++) *x = (*x - mean[j]) / (sd[j] + 0.05);
}

static void moments(const tw_data *d, double *mean, double *sd)
{
    const double *x = d->x;
    for (int64_t j = 0; j < d->features; j++) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < d->m; i++) sum += x[i * d->features + j];
        mean[j] = sum / (double)d->m;
        for (int64_t i = 0; i < d->m; i++) square += pow(x[i * d->features + j] - mean[j], 2);
        sd[j] = sqrt(square / (double)d->m);
    }
}

tw_status tw_hessian_images(const char *spec, int64_t samples, double random_labels, uint64_t seed, tw_data **train,
                            tw_data **test)
{
    tw_status st = TW_OK;
    tw_data *a = NULL, *b = NULL;
    double *mean = NULL;
    tw_data_opts opts = tw_data_defaults();
    opts.real = 8;
    opts.samples = samples;
    opts.random_subset = samples > 0;
    opts.random_labels = random_labels;
    opts.seed = seed;
    TW_TRY(tw_data_open(spec, &opts, &a));
    if (a->classes < 2) {
        st = tw_fail(TW_EINVAL, "--data %s: found no classes, expected at least 2", spec);
        goto done;
    }
    opts.split = "test";
    opts.samples = 0;
    opts.random_subset = false;
    opts.random_labels = 0;
    if (test && tw_data_open(spec, &opts, &b) != TW_OK) b = NULL; // there need not be one
    int64_t side = square_of(a);
    average(a, side);
    TW_TRY(tw_alloc(2 * a->features, sizeof *mean, &mean));
    moments(a, mean, mean + a->features);
    standardise(mean, mean + a->features, a);
    if (b) {
        average(b, side);
        standardise(mean, mean + a->features, b);
        *test = b;
        b = NULL;
    }
    *train = a;
    a = NULL;
done:
    free(mean);
    tw_data_free(a);
    tw_data_free(b);
    return st;
}

const char *tw_hessian_data_name(const tw_effort *e, char *room, size_t size)
{
    size_t n = strcspn(e->data, ":");
    if (n >= size) n = size - 1;
    memcpy(room, e->data, n);
    room[n] = '\0';
    return room;
}

bool tw_hessian_needs_images(const tw_effort *e, tw_finding *f)
{
    if (e->data) return false;
    tw_evidence_put(f, "samples", NAN);
    f->verdict = TW_UNDECIDED;
    strcpy(f->measured, "not measured: --data names no real data");
    return true;
}
