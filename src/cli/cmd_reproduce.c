// SPDX-License-Identifier: MIT
// thalweg reproduce: a paper's claims, measured here, with a verdict for each.
//
// Each claim leaves FOLDER/CLAIM.json; one that is there, whole and made by the same version with the same scale, seed
// and data, is not measured again; runs resume from their states. So what was stopped goes on where it was.
#include "cli/reproduce_page.h"
#include "cli/show.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/nearest.h"
#include "base/outfile.h"
#include "paper/runs.h"
#include "report/figure.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const scale_name[] = {"smoke", "small", "full"};

typedef struct job {
    const tw_paper *paper;
    char folder[4096];
    const char *only;
    tw_effort effort;
    bool json;
} job;

static tw_status path_of(const job *j, const char *id, const char *ending, char **out)
{
    size_t size = strlen(j->folder) + strlen(id) + strlen(ending) + 2;
    tw_status st = tw_alloc((int64_t)size, 1, out);
    if (st == TW_OK) snprintf(*out, size, "%s/%s%s", j->folder, id, ending);
    return st;
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found && strcmp(found, text) == 0;
}

// *out: what this version found of this claim with this scale, seed and data before, or NULL.
static tw_status stored(const job *j, const tw_claim *claim, json_t **out)
{
    tw_status st = TW_OK;
    char *path = NULL;
    json_t *found = NULL;
    struct stat about;
    *out = NULL;
    TW_TRY(path_of(j, claim->id, ".json", &path));
    bool there = stat(path, &about) == 0; // as rank 0 sees it, before it writes more
    TW_TRY(tw_ranks_share(&there, sizeof there));
    if (!there) goto done;
    TW_TRY(tw_json_load(path, &found));
    const char *scale = json_string_value(json_object_get(found, "scale"));
    json_t *seed = json_object_get(found, "seed"), *rule = json_object_get(found, "rule");
    const char *data = json_string_value(json_object_get(found, "data")), *wanted = j->effort.data;
    const char *tables = json_string_value(json_object_get(found, "tables")), *there_too = j->effort.tables;
    bool alike = (data && wanted ? strcmp(data, wanted) == 0 : data == wanted) &&
                 (tables && there_too ? strcmp(tables, there_too) == 0 : tables == there_too);
    bool same = alike && scale && strcmp(scale, scale_name[j->effort.scale]) == 0 && json_is_integer(seed) &&
                (uint64_t)json_integer_value(seed) == j->effort.seed && json_is_string(rule) &&
                strcmp(json_string_value(rule), claim->rule) == 0 && is_text(found, "version", tw_version()) &&
                json_integer_value(json_object_get(found, "seeds")) == j->effort.seeds;
    if (same) *out = json_incref(found);
done:
    json_decref(found);
    free(path);
    return st;
}

static tw_status keep(const job *j, const tw_claim *claim, const json_t *found)
{
    tw_status st = TW_OK;
    char *path = NULL;
    tw_outfile file = {0};
    TW_TRY(path_of(j, claim->id, ".json", &path));
    TW_TRY(tw_outfile_open(&file, path));
    if (json_dumpf(found, file.stream, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0)
        st = tw_fail(TW_EIO, "%s: cannot be written", path);
    if (st == TW_OK) TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    free(path);
    return st;
}

// FOLDER/CLAIM.svg, CLAIM-2.svg, ..., each with its numbers as .csv.
static tw_status draw(const job *j, const tw_claim *claim, const json_t *evidence)
{
    tw_status st = TW_OK;
    char *path = NULL, *csv = NULL;
    const json_t *figures = json_object_get(evidence, "figures");
    for (size_t i = 0; i < json_array_size(figures); i++) {
        char id[96], number[24] = "";
        if (i > 0) snprintf(number, sizeof number, "-%d", (int)i + 1);
        snprintf(id, sizeof id, "%.60s%s", claim->id, number);
        free(path);
        free(csv);
        path = csv = NULL;
        TW_TRY(path_of(j, id, ".svg", &path));
        TW_TRY(path_of(j, id, ".csv", &csv));
        TW_TRY(tw_figure_draw_json(json_array_get(figures, i), path, csv));
    }
done:
    free(path);
    free(csv);
    return st;
}

static tw_status measure(const job *j, const tw_claim *claim, json_t **out)
{
    tw_status st = TW_OK;
    tw_finding f = {.evidence = json_object()};
    double begin = tw_show_clock(), runs;
    TW_TRY(tw_claim_runs_seconds(&j->effort, claim, &runs));
    TW_TRY(claim->measure(&j->effort, &f));
    *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:O}", "claim", claim->id, "says", claim->says,
                     "rule", claim->rule, "measured", f.measured, "verdict", tw_verdict_name(f.verdict), "version",
                     tw_version(), "scale", scale_name[j->effort.scale], "seed", (json_int_t)j->effort.seed, "seconds",
                     runs + tw_show_clock() - begin, "evidence", f.evidence);
    if (!*out) {
        st = tw_fail(TW_ENOMEM, "%s: no memory for its result", claim->id);
        goto done;
    }
    json_object_set_new(*out, "seeds", json_integer(j->effort.seeds));
    if (j->effort.data) json_object_set_new(*out, "data", json_string(j->effort.data));
    if (j->effort.tables) json_object_set_new(*out, "tables", json_string(j->effort.tables));
    TW_TRY(draw(j, claim, f.evidence));
    TW_TRY(keep(j, claim, *out));
