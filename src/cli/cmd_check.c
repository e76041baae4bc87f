// SPDX-License-Identifier: MIT
// thalweg check: what would surprise the user, before the work rather than after it.
#include "cli/cost.h"
#include "cli/open.h"

#include "base/alloc.h"
#include "curv/product.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

// --- what ranks would make of it: docs/scale.md, "What it would take" ---

// A product of one direction of the network asked about, on many nodes.
typedef struct load {
    double flops;   // of all samples
    double numbers; // parameters
    double real;    // bytes each
    int64_t shards; // 0: as many as one likes
    bool parts;     // there is something to deal
} load;

typedef struct node {
    double rate, bandwidth, latency; // flops a second of all its cores, bytes a second received, seconds a message
} node;

// --of parameters=N,samples=N,forward=FLOPS: a network that need not be here.
static tw_status read_of(const char *text, load *out)
{
    double value[3] = {0};
    static const char *const name[] = {"parameters", "samples", "forward"};
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "=");
        int found = -1;
        for (int i = 0; i < 3; i++)
            if (strlen(name[i]) == length && strncmp(at, name[i], length) == 0) found = i;
        char *end = NULL;
        if (found >= 0 && at[length] == '=') value[found] = strtod(at + length + 1, &end);
        if (!end || end == at + length + 1 || (*end != ',' && *end != '\0') || !(value[found] > 0))
            return tw_fail(TW_EINVAL,
                           "--of: at \"%s\": expected parameters=N,samples=N,forward=FLOPS (of one sample), each more "
                           "than 0",
                           at);
        at = *end ? end + 1 : end;
    }
    for (int i = 0; i < 3; i++)
        if (value[i] == 0)
            return tw_fail(TW_EINVAL, "--of: found no %s, expected parameters, samples, forward", name[i]);
    // A product on kept states costs six times the matrix products of a forward pass (docs/walk.md).
    *out = (load){.flops = 6 * value[2] * value[1], .numbers = value[0], .real = 4, .parts = true};
    return TW_OK;
}

static json_t *predict(const load *w, const node *n, int64_t nodes)
{
    double others = (double)(nodes - 1), share = 1 / (double)nodes;
    int64_t largest = w->shards > 0 ? (w->shards + nodes - 1) / nodes : 0;
    if (w->shards > 0) share = (double)largest / (double)w->shards;
    double moved = w->parts ? 2 * others / (double)nodes * w->numbers * w->real : 0;
    double sweeps = w->flops * share / n->rate, traffic = moved / n->bandwidth;
    double messages = w->parts ? 2 * others * n->latency : 0, total = sweeps + traffic + messages;
    const char *limit = sweeps >= traffic && sweeps >= messages ? "the sweeps"
                        : traffic >= messages                   ? "the bandwidth"
                                                                : "the messages";
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "ranks", (json_int_t)nodes, "shards",
                     (json_int_t)w->shards, "largest_part", (json_int_t)largest, "received_bytes", tw_json_real(moved),
                     "sweeps_seconds", tw_json_real(sweeps), "traffic_seconds", tw_json_real(traffic),
                     "messages_seconds", tw_json_real(messages), "total_seconds", tw_json_real(total), "limited_by",
                     limit);
}

// "61.2 +- 0.3" of 1/x, in units.
static const char *show_inverse(double per, double error, double unit, char text[64])
{
    if (per > 0)
        snprintf(text, 64, "%.4g +- %.2g", 1 / per / unit, error / per / per / unit);
    else
        snprintf(text, 64, "more than can be told");
    return text;
}

static void note_fit(check *c, const tw_cost *cost)
{
    char rate[64], width[64];
    if (cost->known[TW_COST_BYTES])
        note(c, "cost",
             "fitted to %" PRId64 " measurements on 1 to %d ranks: %s GFLOP/s a core, %s GB/s, %.3g +- %.2g us a "
             "message; residuals %.1f %% (root mean square), %.0f %% at most",
             cost->rows, cost->ranks, show_inverse(cost->per[0], cost->error[0], 1e9, rate),
             show_inverse(cost->per[1], cost->error[1], 1e9, width), 1e6 * cost->per[2], 1e6 * cost->error[2],
             100 * cost->rms, 100 * cost->most);
    else
        note(c, "cost",
             "fitted to %" PRId64 " measurements on one rank: %s GFLOP/s a core; residuals %.1f %% (root mean "
             "square), %.0f %% at most; under mpirun bandwidth and latency are measured too",
             cost->rows, show_inverse(cost->per[0], cost->error[0], 1e9, rate), 100 * cost->rms, 100 * cost->most);
}

