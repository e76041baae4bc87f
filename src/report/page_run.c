// SPDX-License-Identifier: MIT
// The report of a run: what happened in words and numbers, figures with their data, tables, where it all comes from.
#include "report/page_run.h"

#include "base/alloc.h"
#include "report/figure_series.h"
#include "report/page_parts.h"
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { POINTS = 600, LINES = 24, RUNS = TW_REPORT_RUNS };

typedef struct report {
    FILE *out;
    const char *path;
    char svg[4200], csv[4200];
    int64_t runs;
    tw_run *run[RUNS];
    const char *folder[RUNS];
    tw_series_names *names[RUNS], *curves[RUNS];
    tw_figure_line line[LINES];
    int lines, figures;
    double y_least, y_most, x_small; // of the next figure, as in figure_series.h
} report;

// --- small readings ---

static tw_status text_of(tw_run *run, const char *key, char *buffer, size_t size)
{
    char *text = NULL;
    tw_status st = tw_run_load_text(run, key, &text);
    if (st == TW_OK) snprintf(buffer, size, "%s", text ? text : "");
    free(text);
    return st;
}

static const char *short_name(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash && slash[1] ? slash + 1 : folder;
}

static void clear_lines(report *r)
{
    for (int i = 0; i < r->lines; i++) {
        free(r->line[i].x);
        free(r->line[i].y);
        free(r->line[i].error);
    }
    memset(r->line, 0, sizeof r->line);
    r->lines = 0;
    r->y_least = r->y_most = r->x_small = 0;
}

// --- lines ---

// Means over POINTS equal parts where there are more numbers than that; errors only where none is averaged.
static tw_status thin(const tw_series *series, tw_figure_line *line)
{
    tw_status st = TW_OK;
    int64_t n = series->count, parts = n < POINTS ? n : POINTS;
    TW_TRY(tw_alloc(parts, sizeof(double), &line->x));
    TW_TRY(tw_alloc(parts, sizeof(double), &line->y));
    TW_TRY(tw_alloc(parts, sizeof(double), &line->error));
    line->count = parts;
    for (int64_t p = 0; p < parts; p++) {
        int64_t from = p * n / parts, to = (p + 1) * n / parts;
        double x = 0, y = 0;
        for (int64_t i = from; i < to; i++) {
            x += (double)series->step[i] / (double)(to - from);
            y += series->value[i] / (double)(to - from);
        }
        line->x[p] = x;
        line->y[p] = y;
        line->error[p] = to - from == 1 ? series->error[from] : NAN;
    }
done:
    return st;
}

// "eigs/hessian/top/1" as "hessian top 1"; of several runs with the run's name in front.
static void name_line(const report *r, int64_t run, const char *series, const char *note, char *name, size_t size)
{
    const char *begin = series;
    if (strncmp(begin, "eigs/", 5) == 0 || strncmp(begin, "loss/", 5) == 0) begin += 5;
    if (r->runs > 1)
        snprintf(name, size, "%.32s: %.50s%s", short_name(r->folder[run]), begin, note);
    else
        snprintf(name, size, "%.80s%s", begin, note);
    for (char *c = name; *c; c++)
        if (*c == '/') *c = ' ';
}

static tw_status add_series(report *r, int64_t run, const char *name)
{
    tw_status st = TW_OK;
    tw_series *series = NULL;
    if (r->lines == LINES) return TW_OK;
    TW_TRY(tw_run_series(r->run[run], name, 1, &series));
    tw_figure_line *line = &r->line[r->lines++];
    name_line(r, run, name, "", line->name, sizeof line->name);
    TW_TRY(thin(series, line));
done:
    tw_series_free(series);
    return st;
}

