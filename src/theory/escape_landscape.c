// SPDX-License-Identifier: MIT
// Landscapes and noises in one dimension, point by point; the places where they have kinks.
#include "theory/escape.h"

#include <math.h>

static double polynomial(int64_t terms, const double *coef, int d, double x)
{
    double sum = 0;
    for (int64_t i = terms - 1; i >= d; i--) {
        double factor = 1;
        for (int j = 0; j < d; j++) factor *= (double)(i - j);
        sum = sum * x + factor * coef[i];
    }
    return sum;
}

double tw_escape_switch(const tw_escape_landscape *l) { return sqrt(2 * l->dl * l->hb / (l->ha * (l->ha + l->hb))); }

static double piecewise(const tw_escape_landscape *l, int d, double x)
{
    double c = tw_escape_switch(l), b = c + l->ha * c / l->hb;
    double sign = x > b && d == 1 ? -1 : 1, at = x > b ? 2 * b - x : x; // the mirror image
    if (at < c) return d == 0 ? l->ha * at * at / 2 : d == 1 ? sign * l->ha * at : l->ha;
    return d == 0 ? l->dl - l->hb * (at - b) * (at - b) / 2 : d == 1 ? -sign * l->hb * (at - b) : -l->hb;
}

double tw_escape_value(const tw_escape_landscape *l, int d, double x)
{
    if (l->shape == TW_ESCAPE_FUNCTION) return l->value(l->ctx, d, x);
    return l->shape == TW_ESCAPE_POLY ? polynomial(l->terms, l->coef, d, x) : piecewise(l, d, x);
}

double tw_escape_diffusion_at(const tw_escape_problem *p, double x)
{
    const tw_escape_diffusion *n = &p->diffusion;
    switch (n->law) {
    case TW_ESCAPE_CONST:
        return n->scale;
    case TW_ESCAPE_POLY_D:
        return polynomial(n->terms, n->coef, 0, x);
    case TW_ESCAPE_HESSIAN:
        return n->scale * fabs(tw_escape_value(&p->landscape, 2, x));
    case TW_ESCAPE_ABS_HESS:
        return n->scale * hypot(tw_escape_value(&p->landscape, 2, x), n->delta);
    case TW_ESCAPE_TANH_BLEND:
        return n->scale * (n->da + (n->db - n->da) * (1 + tanh((x - n->xc) / n->w)) / 2);
    }
    return NAN;
}

static tw_status check_numbers(int64_t n, const double *x, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return tw_fail(TW_EINVAL, "%s: found %g, expected a finite number", what, x[i]);
    return TW_OK;
}

tw_status tw_escape_check(const tw_escape_problem *p)
{
    tw_status st = TW_OK;
    const tw_escape_landscape *l = &p->landscape;
    const tw_escape_diffusion *n = &p->diffusion;
    const double range[] = {p->lo, p->start, p->absorb}, law[] = {n->scale, n->delta, n->da, n->db, n->xc, n->w};
    TW_TRY(check_numbers(3, range, "lo, start or absorb"));
    TW_TRY(check_numbers(6, law, "diffusion"));
    if (l->shape == TW_ESCAPE_POLY) TW_TRY(check_numbers(l->terms, l->coef, "landscape.coef"));
    if (n->law == TW_ESCAPE_POLY_D) TW_TRY(check_numbers(n->terms, n->coef, "diffusion.coef"));
    if (!(p->lo <= p->start && p->start < p->absorb))
        return tw_fail(TW_EINVAL, "found lo = %g, start = %g, absorb = %g, expected lo <= start < absorb", p->lo,
                       p->start, p->absorb);
    bool sharp = l->ha > 0 && l->hb > 0 && l->dl > 0 && isfinite(l->ha) && isfinite(l->hb) && isfinite(l->dl);
    if (l->shape == TW_ESCAPE_PIECEWISE && !sharp)
        return tw_fail(TW_EINVAL, "landscape: found Ha = %g, Hb = %g, dL = %g, expected positive numbers", l->ha, l->hb,
                       l->dl);
    if (n->law == TW_ESCAPE_HESSIAN && l->shape != TW_ESCAPE_PIECEWISE)
        return tw_fail(TW_EINVAL, "diffusion: hess_piecewise needs a piecewise_quadratic landscape");
    if (n->law == TW_ESCAPE_TANH_BLEND && !(n->w > 0))
        return tw_fail(TW_EINVAL, "diffusion: found w = %g, expected a positive number", n->w);
done:
    return st;
}

static int by_size(const double *x, int count, double lo, double hi, double *out)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (!(x[i] > lo && x[i] < hi)) continue;
        int at = kept++;
        for (; at > 0 && out[at - 1] > x[i]; at--) out[at] = out[at - 1];
        out[at] = x[i];
    }
    return kept;
}

int tw_escape_breaks(const tw_escape_problem *p, double *out)
{
    double at[4] = {p->start};
    int count = 1;
    if (p->landscape.shape == TW_ESCAPE_PIECEWISE) {
        double c = tw_escape_switch(&p->landscape), b = c + p->landscape.ha * c / p->landscape.hb;
        at[count++] = c;
        at[count++] = b;
        at[count++] = 2 * b - c;
    }
    out[0] = p->lo;
    int inner = by_size(at, count, p->lo, p->absorb, out + 1);
    out[inner + 1] = p->absorb;
    return inner + 2;
}
