// SPDX-License-Identifier: MIT
// An escape experiment from words: landscape, noise, ends; then one point of it, measured and predicted.
//
// L_k(x) = L(sqrt(k) x), with start and ends divided by sqrt(k), is the chain of k = 1 at the rate k lr, step for step
// (put y = sqrt(k) x): so that is what is run.
#include "cli/escape.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "thalweg/data.h"
#include "theory/gamma.h"
#include "theory/potential.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static tw_status numbers(const char *flag, const char *text, int64_t most, int64_t *count, double *out)
{
    *count = 0;
    for (const char *at = text; *count < most;) {
        char *end;
        out[*count] = strtod(at, &end);
        if (end == at || !isfinite(out[*count]) || (*end && *end != ',')) break;
        ++*count;
        if (!*end) return TW_OK;
        at = end + 1;
    }
    return tw_fail(TW_EINVAL, "--%s: found \"%.60s\", expected 1 to %" PRId64 " numbers with commas between", flag,
                   text, most);
}

// The potentials of --potential, one a line, with this factor.
static tw_status open_parts(const char *text, double height, int64_t *count, tw_potential **out)
{
    tw_status st = TW_OK;
    char *lines = NULL, *rest = NULL;
    TW_TRY(tw_strdup(text, &lines));
    *count = 0;
    for (char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (*count == TW_ESCAPE_PARTS) {
            st = tw_fail(TW_EINVAL, "--potential: found more than %d, expected at most so many", TW_ESCAPE_PARTS);
            goto done;
        }
        TW_TRY(tw_potential_new(line, 1, height, &out[*count]));
        ++*count;
    }
    if (*count == 0) st = tw_fail(TW_EINVAL, "--potential: found nothing, expected quartic, an expression in x, ...");
done:
    free(lines);
    return st;
}

static void close_parts(tw_potential **part)
{
    for (int i = 0; i < TW_ESCAPE_PARTS; i++) tw_potential_free(part[i]);
}

// cov:FILE, a matrix [dim][dim] of .npy, .npz or .safetensors, or cov:c11,c12,...: a factor by Cholesky.
static tw_status read_covariance(const char *text, tw_escape_setting *s)
{
    tw_status st = TW_OK;
    int64_t n = s->dim, count = 0;
    tw_arrays *arrays = NULL;
    if (n > 1000) return tw_fail(TW_EINVAL, "--noise cov: found %" PRId64 " dimensions, expected at most 1000", n);
    TW_TRY(tw_alloc(n * n, sizeof *s->root, &s->root));
    TW_TRY(tw_alloc(n, sizeof *s->variance, &s->variance));
    if (strspn(text, "0123456789.,+-eE") == strlen(text)) {
        TW_TRY(numbers("noise", text, n * n, &count, s->root));
    } else {
        TW_TRY(tw_arrays_load(text, &arrays));
        const tw_array *a = arrays->count > 0 ? &arrays->array[0] : NULL;
        if (a && a->rank == 2 && a->shape[0] == n && a->shape[1] == n) count = n * n;
        for (int64_t i = 0; i < count; i++)
            s->root[i] = a->real == 8 ? ((const double *)a->x)[i] : ((const float *)a->x)[i];
    }
    if (count != n * n) {
        st =
            tw_fail(TW_EINVAL, "--noise cov:%.60s: expected a matrix of %" PRId64 " x %" PRId64 " numbers", text, n, n);
        goto done;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++)
            if (!(fabs(s->root[i * n + k] - s->root[k * n + i]) <= 1e-6 * fabs(s->root[i * n + i]))) {
                st = tw_fail(TW_EINVAL,
                             "--noise cov: found %g and %g at (%" PRId64 ", %" PRId64 ") and its mirror image, "
                             "expected a symmetric matrix",
                             s->root[i * n + k], s->root[k * n + i], i + 1, k + 1);
                goto done;
            }
    // 1e-10 of the diagonal makes a matrix of smaller rank (full correlation) positive to rounding.
    for (int64_t i = 0; i < n; i++) {
        s->variance[i] = s->root[i * n + i];
        s->root[i * n + i] *= 1 + 1e-10;
    }
    st = tw_cholesky(n, s->root);
    if (st == TW_ENUMERIC)
        st = tw_fail(TW_EINVAL, "--noise cov: expected a positive definite matrix: its Cholesky factor is not real");
done:
    tw_arrays_free(arrays);
    return st;
}