static json_t *fit_json(const tw_cost *cost)
{
    static const char *const name[] = {"seconds_a_flop", "seconds_a_byte", "seconds_a_message"};
    json_t *out = json_object();
    for (int i = 0; i < TW_COST_TERMS; i++)
        if (cost->known[i])
            json_object_set_new(out, name[i],
                                json_pack("{s:o, s:o}", "value", tw_json_real(cost->per[i]), "standard_error",
                                          tw_json_real(cost->error[i])));
    json_object_set_new(out, "measurement_seconds_rows", json_integer(cost->rows));
    json_object_set_new(out, "ranks", json_integer(cost->ranks));
    json_object_set_new(out, "residual_seconds_rms", tw_json_real(cost->rms));
    json_object_set_new(out, "residual_seconds_most", tw_json_real(cost->most));
    return out;
}

// What was asked for by flags goes before what was measured, and both before a guess.
static tw_status choose_node(const check *c, const tw_cost *cost, node *n)
{
    tw_status st = TW_OK;
    n->rate = cost->per[TW_COST_FLOPS] > 0 ? tw_threads() / cost->per[TW_COST_FLOPS] : INFINITY;
    n->bandwidth = cost->known[TW_COST_BYTES] && cost->per[TW_COST_BYTES] > 0 ? 1 / cost->per[TW_COST_BYTES] : 1.25e9;
    n->latency = cost->known[TW_COST_MESSAGES] ? fmax(cost->per[TW_COST_MESSAGES], 0) : 5e-5;
    if (tw_args_flag(c->args, "rate")) TW_TRY(tw_args_real(c->args, "rate", 1, 1e30, &n->rate));
    if (tw_args_flag(c->args, "bandwidth")) TW_TRY(tw_args_real(c->args, "bandwidth", 1, 1e30, &n->bandwidth));
    if (tw_args_flag(c->args, "latency")) TW_TRY(tw_args_real(c->args, "latency", 0, 1e3, &n->latency));
done:
    return st;
}

static void note_prediction(check *c, const json_t *p)
{
    const char *const key[] = {"total_seconds", "sweeps_seconds", "traffic_seconds", "messages_seconds"};
    char text[4][32];
    for (int i = 0; i < 4; i++) tw_show_seconds(json_number_value(json_object_get(p, key[i])), text[i]);
    note(c, "ranks", "on %6lld: %-10s sweeps %-10s traffic %-10s messages %-10s limited by %s",
         (long long)json_integer_value(json_object_get(p, "ranks")), text[0], text[1], text[2], text[3],
         json_string_value(json_object_get(p, "limited_by")));
}

static tw_status check_ranks(check *c, const tw_product *p, int64_t block, int64_t memory)
{
    tw_status st = TW_OK;
    const char *list = tw_args_str(c->args, "ranks"), *of = tw_args_str(c->args, "of");
    json_t *found = json_array();
    tw_cost cost;
    node n;
    load w = {.flops = tw_cost_flops(c->net, p->kept) * (double)(p->shard * p->shards),
              .numbers = (double)c->net->n,
              .real = (double)c->net->kern->real,
              .shards = p->shards,
              .parts = p->shards > 1};
    if (of) TW_TRY(read_of(of, &w));
    TW_TRY(tw_cost_measure(c->net, c->data, block, memory, &cost));
    TW_TRY(choose_node(c, &cost, &n));
    note_fit(c, &cost);
    note(c, "ranks",
         "a model of one product, for ranks of %.3g flops/s that receive %.3g bytes/s, %.3g s a message%s%s:", n.rate,
         n.bandwidth, n.latency, of ? "; of " : "", of ? of : "");
    for (const char *at = list; *at;) {
        char *end;
        long long nodes = strtoll(at, &end, 10);
        if (end == at || nodes < 1 || nodes > 1000000 || (*end != ',' && *end != '\0')) {
            st = tw_fail(TW_EINVAL, "--ranks: at \"%s\": expected numbers from 1 to 1000000, as 8,64,512", at);
            goto done;
        }
        json_t *one = predict(&w, &n, nodes);
        json_array_append_new(found, one);
        note_prediction(c, one);
        at = *end ? end + 1 : end;
    }
    json_object_set_new(c->result, "cost", fit_json(&cost));
    json_object_set(c->result, "ranks", found);
done:
    json_decref(found);
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
    if (tw_args_flag(c->args, "ranks")) TW_TRY(check_ranks(c, &product, block, memory));
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
    TW_TRY(tw_open_origin(args, net, data, c.result));
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
    {"ranks", "LIST", NULL,
     "measure, fit a model of the cost, and predict a product on so many ranks (8,64,512): docs/scale.md"},
    {"of", "SIZES", NULL, "with --ranks: of another network, parameters=N,samples=N,forward=FLOPS (of a sample)"},
    {"rate", "FLOPS", NULL, "with --ranks: flops a second of a rank, instead of those measured"},
    {"bandwidth", "BYTES", NULL,
     "with --ranks: bytes a second that a rank receives; without it measured under mpirun, else 1.25e9"},
    {"latency", "SECONDS", NULL, "with --ranks: of a message; without it measured under mpirun, else 5e-5"},
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
