// SPDX-License-Identifier: MIT
// Escapes of networks dealt to threads in groups of replicas, and a network's objective as a surface.
#include "sim/network_lanes.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "base/shards.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- the network as the lanes read it ------------------------------------------------------------------------------

static tw_status unit_of(const tw_net *net, tw_activation activation, tw_escape_unit *out)
{
    switch (activation) {
    case TW_ACT_IDENTITY:
        *out = TW_UNIT_IDENTITY;
        return TW_OK;
    case TW_ACT_RELU:
        *out = TW_UNIT_RELU;
        return TW_OK;
    case TW_ACT_TANH:
        *out = TW_UNIT_TANH;
        return TW_OK;
    case TW_ACT_SIGMOID:
        *out = TW_UNIT_SIGMOID;
        return TW_OK;
    case TW_ACT_SOFTPLUS:
        *out = TW_UNIT_SOFTPLUS;
        return TW_OK;
    default:
        break;
    }
    return tw_fail(TW_EINVAL, "model %s: found another activation, expected identity, relu, tanh, sigmoid or softplus",
                   net->model);
}

static tw_status read_layers(const tw_net *net, tw_escape_net *e)
{
    tw_status st = TW_OK;
    for (int i = 0; i < net->nodes; i++) {
        const tw_node *node = &net->node[i];
        if (strcmp(node->op->name, "dense") == 0 && e->layers < TW_ESCAPE_LAYERS) {
            int l = e->layers++;
            e->width[l] = node->in;
            e->width[l + 1] = node->out;
            e->weight[l] = node->weight;
            e->bias[l] = node->bias;
        } else if (strcmp(node->op->name, "activation") == 0 && e->layers > 0 &&
                   e->unit[e->layers - 1] == TW_UNIT_IDENTITY) {
            TW_TRY(unit_of(net, node->activation, &e->unit[e->layers - 1]));
        } else {
            st = tw_fail(TW_EINVAL, "model %s: found a layer %s, expected mlp with at most %d layers", net->model,
                         node->op->name, TW_ESCAPE_LAYERS);
            goto done;
        }
    }
    e->widest = 0;
    for (int l = 0; l <= e->layers; l++) {
        e->values += e->width[l];
        if (e->width[l] > e->widest) e->widest = e->width[l];
    }
done:
    return st;
}

tw_status tw_escape_net_new(const tw_net *net, const tw_data *data, tw_escape_net **out)
{
    tw_status st = TW_OK;
    tw_escape_net *e = NULL;
    TW_TRY(tw_alloc(1, sizeof *e, &e));
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(read_layers(net, e));
    if (net->loss == TW_LOSS_NEXT || e->unit[e->layers - 1] != TW_UNIT_IDENTITY) {
        st =
            tw_fail(TW_EINVAL, "model %s with loss %s: expected a dense last layer and xent, logistic, mse or half-mse",
                    net->model, tw_loss_name(net->loss));
        goto done;
    }
    e->n = net->n;
    e->m = data->m;
    e->loss = net->loss;
    e->l2 = (float)net->l2;
    int64_t features = data->features, outputs = e->width[e->layers];
    TW_TRY(tw_alloc(e->m * features, sizeof(float), &e->x));
    TW_TRY(tw_alloc(e->m * outputs, sizeof(float), &e->y));
    for (int64_t i = 0; i < e->m * features; i++)
        e->x[i] = data->real == 8 ? (float)((const double *)data->x)[i] : ((const float *)data->x)[i];
    for (int64_t j = 0; j < e->m; j++)
        for (int64_t o = 0; o < outputs; o++) {
            float *y = e->y + j * outputs + o;
            if (!data->label)
                *y = (float)data->target[j * outputs + o];
            else
                *y = net->loss == TW_LOSS_LOGISTIC ? (float)data->label[j] : (float)(data->label[j] == o);
        }
    *out = e;
    e = NULL;
done:
    tw_escape_net_free(e);
    return st;
}

