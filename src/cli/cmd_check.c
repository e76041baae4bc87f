// SPDX-License-Identifier: MIT
// thalweg check: what would surprise the user, before the work rather than after it.
#include "cli/open.h"

#include "base/alloc.h"
#include "curv/product.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct check {
    const tw_args *args;
    const tw_data *data;
    const tw_net *net;
    json_t *notes; // [{"about", "text"}]
    json_t *result;
} check;

static void note(check *c, const char *about, const char *format, ...) TW_PRINTF(3, 4);

static void note(check *c, const char *about, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    json_t *one = json_object();
    json_object_set_new(one, "about", json_string(about));
    json_object_set_new(one, "text", json_string(text));
    json_array_append_new(c->notes, one);
}

// --- data ---

static double feature(const tw_data *d, int64_t i, int64_t j)
{
    int64_t at = i * d->features + j;
    return d->real == 8 ? ((const double *)d->x)[at] : (double)((const float *)d->x)[at];
}

static void check_features(check *c)
{
    const tw_data *d = c->data;
    int64_t constant = 0;
    double least = INFINITY, most = -INFINITY;
    for (int64_t j = 0; j < d->features; j++) {
        double from = INFINITY, to = -INFINITY;
        for (int64_t i = 0; i < d->m; i++) {
            double x = feature(d, i, j);
            from = fmin(from, x);
            to = fmax(to, x);
        }
        constant += from == to;
        least = fmin(least, from);
        most = fmax(most, to);
    }
    if (constant > 0)
        note(c, "data", "%" PRId64 " of %" PRId64 " features are the same in every sample", constant, d->features);
    if (fmax(fabs(least), fabs(most)) > 30)
        note(c, "data",
             "features reach from %.4g to %.4g: curvature grows with their square; --scale unit or standard is "
             "usual",
             least, most);
    json_t *range = json_object();
    json_object_set_new(range, "least", tw_json_real(least));
    json_object_set_new(range, "most", tw_json_real(most));
    json_object_set_new(range, "constant", json_integer(constant));
    json_object_set_new(c->result, "features", range);
}

static tw_status check_labels(check *c)
{
    tw_status st = TW_OK;
    const tw_data *d = c->data;
    int64_t *count = NULL, absent = 0, least = INT64_MAX, most = 0;
    if (!d->label) return TW_OK;
    TW_TRY(tw_alloc(d->classes, sizeof *count, &count));
    for (int64_t i = 0; i < d->m; i++) count[d->label[i]]++;
    json_t *counts = json_array();
    for (int64_t k = 0; k < d->classes; k++) {
        absent += count[k] == 0;
        if (count[k] < least) least = count[k];
        if (count[k] > most) most = count[k];
        json_array_append_new(counts, json_integer(count[k]));
    }
    json_object_set_new(c->result, "labels", counts);
    if (absent > 0)
        note(c, "labels", "%" PRId64 " of %" PRId64 " classes have no sample here", absent, d->classes);
    else if (most > 3 * least)
        note(c, "labels", "classes are uneven: from %" PRId64 " to %" PRId64 " samples", least, most);
done:
    free(count);
    return st;
}

// --- loss ---

static void check_convention(check *c)
{
    static const char *const text[] = {
        [TW_LOSS_XENT] = "xent: -ln softmax, mean over samples, as torch.nn.CrossEntropyLoss",
        [TW_LOSS_MSE] =
            "mse: (1/f)|z - t|^2, mean over samples and outputs, as torch.nn.MSELoss; curvature is 2/f times "
            "that of half-mse",
        [TW_LOSS_HALF_MSE] =
            "half-mse: (1/2)|z - t|^2, summed over outputs, mean over samples; curvature is f/2 times that "
            "of torch.nn.MSELoss",
        [TW_LOSS_LOGISTIC] = "logistic: ln(1 + e^z) - y z, as torch.nn.BCEWithLogitsLoss",
    };
    note(c, "loss", "%s", text[c->net->loss]);
    if (c->net->l2 > 0)
        note(c, "loss",
             "l2 adds %g to every eigenvalue of hessian and ggn and nothing to the other matrices; a term "
             "A|w|^2 without the half is --l2 2A",
             c->net->l2);
}

