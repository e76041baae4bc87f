// SPDX-License-Identifier: MIT
// Linear regression with label and input noise: the data of paper 3, sections 1, 5 and 6.
//
//   x = A^(1/2) z,  E z = 0,  E z z^T = I,    y = u^T x + eps,  Var eps = sigma2,    observed: x + xi,  xi ~ N(0, B)
//
// A = diag(a), B = b I. The law of z: gaussian; uniform, each number on [-sqrt 3, sqrt 3]; sphere, uniform on the
// sphere of radius sqrt D (fourth moments c1 = 2 D / (D + 2), c2 = D / (D + 2) in the paper's E[x x^T M x x^T] =
// c1 A M A + c2 Tr[A M] A; the gaussian has c1 = 2, c2 = 1). The test part has neither noise: paper 3 tests on clean
// samples. Sample i of either part is a function of (seed, i) alone, so a longer set begins with the shorter one.
#include "data/raw.h"

#include "base/alloc.h"
#include "base/rng.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { GAUSSIAN, UNIFORM, SPHERE };

typedef struct law {
    int64_t dim, n, first; // first: index of the first sample
    int shape;
    double *root; // [dim] square roots of the eigenvalues of A
    double *u;    // [dim]
    double label_noise, input_noise;
    uint64_t seed;
} law;

// "[1,2,0.5]" or one number for all.
static tw_status read_list(const tw_spec *spec, const char *key, double least, int64_t dim, double *out)
{
    const char *text = tw_spec_get(spec, key), *at = text;
    if (!text) return TW_OK;
    bool list = *at == '[';
    int64_t i = 0;
    for (at += list; i < dim; i++) {
        char *end;
        double value = strtod(at, &end);
        if (end == at || !(value >= least && value <= 1e150))
            return tw_fail(TW_EINVAL,
                           "data %s: %s: number %" PRId64 ": found \"%.20s\", expected a number from %g to "
                           "1e150",
                           spec->text, key, i + 1, at, least);
        out[i] = value;
        at = end;
        if (!list || *at != ',') {
            i++;
            break;
        }
        at++;
    }
    if (strcmp(at, list ? "]" : "") != 0 || (list && i != dim))
        return tw_fail(TW_EINVAL,
                       "data %s: %s: found \"%s\", expected one number or a list of dim=%" PRId64 " in brackets",
                       spec->text, key, text, dim);
    for (; i < dim; i++) out[i] = out[0];
    return TW_OK;
}

static tw_status read_law(const tw_spec *spec, law *l, int64_t *test)
{
    tw_status st = TW_OK;
    int64_t seed = 0;
    *l = (law){.dim = 10, .n = 1000};
    TW_TRY(tw_spec_check(spec, 0, 0, "dim n law eig u noise input-noise seed test"));
    TW_TRY(tw_spec_int(spec, "dim", 1, 1 << 24, &l->dim));
    TW_TRY(tw_spec_int(spec, "n", 1, INT32_MAX, &l->n));
    TW_TRY(tw_spec_choice(spec, "law", "gaussian uniform sphere", &l->shape));
    TW_TRY(tw_spec_real(spec, "noise", 0, 1e150, &l->label_noise));
    TW_TRY(tw_spec_real(spec, "input-noise", 0, 1e150, &l->input_noise));
    TW_TRY(tw_spec_int(spec, "seed", 0, INT64_MAX, &seed));
    TW_TRY(tw_spec_int(spec, "test", 1, INT32_MAX, test));
    l->seed = (uint64_t)seed;
    TW_TRY(tw_alloc(l->dim, sizeof *l->root, &l->root));
    TW_TRY(tw_alloc(l->dim, sizeof *l->u, &l->u));
    for (int64_t j = 0; j < l->dim; j++) l->root[j] = l->u[j] = 1;
    TW_TRY(read_list(spec, "eig", 0, l->dim, l->root));
    TW_TRY(read_list(spec, "u", -1e150, l->dim, l->u));
    for (int64_t j = 0; j < l->dim; j++) l->root[j] = sqrt(l->root[j]);
done:
    return st;
}

static void draw(const law *l, tw_rng *rng, double *x)
{
    if (l->shape == UNIFORM) {
        for (int64_t j = 0; j < l->dim; j++) x[j] = sqrt(3) * (2 * tw_rng_uniform(rng) - 1);
        return;
    }
    double square = 0;
    do { // one normal is 0 with probability 2^-53
        tw_rng_normals(rng, l->dim, x);
        for (int64_t j = 0; j < l->dim; j++) square += x[j] * x[j];
    } while (l->shape == SPHERE && square == 0);
    double radius = sqrt((double)l->dim / square);
    for (int64_t j = 0; l->shape == SPHERE && j < l->dim; j++) x[j] *= radius;
}

static void sample(const law *l, int64_t i, double *x, double *y)
{
    tw_rng rng = tw_rng_at(l->seed, TW_RNG_GENERATE, (uint64_t)i);
    draw(l, &rng, x);
    *y = 0;
    for (int64_t j = 0; j < l->dim; j++) {
        x[j] *= l->root[j];
        *y += l->u[j] * x[j];
    }
    *y += sqrt(l->label_noise) * tw_rng_normal(&rng);
    if (l->input_noise > 0)
        for (int64_t j = 0; j < l->dim; j++) x[j] += sqrt(l->input_noise) * tw_rng_normal(&rng);
}

tw_status tw_regression_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    (void)wanted; // everything is read through; what is not wanted is dropped later
    tw_status st = TW_OK;
    law l = {0};
    tw_raw made = {0};
    int64_t test = 1000;

    TW_TRY(read_law(spec, &l, &test));
    if (part == TW_PART_TEST) {
        l.first = l.n;
        l.n = test;
        l.label_noise = l.input_noise = 0;
    }
    made = (tw_raw){
        .m = l.n, .features = l.dim, .channels = l.dim, .height = 1, .width = 1, .kind = TW_RAW_F64, .targets = 1};
    TW_TRY(tw_alloc(l.n, (size_t)l.dim * sizeof(double), &made.x));
    TW_TRY(tw_alloc(l.n, sizeof *made.target, &made.target));
    for (int64_t i = 0; i < l.n; i++) sample(&l, l.first + i, (double *)made.x + i * l.dim, &made.target[i]);
    TW_TRY(tw_raw_check_finite(spec->text, &made));
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    free(l.root);
    free(l.u);
    return st;
}
