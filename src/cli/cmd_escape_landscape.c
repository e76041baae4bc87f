// SPDX-License-Identifier: MIT
// thalweg escape landscape: escape times by simulation or splitting, beside exact ones and the formulas, over a sweep.
#include "cli/show.h"

#include "base/alloc.h"
#include "cli/escape.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void show_point(const tw_escape_measured *m)
{
    char interval[64];
    snprintf(interval, sizeof interval, "[%.5g, %.5g]", m->lo, m->hi);
    printf("%10.5g  %12.6g  %26s  %8.4f  %6.4f  ", m->at, m->tau, interval, m->ln_tau, m->se);
    if (m->split)
        printf("%7s  %6s", "split", "");
    else
        printf("%7" PRId64 "  %6.2f", m->events, m->weibull);
    const double theory[] = {m->chain, m->sde, m->formula};
    for (int i = 0; i < 3; i++)
        if (isnan(theory[i]))
            printf("  %12s", "-");
        else
            printf("  %12.6g", theory[i]);
    printf("\n");
}

static json_t *point_json(const tw_escape_measured *m)
{
    json_t *o = json_object();
    const struct {
        const char *name;
        double value;
    } field[] = {{"at", m->at},
                 {"x", m->x},
                 {"rate_k_lr", m->lr},
                 {"steps", m->tau},
                 {"low", m->lo},
                 {"high", m->hi},
                 {"ln_steps", m->ln_tau},
                 {"se_ln_steps", m->se},
                 {"weibull_z", m->weibull},
                 {"chain_steps", m->chain},
                 {"sde_steps", m->sde},
                 {"formula_steps", m->formula},
                 {"formula_exponent", m->exponent}};
    json_object_set_new(o, "method", json_string(m->split ? "splitting" : "simulation"));
    json_object_set_new(o, "events", m->split ? json_null() : json_integer(m->events));
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        json_object_set_new(o, field[i].name, isfinite(field[i].value) ? json_real(field[i].value) : json_null());
    json_object_set_new(o, "note", json_string(m->note));
    return o;
}

static tw_status draw(const tw_args *args, const tw_escape_sweep *s, const tw_escape_measured *m)
{
    static const char *const name[] = {"measured", "chain", "SDE", "formula"};
    double y[4][TW_ESCAPE_POINTS];
    for (int64_t i = 0; i < s->points; i++) {
        const double steps[] = {m[i].tau, m[i].chain, m[i].sde, m[i].formula};
        for (int k = 0; k < 4; k++) y[k][i] = isfinite(steps[k]) ? log(steps[k]) : NAN;
    }
    return tw_escape_draw(args, tw_args_str(args, "potential"), s, m, 4, name, y);
}

