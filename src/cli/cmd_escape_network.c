// SPDX-License-Identifier: MIT
// thalweg escape network: escape times of a network on data, beside what its valley and saddle predict, over a sweep.
#include "cli/open.h"

#include "base/alloc.h"
#include "cli/escape.h"
#include "sim/network_premises.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct experiment {
    tw_data *data;
    tw_net *net;
    tw_escape_net *lanes;
    tw_network_surface surface;
    tw_network_valley valley;
    tw_ledger *ledger;
    tw_network_noise noise;
    tw_escape_rule rule;
    double D, size;
    int64_t replicas, max_steps, starts, repeats, paths;
    bool split;
    uint64_t seed;
} experiment;

typedef struct point {
    tw_escape_measured m;
    tw_network_predicted p;
    tw_network_premises premises;
    char fails[160]; // which premise of the theory does; "" none
    double dead;     // steps before a clock starts
} point;

// ---- what was asked for --------------------------------------------------------------------------------------------

static tw_status number_behind(const char *flag, const char *text, const char *name, double *out)
{
    size_t length = strlen(name);
    char *end;
    double x = text[length] == ':' ? strtod(text + length + 1, &end) : NAN;
    if (!(x > 0) || !isfinite(x) || *end)
        return tw_fail(TW_EINVAL, "--%s: found \"%.60s\", expected %s:NUMBER with a positive number", flag, text, name);
    *out = x;
    return TW_OK;
}

static tw_status read_words(const tw_args *args, experiment *e)
{
    static const char *const name[] = {"samples", "covariance", "hessian", "isotropic"};
    tw_status st = TW_OK;
    const char *noise = tw_args_str(args, "noise"), *rule = tw_args_str(args, "rule");
    bool known = false;
    for (int i = 0; i < 4; i++)
        if (strcmp(noise, name[i]) == 0) {
            e->noise = (tw_network_noise)i;
            known = true;
        }
    if (!known && strncmp(noise, "white", 5) == 0) {
        e->noise = TW_NETWORK_WHITE;
        TW_TRY(number_behind("noise", noise, "white", &e->D));
    } else if (!known) {
        st = tw_fail(TW_EINVAL, "--noise: found \"%.60s\", expected samples, covariance, hessian, isotropic or white:D",
                     noise);
        goto done;
    }
    e->rule = strcmp(rule, "saddle") == 0 ? TW_RULE_PLANE : TW_RULE_BOX;
    if (e->rule == TW_RULE_BOX) {
        if (strncmp(rule, "box", 3) != 0) {
            st = tw_fail(TW_EINVAL, "--rule: found \"%.60s\", expected saddle or box:SIZE", rule);
            goto done;
        }
        TW_TRY(number_behind("rule", rule, "box", &e->size));
    }
    TW_TRY(tw_args_int(args, "replicas", 2, 1 << 24, &e->replicas));
    TW_TRY(tw_args_int(args, "max-steps", 1, (int64_t)1 << 50, &e->max_steps));
    TW_TRY(tw_args_int(args, "repeats", 4, 100000, &e->repeats));
    TW_TRY(tw_args_int(args, "paths", 10, 1000000, &e->paths));
    e->split = strcmp(tw_args_str(args, "method"), "split") == 0;
    e->starts = e->rule == TW_RULE_PLANE ? 12 : 0;
    if (tw_args_str(args, "starts")) TW_TRY(tw_args_int(args, "starts", 0, 100000, &e->starts));
    TW_TRY(tw_args_seed(args, "seed", &e->seed));
done:
    return st;
}

// Classes 0 ... first - 1 become class 0, the others class 1, as the paper groups them.
static tw_status group_classes(const tw_args *args, tw_data *data)
{
    tw_status st = TW_OK;
    int64_t first = 0;
    if (!tw_args_str(args, "first-classes")) return TW_OK;
    TW_TRY(tw_args_int(args, "first-classes", 1, INT64_MAX, &first));
    if (first >= data->classes) {
        st = tw_fail(TW_EINVAL, "--first-classes: found %" PRId64 ", expected fewer than the %" PRId64 " classes",
                     first, data->classes);
        goto done;
    }
    for (int64_t j = 0; j < data->m; j++) data->label[j] = data->label[j] >= first;
    if (data->class_name)
        for (int64_t c = 2; c < data->classes; c++) free(data->class_name[c]);
    data->classes = 2;
done:
    return st;
}

