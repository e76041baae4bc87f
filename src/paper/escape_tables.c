// SPDX-License-Identifier: MIT
// Paper 4's three laws, -ln rate linear in B, 1/eta and 1/k, on logistic regression and small networks on its tables.
//
// Minibatches are drawn with replacement from the table; a run starts at the minimum and ends when some weight has
// moved by the size of the box. The paper leaves open regularisation, widths and how classes are joined: what is in
// `look` is ours, chosen by short trials of `thalweg escape network` so that times are exponential at all points and
// span e^3 and more. Boxes near the paper's 0.05 with large batches do that where a few samples are far out: a
// single draw is then small beside the box. Sensorless was tried on rows made in its form alone. A sharpness k is the
// step k eta (docs/escape.md), drawn afresh.
#include "paper/escape.h"

#include "paper/escape_valley.h"
#include "paper/evidence.h"
#include "thalweg/theory_escape.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { POINTS = 5, MODELS = 2 };

typedef struct look {
    const char *model; // behind the number of features
    double l2, box, eta;
    int batch[POINTS];
} look;

typedef struct table {
    tw_escape_set set;
    look look[MODELS];
} table;

static const char *const model_name[MODELS] = {"logistic regression", "network"};

static const table banknote = {{"Banknote", "banknote.csv", 1, 0},
                               {{"-1", 0.05, 0.27, 0.2, {4, 5, 6, 7, 8}},
                                {"-3-1,act=tanh", 0.06, 0.1, 0.3, {15, 18, 21, 24, 27}}}},
                   cardiotocography = {{"Cardiotocography", "cardiotocography.csv", 1, 0},
                                       {{"-1", 0.05, 0.1, 0.1, {29, 33, 37, 41, 45}},
                                        {"-3-1,act=tanh", 0.1, 0.1, 0.1, {8, 10, 12, 14, 16}}}},
                   avila = {{"Avila", "avila.csv", 6, 0},
                            {{"-1", 0.1, 0.05, 0.1, {115, 135, 155, 175, 195}},
                             {"-3-1,act=tanh", 0.06, 0.05, 0.1, {50, 65, 80, 95, 110}}}},
                   sensorless = {{"Sensorless", "Sensorless_drive_diagnosis.txt", 5, 0},
                                 {{"-1", 0.05, 0.05, 0.05, {80, 95, 110, 125, 140}},
                                  {"-3-1,act=tanh", 0.06, 0.1, 0.1, {24, 30, 36, 42, 48}}}};

static int64_t replicas(const tw_effort *e)
{
    static const int64_t count[] = {48, 400, 2000};
    return count[e->scale];
}

static int64_t horizon(const tw_effort *e)
{
    static const int64_t steps[] = {3000, 1000000, 10000000};
    return steps[e->scale];
}

// ---- covariance and Hessian at the minimum -------------------------------------------------------------------------

static tw_status covariance(const tw_effort *e, const table *t, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_escape_valley v = {0};
    bool there, straight = true, equal = true;
    double correlation[MODELS], slope[MODELS], traces[MODELS];
    for (int k = 0; k < MODELS; k++) {
        TW_TRY(tw_escape_valley_open(e, &t->set, t->look[k].model, t->look[k].l2, f, &v, &there));
        if (!there) goto done;
        correlation[k] = v.valley.correlation;
        slope[k] = v.valley.slope;
        traces[k] = v.valley.trace_ratio;
        tw_evidence_append(f, "loss", v.valley.a.value);
        tw_evidence_append(f, "correlation", correlation[k]);
        tw_evidence_append(f, "slope", slope[k]);
        tw_evidence_append(f, "trace_ratio", traces[k]);
        straight = straight && correlation[k] > 0.9;
        equal = equal && slope[k] > 0.9 && slope[k] < 1.1;
        tw_escape_valley_close(&v);
    }
    f->verdict = straight && equal ? TW_HOLDS : TW_CONTRADICTED;
    snprintf(f->measured, sizeof f->measured,
             "logistic regression: correlation of entries %.3f, slope <C, H>/<H, H> %.3f, tr C/tr H %.3f; network: "
             "%.3f, %.3f, %.3f (sums over all samples: no error)",
             correlation[0], slope[0], traces[0], correlation[1], slope[1], traces[1]);
done:
    tw_escape_valley_close(&v);
    return st;
}

