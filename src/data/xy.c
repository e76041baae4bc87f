// SPDX-License-Identifier: MIT
// Samples from named arrays: x holds the features, y labels (integers) or targets (floats).
//
//   x   [m][features], [m][height][width] or [m][channels][height][width]
//   y   [m] or [m][1] of integers: labels; [m] or [m][targets] of floats: targets
#include "data/arrays.h"
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES_MOST = 1 << 20 }; // more is a mistake: y holds something else

static tw_status bad_shape(const char *path, const tw_array *a, const char *expected)
{
    char shape[8 * 21 + 1] = "";
    size_t used = 0;
    for (int i = 0; i < a->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRId64, i ? ", " : "", a->shape[i]);
    return tw_fail(TW_EFORMAT, "%s: array \"%s\": found shape [%s], expected %s", path, a->name, shape, expected);
}

static tw_status take_features(const char *path, tw_array *x, const tw_wanted *wanted, tw_raw *out)
{
    if (x->rank < 2 || x->rank > 4)
        return bad_shape(path, x,
                         "[samples][features], [samples][height][width] or [samples][channels][height][width]");
    for (int i = 0; i < x->rank; i++)
        if (x->shape[i] < 1) return bad_shape(path, x, "at least one sample and one feature");
    out->m = x->shape[0];
    out->channels = x->rank == 3 ? 1 : x->shape[1];
    out->height = x->rank == 2 ? 1 : x->shape[x->rank - 2];
    out->width = x->rank == 2 ? 1 : x->shape[x->rank - 1];
    tw_wanted kept = tw_wanted_in(wanted, 0, out->m);
    out->before = kept.first;
    out->after = out->m - kept.first - kept.count;
    out->features = out->channels * out->height * out->width; // fits: the file holds so many numbers
    out->kind = (tw_raw_kind)x->real;
    out->x = x->x;
    x->x = NULL;
    return TW_OK;
}

static tw_status take_labels(const char *path, const tw_array *y, int64_t classes, tw_raw *out)
{
    int32_t *label = NULL;
    int64_t most = 0;
    tw_status st = tw_alloc(out->m, sizeof *label, &label);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < out->m; i++) {
        double value = y->real == 4 ? (double)((float *)y->x)[i] : ((double *)y->x)[i];
        int64_t limit = classes ? classes : CLASSES_MOST;
        if (!(value >= 0 && value < (double)limit) || value != (double)(int32_t)value) {
            free(label);
            return tw_fail(TW_EFORMAT,
                           "%s: array \"%s\", sample %" PRId64 ": found label %.17g, expected a whole "
                           "number from 0 to %" PRId64,
                           path, y->name, i, value, limit - 1);
        }
        label[i] = (int32_t)value;
        if (label[i] >= most) most = label[i] + 1;
    }
    out->classes = classes ? classes : most;
    out->label = label;
    return TW_OK;
}

static tw_status take_targets(const char *path, tw_array *y, tw_raw *out)
{
    out->targets = y->rank == 1 ? 1 : y->shape[1];
    if (out->targets < 1) return bad_shape(path, y, "at least one target a sample");
    tw_status st = tw_alloc(out->m, (size_t)out->targets * sizeof(double), &out->target);
    if (st != TW_OK) return st;
    for (int64_t i = 0; i < out->m * out->targets; i++)
        out->target[i] = y->real == 4 ? (double)((float *)y->x)[i] : ((double *)y->x)[i];
    return TW_OK;
}

// x, of the wanted samples, gives its memory away. task: 0 by the type of y, 1 classes, 2 regression.
static tw_status join(const char *x_path, tw_array *x, const char *y_path, tw_array *y, int task, int64_t classes,
                      const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_raw made = {0};
    TW_TRY(take_features(x_path, x, wanted, &made));
    if (y->rank < 1 || y->rank > 2 || y->shape[0] != made.m) {
        char expected[64];
        snprintf(expected, sizeof expected, "[%" PRId64 "] or [%" PRId64 "][targets], as x says", made.m, made.m);
        st = bad_shape(y_path, y, expected);
        goto done;
    }
    if (task == 1 || (task == 0 && y->integer)) {
        if (y->rank == 2 && y->shape[1] != 1) {
            st = bad_shape(y_path, y, "one label a sample (or task=regression)");
            goto done;
        }
        TW_TRY(take_labels(y_path, y, classes, &made));
    } else {
        TW_TRY(take_targets(y_path, y, &made));
    }
    TW_TRY(tw_raw_check_finite(x_path, &made));
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    return st;
}

