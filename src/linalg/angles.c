// SPDX-License-Identifier: MIT
// Principal angles between subspaces.
//
// X, Y orthonormal bases, Y the smaller. cos of the angles: singular values of X Y'. Where cos is near 1 it says
// nothing about the angle, so small angles come from sin: singular values of Z = Y - (Y X') X (Bjorck & Golub 1973). Z
// is long, so Z is turned by the eigenvectors of Z Z', after which its rows are orthogonal to rounding and their
// lengths are the sines with an absolute error of a few eps.
#include "linalg/span.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

tw_status tw_span(tw_panel *panel, int64_t k, const double *x, const char *what, double *q)
{
    tw_status st = TW_OK;
    double *floor = NULL, max = 0;
    int64_t rank = 0, n = panel->n;

    if (k < 1 || k > n)
        return tw_fail(TW_EINVAL, "%s: found %" PRId64 " vectors of %" PRId64 " numbers, expected 1 to %" PRId64, what,
                       k, n, n);
    TW_TRY(tw_alloc(k, sizeof *floor, &floor));
    for (int64_t j = 0; j < k; j++) {
        TW_TRY(tw_panel_max(panel, 1, x + j * n, what, &max));
        for (int64_t i = 0; i < n; i++) q[j * n + i] = max > 0 ? x[j * n + i] / max : 0;
    }
    TW_TRY(tw_panel_orthonormal(panel, 0, NULL, k, q, floor, &rank));
    if (rank < k)
        st = tw_fail(TW_EINVAL, "%s: found only %" PRId64 " linearly independent vectors, expected %" PRId64, what,
                     rank, k);
done:
    free(floor);
    return st;
}

void tw_angles_free(tw_angles *angles)
{
    if (!angles) return;
    free(angles->angle);
    free(angles);
}

// sine [l], descending, of z [l][n], which is overwritten.
static tw_status lengths(tw_panel *panel, int64_t l, double *z, double *sine)
{
    tw_status st = TW_OK;
    double *gram = NULL, *vector = NULL, *turn = NULL;
    TW_TRY(tw_alloc(l * l, sizeof *gram, &gram));
    TW_TRY(tw_alloc(l * l, sizeof *vector, &vector));
    TW_TRY(tw_alloc(l * l, sizeof *turn, &turn));
    TW_TRY(tw_panel_dot(panel, l, z, l, z, gram));
    TW_TRY(tw_sym_eig(l, gram, sine, vector));
    for (int64_t i = 0; i < l; i++)
        for (int64_t j = 0; j < l; j++) turn[i * l + j] = vector[j * l + i];
    TW_TRY(tw_panel_combine(panel, l, z, l, turn, z));
    TW_TRY(tw_panel_dot(panel, l, z, l, z, gram));
    for (int64_t i = 0; i < l; i++) { // sort: sines near rounding may come out of order
        double s = sqrt(gram[i * l + i]);
        int64_t j = i;
        for (; j > 0 && sine[j - 1] > s; j--) sine[j] = sine[j - 1];
        sine[j] = s;
    }
done:
    free(gram);
    free(vector);
    free(turn);
    return st;
}

tw_status tw_angles_new(int64_t n, int64_t k, const double *x, int64_t l, const double *y, tw_angles **out)
{
    if (l > k) return tw_angles_new(n, l, y, k, x, out);
    tw_status st = TW_OK;
    tw_panel *panel = NULL;
    tw_angles *angles = NULL;
    double *qx = NULL, *qy = NULL, *c = NULL, *cosine = NULL, *sine = NULL;

    if (n < 1 || l < 1 || k > n) {
        st = tw_fail(TW_EINVAL,
                     "angles: found %" PRId64 " and %" PRId64 " vectors of %" PRId64 " numbers, expected 1 to n", k, l,
                     n);
        goto done;
    }
    TW_TRY(tw_panel_new(n, k, &panel));
    TW_TRY(tw_alloc(1, sizeof *angles, &angles));
    TW_TRY(tw_alloc(l, sizeof(double), &angles->angle));
    TW_TRY(tw_alloc(k, (size_t)n * sizeof(double), &qx));
    TW_TRY(tw_alloc(l, (size_t)n * sizeof(double), &qy));
    TW_TRY(tw_alloc(k * l, sizeof(double), &c));
    TW_TRY(tw_alloc(l, sizeof(double), &cosine));
    TW_TRY(tw_alloc(l, sizeof(double), &sine));
    TW_TRY(tw_span(panel, k, x, "angles: vectors of the larger space", qx));
    TW_TRY(tw_span(panel, l, y, "angles: vectors of the smaller space", qy));
    TW_TRY(tw_panel_dot(panel, k, qx, l, qy, c));
    TW_TRY(tw_svd(k, l, c, cosine, NULL, NULL));
    TW_TRY(tw_panel_subtract(panel, k, qx, l, qy, c, 0, NULL, NULL));
    TW_TRY(lengths(panel, l, qy, sine));
    angles->count = l;
    for (int64_t i = 0; i < l; i++) {
        bool small = sine[i] * sine[i] < 0.5;
        angles->angle[i] = small ? asin(sine[i]) : acos(fmin(cosine[i], 1));
        angles->overlap += (small ? 1 - sine[i] * sine[i] : cosine[i] * cosine[i]) / (double)l;
    }
    angles->distance = k == l ? fmin(sine[l - 1], 1) : 1;
    *out = angles;
    angles = NULL;
done:
    tw_angles_free(angles);
    tw_panel_free(panel);
    free(qx);
    free(qy);
    free(c);
    free(cosine);
    free(sine);
    return st;
}

double tw_angle_bound(double residual, double gap) { return residual < gap ? asin(residual / gap) : asin(1); }