static tw_status open_net(const tw_args *args, experiment *e)
{
    tw_status st = TW_OK;
    tw_net_opts opts = tw_net_defaults();
    const char *weights = tw_args_str(args, "weights");
    opts.real = 8; // minima and saddles are polished to 1e-9
    opts.loss = tw_args_str(args, "loss");
    opts.init = tw_args_str(args, "init");
    TW_TRY(tw_args_real(args, "l2", 0, 1e300, &opts.l2));
    opts.seed = e->seed;
    TW_TRY(tw_net_new(tw_args_str(args, "model"), e->data, &opts, &e->net));
    if (weights) TW_TRY(tw_net_load(e->net, weights));
    if (e->net->n > 1000) {
        st =
            tw_fail(TW_EINVAL, "model %s: found %" PRId64 " parameters, expected at most 1000: whole Hessians are kept",
                    e->net->model, e->net->n);
        goto done;
    }
    TW_TRY(tw_escape_net_new(e->net, e->data, &e->lanes));
done:
    return st;
}

// ---- one point -----------------------------------------------------------------------------------------------------

static tw_status factor_of(const experiment *e, double eta, double B, double **out)
{
    tw_status st = TW_OK;
    int64_t n = e->net->n;
    double trace = 0;
    TW_TRY(tw_alloc(n * n, sizeof **out, out));
    TW_TRY(tw_network_noise_matrix(&e->valley, e->net->l2, e->noise, e->D, eta, B, *out));
    for (int64_t i = 0; i < n; i++) trace += (*out)[i * n + i];
    // The least that makes a matrix of smaller rank positive to rounding: 1e-10 of its mean eigenvalue.
    for (int64_t i = 0; i < n; i++) (*out)[i * n + i] += 1e-10 * trace / (double)n;
    TW_TRY(tw_cholesky(n, *out));
    for (int64_t i = 0; i < n * n; i++) (*out)[i] *= eta;
done:
    return st;
}

// Clocks start when the start is forgotten, after five of the longest relaxation times; where most are out by then,
// at once, and the score says whether the times are exponential all the same.
static tw_status estimate(const experiment *e, const int64_t *steps, const bool *escaped, double eta, point *p)
{
    double dead = ceil(5 / (eta * e->valley.a.eig[0]));
    int64_t later = 0;
    for (int64_t i = 0; i < e->replicas; i++) later += (double)steps[i] > dead;
    p->dead = 2 * later > e->replicas ? dead : 0;
    if (p->dead == 0)
        snprintf(
            p->m.note, sizeof p->m.note,
            "most are out within %.3g steps, five relaxation times of the flattest direction: clocks start at once",
            dead);
    return tw_escape_estimate(e->replicas, steps, escaped, p->dead, &p->m);
}

static tw_status simulate(const experiment *e, const tw_escape_walk *walk, const char *key, const tw_progress *progress,
                          point *p)
{
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(e->replicas, sizeof *steps, &steps));
    TW_TRY(tw_alloc(e->replicas, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_walk_run(walk, e->replicas, e->max_steps, e->ledger, key, progress, steps, escaped));
    TW_TRY(estimate(e, steps, escaped, walk->eta, p));
done:
    free(steps);
    free(escaped);
    return st;
}

// Does a simulation of 4 million steps contradict the splitting? It does where a single sample leaps over all levels.
static tw_status cross_check(const tw_escape_walk *walk, const tw_progress *progress, tw_escape_measured *m)
{
    enum { REPLICAS = 512, STEPS = 8192 };
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(REPLICAS, sizeof *steps, &steps));
    TW_TRY(tw_alloc(REPLICAS, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_walk_run(walk, REPLICAS, STEPS, NULL, NULL, progress, steps, escaped));
    tw_escape_doubt(REPLICAS, steps, escaped, m);
done:
    free(steps);
    free(escaped);
    return st;
}

