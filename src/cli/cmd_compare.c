// SPDX-License-Identifier: MIT
// thalweg compare: curvature and gradient moments side by side, before, during and after training.
#include "cli/open.h"

#include "base/alloc.h"
#include "base/outfile.h"
#include "net/net.h"
#include "report/figure.h"
#include "report/page_parts.h"
#include "thalweg/curv_compare.h"
#include "thalweg/trainer.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STATES = 64, SHOWN = 3 }; // SHOWN: states a figure has panels for

typedef struct state {
    char label[96];
    int64_t step; // -1: from a file
    tw_compare *found;
} state;

typedef struct job {
    const tw_args *args;
    tw_data *data;
    tw_net *net;
    tw_revisit run; // whose data and net they are, with --run
    tw_compare_opts opts;
    int64_t epochs;
    int states;
    state state[STATES];
    bool diverged;
} job;

static tw_status read_opts(job *j)
{
    tw_status st = TW_OK;
    const tw_args *args = j->args;
    j->opts = tw_compare_defaults();
    j->opts.matrices = tw_args_str(args, "matrices");
    j->opts.progress = tw_show_progress(args);
    TW_TRY(tw_args_int(args, "top", 1, 10000, &j->opts.top));
    TW_TRY(tw_args_int(args, "full", 0, 20000, &j->opts.full));
    TW_TRY(tw_args_int(args, "probes", 3, INT64_MAX, &j->opts.probes));
    TW_TRY(tw_args_real(args, "tolerance", 0, 1, &j->opts.tolerance));
    TW_TRY(tw_args_int(args, "max-products", 1, INT64_MAX, &j->opts.max_products));
    TW_TRY(tw_args_seed(args, "seed", &j->opts.seed));
    TW_TRY(tw_args_int(args, "epochs", 0, 1000000, &j->epochs));
    TW_TRY(tw_train_check(TW_OPTIM, tw_args_str(args, "optim")));
done:
    return st;
}

// --- states ---

static tw_status look(job *j, int64_t step, const char *label)
{
    tw_status st = TW_OK;
    if (j->states == STATES) return tw_fail(TW_EINVAL, "--and: found more than %d states", STATES);
    state *s = &j->state[j->states];
    snprintf(s->label, sizeof s->label, "%s", label);
    s->step = step;
    TW_TRY(tw_compare_new(j->net, j->data, &j->opts, &s->found));
    j->states++;
    tw_explain(j->args, "products", "%s: %.3g GFLOP in %.2f s, %.1f GFLOP/s; dense eigenproblems %.2f s", label,
               s->found->product_flops / 1e9, s->found->product_seconds,
               s->found->product_flops / 1e9 / s->found->product_seconds, s->found->solve_seconds);
done:
    return st;
}

static tw_status train(job *j)
{
    tw_status st = TW_OK;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = tw_trainer_defaults();
    tw_step step;
    opts.optim = tw_args_str(j->args, "optim");
    TW_TRY(tw_args_real(j->args, "lr", 1e-300, 1e300, &opts.lr));
    TW_TRY(tw_args_int(j->args, "batch", 1, INT64_MAX, &opts.batch));
    TW_TRY(tw_args_seed(j->args, "seed", &opts.seed));
    TW_TRY(tw_trainer_new(j->net, j->data, &opts, &trainer));
    int64_t steps = j->epochs * tw_trainer_epoch_steps(trainer);
    for (int64_t i = 1; i <= steps && !j->diverged; i++) {
        TW_TRY(tw_trainer_step(trainer, &step));
        j->diverged = step.diverged;
        if (i == steps / 2 && i < steps) TW_TRY(look(j, i, "midway"));
    }
    TW_TRY(look(j, tw_trainer_steps(trainer), j->diverged ? "before it diverged" : "end"));
done:
    tw_trainer_free(trainer);
    return st;
}

// A recorded run: its start, its last kept weights, and those kept nearest to half of the steps between.
static tw_status visit_run(job *j)
{
    tw_status st = TW_OK;
    const tw_revisit *run = &j->run;
    int64_t last = run->kept - 1, half = -1;
    TW_TRY(look(j, 0, "start"));
    for (int64_t i = 0; i < last; i++) {
        int64_t off = llabs(2 * run->step[i] - run->step[last]);
        if (run->step[i] > 0 && (half < 0 || off < llabs(2 * run->step[half] - run->step[last]))) half = i;
    }
    for (int64_t i = 0; i <= last; i++) {
        if ((i != half && i != last) || run->step[i] == 0) continue;
        TW_TRY(tw_revisit_load(&j->run, i));
        TW_TRY(look(j, run->step[i], i == last ? "end" : "midway"));
    }
done:
    return st;
}

