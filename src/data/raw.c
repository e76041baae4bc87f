// SPDX-License-Identifier: MIT
// Samples as a file holds them: freeing, checking, joining.
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

tw_status tw_names_copy(int64_t count, const char *const *name, tw_names *out)
{
    tw_status st = TW_OK;
    tw_names made = {0};
    TW_TRY(tw_alloc(count, sizeof *made.name, &made.name));
    for (; made.count < count; made.count++) TW_TRY(tw_strdup(name[made.count], &made.name[made.count]));
    *out = made;
    made = (tw_names){0};
done:
    tw_names_free(&made);
    return st;
}

void tw_names_free(tw_names *names)
{
    for (int64_t i = 0; i < names->count; i++) free(names->name[i]);
    free(names->name);
    *names = (tw_names){0};
}

void tw_raw_free(tw_raw *raw)
{
    free(raw->x);
    free(raw->label);
    free(raw->target);
    tw_names_free(&raw->names);
    *raw = (tw_raw){0};
}

static double number_at(const tw_raw *raw, int64_t i)
{
    if (raw->kind == TW_RAW_F32) return (double)((const float *)raw->x)[i];
    return ((const double *)raw->x)[i];
}

tw_status tw_raw_check_finite(const char *path, const tw_raw *raw)
{
    if (raw->kind != TW_RAW_U8)
        for (int64_t i = 0; i < tw_raw_held(raw) * raw->features; i++)
            if (!isfinite(number_at(raw, i)))
                return tw_fail(TW_EFORMAT,
                               "%s: sample %" PRId64 ", feature %" PRId64 ": found %g, expected a finite "
                               "number",
                               path, raw->before + i / raw->features, i % raw->features, number_at(raw, i));
    for (int64_t i = 0; i < raw->m * raw->targets; i++)
        if (!isfinite(raw->target[i]))
            return tw_fail(TW_EFORMAT, "%s: sample %" PRId64 ", target %" PRId64 ": found %g, expected a finite number",
                           path, i / raw->targets, i % raw->targets, raw->target[i]);
    return TW_OK;
}

// *to = first then second, both freed or owned as before on failure.
static tw_status join(void **to, size_t first, const void *second, size_t size)
{
    uint8_t *both = NULL;
    tw_status st = tw_alloc((int64_t)(first + size), 1, &both);
    if (st != TW_OK) return st;
    memcpy(both, *to, first);
    memcpy(both + first, second, size);
    free(*to);
    *to = both;
    return TW_OK;
}

tw_status tw_raw_append(const char *path, tw_raw *raw, const tw_raw *more)
{
    tw_status st = TW_OK;
    if (raw->features != more->features || raw->kind != more->kind || raw->targets != more->targets ||
        !raw->label != !more->label) {
        st = tw_fail(TW_EFORMAT,
                     "%s: found %" PRId64 " features and %" PRId64 " targets a sample, expected %" PRId64
                     " and %" PRId64 " as in the part before",
                     path, more->features, more->targets, raw->features, raw->targets);
        goto done;
    }
    size_t row = (size_t)raw->features * (size_t)raw->kind, m = (size_t)raw->m, n = (size_t)more->m;
    int64_t held = tw_raw_held(raw), others = tw_raw_held(more);
    if (raw->after > 0 && held > 0) others = 0; // the window ended before these
    if (more->before > 0 && others > 0) held = 0;
    TW_TRY(join(&raw->x, (size_t)held * row, more->x, (size_t)others * row));
    raw->before = held > 0 ? raw->before : others > 0 ? raw->m + more->before : raw->m + more->m;
    raw->after = raw->m + more->m - raw->before - held - others;
    if (raw->label) {
        void *label = raw->label;
        st = join(&label, m * sizeof(int32_t), more->label, n * sizeof(int32_t));
        raw->label = label;
    } else {
        void *target = raw->target;
        row = (size_t)raw->targets * sizeof(double);
        st = join(&target, m * row, more->target, n * row);
        raw->target = target;
    }
    if (st != TW_OK) goto done;
    raw->m += more->m;
    if (more->classes > raw->classes) raw->classes = more->classes;
done:
    return st;
}
