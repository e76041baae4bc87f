// SPDX-License-Identifier: MIT
// Rare escapes of networks by adaptive multilevel splitting (sim/levels.h) on the distance from the start: the largest
// |w_i - a_i| for a box, the way along the normal for a plane.
//
// Minibatches are drawn with replacement, so the state of the chain is w alone, and a path may go on from any stored w
// with fresh draws. Sixteen walkers stand in a vector: in the search for passages each is a long run of its own, which
// looks for its share of them; later each lane takes the next path that is to be gone on with when its last one ends.
#include "sim/network_lanes.h"

#include "base/alloc.h"
#include "sim/levels.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LANES = 16, PILOT = 12800, SKIP = 8 };

typedef struct job {
    const tw_escape_walk *walk;
    float *factor; // [n][n] or NULL
    double inner, outer, end;
    int64_t forget, paths;
} job;

typedef struct desk { // of one repeat
    const job *j;
    float *w;    // [n][LANES]
    float *room; // as tw_network_room says
    double *state;
    int64_t replica[LANES];
    uint64_t block;
} desk;

static void close_desk(void *d_)
{
    desk *d = d_;
    free(d->w);
    free(d->room);
    free(d->state);
    free(d);
}

static void put_lane(desk *d, int lane, const double *state)
{
    for (int64_t i = 0; i < d->j->walk->net->n; i++) d->w[i * LANES + lane] = (float)state[i];
}

static const double *lane_state(desk *d, int lane)
{
    for (int64_t i = 0; i < d->j->walk->net->n; i++) d->state[i] = (double)d->w[i * LANES + lane];
    return d->state;
}

// All lanes at the start. Streams are those of replicas that no simulation has: beyond 2^60.
static tw_status open_desk(void *ctx, int64_t repeat, void **out)
{
    tw_status st = TW_OK;
    const job *j = ctx;
    desk *d = NULL;
    int64_t n = j->walk->net->n;
    TW_TRY(tw_alloc(1, sizeof *d, &d));
    *out = d;
    d->j = j;
    TW_TRY(tw_alloc(LANES * n, sizeof *d->w, &d->w));
    TW_TRY(tw_alloc(tw_network_room(j->walk->net), sizeof *d->room, &d->room));
    TW_TRY(tw_alloc(n, sizeof *d->state, &d->state));
    for (int l = 0; l < LANES; l++) {
        d->replica[l] = ((int64_t)1 << 60) + (repeat + 1) * LANES + l;
        put_lane(d, l, j->walk->a);
    }
done:
    return st;
}

// Until some lane's score leaves (low, high], at most so many steps; how many they were.
static int64_t go(desk *d, const float low[LANES], const float high[LANES], int64_t most, float score[LANES])
{
    return tw_network_best()->go(d->j->walk, d->j->factor, d->replica, &d->block, low, high, most, d->room, d->w,
                                 score);
}

// The largest float below the end: more than it is out.
static float last_inside(const job *j) { return nextafterf((float)j->end, -INFINITY); }

struct search {                // of one lane
    int64_t next, last, clock; // paths next ... last - 1 are to be filled
    bool counting, below;
};

// What ends the next stretch of this lane.
static void look_for(const job *j, const struct search *s, float *low, float *high)
{
    bool over = s->next == s->last;
    *low = over || s->below ? -INFINITY : (float)j->inner;
    *high = over ? INFINITY : s->below ? nextafterf((float)j->outer, -INFINITY) : last_inside(j);
}

static tw_status passages(void *d_, tw_split_path *path, int64_t *cycles, int64_t *n0, int64_t *steps, bool *frequent)
{
    tw_status st = TW_OK;
    desk *d = d_;
    const job *j = d->j;
    struct search lane[LANES];
    float low[LANES], high[LANES], score[LANES], inside = last_inside(j);
    int64_t left = j->paths, ends = 0, taken;
    for (int l = 0; l < LANES; l++) {
        lane[l] = (struct search){.next = j->paths * l / LANES, .last = j->paths * (l + 1) / LANES};
        low[l] = -INFINITY;
        high[l] = inside;
    }
    for (int64_t t = 0; t < j->forget; t += taken) {
        taken = go(d, low, high, j->forget - t, score);
        *steps += LANES * taken;
        for (int l = 0; l < LANES; l++)
            if (score[l] > inside) put_lane(d, l, j->walk->a);
    }
    for (int l = 0; l < LANES; l++) look_for(j, &lane[l], &low[l], &high[l]);
    while (left > 0 && !*frequent) {
        taken = go(d, low, high, INT64_MAX, score);
        *steps += LANES * taken;
        for (int l = 0; l < LANES; l++) {
            struct search *s = &lane[l];
            if (s->next == s->last) continue;
            if (s->counting) s->clock += taken;
            if (score[l] > inside) { // this cycle ends; another begins with the next passage
                *cycles += s->counting;
                put_lane(d, l, j->walk->a);
                s->below = s->counting = false;
                *frequent = ++ends > j->paths / 50;
            } else if (s->below && score[l] > high[l]) {
                if (s->counting) {
                    TW_TRY(tw_split_record(&path[s->next++], j->walk->net->n, lane_state(d, l), (double)score[l]));
                    left--;
                    ++*cycles;
                }
                s->counting = true; // the first passage starts the clock
                s->below = false;
            } else if (!s->below && score[l] <= low[l]) {
                s->below = true;
            }
            look_for(j, s, &low[l], &high[l]);
        }
    }
    for (int l = 0; l < LANES; l++) *n0 += lane[l].clock;
done:
    return st;
}