// Every series that fits one of the patterns (separated by blanks), of every run.
static tw_status add_matching(report *r, const char *patterns)
{
    tw_status st = TW_OK;
    for (int64_t run = 0; run < r->runs; run++) {
        char copy[256], *save = NULL;
        snprintf(copy, sizeof copy, "%s", patterns);
        for (char *pattern = strtok_r(copy, " ", &save); pattern; pattern = strtok_r(NULL, " ", &save))
            for (int64_t i = 0; i < r->names[run]->count; i++)
                if (fnmatch(pattern, r->names[run]->name[i], FNM_PATHNAME) == 0)
                    TW_TRY(add_series(r, run, r->names[run]->name[i]));
    }
done:
    return st;
}

// 2/lr over the steps: above it gradient descent with this step leaves the valley.
static tw_status add_limit(report *r)
{
    tw_status st = TW_OK;
    for (int64_t run = 0; run < r->runs; run++) {
        int before = r->lines;
        TW_TRY(add_series(r, run, "lr"));
        if (r->lines == before) continue;
        tw_figure_line *line = &r->line[before];
        line->dashed = true;
        if (r->runs > 1)
            snprintf(line->name, sizeof line->name, "%.32s: 2/lr", short_name(r->folder[run]));
        else
            snprintf(line->name, sizeof line->name, "2/lr");
        for (int64_t i = 0; i < line->count; i++) line->y[i] = line->y[i] > 0 ? 2 / line->y[i] : NAN;
        if (line->count > 0) line->x[0] = 0; // the first step starts there
    }
done:
    return st;
}

static bool any_number(const report *r)
{
    for (int l = 0; l < r->lines; l++)
        for (int64_t i = 0; i < r->line[l].count; i++)
            if (isfinite(r->line[l].y[i])) return true;
    return false;
}

// Looks that crowd at the beginning, as a logarithmic cadence makes them: most of them in the first tenth.
static bool crowds(const report *r)
{
    int64_t all = 0, early = 0;
    double last = 0;
    for (int l = 0; l < r->lines; l++)
        if (r->line[l].count > 0) last = fmax(last, r->line[l].x[r->line[l].count - 1]);
    for (int l = 0; l < r->lines; l++)
        for (int64_t i = 0; i < r->line[l].count && !r->line[l].dashed; i++) {
            all++;
            early += r->line[l].x[i] < last / 10;
        }
    return all >= 8 && 2 * early > all;
}

// Draws what was gathered, as a section with its data; nothing gathered, no section.
static tw_status put_figure(report *r, const char *title, const char *about, const char *x_name, const char *y_name,
                            bool log_y)
{
    tw_status st = TW_OK;
    char name[64];
    if (r->lines == 0 || !any_number(r)) goto done;
    if (strcmp(x_name, "step") == 0 && crowds(r)) r->x_small = 1;
    tw_figure_series f = {"", "", x_name, y_name, log_y, r->lines, r->line, r->y_least, r->y_most, r->x_small};
    TW_TRY(tw_figure_draw_series(&f, r->svg, r->csv));
    fputs("<section>\n<h2>", r->out);
    tw_page_text(r->out, title);
    fputs("</h2>\n<p>", r->out);
    tw_page_text(r->out, about);
    fputs("</p>\n", r->out);
    snprintf(name, sizeof name, "figure%d.csv", ++r->figures);
    TW_TRY(tw_page_figure(r->out, r->svg, r->csv, name, title));
    fputs("</section>\n", r->out);
done:
    unlink(r->svg);
    unlink(r->csv);
    clear_lines(r);
    return st;
}

// --- sections ---

static tw_status put_eigs(report *r)
{
    static const char about[] = "Eigenvalues along the way; a bar is the residual |Av − λv|, so that an eigenvalue "
                                "lies within it. Of one run the "
                                "whole list that was measured is drawn.";
    tw_status st = TW_OK;
    char done[16][64];
    int known = 0;
    for (int64_t i = 0; i < r->names[0]->count && known < 16; i++) {
        char probe[64], pattern[160], title[128];
        if (sscanf(r->names[0]->name[i], "eigs/%63[^/]/top/1", probe) != 1) continue;
        bool again = false;
        for (int k = 0; k < known; k++) again = again || strcmp(done[k], probe) == 0;
        if (again) continue;
        strcpy(done[known++], probe);
        snprintf(pattern, sizeof pattern, r->runs > 1 ? "eigs/%s/top/1" : "eigs/%s/top/* eigs/%s/bottom/*", probe,
                 probe);
        TW_TRY(add_matching(r, pattern));
        snprintf(title, sizeof title, "Spectrum of %s over time", probe);
        TW_TRY(put_figure(r, title, about, "step", "eigenvalue", false));
    }
done:
    return st;
}

