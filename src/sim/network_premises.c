// SPDX-License-Identifier: MIT
// Premises of a network's predicted escape (sim/network_premises.h).
#include "sim/network_premises.h"

#include "base/alloc.h"
#include "theory/escape_linear.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 16 };

typedef struct look {
    tw_network_surface *s;
    const tw_network_valley *v;
    tw_network_noise noise;
    double D, size, eta, B;
    tw_escape_rule rule;
    double *c, *normal, *place, *at, *slope, *linear; // [n][n], then [n] each
    double reach;                                     // plane: its distance from a
} look;

static double quadratic(int64_t n, const double *a, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) sum += x[i] * a[i * n + k] * x[k];
    return sum;
}

static tw_status likeliest(look *k, double *level)
{
    tw_status st = TW_OK;
    const tw_network_valley *v = k->v;
    tw_escape_linear found;
    int64_t n = v->a.n;
    TW_TRY(tw_network_noise_matrix(v, k->s->net->l2, k->noise, k->D, k->eta, k->B, k->c));
    if (k->rule == TW_RULE_BOX)
        TW_TRY(tw_escape_linear_box(n, v->a.eig, v->a.vector, k->c, k->eta, k->size, k->place, &found));
    else
        TW_TRY(tw_escape_linear_plane(n, v->a.eig, v->a.vector, k->c, k->eta, k->normal, k->reach, k->place, &found));
    *level = found.level;
done:
    return st;
}

// The slope at a + side w* beside that of the parabola.
static tw_status off_slope(look *k, double side, double *out)
{
    tw_status st = TW_OK;
    int64_t n = k->v->a.n;
    double value, off = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        k->at[i] = k->v->a.x[i] + side * k->place[i];
        k->linear[i] = 0;
        for (int64_t j = 0; j < n; j++) k->linear[i] += side * k->v->a.h[i * n + j] * k->place[j];
    }
    TW_TRY(k->s->surface.slope(k->s->surface.ctx, k->at, &value, k->slope));
    for (int64_t i = 0; i < n; i++) {
        off += (k->slope[i] - k->linear[i]) * (k->slope[i] - k->linear[i]);
        all += k->linear[i] * k->linear[i];
    }
    *out = sqrt(off / all);
done:
    return st;
}

static tw_status off_noise(look *k, double side, double *out)
{
    tw_status st = TW_OK;
    int64_t n = k->v->a.n;
    for (int64_t i = 0; i < n; i++) k->at[i] = k->v->a.x[i] + side * k->place[i];
    TW_TRY(tw_network_covariance(k->s, k->at, k->c));
    *out = quadratic(n, k->c, k->place) / quadratic(n, k->v->c, k->place) - 1;
done:
    return st;
}

// Samples that take a over the end in one step of a batch that holds one of them, the others pulling as all do.
static tw_status count_lone(look *k, int64_t *lone)
{
    tw_status st = TW_OK;
    int64_t n = k->v->a.n, m = k->s->data->m;
    double *unit = NULL, *along = NULL;
    bool *out = NULL;
    const double kick = k->eta / k->B;
    TW_TRY(tw_alloc(AT_ONCE * n, sizeof *unit, &unit));
    TW_TRY(tw_alloc(AT_ONCE * m, sizeof *along, &along));
    TW_TRY(tw_alloc(m, sizeof *out, &out));
    TW_TRY(tw_net_set_weights(k->s->net, k->v->a.x));
    for (int64_t first = 0; first < (k->rule == TW_RULE_BOX ? n : 1); first += AT_ONCE) {
        int64_t count = k->rule == TW_RULE_BOX ? (n - first < AT_ONCE ? n - first : AT_ONCE) : 1;
        memset(unit, 0, (size_t)(AT_ONCE * n) * sizeof *unit);
        for (int64_t i = 0; i < count; i++) unit[i * n + first + i] = 1;
        if (k->rule == TW_RULE_PLANE) memcpy(unit, k->normal, (size_t)n * sizeof *unit);
        TW_TRY(tw_directional(k->s->net, k->s->data, count, unit, along));
        for (int64_t i = 0; i < count; i++) {
            double mean = 0;
            for (int64_t j = 0; j < m; j++) mean += along[j * count + i] / (double)m;
            for (int64_t j = 0; j < m; j++) {
                double moved = -kick * (along[j * count + i] - mean);
                out[j] = out[j] || (k->rule == TW_RULE_BOX ? fabs(moved) >= k->size : moved >= k->reach);
            }
        }
    }
    *lone = 0;
    for (int64_t j = 0; j < m; j++) *lone += out[j];
done:
    free(unit);
    free(along);
    free(out);
    return st;
}

