// SPDX-License-Identifier: MIT
// An escape experiment from words: landscape, noise, ends; then one point of it, measured and predicted.
//
// L_k(x) = L(sqrt(k) x), with start and ends divided by sqrt(k), is the chain of k = 1 at the rate k lr, step for step
// (put y = sqrt(k) x): so that is what is run.
#include "cli/escape.h"

#include "base/alloc.h"
#include "theory/gamma.h"
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

static tw_status read_potential(const char *text, tw_escape_setting *s)
{
    static const double quartic[] = {1, 0, -2, 0, 1}, tang[] = {0, 2.5, -8, 0, 0.5};
    if (strcmp(text, "quartic") == 0 || strcmp(text, "styblinski-tang") == 0) {
        s->terms = 5;
        memcpy(s->coef, *text == 'q' ? quartic : tang, sizeof quartic);
        return TW_OK;
    }
    if (strncmp(text, "poly:", 5) == 0) return numbers("potential", text + 5, TW_ESCAPE_TERMS, &s->terms, s->coef);
    return tw_fail(TW_EINVAL,
                   "--potential: found \"%.60s\", expected quartic, styblinski-tang or poly:c0,c1,... (at most %d "
                   "coefficients)",
                   text, TW_ESCAPE_TERMS);
}

static tw_status read_noise(const char *text, tw_escape_setting *s)
{
    static const char *const name[] = {"white", "hessian", "gauss", "samples"};
    size_t length = strcspn(text, ":");
    int64_t count;
    for (int i = 0; i < 4; i++) {
        if (strlen(name[i]) != length || strncmp(text, name[i], length) != 0) continue;
        s->noise = (tw_escape_noise)i;
        if (!text[length] && s->noise == TW_ESCAPE_SHARP) return TW_OK; // literal |L''|
        if (!text[length]) break;
        return numbers("noise", text + length + 1, 1, &count, &s->strength);
    }
    return tw_fail(TW_EINVAL,
                   "--noise: found \"%.60s\", expected white:D, hessian, hessian:DELTA, gauss:C or samples:SIGMA",
                   text);
}

// Without --start and --absorb: the leftmost minimum and the maximum to the right of it.
static tw_status find_ends(const tw_args *args, tw_escape_setting *s)
{
    tw_status st = TW_OK;
    tw_escape_point point[TW_ESCAPE_TERMS];
    int64_t count = 0, i = 0;
    TW_TRY(tw_escape_critical_points(s->terms, s->coef, &count, point));
    while (i < count && *point[i].type != 'm') i++;
    while (i < count && strcmp(point[i].type, "min") != 0) i++;
    s->start = i < count ? point[i].x : NAN;
    while (i < count && strcmp(point[i].type, "max") != 0) i++;
    s->absorb = i < count ? point[i].x : NAN;
    TW_TRY(tw_args_real(args, "start", -1e6, 1e6, &s->start));
    TW_TRY(tw_args_real(args, "absorb", -1e6, 1e6, &s->absorb));
    if (!(s->start < s->absorb))
        return tw_fail(TW_EINVAL,
                       "--potential: a minimum with a maximum to the right of it was not found; give --start "
                       "and --absorb, start < absorb");
    s->lo = s->start - 1.6 * (s->absorb - s->start);
    TW_TRY(tw_args_real(args, "lo", -1e6, 1e6, &s->lo));
done:
    return st;
}

