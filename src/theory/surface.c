// SPDX-License-Identifier: MIT
// Minima, saddles of index 1 and the paths between them (theory/surface.h).
#include "theory/surface.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <math.h>
#include <string.h>

// What one place is: slope, Hessian and its eigenpairs.
typedef struct place {
    const tw_surface *s;
    double *x, *g, *h, *eig, *v, *step, *trial;
    double value, gradient;
} place;

static void close_place(place *p)
{
    free(p->x);
    free(p->g);
    free(p->h);
    free(p->eig);
    free(p->v);
    free(p->step);
    free(p->trial);
}

static tw_status open_place(const tw_surface *s, const double *x, place *p)
{
    tw_status st = TW_OK;
    *p = (place){.s = s};
    double **vector[] = {&p->x, &p->g, &p->eig, &p->step, &p->trial};
    for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) TW_TRY(tw_alloc(s->n, sizeof(double), vector[i]));
    TW_TRY(tw_alloc(s->n * s->n, sizeof(double), &p->h));
    TW_TRY(tw_alloc(s->n * s->n, sizeof(double), &p->v));
    memcpy(p->x, x, (size_t)s->n * sizeof *x);
done:
    return st;
}

static double norm(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum);
}

static tw_status look(place *p, bool curved)
{
    tw_status st = TW_OK;
    TW_TRY(p->s->slope(p->s->ctx, p->x, &p->value, p->g));
    p->gradient = norm(p->s->n, p->g);
    if (!curved) goto done;
    TW_TRY(p->s->hessian(p->s->ctx, p->x, p->h));
    TW_TRY(tw_sym_eig(p->s->n, p->h, p->eig, p->v));
done:
    return st;
}

static double largest(const place *p) { return fmax(fabs(p->eig[0]), fabs(p->eig[p->s->n - 1])); }

static void count_signs(const place *p, tw_critical *out)
{
    double eps = 1e-6 * largest(p);
    out->index = out->flat = 0;
    for (int64_t i = 0; i < p->s->n; i++) {
        out->index += p->eig[i] < -eps;
        out->flat += fabs(p->eig[i]) <= eps;
    }
}

// Hands the place's memory over.
static void take(place *p, bool found, tw_critical *out)
{
    *out = (tw_critical){.found = found, .n = p->s->n, .value = p->value, .gradient = p->gradient};
    count_signs(p, out);
    out->x = p->x;
    out->eig = p->eig;
    out->vector = p->v;
    out->h = p->h;
    p->x = p->eig = p->v = p->h = NULL;
}

void tw_critical_free(tw_critical *c)
{
    free(c->x);
    free(c->eig);
    free(c->vector);
    free(c->h);
    *c = (tw_critical){0};
}

// step = - sum of sign_i (v_i . g) / |lambda_i| v_i, cut to the radius; sign is -1 for the first `uphill` modes.
static double newton(place *p, int64_t uphill, double radius)
{
    int64_t n = p->s->n;
    double floor_ = 1e-6 * fmax(largest(p), 1e-300), size;
    memset(p->step, 0, (size_t)n * sizeof *p->step);
    for (int64_t i = 0; i < n; i++) {
        const double *v = p->v + i * n;
        double along = 0, curve = fmax(fabs(p->eig[i]), floor_);
        for (int64_t j = 0; j < n; j++) along += v[j] * p->g[j];
        along /= i < uphill ? curve : -curve;
        for (int64_t j = 0; j < n; j++) p->step[j] += along * v[j];
    }
    size = norm(n, p->step);
    if (size > radius) {
        for (int64_t j = 0; j < n; j++) p->step[j] *= radius / size;
        size = radius;
    }
    return size;
}

tw_status tw_surface_minimum(const tw_surface *s, const double *x, double tolerance, int64_t most, tw_critical *out)
{
    tw_status st = TW_OK;
    place p;
    bool found = false;
    double radius = 1;
    TW_TRY(open_place(s, x, &p));
    TW_TRY(look(&p, true));
    for (int64_t i = 0; i < most; i++) {
        tw_critical seen;
        count_signs(&p, &seen);
        if (p.gradient <= tolerance && seen.index == 0) {
            found = true;
            break;
        }
        if (p.gradient <= tolerance) { // on a saddle or a hill: off it along the lowest mode
            for (int64_t j = 0; j < s->n; j++) p.x[j] += 1e-2 * p.v[j];
            TW_TRY(look(&p, true));
        }
        double before = p.value, slack = 1e-13 * fmax(1, fabs(before)), trial;
        double size = newton(&p, 0, radius);
        memcpy(p.trial, p.x, (size_t)s->n * sizeof *p.x);
        bool down = false;
        for (int half = 0; half < 40 && !down; half++) { // backtrack until L falls
            double shrink = ldexp(1, -half);
            for (int64_t j = 0; j < s->n; j++) p.x[j] = p.trial[j] + shrink * p.step[j];
            TW_TRY(s->slope(s->ctx, p.x, &trial, p.g));
            down = trial <= before + slack;
            if (down) radius = half == 0 ? fmin(4, 2 * radius) : fmax(1e-6, shrink * size);
        }
        if (!down) memcpy(p.x, p.trial, (size_t)s->n * sizeof *p.x);
        TW_TRY(look(&p, true));
        if (!down) break;
    }
    take(&p, found, out);
done:
    close_place(&p);
    return st;
}