// Splitting where it was asked for, escapes are rare and no simulation contradicts it.
static tw_status split(const experiment *e, const tw_escape_walk *walk, const char *key, const tw_progress *progress,
                       point *p)
{
    tw_status st = TW_OK;
    tw_escape_splitting found;
    double forget = ceil(5 / (walk->eta * e->valley.a.eig[0]));
    if (e->valley.a.flat > 0 || !(forget < 1e6)) {
        snprintf(p->m.note, sizeof p->m.note,
                 "the flattest direction forgets the start in %.3g steps, too many for splitting: simulated", forget);
        return TW_OK;
    }
    TW_TRY(tw_escape_walk_split(walk, (int64_t)forget, e->repeats, e->paths, e->ledger, key, progress, &found));
    p->m.split = found.rare;
    if (!found.rare) goto done;
    p->dead = forget;
    tw_escape_split_read(&found, &p->m);
    TW_TRY(cross_check(walk, progress, &p->m));
done:
    return st;
}

static tw_status measure(experiment *e, const tw_escape_sweep *s, int64_t i, const tw_progress *progress, point *p)
{
    tw_status st = TW_OK;
    const tw_network_valley *v = &e->valley;
    double B = tw_escape_pick(s, 0, i), eta = tw_escape_pick(s, 1, i) * tw_escape_pick(s, 2, i), *factor = NULL;
    double *normal = NULL;
    char key[32];
    tw_escape_walk walk = {.net = e->lanes, .rule = e->rule, .size = e->size, .a = v->a.x, .eta = eta, .seed = e->seed};
    p->m = (tw_escape_measured){.at = tw_escape_pick(s, s->which, i), .lr = eta};
    p->m.x = tw_escape_abscissa(s, p->m.at);
    p->m.chain = p->m.sde = p->m.formula = p->m.exponent = p->m.weibull = NAN;
    if (e->noise == TW_NETWORK_SAMPLES && (B != floor(B) || B > 1e9)) {
        st = tw_fail(TW_EINVAL, "--batch: found %g, expected a whole number of samples", B);
        goto done;
    }
    double sharpest = v->a.eig[v->a.n - 1];
    if (eta * sharpest >= 2) {
        st = tw_fail(TW_EINVAL,
                     "step: found k lr = %g, expected less than 2 over the largest curvature of the valley, %g: with "
                     "more it is left without noise",
                     eta, 2 / sharpest);
        goto done;
    }
    walk.batch = e->noise == TW_NETWORK_SAMPLES ? (int64_t)B : 1;
    if (e->noise != TW_NETWORK_SAMPLES) TW_TRY(factor_of(e, eta, B, &factor));
    walk.factor = factor;
    if (e->rule == TW_RULE_PLANE) { // v, turned away from a
        double side = 0;
        TW_TRY(tw_alloc(v->a.n, sizeof *normal, &normal));
        for (int64_t k = 0; k < v->a.n; k++) side += v->b.vector[k] * (v->b.x[k] - v->a.x[k]);
        for (int64_t k = 0; k < v->a.n; k++) normal[k] = side < 0 ? -v->b.vector[k] : v->b.vector[k];
        walk.normal = normal;
        walk.b = v->b.x;
    }
    snprintf(key, sizeof key, "%" PRId64, i);
    if (e->split) TW_TRY(split(e, &walk, key, progress, p));
    if (!p->m.split) TW_TRY(simulate(e, &walk, key, progress, p));
    TW_TRY(tw_network_predict(v, e->net->l2, e->noise, e->D, e->rule, e->size, eta, B, &p->p));
    TW_TRY(tw_network_premises_find(&e->surface, v, e->noise, e->D, e->rule, e->size, eta, B, &p->premises));
    tw_network_premises_say(&p->premises, p->p.ln_steps, e->data->m, sizeof p->fails, p->fails);
done:
    free(factor);
    free(normal);
    return st;
}

// ---- what is shown -------------------------------------------------------------------------------------------------