static tw_status read_noise(const char *text, tw_escape_setting *s)
{
    static const char *const name[] = {"white", "hessian", "gauss", "samples", "cov"};
    size_t length = strcspn(text, ":");
    for (int i = 0; i < 5; i++) {
        if (strlen(name[i]) != length || strncmp(text, name[i], length) != 0) continue;
        s->noise = (tw_escape_noise)i;
        if (!text[length] && s->noise == TW_ESCAPE_SHARP) return TW_OK; // literal |L''|
        if (!text[length]) break;
        if (s->noise == TW_ESCAPE_FULL) return read_covariance(text + length + 1, s);
        char *end;
        s->strength = strtod(text + length + 1, &end);
        if (end != text + length + 1 && !*end && isfinite(s->strength) && s->strength >= 0) return TW_OK;
        return tw_fail(TW_EINVAL, "--noise: found \"%.60s\", expected %s:NUMBER with a number of at least 0", text,
                       name[i]);
    }
    return tw_fail(TW_EINVAL,
                   "--noise: found \"%.60s\", expected white:D, hessian, hessian:DELTA, gauss:C, cov:MATRIX or "
                   "samples:SIGMA",
                   text);
}

// The leftmost minimum with a maximum to the right of it (or a place below it and that maximum, both given).
static tw_status find_well(const tw_potential *p, double *start, double *absorb)
{
    tw_status st = TW_OK;
    tw_escape_landscape l = tw_potential_landscape(p);
    double lo = -10, hi = 10;
    if (l.shape != TW_ESCAPE_POLY || l.terms > TW_ESCAPE_TERMS || l.terms < 3) {
        (void)tw_potential_range(p, &lo, &hi);
        return tw_potential_well(&l, lo, hi, NAN, start, absorb);
    }
    tw_escape_point point[TW_ESCAPE_TERMS];
    int64_t count = 0, i = 0;
    TW_TRY(tw_escape_critical_points(l.terms, l.coef, &count, point));
    while (i < count && strcmp(point[i].type, "min") != 0) i++;
    *start = i < count ? point[i].x : NAN;
    while (i < count && strcmp(point[i].type, "max") != 0) i++;
    *absorb = i < count ? point[i].x : NAN;
done:
    return st;
}

static tw_status find_ends(const tw_args *args, tw_potential *const *part, tw_escape_setting *s)
{
    tw_status st = TW_OK;
    bool given = tw_args_str(args, "start") && tw_args_str(args, "absorb");
    if (s->parts > 1 && (tw_args_str(args, "start") || tw_args_str(args, "absorb") || tw_args_str(args, "lo"))) {
        st = tw_fail(TW_EINVAL, "--start, --absorb, --lo: found with several potentials, expected one potential");
        goto done;
    }
    for (int64_t i = 0; i < s->parts; i++) {
        s->start[i] = s->absorb[i] = NAN;
        if (!given) TW_TRY(find_well(part[i], &s->start[i], &s->absorb[i]));
        TW_TRY(tw_args_real(args, "start", -1e6, 1e6, &s->start[i]));
        TW_TRY(tw_args_real(args, "absorb", -1e6, 1e6, &s->absorb[i]));
        if (!(s->start[i] < s->absorb[i])) {
            st = tw_fail(TW_EINVAL,
                         "--potential: a minimum with a maximum to the right of it was not found; give --start "
                         "and --absorb, start < absorb");
            goto done;
        }
        double lo, hi;
        s->lo[i] = s->start[i] - (s->both ? 1 : 1.6) * (s->absorb[i] - s->start[i]);
        if (tw_potential_range(part[i], &lo, &hi)) s->lo[i] = fmax(s->lo[i], lo);
        TW_TRY(tw_args_real(args, "lo", -1e6, 1e6, &s->lo[i]));
    }
done:
    return st;
}