static tw_status find(const char *path, const tw_arrays *arrays, const char *name, const char *test, tw_array **out)
{
    char names[160] = "";
    for (int64_t i = 0; i < arrays->count; i++) {
        if (strcmp(arrays->array[i].name, name) == 0) {
            *out = &arrays->array[i];
            return TW_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", arrays->array[i].name);
    }
    return tw_fail(test ? TW_EINVAL : TW_EFORMAT, "%s: found the arrays %s; expected \"%s\"%s", path,
                   arrays->count ? names : "(none)", name, test ? test : "");
}

static tw_status read_options(const tw_spec *spec, int *task, int64_t *classes)
{
    tw_status st = tw_spec_choice(spec, "task", "auto classes regression", task);
    return st == TW_OK ? tw_spec_int(spec, "classes", 1, CLASSES_MOST, classes) : st;
}

tw_status tw_xy_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_arrays *arrays = NULL;
    tw_raw train = {0};
    tw_array *x, *y;
    int task = 0;
    int64_t classes = 0;

    TW_TRY(tw_spec_check(spec, 1, 1, "x y test task classes"));
    TW_TRY(read_options(spec, &task, &classes));
    bool test = part == TW_PART_TEST;
    const char *other = test ? tw_spec_get(spec, "test") : NULL, *path = other ? other : spec->value[0];
    const char *x_name = tw_spec_get(spec, "x"), *y_name = tw_spec_get(spec, "y"), *hint = NULL;
    x_name = x_name ? x_name : "x";
    y_name = y_name ? y_name : "y";
    if (test && !other) { // in the same file, beside x and y
        x_name = "x_test";
        y_name = "y_test";
        hint = ", or test=FILE in the words after --data, for a test part";
    }
    if (test) { // as many classes as the training part has: its last class may be missing here
        TW_TRY(tw_xy_read(spec, TW_PART_TRAIN, &(tw_wanted){0, 0}, &train));
        classes = train.classes;
    }
    TW_TRY(tw_arrays_load_rows(path, wanted ? &(tw_rows){x_name, wanted} : NULL, &arrays));
    TW_TRY(find(path, arrays, x_name, hint, &x));
    TW_TRY(find(path, arrays, y_name, hint, &y));
    TW_TRY(join(path, x, path, y, task, classes, wanted, out));
done:
    tw_arrays_free(arrays);
    tw_raw_free(&train);
    return st;
}

tw_status tw_npy_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_arrays *x = NULL, *y = NULL;
    tw_raw train = {0};
    int task = 0;
    int64_t classes = 0;

    TW_TRY(tw_spec_check(spec, 2, 2, "test-x test-y task classes"));
    TW_TRY(read_options(spec, &task, &classes));
    const char *x_path = spec->value[0], *y_path = spec->value[1];
    if (part == TW_PART_TEST) {
        x_path = tw_spec_get(spec, "test-x");
        y_path = tw_spec_get(spec, "test-y");
        if (!x_path || !y_path) {
            st = tw_fail(TW_EINVAL, "data %s: has no test part: give test-x=FILE,test-y=FILE", spec->text);
            goto done;
        }
        TW_TRY(tw_npy_read(spec, TW_PART_TRAIN, &(tw_wanted){0, 0}, &train)); // for its number of classes, as above
        classes = train.classes;
    }
    TW_TRY(tw_arrays_load_rows(x_path, wanted ? &(tw_rows){"", wanted} : NULL, &x));
    TW_TRY(tw_arrays_load(y_path, &y));
    if (x->count != 1 || y->count != 1) {
        st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " arrays, expected 1 (npy)", x->count != 1 ? x_path : y_path,
                     x->count != 1 ? x->count : y->count);
        goto done;
    }
    TW_TRY(join(x_path, &x->array[0], y_path, &y->array[0], task, classes, wanted, out));
done:
    tw_raw_free(&train);
    tw_arrays_free(x);
    tw_arrays_free(y);
    return st;
}