// The last measurement of the loss along each direction, over t from -1 to 3 of the step.
static tw_status put_along(report *r)
{
    tw_status st = TW_OK;
    double *x = NULL;
    for (int64_t run = 0; run < r->runs; run++)
        for (int64_t i = 0; i < r->curves[run]->count && r->lines < LINES; i++) {
            int64_t count;
            const char *name = r->curves[run]->name[i];
            if (fnmatch("eigs/*/along/*", name, FNM_PATHNAME) != 0) continue;
            TW_TRY(tw_run_curve(r->run[run], name, -1, &count, &x));
            tw_figure_line *line = &r->line[r->lines++];
            name_line(r, run, name, "", line->name, sizeof line->name);
            TW_TRY(tw_alloc(count, sizeof(double), &line->x));
            line->y = x;
            x = NULL;
            line->count = count;
            for (int64_t p = 0; p < count; p++) line->x[p] = count > 1 ? -1 + 4 * (double)p / (double)(count - 1) : 0;
        }
    TW_TRY(
        put_figure(r, "Loss along eigenvectors",
                   "The loss on the probe's samples along each eigenvector, in units of what the step that followed "
                   "the last measurement did along it: 0 is where it began, 1 where it ended. Where the curve is lower "
                   "between them than at 1, the step went past the floor of the valley.",
                   "steps", "loss", false));
done:
    free(x);
    return st;
}

// One look as a line; step -1: the last.
static tw_status add_density(report *r, int64_t run, const char *probe, int64_t step, const char *note)
{
    tw_status st = TW_OK;
    double *edge = NULL, *mass = NULL, *error = NULL;
    int64_t edges, bins, unused;
    char name[128];
    if (r->lines == LINES) return TW_OK;
    snprintf(name, sizeof name, "density/%s/edge", probe);
    TW_TRY(tw_run_curve(r->run[run], name, step, &edges, &edge));
    snprintf(name, sizeof name, "density/%s/mass_error", probe);
    TW_TRY(tw_run_curve(r->run[run], name, step, &unused, &error));
    snprintf(name, sizeof name, "density/%s/mass", probe);
    TW_TRY(tw_run_curve(r->run[run], name, step, &bins, &mass));
    if (!edge || !mass || !error || edges != bins + 1) goto done; // put by a process that died in between
    tw_figure_line *line = &r->line[r->lines++];
    name_line(r, run, probe, note, line->name, sizeof line->name);
    TW_TRY(tw_alloc(bins, sizeof(double), &line->x));
    line->count = bins;
    for (int64_t b = 0; b < bins; b++) {
        line->x[b] = (edge[b] + edge[b + 1]) / 2;
        mass[b] = mass[b] > 1e-12 ? mass[b] : NAN; // nothing to show on a logarithmic axis
        r->x_small = fmax(r->x_small, fabs(line->x[b]) / 1000);
    }
    line->y = mass;
    line->error = error;
    mass = error = NULL;
done:
    free(error);
    free(mass);
    free(edge);
    return st;
}

