// SPDX-License-Identifier: MIT
// Means over seeds, their standard errors, and the one rule by which they are judged.
#include "paper/condition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void tw_finding_begin(tw_finding *f)
{
    f->verdict = TW_HOLDS;
    f->measured[0] = '\0';
}

static double mean_of(int n, const double *x, bool logarithms, double *error)
{
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++) sum += (logarithms ? log(x[i]) : x[i]) / n;
    for (int i = 0; i < n; i++) square += pow((logarithms ? log(x[i]) : x[i]) - sum, 2);
    *error = n > 1 ? sqrt(square / (n * (n - 1.0))) : 0;
    return n > 0 ? sum : NAN;
}

static json_t *numbers(int n, const double *x)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) json_array_append_new(list, isfinite(x[i]) ? json_real(x[i]) : json_null());
    return list;
}

static void say(tw_finding *f, const char *what, double mean, double error, int seeds, const char *mark)
{
    size_t used = strlen(f->measured);
    char number[64] = "missing";
    if (isfinite(mean) && seeds > 1)
        snprintf(number, sizeof number, "%.3g +- %.2g", mean, error);
    else if (isfinite(mean))
        snprintf(number, sizeof number, "%.3g", mean);
    snprintf(f->measured + used, sizeof f->measured - used, "%s%s %s%s", used ? "; " : "", what, number, mark);
}

void tw_finding_check(tw_finding *f, const tw_condition *c, int seeds, const double *x)
{
    double error, mean = mean_of(seeds, x, c->ratio, &error), bound = c->ratio ? log(c->bound) : c->bound;
    double ahead = c->side == TW_AT_LEAST ? mean - bound : bound - mean;
    tw_verdict verdict = isfinite(ahead) && ahead >= error ? TW_HOLDS : ahead < -error ? TW_CONTRADICTED : TW_UNDECIDED;
    if (!isfinite(mean)) verdict = TW_UNDECIDED;
    char mark[64];
    snprintf(mark, sizeof mark, " (%s %.3g%s)", c->side == TW_AT_LEAST ? ">=" : "<=", c->bound,
             verdict == TW_HOLDS          ? ""
             : verdict == TW_CONTRADICTED ? ": no"
                                          : ": undecided");
    if (c->ratio) {
        mean = exp(mean);
        error *= mean;
    }
    say(f, c->what, mean, error, seeds, mark);
    json_t *list = json_object_get(f->evidence, "conditions");
    if (!list) json_object_set_new(f->evidence, "conditions", list = json_array());
    json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:o, s:o, s:o, s:s}", "what", c->what, "side",
                                          c->side == TW_AT_LEAST ? "at least" : "at most", "bound", c->bound, "seeds",
                                          numbers(seeds, x), "mean", isfinite(mean) ? json_real(mean) : json_null(),
                                          "error", isfinite(error) ? json_real(error) : json_null(), "verdict",
                                          tw_verdict_name(verdict)));
    if (verdict == TW_CONTRADICTED || (verdict == TW_UNDECIDED && f->verdict == TW_HOLDS)) f->verdict = verdict;
}

void tw_finding_note(tw_finding *f, const char *what, int seeds, const double *x)
{
    double error, mean = mean_of(seeds, x, false, &error);
    say(f, what, mean, error, seeds, "");
    json_object_set_new(f->evidence, what, numbers(seeds, x));
}
