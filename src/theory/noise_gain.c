// SPDX-License-Identifier: MIT
// Stability of second moments: the gain, the largest step, and the decay factor per step.
//
// L(X)_ij = d_ij X_ij and N are self-adjoint and N keeps the positive cone, so every question here is the largest
// eigenvalue of a symmetric operator s . N(s . X) with its eigenvector in the cone:
//
//   gain      s_ij = d_ij^-1/2: spectral radius of L^-1 N; stable iff < 1.
//   t_max     Lambda -> t Lambda makes L - N linear in t after division by t, so 1/t_max is the largest theta of
//             [q h_i h_j - p (h_i^2 + h_j^2)] X + N(X) = theta (1-mu)(h_i + h_j) X.
//   rho       (w, m) decays by z per step iff N resolved at z has radius 1. Without noise w_i answers an impulse by
//             phi_i(k), roots a_i, b_i of z^2 - (1+mu-h_i) z + mu, and sum_k z^-k-1 phi_i(k) phi_j(k) =
//             z (z^2 - mu^2) / [(z-a_i a_j)(z-a_i b_j)(z-b_i a_j)(z-b_i b_j)] =: s_ij(z)^2, positive beyond the
//             noiseless radius. So rho is the root of gain(z) = 1, and gain(1) is the gain above.
//
// The eigenvalue is found by locally optimal conjugate gradients (Knyazev, SIAM J. Sci. Comput. 23 (2001) 517), three
// vectors at a time, no preconditioner: s is one already.
#include "theory/noise.h"

#include "linalg/dense.h"
#include <complex.h>
#include <math.h>
#include <string.h>

enum { STEPS = 600, PATIENCE = 25 };

typedef struct ray {
    double *x, *tx;
} ray;

typedef struct search {
    const tw_noise_operator *op;
    const double *s, *diag;
    int64_t n;
    double *work;
} search;

static tw_status apply(const search *q, const double *x, double *y)
{
    for (int64_t i = 0; i < q->n; i++) q->work[i] = q->s[i] * x[i];
    tw_status st = tw_noise_apply(q->op, q->work, y);
    for (int64_t i = 0; i < q->n; i++) y[i] = q->s[i] * (y[i] + (q->diag ? q->diag[i] * q->work[i] : 0));
    return st;
}

static void axpy(int64_t n, double a, const double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void add_ray(int64_t n, double a, const ray *from, ray *to)
{
    axpy(n, a, from->x, to->x);
    axpy(n, a, from->tx, to->tx);
}

static void scale_ray(int64_t n, double a, ray *v)
{
    for (int64_t i = 0; i < n; i++) {
        v->x[i] *= a;
        v->tx[i] *= a;
    }
}

// Gram-Schmidt, twice; false when nothing is left.
static bool orthonormal(int64_t n, int count, ray *basis, ray *v)
{
    double before = sqrt(tw_noise_dot(n, v->x, v->x));
    if (!(before > 1e-280)) return false;
    scale_ray(n, 1 / before, v);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) add_ray(n, -tw_noise_dot(n, basis[i].x, v->x), &basis[i], v);
    double left = sqrt(tw_noise_dot(n, v->x, v->x));
    if (!(left > 1e-9)) return false;
    scale_ray(n, 1 / left, v);
    return true;
}