static tw_status visit(job *j)
{
    tw_status st = TW_OK;
    const char *more = tw_args_str(j->args, "and");
    char *text = NULL, *rest = NULL;
    const char *weights = tw_args_str(j->args, "weights");
    if (j->run.net)
        TW_TRY(visit_run(j));
    else
        TW_TRY(look(j, strncmp(weights, "init:", 5) == 0 ? 0 : -1, weights));
    if (j->epochs > 0) TW_TRY(train(j));
    if (more) TW_TRY(tw_strdup(more, &text));
    for (char *path = text ? strtok_r(text, "\n", &rest) : NULL; path; path = strtok_r(NULL, "\n", &rest)) {
        TW_TRY(tw_net_load(j->net, path));
        TW_TRY(look(j, -1, path));
    }
done:
    free(text);
    return st;
}

// --- for people ---

static const char *measured(char *text, size_t size, tw_measured x)
{
    if (!isfinite(x.value))
        snprintf(text, size, "-");
    else if (x.error > 0)
        snprintf(text, size, "%.4g +- %.1g", x.value, x.error);
    else
        snprintf(text, size, "%.5g", x.value);
    return text;
}

static void show_matrices(const tw_compare *o)
{
    char a[48], b[48], c[48], d[48];
    printf("%-15s %18s %18s %12s %12s %8s %18s\n", "matrix", "trace", "Frobenius norm", "largest", "smallest", "> 10 %",
           "widest gap");
    for (int64_t i = 0; i < o->count; i++) {
        const tw_compared *m = &o->matrix[i];
        const tw_eigs *e = m->eigs;
        if (m->value)
            snprintf(c, sizeof c, "%.5g", m->value[o->n - 1]);
        else if (e->count > e->top)
            snprintf(c, sizeof c, "%.5g", e->value[e->top]);
        else
            snprintf(c, sizeof c, "-");
        snprintf(d, sizeof d, m->gap_at ? "%.3g after %" PRId64 : "-", m->gap, m->gap_at);
        printf("%-15s %18s %18s %12.5g %12s ", m->name, measured(a, sizeof a, m->trace), measured(b, sizeof b, m->norm),
               m->value ? m->value[0] : e->value[0], c);
        if (m->above_tenth < 0)
            printf("%8s", "more");
        else
            printf("%8" PRId64, m->above_tenth);
        printf(" %18s\n", d);
    }
}

static void show_pairs(const tw_compare *o)
{
    char a[48], b[48], c[48], d[48];
    printf("\n%-26s %10s %10s %12s %15s %16s %16s %16s %16s\n", "leading spaces", "mean cos^2", "least cos", "off by",
           "classes: cos^2", "<A,B>/|A||B|", "slope of B on A", "tr B / tr A", "|B| / |A|");
    for (int64_t i = 0; i < o->pairs; i++) {
        const tw_compared_pair *p = &o->pair[i];
        char name[64], off[32], classes[32];
        snprintf(name, sizeof name, "%s, %s", o->matrix[p->a].name, o->matrix[p->b].name);
        snprintf(off, sizeof off, p->cosine_error < 1 ? "%.1e" : "not known", p->cosine_error);
        snprintf(classes, sizeof classes, p->class_cosine ? "%.4f%s" : "-", p->class_overlap,
                 p->class_error < 1 ? "" : " (?)");
        printf("%-26s %10.4f %10.4f %12s %15s %16s %16s %16s %16s\n", name, p->overlap, p->cosine[o->top - 1], off,
               classes, measured(a, sizeof a, p->cosine_all), measured(b, sizeof b, p->slope),
               measured(c, sizeof c, p->trace_share), measured(d, sizeof d, p->norm_share));
    }
}