tw_status tw_escape_read(const tw_args *args, tw_escape_setting *s)
{
    tw_status st = TW_OK;
    tw_potential *part[TW_ESCAPE_PARTS] = {NULL};
    const char *method = tw_args_str(args, "method");
    s->potential = tw_args_str(args, "potential");
    s->both = tw_args_flag(args, "both");
    TW_TRY(open_parts(s->potential, 1, &s->parts, part));
    s->dim = s->parts;
    if (tw_args_str(args, "dim")) TW_TRY(tw_args_int(args, "dim", 1, 100000, &s->dim));
    if (s->dim < s->parts) {
        st = tw_fail(TW_EINVAL,
                     "--dim: found %" PRId64 ", expected at least one coordinate for each of %" PRId64 " potentials",
                     s->dim, s->parts);
        goto done;
    }
    TW_TRY(read_noise(tw_args_str(args, "noise"), s));
    TW_TRY(find_ends(args, part, s));
    TW_TRY(tw_args_int(args, "replicas", 2, 1 << 30, &s->replicas));
    TW_TRY(tw_args_int(args, "max-steps", 1, (int64_t)1 << 50, &s->max_steps));
    TW_TRY(tw_args_int(args, "repeats", 4, 100000, &s->repeats));
    TW_TRY(tw_args_int(args, "paths", 10, 1000000, &s->paths));
    TW_TRY(tw_args_seed(args, "seed", &s->seed));
    s->split = strcmp(method, "split") == 0;
done:
    close_parts(part);
    return st;
}

void tw_escape_forget(tw_escape_setting *s)
{
    free(s->root);
    free(s->variance);
    tw_ledger_close(s->ledger);
    *s = (tw_escape_setting){0};
}

tw_status tw_escape_estimate(int64_t replicas, const int64_t *steps, const bool *escaped, double dead,
                             tw_escape_measured *m)
{
    tw_status st = TW_OK;
    int64_t alive = 0;
    bool *event = NULL;
    double *t = NULL;
    tw_escape_rate rate;
    TW_TRY(tw_alloc(replicas, sizeof *event, &event));
    TW_TRY(tw_alloc(replicas, sizeof *t, &t));
    for (int64_t i = 0; i < replicas; i++) {
        if ((double)steps[i] <= dead) continue;
        t[alive] = (double)steps[i] - dead;
        event[alive++] = escaped[i];
    }
    if (alive < 2) {
        st = tw_fail(TW_ENUMERIC,
                     "escape: all but %" PRId64 " of %" PRId64 " replicas are out within %g steps, the time "
                     "to forget the start: not a matter of rates",
                     alive, replicas, dead);
        goto done;
    }
    TW_TRY(tw_escape_rate_mle(alive, t, event, &rate));
    TW_TRY(tw_escape_weibull(alive, t, event, &m->weibull));
    if (rate.events < 8) m->weibull = NAN; // its law is that of many
    m->events = rate.events;
    m->tau = rate.events ? 1 / rate.rate : INFINITY;
    m->lo = 1 / rate.hi;
    m->hi = rate.lo > 0 ? 1 / rate.lo : INFINITY;
    m->ln_tau = rate.ln_tau;
    m->se = rate.se_ln_tau;
done:
    free(event);
    free(t);
    return st;
}

static tw_status simulate(const tw_escape_setting *s, const tw_escape_chain_spec *c, double sharpness, const char *key,
                          const tw_progress *progress, tw_escape_measured *m)
{
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(s->replicas, sizeof *steps, &steps));
    TW_TRY(tw_alloc(s->replicas, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_simulate_kept(c, s->replicas, s->max_steps, s->ledger, key, progress, steps, escaped));
    // The clock starts when the start is forgotten: five relaxation times, or at once where escapes are faster.
    double dead = sharpness > 0 ? ceil(5 / (c->eta * sharpness)) : 0;
    TW_TRY(tw_escape_estimate(s->replicas, steps, escaped, dead, m));
done:
    free(steps);
    free(escaped);
    return st;
}

void tw_escape_split_read(const tw_escape_splitting *split, tw_escape_measured *m)
{
    m->split = true;
    m->tau = split->mean;
    m->lo = split->lo;
    m->hi = split->hi;
    m->ln_tau = log(split->mean);
    m->se = split->error;
}

void tw_escape_doubt(int64_t replicas, const int64_t *steps, const bool *escaped, tw_escape_measured *m)
{
    double exposure = 0, seen = 0;
    for (int64_t i = 0; i < replicas; i++) {
        exposure += (double)steps[i];
        seen += escaped[i];
    }
    double expected = exposure / m->lo; // at the largest rate of the interval
    m->events = (int64_t)seen;
    // P(a Poisson count of this mean is at least what was seen) = P(chi-squared of 2 seen <= 2 expected)
    if (seen == 0 || 1 - tw_chi2_tail(2 * seen, 2 * expected) >= 1e-3) return;
    m->split = false;
    snprintf(m->note, sizeof m->note,
             "splitting said %.3g steps; a simulation saw %g escapes where it allows %.2g: simulated instead", m->tau,
             seen, expected);
}

