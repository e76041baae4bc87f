// SPDX-License-Identifier: MIT
// Weights on disk, in PyTorch's names and layout, as .safetensors or .npz.
#include "base/alloc.h"
#include "net/net.h"

#include <inttypes.h>
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
    if (arrays->count != net->tensors) {
        st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " tensors, but model %s has %" PRId64, path, arrays->count,
                     net->model, net->tensors);
        goto done;
    }
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

    TW_TRY(tw_alloc(net->tensors, sizeof *array, &array));
    TW_TRY(tw_alloc(net->n, sizeof *w, &w));
    TW_TRY(tw_alloc(net->n, (size_t)real, &rounded));
    tw_net_get_weights(net, w);
    net->kern->map->from_double(net->n, w, rounded); // exact: they were of that type
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        array[t] = (tw_array){.name = (char *)(uintptr_t)p->name, // read, never freed, by save
                              .rank = p->rank,
                              .real = (int)real,
                              .x = (char *)rounded + p->offset * real};
        memcpy(array[t].shape, p->shape, sizeof p->shape);
    }
    TW_TRY(tw_arrays_save(path, net->tensors, array));
done:
    free(rounded);
    free(w);
    free(array);
    return st;
}