static void show_valley(const tw_args *args, const experiment *e)
{
    const tw_network_valley *v = &e->valley;
    int64_t n = v->a.n;
    printf("Escape of %s on %s\n", e->net->model, e->data->name);
    printf("%" PRId64 " parameters, %" PRId64 " samples, loss %s, l2 %g, %s noise, rule %s\n\n", n, e->data->m,
           tw_loss_name(e->net->loss), e->net->l2, tw_args_str(args, "noise"), tw_args_str(args, "rule"));
    printf("Valley: L = %.12g, gradient %.1e, curvatures %.5g to %.5g\n", v->a.value, v->a.gradient, v->a.eig[0],
           v->a.eig[n - 1]);
    printf("        C_1 against H: slope %.4f, correlation of entries %.4f, traces %.4f\n", v->slope, v->correlation,
           v->trace_ratio);
    if (!v->saddle) {
        if (v->starts > 0) printf("Saddle: none joined to the valley in %" PRId64 " searches\n", v->starts);
        return;
    }
    printf("Saddle: L = %.12g, gradient %.1e, curvature %.5g, then %.5g to %.5g; %" PRId64 " of %" PRId64
           " searches ended at one\n",
           v->b.value, v->b.gradient, v->b.eig[0], v->b.eig[1], v->b.eig[n - 1], v->hits, v->starts);
    printf("        barrier %.6g, |b - a| %.4g, behind it L = %.9g, share of the climb in the well s = %.4f\n",
           v->barrier, v->distance, v->far, v->share);
    printf("        H_ae: %.5g along v, %.5g nearest to b - a, %.5g flattest\n", v->hae[0], v->hae[1], v->hae[2]);
    printf("        exponent times lr/B: path's action %.5g (ridge %g), %.5g (ridge %g), one sample at a time %.5g\n",
           v->action[0], v->ridge[0], v->action[1], v->ridge[1], v->cramer);
}

static void show_number(double x)
{
    if (isfinite(x))
        printf("  %10.4f", x);
    else
        printf("  %10s", "-");
}

static void show_head(const tw_escape_sweep *s, const experiment *e)
{
    printf("\n%10s  %12s  %26s  %8s  %6s  %7s  %6s  %10s   %10s  %10s\n", tw_escape_swept[s->which].flag, "steps",
           "95 % interval", "ln steps", "se", "escapes", "z", "ln theory", "exponent",
           e->noise == TW_NETWORK_WHITE ? "" : "paper's");
}

static void show_point(const point *p)
{
    char interval[64];
    snprintf(interval, sizeof interval, "[%.5g, %.5g]", p->m.lo, p->m.hi);
    printf("%10.5g  %12.6g  %26s  %8.4f  %6.4f  ", p->m.at, p->m.tau, interval, p->m.ln_tau, p->m.se);
    if (p->m.split)
        printf("%7s  %6s", "split", "");
    else
        printf("%7" PRId64 "  %6.2f", p->m.events, p->m.weibull);
    show_number(p->p.ln_steps);
    printf("%s", p->fails[0] ? "?" : " ");
    show_number(p->p.exponent);
    show_number(p->p.paper);
    printf("\n");
}

static void put(json_t *o, const char *name, double x)
{
    json_object_set_new(o, name, isfinite(x) ? json_real(x) : json_null());
}

static json_t *point_json(const point *p)
{
    json_t *o = json_object();
    put(o, "at", p->m.at);
    put(o, "x", p->m.x);
    put(o, "rate_k_lr", p->m.lr);
    put(o, "steps", p->m.tau);
    put(o, "low", p->m.lo);
    put(o, "high", p->m.hi);
    put(o, "ln_steps", p->m.ln_tau);
    put(o, "se_ln_steps", p->m.se);
    put(o, "weibull_z", p->m.weibull);
    json_object_set_new(o, "method", json_string(p->m.split ? "splitting" : "simulation"));
    json_object_set_new(o, "events", p->m.split ? json_null() : json_integer(p->m.events));
    put(o, "clock_starts_after", p->dead);
    put(o, "theory_ln_steps", p->p.ln_steps);
    put(o, "theory_exponent", p->p.exponent);
    put(o, "path_action_exponent", p->p.action);
    put(o, "paper_exponent", p->p.paper);
    put(o, "paper_ln_steps", p->p.paper_ln_steps);
    put(o, "cramer_exponent", p->p.cramer);
    json_object_set_new(o, "note", json_string(p->m.note));
    json_t *premises = json_object();
    put(premises, "level", p->premises.level);
    put(premises, "off_slope", p->premises.off_slope);
    put(premises, "off_noise", p->premises.off_noise);
    json_object_set_new(premises, "lone_samples", json_integer(p->premises.lone));
    put(premises, "lone_ln_steps", p->premises.lone_steps);
    json_object_set_new(premises, "fails", json_string(p->fails));
    json_object_set_new(o, "premises", premises);
    return o;
}

