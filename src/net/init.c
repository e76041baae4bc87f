// SPDX-License-Identifier: MIT
// Initial weights, each tensor from its own random stream.
//
//   he-*      variance 2 / fan_in              (He et al., ICCV 2015); biases 0
//   glorot-*  variance 2 / (fan_in + fan_out)  (Glorot & Bengio, AISTATS 2010); biases 0
//   he-truncated  as he-normal, cut at two standard deviations of the uncut law and scaled to the same variance
//   paper     Glorot uniform, but convolutions of residual networks he-truncated times their scale (Jastrzebski et al.,
//             ICLR 2019, as released); biases 0
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
    {"glorot-uniform", false, false, 2, true}, {"he-truncated", true, false, 2, false},
    {"paper", false, false, 2, true},
};

// A normal number no larger than 2 in size, divided by the deviation that is left after the cut: variance one.
static double truncated_normal(tw_rng *rng)
{
    const double left = 0.87962566103423978; // sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))
    double z = tw_rng_normal(rng);
    while (fabs(z) > 2) z = tw_rng_normal(rng);
    return z / left;
}

tw_status tw_net_init(tw_net *net, const char *name, uint64_t seed)
{
    tw_status st = TW_OK;
    const scheme *how = NULL;
    double *draw = NULL;

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(name, schemes[i].name) == 0) how = &schemes[i];
    if (!how) {
        st = tw_fail(TW_EINVAL,
                     "init: found \"%s\", expected torch, he-normal, he-uniform, glorot-normal, glorot-uniform, "
                     "he-truncated or paper",
                     name);
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
        bool scaled = p->law == 4 && strcmp(how->name, "paper") == 0;
        bool truncated = scaled || strcmp(how->name, "he-truncated") == 0;
        if (scaled) deviation = sqrt(2 * p->law_scale / (double)p->fan_in);
        tw_rng rng = tw_rng_at(seed, TW_RNG_INIT, (uint64_t)t);
        for (int64_t i = 0; i < p->count; i++)
            draw[p->offset + i] = truncated              ? deviation * truncated_normal(&rng)
                                  : how->normal || table ? deviation * tw_rng_normal(&rng)
                                                         : reach * (2 * tw_rng_uniform(&rng) - 1);
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