static tw_status put_density(report *r)
{
    tw_status st = TW_OK;
    tw_series *looks = NULL;
    for (int64_t run = 0; run < r->runs; run++)
        for (int64_t i = 0; i < r->curves[run]->count; i++) {
            char probe[64], note[32] = "";
            const char *name = r->curves[run]->name[i];
            if (sscanf(name, "density/%63[^/]/mass", probe) != 1 || fnmatch("density/*/mass", name, 0) != 0) continue;
            tw_series_free(looks);
            looks = NULL;
            TW_TRY(tw_run_curve_steps(r->run[run], name, &looks));
            if (looks->count == 0) continue;
            int64_t first = looks->step[0], last = looks->step[looks->count - 1];
            snprintf(note, sizeof note, ", step %" PRId64, first);
            if (first < last && r->runs == 1) TW_TRY(add_density(r, run, probe, first, note));
            snprintf(note, sizeof note, ", step %" PRId64, last);
            TW_TRY(add_density(r, run, probe, last, note));
        }
    r->y_least = 1e-8;
    r->y_most = 1;
    TW_TRY(
        put_figure(r, "Density of the spectrum",
                   "Fraction of all eigenvalues in each bin, by stochastic Lanczos quadrature, at the first look and "
                   "at the last; bars are standard errors over the random vectors. Bins widen away from 0, and so "
                   "does the axis.",
                   "eigenvalue", "fraction of eigenvalues", true));
done:
    tw_series_free(looks);
    return st;
}

// How the changes of the loss by single steps are distributed: counts in BARS equal parts of their range.
static tw_status put_changes(report *r)
{
    enum { BARS = 40 };
    tw_status st = TW_OK;
    tw_series *series = NULL;
    for (int64_t run = 0; run < r->runs; run++)
        for (int64_t i = 0; i < r->names[run]->count && r->lines < LINES; i++) {
            const char *name = r->names[run]->name[i];
            double least = INFINITY, most = -INFINITY;
            if (fnmatch("path/*/loss_change", name, FNM_PATHNAME) != 0) continue;
            TW_TRY(tw_run_series(r->run[run], name, 1, &series));
            for (int64_t p = 0; p < series->count; p++) {
                if (!isfinite(series->value[p])) continue;
                least = fmin(least, series->value[p]);
                most = fmax(most, series->value[p]);
            }
            if (most > least) {
                tw_figure_line *line = &r->line[r->lines++];
                name_line(r, run, name, "", line->name, sizeof line->name);
                TW_TRY(tw_alloc(BARS, sizeof(double), &line->x));
                TW_TRY(tw_alloc(BARS, sizeof(double), &line->y));
                line->count = BARS;
                for (int b = 0; b < BARS; b++) line->x[b] = least + (b + 0.5) * (most - least) / BARS;
                for (int64_t p = 0; p < series->count; p++) {
                    if (!isfinite(series->value[p])) continue;
                    int bar = (int)(BARS * (series->value[p] - least) / (most - least));
                    line->y[bar < BARS ? bar : BARS - 1]++;
                }
            }
            tw_series_free(series);
            series = NULL;
        }
    TW_TRY(put_figure(r, "Distribution of what a step does to the loss",
                      "How often each change was seen; those to the right of 0 went up.", "change of the loss", "steps",
                      false));
done:
    tw_series_free(series);
    return st;
}