static json_t *valley_json(const tw_network_valley *v)
{
    json_t *o = json_object(), *a = json_object(), *b = json_object();
    put(a, "loss", v->a.value);
    put(a, "gradient", v->a.gradient);
    json_object_set_new(a, "found", json_boolean(v->a.found));
    json_object_set_new(a, "flat", json_integer(v->a.flat));
    json_object_set_new(a, "curvatures", tw_json_reals(v->a.n, v->a.eig));
    put(a, "covariance_slope", v->slope);
    put(a, "covariance_correlation", v->correlation);
    put(a, "covariance_trace_ratio", v->trace_ratio);
    json_object_set_new(o, "valley", a);
    json_object_set_new(b, "found", json_boolean(v->saddle));
    json_object_set_new(b, "searches", json_integer(v->starts));
    json_object_set_new(b, "ended_at_one", json_integer(v->hits));
    if (v->saddle) {
        put(b, "loss", v->b.value);
        put(b, "gradient", v->b.gradient);
        json_object_set_new(b, "curvatures", tw_json_reals(v->b.n, v->b.eig));
        put(b, "barrier", v->barrier);
        put(b, "distance", v->distance);
        put(b, "loss_behind", v->far);
        put(b, "share", v->share);
        json_object_set_new(b, "h_ae", tw_json_reals(3, v->hae));
        json_object_set_new(b, "action", tw_json_reals(2, v->action));
        json_object_set_new(b, "action_ridge", tw_json_reals(2, v->ridge));
        put(b, "cramer", v->cramer);
    }
    json_object_set_new(o, "saddle", b);
    return o;
}

// Slopes over x of what theory says, by the weights of what was measured, beside the measured slope.
static tw_status show_slopes(const tw_escape_sweep *s, const point *p, bool json, json_t *result)
{
    static const char *const name[] = {"theory", "theory exponent", "paper's exponent", "path's action",
                                       "one sample at a time"};
    tw_status st = TW_OK;
    json_t *slopes = json_object();
    for (int k = 0; k < 5; k++) {
        double x[TW_ESCAPE_POINTS], y[TW_ESCAPE_POINTS], se[TW_ESCAPE_POINTS];
        int64_t n = 0;
        tw_escape_line line;
        for (int64_t i = 0; i < s->points; i++) {
            const double said[] = {p[i].p.ln_steps, p[i].p.exponent, p[i].p.paper, p[i].p.action, p[i].p.cramer};
            if (!isfinite(said[k]) || !(p[i].m.se > 0)) continue;
            x[n] = p[i].m.x;
            y[n] = said[k];
            se[n++] = p[i].m.se;
        }
        if (n < 3) continue;
        TW_TRY(tw_escape_fit(n, x, y, se, &line));
        json_object_set_new(slopes, name[k], json_real(line.slope));
        if (!json) printf("slope of %s: %.5g\n", name[k], line.slope);
    }
done:
    json_object_set_new(result, "predicted_slopes", slopes);
    return st;
}

static tw_status show(const tw_args *args, const experiment *e, const tw_escape_sweep *s, const point *p,
                      json_t *result)
{
    static const char *const name[] = {"measured", "theory", "exponent", "paper's exponent"};
    tw_status st = TW_OK;
    tw_escape_measured *m = NULL;
    double y[4][TW_ESCAPE_POINTS];
    bool json = tw_args_flag(args, "json");
    (void)e;
    TW_TRY(tw_alloc(s->points, sizeof *m, &m));
    for (int64_t i = 0; i < s->points; i++) {
        m[i] = p[i].m;
        y[0][i] = p[i].m.ln_tau;
        y[1][i] = p[i].p.ln_steps;
        y[2][i] = p[i].p.exponent;
        y[3][i] = p[i].p.paper;
        if (!json && p[i].m.note[0] && (i == 0 || strcmp(p[i].m.note, p[i - 1].m.note) != 0))
            printf("%s %.5g: %s\n", tw_escape_swept[s->which].flag, p[i].m.at, p[i].m.note);
        if (!json && p[i].fails[0])
            printf("? %s %.5g: ln theory does not hold: %s\n", tw_escape_swept[s->which].flag, p[i].m.at, p[i].fails);
    }
    TW_TRY(tw_escape_fit_show(s, m, json, result));
    TW_TRY(show_slopes(s, p, json, result));
    TW_TRY(tw_escape_draw(args, tw_args_str(args, "model"), s, m, 4, name, y));
    TW_TRY(tw_show_provenance(args, result));
    if (json) TW_TRY(tw_show_json(json_incref(result)));
done:
    free(m);
    return st;
}

