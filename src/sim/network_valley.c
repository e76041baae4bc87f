// SPDX-License-Identifier: MIT
// A network's valley, the saddle out of it, the path between, and predicted times (sim/network_valley.h).
#include "sim/network_valley.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "theory/escape_linear.h"
#include "thalweg/curv.h"
#include "thalweg/theory_escape.h"
#include <math.h>
#include <string.h>

enum { DOWN = 2000, UP = 150, PATH = 4000, PLACES = 24 };
static const double still = 1e-9; // norm of the gradient at a critical point

void tw_network_valley_free(tw_network_valley *v)
{
    tw_critical_free(&v->a);
    tw_critical_free(&v->b);
    free(v->c);
    *v = (tw_network_valley){0};
}

static double dot(int64_t n, const double *x, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static double quadratic(int64_t n, const double *a, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * dot(n, a + i * n, x);
    return sum;
}

// C_1 against the Hessian of the data loss, entry by entry.
static void compare(tw_network_valley *v, double l2)
{
    int64_t n = v->a.n, count = n * n;
    double ch = 0, hh = 0, cc = 0, mc = 0, mh = 0, tc = 0, th = 0;
    for (int64_t i = 0; i < count; i++) {
        bool diagonal = i % (n + 1) == 0;
        double h = v->a.h[i] - (diagonal ? l2 : 0), c = v->c[i];
        ch += c * h;
        hh += h * h;
        cc += c * c;
        mc += c / (double)count;
        mh += h / (double)count;
        tc += diagonal ? c : 0;
        th += diagonal ? h : 0;
    }
    double k = (double)count;
    v->slope = ch / hh;
    v->correlation = (ch - k * mc * mh) / sqrt((cc - k * mc * mc) * (hh - k * mh * mh));
    v->trace_ratio = tc / th;
}

// A saddle joined to a, or to a place as deep as a (its mirror image), with the path down to that place.
static tw_status join(tw_network_surface *s, const tw_network_valley *v, const tw_critical *b, tw_path *path,
                      double *far, bool *joined)
{
    tw_status st = TW_OK;
    tw_path side[2] = {{0}, {0}};
    int64_t n = v->a.n;
    double apart = 0;
    *joined = false;
    for (int64_t i = 0; i < n; i++) apart += (b->x[i] - v->a.x[i]) * (b->x[i] - v->a.x[i]);
    double stride = fmax(0.005, 0.02 * sqrt(apart));
    for (int k = 0; k < 2; k++)
        TW_TRY(tw_surface_descend(&s->surface, b, k ? 1 : -1, 1e-3, stride, 1e-6, PATH, &side[k]));
    for (int k = 0; k < 2 && !*joined; k++) {
        double end = side[k].value[side[k].count - 1];
        if (!side[k].arrived || fabs(end - v->a.value) > 1e-6 * (b->value - v->a.value)) continue;
        *far = side[1 - k].arrived ? side[1 - k].value[side[1 - k].count - 1] : NAN;
        *path = side[k];
        side[k] = (tw_path){0};
        *joined = true;
    }
done:
    tw_path_free(&side[0]);
    tw_path_free(&side[1]);
    return st;
}

// ---- along the path ------------------------------------------------------------------------------------------------

typedef struct room {
    double *tangent, *c, *solved, *along; // [n] [n][n] [n] [m]
} room;

static tw_status path_place(tw_network_surface *s, const tw_path *p, int64_t at, tw_network_valley *v, room *r,
                            double f[2], double *root)
{
    tw_status st = TW_OK;
    int64_t n = p->n, m = s->data->m, below = at + 1 < p->count ? at + 1 : at, above = at > 0 ? at - 1 : at;
    double size, trace = 0, pull;
    for (int64_t i = 0; i < n; i++) r->tangent[i] = p->x[above * n + i] - p->x[below * n + i]; // uphill
    size = sqrt(dot(n, r->tangent, r->tangent));
    for (int64_t i = 0; i < n; i++) r->tangent[i] /= size;
    TW_TRY(tw_network_covariance(s, p->x + at * n, r->c));
    for (int64_t i = 0; i < n; i++) trace += r->c[i * n + i];
    for (int k = 0; k < 2; k++) {
        double add = v->ridge[k] * trace / (double)n - (k ? v->ridge[0] * trace / (double)n : 0);
        for (int64_t i = 0; i < n; i++) r->c[i * n + i] += add;
        memcpy(r->solved, r->tangent, (size_t)n * sizeof(double));
        TW_TRY(tw_spd_solve(n, r->c, 1, r->solved));
        f[k] = dot(n, r->tangent, r->solved);
    }
    TW_TRY(tw_directional(s->net, s->data, 1, r->tangent, r->along));
    pull = s->net->l2 * dot(n, r->tangent, p->x + at * n);
    double mean = pull;
    for (int64_t j = 0; j < m; j++) {
        mean += r->along[j] / (double)m;
        r->along[j] += pull;
    }
    *root = 0; // at either end the mean slope vanishes, and the root with it
    if (mean > 0) TW_TRY(tw_escape_cramer(m, r->along, NULL, root));
done:
    return st;
}

static tw_status integrate(tw_network_surface *s, const tw_path *p, tw_network_valley *v)
{
    tw_status st = TW_OK;
    room r = {0};
    int64_t n = p->n, places = p->count < PLACES ? p->count : PLACES, last = -1;
    double before[2] = {0}, root_before = 0;
    TW_TRY(tw_alloc(n, sizeof(double), &r.tangent));
    TW_TRY(tw_alloc(n * n, sizeof(double), &r.c));
    TW_TRY(tw_alloc(n, sizeof(double), &r.solved));
    TW_TRY(tw_alloc(s->data->m, sizeof(double), &r.along));
    v->cramer = v->action[0] = v->action[1] = 0;
    for (int64_t i = 0; i < places; i++) {
        int64_t at = places > 1 ? i * (p->count - 1) / (places - 1) : 0;
        double f[2], root;
        TW_TRY(path_place(s, p, at, v, &r, f, &root));
        if (last >= 0) { // trapezoids: the action over L, Cramer's root over length
            for (int k = 0; k < 2; k++) v->action[k] += (p->value[last] - p->value[at]) * (before[k] + f[k]);
            v->cramer += (p->length[at] - p->length[last]) * (root_before + root) / 2;
        }
        memcpy(before, f, sizeof before);
        root_before = root;
        last = at;
    }
done:
    free(r.tangent);
    free(r.c);
    free(r.solved);
    free(r.along);
    return st;
}

static void directions(tw_network_valley *v)
{
    int64_t n = v->a.n;
    double best = -1, apart = 0;
    v->hae[0] = quadratic(n, v->a.h, v->b.vector);
    v->hae[2] = v->a.eig[0];
    for (int64_t k = 0; k < n; k++) {
        double overlap = 0;
        for (int64_t i = 0; i < n; i++) overlap += v->a.vector[k * n + i] * (v->b.x[i] - v->a.x[i]);
        apart += overlap * overlap;
        if (fabs(overlap) > best) {
            best = fabs(overlap);
            v->hae[1] = v->a.eig[k];
        }
    }
    v->distance = sqrt(apart);
}

tw_status tw_network_valley_find(tw_network_surface *s, const double *w, int64_t starts, uint64_t seed,
                                 tw_network_valley *out)
{
    tw_status st = TW_OK;
    tw_network_valley v = {.starts = starts, .barrier = INFINITY, .ridge = {1e-4, 1e-2}};
    tw_critical b = {0}, moved = {0};
    tw_path path = {0}, lowest = {0};
    double *from = NULL, far;
    int64_t n = s->surface.n;
    v.far = v.share = v.distance = v.cramer = NAN;
    TW_TRY(tw_alloc(n, sizeof *from, &from));
    TW_TRY(tw_alloc(n * n, sizeof(double), &v.c));
    TW_TRY(tw_surface_minimum(&s->surface, w, still, DOWN, &v.a));
    for (int64_t i = 0; v.a.found && v.a.flat == 0 && i < starts; i++) {
        tw_rng rng = tw_rng_at(seed, TW_RNG_START, (uint64_t)i);
        bool joined = false;
        tw_rng_normals(&rng, n, from);
        double size = sqrt(dot(n, from, from)), reach = 0.3 * (double)(1 + i % 3);
        for (int64_t k = 0; k < n; k++) from[k] = v.a.x[k] + reach * from[k] / size;
        tw_critical_free(&b);
        TW_TRY(tw_surface_saddle(&s->surface, from, 0.1, still, UP, &b));
        if (!b.found || b.flat > 0 || !(b.value > v.a.value)) continue;
        TW_TRY(join(s, &v, &b, &path, &far, &joined));
        if (!joined) continue;
        v.hits++;
        if (b.value - v.a.value < v.barrier) {
            tw_critical swap = v.b;
            tw_path old = lowest;
            v.b = b;
            b = swap;
            lowest = path;
            path = old;
            v.far = far;
            v.barrier = v.b.value - v.a.value;
            v.saddle = true;
        }
        tw_path_free(&path);
    }
    if (v.saddle) { // a is where the path ends: the same valley, or its mirror image
        TW_TRY(tw_surface_minimum(&s->surface, lowest.x + (lowest.count - 1) * n, still, DOWN, &moved));
        tw_critical_free(&v.a);
        v.a = moved;
        moved = (tw_critical){0};
        v.barrier = v.b.value - v.a.value;
        v.share = lowest.share;
        directions(&v);
        TW_TRY(integrate(s, &lowest, &v));
    }
    TW_TRY(tw_network_covariance(s, v.a.x, v.c));
    compare(&v, s->net->l2);
    TW_TRY(tw_net_set_weights(s->net, v.a.x));
    *out = v;
    v = (tw_network_valley){0};
done:
    free(from);
    tw_critical_free(&b);
    tw_critical_free(&moved);
    tw_path_free(&path);
    tw_path_free(&lowest);
    tw_network_valley_free(&v);
    return st;
}

// ---- predictions ---------------------------------------------------------------------------------------------------

tw_status tw_network_noise_matrix(const tw_network_valley *v, double l2, tw_network_noise noise, double D, double eta,
                                  double B, double *c)
{
    int64_t n = v->a.n;
    double trace = 0;
    for (int64_t i = 0; i < n; i++) trace += v->c[i * n + i];
    for (int64_t i = 0; i < n * n; i++) {
        bool diagonal = i % (n + 1) == 0;
        switch (noise) {
        case TW_NETWORK_SAMPLES:
        case TW_NETWORK_COVARIANCE:
            c[i] = v->c[i] / B;
            break;
        case TW_NETWORK_HESSIAN:
            c[i] = (v->a.h[i] - (diagonal ? l2 : 0)) / B;
            break;
        case TW_NETWORK_ISOTROPIC:
            c[i] = diagonal ? trace / (double)n / B : 0;
            break;
        case TW_NETWORK_WHITE:
            c[i] = diagonal ? 2 * D / eta : 0;
            break;
        }
    }
    return TW_OK;
}

static tw_status out_of_box(const tw_network_valley *v, double l2, tw_network_noise noise, double D, double size,
                            double eta, double B, tw_network_predicted *out)
{
    tw_status st = TW_OK;
    double *c = NULL;
    tw_escape_linear box;
    int64_t n = v->a.n;
    TW_TRY(tw_alloc(n * n, sizeof *c, &c));
    if (noise != TW_NETWORK_WHITE) out->paper = size * size * B / eta;
    if (!(v->a.eig[0] > 0) || !(eta * v->a.eig[n - 1] < 2)) goto done; // no stationary state
    TW_TRY(tw_network_noise_matrix(v, l2, noise, D, eta, B, c));
    TW_TRY(tw_escape_linear_box(n, v->a.eig, v->a.vector, c, eta, size, NULL, &box));
    out->exponent = box.exponent;
    out->ln_steps = box.log_steps;
done:
    free(c);
    return st;
}

// The linear chain knows a alone: how far its noise reaches towards b, had the valley gone on as it begins.
static tw_status past_the_plane(const tw_network_valley *v, double l2, tw_network_noise noise, double eta, double B,
                                tw_network_predicted *out)
{
    tw_status st = TW_OK;
    double *c = NULL, *normal = NULL, reach = 0;
    tw_escape_linear plane;
    tw_escape_ddt ddt;
    int64_t n = v->a.n;
    TW_TRY(tw_alloc(n * n, sizeof *c, &c));
    TW_TRY(tw_alloc(n, sizeof *normal, &normal));
    out->action = v->action[0] * B / eta;
    if (noise == TW_NETWORK_SAMPLES) out->cramer = v->cramer * B / eta;
    if (isfinite(v->share) &&
        tw_escape_ddt_time(v->barrier, v->hae[1], -v->b.eig[0], v->share, eta, B, &ddt) == TW_OK) {
        out->paper = ddt.exponent;
        out->paper_ln_steps = log(ddt.tau_steps / 2);
    }
    for (int64_t i = 0; i < n; i++) reach += v->b.vector[i] * (v->b.x[i] - v->a.x[i]);
    for (int64_t i = 0; i < n; i++) normal[i] = reach < 0 ? -v->b.vector[i] : v->b.vector[i];
    if (!(v->a.eig[0] > 0) || !(eta * v->a.eig[n - 1] < 2) || reach == 0) goto done;
    TW_TRY(tw_network_noise_matrix(v, l2, noise, 0, eta, B, c));
    TW_TRY(tw_escape_linear_plane(n, v->a.eig, v->a.vector, c, eta, normal, fabs(reach), NULL, &plane));
    out->exponent = plane.exponent;
    out->ln_steps = plane.log_steps;
done:
    free(c);
    free(normal);
    return st;
}

static void white_past_the_saddle(const tw_network_valley *v, double D, double eta, tw_network_predicted *out)
{
    double full, half;
    out->exponent = v->barrier / D;
    if (tw_escape_kramers(v->a.n, v->a.eig, v->b.eig, v->barrier, D, &full, &half) == TW_OK)
        out->ln_steps = log(half / eta);
}

tw_status tw_network_predict(const tw_network_valley *v, double l2, tw_network_noise noise, double D,
                             tw_escape_rule rule, double size, double eta, double B, tw_network_predicted *out)
{
    tw_status st = TW_OK;
    *out = (tw_network_predicted){NAN, NAN, NAN, NAN, NAN, NAN};
    if (rule == TW_RULE_BOX)
        TW_TRY(out_of_box(v, l2, noise, D, size, eta, B, out));
    else if (v->saddle && noise == TW_NETWORK_WHITE)
        white_past_the_saddle(v, D, eta, out);
    else if (v->saddle)
        TW_TRY(past_the_plane(v, l2, noise, eta, B, out));
done:
    return st;
}
