// SPDX-License-Identifier: MIT
// Every matrix the program knows, as a combination of three elementary ones:
//
//     A = h H + g G + m M + c mu mu' + l2 I   restricted to some parameters,
//
// H the Hessian of the data loss, G the Gauss-Newton matrix, M = (1/m) sum g_i g_i', mu the mean gradient of the data
// loss. The l2 term (l2/2)|w|^2 belongs to "hessian" and "ggn"; it is the same in every batch, so not to the rest.
#include "curv/product.h"

#include "base/alloc.h"
#include "base/options.h"
#include "net/loss.h"
#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct matrix {
    const char *name;
    double weight[TW_BASES]; // of H, G, M
    bool l2, covariance, log_loss, model_labels;
} matrix;

static const matrix matrices[] = {
    {"hessian", {1, 0, 0}, .l2 = true},
    {"ggn", {0, 1, 0}, .l2 = true},
    {"fisher", {0, 1, 0}, .log_loss = true},                               // = G for these losses
    {"fisher-sampled", {0, 0, 1}, .log_loss = true, .model_labels = true}, // M with labels from the model
    {"moment", {0, 0, 1}, .l2 = false},                                    // the "empirical Fisher"
    {"covariance", {0, 0, 1}, .covariance = true},
    {"residual", {-1, 0, 1}, .log_loss = true}, // H_p = M - H
    {"h-g", {1, -1, 0}, .l2 = false},
};

struct tw_curv {
    tw_linop op;
    const matrix *kind;
    tw_product product;
    double weight[TW_BASES], rank_one, l2;
    double *gradient;        // mean gradient of the data loss, [n], when rank_one is not 0
    bool *keep;              // [tensors]
    double *full_x, *full_y; // [block][n]: when parameters are left out
    int64_t kept;            // parameters
    int64_t products;
    tw_loss_value loss;
    tw_progress progress;
};

static tw_status find_matrix(const char *name, const matrix **out)
{
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (strcmp(name, matrices[i].name) == 0) {
            *out = &matrices[i];
            return TW_OK;
        }
    return tw_fail(
        TW_EINVAL,
        "matrix: found \"%s\", expected hessian, ggn, fisher, fisher-sampled, moment, covariance, residual or h-g",
        name);
}