tw_status tw_noise_top(const tw_noise_operator *op, const double *s, const double *diag, double *start, double *value)
{
    tw_status st = TW_OK;
    int64_t n = op->r * op->r;
    double *block = NULL, best = INFINITY;
    int waited = 0;
    bool has_p = false;

    TW_TRY(tw_alloc(7 * n, sizeof *block, &block));
    ray v[3];
    for (int i = 0; i < 3; i++) v[i] = (ray){block + 2 * i * n, block + (2 * i + 1) * n};
    search q = {op, s, diag, n, block + 6 * n};
    memcpy(v[0].x, start, (size_t)n * sizeof *start);
    double length = sqrt(tw_noise_dot(n, start, start)), theta = 0;
    for (int64_t i = 0; i < n; i++) v[0].x[i] /= length;
    TW_TRY(apply(&q, v[0].x, v[0].tx));
    for (int step = 0; step < STEPS; step++) {
        theta = tw_noise_dot(n, v[0].x, v[0].tx);
        for (int64_t i = 0; i < n; i++) v[1].x[i] = v[0].tx[i] - theta * v[0].x[i];
        double residual = sqrt(tw_noise_dot(n, v[1].x, v[1].x));
        // The value is off by residual^2 / gap at most.
        if (residual <= 1e-11 * fabs(theta) || residual == 0) break;
        waited = residual < 0.7 * best ? 0 : waited + 1;
        if (residual < best) best = residual;
        if (waited > PATIENCE && best <= 1e-8 * fabs(theta)) break;

        ray basis[3] = {v[0]};
        int count = 1;
        for (int64_t i = 0; i < n; i++) v[1].x[i] /= residual;
        double overlap = tw_noise_dot(n, v[0].x, v[1].x);
        axpy(n, -overlap, v[0].x, v[1].x);
        TW_TRY(apply(&q, v[1].x, v[1].tx));
        if (orthonormal(n, 1, basis, &v[1])) basis[count++] = v[1];
        if (has_p && orthonormal(n, count, basis, &v[2])) basis[count++] = v[2];
        if (count == 1) break;
        double small[9], w[3], u[9];
        for (int i = 0; i < count; i++)
            for (int j = 0; j < count; j++) small[i * count + j] = tw_noise_dot(n, basis[i].x, basis[j].tx);
        for (int i = 0; i < count; i++)
            for (int j = 0; j < i; j++) small[i * count + j] = small[j * count + i];
        TW_TRY(tw_noise_eig(count, small, w, u));
        double c[3] = {0};
        for (int i = 0; i < count; i++) c[i] = u[i * count + count - 1];
        // New direction p = c1 r + c2 p, kept in v[2]; new x = c0 x + p.
        if (count == 3) {
            scale_ray(n, c[2], &v[2]);
            add_ray(n, c[1], &v[1], &v[2]);
        } else {
            memcpy(v[2].x, basis[1].x, (size_t)n * sizeof(double));
            memcpy(v[2].tx, basis[1].tx, (size_t)n * sizeof(double));
            scale_ray(n, c[1], &v[2]);
        }
        has_p = true;
        scale_ray(n, c[0], &v[0]);
        add_ray(n, 1, &v[2], &v[0]);
        double norm = sqrt(tw_noise_dot(n, v[0].x, v[0].x));
        scale_ray(n, 1 / norm, &v[0]);
        if (step % 16 == 15) TW_TRY(apply(&q, v[0].x, v[0].tx)); // sheds the rounding of the sums
    }
    memcpy(start, v[0].x, (size_t)n * sizeof *start);
    *value = theta;
done:
    free(block);
    return st;
}

double tw_noise_lyapunov_factor(double mu, double hi, double hj)
{
    double span = (1 - mu) * (1 + mu);
    return (1 - mu) * (hi + hj) - ((1 + mu * mu) * hi * hj - mu * (hi * hi + hj * hj)) / span;
}

// A start inside the cone that no eigenvector in the cone is orthogonal to.
static void start_inside(int64_t r, double *x)
{
    memset(x, 0, (size_t)(r * r) * sizeof *x);
    for (int64_t i = 0; i < r; i++) x[i * r + i] = 1;
}

tw_status tw_noise_gain(const tw_noise_operator *op, const tw_noise_frame *f, double *gain)
{
    tw_status st = TW_OK;
    int64_t r = f->r;
    double *s = NULL, *x = NULL;
    *gain = 0;
    if (r == 0 || op->scale == 0) return TW_OK;
    TW_TRY(tw_alloc(r * r, sizeof *s, &s));
    TW_TRY(tw_alloc(r * r, sizeof *x, &x));
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++) s[i * r + j] = 1 / sqrt(tw_noise_lyapunov_factor(f->mu, f->h[i], f->h[j]));
    start_inside(r, x);
    TW_TRY(tw_noise_top(op, s, NULL, x, gain));
done:
    free(s);
    free(x);
    return st;
}

