// SPDX-License-Identifier: MIT
// A file of escape problems, each kind to its solver and back into words. Fields by kind: docs/escape.md.
#include "theory/escape_cases.h"

#include "theory/cases.h"
#include "theory/escape.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A list of numbers of any length from 1 on.
static tw_status get_list(const tw_case *c, const char *field, int64_t *n, double **out)
{
    const json_t *list = json_object_get(c->in, field);
    if (!json_is_array(list) || json_array_size(list) == 0)
        return tw_case_wrong(c, field, list, "an array of at least one number");
    *n = (int64_t)json_array_size(list);
    return tw_case_vector(c, field, *n, out);
}

// in.FIELD as a problem of its own, so that its fields are read and named like others.
static tw_status get_object(const tw_case *c, const char *field, tw_case *out, const char **kind)
{
    const json_t *object = json_object_get(c->in, field), *name = json_object_get(object, "kind");
    if (!json_is_object(object)) return tw_case_wrong(c, field, object, "an object");
    if (!json_is_string(name)) return tw_case_wrong(c, field, object, "an object with a string \"kind\"");
    *out = (tw_case){c->path, c->id, object};
    *kind = json_string_value(name);
    return TW_OK;
}

static tw_status get_landscape(const tw_case *c, tw_escape_landscape *l, double **room)
{
    tw_status st = TW_OK;
    tw_case o;
    const char *kind = "";
    TW_TRY(get_object(c, "landscape", &o, &kind));
    if (strcmp(kind, "poly") == 0) {
        l->shape = TW_ESCAPE_POLY;
        TW_TRY(get_list(&o, "coef", &l->terms, room));
        l->coef = *room;
    } else if (strcmp(kind, "piecewise_quadratic") == 0) {
        l->shape = TW_ESCAPE_PIECEWISE;
        TW_TRY(tw_case_real(&o, "Ha", &l->ha));
        TW_TRY(tw_case_real(&o, "Hb", &l->hb));
        TW_TRY(tw_case_real(&o, "dL", &l->dl));
    } else {
        st = tw_case_wrong(c, "landscape.kind", json_object_get(o.in, "kind"), "\"poly\" or \"piecewise_quadratic\"");
    }
done:
    return st;
}

static tw_status get_diffusion(const tw_case *c, tw_escape_diffusion *d, double **room)
{
    tw_status st = TW_OK;
    tw_case o;
    const char *kind = "";
    TW_TRY(get_object(c, "diffusion", &o, &kind));
    if (strcmp(kind, "const") == 0) {
        d->law = TW_ESCAPE_CONST;
        TW_TRY(tw_case_real(&o, "D", &d->scale));
    } else if (strcmp(kind, "poly") == 0) {
        d->law = TW_ESCAPE_POLY_D;
        TW_TRY(get_list(&o, "coef", &d->terms, room));
        d->coef = *room;
    } else if (strcmp(kind, "hess_piecewise") == 0) {
        d->law = TW_ESCAPE_HESSIAN;
        TW_TRY(tw_case_real(&o, "scale", &d->scale));
    } else if (strcmp(kind, "abs_hess_reg") == 0) {
        d->law = TW_ESCAPE_ABS_HESS;
        TW_TRY(tw_case_real(&o, "scale", &d->scale));
        TW_TRY(tw_case_real(&o, "delta", &d->delta));
    } else if (strcmp(kind, "tanh_blend") == 0) {
        d->law = TW_ESCAPE_TANH_BLEND;
        TW_TRY(tw_case_real(&o, "scale", &d->scale));
        TW_TRY(tw_case_real(&o, "da", &d->da));
        TW_TRY(tw_case_real(&o, "db", &d->db));
        TW_TRY(tw_case_real(&o, "xc", &d->xc));
        TW_TRY(tw_case_real(&o, "w", &d->w));
    } else {
        st = tw_case_wrong(c, "diffusion.kind", json_object_get(o.in, "kind"),
                           "\"const\", \"poly\", \"hess_piecewise\", \"abs_hess_reg\" or \"tanh_blend\"");
    }
done:
    return st;
}

