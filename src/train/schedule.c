// SPDX-License-Identifier: MIT
// Learning rates as functions of the step, and of what was observed.
//
//   constant  lr
//   step      lr factor^floor(t / every)
//   cosine    least + (lr - least)(1 + cos(pi t / length)) / 2, then least        (Loshchilov & Hutter, ICLR 2017)
//   cyclic    lr + (most - lr) times a triangle: up over `up`, down over `down`    (Smith, WACV 2017)
//   plateau   lr factor^cuts, not below least
//
// t counts epochs or steps from the end of the warm-up, in which the rate rises in a straight line from start lr: step
// i of w has start + (1 - start)(i + 1)/(w + 1). A cut: an observation is good when it is lower than the best by more
// than delta; it sets the counter to 0. On a bad one the rate is cut when the counter has reached the patience, which
// sets it to 0; then 1 is added. So the first cut falls on bad observation patience + 1 and later ones every patience.
#include "train/schedule.h"

#include <math.h>
#include <string.h>

#define UNIT                                                                           \
    {                                                                                  \
        "unit", "epochs", 0, 0, false, "epochs steps", "what the times are counted in" \
    }
#define WARMUP                                                              \
    {                                                                       \
        "warmup", "0", 0, 1e15, true, NULL, "rise to the rate over so long" \
    }
#define START                                                                               \
    {                                                                                       \
        "start", "0", 0, 1, false, NULL, "where the rise begins, as a fraction of the rate" \
    }
#define END                                 \
    {                                       \
        NULL, NULL, 0, 0, false, NULL, NULL \
    }

enum { AT_UNIT, AT_WARMUP, AT_START, AT_FIRST, AT_SECOND, AT_THIRD };
enum { CONSTANT, STEP, COSINE, CYCLIC, PLATEAU };

static const tw_word constant[] = {UNIT, WARMUP, START, END};
static const tw_word step[] = {UNIT,
                               WARMUP,
                               START,
                               {"every", "30", 1, 1e15, true, NULL, "time between cuts"},
                               {"factor", "0.1", 0, 1e300, false, NULL, "what each multiplies by"},
                               END};
static const tw_word cosine[] = {
    UNIT,
    WARMUP,
    START,
    {"length", "100", 1, 1e15, true, NULL, "from the rate to the least, after the warm-up"},
    {"least", "0", 0, 1e300, false, NULL, "learning rate at the end"},
    END};
static const tw_word cyclic[] = {UNIT,
                                 WARMUP,
                                 START,
                                 {"most", "1", 0, 1e300, false, NULL, "learning rate at the top"},
                                 {"up", "5", 1, 1e15, true, NULL, "time from the rate to the top"},
                                 {"down", "5", 1, 1e15, true, NULL, "time from the top to the rate"},
                                 END};
static const tw_word plateau[] = {UNIT,
                                  WARMUP,
                                  START,
                                  {"factor", "0.1", 0, 1, false, NULL, "what a cut multiplies by"},
                                  {"patience", "10", 1, 1e15, true, NULL, "bad observations before a cut"},
                                  {"delta", "1e-4", 0, 1e300, false, NULL, "how much lower is an improvement"},
                                  {"least", "0", 0, 1e300, false, NULL, "the rate is not cut below it"},
                                  END};

static const tw_words table[] = {
    [CONSTANT] = {"constant", "the same rate throughout, after a warm-up if one is asked for", constant},
    [STEP] = {"step", "multiplied by a factor at regular times", step},
    [COSINE] = {"cosine", "half a cosine down to the least", cosine},
    [CYCLIC] = {"cyclic", "triangles between the rate and the most", cyclic},
    [PLATEAU] = {"plateau", "cut when what is observed no longer falls", plateau},
};
enum { KINDS = sizeof table / sizeof *table };

tw_status tw_schedule_read(const char *text, tw_schedule *out)
{
    return tw_words_read("schedule", text, KINDS, table, &out->kind, out->value);
}

int64_t tw_schedule_words(int64_t i, tw_words *out)
{
    if (i >= 0 && i < KINDS) *out = table[i];
    return KINDS;
}

double tw_schedule_at(const tw_schedule *s, double lr, int64_t epoch_steps, int64_t at, int64_t cuts)
{
    const double *v = s->value;
    double unit = v[AT_UNIT] == 0 ? (double)epoch_steps : 1; // whole numbers below 2^53: t and its quotients are exact
    double warm = v[AT_WARMUP] * unit, t = (double)at - warm;
    if (t < 0) return lr * (v[AT_START] + (1 - v[AT_START]) * ((double)at + 1) / (warm + 1));
    switch (s->kind) {
    case STEP:
        return lr * pow(v[AT_SECOND], floor(t / (v[AT_FIRST] * unit)));
    case COSINE: {
        double length = v[AT_FIRST] * unit;
        return t >= length ? v[AT_SECOND]
                           : v[AT_SECOND] + (lr - v[AT_SECOND]) * (1 + cos(3.14159265358979323846 * t / length)) / 2;
    }
    case CYCLIC: {
        double up = v[AT_SECOND] * unit, down = v[AT_THIRD] * unit, in = fmod(t, up + down);
        return lr + (v[AT_FIRST] - lr) * (in < up ? in / up : (up + down - in) / down);
    }
    case PLATEAU:
        return fmax(lr * pow(v[AT_FIRST], (double)cuts), fmin(lr, v[AT_THIRD + 1]));
    default:
        return lr;
    }
}

void tw_plateau_observe(const tw_schedule *s, double value, tw_plateau *p)
{
    if (s->kind != PLATEAU) return;
    if (value < p->best - s->value[AT_THIRD]) {
        p->best = value;
        p->bad = 0;
        return;
    }
    if ((double)p->bad >= s->value[AT_SECOND]) {
        p->cuts++;
        p->bad = 0;
    }
    p->bad++;
}

tw_status tw_schedule_lr(const char *schedule, double lr, int64_t epoch_steps, int64_t at, int64_t cuts, double *out)
{
    tw_schedule s;
    tw_status st = tw_schedule_read(schedule, &s);
    if (st != TW_OK) return st;
    if (!(lr > 0) || epoch_steps < 1 || at < 0 || cuts < 0)
        return tw_fail(TW_EINVAL,
                       "schedule: expected a positive lr, at least 1 step an epoch, no negative step or cuts");
    *out = tw_schedule_at(&s, lr, epoch_steps, at, cuts);
    return TW_OK;
}
