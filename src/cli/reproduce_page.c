// SPDX-License-Identifier: MIT
// The page of a paper: its claims as a table, its figures from the runs that were made.
#include "cli/reproduce_page.h"

#include "base/alloc.h"
#include "base/outfile.h"
#include "paper/runs.h"
#include "report/figure_series.h"
#include "report/page_parts.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 12, SEEDS = 16 };

typedef struct gathering {
    int lines;
    tw_figure_line line[LINES];
} gathering;

static void drop(gathering *g)
{
    for (int i = 0; i < g->lines; i++) {
        free(g->line[i].x);
        free(g->line[i].y);
        free(g->line[i].error);
    }
    *g = (gathering){0};
}

// Mean over seeds at every step that the first seed has, with its standard error where all have it.
static tw_status add_line(const tw_effort *e, const char *run, const char *series, gathering *g)
{
    tw_status st = TW_OK;
    tw_series *found[SEEDS] = {0};
    double *epoch[SEEDS] = {0};
    int seeds = e->seeds < SEEDS ? e->seeds : SEEDS;
    if (g->lines == LINES) return TW_OK;
    tw_figure_line *line = &g->line[g->lines++];
    for (int s = 0; s < seeds; s++) TW_TRY(tw_paper_series(e, run, s, series, &found[s], &epoch[s]));
    line->count = found[0]->count;
    TW_TRY(tw_alloc(line->count + 1, sizeof(double), &line->x));
    TW_TRY(tw_alloc(line->count + 1, sizeof(double), &line->y));
    TW_TRY(tw_alloc(line->count + 1, sizeof(double), &line->error));
    for (int64_t i = 0; i < line->count; i++) {
        double sum = 0, square = 0;
        int n = 0;
        for (int s = 0; s < seeds; s++)
            if (i < found[s]->count && found[s]->step[i] == found[0]->step[i] && isfinite(found[s]->value[i])) {
                double off = found[s]->value[i] - sum;
                sum += off / ++n; // Welford
                square += off * (found[s]->value[i] - sum);
            }
        line->x[i] = epoch[0][i];
        line->y[i] = n > 0 ? sum : NAN;
        line->error[i] = n > 1 ? sqrt(square / (n * (n - 1.0))) : NAN;
    }
done:
    for (int s = 0; s < seeds; s++) {
        tw_series_free(found[s]);
        free(epoch[s]);
    }
    return st;
}

// Whether the run was made here, for every seed.
static bool is_there(const tw_effort *e, const char *run)
{
    char folder[4096], database[4200];
    for (int s = 0; s < e->seeds; s++) {
        snprintf(database, sizeof database, "%s/run.sqlite", tw_paper_run_folder(e, run, s, sizeof folder, folder));
        if (access(database, F_OK) != 0) return false;
    }
    return true;
}

static int count_there(const tw_effort *e, const tw_paper_figure *figure)
{
    char run[64];
    int count = 0;
    for (const char *at = figure->runs; tw_paper_next_word(&at, sizeof run, run);) count += is_there(e, run);
    return count;
}

static tw_status draw(const tw_effort *e, const tw_paper_figure *figure, const char *svg, const char *csv)
{
    tw_status st = TW_OK;
    gathering g = {0};
    char run[64], series[128], subtitle[96] = "";
    bool several_runs = strchr(figure->runs, ' ') != NULL, several_series = strchr(figure->series, ' ') != NULL;
    for (const char *r = figure->runs; tw_paper_next_word(&r, sizeof run, run);) {
        if (!is_there(e, run)) continue;
        for (const char *at = figure->series; tw_paper_next_word(&at, sizeof series, series);) {
            TW_TRY(add_line(e, run, series, &g));
            tw_figure_line *line = &g.line[g.lines - 1];
            const char *leaf = strchr(series, '/');
            leaf = leaf && strchr(leaf + 1, '/') ? strchr(leaf + 1, '/') + 1 : series;
            snprintf(line->name, sizeof line->name, "%.40s%s%.50s", several_runs || !several_series ? run : "",
                     several_runs && several_series ? ": " : "", several_series ? leaf : "");
        }
    }
    if (e->seeds > 1) snprintf(subtitle, sizeof subtitle, "means over %d seeds with standard errors", e->seeds);
    tw_figure_series f = {figure->title, subtitle, "epoch", figure->y_name, figure->log_y, g.lines, g.line, 0, 0, 0};
    TW_TRY(tw_figure_draw_series(&f, svg, csv));
done:
    drop(&g);
    return st;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_cell(FILE *out, const char *text) // of a Markdown table
{
    for (; *text; text++) {
        if (*text == '|') fputc('\\', out);
        fputc(*text, out);
    }
}

static tw_status put_markdown(const char *folder, const json_t *rows)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    char path[4200];
    size_t i;
    const json_t *row;
    snprintf(path, sizeof path, "%s/claims.md", folder);
    TW_TRY(tw_outfile_open(&file, path));
    fputs("| claim | the paper says | rule | measured | verdict |\n| --- | --- | --- | --- | --- |\n", file.stream);
    json_array_foreach(rows, i, row)
    {
        static const char *const key[] = {"claim", "says", "rule", "measured", "verdict"};
        for (int k = 0; k < 5; k++) {
            fputs("| ", file.stream);
            put_cell(file.stream, text_of(row, key[k]));
            fputc(' ', file.stream);
        }
        fputs("|\n", file.stream);
    }
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}