static void show_values(const tw_compare *o)
{
    printf("\n%5s", "");
    for (int64_t i = 0; i < o->count; i++) printf("  %21s", o->matrix[i].name);
    printf("   +- to the end of the interval that holds each; NO: not converged\n");
    for (int64_t k = 0; k < o->top; k++) {
        printf("%5" PRId64, k + 1);
        for (int64_t i = 0; i < o->count; i++) {
            const tw_eigs *e = o->matrix[i].eigs;
            char text[48];
            snprintf(text, sizeof text, "%.6g +- %.0e%s", e->value[k],
                     fmax(e->hi[k] - e->value[k], e->value[k] - e->lo[k]), e->converged[k] ? "" : " NO");
            printf("  %21s", text);
        }
        printf("\n");
    }
}

static void show(const job *j)
{
    char count[2][32];
    tw_show_progress_end();
    for (int s = 0; s < j->states; s++) {
        const state *t = &j->state[s];
        const tw_compare *o = t->found;
        if (s == 0)
            printf("%s on %s: %s parameters, %s samples, %" PRId64 " classes\n", j->net->model, j->data->name,
                   tw_show_count(o->n, count[0]), tw_show_count(o->samples, count[1]), o->classes);
        printf("\n--- %s", t->label);
        if (t->step >= 0) printf(", step %" PRId64, t->step);
        printf(": loss %.6g, accuracy %.4f, |mu|^2 / tr M %.3g\n\n", o->loss.data_loss, o->loss.accuracy,
               o->gradient_share);
        show_matrices(o);
        show_pairs(o);
        show_values(o);
    }
    const tw_compare *o = j->state[0].found;
    printf("\nLeading spaces: of %" PRId64 " pairs; random ones would have mean cos^2 %.2g.", o->top,
           (double)o->top / (double)o->n);
    if (j->run.net && j->run.kept < 2)
        printf(" The run kept no weights on its way: outputs.weights in its recipe says when to.");
    printf(o->exact ? " Traces and norms are exact, from %" PRId64 " unit vectors.\n"
                    : " Traces and norms: standard error by the jackknife over %" PRId64 " random vectors.\n",
           o->probes);
}

// --- for programs ---

static json_t *measured_json(tw_measured x)
{
    json_t *o = json_object();
    json_object_set_new(o, "value", tw_json_real(x.value));
    json_object_set_new(o, "stderr", tw_json_real(x.error));
    return o;
}

static json_t *matrix_json(const tw_compared *m)
{
    const tw_eigs *e = m->eigs;
    json_t *o = json_object(), *converged = json_array();
    for (int64_t i = 0; i < e->count; i++) json_array_append_new(converged, json_boolean(e->converged[i]));
    json_object_set_new(o, "name", json_string(m->name));
    json_object_set_new(o, "trace", measured_json(m->trace));
    json_object_set_new(o, "frobenius_norm", measured_json(m->norm));
    json_object_set_new(o, "top", json_integer(e->top)); // the others are from the bottom
    json_object_set_new(o, "eigenvalues", tw_json_reals(e->count, e->value));
    json_object_set_new(o, "residuals", tw_json_reals(e->count, e->residual));
    json_object_set_new(o, "low", tw_json_reals(e->count, e->lo));
    json_object_set_new(o, "high", tw_json_reals(e->count, e->hi));
    json_object_set_new(o, "converged", converged);
    json_object_set_new(o, "gap_after", json_integer(m->gap_at));
    json_object_set_new(o, "gap_ratio", tw_json_real(m->gap_at ? m->gap : NAN));
    json_object_set_new(o, "above_tenth", m->above_tenth < 0 ? json_null() : json_integer(m->above_tenth));
    if (m->value) {
        json_object_set_new(o, "spectrum", tw_json_reals(m->values, m->value));
        json_object_set_new(o, "spectrum_error_at_most", tw_json_real(m->value_error));
    }
    return o;
}

