// SPDX-License-Identifier: MIT
// Initial weights, each tensor from its own random stream.
//
//   he-*      variance 2 / fan_in              (He et al., ICCV 2015); biases 0
//   glorot-*  variance 2 / (fan_in + fan_out)  (Glorot & Bengio, AISTATS 2010); biases 0
//   torch     U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases: what torch.nn.Linear does
// A uniform law on (-a, a) has variance a^2/3.
#include "base/alloc.h"
#include "base/rng.h"
#include "net/net.h"

#include <math.h>
#include <string.h>

typedef struct scheme {
    const char *name;
    bool normal, biases;
    double numerator;
    bool fan_out;
} scheme;

static const scheme schemes[] = {
    {"torch", false, true, 1.0 / 3, false},    {"he-normal", true, false, 2, false},
    {"he-uniform", false, false, 2, false},    {"glorot-normal", true, false, 2, true},
    {"glorot-uniform", false, false, 2, true},
};

tw_status tw_net_init(tw_net *net, const char *name, uint64_t seed)
{
    tw_status st = TW_OK;
    const scheme *how = NULL;
    double *draw = NULL;

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(name, schemes[i].name) == 0) how = &schemes[i];
    if (!how) {
        st =
            tw_fail(TW_EINVAL,
                    "init: found \"%s\", expected torch, he-normal, he-uniform, glorot-normal or glorot-uniform", name);
        goto done;
    }
    TW_TRY(tw_alloc(net->n, sizeof *draw, &draw));
    for (int64_t t = 0; t < net->tensors; t++) {
        const tw_param *p = &net->param[t];
        bool weight = p->rank > 1;
        for (int64_t i = 0; p->law == 1 && i < p->count; i++) draw[p->offset + i] = 1;
        if (p->law == 1 || p->law == 2 || (!weight && !how->biases)) continue;
        double fan = (double)p->fan_in + (how->fan_out ? (double)p->fan_out : 0);
        bool table = p->law == 3 && how->biases;
        double deviation = table ? 1 : sqrt(how->numerator / fan), reach = sqrt(3.0) * deviation;
        tw_rng rng = tw_rng_at(seed, TW_RNG_INIT, (uint64_t)t);
        for (int64_t i = 0; i < p->count; i++)
            draw[p->offset + i] =
                how->normal || table ? deviation * tw_rng_normal(&rng) : reach * (2 * tw_rng_uniform(&rng) - 1);
    }
    tw_net_import(net, 1, draw, net->w);
    for (int64_t i = 0; i < net->buffers; i++) {
        const tw_buffer *s = &net->buffer[i];
        for (int64_t j = 0; j < s->count; j++)
            net->kern->map->from_double(1, &s->start, (char *)net->stat + (s->offset + j) * (int64_t)net->kern->real);
    }
done:
    free(draw);
    return st;
}