tw_status tw_escape_read(const tw_args *args, tw_escape_setting *s)
{
    tw_status st = TW_OK;
    const char *method = tw_args_str(args, "method");
    TW_TRY(read_potential(tw_args_str(args, "potential"), s));
    TW_TRY(read_noise(tw_args_str(args, "noise"), s));
    TW_TRY(find_ends(args, s));
    TW_TRY(tw_args_int(args, "dim", 1, 100000, &s->dim));
    TW_TRY(tw_args_int(args, "replicas", 2, 1 << 30, &s->replicas));
    TW_TRY(tw_args_int(args, "max-steps", 1, (int64_t)1 << 50, &s->max_steps));
    TW_TRY(tw_args_int(args, "repeats", 4, 100000, &s->repeats));
    TW_TRY(tw_args_int(args, "paths", 10, 1000000, &s->paths));
    TW_TRY(tw_args_seed(args, "seed", &s->seed));
    s->split = strcmp(method, "split") == 0;
done:
    return st;
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

static tw_status simulate(const tw_escape_setting *s, const tw_escape_chain_spec *c, double sharpness,
                          const tw_progress *progress, tw_escape_measured *m)
{
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    TW_TRY(tw_alloc(s->replicas, sizeof *steps, &steps));
    TW_TRY(tw_alloc(s->replicas, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_simulate(c, s->replicas, s->max_steps, progress, steps, escaped));
    // The clock starts when the start is forgotten: five relaxation times, or at once where escapes are faster.
    double dead = sharpness > 0 ? ceil(5 / (c->eta * sharpness)) : 0;
    TW_TRY(tw_escape_estimate(s->replicas, steps, escaped, dead, m));
done:
    free(steps);
    free(escaped);
    return st;
}

// Does a simulation of 20 million steps contradict the splitting? It does when the noise leaps over all levels at once.
static tw_status cross_check(const tw_escape_chain_spec *c, const tw_progress *progress, tw_escape_measured *m)
{
    enum { REPLICAS = 1000, STEPS = 20000 };
    tw_status st = TW_OK;
    int64_t *steps = NULL;
    bool *escaped = NULL;
    double exposure = 0, seen = 0;
    TW_TRY(tw_alloc(REPLICAS, sizeof *steps, &steps));
    TW_TRY(tw_alloc(REPLICAS, sizeof *escaped, &escaped));
    TW_TRY(tw_escape_simulate(c, REPLICAS, STEPS, progress, steps, escaped));
    for (int64_t i = 0; i < REPLICAS; i++) {
        exposure += (double)steps[i];
        seen += escaped[i];
    }
    double expected = exposure / m->lo; // at the largest rate of the interval
    m->events = (int64_t)seen;
    // P(a Poisson count of this mean is at least what was seen) = P(chi-squared of 2 seen <= 2 expected)
    if (seen == 0 || 1 - tw_chi2_tail(2 * seen, 2 * expected) >= 1e-3) goto done;
    m->split = false;
    snprintf(m->note, sizeof m->note,
             "splitting said %.3g steps; a simulation saw %g escapes where it allows %.2g: simulated instead", m->tau,
             seen, expected);
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

static void predict(const tw_escape_setting *s, const tw_escape_chain_spec *c, tw_escape_measured *m)
{
    tw_escape_problem p = {
        .landscape = {TW_ESCAPE_POLY, c->terms, c->coef, 0, 0, 0}, .lo = c->lo, .start = c->start, .absorb = c->absorb};
    const tw_escape_landscape *l = &p.landscape;
    double ha = tw_escape_value(l, 2, c->start), hb = tw_escape_value(l, 2, c->absorb), n = (double)s->dim, full, half;
    double dl = tw_escape_value(l, 0, c->absorb) - tw_escape_value(l, 0, c->start);
    tw_escape_time time;
    tw_escape_ddt ddt;
    if (c->noise == TW_ESCAPE_WHITE || c->noise == TW_ESCAPE_GAUSSIAN) {
        double D = c->noise == TW_ESCAPE_WHITE ? c->strength : c->eta * c->strength / (2 * c->B);
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_CONST, .scale = D};
        if (ha > 0 && hb < 0 && dl > 0 && tw_escape_kramers(1, &ha, &hb, dl, D, &full, &half) == TW_OK)
            m->formula = half / c->eta / n;
        m->exponent = dl / D;
    } else if (c->noise == TW_ESCAPE_SHARP) {
        double scale = c->eta / (2 * c->B);
        p.diffusion = (tw_escape_diffusion){.law = TW_ESCAPE_ABS_HESS, .scale = scale, .delta = c->strength};
        if (ha > 0 && hb < 0 && dl > 0) {
            double share =
                (tw_escape_value(l, 0, inflection(l, c->start, c->absorb)) - tw_escape_value(l, 0, c->start)) / dl;
            if (tw_escape_ddt_time(dl, ha, -hb, share, c->eta, c->B, &ddt) == TW_OK) {
                m->formula = ddt.tau_steps / 2 / n;
                m->exponent = ddt.exponent;
            }
        }
        if (c->strength == 0) {
            snprintf(m->note, sizeof m->note,
                     "the noise vanishes where L'' does: neither SDE nor chain has an exact time; hessian:DELTA has");
            return;
        }
    } else {
        if (!m->note[0])
            snprintf(m->note, sizeof m->note, "noise of real samples is not Gaussian: no exact time is offered");
        return;
    }
    if (tw_escape_mfpt(&p, &time) == TW_OK)
        m->sde = time.mean / c->eta / n;
    else
        snprintf(m->note, sizeof m->note, "SDE: %.140s", tw_error());
    if (tw_escape_chain(&p, c->eta, &time) == TW_OK)
        m->chain = time.mean / n;
    else
        snprintf(m->note, sizeof m->note, "chain: %.140s", tw_error());
}

tw_status tw_escape_measure(const tw_escape_setting *s, const tw_progress *progress, tw_escape_measured *m)
{
    tw_status st = TW_OK;
    tw_escape_chain_spec c = {.n = s->dim,
                              .terms = s->terms,
                              .noise = s->noise,
                              .strength = s->strength,
                              .eta = s->k * s->lr,
                              .B = s->batch,
                              .start = s->start,
                              .absorb = s->absorb,
                              .lo = s->lo,
                              .seed = s->seed};
    for (int64_t i = 0; i < s->terms; i++) c.coef[i] = s->barrier * s->coef[i];
    tw_escape_landscape l = {TW_ESCAPE_POLY, c.terms, c.coef, 0, 0, 0};
    m->lr = c.eta;
    m->chain = m->sde = m->formula = m->exponent = m->weibull = NAN;
    tw_escape_splitting split = {.rare = false};
    if (s->split) {
        TW_TRY(tw_escape_split(&c, s->repeats, s->paths, progress, &split));
        m->split = split.rare;
    }
    if (m->split) {
        m->tau = split.mean;
        m->lo = split.lo;
        m->hi = split.hi;
        m->ln_tau = log(split.mean);
        m->se = split.error;
        TW_TRY(cross_check(&c, progress, m));
    }
    if (!m->split) TW_TRY(simulate(s, &c, tw_escape_value(&l, 2, c.start), progress, m));
    predict(s, &c, m);
done:
    return st;
}