static tw_status check_gradient(check *c)
{
    tw_status st = TW_OK;
    double *gradient = NULL;
    tw_loss_value value;
    TW_TRY(tw_alloc(c->net->n, sizeof *gradient, &gradient));
    TW_TRY(tw_loss(c->net, c->data, gradient, NULL, &value));
    json_object_set_new(c->result, "loss", tw_json_real(value.loss));
    json_object_set_new(c->result, "accuracy", tw_json_real(value.accuracy));
    json_object_set_new(c->result, "gradient_norm", tw_json_real(value.gradient_norm));
    if (!isfinite(value.loss)) note(c, "loss", "the loss is not finite");
    if (c->data->classes > 1 && c->net->loss == TW_LOSS_XENT && value.data_loss > 1.05 * log((double)c->data->classes))
        note(c, "loss", "%.4g is more than ln %" PRId64 " = %.4g, the loss of guessing evenly", value.data_loss,
             c->data->classes, log((double)c->data->classes));
    int64_t all = 0;
    for (int64_t t = 0; t < c->net->tensors; t++) {
        const tw_param *p = &c->net->param[t];
        int64_t dead = 0;
        for (int64_t i = 0; i < p->count; i++) dead += gradient[p->offset + i] == 0;
        all += dead;
        if (dead > 0)
            note(c, "unused",
                 "%s: the gradient of %" PRId64 " of %" PRId64 " numbers is exactly 0 (constant features or "
                 "units that are off in every sample)",
                 p->name, dead, p->count);
    }
    json_object_set_new(c->result, "unused", json_integer(all));
done:
    free(gradient);
    return st;
}

// --- what ranks would make of it ---

// A product on P ranks of this machine's kind: the largest part of the shards, the one reduction of the image (every
// rank receives 2 (P-1)/P of it, base/ranks_sum.c), and 2 (P-1) messages a block. docs/scale.md, "What it would take".
static tw_status check_ranks(check *c, const tw_product *p, int64_t block, double seconds)
{
    tw_status st = TW_OK;
    int64_t ranks = 1;
    double bandwidth = 0, latency = 0, here = (double)(p->mine.last - p->mine.first);
    char all[32], sweep[32], move[32], wait[32];
    TW_TRY(tw_args_int(c->args, "ranks", 1, 1000000, &ranks));
    TW_TRY(tw_args_real(c->args, "bandwidth", 1, 1e15, &bandwidth));
    TW_TRY(tw_args_real(c->args, "latency", 0, 1e3, &latency));
    int64_t largest = (p->shards + ranks - 1) / ranks;
    double others = (double)(ranks - 1), bytes = (double)(p->net->n * (int64_t)p->net->kern->real);
    double sweeps = seconds * (double)largest / (here > 0 ? here : 1);
    double moved = p->shards > 1 ? 2 * others / (double)ranks * bytes : 0, traffic = moved / bandwidth;
    double messages = p->shards > 1 ? 2 * others * latency / (double)block : 0, total = sweeps + traffic + messages;
    const char *limit = sweeps >= traffic && sweeps >= messages ? "the sweeps"
                        : traffic >= messages                   ? "the bandwidth"
                                                                : "the messages";
    json_object_set_new(c->result, "ranks",
                        json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "ranks", (json_int_t)ranks, "shards",
                                  (json_int_t)p->shards, "largest_part", (json_int_t)largest, "received_bytes",
                                  tw_json_real(moved), "sweeps_seconds", tw_json_real(sweeps), "traffic_seconds",
                                  tw_json_real(traffic), "messages_seconds", tw_json_real(messages), "total_seconds",
                                  tw_json_real(total), "limited_by", limit));
    if (!tw_args_flag(c->args, "json"))
        note(c, "ranks",
             "on %" PRId64 " ranks like this one a product would take %s: sweeps %s (%" PRId64 " of %" PRId64
             " shards), traffic %s, messages %s; limited by %s. A model, for %.3g bytes/s and %.3g s a message",
             ranks, tw_show_seconds(total, all), tw_show_seconds(sweeps, sweep), largest, p->shards,
             tw_show_seconds(traffic, move), tw_show_seconds(messages, wait), limit, bandwidth, latency);
done:
    return st;
}

// --- memory and time ---