// Does a simulation of 20 million steps contradict the splitting? It does when the noise leaps over all levels at once.
static tw_status cross_check(const tw_escape_chain_spec *c, const tw_progress *progress, tw_escape_measured *m)
{
    enum { REPLICAS = 1000, STEPS = 20000 };
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(REPLICAS, sizeof *steps, &steps));
    TW_TRY(tw_alloc(REPLICAS, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_simulate(c, REPLICAS, STEPS, progress, steps, escaped));
    tw_escape_doubt(REPLICAS, steps, escaped, m);
done:
    free(steps);
    free(escaped);
    return st;
}

// The first place between two where the curvature changes sign.
static double inflection(const tw_escape_landscape *l, double a, double b)
{
    double at = a;
    for (int i = 1; i <= 1000 && tw_escape_value(l, 2, at) > 0; i++) at = a + (b - a) * i / 1000;
    double from = at - (b - a) / 1000;
    for (int i = 0; i < 60; i++) {
        double middle = (from + at) / 2;
        if (tw_escape_value(l, 2, middle) > 0)
            from = middle;
        else
            at = middle;
    }
    return at;
}

// One coordinate past one end, as theory has it: in steps; NAN where it says nothing.
typedef struct side {
    double chain, sde, formula, exponent;
} side;

static void formula_of(const tw_escape_problem *p, const tw_escape_chain_spec *c, side *out)
{
    const tw_escape_landscape *l = &p->landscape;
    double ha = tw_escape_value(l, 2, p->start), hb = tw_escape_value(l, 2, p->absorb), full, half;
    double dl = tw_escape_value(l, 0, p->absorb) - tw_escape_value(l, 0, p->start);
    tw_escape_ddt ddt;
    if (!(ha > 0 && hb < 0 && dl > 0)) return;
    if (p->diffusion.law == TW_ESCAPE_CONST) {
        out->exponent = dl / p->diffusion.scale;
        if (tw_escape_kramers(1, &ha, &hb, dl, p->diffusion.scale, &full, &half) == TW_OK) out->formula = half / c->eta;
        return;
    }
    double share = (tw_escape_value(l, 0, inflection(l, p->start, p->absorb)) - tw_escape_value(l, 0, p->start)) / dl;
    if (tw_escape_ddt_time(dl, ha, -hb, share, c->eta, c->B, &ddt) != TW_OK) return;
    out->formula = ddt.tau_steps / 2;
    out->exponent = ddt.exponent;
}

static side predict_side(const tw_escape_problem *p, const tw_escape_chain_spec *c, tw_escape_measured *m)
{
    side out = {NAN, NAN, NAN, NAN};
    tw_escape_time time;
    formula_of(p, c, &out);
    if (c->noise == TW_ESCAPE_SHARP && c->strength == 0) {
        snprintf(m->note, sizeof m->note,
                 "the noise vanishes where L'' does: neither SDE nor chain has an exact time; hessian:DELTA has");
        return out;
    }
    if (tw_escape_mfpt(p, &time) == TW_OK)
        out.sde = time.mean / c->eta;
    else
        snprintf(m->note, sizeof m->note, "SDE: %.140s", tw_error());
    if (tw_escape_chain(p, c->eta, &time) == TW_OK)
        out.chain = time.mean;
    else
        snprintf(m->note, sizeof m->note, "chain: %.140s", tw_error());
    return out;
}

static double mirrored(const void *ctx, int d, double x)
{
    double value = tw_escape_value(ctx, d, -x);
    return d == 1 ? -value : value;
}

static void add_rate(double *rate, double time) { *rate += 1 / time; }