static tw_status get_problem(const tw_case *c, tw_escape_problem *p, double **room, double **room_d)
{
    tw_status st = TW_OK;
    TW_TRY(get_landscape(c, &p->landscape, room));
    TW_TRY(get_diffusion(c, &p->diffusion, room_d));
    TW_TRY(tw_case_real(c, "lo", &p->lo));
    TW_TRY(tw_case_real(c, "start", &p->start));
    TW_TRY(tw_case_real(c, "absorb", &p->absorb));
done:
    return st;
}

static tw_status mfpt_1d(const tw_case *c, json_t *o)
{
    static const char *const name[] = {"ito", "stratonovich", "isothermal"};
    tw_status st = TW_OK;
    tw_escape_problem p = {0};
    tw_escape_time t;
    double *coef = NULL, *coef_d = NULL;
    const json_t *convention = json_object_get(c->in, "convention");
    const char *word = convention ? json_string_value(convention) : "ito";
    int found = 0;
    while (found < 3 && (!word || strcmp(word, name[found]) != 0)) found++;
    if (found == 3) return tw_case_wrong(c, "convention", convention, "\"ito\", \"stratonovich\" or \"isothermal\"");
    p.convention = (tw_escape_convention)found;
    TW_TRY(get_problem(c, &p, &coef, &coef_d));
    TW_TRY(tw_escape_mfpt(&p, &t));
    tw_out_number(o, "T", true, t.mean);
    tw_out_number(o, "phi_start_to_absorb", true, t.exponent);
    tw_out_number(o, "relative_error", true, t.error);
done:
    free(coef);
    free(coef_d);
    return st;
}

static tw_status discrete_mfpt(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    tw_escape_problem p = {0};
    tw_escape_time t;
    double *coef = NULL, *coef_d = NULL, eta = 0;
    TW_TRY(get_problem(c, &p, &coef, &coef_d));
    TW_TRY(tw_case_real(c, "eta", &eta));
    TW_TRY(tw_escape_chain(&p, eta, &t));
    tw_out_number(o, "steps", true, t.mean);
    tw_out_number(o, "relative_error", true, t.error);
done:
    free(coef);
    free(coef_d);
    return st;
}

static tw_status kramers(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *ha = NULL, *hb = NULL, dl = 0, D = 0, full = 0, half = 0;
    int64_t n = 0;
    TW_TRY(get_list(c, "Ha_eigs", &n, &ha));
    TW_TRY(tw_case_vector(c, "Hb_eigs", n, &hb));
    TW_TRY(tw_case_real(c, "dL", &dl));
    TW_TRY(tw_case_real(c, "D", &D));
    TW_TRY(tw_escape_kramers(n, ha, hb, dl, D, &full, &half));
    tw_out_number(o, "tau_full", true, full);
    tw_out_number(o, "tau_to_saddle", true, half);
done:
    free(ha);
    free(hb);
    return st;
}

static tw_status ddt(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double dl = 0, hae = 0, hbe = 0, s = 0, eta = 0, B = 0;
    tw_escape_ddt d;
    TW_TRY(tw_case_real(c, "dL", &dl));
    TW_TRY(tw_case_real(c, "Hae", &hae));
    TW_TRY(tw_case_real(c, "Hbe_abs", &hbe));
    TW_TRY(tw_case_real(c, "s", &s));
    TW_TRY(tw_case_real(c, "eta", &eta));
    TW_TRY(tw_case_real(c, "B", &B));
    TW_TRY(tw_escape_ddt_time(dl, hae, hbe, s, eta, B, &d));
    tw_out_number(o, "exponent", true, d.exponent);
    tw_out_number(o, "tau_time", true, d.tau_time);
    tw_out_number(o, "tau_steps", true, d.tau_steps);
done:
    return st;
}

static tw_status box_exit(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *h = NULL, eta = 0, B = 0, r = 0, T = 0;
    int64_t n = 0;
    TW_TRY(get_list(c, "H_eigs", &n, &h));
    TW_TRY(tw_case_real(c, "eta", &eta));
    TW_TRY(tw_case_real(c, "B", &B));
    TW_TRY(tw_case_real(c, "half_width", &r));
    TW_TRY(tw_escape_box(n, h, eta, B, r, &T));
    tw_out_number(o, "T", true, T);
done:
    free(h);
    return st;
}