static tw_status put_figures(report *r)
{
    static const struct {
        const char *title, *about, *patterns, *y_name;
        bool log_y, limit;
    } plain
        [] =
            {
                {"Loss",
                 "Of each batch before its step (means over equal parts of the steps where there are many), and on "
                 "fixed "
                 "samples.",
                 "loss/*/loss batch/loss", "loss", true, false},
                {"Accuracy", "On each batch, and on fixed samples.", "loss/*/accuracy batch/accuracy", "accuracy",
                 false, false},
                {"Sharpness and the largest stable step",
                 "The largest eigenvalue of the Hessian against 2/lr: on a parabola, plain gradient descent is thrown "
                 "out of a "
                 "valley whose sharpness is above that line. Where several runs are compared, each has its own line.",
                 "eigs/hessian/top/1", "eigenvalue", false, true},
            },
   later[] = {
       {"Alignment with the sharpest directions",
        "Part of |gradient|² and of |step|² that lies in the span of the top eigenvectors; overlap: of that span with "
        "the one measured before, with: with that of another matrix. A random direction would have k/n, nearly "
        "nothing.",
        "eigs/*/gradient eigs/*/step eigs/*/overlap eigs/*/with", "part", false, false},
       {"Overshoot along the sharpest directions",
        "The step along an eigenvector over the step to the floor of its parabola: 1 lands on it, beyond 2 the loss "
        "grows. Where the gradient has next to nothing along it the ratio has no bounds: what is cut off here is in "
        "the CSV.",
        "eigs/*/overshoot/1 eigs/*/overshoot/2", "steps to the floor", false, false},
       {"Step lengths along the sharpest direction",
        "Change of the loss, in percent, when half, all or twice the step of a batch is made along eigenvector 1 "
        "alone; "
        "means over batches with standard errors.",
        "step/*/delta/1/*", "percent", false, false},
       {"Batches that raise the loss along the sharpest direction",
        "Part of the batches whose half, whole or double step along eigenvector 1 raises the loss.",
        "step/*/raised/1/*", "part", false, false},
       {"Alignment of a batch's gradient",
        "Mean |cos| of a batch's gradient with single eigenvectors, and the part of its squared norm in their span.",
        "step/*/cosine/1 step/*/cosine step/*/share", "part", true, false},
       {"Noise scale of the gradient",
        "tr C / |G|²: the batch at which noise and gradient are equally large, with jackknife standard errors. Missing "
        "where the noise leaves no gradient to be seen.",
        "noise/*/scale noise/*/scale_hessian", "samples", true, false},
       {"Strength of the gradient's noise beside theory's matrices",
        "tr P / tr C, C the covariance of a batch's gradient. paper: P = (2L/SK) H - gg'/S, for squared losses, K "
        "outputs; paper-g: the same with the Gauss-Newton matrix; hessian: H/S; moment: M/S.",
        "covariance/*/paper/trace_ratio covariance/*/paper-g/trace_ratio covariance/*/hessian/trace_ratio "
        "covariance/*/moment/trace_ratio",
        "tr P / tr C", true, false},
       {"Shape of the gradient's noise beside theory's matrices",
        "Frobenius cosine of C and P, whatever their strengths: 1 where C is a multiple of P.",
        "covariance/*/paper/cosine covariance/*/paper-g/cosine covariance/*/hessian/cosine covariance/*/moment/cosine",
        "cosine", false, false},
       {"Distance of theory's matrices from the gradient's noise",
        "|P - C| / |C| in Frobenius norm. 1 is what P = 0 would have.",
        "covariance/*/paper/distance covariance/*/paper-g/distance covariance/*/hessian/distance "
        "covariance/*/moment/distance",
        "relative distance", true, false},
       {"Leading spaces of the gradient's noise",
        "Mean cos² between the leading spaces of C and P, with bounds from residuals and gaps.",
        "covariance/*/paper/overlap covariance/*/paper-g/overlap covariance/*/hessian/overlap "
        "covariance/*/moment/overlap",
        "part", false, false},
       {"Tail of the gradient's noise",
        "index: P(|g_i - g| > v) falls as v to the minus index, Hill's estimate with its bootstrap error; above 2 the "
        "noise has a variance. stable: the index of stability of batch noise, 2 for a Gaussian.",
        "tail/*/index tail/*/stable", "index", true, false},
       {"Is there a power law, is batch noise Gaussian?",
        "p-values; below the level one has chosen the answer is no. Both are meant one look at a time: many looks "
        "bring "
        "small ones by chance.",
        "tail/*/power_law tail/*/gaussian", "p", false, false},
       {"Trace and Frobenius norm", "With standard errors over random vectors.", "trace/*/trace trace/*/frobenius", "",
        true, false},
       {"Norm of the gradient", "On fixed samples.", "loss/*/gradient_norm", "norm", true, false},
       {"Distance and steps", "How far the weights are from where they began, and how long a step is.",
        "path/*/distance path/*/step_norm", "norm", true, false},
       {"Angles between steps", "Cosine between a step and the next.", "path/*/cosine", "cosine", false, false},
       {"What a step does to the loss", "Change of the loss on fixed samples by one step.", "path/*/loss_change",
        "change of the loss", false, false},
       {"Learning rate", "As it was used.", "lr", "lr", true, false},
   };
    tw_status st = TW_OK;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        TW_TRY(add_matching(r, plain[i].patterns));
        if (plain[i].limit && r->lines > 0) TW_TRY(add_limit(r));
        TW_TRY(put_figure(r, plain[i].title, plain[i].about, "step", plain[i].y_name, plain[i].log_y));
    }
    TW_TRY(put_eigs(r));
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        TW_TRY(add_matching(r, later[i].patterns));
        if (strncmp(later[i].patterns, "eigs/*/overshoot", 16) == 0) {
            r->y_least = -3;
            r->y_most = 6;
        }
        TW_TRY(put_figure(r, later[i].title, later[i].about, "step", later[i].y_name, later[i].log_y));
    }
    TW_TRY(put_changes(r));
    TW_TRY(put_along(r));
    TW_TRY(put_density(r));