tw_status tw_noise_limit(const tw_noise_operator *op, const tw_noise_frame *f, double *t_max)
{
    tw_status st = TW_OK;
    int64_t r = f->r;
    double *s = NULL, *x = NULL, *diag = NULL, theta;
    double span = (1 - f->mu) * (1 + f->mu), q = (1 + f->mu * f->mu) / span, p = f->mu / span;
    TW_TRY(tw_alloc(r * r, sizeof *s, &s));
    TW_TRY(tw_alloc(r * r, sizeof *x, &x));
    TW_TRY(tw_alloc(r * r, sizeof *diag, &diag));
    for (int64_t i = 0; i < r; i++)
        for (int64_t j = 0; j < r; j++) {
            double a = f->h[i], b = f->h[j];
            s[i * r + j] = 1 / sqrt((1 - f->mu) * (a + b));
            diag[i * r + j] = q * a * b - p * (a * a + b * b);
        }
    start_inside(r, x);
    TW_TRY(tw_noise_top(op, s, diag, x, &theta));
    *t_max = 1 / theta;
done:
    free(s);
    free(x);
    free(diag);
    return st;
}

static void step_roots(double mu, double h, double complex out[2])
{
    double a = 1 + mu - h;
    double complex root = csqrt(a * a - 4 * mu);
    out[0] = (a + (a >= 0 ? root : -root)) / 2; // the larger one, without cancellation
    out[1] = out[0] == 0 ? 0 : mu / out[0];
}

static tw_status gain_at(const tw_noise_operator *op, const tw_noise_frame *f, double z, double *s, double *x,
                         double *gain)
{
    int64_t r = f->r;
    for (int64_t i = 0; i < r; i++) {
        double complex a[2], b[2];
        step_roots(f->mu, f->h[i], a);
        for (int64_t j = 0; j <= i; j++) {
            step_roots(f->mu, f->h[j], b);
            double den = creal((z - a[0] * b[0]) * (z - a[1] * b[1]) * ((z - a[0] * b[1]) * (z - a[1] * b[0])));
            s[i * r + j] = s[j * r + i] = sqrt(z * (z - f->mu) * (z + f->mu) / fmax(den, 1e-300));
        }
    }
    start_inside(r, x);
    return tw_noise_top(op, s, NULL, x, gain);
}

tw_status tw_noise_radius(const tw_noise_operator *op, const tw_noise_frame *f, double gain, double *rho)
{
    tw_status st = TW_OK;
    int64_t r = f->r;
    double *s = NULL, *x = NULL, low = 0, g;
    for (int64_t i = 0; i < r; i++) {
        double complex a[2];
        step_roots(f->mu, f->h[i], a);
        low = fmax(low, cabs(a[0]) * cabs(a[0]));
    }
    *rho = low;
    if (r == 0 || gain <= 0) return TW_OK;
    TW_TRY(tw_alloc(r * r, sizeof *s, &s));
    TW_TRY(tw_alloc(r * r, sizeof *x, &x));
    // 1/gain(z) - 1 rises from -1 at the noiseless radius (a pole of gain) almost linearly: Illinois false position.
    double high = 1, f_low = -1, f_high = 1 / gain - 1;
    while (f_high < 0) {
        low = high;
        f_low = f_high;
        high *= 2;
        TW_TRY(gain_at(op, f, high, s, x, &g));
        f_high = 1 / g - 1;
    }
    int side = 0;
    for (int step = 0; step < 60 && high - low > 1e-13 * high; step++) {
        double z = (f_high * low - f_low * high) / (f_high - f_low);
        if (!(z > low && z < high)) z = low + (high - low) / 2;
        if (!(z > low && z < high)) break;
        TW_TRY(gain_at(op, f, z, s, x, &g));
        double at = 1 / g - 1;
        if (fabs(at) < 1e-13) {
            low = high = z;
            break;
        }
        if (at > 0) {
            high = z;
            f_high = at;
            if (side == 1) f_low /= 2;
            side = 1;
        } else {
            low = z;
            f_low = at;
            if (side == -1) f_high /= 2;
            side = -1;
        }
        if (high - low < 1e-11 * high) break;
    }
    *rho = high;
done:
    free(s);
    free(x);
    return st;
}