tw_status tw_surface_saddle(const tw_surface *s, const double *x, double radius, double tolerance, int64_t most,
                            tw_critical *out)
{
    tw_status st = TW_OK;
    place p;
    bool found = false;
    TW_TRY(open_place(s, x, &p));
    for (int64_t i = 0; i < most; i++) {
        tw_critical seen;
        TW_TRY(look(&p, true));
        count_signs(&p, &seen);
        found = p.gradient <= tolerance && seen.index == 1;
        if (found || p.gradient <= tolerance || i + 1 == most || !isfinite(p.value)) break;
        newton(&p, 1, radius);
        for (int64_t j = 0; j < s->n; j++) p.x[j] += p.step[j];
    }
    take(&p, found, out);
done:
    close_place(&p);
    return st;
}

// ---- paths ---------------------------------------------------------------------------------------------------------

void tw_path_free(tw_path *p)
{
    free(p->x);
    free(p->value);
    free(p->along);
    free(p->length);
    *p = (tw_path){0};
}

// The change over time t by the flow of the local quadratic: - sum of (1 - e^(-lambda t)) / lambda (v . g) v.
static double flow(place *p, double t)
{
    int64_t n = p->s->n;
    memset(p->step, 0, (size_t)n * sizeof *p->step);
    for (int64_t i = 0; i < n; i++) {
        const double *v = p->v + i * n;
        double along = 0, z = p->eig[i] * t;
        for (int64_t j = 0; j < n; j++) along += v[j] * p->g[j];
        along *= fabs(z) < 1e-12 ? -t : expm1(-z) / p->eig[i];
        for (int64_t j = 0; j < n; j++) p->step[j] += along * v[j];
    }
    return norm(n, p->step);
}

static void record(const place *p, double length, int64_t at, tw_path *out)
{
    int64_t n = p->s->n;
    double curve = 0;
    for (int64_t i = 0; i < n; i++) {
        double along = 0;
        for (int64_t j = 0; j < n; j++) along += p->v[i * n + j] * p->g[j];
        curve += p->eig[i] * along * along;
    }
    memcpy(out->x + at * n, p->x, (size_t)n * sizeof *p->x);
    out->value[at] = p->value;
    out->along[at] = p->gradient > 0 ? curve / (p->gradient * p->gradient) : 0;
    out->length[at] = length;
}

// The time of the quadratic flow that covers the stride, by bisection: the distance grows with it.
static double time_of(place *p, double stride)
{
    double lo = 0, hi = stride / fmax(p->gradient, 1e-300);
    for (int i = 0; i < 60 && flow(p, hi) < stride; i++) hi *= 2;
    for (int i = 0; i < 40; i++) {
        double middle = (lo + hi) / 2;
        if (flow(p, middle) < stride)
            lo = middle;
        else
            hi = middle;
    }
    return hi;
}

tw_status tw_surface_descend(const tw_surface *s, const tw_critical *saddle, double side, double delta, double stride,
                             double tolerance, int64_t most, tw_path *out)
{
    tw_status st = TW_OK;
    place p = {0};
    tw_path path = {.n = s->n, .share = NAN};
    double length = delta, now = stride;
    TW_TRY(open_place(s, saddle->x, &p));
    TW_TRY(tw_alloc(most * s->n, sizeof(double), &path.x));
    TW_TRY(tw_alloc(most, sizeof(double), &path.value));
    TW_TRY(tw_alloc(most, sizeof(double), &path.along));
    TW_TRY(tw_alloc(most, sizeof(double), &path.length));
    for (int64_t j = 0; j < s->n; j++) p.x[j] += side * delta * saddle->vector[j];
    TW_TRY(look(&p, true));
    record(&p, length, path.count++, &path);
    for (int64_t tries = 0; path.count < most && tries < 4 * most; tries++) {
        double before = p.value;
        memcpy(p.trial, p.x, (size_t)s->n * sizeof *p.x);
        // Close to the end the flow goes wherever the quadratic goes, which is the minimum.
        double size = flow(&p, time_of(&p, now));
        for (int64_t j = 0; j < s->n; j++) p.x[j] += p.step[j];
        TW_TRY(look(&p, true));
        if (!(p.value <= before + 1e-14 * fmax(1, fabs(before)))) { // the quadratic went too far: back, half as wide
            memcpy(p.x, p.trial, (size_t)s->n * sizeof *p.x);
            TW_TRY(look(&p, true));
            now /= 2;
            if (now < 1e-9 * stride) break;
            continue;
        }
        now = fmin(stride, 1.5 * now);
        length += size;
        record(&p, length, path.count++, &path);
        tw_critical seen;
        count_signs(&p, &seen);
        if (p.gradient <= tolerance && seen.index == 0) {
            path.arrived = true;
            break;
        }
    }
    double drop = saddle->value - path.value[path.count - 1];
    for (int64_t i = path.count - 1; i > 0; i--) // from below: c is where the well ends
        if (path.along[i] >= 0 && path.along[i - 1] < 0) {
            double t = path.along[i] / (path.along[i] - path.along[i - 1]);
            double c = path.value[i] + t * (path.value[i - 1] - path.value[i]);
            path.share = (c - path.value[path.count - 1]) / drop;
            break;
        }
    *out = path;
    path = (tw_path){0};
done:
    tw_path_free(&path);
    close_place(&p);
    return st;
}