static void show_parts(const tw_args *args, const tw_escape_setting *s)
{
    const char *line = s->potential;
    for (int64_t i = 0; i < s->parts; i++) {
        int length = (int)strcspn(line, "\n");
        if (i == 0)
            printf("Escape of %.*s", length, line);
        else
            printf("\n   beside %.*s", length, line);
        if (s->parts == 1) printf(" in %" PRId64 " dimension%s", s->dim, s->dim == 1 ? "" : "s");
        printf(" from %.6g past %.6g", s->start[i], s->absorb[i]);
        if (s->both) printf(" or %.6g", s->lo[i]);
        line += length + (line[length] == '\n');
    }
    printf(", %.40s noise\n\n", tw_args_str(args, "noise"));
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_escape_setting setting = {0};
    tw_escape_sweep s;
    tw_escape_measured *m = NULL;
    char *recipe = NULL, key[32];
    bool json = tw_args_flag(args, "json");
    json_t *result = json_object(), *rows = json_array();
    tw_progress progress = tw_show_progress(args);

    TW_TRY(tw_escape_read(args, &setting));
    TW_TRY(tw_escape_sweep_read(args, 4, &s));
    TW_TRY(tw_alloc(s.points, sizeof *m, &m));
    if (tw_args_str(args, "ledger")) {
        TW_TRY(tw_args_recipe(args, &recipe));
        TW_TRY(tw_escape_ledger(tw_args_str(args, "ledger"), recipe, 0, &setting.ledger));
    }
    if (!json) {
        show_parts(args, &setting);
        printf("%10s  %12s  %26s  %8s  %6s  %7s  %6s  %12s  %12s  %12s\n", tw_escape_swept[s.which].flag, "steps",
               "95 % interval", "ln steps", "se", "escapes", "z", "chain exact", "SDE exact", "formula");
    }
    for (int64_t i = 0; i < s.points; i++) {
        setting.batch = tw_escape_pick(&s, 0, i);
        setting.lr = tw_escape_pick(&s, 1, i);
        setting.k = tw_escape_pick(&s, 2, i);
        setting.barrier = tw_escape_pick(&s, 3, i);
        snprintf(key, sizeof key, "%" PRId64, i);
        TW_TRY(tw_escape_measure(&setting, key, &progress, &m[i]));
        m[i].at = tw_escape_pick(&s, s.which, i);
        m[i].x = tw_escape_abscissa(&s, m[i].at);
        tw_show_progress_end();
        if (!json) show_point(&m[i]);
        json_array_append_new(rows, point_json(&m[i]));
        if (m[i].split && m[i].se > 0.3)
            tw_show_shortfall(
                "%s = %g: the repeats of splitting disagree by %.2g of the rate: more --paths or --repeats",
                tw_escape_swept[s.which].flag, m[i].at, m[i].se);
        if (m[i].events == 0 && !m[i].split)
            tw_show_shortfall("%s = %g: nothing escaped within %" PRId64 " steps; --method split reaches rare escapes",
                              tw_escape_swept[s.which].flag, m[i].at, setting.max_steps);
    }
    for (int64_t i = 0; !json && i < s.points; i++)
        if (m[i].note[0] && (i == 0 || strcmp(m[i].note, m[i - 1].note) != 0))
            printf("%s %.5g: %s\n", tw_escape_swept[s.which].flag, m[i].at, m[i].note);
    json_object_set_new(result, "sweep", json_string(tw_escape_swept[s.which].flag));
    json_object_set(result, "points", rows);
    TW_TRY(tw_escape_fit_show(&s, m, json, result));
    TW_TRY(draw(args, &s, m));
    TW_TRY(tw_show_provenance(args, result));
    if (json) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(rows);
    json_decref(result);
    free(m);
    free(recipe);
    tw_escape_forget(&setting);
    return st;
}

static const tw_flag flags[] = {
    {"potential", "WHAT", "quartic",
     "of each coordinate: quartic, styblinski-tang, poly:c0,c1,..., an expression in x, table:FILE, "
     "piecewise:HA,HB,DL; "
     "given again: of the next coordinate, in turn",
     .many = true},
    {"dim", "N", NULL, "coordinates, of which the first to leave counts; without it as many as potentials"},
    {"noise", "KIND", "white:0.2",
     "white:D; hessian[:DELTA] (covariance |H|/B); gauss:C (C/B); cov:MATRIX (numbers, or a file); samples:SIGMA"},
    {"both", NULL, NULL, "the end is also at --lo, without it as far as --absorb: out of a box"},
    {"lr", "LIST", "0.01", "step; one of the four lists may have several values"},
    {"batch", "LIST", "1", "batch size B"},
    {"k", "LIST", "1", "sharpness factor: L(sqrt(k) x), ends divided by sqrt(k)"},
    {"barrier", "LIST", "1", "factor of the landscape"},
    {"start", "X", NULL, "at k = 1; without it the leftmost minimum"},
    {"absorb", "X", NULL, "the end; without it the maximum to the right of the start"},
    {"lo", "X", NULL, "moves below are not made; without it 1.6 times as far to the left"},
    {"method", "NAME", "simulate", "how; split simulates where escapes are not rare", .choices = "simulate|split"},
    {"replicas", "N", "1000", "simulate: independent runs"},
    {"max-steps", "N", "100000000", "simulate: runs are cut off here"},
    {"repeats", "N", "16", "split: independent estimates, whose spread is the error"},
    {"paths", "N", "1000", "split: trajectories of each"},
    {"ledger", "FILE", NULL, "finished work is kept there as it comes; the same command goes on from it",
     .neutral = true},
    {0},
};

const tw_command tw_cmd_escape_landscape = {
    .name = "escape landscape",
    .summary = "escape times on test landscapes, measured and predicted",
    .about =
        "Mean steps until SGD-like motion leaves a minimum, by simulation (censored maximum likelihood, exact 95 %\n"
        "interval) or by adaptive multilevel splitting for rare escapes, beside the exact time of the chain and of\n"
        "the SDE and the formula (Kramers' for white and gauss, the paper's for hessian; halved, as the escape ends\n"
        "at the saddle). z is the score of Weibull shape 1: beyond 3 the times are not exponential. In several\n"
        "dimensions, and with ends on both sides, the exact rates of each are added, right when escapes are rare.",
    .example = "thalweg escape landscape --noise white:0.2 --lr 0.02 --barrier 0.6,0.8,1,1.2 --replicas 400",
    .uses = TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
