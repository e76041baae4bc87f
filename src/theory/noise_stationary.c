// SPDX-License-Identifier: MIT
// The stationary covariance: (L - N) X = C0 by conjugate gradients preconditioned with 1/d_ij.
//
// When the gain is below 1, L - N is positive definite for the Frobenius product (docs/noise.md), so CG converges,
// usually in 3 to 12 products; near the limit in more. A direction with p.(L - N)p <= 0 proves instability.
#include "theory/noise.h"

#include <math.h>
#include <string.h>

enum { STEPS = 2000, PATIENCE = 30, ROUNDS = 3 };

typedef struct space {
    const tw_noise_operator *op;
    int64_t n;
    double *d, *r, *z, *p, *ap;
} space;

static tw_status residual_of(const space *q, const double *X)
{
    tw_status st = tw_noise_apply(q->op, X, q->ap);
    for (int64_t i = 0; i < q->n; i++) q->r[i] = q->op->C0[i] - (q->d[i] * X[i] - q->ap[i]);
    return st;
}

// From X, with a fresh residual, until it is tol |C0| or no longer shrinks.
static tw_status iterate(const space *q, double tol, double *X, double *left, bool *positive)
{
    tw_status st = TW_OK;
    int64_t n = q->n;
    double size = sqrt(tw_noise_dot(n, q->op->C0, q->op->C0)), best = INFINITY, rz = 0;
    int waited = 0;
    TW_TRY(residual_of(q, X));
    memset(q->p, 0, (size_t)n * sizeof *q->p);
    for (int step = 0; step < STEPS; step++) {
        double now = sqrt(tw_noise_dot(n, q->r, q->r));
        waited = now < 0.9 * best ? 0 : waited + 1;
        if (now < best) best = now;
        *left = best / size;
        if (now <= tol * size || waited > PATIENCE) break;
        for (int64_t i = 0; i < n; i++) q->z[i] = q->r[i] / q->d[i];
        double next = tw_noise_dot(n, q->r, q->z), beta = step ? next / rz : 0;
        rz = next;
        for (int64_t i = 0; i < n; i++) q->p[i] = q->z[i] + beta * q->p[i];
        TW_TRY(tw_noise_apply(q->op, q->p, q->ap));
        for (int64_t i = 0; i < n; i++) q->ap[i] = q->d[i] * q->p[i] - q->ap[i];
        double curvature = tw_noise_dot(n, q->p, q->ap);
        if (!(curvature > 0)) {
            *positive = false;
            break;
        }
        double alpha = rz / curvature;
        for (int64_t i = 0; i < n; i++) {
            X[i] += alpha * q->p[i];
            q->r[i] -= alpha * q->ap[i];
        }
    }
done:
    return st;
}

tw_status tw_noise_stationary(const tw_noise_operator *op, const tw_noise_frame *f, double tol, double *X,
                              bool *positive)
{
    tw_status st = TW_OK;
    int64_t r = f->r, n = r * r;
    double *block = NULL, left = 1;

    *positive = true;
    memset(X, 0, (size_t)n * sizeof *X);
    if (tw_noise_dot(n, op->C0, op->C0) == 0) return TW_OK;
    TW_TRY(tw_alloc(5 * n, sizeof *block, &block));
    space q = {op, n, block, block + n, block + 2 * n, block + 3 * n, block + 4 * n};
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++) q.d[i * r + j] = tw_noise_lyapunov_factor(f->mu, f->h[i], f->h[j]);
    for (int round = 0; round < ROUNDS && left > tol && *positive; round++) // the residual made afresh: refinement
        TW_TRY(iterate(&q, tol, X, &left, positive));
    if (left < 1e-10) *positive = true; // lost to rounding after convergence, not to curvature
    tw_noise_symmetrise(r, X);
done:
    free(block);
    return st;
}