// ---- laws ----------------------------------------------------------------------------------------------------------

typedef enum axis { BATCH, STEP, SHARPNESS } axis;

static void append(tw_finding *f, const char *model, const char *what, double x)
{
    char key[80];
    snprintf(key, sizeof key, "%s_%s", strcmp(model, "network") == 0 ? "network" : "logistic", what);
    tw_evidence_append(f, key, x);
}

__attribute__((format(printf, 2, 3))) static void say(tw_finding *f, const char *format, ...)
{
    size_t used = strlen(f->measured);
    va_list args;
    va_start(args, format);
    vsnprintf(f->measured + used, sizeof f->measured - used, format, args);
    va_end(args);
}

typedef struct readings {
    int n; // that count: events seen, times exponential
    double x[POINTS], ln_x[POINTS], y[POINTS], se[POINTS], theory[POINTS], paper[POINTS];
    int left_out;
    char fails[160];
    double per[POINTS], dot[POINTS], error[POINTS], chain[POINTS], formula[POINTS]; // all of them, to be drawn
} readings;

static tw_status read_point(const tw_effort *e, const look *l, axis a, int i, tw_escape_valley *v, const char *model,
                            int panel, tw_finding *f, readings *r)
{
    tw_status st = TW_OK;
    tw_escape_reading p;
    // The same ratios B / eta on every axis.
    double per = l->batch[i] / (double)l->batch[0], B = a == BATCH ? l->batch[i] : l->batch[0];
    double eta = a == BATCH ? l->eta : l->eta / per, x = a == BATCH ? B : a == STEP ? 1 / eta : per;
    // 1/k = per: k eta = eta0 / per. Fresh draws for the third law: with the second's they would be the same numbers.
    uint64_t seed = e->seed + (a == SHARPNESS ? 1000003u : 0) + (uint64_t)panel;
    TW_TRY(tw_escape_valley_leave(e, v, TW_NETWORK_SAMPLES, 0, l->box, eta, B, replicas(e), horizon(e), seed, &p));
    double units = log(eta);
    append(f, model, "x", x);
    append(f, model, "ln_steps", p.ln_tau);
    append(f, model, "se", p.se);
    append(f, model, "weibull_z", p.z);
    append(f, model, "theory_ln_steps", p.says.ln_steps);
    append(f, model, "paper_exponent", p.says.paper);
    append(f, model, "off_slope", p.premises.off_slope);
    append(f, model, "off_noise", p.premises.off_noise);
    append(f, model, "lone_samples", (double)p.premises.lone);
    if (i == 0) tw_network_premises_say(&p.premises, p.says.ln_steps, v->data->m, sizeof r->fails, r->fails);
    r->per[i] = per;
    r->dot[i] = p.ln_tau + units;
    r->error[i] = p.se;
    r->chain[i] = p.says.ln_steps + units;
    r->formula[i] = p.says.paper;
    if (!tw_escape_reading_counts(&p)) {
        r->left_out++;
        goto done;
    }
    r->x[r->n] = x;
    r->ln_x[r->n] = log(x);
    r->y[r->n] = p.ln_tau + units;
    r->se[r->n] = p.se;
    r->theory[r->n] = p.says.ln_steps + units;
    r->paper[r->n++] = p.says.paper;
done:
    return st;
}