static tw_status first_of_n_copies(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    tw_escape_problem p = {.diffusion = {.law = TW_ESCAPE_CONST}};
    tw_escape_time one;
    double *coef = NULL, mean, slowest;
    int64_t n = 0;
    TW_TRY(get_landscape(c, &p.landscape, &coef));
    TW_TRY(tw_case_real(c, "D", &p.diffusion.scale));
    TW_TRY(tw_case_real(c, "lo", &p.lo));
    TW_TRY(tw_case_real(c, "start", &p.start));
    TW_TRY(tw_case_real(c, "absorb", &p.absorb));
    TW_TRY(tw_case_int(c, "copies", 1, &n));
    TW_TRY(tw_escape_mfpt(&p, &one));
    TW_TRY(tw_escape_first(&p, n, &mean, &slowest));
    tw_out_number(o, "T", true, mean);
    tw_out_number(o, "slow_rate_single", true, slowest);
    tw_out_number(o, "T_single", true, one.mean);
done:
    free(coef);
    return st;
}

static tw_status valley_chain(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *rates = NULL, *share = NULL, *stay = NULL, sum = 0;
    int64_t n = (int64_t)json_array_size(json_object_get(c->in, "rates"));
    if (n < 1) return tw_case_wrong(c, "rates", json_object_get(c->in, "rates"), "rows of rates");
    TW_TRY(tw_case_matrix(c, "rates", n, n, &rates));
    TW_TRY(tw_alloc(n, sizeof *share, &share));
    TW_TRY(tw_alloc(n, sizeof *stay, &stay));
    TW_TRY(tw_escape_valleys(n, rates, share, stay));
    tw_out_vector(o, "stationary", n, share);
    tw_out_vector(o, "mean_residence", n, stay);
    for (int64_t i = 0; i < n; i++) sum += stay[i];
    for (int64_t i = 0; i < n; i++) stay[i] /= sum;
    tw_out_vector(o, "tau_normalised", n, stay);
done:
    free(rates);
    free(share);
    free(stay);
    return st;
}

static tw_status radial_exit(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    int64_t n = 0;
    double lambda = 0, D = 0, R = 0, T = 0;
    TW_TRY(tw_case_int(c, "n", 1, &n));
    TW_TRY(tw_case_real(c, "lambda", &lambda));
    TW_TRY(tw_case_real(c, "D", &D));
    TW_TRY(tw_case_real(c, "R", &R));
    TW_TRY(tw_escape_ball(n, lambda, D, R, &T));
    tw_out_number(o, "T", true, T);
done:
    return st;
}

// "8 to 4 tanh, center -0.5 width 0.25"
static tw_status get_profile(const tw_case *c, tw_escape_coupled *p)
{
    const json_t *he = json_object_get(c->in, "he");
    int end = 0;
    if (json_is_string(he))
        sscanf(json_string_value(he), "%lf to %lf tanh, center %lf width %lf%n", &p->ha, &p->hb, &p->hcentre,
               &p->hwidth, &end);
    if (end == 0 || json_string_value(he)[end] != '\0')
        return tw_case_wrong(c, "he", he, "a string like \"8 to 4 tanh, center -0.5 width 0.25\"");
    return TW_OK;
}

static tw_status coupled_2d(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    tw_escape_coupled p = {0};
    tw_escape_time t;
    double *start = NULL;
    const json_t *noise = json_object_get(c->in, "noise");
    const char *word = json_string_value(noise);
    if (!word || (strcmp(word, "white") != 0 && strcmp(word, "hessian") != 0))
        return tw_case_wrong(c, "noise", noise, "\"white\" or \"hessian\"");
    p.hessian = *word == 'h';
    TW_TRY(tw_case_real(c, "ka", &p.ka));
    TW_TRY(tw_case_real(c, "kb", &p.kb));
    TW_TRY(tw_case_real(c, "kappa_center", &p.centre));
    TW_TRY(tw_case_real(c, "kappa_width", &p.width));
    TW_TRY(tw_case_real(c, p.hessian ? "c" : "D", &p.D));
    if (p.hessian) TW_TRY(get_profile(c, &p));
    TW_TRY(tw_case_real(c, "lo", &p.lo));
    TW_TRY(tw_case_real(c, "absorb_x", &p.absorb));
    TW_TRY(tw_case_vector(c, "start", 2, &start));
    p.x = start[0];
    p.y = start[1];
    TW_TRY(tw_escape_coupled_time(&p, &t));
    tw_out_number(o, "T", true, t.mean);
    tw_out_number(o, "relative_error", true, t.error);
done:
    free(start);
    return st;
}

