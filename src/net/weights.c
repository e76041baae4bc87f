// SPDX-License-Identifier: MIT
// Weights on disk, in PyTorch's names and layout, as .safetensors or .npz.
#include "base/alloc.h"
#include "net/net.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void show_shape(int rank, const int64_t *shape, size_t room, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%" PRId64, i ? " x " : "", shape[i]);
    if (rank == 0) snprintf(text, room, "a single number");
}

static tw_status copy_tensor(const char *path, const tw_param *p, const tw_array *array, double *w)
{
    char found[128], expected[128];
    show_shape(p->rank, p->shape, sizeof expected, expected);
    if (!array)
        return tw_fail(TW_EFORMAT, "%s: found no tensor \"%s\", expected one of shape %s", path, p->name, expected);
    if (array->rank != p->rank || memcmp(array->shape, p->shape, (size_t)p->rank * sizeof *p->shape) != 0) {
        show_shape(array->rank, array->shape, sizeof found, found);
        return tw_fail(TW_EFORMAT, "%s: %s: found shape %s, expected %s", path, p->name, found, expected);
    }
    for (int64_t i = 0; i < p->count; i++)
        w[i] = array->real == TW_F64 ? ((const double *)array->x)[i] : (double)((const float *)array->x)[i];
    return TW_OK;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

// Running statistics: as many as the file has of them it must have all; PyTorch's counters of batches are not needed.
static tw_status load_stats(tw_net *net, const char *path, const tw_arrays *arrays)
{
    tw_status st = TW_OK;
    double *stat = NULL;
    TW_TRY(tw_alloc(net->stats, sizeof *stat, &stat));
    for (int64_t i = 0; i < net->buffers; i++) {
        const tw_buffer *s = &net->buffer[i];
        tw_param p = {.name = s->name, .rank = 1, .shape = {s->count}, .count = s->count};
        TW_TRY(copy_tensor(path, &p, tw_arrays_find(arrays, s->name), stat + s->offset));
        for (int64_t j = 0; j < s->count; j++)
            if (!(fabs(stat[s->offset + j]) < 1e38) || (s->start == 1 && stat[s->offset + j] < 0)) {
                st = tw_fail(TW_EFORMAT, "%s: %s: element %" PRId64 ": found %g, expected a finite %s", path, s->name,
                             j, stat[s->offset + j], s->start == 1 ? "variance, not below 0" : "mean");
                goto done;
            }
    }
    net->kern->map->from_double(net->stats, stat, net->stat);
done:
    free(stat);
    return st;
}

tw_status tw_net_load(tw_net *net, const char *path)
{
    tw_status st = TW_OK;
    tw_arrays *arrays = NULL;
    double *w = NULL;

    TW_TRY(tw_arrays_load(path, &arrays));
    TW_TRY(tw_alloc(net->n, sizeof *w, &w));
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        TW_TRY(copy_tensor(path, p, tw_arrays_find(arrays, p->name), w + p->offset));
    }
    int64_t found = arrays->count;
    for (int64_t i = 0; i < arrays->count; i++) found -= ends_with(arrays->array[i].name, ".num_batches_tracked");
    if (found != net->tensors + net->buffers) {
        st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " tensors, but model %s has %" PRId64, path, found, net->model,
                     net->tensors + net->buffers);
        goto done;
    }
    TW_TRY(load_stats(net, path, arrays));
    st = tw_net_set_weights(net, w);
    if (st != TW_OK) st = tw_fail_in(TW_EFORMAT, "%s: ", path);
done:
    free(w);
    tw_arrays_free(arrays);
    return st;
}

tw_status tw_net_save(const tw_net *net, const char *path)
{
    tw_status st = TW_OK;
    tw_array *array = NULL;
    double *w = NULL;
    void *rounded = NULL;
    int64_t real = (int64_t)net->kern->real;

    TW_TRY(tw_alloc(net->tensors + net->buffers, sizeof *array, &array));
    TW_TRY(tw_alloc(net->n, sizeof *w, &w));
    TW_TRY(tw_alloc(net->n, (size_t)real, &rounded));
    tw_net_get_weights(net, w);
    net->kern->map->from_double(net->n, w, rounded); // exact: they were of that type
    int64_t count = 0, buffer = 0;
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        array[count] = (tw_array){.name = (char *)(uintptr_t)p->name, // read, never freed, by save
                                  .rank = p->rank,
                                  .real = (int)real,
                                  .x = (char *)rounded + p->offset * real};
        memcpy(array[count++].shape, p->shape, sizeof p->shape);
        for (; buffer < net->buffers && net->buffer[buffer].after == t; buffer++)
            array[count++] = (tw_array){.name = net->buffer[buffer].name,
                                        .rank = 1,
                                        .shape = {net->buffer[buffer].count},
                                        .real = (int)real,
                                        .x = (char *)net->stat + net->buffer[buffer].offset * real};
    }
    TW_TRY(tw_arrays_save(path, count, array));
done:
    free(rounded);
    free(w);
    free(array);
    return st;
}