static tw_status finish(void *d_, int64_t first, tw_split_path *path, int64_t *steps)
{
    tw_status st = TW_OK;
    desk *d = d_;
    const job *j = d->j;
    int64_t n = j->walk->net->n, next = first, busy = 0, lane[LANES]; // the path of each, -1: none
    float low[LANES], high[LANES], score[LANES], inside = last_inside(j);
    for (int l = 0; l < LANES; l++) lane[l] = -1;
    for (;;) {
        for (int l = 0; l < LANES; l++) { // free lanes take the next paths
            if (lane[l] >= 0) continue;
            while (next < j->paths && tw_split_best(&path[next]) >= j->end) next++;
            low[l] = -INFINITY;
            high[l] = INFINITY;
            if (next == j->paths) continue;
            const tw_split_path *p = &path[next];
            put_lane(d, l, p->state + (p->count - 1) * n);
            low[l] = (float)j->inner;
            high[l] = (float)tw_split_best(p);
            lane[l] = next++;
            busy++;
        }
        if (busy == 0) break;
        *steps += busy * go(d, low, high, INT64_MAX, score);
        for (int l = 0; l < LANES; l++) {
            if (lane[l] < 0) continue;
            if (score[l] > high[l]) {
                TW_TRY(tw_split_record(&path[lane[l]], n, lane_state(d, l), score[l]));
                high[l] = score[l];
            }
            if (score[l] > low[l] && score[l] <= inside) continue;
            lane[l] = -1;
            busy--;
        }
    }
done:
    return st;
}

// Scores of sixteen walkers that have forgotten the start; inner is their median, outer their 90th percentile.
static tw_status pilot(job *j, bool *frequent)
{
    tw_status st = TW_OK;
    void *d = NULL;
    double *seen = NULL;
    float low[LANES], high[LANES], score[LANES];
    TW_TRY(open_desk(j, -1, &d));
    TW_TRY(tw_alloc(LANES * (PILOT / SKIP), sizeof *seen, &seen));
    for (int l = 0; l < LANES; l++) {
        low[l] = -INFINITY;
        high[l] = last_inside(j);
    }
    int64_t count = 0, ends = 0;
    for (int64_t t = 0; count < LANES * (PILOT / SKIP);) {
        t += go(d, low, high, t < j->forget ? j->forget - t : SKIP, score);
        for (int l = 0; l < LANES; l++) {
            if (score[l] > high[l]) {
                put_lane(d, l, j->walk->a);
                *frequent = ++ends > LANES;
            } else if (t > j->forget && count < LANES * (PILOT / SKIP)) {
                seen[count++] = score[l];
            }
        }
        if (*frequent) goto done;
    }
    TW_TRY(tw_levels_ends(count, seen, &j->inner, &j->outer));
done:
    if (d) close_desk(d);
    free(seen);
    return st;
}

static double end_of(const tw_escape_walk *k)
{
    double reach = 0;
    if (k->rule == TW_RULE_BOX) return (double)(float)k->size;
    for (int64_t i = 0; i < k->net->n; i++) reach += k->normal[i] * (k->b[i] - k->a[i]);
    return (double)(float)reach;
}

tw_status tw_escape_walk_split(const tw_escape_walk *k, int64_t forget, int64_t repeats, int64_t paths,
                               tw_ledger *ledger, const char *key, const tw_progress *progress,
                               tw_escape_splitting *out)
{
    tw_status st = TW_OK;
    bool frequent = false;
    int64_t n = k->net->n;
    job j = {.walk = k, .forget = forget, .paths = paths};
    tw_levels levels = {.n = n,
                        .score = k->rule == TW_RULE_BOX ? "the largest |w_i - a_i|" : "the way along the normal",
                        .seed = k->seed,
                        .repeats = repeats,
                        .paths = paths,
                        .ctx = &j,
                        .open = open_desk,
                        .close = close_desk,
                        .passages = passages,
                        .finish = finish,
                        .ledger = ledger,
                        .key = key,
                        .progress = progress};
    tw_escape_splitting found = {.rare = false};
    TW_TRY(tw_levels_check(repeats, paths));
    TW_TRY(tw_escape_walk_check(k));
    if (forget < 0) {
        st = tw_fail(TW_EINVAL, "splitting: found %" PRId64 " steps to forget the start, expected at least 0", forget);
        goto done;
    }
    if (k->factor) {
        TW_TRY(tw_alloc(n * n, sizeof *j.factor, &j.factor));
        for (int64_t i = 0; i < n * n; i++) j.factor[i] = (float)k->factor[i];
    }
    j.end = levels.end = end_of(k);
    TW_TRY(pilot(&j, &frequent));
    if (!frequent) TW_TRY(tw_levels_run(&levels, &found));
    if (found.rare) {
        found.steps += LANES * (PILOT + forget);
        found.inner = j.inner;
        found.outer = j.outer;
    }
    *out = found;
done:
    free(j.factor);
    return st;
}
