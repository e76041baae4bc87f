// SPDX-License-Identifier: MIT
// A valley whose width changes along the way: mean escape times in two dimensions, by a spectral solution of A T = -1.
//
//   V = (x^2 - 1)^2 + kappa(x) y^2 / 2,   Dx T_xx + Dy T_yy - V_x T_x - V_y T_y = -1,   T_x = 0 at lo, T = 0 at absorb
//
// Across the valley y is measured in standard deviations of its own stationary law, z = y / sqrt(v(x)) with v = D/kappa
// (white) or c (noise c diag(h_e, kappa)), and T(x, .) is expanded in normalised Hermite polynomials of z: the part
// along z is then diagonal. With q = kappa'/(2 kappa) (white) or 0, d/dx at fixed y is d/dx + q z d/dz. Along x:
// Chebyshev elements, values and slopes joined. The number of polynomials and elements grows until T stands still.
#include "theory/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 12, MOST_EVEN = 16, WIDE = 2 * MOST_EVEN + 8 }; // intervals of an element; even polynomials

typedef double square[WIDE][WIDE];

typedef struct hermite { // on even polynomials: z^2, z d/dz, z^2 d^2/dz^2
    double z2[MOST_EVEN][MOST_EVEN], g[MOST_EVEN][MOST_EVEN], g2[MOST_EVEN][MOST_EVEN];
} hermite;

static void multiply(const square a, const square b, square out)
{
    for (int i = 0; i < WIDE; i++)
        for (int j = 0; j < WIDE; j++) {
            double sum = 0;
            for (int k = 0; k < WIDE; k++) sum += a[i][k] * b[k][j];
            out[i][j] = sum;
        }
}

// z h_n = sqrt(n+1) h_{n+1} + sqrt(n) h_{n-1}, h_n' = sqrt(n) h_{n-1}; columns are what they act on.
static void hermite_init(hermite *h)
{
    static _Thread_local square z, d, zd, zz, dd, zzdd;
    memset(z, 0, sizeof z);
    memset(d, 0, sizeof d);
    for (int n = 1; n < WIDE; n++) {
        z[n][n - 1] = z[n - 1][n] = sqrt(n);
        d[n - 1][n] = sqrt(n);
    }
    multiply(z, d, zd);
    multiply(z, z, zz);
    multiply(d, d, dd);
    multiply(zz, dd, zzdd);
    for (int i = 0; i < MOST_EVEN; i++)
        for (int j = 0; j < MOST_EVEN; j++) {
            h->z2[i][j] = zz[2 * i][2 * j];
            h->g[i][j] = zd[2 * i][2 * j];
            h->g2[i][j] = zzdd[2 * i][2 * j];
        }
}

typedef struct differ { // Chebyshev points on [-1, 1], ascending; first and second derivative
    double t[POINTS + 1], d1[POINTS + 1][POINTS + 1], d2[POINTS + 1][POINTS + 1];
} differ;

static void differ_init(differ *d)
{
    for (int i = 0; i <= POINTS; i++) d->t[i] = -cos(M_PI * i / POINTS);
    for (int i = 0; i <= POINTS; i++) {
        double sum = 0;
        for (int j = 0; j <= POINTS; j++) {
            if (i == j) continue;
            double ci = i == 0 || i == POINTS ? 2 : 1, cj = j == 0 || j == POINTS ? 2 : 1;
            d->d1[i][j] = ((i + j) % 2 ? -1 : 1) * ci / cj / (d->t[i] - d->t[j]);
            sum += d->d1[i][j];
        }
        d->d1[i][i] = -sum; // derivatives of constants vanish exactly
    }
    for (int i = 0; i <= POINTS; i++)
        for (int j = 0; j <= POINTS; j++) {
            d->d2[i][j] = 0;
            for (int k = 0; k <= POINTS; k++) d->d2[i][j] += d->d1[i][k] * d->d1[k][j];
        }
}

// The coefficients of the equation at x.
typedef struct local {
    double dx, slope, kappa, dkappa, v, q, dq;
} local;

static local look(const tw_escape_coupled *p, double x)
{
    local l = {0};
    double t = tanh((x - p->centre) / p->width), rise = (p->kb - p->ka) / 2, sech2 = 1 - t * t;
    l.kappa = p->ka + rise * (1 + t);
    l.dkappa = rise * sech2 / p->width;
    double curve = -2 * rise * sech2 * t / (p->width * p->width);
    l.slope = 4 * x * (x * x - 1);
    if (p->hessian) {
        l.dx = p->D * (p->ha + (p->hb - p->ha) * (1 + tanh((x - p->hcentre) / p->hwidth)) / 2);
        l.v = p->D;
    } else {
        l.dx = p->D;
        l.v = p->D / l.kappa;
        l.q = l.dkappa / (2 * l.kappa);
        l.dq = curve / (2 * l.kappa) - 2 * l.q * l.q;
    }
    return l;
}