done:
    return st;
}

// --- words and tables ---

// "60000" as "60,000".
static void put_count(FILE *out, const char *digits)
{
    size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) fputc(',', out);
        fputc(digits[i], out);
    }
}

static void put_step(FILE *out, int64_t step)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, step);
    put_count(out, digits);
}

// How long it took and which part of that went to probes; what happened on the way.
static tw_status put_course(report *r, int64_t run)
{
    tw_status st = TW_OK;
    tw_times *times = NULL;
    tw_events *events = NULL;
    double all = 0, probes = 0;
    TW_TRY(tw_run_times(r->run[run], &times));
    for (int64_t i = 0; i < times->count; i++) {
        all += times->seconds[i];
        if (strncmp(times->what[i], "probe ", 6) == 0) probes += times->seconds[i];
    }
    if (all > 0) fprintf(r->out, " It took %.3g s, %.0f %% of that in probes.", all, 100 * probes / all);
    TW_TRY(tw_run_events(r->run[run], &events));
    for (int64_t i = 0; i < events->count; i++) {
        fputs(" <strong>Step ", r->out);
        put_step(r->out, events->event[i].step);
        fputs(": ", r->out);
        tw_page_text(r->out, events->event[i].kind);
        fputs(".</strong>", r->out);
    }
done:
    tw_events_free(events);
    tw_times_free(times);
    return st;
}