static tw_status select_layers(tw_curv *curv, const char *patterns)
{
    tw_status st = TW_OK;
    const tw_net *net = curv->product.net;
    char *text = NULL, *rest = NULL;
    TW_TRY(tw_alloc(net->tensors, sizeof *curv->keep, &curv->keep));
    if (patterns) TW_TRY(tw_strdup(patterns, &text));
    for (int64_t t = 0; !patterns && t < net->tensors; t++) curv->keep[t] = true;
    for (char *word = text ? strtok_r(text, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
        int64_t hits = 0;
        for (int64_t t = 0; t < net->tensors; t++)
            if (fnmatch(word, net->param[t].name, 0) == 0) {
                curv->keep[t] = true;
                hits++;
            }
        if (hits == 0) {
            st = tw_fail(TW_EINVAL, "layers: found \"%s\", which matches no parameter; the first is %s, the last %s",
                         word, net->param[0].name, net->param[net->tensors - 1].name);
            goto done;
        }
    }
    for (int64_t t = 0; t < net->tensors; t++)
        if (curv->keep[t]) curv->kept += net->param[t].count;
    if (curv->kept == 0) st = tw_fail(TW_EINVAL, "layers: found no pattern, expected one such as fc1.*");
done:
    free(text);
    return st;
}

static const double *spread(tw_curv *curv, int64_t k, const double *x)
{
    const tw_net *net = curv->product.net;
    if (!curv->full_x) return x;
    for (int64_t c = 0; c < k; c++)
        for (int64_t t = 0; t < net->tensors; t++) {
            const tw_param *p = &net->param[t];
            double *to = curv->full_x + c * net->n + p->offset;
            if (!curv->keep[t]) {
                memset(to, 0, (size_t)p->count * sizeof *to);
                continue;
            }
            memcpy(to, x, (size_t)p->count * sizeof *to);
            x += p->count;
        }
    return curv->full_x;
}

static void gather(const tw_curv *curv, int64_t k, const double *full, double *y)
{
    const tw_net *net = curv->product.net;
    for (int64_t c = 0; c < k; c++)
        for (int64_t t = 0; t < net->tensors; t++) {
            const tw_param *p = &net->param[t];
            if (!curv->keep[t]) continue;
            memcpy(y, full + c * net->n + p->offset, (size_t)p->count * sizeof *y);
            y += p->count;
        }
}

// y[k][n] = the weighted images (sums over samples become means), plus what is not a sum over samples.
static void combine(const tw_curv *curv, int64_t k, const double *x, double *y)
{
    const tw_product *p = &curv->product;
    const tw_net *net = p->net;
    int64_t n = net->n, real = (int64_t)net->kern->real, image = 0;
    for (int b = 0; b < TW_BASES; b++) {
        if (!p->base[b]) continue;
        tw_net_export(net, k, curv->weight[b] / (double)p->m, image > 0, (char *)p->total + image * n * k * real, y);
        image++;
    }
    for (int64_t c = 0; c < k; c++, x += n, y += n) {
        if (curv->rank_one != 0) {
            double along = 0;
            for (int64_t i = 0; i < n; i++) along += curv->gradient[i] * x[i];
            for (int64_t i = 0; i < n; i++) y[i] += curv->rank_one * along * curv->gradient[i];
        }
        if (curv->l2 != 0)
            for (int64_t i = 0; i < n; i++) y[i] += curv->l2 * x[i];
    }
}

static tw_status apply(void *ctx, int64_t k, const double *x, double *y)
{
    tw_status st = TW_OK;
    tw_curv *curv = ctx;
    int64_t n = curv->op.n;
    for (int64_t done = 0; done < k;) {
        int64_t now = k - done < curv->product.block ? k - done : curv->product.block;
        const double *in = spread(curv, now, x + done * n);
        double *out = curv->full_y ? curv->full_y : y + done * n;
        TW_TRY(tw_product_apply(&curv->product, now, in));
        combine(curv, now, in, out);
        if (curv->full_y) gather(curv, now, out, y + done * n);
        done += now;
        curv->products += now;
        if (curv->progress.tick && !curv->progress.tick(curv->progress.ctx, "products", (double)curv->products, 0)) {
            st = tw_fail(TW_ESTOPPED, "stopped after %" PRId64 " products", curv->products);
            goto done;
        }
    }
done:
    return st;
}

static tw_status set_weights(tw_curv *curv, const tw_curv_opts *opts)
{
    const matrix *kind = curv->kind;
    const tw_net *net = curv->product.net;
    double m = (double)curv->product.data->m, scale = 1;
    if (kind->log_loss && !tw_loss_is_likelihood(net))
        return tw_fail(TW_EINVAL, "matrix %s: loss %s is no log-likelihood, expected xent, logistic or half-mse",
                       kind->name, tw_loss_name(net->loss));
    if (kind->covariance) {
        double batch = (double)opts->batch;
        if (opts->batch < 1 || (!opts->replacement && batch > m))
            return tw_fail(TW_EINVAL, "batch: found %" PRId64 ", expected 1 to %" PRId64 " samples", opts->batch,
                           curv->product.data->m);
        scale = opts->replacement ? 1 / batch : m == 1 ? 0 : (m - batch) / (batch * (m - 1));
        curv->rank_one = -scale;
    }
    for (int b = 0; b < TW_BASES; b++) curv->weight[b] = scale * kind->weight[b];
    curv->l2 = kind->l2 ? net->l2 : 0;
    return TW_OK;
}

tw_status tw_directional(const tw_net *net, const tw_data *data, int64_t k, const double *v, double *out)
{
    tw_status st = TW_OK;
    const bool base[TW_BASES] = {[TW_BASE_MOMENT] = true};
    tw_product product = {0};
    double *some = NULL;
    tw_curv_opts opts = tw_curv_defaults();

    if (k < 1) return tw_fail(TW_EINVAL, "directions: found %" PRId64 ", expected at least 1", k);
    int64_t block = k < opts.block ? k : opts.block;
    TW_TRY(tw_alloc(data->m * block, sizeof *some, &some));
    TW_TRY(tw_product_open(&product, net, data, base, block, 0, false, 0));
    for (int64_t done = 0; done < k;) {
        int64_t now = k - done < block ? k - done : block;
        TW_TRY(tw_product_directional(&product, now, v + done * net->n, some));
        for (int64_t i = 0; i < data->m; i++)
            for (int64_t c = 0; c < now; c++) out[i * k + done + c] = some[i * now + c];
        done += now;
    }
done:
    free(some);
    if (product.net) tw_product_close(&product);
    return st;
}

tw_status tw_curv_new(const tw_net *net, const tw_data *data, const tw_curv_opts *opts, tw_curv **out)
{
    TW_OPTIONS(tw_curv, opts);
    tw_status st = TW_OK;
    tw_curv *curv = NULL;
    bool base[TW_BASES];

    TW_TRY(tw_alloc(1, sizeof *curv, &curv));
    curv->product.net = net;
    curv->product.data = data;
    curv->progress = opts->progress;
    if (opts->block < 1) {
        st = tw_fail(TW_EINVAL, "block: found %" PRId64 ", expected at least 1 direction", opts->block);
        goto done;
    }
    TW_TRY(tw_net_fits(net, data));
    TW_TRY(find_matrix(opts->matrix, &curv->kind));
    TW_TRY(set_weights(curv, opts));
    TW_TRY(select_layers(curv, opts->layers));
    for (int b = 0; b < TW_BASES; b++) base[b] = curv->kind->weight[b] != 0;
    if (curv->rank_one != 0) TW_TRY(tw_alloc(net->n, sizeof *curv->gradient, &curv->gradient));
    TW_TRY(tw_product_value(net, data, curv->gradient, NULL, NULL, &curv->loss));
    if (curv->gradient && net->l2 != 0) { // the l2 gradient is the same in every batch: no part of the noise
        double *w = NULL;
        TW_TRY(tw_alloc(net->n, sizeof *w, &w));
        tw_net_get_weights(net, w);
        for (int64_t i = 0; i < net->n; i++) curv->gradient[i] -= net->l2 * w[i];
        free(w);
    }
    TW_TRY(tw_product_open(&curv->product, net, data, base, opts->block, opts->memory, curv->kind->model_labels,
                           opts->seed));
    if (curv->kept < net->n) {
        TW_TRY(tw_alloc(net->n * opts->block, sizeof(double), &curv->full_x));
        TW_TRY(tw_alloc(net->n * opts->block, sizeof(double), &curv->full_y));
    }
    curv->op = (tw_linop){.n = curv->kept,
                          .apply = apply,
                          .ctx = curv,
                          .block = opts->block,
                          .rounding = net->kern->real == TW_F64 ? 1e-14 : 1e-6};
    *out = curv;
    curv = NULL;
done:
    tw_curv_free(curv);
    return st;
}

void tw_curv_free(tw_curv *curv)
{
    if (!curv) return;
    if (curv->product.parts || curv->product.state) tw_product_close(&curv->product);
    free(curv->gradient);
    free(curv->keep);
    free(curv->full_x);
    free(curv->full_y);
    free(curv);
}

const tw_product *tw_curv_plan(const tw_curv *curv) { return &curv->product; }

const tw_linop *tw_curv_linop(const tw_curv *curv) { return &curv->op; }

const tw_loss_value *tw_curv_loss(const tw_curv *curv) { return &curv->loss; }

int64_t tw_curv_products(const tw_curv *curv) { return curv->products; }