static tw_status judge(const readings *r, const char *model, tw_finding *f, tw_verdict *verdict)
{
    tw_status st = TW_OK;
    tw_escape_line line, rival, theory, paper;
    *verdict = TW_UNDECIDED;
    if (r->n < 4) {
        say(f, "%s: only %d points of exponential times, four are needed", model, r->n);
        return TW_OK;
    }
    TW_TRY(tw_escape_fit(r->n, r->x, r->y, r->se, &line));
    TW_TRY(tw_escape_fit(r->n, r->ln_x, r->y, r->se, &rival));
    TW_TRY(tw_escape_fit(r->n, r->x, r->theory, r->se, &theory));
    TW_TRY(tw_escape_fit(r->n, r->x, r->paper, r->se, &paper));
    *verdict = tw_escape_line_verdict(&line, &rival);
    append(f, model, "slope", line.slope);
    append(f, model, "se_slope", line.se_slope);
    append(f, model, "chi2", line.chi2);
    append(f, model, "dof", (double)line.dof);
    append(f, model, "chi2_rival", rival.chi2);
    append(f, model, "slope_of_theory", theory.slope);
    append(f, model, "slope_of_paper", paper.slope);
    say(f, "%s: slope %.3g +- %.2g (linear chain %.3g, paper's %.3g)", model, line.slope, line.se_slope, theory.slope,
        paper.slope);
    say(f, "%s, chi2 %.1f on %d, rival %.0f", r->fails[0] ? " ?" : "", line.chi2, (int)line.dof, rival.chi2);
    if (r->left_out > 0) say(f, ", %d points left out", r->left_out);
done:
    return st;
}

// Both models, each a panel: points of the second follow those of the first.
static void draw(const table *t, axis a, const readings r[MODELS], tw_finding *f)
{
    static const char *const of[] = {"B over its least", "1/eta over its least", "1/k"};
    char title[96];
    snprintf(title, sizeof title, "Escape times on %s", t->set.name);
    json_t *figure = tw_evidence_figure(f, title, "ln(eta steps) with standard errors", of[a], TW_LINEAR, model_name[0],
                                        model_name[1]);
    for (int k = 0; k < MODELS; k++)
        for (int i = 0; i < POINTS; i++) {
            tw_evidence_x(figure, r[k].per[i]);
            tw_evidence_dot(figure, k, "measured", r[k].dot[i], r[k].error[i]);
            tw_evidence_line(figure, k, "linear Gaussian chain", r[k].chain[i]);
            tw_evidence_line(figure, k, "paper's exponent", r[k].formula[i]);
        }
}

static tw_status law(const tw_effort *e, const table *t, axis a, tw_finding *f)
{
    tw_status st = TW_OK;
    tw_escape_valley v = {0};
    bool there;
    tw_verdict verdict[MODELS];
    readings r[MODELS] = {{0}};
    f->measured[0] = '\0';
    for (int k = 0; k < MODELS; k++) {
        TW_TRY(tw_escape_valley_open(e, &t->set, t->look[k].model, t->look[k].l2, f, &v, &there));
        if (!there) goto done;
        for (int i = 0; i < POINTS; i++) TW_TRY(read_point(e, &t->look[k], a, i, &v, model_name[k], k, f, &r[k]));
        if (k > 0) say(f, "; ");
        TW_TRY(judge(&r[k], model_name[k], f, &verdict[k]));
        json_object_set_new(f->evidence, k ? "network_premise_fails" : "logistic_premise_fails",
                            json_string(r[k].fails));
        tw_escape_valley_close(&v);
    }
    draw(t, a, r, f);
    bool no = verdict[0] == TW_CONTRADICTED || verdict[1] == TW_CONTRADICTED;
    f->verdict = no ? TW_CONTRADICTED : verdict[0] == TW_HOLDS && verdict[1] == TW_HOLDS ? TW_HOLDS : TW_UNDECIDED;
done:
    tw_escape_valley_close(&v);
    return st;
}

#define OF(set)                                                                                                        \
    tw_status tw_escape_claim_##set##_covariance(const tw_effort *e, tw_finding *f) { return covariance(e, &set, f); } \
    tw_status tw_escape_claim_##set##_batch(const tw_effort *e, tw_finding *f) { return law(e, &set, BATCH, f); }      \
    tw_status tw_escape_claim_##set##_step(const tw_effort *e, tw_finding *f) { return law(e, &set, STEP, f); }        \
    tw_status tw_escape_claim_##set##_sharpness(const tw_effort *e, tw_finding *f)                                     \
    {                                                                                                                  \
        return law(e, &set, SHARPNESS, f);                                                                             \
    }
OF(banknote)
OF(cardiotocography)
OF(avila)
OF(sensorless)
#undef OF