static json_t *pair_json(const tw_compare *o, const tw_compared_pair *p)
{
    json_t *row = json_object();
    json_object_set_new(row, "a", json_string(o->matrix[p->a].name));
    json_object_set_new(row, "b", json_string(o->matrix[p->b].name));
    json_object_set_new(row, "cosines", tw_json_reals(o->top, p->cosine));
    json_object_set_new(row, "cosine_error_at_most", tw_json_real(p->cosine_error));
    json_object_set_new(row, "mean_cos2", tw_json_real(p->overlap));
    json_object_set_new(row, "mean_cos2_of_random_spaces", tw_json_real((double)o->top / (double)o->n));
    json_object_set_new(row, "projector_distance", tw_json_real(p->distance));
    if (p->class_cosine) {
        json_object_set_new(row, "class_cosines", tw_json_reals(o->classes, p->class_cosine));
        json_object_set_new(row, "class_cosine_error_at_most", tw_json_real(p->class_error));
        json_object_set_new(row, "class_mean_cos2", tw_json_real(p->class_overlap));
        json_object_set_new(row, "class_gap_a", tw_json_real(p->class_gap[0]));
        json_object_set_new(row, "class_gap_b", tw_json_real(p->class_gap[1]));
    }
    json_object_set_new(row, "sin_bound", tw_json_real(p->bound));
    json_object_set_new(row, "sin_bound_is_vacuous", json_boolean(!(p->bound < sqrt((double)o->top))));
    json_object_set_new(row, "cosine_of_matrices", measured_json(p->cosine_all));
    json_object_set_new(row, "slope", measured_json(p->slope));
    json_object_set_new(row, "trace_share", measured_json(p->trace_share));
    json_object_set_new(row, "norm_share", measured_json(p->norm_share));
    return row;
}

static json_t *state_json(const state *s)
{
    const tw_compare *o = s->found;
    json_t *row = json_object(), *matrices = json_array(), *pairs = json_array();
    json_object_set_new(row, "state", json_string(s->label));
    json_object_set_new(row, "step", s->step < 0 ? json_null() : json_integer(s->step));
    json_object_set_new(row, "loss", tw_json_real(o->loss.data_loss));
    json_object_set_new(row, "accuracy", tw_json_real(o->loss.accuracy));
    json_object_set_new(row, "gradient_norm", tw_json_real(o->loss.gradient_norm));
    json_object_set_new(row, "gradient_share", tw_json_real(o->gradient_share));
    json_object_set_new(row, "classes", json_integer(o->classes));
    json_object_set_new(row, "top", json_integer(o->top));
    json_object_set_new(row, "exact", json_boolean(o->exact));
    json_object_set_new(row, "probes", json_integer(o->probes));
    for (int64_t i = 0; i < o->count; i++) json_array_append_new(matrices, matrix_json(&o->matrix[i]));
    for (int64_t i = 0; i < o->pairs; i++) json_array_append_new(pairs, pair_json(o, &o->pair[i]));
    json_object_set_new(row, "matrices", matrices);
    json_object_set_new(row, "pairs", pairs);
    json_object_set_new(row, "products", json_integer(o->products));
    return row;
}

// --- figure and page ---

static const char *letter(const char *matrix)
{
    static const char *const names[][2] = {{"hessian", "H"},          {"ggn", "G"},    {"fisher", "F"},
                                           {"fisher-sampled", "F_s"}, {"moment", "M"}, {"covariance", "C"},
                                           {"residual", "R"},         {"h-g", "H-G"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(matrix, names[i][0]) == 0) return names[i][1];
    return matrix;
}

// A panel a state with the leading eigenvalues, and one with the cosines of the last state.
static tw_status draw(const job *j, const char *path, const char *csv)
{
    tw_status st = TW_OK;
    enum { MOST = SHOWN * TW_COMPARE_MOST + TW_COMPARE_MOST * TW_COMPARE_MOST / 2 };
    const tw_compare *first = j->state[0].found, *last = j->state[j->states - 1].found;
    const char *panel[SHOWN + 1];
    char name[SHOWN][96], names[MOST][48], title[200], subtitle[200];
    int states = j->states < SHOWN ? j->states : SHOWN, count = 0;
    double *room = NULL;
    tw_figure_curve curve[MOST];
    TW_TRY(tw_alloc(MOST + 1, (size_t)first->top * sizeof *room, &room));
    double *rank = room, *at = room + first->top;
    for (int64_t k = 0; k < first->top; k++) rank[k] = (double)(k + 1);
    for (int s = 0; s < states; s++) { // the first ones, and the last
        const state *t = &j->state[s == states - 1 ? j->states - 1 : s];
        snprintf(name[s], sizeof name[s], "log10 eigenvalue, %.30s", t->label);
        panel[s] = name[s];
        for (int64_t i = 0; i < t->found->count; i++, at += first->top) {
            const tw_eigs *e = t->found->matrix[i].eigs;
            for (int64_t k = 0; k < first->top; k++) at[k] = e->value[k] > 0 ? log10(e->value[k]) : NAN;
            curve[count++] = (tw_figure_curve){letter(t->found->matrix[i].name), s, at};
        }
    }
    panel[states] = "cos of principal angles";
    for (int64_t i = 0; i < last->pairs; i++) {
        const tw_compared_pair *p = &last->pair[i];
        snprintf(names[i], sizeof names[i], "%s, %s", letter(last->matrix[p->a].name), letter(last->matrix[p->b].name));
        curve[count++] = (tw_figure_curve){names[i], states, p->cosine};
    }
    snprintf(title, sizeof title, "Curvature and gradient moments of %.90s", j->net->model);
    snprintf(subtitle, sizeof subtitle,
             "%.60s, %" PRId64 " samples; H Hessian, M second moment, C covariance, R = M - H; angles: last state",
             j->data->name, first->samples);
    tw_figure_curves figure = {.title = title,
                               .subtitle = subtitle,
                               .axis = "rank",
                               .panels = states + (last->pairs > 0),
                               .panel = panel,
                               .points = first->top,
                               .x = rank,
                               .count = count,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, path, csv));
done:
    free(room);
    return st;
}