static tw_status open_all(const tw_args *args, experiment *e)
{
    tw_status st = TW_OK;
    char *recipe = NULL;
    double *w = NULL;
    TW_TRY(read_words(args, e));
    TW_TRY(tw_open_data_f64(args, &e->data));
    TW_TRY(group_classes(args, e->data));
    TW_TRY(open_net(args, e));
    if (tw_args_str(args, "ledger")) {
        TW_TRY(tw_args_recipe(args, &recipe));
        TW_TRY(tw_escape_ledger(tw_args_str(args, "ledger"), recipe, e->data->checksum, &e->ledger));
        tw_explain(args, "ledger", "%" PRId64 " finished groups of replicas found", tw_ledger_found(e->ledger));
    }
    tw_network_surface_open(e->net, e->data, tw_show_progress(args), &e->surface);
    TW_TRY(tw_alloc(e->net->n, sizeof *w, &w));
    tw_net_get_weights(e->net, w);
    TW_TRY(tw_network_valley_find(&e->surface, w, e->starts, e->seed, &e->valley));
    tw_show_progress_end();
done:
    free(recipe);
    free(w);
    return st;
}

// Without a valley (or a saddle where one is needed) there is nothing to escape from.
static bool is_ready(const experiment *e)
{
    const tw_network_valley *v = &e->valley;
    if (!v->a.found)
        tw_show_shortfall("no minimum was reached: gradient %.2g left, %" PRId64 " negative curvatures", v->a.gradient,
                          v->a.index);
    else if (v->a.flat > 0)
        tw_show_shortfall("%" PRId64 " flat directions at the minimum: formulas with its determinant say nothing; --l2 "
                          "1e-3 removes them",
                          v->a.flat);
    if (!v->a.found || (e->rule == TW_RULE_PLANE && v->a.flat > 0)) return false;
    if (e->rule == TW_RULE_PLANE && !v->saddle) {
        tw_show_shortfall("no saddle joined to the valley was found in %" PRId64 " searches: more --starts, or --rule "
                          "box:SIZE",
                          v->starts);
        return false;
    }
    return true;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    experiment e = {0};
    tw_escape_sweep s;
    point *p = NULL;
    bool json = tw_args_flag(args, "json");
    json_t *result = NULL, *rows = json_array();
    tw_progress progress = tw_show_progress(args);

    TW_TRY(tw_escape_sweep_read(args, 3, &s));
    TW_TRY(tw_open_check_out("figure", tw_args_str(args, "figure"), ".svg .pdf .png"));
    TW_TRY(open_all(args, &e));
    TW_TRY(tw_alloc(s.points, sizeof *p, &p));
    result = valley_json(&e.valley);
    json_object_set_new(result, "sweep", json_string(tw_escape_swept[s.which].flag));
    json_object_set(result, "points", rows);
    json_object_set_new(result, "network", tw_open_net_json(args, e.net));
    json_object_set_new(result, "data", tw_open_data_json(args, e.data));
    if (!json) show_valley(args, &e);
    if (!is_ready(&e)) {
        if (json) TW_TRY(tw_show_json(json_incref(result)));
        goto done;
    }
    if (!json) show_head(&s, &e);
    for (int64_t i = 0; i < s.points; i++) {
        TW_TRY(measure(&e, &s, i, &progress, &p[i]));
        tw_show_progress_end();
        if (!json) show_point(&p[i]);
        json_array_append_new(rows, point_json(&p[i]));
        if (p[i].m.split && p[i].m.se > 0.3)
            tw_show_shortfall(
                "%s = %g: the repeats of splitting disagree by %.2g of the rate: more --paths or --repeats",
                tw_escape_swept[s.which].flag, p[i].m.at, p[i].m.se);
        if (p[i].m.events == 0 && !p[i].m.split)
            tw_show_shortfall("%s = %g: nothing escaped within %" PRId64 " steps; --method split reaches rare escapes",
                              tw_escape_swept[s.which].flag, p[i].m.at, e.max_steps);
    }
    TW_TRY(show(args, &e, &s, p, result));
done:
    json_decref(rows);
    json_decref(result);
    free(p);
    tw_ledger_close(e.ledger);
    tw_network_valley_free(&e.valley);
    tw_escape_net_free(e.lanes);
    tw_net_free(e.net);
    tw_data_free(e.data);
    return st;
}