static void put_claims(FILE *out, const json_t *rows)
{
    size_t i;
    const json_t *row;
    fputs("<style>.claims td,.claims th{white-space:normal;text-align:left;vertical-align:top}.claims td:first-child"
          "{white-space:nowrap}</style>\n<section>\n<h2>Claims</h2>\n<div class=\"wide\"><table class=\"claims\">\n"
          "<tr><th>claim</th><th>the paper says</th><th>measured</th><th>verdict</th><th>seconds</th></tr>\n",
          out);
    json_array_foreach(rows, i, row)
    {
        const char *verdict = text_of(row, "verdict");
        fputs("<tr><td>", out);
        tw_page_text(out, text_of(row, "claim"));
        fputs("</td><td>", out);
        tw_page_text(out, text_of(row, "says"));
        fputs("<br><span class=\"soft\">holds if: ", out);
        tw_page_text(out, text_of(row, "rule"));
        fputs("</span></td><td>", out);
        tw_page_text(out, text_of(row, "measured"));
        fprintf(out, "</td><td class=\"%s\">",
                strcmp(verdict, "holds") == 0          ? "yes"
                : strcmp(verdict, "contradicted") == 0 ? "no"
                                                       : "soft");
        tw_page_text(out, verdict);
        fprintf(out, "</td><td>%.1f</td></tr>\n", json_number_value(json_object_get(row, "seconds")));
    }
    fputs("</table></div>\n</section>\n", out);
}

// What a claim's own evidence draws: FOLDER/CLAIM.svg, CLAIM-2.svg, ... with their numbers beside.
static tw_status put_evidence(FILE *out, const char *folder, const json_t *rows)
{
    tw_status st = TW_OK;
    size_t i, k;
    const json_t *row, *figure;
    json_array_foreach(rows, i, row)
    {
        const char *id = text_of(row, "claim");
        json_array_foreach(json_object_get(json_object_get(row, "evidence"), "figures"), k, figure)
        {
            char svg[4200], csv[4200], name[96], number[24] = "";
            if (k > 0) snprintf(number, sizeof number, "-%d", (int)k + 1);
            snprintf(name, sizeof name, "%.60s%s.csv", id, number);
            snprintf(svg, sizeof svg, "%.4000s/%.60s%s.svg", folder, id, number);
            snprintf(csv, sizeof csv, "%.4000s/%s", folder, name);
            if (k == 0) {
                fputs("<section>\n<h2>", out);
                tw_page_text(out, id);
                fputs("</h2>\n<p>", out);
                tw_page_text(out, text_of(row, "says"));
                fputs("</p>\n</section>\n", out);
            }
            TW_TRY(tw_page_figure(out, svg, csv, name, text_of(row, "says")));
        }
    }
done:
    return st;
}

static tw_status put_figures(FILE *out, const tw_paper *paper, const tw_effort *e, const char *folder)
{
    tw_status st = TW_OK;
    char svg[4200], csv[4200], name[32];
    for (int i = 0, n = 0; paper->figure && paper->figure[i].title; i++) {
        const tw_paper_figure *figure = &paper->figure[i];
        if (count_there(e, figure) < (strchr(figure->runs, ' ') ? 2 : 1)) continue;
        snprintf(svg, sizeof svg, "%s/figure-%02d.svg", folder, ++n);
        snprintf(csv, sizeof csv, "%s/figure-%02d.csv", folder, n);
        snprintf(name, sizeof name, "figure-%02d.csv", n);
        TW_TRY(draw(e, figure, svg, csv));
        fputs("<section>\n<h2>", out);
        tw_page_text(out, figure->title);
        fputs("</h2>\n<p>", out);
        tw_page_text(out, figure->about);
        fputs("</p>\n", out);
        TW_TRY(tw_page_figure(out, svg, csv, name, figure->title));
        fputs("</section>\n", out);
    }
done:
    return st;
}

tw_status tw_reproduce_page(const tw_paper *paper, const tw_effort *e, const char *folder, const json_t *result)
{
    tw_status st = TW_OK;
    tw_outfile page = {0};
    char path[4200];
    const json_t *rows = json_object_get(result, "claims");
    TW_TRY(put_markdown(folder, rows));
    snprintf(path, sizeof path, "%s/report.html", folder);
    TW_TRY(tw_outfile_open(&page, path));
    tw_page_begin(page.stream, paper->title);
    fputs("<p>Scale ", page.stream);
    tw_page_text(page.stream, text_of(result, "scale"));
    if (paper->run) {
        fprintf(page.stream, ", %d seed%s from %" PRIu64 ", on ", e->seeds, e->seeds == 1 ? "" : "s", e->seed);
        tw_page_text(page.stream, text_of(result, "data"));
    } else {
        fprintf(page.stream, ", seed %" PRIu64, e->seed);
    }
    fputs(". A verdict is computed from the numbers by its rule; plus-minus is the standard error over seeds.</p>\n",
          page.stream);
    put_claims(page.stream, rows);
    TW_TRY(put_evidence(page.stream, folder, rows));
    TW_TRY(put_figures(page.stream, paper, e, folder));
    fputs("<footer>Made by thalweg ", page.stream);
    tw_page_text(page.stream, text_of(result, "version"));
    fputs(". ", page.stream);
    tw_page_text(page.stream, text_of(result, "recipe"));
    fputs("</footer>\n</body>\n</html>\n", page.stream);
    TW_TRY(tw_outfile_commit(&page));
done:
    tw_outfile_discard(&page);
    return st;
}