static tw_status put_summary(report *r, int64_t run)
{
    tw_status st = TW_OK;
    char status[64], steps[32], model[256], data[256], samples[32], parameters[32];
    int64_t step, other;
    double loss, sharpness, residual, lr, scale, error, unused;
    TW_TRY(text_of(r->run[run], "status", status, sizeof status));
    if (strcmp(status, "running") == 0 && !tw_run_is_being_written(r->folder[run])) strcpy(status, "interrupted");
    TW_TRY(text_of(r->run[run], "steps", steps, sizeof steps));
    TW_TRY(text_of(r->run[run], "model", model, sizeof model));
    TW_TRY(text_of(r->run[run], "data", data, sizeof data));
    TW_TRY(text_of(r->run[run], "samples", samples, sizeof samples));
    TW_TRY(text_of(r->run[run], "parameters", parameters, sizeof parameters));
    fputs("<p><strong>", r->out);
    tw_page_text(r->out, short_name(r->folder[run]));
    fputs("</strong> (", r->out);
    tw_page_text(r->out, status);
    fputs("): ", r->out);
    tw_page_text(r->out, model);
    fputs(" (", r->out);
    put_count(r->out, parameters);
    fputs(" parameters) on ", r->out);
    tw_page_text(r->out, data);
    fputs(" (", r->out);
    put_count(r->out, samples);
    fputs(" samples), ", r->out);
    put_count(r->out, steps);
    fputs(" steps.", r->out);
    TW_TRY(tw_run_last(r->run[run], "loss/train/loss", &step, &loss, &unused));
    if (step < 0) TW_TRY(tw_run_last(r->run[run], "batch/loss", &step, &loss, &unused));
    if (step >= 0) {
        fputs(" Loss at step ", r->out);
        put_step(r->out, step);
        fputs(": ", r->out);
        tw_page_number(r->out, "%.5g", loss);
        TW_TRY(tw_run_last(r->run[run], "loss/test/accuracy", &other, &loss, &unused));
        if (other >= 0) fprintf(r->out, "; %.4g %% of the test samples right", 100 * loss);
        fputs(".", r->out);
    }
    TW_TRY(tw_run_last(r->run[run], "eigs/hessian/top/1", &step, &sharpness, &residual));
    TW_TRY(tw_run_last(r->run[run], "lr", &other, &lr, &unused));
    if (step >= 0 && other >= 0 && lr > 0) {
        double limit = 2 / lr;
        fputs(" Sharpness ", r->out);
        tw_page_number(r->out, "%.5g", sharpness);
        fputs(" ± ", r->out);
        tw_page_number(r->out, "%.1g", residual);
        fprintf(r->out, ", %.2g times the limit 2/lr = %.4g of plain gradient descent%s.", sharpness / limit, limit,
                sharpness > 0.9 * limit && sharpness < 1.3 * limit ? ": at the edge of stability" : "");
    }
    TW_TRY(tw_run_last(r->run[run], "noise/train/scale", &step, &scale, &error));
    if (step >= 0 && isfinite(scale)) fprintf(r->out, " Noise scale %.3g ± %.2g samples.", scale, error);
    TW_TRY(put_course(r, run));
    fputs("</p>\n", r->out);
done:
    return st;
}

static tw_status put_last_values(report *r)
{
    tw_status st = TW_OK;
    fputs("<section class=\"long\">\n<h2>Last values</h2>\n<div class=\"wide\"><table>\n<tr><th>series</th>", r->out);
    for (int64_t run = 0; run < r->runs; run++) {
        fputs("<th>", r->out);
        tw_page_text(r->out, short_name(r->folder[run]));
        fputs("</th><th>error</th><th>step</th>", r->out);
    }
    fputs("</tr>\n", r->out);
    for (int64_t i = 0; i < r->names[0]->count; i++) {
        fputs("<tr><td>", r->out);
        tw_page_text(r->out, r->names[0]->name[i]);
        fputs("</td>", r->out);
        for (int64_t run = 0; run < r->runs; run++) {
            double value, error;
            int64_t step;
            TW_TRY(tw_run_last(r->run[run], r->names[0]->name[i], &step, &value, &error));
            fputs("<td>", r->out);
            tw_page_number(r->out, "%.7g", value);
            fputs("</td><td>", r->out);
            tw_page_number(r->out, "%.2g", error);
            fputs("</td><td>", r->out);
            tw_page_number(r->out, "%.0f", step < 0 ? NAN : (double)step);
            fputs("</td>", r->out);
        }
        fputs("</tr>\n", r->out);
    }
    fputs("</table></div>\n</section>\n", r->out);
done:
    return st;
}

static tw_status put_times(report *r, int64_t run)
{
    tw_status st = TW_OK;
    tw_times *times = NULL;
    double all = 0;
    TW_TRY(tw_run_times(r->run[run], &times));
    for (int64_t i = 0; i < times->count; i++) all += times->seconds[i];
    fputs("<div class=\"wide\"><table>\n<tr><th>time went to</th><th>seconds</th><th>share</th><th>looks</th></tr>\n",
          r->out);
    for (int64_t i = 0; i < times->count; i++) {
        fputs("<tr><td>", r->out);
        tw_page_text(r->out, times->what[i]);
        fprintf(r->out, "</td><td>%.3g</td><td>%.1f %%</td><td>", times->seconds[i],
                all > 0 ? 100 * times->seconds[i] / all : 0);
        tw_page_number(r->out, "%.0f", times->calls[i] > 0 ? (double)times->calls[i] : NAN);
        fputs("</td></tr>\n", r->out);
    }
    fputs("</table></div>\n", r->out);
done:
    tw_times_free(times);
    return st;
}