void tw_escape_net_free(tw_escape_net *e)
{
    if (!e) return;
    free(e->x);
    free(e->y);
    free(e);
}

// ---- replicas ------------------------------------------------------------------------------------------------------

int64_t tw_network_room(const tw_escape_net *e)
{
    return 16 * (2 * e->n + 2 * e->values + 2 * e->widest) + (2 * e->n + 15) / 16 * 16;
}

#ifdef TW_X86
const tw_network_lanes *tw_network_best(void)
{
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
    return wide ? &tw_network_avx512 : &tw_network_plain;
}
#else
const tw_network_lanes *tw_network_best(void) { return &tw_network_plain; }
#endif

typedef struct job {
    const tw_escape_walk *walk;
    int64_t replicas, group, groups, max_steps, done, room;
    float *factor, *desk;
    int64_t *steps;
    bool *escaped;
    tw_ledger *ledger;
    const char *key;
    const tw_progress *progress;
} job;

enum { MOST_OF_GROUP = 512 };

// A function of the replicas' number alone.
static int64_t group_size(int64_t replicas)
{
    int64_t eighth = (replicas + 127) / 128 * 16;
    return eighth > MOST_OF_GROUP ? MOST_OF_GROUP : eighth;
}

// In a ledger a replica that was cut off stands with its steps negative.
static tw_status run_group(void *ctx, int64_t group, int thread)
{
    tw_status st = TW_OK;
    job *j = ctx;
    int64_t first = group * j->group, count = j->replicas - first, found = 0, done;
    double kept[MOST_OF_GROUP];
    char name[96];
    if (count > j->group) count = j->group;
    snprintf(name, sizeof name, "%.60s/%" PRId64, j->key ? j->key : "", group);
    if (j->ledger && tw_ledger_get(j->ledger, name, count, &found, kept) && found == count) {
        for (int64_t i = 0; i < count; i++) {
            j->steps[first + i] = (int64_t)fabs(kept[i]);
            j->escaped[first + i] = kept[i] > 0;
        }
    } else {
        tw_network_best()->group(j->walk, j->factor, first, count, j->max_steps, j->desk + thread * j->room,
                                 j->steps + first, j->escaped + first);
        for (int64_t i = 0; i < count; i++) kept[i] = (double)j->steps[first + i] * (j->escaped[first + i] ? 1 : -1);
        if (j->ledger && tw_ranks() == 1) TW_TRY(tw_ledger_put(j->ledger, name, count, kept));
    }
#pragma omp atomic capture
    done = ++j->done;
    const tw_progress *p = j->progress;
    if (thread == 0 && p && p->tick && !p->tick(p->ctx, "groups of replicas", (double)done, (double)j->groups))
        st = tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " of %" PRId64 " groups of replicas", done, j->groups);
done:
    return st;
}

// What each rank found, into everybody's ledger.
static tw_status share(job *j)
{
    tw_status st = TW_OK;
    const int64_t word = sizeof *j->steps, mark = sizeof *j->escaped;
    TW_TRY(tw_ranks_gather(j->groups, j->group * word, j->replicas * word, j->steps));
    TW_TRY(tw_ranks_gather(j->groups, j->group * mark, j->replicas * mark, j->escaped));
    for (int64_t g = 0; g < j->groups && j->ledger && tw_ranks() > 1; g++) {
        int64_t first = g * j->group, count = j->replicas - first, found = 0;
        double kept[MOST_OF_GROUP];
        char name[96];
        if (count > j->group) count = j->group;
        snprintf(name, sizeof name, "%.60s/%" PRId64, j->key ? j->key : "", g);
        if (tw_ledger_get(j->ledger, name, count, &found, kept) && found == count) continue;
        for (int64_t i = 0; i < count; i++) kept[i] = (double)j->steps[first + i] * (j->escaped[first + i] ? 1 : -1);
        TW_TRY(tw_ledger_put(j->ledger, name, count, kept));
    }
done:
    return st;
}