static void page_state(FILE *out, const state *s)
{
    const tw_compare *o = s->found;
    fprintf(out, "<h2>");
    tw_page_text(out, s->label);
    fprintf(out, "</h2>\n<p>Loss ");
    tw_page_number(out, "%.6g", o->loss.data_loss);
    fprintf(out, ", accuracy ");
    tw_page_number(out, "%.4f", o->loss.accuracy);
    fprintf(out, "</p>\n<table><tr><th>matrix</th><th>trace</th><th>Frobenius norm</th><th>largest</th>"
                 "<th>above a tenth of it</th></tr>\n");
    for (int64_t i = 0; i < o->count; i++) {
        const tw_compared *m = &o->matrix[i];
        char a[48], b[48];
        fprintf(out, "<tr><td>%s</td><td>%s</td><td>%s</td><td>", m->name, measured(a, sizeof a, m->trace),
                measured(b, sizeof b, m->norm));
        tw_page_number(out, "%.5g", m->eigs->value[0]);
        fprintf(out,
                m->above_tenth < 0 ? "</td><td>more than looked at</td></tr>\n" : "</td><td>%" PRId64 "</td></tr>\n",
                m->above_tenth);
    }
    fprintf(out, "</table>\n<table><tr><th>pair</th><th>mean cos<sup>2</sup></th><th>a cosine is off by</th>"
                 "<th>slope</th><th>share of trace</th></tr>\n");
    for (int64_t i = 0; i < o->pairs; i++) {
        const tw_compared_pair *p = &o->pair[i];
        char a[48], b[48];
        fprintf(out, "<tr><td>%s, %s</td><td>", o->matrix[p->a].name, o->matrix[p->b].name);
        tw_page_number(out, "%.4f", p->overlap);
        fprintf(out, "</td><td>");
        if (p->cosine_error < 1)
            tw_page_number(out, "%.1e", p->cosine_error);
        else
            fprintf(out, "not known");
        fprintf(out, "</td><td>%s</td><td>%s</td></tr>\n", measured(a, sizeof a, p->slope),
                measured(b, sizeof b, p->trace_share));
    }
    fprintf(out, "</table>\n");
}

static tw_status write_page(const job *j, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    char svg[4096], csv[4096];
    if (tw_rank() > 0) return TW_OK; // rank 0 draws, and reads what it drew
    snprintf(svg, sizeof svg, "%.4000s.figure.svg", path);
    snprintf(csv, sizeof csv, "%.4000s.figure.csv", path);
    TW_TRY(draw(j, svg, csv));
    TW_TRY(tw_outfile_open(&file, path));
    tw_page_begin(file.stream, "Curvature and gradient moments");
    TW_TRY(tw_page_figure(file.stream, svg, csv, "compare", "leading eigenvalues by rank and cosines of angles"));
    for (int s = 0; s < j->states; s++) page_state(file.stream, &j->state[s]);
    fprintf(file.stream, "</body>\n</html>\n");
    TW_TRY(tw_outfile_commit(&file));
done:
    remove(svg);
    remove(csv);
    tw_outfile_discard(&file);
    return st;
}