tw_status tw_network_premises_find(tw_network_surface *s, const tw_network_valley *v, tw_network_noise noise, double D,
                                   tw_escape_rule rule, double size, double eta, double B, tw_network_premises *out)
{
    tw_status st = TW_OK;
    look k = {.s = s, .v = v, .noise = noise, .D = D, .size = size, .eta = eta, .B = B, .rule = rule};
    tw_network_premises found = {NAN, NAN, NAN, INFINITY, 0};
    int64_t n = v->a.n;
    double other = 0;
    bool plane = rule == TW_RULE_PLANE;
    if ((plane && (!v->saddle || noise == TW_NETWORK_WHITE)) || !(v->a.eig[0] > 0) || !(eta * v->a.eig[n - 1] < 2))
        goto done;
    TW_TRY(tw_alloc(n * n, sizeof(double), &k.c));
    TW_TRY(tw_alloc(n, sizeof(double), &k.normal));
    TW_TRY(tw_alloc(n, sizeof(double), &k.place));
    TW_TRY(tw_alloc(n, sizeof(double), &k.at));
    TW_TRY(tw_alloc(n, sizeof(double), &k.slope));
    TW_TRY(tw_alloc(n, sizeof(double), &k.linear));
    if (plane) {
        for (int64_t i = 0; i < n; i++) k.reach += v->b.vector[i] * (v->b.x[i] - v->a.x[i]);
        for (int64_t i = 0; i < n; i++) k.normal[i] = k.reach < 0 ? -v->b.vector[i] : v->b.vector[i];
        k.reach = fabs(k.reach);
        if (k.reach == 0) goto done;
    }
    TW_TRY(likeliest(&k, &found.level));
    TW_TRY(off_slope(&k, 1, &found.off_slope));
    if (!plane) TW_TRY(off_slope(&k, -1, &other));
    bool turned = other > found.off_slope;
    if (turned) found.off_slope = other;
    if (noise == TW_NETWORK_SAMPLES) {
        TW_TRY(off_noise(&k, turned ? -1 : 1, &found.off_noise));
        TW_TRY(count_lone(&k, &found.lone));
        if (found.lone > 0) found.lone_steps = fmax(0, log((double)s->data->m / (B * (double)found.lone)));
    }
done:
    if (st == TW_OK) *out = found;
    free(k.c);
    free(k.normal);
    free(k.place);
    free(k.at);
    free(k.slope);
    free(k.linear);
    return st;
}

void tw_network_premises_say(const tw_network_premises *p, double ln_steps, int64_t m, size_t size, char *out)
{
    if (size > 0) out[0] = '\0';
    if (!isfinite(ln_steps)) return;
    if (p->lone_steps < ln_steps)
        snprintf(out, size, "%" PRId64 " of %" PRId64 " samples end it by one draw: ln steps at most about %.1f",
                 p->lone, m, p->lone_steps);
    else if (p->off_slope > 0.1)
        snprintf(out, size, "no parabola that far: the slope at the likeliest exit is off by %.0f %%",
                 100 * p->off_slope);
    else if (fabs(p->off_noise) > 0.2)
        snprintf(out, size, "the noise at the likeliest exit is %.2f times that of the minimum", 1 + p->off_noise);
    else if (p->level < 3)
        snprintf(out, size, "the end is %.1f standard deviations away, theory wants 3", p->level);
}