tw_status tw_escape_walk_check(const tw_escape_walk *k)
{
    if (k->batch < 1) return tw_fail(TW_EINVAL, "batch: found %" PRId64 ", expected at least 1", k->batch);
    if (!(k->eta > 0 && isfinite(k->eta)))
        return tw_fail(TW_EINVAL, "eta: found %g, expected a positive number", k->eta);
    if (k->rule == TW_RULE_BOX && !(k->size > 0))
        return tw_fail(TW_EINVAL, "box: found %g, expected a positive number", k->size);
    return TW_OK;
}

tw_status tw_escape_walk_run(const tw_escape_walk *k, int64_t replicas, int64_t max_steps, tw_ledger *ledger,
                             const char *key, const tw_progress *progress, int64_t *steps, bool *escaped)
{
    tw_status st = TW_OK;
    int64_t n = k->net->n;
    job j = {.walk = k, .replicas = replicas, .max_steps = max_steps, .steps = steps, .escaped = escaped};
    if (replicas < 1 || max_steps < 1) {
        st = tw_fail(TW_EINVAL, "found %" PRId64 " replicas, %" PRId64 " steps, expected at least 1", replicas,
                     max_steps);
        goto done;
    }
    TW_TRY(tw_escape_walk_check(k));
    j.ledger = ledger;
    j.key = key;
    j.progress = progress;
    j.group = group_size(replicas);
    j.groups = (replicas + j.group - 1) / j.group;
    j.room = tw_network_room(k->net);
    TW_TRY(tw_alloc(tw_threads() * j.room, sizeof(float), &j.desk));
    if (k->factor) {
        TW_TRY(tw_alloc(n * n, sizeof(float), &j.factor));
        for (int64_t i = 0; i < n * n; i++) j.factor[i] = (float)k->factor[i];
    }
    TW_TRY(tw_shards_run_dealt(j.groups, run_group, &j));
    TW_TRY(share(&j));
done:
    free(j.factor);
    free(j.desk);
    return st;
}

// ---- the objective as a surface ------------------------------------------------------------------------------------

static tw_status slope(void *ctx, const double *x, double *value, double *gradient)
{
    tw_status st = TW_OK;
    tw_network_surface *s = ctx;
    tw_loss_value loss;
    TW_TRY(tw_net_set_weights(s->net, x));
    TW_TRY(tw_loss(s->net, s->data, gradient, NULL, &loss));
    *value = loss.loss;
done:
    return st;
}

static tw_status matrix(const tw_network_surface *s, const char *name, const double *x, double *h)
{
    tw_status st = TW_OK;
    tw_curv *curv = NULL;
    tw_curv_opts opts = tw_curv_defaults();
    tw_progress quiet = {NULL, NULL};
    double asymmetry;
    int64_t n = s->surface.n;
    opts.matrix = name;
    TW_TRY(tw_net_set_weights(s->net, x));
    TW_TRY(tw_curv_new(s->net, s->data, &opts, &curv));
    TW_TRY(tw_linop_assemble(tw_curv_linop(curv), quiet, h, &asymmetry));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++) h[i * n + k] = h[k * n + i] = (h[i * n + k] + h[k * n + i]) / 2;
done:
    tw_curv_free(curv);
    return st;
}

static tw_status hessian(void *ctx, const double *x, double *h)
{
    tw_network_surface *s = ctx;
    s->hessians++;
    if (s->progress.tick && !s->progress.tick(s->progress.ctx, "Hessians", (double)s->hessians, 0))
        return tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " Hessians", s->hessians);
    return matrix(s, "hessian", x, h);
}

tw_status tw_network_covariance(const tw_network_surface *s, const double *x, double *c)
{
    return matrix(s, "covariance", x, c);
}

void tw_network_surface_open(tw_net *net, const tw_data *data, tw_progress progress, tw_network_surface *out)
{
    *out = (tw_network_surface){
        .surface = {.n = net->n, .slope = slope, .hessian = hessian}, .net = net, .data = data, .progress = progress};
    out->surface.ctx = out;
}
