// SPDX-License-Identifier: MIT
// The gradient of all the data with made noise in place of the batch's.
//
//   w <- w - lr (mu + noise),   Cov noise = one of, with C = r/B (1/m sum g_i g_i' - mu mu'), r = 1 or (m - B)/(m - 1):
//     measured    C itself:  noise = sqrt(r / (B m)) sum_i (z_i - mean z) g_i, z_i standard normal. Given the z this is
//                 one weighted gradient, and its covariance over them is exactly C.
//     isotropic   (Tr C / n) I, Tr C = r/B (1/m sum |g_i|^2 - |mu|^2) at the present weights; or `trace`, if given
//     factor      F'F for a given F (tw_trainer_set_noise), scaled to the trace of C (match=yes) or as it is
//     none        nothing
//
// The l2 term has no noise and is left out of C. Needed to tell what the shape of the noise does from what its size
// does: Xie, Sato & Sugiyama, ICLR 2021; Zhu, Wu, Yu, Wu & Ma, ICML 2019.
#include "train/trainer.h"

#include "base/alloc.h"
#include "base/rng.h"
#include <math.h>

enum { KIND, BATCH, REPLACEMENT, TRACE, MATCH };
enum { MEASURED, ISOTROPIC, FACTOR, NONE };

static const tw_word words[] = {
    {"kind", "isotropic", 0, 0, false, "measured isotropic factor none", "covariance of the noise"},
    {"batch", "0", 0, 1e15, true, NULL, "B, whose noise is made; 0: the trainer's batch"},
    {"replacement", "yes", 0, 0, false, "yes no", "whether B would be drawn with replacement"},
    {"trace", "0", 0, TW_LARGE, false, NULL, "isotropic, factor: this trace; 0: that of C"},
    {"match", "yes", 0, 0, false, "yes no", "factor: scale F'F to the trace"},
    TW_END,
};

typedef struct made {
    double *weight; // [m]
    double *f, *z;  // [k][n] in the order of memory, [k]
    int64_t k;
    double f_trace; // |F|^2
    double size;    // of the isotropic noise, or what F is multiplied by
    tw_trainer *t;
} made;

static tw_status open(tw_rule *rule) { return tw_alloc(1, sizeof(made), &rule->own); }

static void close(tw_rule *rule)
{
    made *own = rule->own;
    if (!own) return;
    free(own->weight);
    free(own->f);
    free(own->z);
}

static void mean_square(void *ctx, int64_t first, int64_t count, const double *w, const double *g, double *sum)
{
    const made *own = ctx;
    (void)first;
    double l2 = own->t->net->l2; // the samples' part alone
    for (int64_t i = 0; i < count; i++) {
        double mu = g[i] - l2 * w[i];
        sum[0] += mu * mu;
    }
}

// r / B, by which the covariance of one sample's gradient is multiplied.
static double share(const tw_rule *rule, const tw_trainer *t)
{
    double m = (double)t->data->m, b = rule->value[BATCH] > 0 ? rule->value[BATCH] : (double)t->opts.batch;
    if (rule->value[REPLACEMENT] == 0) return 1 / b;
    b = fmin(b, m);
    return m > 1 ? (m - b) / (m - 1) / b : 0;
}

static tw_status trace_of_noise(tw_rule *rule, tw_trainer *t, double *trace)
{
    tw_status st = TW_OK;
    made *own = rule->own;
    double mu2;
    *trace = rule->value[TRACE];
    if (*trace > 0) goto done;
    TW_TRY(tw_trainer_walk(t, mean_square, own, 1, &mu2));
    *trace = share(rule, t) * fmax(t->sums.squares / (double)t->data->m - mu2, 0);
done:
    return st;
}

