// SPDX-License-Identifier: MIT
// The frame in which the learning rate is 1, and the subspace on which SGD moves.
//
// With R = Lambda^1/2 and w = R w~ the algorithm in w~ has learning rate exactly 1 and Hessian K~ = R K R, so a matrix
// Lambda that commutes with nothing costs no more than a number. Gradients live in range(A~) + range(Gamma~); outside
// it w never moves. Q is an orthonormal basis of that sum; K~ is diagonalised inside: Q^T K~ Q = P diag(h) P^T, V = Q
// P. Source: docs/noise.md, "The scaled frame".
#include "theory/noise.h"

#include "linalg/dense.h"
#include <math.h>
#include <string.h>

static tw_status roots(int64_t D, const double *Lambda, tw_noise_frame *f)
{
    tw_status st = TW_OK;
    double *w = NULL, *v = NULL;
    TW_TRY(tw_noise_check_symmetric("Lambda", D, Lambda));
    TW_TRY(tw_alloc(D, sizeof *w, &w));
    TW_TRY(tw_alloc(D * D, sizeof *v, &v));
    TW_TRY(tw_noise_eig(D, Lambda, w, v));
    if (!(w[0] > 1e-14 * w[D - 1])) {
        st = tw_fail(TW_EINVAL, "Lambda: found smallest eigenvalue %g, expected a positive definite matrix", w[0]);
        goto done;
    }
    for (int64_t i = 0; i < D; i++) w[i] = sqrt(w[i]);
    TW_TRY(tw_noise_compose(D, D, v, w, f->root));
    for (int64_t i = 0; i < D; i++) w[i] = 1 / w[i];
    TW_TRY(tw_noise_compose(D, D, v, w, f->inverse_root));
done:
    free(w);
    free(v);
    return st;
}

static void identity(int64_t n, double *a)
{
    memset(a, 0, (size_t)(n * n) * sizeof *a);
    for (int64_t i = 0; i < n; i++) a[i * n + i] = 1;
}

// Left singular vectors of [A~ Gamma~] above tol x the largest, into the first *r columns' worth of q[D][*r].
static tw_status joint_range(int64_t D, const double *A, const double *G, double tol, double *q, int64_t *r)
{
    tw_status st = TW_OK;
    double *both = NULL, *u = NULL, *s = NULL, *vt = NULL;
    TW_TRY(tw_alloc(2 * D * D, sizeof *both, &both));
    TW_TRY(tw_alloc(D * D, sizeof *u, &u));
    TW_TRY(tw_alloc(D, sizeof *s, &s));
    TW_TRY(tw_alloc(2 * D * D, sizeof *vt, &vt));
    for (int64_t i = 0; i < D; i++) {
        memcpy(both + i * 2 * D, A + i * D, (size_t)D * sizeof *both);
        memcpy(both + i * 2 * D + D, G + i * D, (size_t)D * sizeof *both);
    }
    TW_TRY(tw_svd(D, 2 * D, both, s, u, vt));
    int64_t rank = 0;
    while (rank < D && s[rank] > tol * s[0]) rank++;
    for (int64_t i = 0; i < D; i++)
        for (int64_t j = 0; j < rank; j++) q[i * rank + j] = u[i * D + j];
    *r = rank;
done:
    free(both);
    free(u);
    free(s);
    free(vt);
    return st;
}

static tw_status not_positive(const char *what, double smallest)
{
    return tw_fail(TW_EINVAL, "%s: found smallest eigenvalue %g, expected a positive semidefinite matrix", what,
                   smallest);
}

tw_status tw_noise_frame_make(int64_t D, double mu, const double *Ao, const double *Gamma, bool gamma_zero,
                              const double *Lambda, double rank_tol, tw_noise_frame *out)
{
    tw_status st = TW_OK;
    tw_noise_frame f = {.D = D, .mu = mu};
    double *A = NULL, *G = NULL, *w = NULL, *v = NULL, *q = NULL, *small = NULL, *p = NULL;
    int64_t r = 0;

    TW_TRY(tw_alloc(D * D, sizeof(double), &f.root));
    TW_TRY(tw_alloc(D * D, sizeof(double), &f.inverse_root));
    TW_TRY(tw_alloc(D * D, sizeof(double), &f.V));
    TW_TRY(tw_alloc(D * D, sizeof(double), &f.RV));
    TW_TRY(tw_alloc(D, sizeof(double), &f.h));
    TW_TRY(tw_alloc(D * D, sizeof *A, &A));
    TW_TRY(tw_alloc(D * D, sizeof *G, &G));
    TW_TRY(tw_alloc(D, sizeof *w, &w));
    TW_TRY(tw_alloc(D * D, sizeof *v, &v));
    TW_TRY(roots(D, Lambda, &f));
    TW_TRY(tw_noise_congruence(false, D, D, f.root, Ao, A));
    TW_TRY(tw_noise_eig(D, A, w, v));
    double top = fmax(fabs(w[0]), fabs(w[D - 1]));
    if (w[0] < -1e-10 * top) {
        st = not_positive("A", w[0]);
        goto done;
    }
    if (gamma_zero) { // K~ = A~: its own eigenvectors, largest kept
        while (r < D && w[D - 1 - r] > rank_tol * top) r++;
        for (int64_t j = 0; j < r; j++) {
            f.h[j] = w[D - r + j];
            for (int64_t i = 0; i < D; i++) f.V[i * r + j] = v[i * D + D - r + j];
        }
    } else {
        double *smaller = w;
        TW_TRY(tw_noise_congruence(false, D, D, f.root, Gamma, G));
        double bound = top; // of the largest singular value of [A~ Gamma~]: |A~| + |Gamma~|_F
        bound += sqrt(tw_noise_dot(D * D, G, G));
        TW_TRY(tw_alloc(D * D, sizeof *q, &q));
        if (smaller[0] > rank_tol * bound) { // A~ alone fills the space
            r = D;
            identity(D, q);
        } else {
            TW_TRY(joint_range(D, A, G, rank_tol, q, &r));
        }
        for (int64_t i = 0; i < D * D; i++) A[i] += G[i];
        TW_TRY(tw_alloc(r * r, sizeof *small, &small));
        TW_TRY(tw_alloc(r * r, sizeof *p, &p));
        TW_TRY(tw_noise_congruence(true, D, r, q, A, small));
        TW_TRY(tw_noise_eig(r, small, f.h, p));
        TW_TRY(tw_noise_mul(false, false, D, r, r, q, p, f.V));
    }
    f.r = r;
    TW_TRY(tw_noise_mul(false, false, D, r, D, f.root, f.V, f.RV));
    *out = f;
    f = (tw_noise_frame){0};
done:
    tw_noise_frame_drop(&f);
    free(A);
    free(G);
    free(w);
    free(v);
    free(q);
    free(small);
    free(p);
    return st;
}

void tw_noise_frame_drop(tw_noise_frame *f)
{
    free(f->root);
    free(f->inverse_root);
    free(f->V);
    free(f->RV);
    free(f->h);
    *f = (tw_noise_frame){0};
}

tw_noise_status tw_noise_frame_status(const tw_noise_frame *f)
{
    if (f->r == 0) return TW_NOISE_STABLE;
    double low = f->h[0], high = f->h[f->r - 1];
    if (low <= 1e-12 * fmax(fabs(low), fabs(high))) return TW_NOISE_NOT_A_MINIMUM;
    if (high >= 2 * (1 + f->mu)) return TW_NOISE_GD_UNSTABLE;
    return TW_NOISE_STABLE;
}
