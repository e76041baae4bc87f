// SPDX-License-Identifier: MIT
// Where a polynomial's slope vanishes: eigenvalues of the companion matrix of L', polished by Newton's method.
#include "theory/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static int by_place(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

tw_status tw_escape_critical_points(int64_t terms, const double *coef, int64_t *count, tw_escape_point *out)
{
    tw_status st = TW_OK;
    double *a = NULL, *re = NULL, *im = NULL;
    tw_escape_landscape l = {.shape = TW_ESCAPE_POLY, .terms = terms, .coef = coef};

    for (int64_t i = 0; i < terms; i++)
        if (!isfinite(coef[i]))
            return tw_fail(TW_EINVAL, "coef[%" PRId64 "]: found %g, expected a finite number", i, coef[i]);
    while (l.terms > 0 && coef[l.terms - 1] == 0) l.terms--;
    if (l.terms > 200) return tw_fail(TW_EINVAL, "coef: found degree %" PRId64 ", expected at most 199", l.terms - 1);
    int64_t n = l.terms - 2, real = 0; // degree of L'
    if (n < 1) {
        *count = 0;
        return TW_OK;
    }
    TW_TRY(tw_alloc(n * n, sizeof *a, &a));
    TW_TRY(tw_alloc(n, sizeof *re, &re));
    TW_TRY(tw_alloc(n, sizeof *im, &im));
    for (int64_t i = 0; i < n; i++) {
        a[i * n + n - 1] = -(double)(i + 1) * coef[i + 1] / ((double)(n + 1) * coef[n + 1]);
        if (i > 0) a[i * n + i - 1] = 1;
    }
    TW_TRY(tw_eigenvalues(n, a, re, im));
    for (int64_t i = 0; i < n; i++) {
        if (fabs(im[i]) > 1e-6 * fmax(fabs(re[i]), 1e-3)) continue;
        double x = re[i];
        for (int step = 0; step < 50; step++) {
            double slope = tw_escape_value(&l, 2, x), change = slope != 0 ? tw_escape_value(&l, 1, x) / slope : 0;
            if (!isfinite(change) || fabs(change) > 1e-3 * fmax(fabs(x), 1e-3)) break;
            x -= change;
            if (fabs(change) <= DBL_EPSILON * fabs(x)) break;
        }
        re[real++] = x;
    }
    qsort(re, (size_t)real, sizeof *re, by_place);
    *count = 0;
    for (int64_t i = 0; i < real; i++) {
        if (*count > 0 && fabs(re[i] - out[*count - 1].x) <= 1e-9 * fmax(fabs(re[i]), 1e-3)) continue; // a double root
        double size = 0, power = 1, curvature = tw_escape_value(&l, 2, re[i]);
        for (int64_t k = 2; k < l.terms; k++, power *= fabs(re[i]))
            size += (double)(k * (k - 1)) * fabs(coef[k]) * power;
        out[(*count)++] = (tw_escape_point){re[i], tw_escape_value(&l, 0, re[i]), curvature,
                                            fabs(curvature) <= 1e-6 * size ? "inflection"
                                            : curvature > 0                ? "min"
                                                                           : "max"};
    }
done:
    free(a);
    free(re);
    free(im);
    return st;
}