static const tw_flag flags[] = {
    {"model", "SPEC", NULL, "mlp:4-1 (with --loss logistic: logistic regression), mlp:4-6-2,act=tanh, ...",
     .required = true},
    {"loss", "NAME", NULL, "without it xent for classes, mse for numbers", .choices = "xent|logistic|mse|half-mse"},
    {"l2", "REAL", "0.001", "adds (l2/2)|w|^2: without it there are flat directions, where formulas say nothing"},
    {"weights", "FILE", NULL, "where the way down to the minimum begins; without it drawn by --init and --seed"},
    {"init", "NAME", "torch", "distribution of initial weights",
     .choices = "torch|he-normal|he-uniform|glorot-normal|glorot-uniform|he-truncated"},
    {"first-classes", "N", NULL, "two classes: the first N of the data's, and the others"},
    {"rule", "RULE", "box:0.1", "out when some |w_i - a_i| >= SIZE (box:SIZE), or past the saddle's plane (saddle)"},
    {"noise", "KIND", "samples",
     "samples (minibatches); Gaussian: covariance (C_1/B), hessian (H/B), isotropic, white:D"},
    {"lr", "LIST", "0.1", "step; one of the three lists may have several values"},
    {"batch", "LIST", "1", "batch size B"},
    {"k", "LIST", "1", "sharpness factor: L(sqrt(k) w), box and saddle divided by sqrt(k)"},
    {"starts", "N", NULL, "searches for a saddle; without it 12 where the rule needs one"},
    {"replicas", "N", "200", "simulate: independent runs"},
    {"max-steps", "N", "10000000", "simulate: runs are cut off here"},
    {"method", "NAME", "simulate", "how; split simulates where escapes are not rare", .choices = "simulate|split"},
    {"repeats", "N", "16", "split: independent estimates, whose spread is the error"},
    {"paths", "N", "1000", "split: trajectories of each"},
    {"ledger", "FILE", NULL, "finished work is kept there as it comes; the same command goes on from it",
     .neutral = true},
    {0},
};

const tw_command tw_cmd_escape_network = {
    .name = "escape network",
    .summary = "escape times of a network on data, measured and predicted",
    .about =
        "Goes down to the minimum by Newton's method, with --rule saddle up to saddles by eigenvector following (and\n"
        "down again: only those count whose path ends in the valley), all with the exact Hessian in double; then runs\n"
        "SGD, a replica a lane, until it is out, for each point of a sweep. Rates: censored maximum likelihood with\n"
        "the exact 95 % interval; or --method split, adaptive multilevel splitting on the distance from the minimum,\n"
        "for escapes that are too rare to be waited for. z is the score of Weibull shape 1: beyond 3 the times are\n"
        "not exponential. Theory: for a box the linear Gaussian chain (Lyapunov, Pickands), for white noise Kramers'\n"
        "time to the saddle, for minibatches the action along the path; paper's: with C = H/B, r^2 B/lr for a box\n"
        "and theorem 3.2 for a saddle. A ? behind ln theory: a premise of it fails, and a line below says which.",
    .example = "thalweg escape network --data gauss:classes=2,dim=4,n=200 --model mlp:4-1 --loss logistic --l2 0.01 "
               "--rule box:0.4 --lr 0.2 --batch 1,2,3 --replicas 100",
    .uses = TW_USE_DATA | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