static tw_status critical_points_poly(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *coef = NULL;
    tw_escape_point *point = NULL;
    int64_t n = 0, count = 0;
    TW_TRY(get_list(c, "coef", &n, &coef));
    TW_TRY(tw_alloc(n, sizeof *point, &point));
    TW_TRY(tw_escape_critical_points(n, coef, &count, point));
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++) {
        json_t *item = json_object();
        tw_out_number(item, "x", true, point[i].x);
        tw_out_number(item, "L", true, point[i].value);
        tw_out_number(item, "d2L", true, point[i].curvature);
        json_object_set_new(item, "type", json_string(point[i].type));
        json_array_append_new(list, item);
    }
    json_object_set_new(o, "points", list);
done:
    free(coef);
    free(point);
    return st;
}

static tw_status rate_mle(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *duration = NULL, *flag = NULL;
    bool *event = NULL;
    int64_t n = 0;
    tw_escape_rate r;
    TW_TRY(get_list(c, "durations", &n, &duration));
    TW_TRY(tw_case_vector(c, "event", n, &flag));
    TW_TRY(tw_alloc(n, sizeof *event, &event));
    for (int64_t i = 0; i < n; i++) {
        if (flag[i] != 0 && flag[i] != 1) {
            st = tw_fail(TW_EINVAL, "event[%d]: found %g, expected 0 (censored) or 1", (int)i, flag[i]);
            goto done;
        }
        event[i] = flag[i] == 1;
    }
    TW_TRY(tw_escape_rate_mle(n, duration, event, &r));
    const double interval[] = {r.lo, r.hi};
    json_object_set_new(o, "events", json_integer(r.events));
    tw_out_number(o, "exposure", true, r.exposure);
    tw_out_number(o, "gamma", true, r.rate);
    tw_out_vector(o, "ci95_censored", 2, interval);
    tw_out_number(o, "ln_tau", r.events > 0, r.ln_tau);
    tw_out_number(o, "se_ln_tau", r.events > 0, r.se_ln_tau);
done:
    free(duration);
    free(flag);
    free(event);
    return st;
}

static tw_status wls(const tw_case *c, json_t *o)
{
    tw_status st = TW_OK;
    double *x = NULL, *y = NULL, *se = NULL;
    int64_t n = 0;
    tw_escape_line l;
    TW_TRY(get_list(c, "x", &n, &x));
    TW_TRY(tw_case_vector(c, "y", n, &y));
    TW_TRY(tw_case_vector(c, "se", n, &se));
    TW_TRY(tw_escape_fit(n, x, y, se, &l));
    tw_out_number(o, "intercept", true, l.intercept);
    tw_out_number(o, "slope", true, l.slope);
    tw_out_number(o, "se_intercept", true, l.se_intercept);
    tw_out_number(o, "se_slope", true, l.se_slope);
    tw_out_number(o, "chi2", true, l.chi2);
    json_object_set_new(o, "dof", json_integer(l.dof));
    tw_out_number(o, "p_value", true, l.p);
    tw_out_number(o, "R2_weighted", true, l.r2);
done:
    free(x);
    free(y);
    free(se);
    return st;
}

tw_status tw_escape_solve_cases(const char *path, json_t **out)
{
    static const tw_case_kind kinds[] = {
        {"mfpt_1d", mfpt_1d},
        {"discrete_mfpt", discrete_mfpt},
        {"kramers", kramers},
        {"ddt", ddt},
        {"box_exit", box_exit},
        {"radial_exit", radial_exit},
        {"coupled_2d", coupled_2d},
        {"critical_points_poly", critical_points_poly},
        {"rate_mle", rate_mle},
        {"wls", wls},
        {"first_of_n_copies", first_of_n_copies},
        {"valley_chain", valley_chain},
    };
    return tw_cases_solve(path, "kind", sizeof kinds / sizeof *kinds, kinds, out);
}
