// SPDX-License-Identifier: MIT
// A block made orthonormal, and orthogonal to a basis.
//
// Against the basis: two passes of block Gram-Schmidt ("twice is enough", Giraud, Langou & Rozloznik, Comput. Math.
// Appl. 50 (2005) 1069). Within the block: with the Gram matrix G = W W' scaled to unit diagonal, D G D = U L U',
// the rows of L^-1/2 U' D W are orthonormal (Stathopoulos & Wu, SIAM J. Sci. Comput. 23 (2002) 2165). A Gram matrix
// knows directions only down to the square root of eps, so smaller L are raised to that bound and the direction is
// measured again in the next round, where its length tells rounding from a true component of size 1e-7 to 1e-14.
// (Dropping it at once loses residuals of 1e-8 |A| for good.) A round amplifies rounding by the square root of the
// condition number of D G D, so rounds go on until a round changes little.
#include "linalg/panel.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <float.h>
#include <math.h>

typedef struct work {
    double *c, *gram, *scaled, *value, *vector, *turn, *size;
} work;

// From gram [k][k] to turn [k][rank] with orthonormal rows of turn' W. *condition: largest over smallest kept value.
static tw_status whiten(work *w, int64_t k, const double *floor, int64_t *rank, double *condition)
{
    tw_status st = TW_OK;
    int64_t live = 0; // rows that are more than rounding
    for (int64_t i = 0; i < k; i++) {
        double norm = sqrt(fmax(w->gram[i * k + i], 0));
        w->size[i] = norm > floor[i] ? 1 / norm : 0;
        live += w->size[i] > 0;
    }
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++) w->scaled[i * k + j] = w->gram[i * k + j] * w->size[i] * w->size[j];
    TW_TRY(tw_sym_eig(k, w->scaled, w->value, w->vector));
    double least = 16 * (double)k * DBL_EPSILON * w->value[k - 1]; // below it the Gram matrix knows nothing
    for (int64_t j = 0; j < live; j++)                             // largest first
        for (int64_t i = 0; i < k; i++)
            w->turn[i * live + j] =
                w->vector[(k - 1 - j) * k + i] * w->size[i] / sqrt(fmax(w->value[k - 1 - j], least));
    *rank = live;
    *condition = live > 0 ? w->value[k - 1] / fmax(w->value[k - live], least) : 1;
done:
    return st;
}

tw_status tw_panel_orthonormal(tw_panel *p, int64_t m, const double *v, int64_t k, double *w, const double *floor,
                               int64_t *rank)
{
    tw_status st = TW_OK;
    work s = {0};
    double *low = NULL, condition = 1;
    int64_t r = k;

    if (k == 0) {
        *rank = 0;
        goto done;
    }
    TW_TRY(tw_alloc((m + 1) * k, sizeof(double), &s.c));
    TW_TRY(tw_alloc(k * k, sizeof(double), &s.gram));
    TW_TRY(tw_alloc(k * k, sizeof(double), &s.scaled));
    TW_TRY(tw_alloc(k * k, sizeof(double), &s.vector));
    TW_TRY(tw_alloc(k * k, sizeof(double), &s.turn));
    TW_TRY(tw_alloc(k, sizeof(double), &s.value));
    TW_TRY(tw_alloc(k, sizeof(double), &s.size));
    TW_TRY(tw_alloc(k, sizeof(double), &low));
    for (int64_t i = 0; i < k; i++) low[i] = floor[i];

    for (int round = 0; round < 10 && r > 0; round++) {
        TW_TRY(tw_panel_dot(p, m, v, r, w, s.c));
        double leak = 0; // how far the block was from orthogonal to the basis
        for (int64_t i = 0; i < m * r; i++) leak = fmax(leak, fabs(s.c[i]));
        TW_TRY(tw_panel_subtract(p, m, v, r, w, s.c, r, w, s.gram));
        bool done = round > 0 && leak < 64 * DBL_EPSILON;
        for (int64_t i = 0; done && i < r; i++)
            for (int64_t j = 0; j < r; j++)
                done = done && fabs(s.gram[i * r + j] - (i == j)) < 64 * DBL_EPSILON * (double)r;
        if (done) break;
        int64_t now = r;
        double shortest = INFINITY;
        for (int64_t i = 0; i < now; i++)
            if (sqrt(s.gram[i * now + i]) > low[i]) shortest = fmin(shortest, sqrt(s.gram[i * now + i]));
        TW_TRY(whiten(&s, now, low, &r, &condition));
        TW_TRY(tw_panel_combine(p, now, w, r, s.turn, w));
        for (int64_t i = 0; i < k; i++) low[i] = 1e-3;       // of unit length now: shorter after a pass is rounding
        if (leak < 1e-3 * shortest && condition < 10) break; // the pass removed what was left: errors of 10 eps
    }
    *rank = r;
done:
    free(s.c);
    free(s.gram);
    free(s.scaled);
    free(s.vector);
    free(s.turn);
    free(s.value);
    free(s.size);
    free(low);
    return st;
}