static tw_status solve(const tw_escape_coupled *p, const hermite *h, const differ *d, int elements, int even,
                       double *out)
{
    tw_status st = TW_OK;
    double *a = NULL, *b = NULL;
    // Elements end at the start, so that T there is an unknown by itself.
    int left = (int)ceil(elements * (p->x - p->lo) / (p->absorb - p->lo));
    left = p->x == p->lo ? 0 : left < 1 ? 1 : left >= elements ? elements - 1 : left;
    int64_t nodes = (int64_t)elements * POINTS + 1, n = nodes * even;

    TW_TRY(tw_alloc(n * n, sizeof *a, &a));
    TW_TRY(tw_alloc(n, sizeof *b, &b));
#define AT(node, i, other, j) a[((node)*even + (i)) * n + (other)*even + (j)]
    for (int e = 0; e < elements; e++) {
        double from =
            e < left ? p->lo + (p->x - p->lo) * e / left : p->x + (p->absorb - p->x) * (e - left) / (elements - left);
        double length = e < left ? (p->x - p->lo) / left : (p->absorb - p->x) / (elements - left), r = 2 / length;
        int64_t first = (int64_t)e * POINTS;
        for (int i = 0; i <= POINTS; i++) {
            int64_t node = first + i;
            double x = from + length * (d->t[i] + 1) / 2;
            local l = look(p, x);
            for (int u = 0; u < even; u++) {
                bool inner = i > 0 && i < POINTS;
                if (node == nodes - 1) AT(node, u, node, u) = 1; // T = 0
                if (node == nodes - 1) continue;
                for (int k = 0; k <= POINTS; k++) {
                    double d1 = r * d->d1[i][k], d2 = r * r * d->d2[i][k];
                    if (inner) {
                        AT(node, u, first + k, u) += l.dx * d2 - l.slope * d1;
                        for (int w = 0; w < even; w++)
                            AT(node, u, first + k, w) +=
                                (2 * l.dx * l.q * h->g[u][w] - l.dkappa * l.v * h->z2[u][w] / 2) * d1;
                    } else { // slopes agree on both sides; at lo the slope at fixed y vanishes
                        AT(node, u, first + k, u) += (i == POINTS ? 1 : -1) * d1;
                    }
                }
                for (int w = 0; inner && w < even; w++) {
                    double z2g = 0;
                    for (int k = 0; k < even; k++) z2g += h->z2[u][k] * h->g[k][w];
                    AT(node, u, node, w) += l.dx * ((l.dq + l.q * l.q) * h->g[u][w] + l.q * l.q * h->g2[u][w]) -
                                            l.slope * l.q * h->g[u][w] - l.dkappa * l.v * l.q * z2g / 2;
                }
                for (int w = 0; node == 0 && w < even; w++) AT(0, u, 0, w) -= l.q * h->g[u][w];
                if (inner) AT(node, u, node, u) -= 2 * u * l.kappa;
                if (inner && u == 0) b[node * even] = -1;
            }
        }
    }
    TW_TRY(tw_lu_solve(n, a, 1, b));
    double z = p->y / sqrt(look(p, p->x).v), below = 0, here = 1, sum = 0;
    for (int k = 0; k < 2 * even; k++) { // h_0 = 1, sqrt(k+1) h_{k+1} = z h_k - sqrt(k) h_{k-1}
        if (k % 2 == 0) sum += b[(int64_t)left * POINTS * even + k / 2] * here;
        double above = (z * here - sqrt(k) * below) / sqrt(k + 1);
        below = here;
        here = above;
    }
    *out = sum;
done:
#undef AT
    free(a);
    free(b);
    return st;
}

tw_status tw_escape_coupled_time(const tw_escape_coupled *p, tw_escape_time *out)
{
    static const struct {
        int elements, even;
    } level[] = {{10, 5}, {14, 7}, {18, 9}, {24, 12}};
    tw_status st = TW_OK;
    hermite h;
    differ d;
    double before = NAN, now = NAN;
    const double all[] = {p->ka, p->kb, p->width, p->D}, free_ones[] = {p->centre, p->lo, p->absorb, p->x, p->y};
    const char *const name[] = {"ka", "kb", "kappa_width", p->hessian ? "c" : "D"};

    for (int i = 0; i < 4; i++)
        if (!(all[i] > 0) || !isfinite(all[i]))
            return tw_fail(TW_EINVAL, "%s: found %g, expected a positive number", name[i], all[i]);
    for (int i = 0; i < 5; i++)
        if (!isfinite(free_ones[i]))
            return tw_fail(TW_EINVAL, "coupled: found %g, expected finite numbers", free_ones[i]);
    if (!(p->lo <= p->x && p->x < p->absorb))
        return tw_fail(TW_EINVAL, "found lo = %g, start = %g, absorb = %g, expected lo <= start < absorb", p->lo, p->x,
                       p->absorb);
    if (p->hessian && !(p->ha > 0 && p->hb > 0 && p->hwidth > 0))
        return tw_fail(TW_EINVAL, "he: found %g to %g, width %g, expected positive numbers", p->ha, p->hb, p->hwidth);
    hermite_init(&h);
    differ_init(&d);
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        before = now;
        TW_TRY(solve(p, &h, &d, level[i].elements, level[i].even, &now));
        if (fabs(now - before) < 1e-7 * now) break;
    }
    if (!(now > 0) || !(fabs(now - before) < 1e-4 * now))
        st = tw_fail(TW_ENUMERIC, "coupled: %.12g and %.12g on finer meshes do not agree to 1e-4", before, now);
    else
        *out = (tw_escape_time){now, log(now), fabs(now - before) / now, NAN};
done:
    return st;
}