static void judge(const job *j)
{
    int64_t missing = 0;
    for (int s = 0; s < j->states; s++)
        for (int64_t i = 0; i < j->state[s].found->count; i++) {
            const tw_eigs *e = j->state[s].found->matrix[i].eigs;
            for (int64_t k = 0; k < e->count; k++) missing += !e->converged[k];
        }
    if (missing > 0)
        tw_show_shortfall("%" PRId64 " pairs did not converge: --max-products or a larger --tolerance may help",
                          missing);
    if (j->diverged) tw_show_shortfall("training diverged: a smaller --lr may help");
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    job j = {.args = args};
    json_t *result = NULL, *states = NULL;
    const char *figure = tw_args_str(args, "figure"), *html = tw_args_str(args, "html");

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(tw_open_check_out("html", html, ".html .htm"));
    TW_TRY(read_opts(&j));
    TW_TRY(tw_open_run(args, "epochs optim lr batch", &j.run));
    if (j.run.net) {
        j.data = j.run.data;
        j.net = j.run.net;
    } else {
        TW_TRY(tw_open_problem(args, &j.data, &j.net));
    }
    TW_TRY(visit(&j));
    if (figure) TW_TRY(draw(&j, figure, tw_args_str(args, "csv")));
    if (html) TW_TRY(write_page(&j, html));
    if (tw_args_flag(args, "json")) {
        result = json_object();
        states = json_array();
        for (int s = 0; s < j.states; s++) json_array_append_new(states, state_json(&j.state[s]));
        json_object_set(result, "states", states);
        TW_TRY(tw_open_origin(args, j.net, j.data, result));
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        show(&j);
    }
    judge(&j);
done:
    json_decref(states);
    json_decref(result);
    for (int s = 0; s < j.states; s++) tw_compare_free(j.state[s].found);
    if (!j.run.net) tw_net_free(j.net);
    if (!j.run.net) tw_data_free(j.data);
    tw_revisit_close(&j.run);
    return st;
}

static const tw_flag flags[] = {
    {"weights", "FILE", NULL, "weights: a .safetensors or .npz file, or init:SEED"},
    {"run", "FOLDER", NULL, "a recorded run instead of --model, --data and --weights: its start, midway and end"},
    {"matrices", "NAMES", "hessian,moment,covariance,residual",
     "different matrices, with commas; also ggn, fisher, h-g"},
    {"top", "N", "15", "leading eigenpairs compared"},
    {"full", "N", "2000", "every eigenvalue, and exact traces, of networks of at most N parameters"},
    {"probes", "N", "32", "random vectors for traces and norms of larger ones"},
    {"tolerance", "REAL", "1e-5", "converged: residual at most this times the largest |eigenvalue|"},
    {"max-products", "N", "20000", "for each matrix: stop after about so many products, converged or not"},
    {"epochs", "N", "0", "train so long, and look midway and at the end too"},
    {"optim", "RULE", "sgd", "step rule of the training (docs/training.md)"},
    {"lr", "REAL", "0.1", "its learning rate"},
    {"batch", "N", "64", "its samples a batch"},
    {"and", "FILE", NULL, "look at these weights too; may be given again", .many = true},
    {"html", "FILE", NULL, "write a page with the figure and the tables", .neutral = true},
    {0},
};

const tw_command tw_cmd_compare = {
    .name = "compare",
    .summary = "Hessian, second moment, covariance and residual side by side, in training",
    .about =
        "The matrices of one network on one data set, without the l2 term, C that of one sample's gradient: leading\n"
        "eigenpairs with intervals, every eigenvalue where the network is small, the number of large ones, principal\n"
        "angles between leading spaces with what residuals and gaps leave open, shares of trace and Frobenius norm,\n"
        "and the slope and cosine of one whole matrix on another (docs/compare.md).",
    .example = "thalweg compare --matrices hessian,moment,residual --model mlp:10-8-4,act=relu --weights init:1 "
               "--data gauss:classes=4,dim=10,n=60 --dtype f64 --top 4 --epochs 40 --batch 5",
    .uses = TW_USE_DATA | TW_USE_ANY_DATA | TW_USE_NET | TW_USE_ANY_MODEL | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
