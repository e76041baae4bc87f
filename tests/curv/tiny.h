// SPDX-License-Identifier: MIT
// The three small networks of paper 1's specification, group tiny_nets of the set "bound_cases", with figures computed
// by an independent program.
#ifndef TESTS_CURV_TINY_H
#define TESTS_CURV_TINY_H

#include "curv/toy.h"

#include "base/json.h"

static inline double tiny_real(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }
static inline double tiny_at(const json_t *o, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(o, key), i));
}

// The i-th network: a toy at its weights; case_ is borrowed from *file, which the caller releases.
static inline void tiny_open(const char *path, size_t i, json_t **file, const json_t **case_, toy *t)
{
    char model[96] = "mlp:";
    must(tw_json_load(path, file));
    const json_t *c = *case_ = json_array_get(json_object_get(*file, "tiny_nets"), i);
    const json_t *sizes = json_object_get(c, "sizes"), *x = json_object_get(c, "X");
    size_t layers = json_array_size(sizes), samples = json_array_size(x);
    for (size_t l = 0; l < layers; l++)
        snprintf(model + strlen(model), sizeof model - strlen(model), "%s%d", l ? "-" : "",
                 (int)json_integer_value(json_array_get(sizes, l)));
    snprintf(model + strlen(model), sizeof model - strlen(model), ",act=%s",
             json_string_value(json_object_get(c, "activation")));
    int64_t in = json_integer_value(json_array_get(sizes, 0)),
            out = json_integer_value(json_array_get(sizes, layers - 1));
    toy_fill(t, (int64_t)samples, in, out, 0);
    for (size_t r = 0; r < samples; r++) {
        for (int64_t k = 0; k < in; k++)
            ((double *)t->data.x)[(int64_t)r * in + k] =
                json_number_value(json_array_get(json_array_get(x, r), (size_t)k));
        t->data.label[r] = (int32_t)json_integer_value(json_array_get(json_object_get(c, "y"), r));
    }
    toy_net(t, model, toy_opts(8));
    for (int64_t k = 0; k < t->n; k++) t->w[k] = tiny_at(c, "theta", (size_t)k);
    must(tw_net_set_weights(t->net, t->w));
}

#endif
