// SPDX-License-Identifier: MIT
// A mixture of k Gaussians in d dimensions with identity covariance, paper 1, section 13.
//
//   mu_c ~ sep N(0, I),   y_i = i mod k,   x_i = (mu_{y_i} + N(0, I)) / sqrt(1 + sep^2)
//
// The order of the draws is part of the definition: the means class by class, then (in a fresh generator for stream
// > 0, so that test data share the means) the samples one by one, then the labels that are drawn again.
#include "data/gauss.h"

#include "base/alloc.h"
#include <math.h>

uint64_t tw_splitmix_next(tw_splitmix *g)
{
    uint64_t z = g->state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

double tw_splitmix_uniform(tw_splitmix *g) { return (double)(tw_splitmix_next(g) >> 11) * 0x1p-53; }

double tw_splitmix_normal(tw_splitmix *g)
{
    if (g->has_spare) {
        g->has_spare = false;
        return g->spare;
    }
    double radius = sqrt(-2 * log(1 - tw_splitmix_uniform(g)));
    double angle = 2 * 3.14159265358979323846 * tw_splitmix_uniform(g);
    g->spare = radius * sin(angle);
    g->has_spare = true;
    return radius * cos(angle);
}

// Fisher-Yates from the top; the first floor(random n + 1/2) of the shuffled indices draw a label, in that order.
static tw_status redraw_labels(tw_splitmix *g, const tw_gauss *gauss, int32_t *label)
{
    int64_t *index = NULL;
    tw_status st = tw_alloc(gauss->n, sizeof *index, &index);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < gauss->n; i++) index[i] = i;
    for (int64_t i = gauss->n - 1; i > 0; i--) {
        int64_t j = (int64_t)(tw_splitmix_next(g) % ((uint64_t)i + 1)), swap = index[i];
        index[i] = index[j];
        index[j] = swap;
    }
    int64_t count = (int64_t)floor(gauss->random * (double)gauss->n + 0.5);
    for (int64_t i = 0; i < count; i++) label[index[i]] = (int32_t)(tw_splitmix_next(g) % (uint64_t)gauss->classes);
    free(index);
    return TW_OK;
}

tw_status tw_gauss_make(const tw_gauss *gauss, tw_raw *out)
{
    tw_status st = TW_OK;
    int64_t k = gauss->classes, d = gauss->dim, n = gauss->n;
    tw_splitmix g = {.state = gauss->seed};
    double *mean = NULL, scale = sqrt(1 + gauss->separation * gauss->separation);
    tw_raw made = {.m = n, .features = d, .channels = d, .height = 1, .width = 1, .kind = TW_RAW_F64, .classes = k};

    TW_TRY(tw_alloc(k, (size_t)d * sizeof *mean, &mean));
    TW_TRY(tw_alloc(n, (size_t)d * sizeof(double), &made.x));
    TW_TRY(tw_alloc(n, sizeof *made.label, &made.label));
    for (int64_t i = 0; i < k * d; i++) mean[i] = gauss->separation * tw_splitmix_normal(&g);
    if (gauss->stream > 0) g = (tw_splitmix){.state = gauss->seed + 1000003 * (uint64_t)gauss->stream};
    double *x = made.x;
    for (int64_t i = 0; i < n; i++) {
        made.label[i] = (int32_t)(i % k);
        for (int64_t j = 0; j < d; j++) x[i * d + j] = (mean[i % k * d + j] + tw_splitmix_normal(&g)) / scale;
    }
    if (gauss->random > 0) TW_TRY(redraw_labels(&g, gauss, made.label));
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    free(mean);
    return st;
}

tw_status tw_gauss_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    (void)wanted; // everything is read through; what is not wanted is dropped later
    tw_status st = TW_OK;
    tw_gauss gauss = {.classes = 10, .dim = 50, .n = 100, .separation = 2, .seed = 11};
    int64_t seed = 11, test = 2000;

    TW_TRY(tw_spec_check(spec, 0, 0, "classes dim n sep seed random stream test"));
    TW_TRY(tw_spec_int(spec, "classes", 1, 1 << 20, &gauss.classes));
    TW_TRY(tw_spec_int(spec, "dim", 1, 1 << 24, &gauss.dim));
    TW_TRY(tw_spec_int(spec, "n", 1, INT32_MAX, &gauss.n));
    TW_TRY(tw_spec_real(spec, "sep", 0, 1e6, &gauss.separation));
    TW_TRY(tw_spec_int(spec, "seed", 0, INT64_MAX, &seed));
    TW_TRY(tw_spec_real(spec, "random", 0, 1, &gauss.random));
    TW_TRY(tw_spec_int(spec, "stream", 0, INT32_MAX, &gauss.stream));
    TW_TRY(tw_spec_int(spec, "test", 1, INT32_MAX, &test));
    gauss.seed = (uint64_t)seed;
    if (part == TW_PART_TEST) { // the same means, the next stream, labels as they are
        gauss.n = test;
        gauss.stream++;
        gauss.random = 0;
    }
    TW_TRY(tw_gauss_make(&gauss, out));
done:
    return st;
}