static tw_status gradient(tw_rule *rule, tw_trainer *t)
{
    tw_status st = TW_OK;
    made *own = rule->own;
    int64_t m = t->data->m, kind = (int64_t)rule->value[KIND];
    double trace;
    own->t = t;
    if (kind == FACTOR && !own->f) {
        st = tw_fail(TW_EINVAL,
                     "optim noise: kind=factor: found no factor, expected tw_trainer_set_noise before the step");
        goto done;
    }
    if (kind != NONE && kind != MEASURED && rule->value[TRACE] == 0 && !tw_net_norms_by_layer(t->net)) {
        st = tw_fail(TW_EINVAL,
                     "optim noise: model %s: gradient norms of samples do not come layer by layer, expected "
                     "trace= or kind=measured",
                     t->net->model);
        goto done;
    }
    if (kind == MEASURED) {
        if (!own->weight) TW_TRY(tw_alloc(m, sizeof *own->weight, &own->weight));
        tw_step_normals(rule->seed, t->step, 0, m, own->weight);
        double mean = tw_tree_sum(m, own->weight) / (double)m, size = sqrt(share(rule, t) * (double)m);
        for (int64_t i = 0; i < m; i++) own->weight[i] = 1 + size * (own->weight[i] - mean);
        TW_TRY(tw_trainer_full_gradient(t, own->weight, false));
        goto done;
    }
    TW_TRY(tw_trainer_full_gradient(t, NULL, kind != NONE && rule->value[TRACE] == 0));
    own->size = 0;
    if (kind == NONE) goto done;
    TW_TRY(trace_of_noise(rule, t, &trace));
    if (kind == ISOTROPIC) {
        own->size = sqrt(trace / (double)rule->n);
    } else {
        bool match = rule->value[MATCH] == 0;
        own->size = !match ? 1 : own->f_trace > 0 ? sqrt(trace / own->f_trace) : 0;
        tw_step_normals(rule->seed, t->step, 0, own->k, own->z);
    }
done:
    return st;
}

static void slab(const tw_rule *rule, int64_t first, int64_t count, const double *w, const double *g, double *const *m,
                 double *u)
{
    (void)w;
    (void)m;
    const made *own = rule->own;
    double noise[TW_BLOCK] = {0}, kind = rule->value[KIND];
    if (kind == ISOTROPIC) tw_step_normals(rule->seed, rule->step, first, count, noise);
    for (int64_t j = 0; kind == FACTOR && j < own->k; j++)
        for (int64_t i = 0; i < count; i++) noise[i] += own->z[j] * own->f[j * rule->n + first + i];
    for (int64_t i = 0; i < count; i++) u[i] = -rule->lr * (g[i] + own->size * noise[i]);
}

const tw_rule_kind tw_rule_noise = {.words = {"noise", "the gradient of all the data with made noise", words},
                                    .whole_data = true,
                                    .open = open,
                                    .close = close,
                                    .gradient = gradient,
                                    .slab = slab};

tw_status tw_trainer_set_noise(tw_trainer *t, int64_t k, const double *f)
{
    tw_status st = TW_OK;
    int64_t n = t->net->n, real = (int64_t)t->net->kern->real;
    double *inside = NULL, *z = NULL, trace = 0;
    void *one = NULL;
    if (t->rule.kind != &tw_rule_noise || t->rule.value[KIND] != FACTOR) {
        st = tw_fail(TW_EINVAL, "set_noise: found the rule %s, expected noise:kind=factor", t->rule.kind->words.name);
        goto done;
    }
    if (k < 1) {
        st = tw_fail(TW_EINVAL, "set_noise: found %lld vectors, expected at least 1", (long long)k);
        goto done;
    }
    for (int64_t i = 0; i < k * n; i++) trace += f[i] * f[i];
    if (!isfinite(trace)) {
        st = tw_fail(TW_EINVAL, "set_noise: found a factor that is not finite");
        goto done;
    }
    TW_TRY(tw_alloc(k * n, sizeof *inside, &inside));
    TW_TRY(tw_alloc(k, sizeof *z, &z));
    TW_TRY(tw_alloc(n, (size_t)real, &one));
    for (int64_t j = 0; j < k; j++) {
        tw_net_import(t->net, 1, f + j * n, one);
        t->net->kern->map->to_double(n, 1, one, inside + j * n);
    }
    made *own = t->rule.own;
    free(own->f);
    free(own->z);
    own->f = inside;
    own->z = z;
    own->k = k;
    own->f_trace = trace;
    inside = z = NULL;
done:
    free(one);
    free(z);
    free(inside);
    return st;
}