// Rates of all coordinates and ends add, as they do where escapes are rare.
static void predict(const tw_escape_setting *s, const tw_escape_chain_spec *c, tw_escape_measured *m)
{
    side rate = {0, 0, 0, 0};
    bool same = c->noise != TW_ESCAPE_FULL; // coordinates of a part need no second look
    double least = INFINITY;
    if (c->noise == TW_ESCAPE_SAMPLES) {
        if (!m->note[0])
            snprintf(m->note, sizeof m->note, "noise of real samples is not Gaussian: no exact time is offered");
        return;
    }
    for (int64_t i = 0; i < (same ? s->parts : s->dim); i++) {
        const tw_escape_part *part = &c->part[i % s->parts];
        double times = same ? (double)((s->dim - i + s->parts - 1) / s->parts) : 1;
        for (int end = 0; end < (s->both ? 2 : 1); end++) {
            tw_escape_problem p = {
                .landscape = part->landscape, .lo = part->lo, .start = part->start, .absorb = part->absorb};
            if (s->both && !end) p.lo = part->start - (part->absorb - part->start);
            if (end) {
                p.landscape =
                    (tw_escape_landscape){.shape = TW_ESCAPE_FUNCTION, .value = mirrored, .ctx = &part->landscape};
                p.lo = -part->start - (part->start - part->lo);
                p.start = -part->start;
                p.absorb = -part->lo;
            }
            double C = c->noise == TW_ESCAPE_FULL ? s->variance[i] : c->strength;
            if (c->noise == TW_ESCAPE_SHARP)
                p.diffusion = (tw_escape_diffusion){
                    .law = TW_ESCAPE_ABS_HESS, .scale = c->eta / (2 * c->B), .delta = c->strength};
            else
                p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_CONST,
                                                    .scale = c->noise == TW_ESCAPE_WHITE ? C : c->eta * C / (2 * c->B)};
            side one = predict_side(&p, c, m);
            add_rate(&rate.chain, one.chain / times);
            add_rate(&rate.sde, one.sde / times);
            add_rate(&rate.formula, one.formula / times);
            least = fmin(least, one.exponent);
        }
    }
    m->chain = 1 / rate.chain;
    m->sde = 1 / rate.sde;
    m->formula = 1 / rate.formula;
    m->exponent = isfinite(least) ? least : NAN;
}

// One polynomial for all coordinates and ends on one side: the lanes' fast way. Else parts.
static bool is_plain(const tw_escape_setting *s, const tw_escape_landscape *l)
{
    return s->parts == 1 && !s->both && s->noise != TW_ESCAPE_FULL && l->shape == TW_ESCAPE_POLY &&
           l->terms <= TW_ESCAPE_TERMS;
}

tw_status tw_escape_measure(const tw_escape_setting *s, const char *key, const tw_progress *progress,
                            tw_escape_measured *m)
{
    tw_status st = TW_OK;
    tw_potential *potential[TW_ESCAPE_PARTS] = {NULL};
    tw_escape_part part[TW_ESCAPE_PARTS];
    int64_t parts;
    double sharpness = INFINITY, sharpest = 0;
    tw_escape_chain_spec c = {.n = s->dim,
                              .noise = s->noise,
                              .strength = s->strength,
                              .eta = s->k * s->lr,
                              .B = s->batch,
                              .start = s->start[0],
                              .absorb = s->absorb[0],
                              .lo = s->lo[0],
                              .seed = s->seed,
                              .part = part,
                              .both = s->both,
                              .root = s->root};
    m->lr = c.eta;
    m->chain = m->sde = m->formula = m->exponent = m->weibull = NAN;
    TW_TRY(open_parts(s->potential, s->barrier, &parts, potential));
    for (int64_t i = 0; i < parts; i++) {
        part[i] = (tw_escape_part){tw_potential_landscape(potential[i]), s->start[i], s->absorb[i], s->lo[i]};
        double curvature = tw_escape_value(&part[i].landscape, 2, s->start[i]);
        sharpness = fmin(sharpness, curvature);
        sharpest = fmax(sharpest, curvature);
    }
    if (c.eta * sharpest >= 2) {
        st = tw_fail(TW_EINVAL,
                     "step: found k lr = %g, expected less than 2 over the largest L'' at a start, %g: with more the "
                     "chain leaves without noise",
                     c.eta, 2 / sharpest);
        goto done;
    }
    if (is_plain(s, &part[0].landscape)) {
        c.terms = part[0].landscape.terms;
        memcpy(c.coef, part[0].landscape.coef, (size_t)c.terms * sizeof *c.coef);
    } else {
        c.parts = parts;
    }
    tw_escape_splitting split = {.rare = false};
    if (s->split) {
        TW_TRY(tw_escape_split(&c, s->repeats, s->paths, s->ledger, key, progress, &split));
        if (split.rare) tw_escape_split_read(&split, m);
        if (split.rare) TW_TRY(cross_check(&c, progress, m));
    }
    if (!m->split) TW_TRY(simulate(s, &c, sharpness, key, progress, m));
    predict(s, &c, m);
done:
    close_parts(potential);
    return st;
}