done:
    json_decref(f.evidence);
    return st;
}

static void show(const json_t *found, bool was_stored)
{
    const char *text[4];
    static const char *const name[] = {"claim", "says", "measured", "verdict"};
    for (int i = 0; i < 4; i++) text[i] = json_string_value(json_object_get(found, name[i]));
    printf("%-20s  %-12s  %6.1f s%s\n", text[0], text[3], json_number_value(json_object_get(found, "seconds")),
           was_stored ? "  (measured before)" : "");
    printf("    paper     %s\n    measured  %s\n", text[1], text[2]);
}

static tw_status make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return TW_OK;
    return tw_fail(TW_EIO, "--folder %s: %s", path, strerror(errno));
}

// Every id of --claim is one of the paper's.
static tw_status check_claims(const job *j)
{
    tw_status st = TW_OK;
    char ids[2048] = "", near[64], *text = NULL, *rest = NULL;
    if (!j->only) return TW_OK;
    for (int i = 0; i < j->paper->claims; i++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%s", i ? " " : "", j->paper->claim[i].id);
    TW_TRY(tw_strdup(j->only, &text));
    for (char *id = strtok_r(text, "\n", &rest); id && st == TW_OK; id = strtok_r(NULL, "\n", &rest)) {
        bool known = false;
        for (int i = 0; i < j->paper->claims; i++) known = known || strcmp(j->paper->claim[i].id, id) == 0;
        if (known) continue;
        tw_nearest(id, ids, near, sizeof near);
        st = tw_fail(TW_EINVAL, "--claim: found \"%.60s\", expected one of: %s; the nearest is %s", id, ids, near);
    }
done:
    free(text);
    return st;
}

static tw_status read_job(const tw_args *args, job *j)
{
    tw_status st = TW_OK;
    char *const *word;
    int words = tw_args_words(args, &word);
    char names[256] = "", near[64];
    for (int i = 0; i < tw_paper_count(); i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? " " : "", tw_paper_at(i)->name);
    j->paper = words == 1 ? tw_paper_find(word[0]) : NULL;
    if (!j->paper) {
        tw_nearest(words ? word[0] : "", names, near, sizeof near);
        return tw_fail(TW_EINVAL, "reproduce: found %s%.40s%s, expected one paper of: %s; the nearest is %s",
                       words == 1 ? "\"" : "",
                       words == 1 ? word[0]
                       : words    ? "several words"
                                  : "none",
                       words == 1 ? "\"" : "", names, near);
    }
    const char *folder = tw_args_str(args, "folder");
    j->only = tw_args_str(args, "claim");
    j->json = tw_args_flag(args, "json");
    j->effort.progress = tw_show_progress(args);
    TW_TRY(tw_args_seed(args, "seed", &j->effort.seed));
    const char *scale = tw_args_str(args, "scale");
    while (strcmp(scale_name[j->effort.scale], scale) != 0) j->effort.scale++;
    int64_t seeds = j->paper->seeds[j->effort.scale];
    TW_TRY(tw_args_int(args, "seeds", 1, 16, &seeds));
    j->effort.seeds = (int)seeds;
    j->effort.data = tw_args_flag(args, "data") ? tw_args_str(args, "data") : j->paper->data;
    if (folder)
        snprintf(j->folder, sizeof j->folder, "%s", folder);
    else
        snprintf(j->folder, sizeof j->folder, "reproduce/%s-%s", j->paper->name, scale);
    j->effort.tables = tw_args_flag(args, "tables") ? tw_args_str(args, "tables") : NULL;
    j->effort.folder = j->folder;
    struct stat about;
    if (j->effort.tables && (stat(j->effort.tables, &about) != 0 || !S_ISDIR(about.st_mode))) {
        st = tw_fail(TW_EINVAL, "--tables: found no folder %s, expected one with banknote.csv, ... (docs/data.md)",
                     j->effort.tables);
        goto done;
    }
    TW_TRY(check_claims(j));
    if (!folder) TW_TRY(make_folder("reproduce"));
    TW_TRY(make_folder(j->folder));
done:
    return st;
}

// Makes the runs that claims without a stored result look at.
static tw_status make_runs(const job *j, int64_t *made)
{
    tw_status st = TW_OK;
    json_t *found = NULL;
    bool all_stored = true;
    *made = 0;
    for (int i = 0; i < j->paper->claims; i++) {
        const tw_claim *claim = &j->paper->claim[i];
        if (!tw_claim_is_wanted(j->only, claim->id) || !claim->runs) continue;
        TW_TRY(stored(j, claim, &found));
        all_stored = all_stored && found;
        json_decref(found);
        found = NULL;
    }
    if (!all_stored) TW_TRY(tw_paper_runs_make(j->paper, &j->effort, j->only, made));
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    job j = {0};
    int count[TW_VERDICTS] = {0};
    int64_t made;
    json_t *result = json_object(), *rows = json_array(), *found = NULL;
    double begin = tw_show_clock();

    TW_TRY(read_job(args, &j));
    j.effort.shared = json_object();
    if (!j.json)
        printf("%s, scale %s, seed %" PRIu64 "%s%s\n\n", j.paper->title, scale_name[j.effort.scale], j.effort.seed,
               j.effort.data ? ", on " : "", j.effort.data ? j.effort.data : "");
    TW_TRY(make_runs(&j, &made));
    tw_show_progress_end();
    if (made > 0 && !j.json) printf("%" PRId64 " runs in %s/runs, %.1f s\n\n", made, j.folder, tw_show_clock() - begin);
    for (int i = 0; i < j.paper->claims; i++) {
        const tw_claim *claim = &j.paper->claim[i];
        if (!tw_claim_is_wanted(j.only, claim->id)) continue;
        if (!tw_claim_is_at(j.paper, claim, j.effort.scale)) {
            if (!j.only) continue;
            st = tw_fail(TW_EINVAL, "--claim %s: is not measured at scale %s", claim->id, scale_name[j.effort.scale]);
            goto done;
        }
        TW_TRY(stored(&j, claim, &found));
        bool before = found != NULL;
        TW_TRY(before ? draw(&j, claim, json_object_get(found, "evidence")) : measure(&j, claim, &found));
        tw_show_progress_end();
        const char *verdict = json_string_value(json_object_get(found, "verdict"));
        for (int v = 0; v < TW_VERDICTS; v++)
            count[v] += verdict && strcmp(verdict, tw_verdict_name((tw_verdict)v)) == 0;
        if (!j.json) show(found, before);
        fflush(stdout);
        json_array_append_new(rows, found);
        found = NULL;
    }
    json_object_set_new(result, "paper", json_string(j.paper->name));
    json_object_set_new(result, "scale", json_string(scale_name[j.effort.scale]));
    if (j.effort.data) json_object_set_new(result, "data", json_string(j.effort.data));
    json_object_set(result, "claims", rows);
    TW_TRY(tw_show_provenance(args, result));
    if (tw_rank() == 0) TW_TRY(tw_reproduce_page(j.paper, &j.effort, j.folder, result)); // it reads the figures
    if (!j.json) {
        printf("\n%d hold, %d contradicted, %d undecided", count[TW_HOLDS], count[TW_CONTRADICTED],
               count[TW_UNDECIDED]);
        if (count[TW_REPORTED] > 0) printf(", %d shown without a verdict", count[TW_REPORTED]);
        printf("\nThe page: %s/report.html\n", j.folder);
    }
    if (count[TW_CONTRADICTED] + count[TW_UNDECIDED] > 0)
        tw_show_shortfall("%d of %d claims do not hold at this scale", count[TW_CONTRADICTED] + count[TW_UNDECIDED],
                          count[TW_HOLDS] + count[TW_CONTRADICTED] + count[TW_UNDECIDED]);
    if (j.json) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(j.effort.shared);
    json_decref(found);
    json_decref(rows);
    json_decref(result);
    return st;
}

static const tw_flag flags[] = {
    {"scale", "NAME", "small", "how much to measure", .choices = "smoke|small|full"},
    {"claim", "ID", NULL, "only this claim; may be given again", .many = true},
    {"data", "SPEC", NULL, "samples of a paper's runs and of claims that need real data (docs/data.md)"},
    {"tables", "DIR", NULL, "folder of the tables that diffusion-escape looks at: banknote.csv, ... (docs/data.md)"},
    {"seeds", "N", NULL, "runs of each recipe, from --seed on, up to 16; else as many as the scale has"},
    {"folder", "DIR", NULL, "runs, what claims found, and the page; else reproduce/PAPER-SCALE", .neutral = true},
    {0},
};

const tw_command tw_cmd_reproduce = {
    .name = "reproduce",
    .summary = "a paper's claims, measured here, with a verdict for each",
    .about =
        "One row a claim: what the paper says, what was measured with its uncertainty, and the verdict that its rule\n"
        "computes from the numbers: holds, contradicted or undecided; a claim without a rule at this scale is "
        "reported.\n"
        "Exit code 0 if every claim holds, 1 if one does not. Runs that claims look at are made side by side, stored "
        "in\n"
        "the folder, and go on where they were stopped; a page with the figures, report.html, is left there.\n"
        "\n"
        "Papers: hessian-sgd (Li, Gu, Zhou, Chen & Banerjee 2020), sharpest-directions (Jastrzebski et al. 2019),\n"
        "minibatch-noise (Ziyin, Liu, Mori & Ueda 2022), diffusion-escape (Xie, Sato & Sugiyama 2021).",
    .example = "thalweg reproduce diffusion-escape --scale smoke --claim rates-add",
    .words = "PAPER",
    .flags = flags,
    .run = run,
};