static tw_status put_provenance(report *r, int64_t run)
{
    static const char *const facts[] = {"created", "version", "kernels",    "data",  "data checksum", "augmentation",
                                        "samples", "model",   "parameters", "steps", "total steps"};
    tw_status st = TW_OK;
    tw_events *events = NULL;
    char *recipe = NULL;
    fputs("<section>\n<h2>", r->out);
    tw_page_text(r->out, r->runs > 1 ? short_name(r->folder[run]) : "Where this comes from");
    fputs("</h2>\n", r->out);
    TW_TRY(tw_run_events(r->run[run], &events));
    for (int64_t i = 0; i < events->count; i++) {
        fprintf(r->out, "<p>Step %" PRId64 ": ", events->event[i].step);
        tw_page_text(r->out, events->event[i].kind);
        fputs(": ", r->out);
        tw_page_text(r->out, events->event[i].text);
        fputs("</p>\n", r->out);
    }
    fputs("<div class=\"wide\"><table class=\"facts\">\n", r->out);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        char text[512];
        TW_TRY(text_of(r->run[run], facts[i], text, sizeof text));
        if (!*text) continue;
        fprintf(r->out, "<tr><td>%s</td><td>", facts[i]);
        tw_page_text(r->out, text);
        fputs("</td></tr>\n", r->out);
    }
    fputs("</table></div>\n", r->out);
    TW_TRY(put_times(r, run));
    TW_TRY(tw_run_load_text(r->run[run], "recipe", &recipe));
    fputs("<details><summary>The recipe as understood</summary>\n<pre tabindex=\"0\">", r->out);
    tw_page_text(r->out, recipe ? recipe : "");
    fputs("</pre></details>\n</section>\n", r->out);
done:
    free(recipe);
    tw_events_free(events);
    return st;
}

tw_status tw_report_write(const char *path, const char *title, int64_t count, char *const *folder)
{
    tw_status st = TW_OK;
    tw_outfile page = {0};
    report *r = NULL;

    if (count < 1 || count > RUNS)
        return tw_fail(TW_EINVAL, "report: found %" PRId64 " runs, expected 1 to %d", count, RUNS);
    TW_TRY(tw_alloc(1, sizeof *r, &r));
    r->runs = count;
    snprintf(r->svg, sizeof r->svg, "%.4096s.figure.svg", path);
    snprintf(r->csv, sizeof r->csv, "%.4096s.figure.csv", path);
    for (int64_t i = 0; i < count; i++) {
        r->folder[i] = folder[i];
        TW_TRY(tw_run_open(folder[i], false, &r->run[i]));
        TW_TRY(tw_run_series_names(r->run[i], false, &r->names[i]));
        TW_TRY(tw_run_series_names(r->run[i], true, &r->curves[i]));
    }
    TW_TRY(tw_outfile_open(&page, path));
    r->out = page.stream;
    tw_page_begin(r->out, title);
    for (int64_t i = 0; i < count; i++) TW_TRY(put_summary(r, i));
    TW_TRY(put_figures(r));
    TW_TRY(put_last_values(r));
    for (int64_t i = 0; i < count; i++) TW_TRY(put_provenance(r, i));
    fprintf(r->out, "<footer>Thalweg %s</footer>\n</body>\n</html>\n", tw_version());
    TW_TRY(tw_outfile_commit(&page));
done:
    tw_outfile_discard(&page);
    if (r) {
        clear_lines(r);
        for (int64_t i = 0; i < count; i++) {
            tw_series_names_free(r->curves[i]);
            tw_series_names_free(r->names[i]);
            if (tw_run_close(r->run[i]) != TW_OK && st == TW_OK) st = TW_EIO;
        }
    }
    free(r);
    return st;
}