static tw_status check_cost(check *c)
{
    tw_status st = TW_OK;
    const bool base[TW_BASES] = {[TW_BASE_HESSIAN] = true};
    tw_product product = {0};
    double *v = NULL;
    int64_t memory = 0, block = 8;
    char kept[32], work[32], less[32], one[32], ten[32];

    TW_TRY(tw_args_bytes(c->args, "memory", &memory));
    TW_TRY(tw_args_int(c->args, "block", 1, 4096, &block));
    TW_TRY(tw_product_open(&product, c->net, c->data, base, block, memory, false, 0));
    TW_TRY(tw_alloc(block * c->net->n, sizeof *v, &v));
    for (int64_t i = 0; i < block * c->net->n; i++) v[i] = 1;
    TW_TRY(tw_product_apply(&product, block, v)); // first touch of memory
    double begin = tw_show_clock();
    TW_TRY(tw_product_apply(&product, block, v));
    double seconds = (tw_show_clock() - begin) / (double)block;

    json_t *cost = json_object();
    json_object_set_new(cost, "kept", json_boolean(product.kept));
    json_object_set_new(cost, "kept_bytes", json_integer(product.kept_bytes));
    json_object_set_new(cost, "recompute_bytes_a_thread", json_integer(product.recompute_bytes / product.threads));
    json_object_set_new(c->result, "memory", cost);
    json_object_set_new(c->result, "seconds", tw_json_real(seconds));
    if (tw_args_flag(c->args, "ranks")) TW_TRY(check_ranks(c, &product, block, seconds));
    if (tw_args_flag(c->args, "json")) goto done; // the sentences depend on threads and time, the fields say it better
    note(c, "memory", "state of all shards is %s: %s kept, or %s recomputed, and %s of work on %d threads",
         product.kept ? "kept" : "recomputed", tw_show_bytes((double)product.kept_bytes, kept),
         tw_show_bytes((double)product.recompute_bytes, less), tw_show_bytes((double)product.work_bytes, work),
         product.threads);
    note(c, "time", "a Hessian product takes %s (in blocks of %" PRId64 "); ten eigenvalues need about a hundred: %s",
         tw_show_seconds(seconds, one), block, tw_show_seconds(100 * seconds, ten));
done:
    tw_product_close(&product);
    free(v);
    return st;
}

static void show_text(const check *c)
{
    size_t i;
    json_t *one;
    char count[32];
    printf("%s: %s parameters; ", c->net->model, tw_show_count(c->net->n, count));
    printf("%s: %s samples\n", c->data->name, tw_show_count(c->data->m, count));
    json_array_foreach(c->notes, i, one)
    {
        printf("%-8s %s\n", json_string_value(json_object_get(one, "about")),
               json_string_value(json_object_get(one, "text")));
    }
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    check c = {.args = args, .notes = json_array(), .result = json_object()};

    TW_TRY(tw_open_data(args, &data));
    TW_TRY(tw_open_net(args, data, &net));
    c.data = data;
    c.net = net;
    json_object_set_new(c.result, "parameters", json_integer(net->n));
    json_object_set_new(c.result, "samples", json_integer(data->m));
    check_convention(&c);
    check_features(&c);
    TW_TRY(check_labels(&c));
    TW_TRY(check_gradient(&c));
    TW_TRY(check_cost(&c));
    json_object_set(c.result, "notes", c.notes);
    json_object_set_new(c.result, "network", tw_open_net_json(args, net));
    json_object_set_new(c.result, "data", tw_open_data_json(args, data));
    TW_TRY(tw_show_provenance(args, c.result));
    if (tw_args_flag(args, "json"))
        TW_TRY(tw_show_json(json_incref(c.result)));
    else
        show_text(&c);
done:
    json_decref(c.notes);
    json_decref(c.result);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"ranks", "N", NULL, "predict what a product would take on N ranks, by a model: docs/scale.md"},
    {"bandwidth", "BYTES", "1.25e9", "with --ranks: bytes a second that a rank receives"},
    {"latency", "SECONDS", "5e-5", "with --ranks: time of a message"},
    {0},
};

const tw_command tw_cmd_check = {
    .name = "check",
    .summary = "what would surprise you: conventions, unused weights, memory, time",
    .about =
        "Says which convention the loss follows and what it does to curvature, which features are constant and which\n"
        "weights have no effect, how classes are spread, the memory plan, and how long products will take (a probe).",
    .example = "thalweg check --model mlp:50-20-10,act=relu --weights init:1 --data gauss:classes=10,dim=50,n=500",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_MATRIX,
    .run = run,
};
