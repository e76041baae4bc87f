// SPDX-License-Identifier: MIT
// One's own network, layer after layer: "seq:conv(16,3,pad=same) relu maxpool(2) flatten dense(10)". Parameters have
// the names of a torch.nn.Sequential of the same modules: the layer's number from 0, then weight or bias.
//
// "[ A B | C ]" adds the branches of one value x: y = B(A(x)) + C(x). An empty branch is x itself, and "[ A B ]" stands
// for "[ A B | ]", the residual block. Branches may hold blocks. Brackets have no number.
#include "net/build.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 8, MOST_DEPTH = 16 };

// One layer: its kind and what stands in its brackets, positional numbers first, then key=value.
typedef struct layer {
    const char *model;
    int number; // from 1
    char whole[96], name[16];
    char *kind;
    int values, pairs;
    char *value[MOST_WORDS], *key[MOST_WORDS], *set[MOST_WORDS];
} layer;

static tw_status complain(const layer *l, const char *found, const char *expected)
{
    return tw_fail(TW_EINVAL, "model %s: layer %d, %s: found %s, expected %s", l->model, l->number, l->whole, found,
                   expected);
}

static tw_status cut(layer *l, char *text)
{
    char *open = strchr(text, '('), *rest = NULL;
    l->kind = text;
    l->values = l->pairs = 0;
    if (!open) return TW_OK;
    size_t last = strlen(text) - 1;
    if (text[last] != ')') return complain(l, "no closing bracket", "one, as in dense(10)");
    text[last] = '\0';
    *open = '\0';
    for (char *word = strtok_r(open + 1, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(word, '=');
        if (l->values + l->pairs == MOST_WORDS) return complain(l, "more than 8 words in brackets", "fewer");
        if (equals) {
            *equals = '\0';
            l->key[l->pairs] = word;
            l->set[l->pairs++] = equals + 1;
        } else {
            if (l->pairs) return complain(l, "a number after key=value", "numbers first");
            l->value[l->values++] = word;
        }
    }
    return TW_OK;
}

// As many numbers as `least` to `most`, and keys only from a list of words.
static tw_status check(const layer *l, int least, int most, const char *keys, const char *form)
{
    char found[128];
    if (l->values < least || l->values > most) {
        snprintf(found, sizeof found, "%d numbers", l->values);
        return complain(l, found, form);
    }
    for (int i = 0; i < l->pairs; i++) {
        char near[64] = "";
        if (*keys) tw_nearest(l->key[i], keys, near, sizeof near);
        if (strcmp(near, l->key[i]) == 0 && *keys) continue;
        snprintf(found, sizeof found, "\"%s=\"", l->key[i]);
        return complain(l, found, form);
    }
    return TW_OK;
}

static const char *get(const layer *l, const char *key)
{
    for (int i = 0; i < l->pairs; i++)
        if (strcmp(l->key[i], key) == 0) return l->set[i];
    return NULL;
}

static tw_status whole(const layer *l, const char *word, const char *what, int64_t *out)
{
    char *end, found[128];
    if (!word) return TW_OK;
    errno = 0;
    long long value = strtoll(word, &end, 10);
    if (end > word && !*end && !errno && value >= 1 && value <= (1 << 24)) {
        *out = value;
        return TW_OK;
    }
    snprintf(found, sizeof found, "%s \"%.64s\"", what, word);
    return complain(l, found, "a whole number from 1 to 2^24");
}

static tw_status real(const layer *l, const char *word, const char *what, double least, double below, double *out)
{
    char *end, found[128], expected[96];
    if (!word) return TW_OK;
    double value = strtod(word, &end);
    if (end > word && !*end && value >= least && value < below) {
        *out = value;
        return TW_OK;
    }
    snprintf(found, sizeof found, "%s \"%.64s\"", what, word);
    snprintf(expected, sizeof expected, "a number from %g on and below %g", least, below);
    return complain(l, found, expected);
}

// One of two words; *out: whether it is the second.
static tw_status either(const layer *l, const char *key, const char *first, const char *second, bool *out)
{
    char found[128], expected[96];
    const char *word = get(l, key);
    if (!word) return TW_OK;
    *out = strcmp(word, second) == 0;
    if (*out || strcmp(word, first) == 0) return TW_OK;
    snprintf(found, sizeof found, "%s=%.64s", key, word);
    snprintf(expected, sizeof expected, "%s=%s or %s=%s", key, first, key, second);
    return complain(l, found, expected);
}

static tw_status conv(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t filters = 0, size = 0, stride = 1, groups = 1;
    bool same = false, bias = true;
    TW_TRY(check(l, 2, 2, "stride pad groups bias",
                 "conv(FILTERS,SIZE[,stride=N][,pad=valid|same][,groups=N][,bias=no|yes])"));
    TW_TRY(whole(l, l->value[0], "filters", &filters));
    TW_TRY(whole(l, l->value[1], "size", &size));
    TW_TRY(whole(l, get(l, "stride"), "stride", &stride));
    TW_TRY(whole(l, get(l, "groups"), "groups", &groups));
    TW_TRY(either(l, "pad", "valid", "same", &same));
    TW_TRY(either(l, "bias", "no", "yes", &bias));
    *value = tw_build_conv_groups(b, *value, l->name, filters, size, stride, same, groups, bias);
done:
    return st;
}

static tw_status dense(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t out = 0;
    bool bias = true;
    bool at_each = strcmp(l->kind, "linear") == 0;
    TW_TRY(check(l, 1, 1, "bias",
                 at_each ? "linear(OUTPUTS[,bias=no|yes]), at each position" : "dense(OUTPUTS[,bias=no|yes])"));
    TW_TRY(whole(l, l->value[0], "outputs", &out));
    TW_TRY(either(l, "bias", "no", "yes", &bias));
    *value = at_each ? tw_build_linear(b, *value, l->name, out, bias) : tw_build_dense(b, *value, l->name, out, bias);
done:
    return st;
}

static tw_status pool(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t size = 0, stride;
    bool mean = strcmp(l->kind, "meanpool") == 0;
    TW_TRY(check(l, 1, 1, "stride", mean ? "meanpool(SIZE[,stride=N])" : "maxpool(SIZE[,stride=N])"));
    TW_TRY(whole(l, l->value[0], "size", &size));
    stride = size;
    TW_TRY(whole(l, get(l, "stride"), "stride", &stride));
    *value = tw_build_pool(b, *value, mean, size, stride);
done:
    return st;
}

static tw_status global_pool(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    TW_TRY(check(l, 0, 0, "", "globalpool"));
    if (b->st == TW_OK && b->h[*value] != b->w[*value]) {
        char found[64];
        snprintf(found, sizeof found, "an image of %" PRId64 " x %" PRId64, b->h[*value], b->w[*value]);
        return complain(l, found, "a square one");
    }
    if (b->st == TW_OK) *value = tw_build_pool(b, *value, true, b->h[*value], b->h[*value]);
done:
    return st;
}

static tw_status batch_norm(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    double eps = 1e-5, momentum = 0.1;
    bool fixed = false;
    TW_TRY(check(l, 0, 0, "stats eps momentum", "bn[(stats=batch|fixed,eps=X,momentum=X)]"));
    TW_TRY(either(l, "stats", "batch", "fixed", &fixed));
    TW_TRY(real(l, get(l, "eps"), "eps", 1e-12, 1e3, &eps));
    TW_TRY(real(l, get(l, "momentum"), "momentum", 0, 1, &momentum));
    *value = tw_build_batch_norm(b, *value, l->name, eps, momentum, fixed);
done:
    return st;
}

static tw_status layer_norm(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    double eps = 1e-5;
    TW_TRY(check(l, 0, 0, "eps", "layernorm[(eps=X)]"));
    TW_TRY(real(l, get(l, "eps"), "eps", 1e-12, 1e3, &eps));
    *value = tw_build_layer_norm(b, *value, l->name, eps);
done:
    return st;
}

static tw_status dropout(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    double rate = 0;
    TW_TRY(check(l, 1, 1, "", "dropout(P)"));
    TW_TRY(real(l, l->value[0], "P", 0, 1, &rate));
    *value = tw_build_dropout(b, *value, rate);
done:
    return st;
}

static tw_status softmax(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    TW_TRY(check(l, 0, 0, "", "softmax"));
    *value = tw_build_softmax(b, *value, 1, 1, false);
done:
    return st;
}

static tw_status flatten(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    TW_TRY(check(l, 0, 0, "", "flatten"));
    *value = tw_build_flatten(b, *value);
done:
    return st;
}

// The network's input as whole numbers: a learned vector for each, and one for its place.
static tw_status embed(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t words = 0, width = 0, positions = b->net->in;
    char places[32];
    TW_TRY(check(l, 2, 2, "positions", "embed(WORDS,WIDTH[,positions=N])"));
    if (*value != 0) return complain(l, "a layer before it", "it to be the first: it reads the input");
    TW_TRY(whole(l, l->value[0], "words", &words));
    TW_TRY(whole(l, l->value[1], "width", &width));
    TW_TRY(whole(l, get(l, "positions"), "positions", &positions));
    if (positions > b->net->in) {
        char found[64], expected[64];
        snprintf(found, sizeof found, "%" PRId64 " positions", positions);
        snprintf(expected, sizeof expected, "at most the %" PRId64 " numbers of a sample", b->net->in);
        return complain(l, found, expected);
    }
    if (b->st == TW_OK) tw_build_begin(b, b->net, b->net->in, 1, 1);
    snprintf(places, sizeof places, "%s.position", l->name);
    *value = tw_build_embed(b, l->name, places, positions, words, width);
done:
    return st;
}

static tw_status attention(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t heads = 0;
    bool causal = false;
    TW_TRY(check(l, 1, 1, "causal", "attention(HEADS[,causal=no|yes])"));
    TW_TRY(whole(l, l->value[0], "heads", &heads));
    TW_TRY(either(l, "causal", "no", "yes", &causal));
    if (b->st == TW_OK && b->c[*value] % heads != 0) {
        char found[64], expected[64];
        snprintf(found, sizeof found, "%" PRId64 " heads", heads);
        snprintf(expected, sizeof expected, "a divisor of the %" PRId64 " features", b->c[*value]);
        return complain(l, found, expected);
    }
    *value = tw_build_attention(b, *value, l->name, heads, causal);
done:
    return st;
}

// The last state: one value, without positions.
static tw_status lstm(tw_builder *b, const layer *l, int *value)
{
    tw_status st = TW_OK;
    int64_t hidden = 0;
    TW_TRY(check(l, 1, 1, "", "lstm(HIDDEN)"));
    TW_TRY(whole(l, l->value[0], "hidden", &hidden));
    *value = tw_build_lstm(b, *value, l->name, hidden);
done:
    return st;
}

static const struct {
    const char *name;
    tw_status (*add)(tw_builder *b, const layer *l, int *value);
} kinds[] = {
    {"conv", conv},
    {"dense", dense},
    {"linear", dense},
    {"maxpool", pool},
    {"meanpool", pool},
    {"bn", batch_norm},
    {"layernorm", layer_norm},
    {"dropout", dropout},
    {"globalpool", global_pool},
    {"flatten", flatten},
    {"softmax", softmax},
    {"embed", embed},
    {"attention", attention},
    {"lstm", lstm},
};

static tw_status add(tw_builder *b, layer *l, char *text, int *value)
{
    tw_status st = TW_OK;
    char copy[96], near[64];
    snprintf(l->whole, sizeof l->whole, "%s", text);
    snprintf(copy, sizeof copy, "%s", text);
    snprintf(l->name, sizeof l->name, "%d", l->number - 1);
    TW_TRY(cut(l, text));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(l->kind, kinds[i].name) == 0) {
            TW_TRY(kinds[i].add(b, l, value));
            if (b->st != TW_OK) st = tw_fail_in(b->st, "layer %d, %s: ", l->number, l->whole);
            goto done;
        }
    static const char words[] = "conv dense linear maxpool meanpool globalpool flatten bn layernorm dropout softmax "
                                "embed attention lstm positions "
                                "identity relu leaky-relu tanh sigmoid softplus gelu";
    tw_nearest(l->kind, words, near, sizeof near);
    if (strcmp(near, l->kind) == 0) {
        tw_activation activation;
        double slope;
        TW_TRY(tw_model_activation(l->model, copy, &activation, &slope));
        *value = tw_build_activation(b, *value, activation, slope);
        st = b->st;
        goto done;
    }
    st = tw_fail(TW_EINVAL, "model %s: layer %d: found \"%s\", expected one of: %s; did you mean %s?", l->model,
                 l->number, l->whole, words, near);
done:
    return st;
}

// --- branches ---

// An open bracket: the value it began with, the branch being built, and the sum of those before it.
typedef struct branches {
    int from, sum; // values; sum -1: none yet
    int written;   // branches ended by "|"
    int bracket;   // its place among all words, from 1
} branches;

typedef struct nest {
    int depth;
    branches open[MOST_DEPTH];
} nest;

static tw_status bracket_wrong(const layer *l, int word, const char *found, const char *expected)
{
    return tw_fail(TW_EINVAL, "model %s: word %d: found %s, expected %s", l->model, word, found, expected);
}

static tw_status join(tw_builder *b, branches *open, int value, int word)
{
    open->sum = open->sum < 0 ? value : tw_build_add(b, open->sum, value);
    return b->st == TW_OK ? TW_OK : tw_fail_in(b->st, "word %d, the end of a branch: ", word);
}

// "[", "|" or "]".
static tw_status bracket(tw_builder *b, const layer *l, nest *n, int word, char kind, int *value)
{
    branches *open = n->depth > 0 ? &n->open[n->depth - 1] : NULL;
    tw_status st = TW_OK;
    if (kind == '[') {
        if (n->depth == MOST_DEPTH) return bracket_wrong(l, word, "brackets in 16 others", "fewer");
        n->open[n->depth++] = (branches){*value, -1, 0, word};
        return TW_OK;
    }
    if (!open) return bracket_wrong(l, word, kind == '|' ? "\"|\"" : "\"]\"", "\"[\" before it");
    st = join(b, open, *value, word);
    if (st != TW_OK) return st;
    *value = open->from;
    open->written++;
    if (kind == '|') return TW_OK;
    if (open->written == 1) { // a residual block
        if (open->sum == open->from) return bracket_wrong(l, word, "nothing between [ and ]", "layers");
        st = join(b, open, open->from, word);
    }
    *value = open->sum;
    n->depth--;
    return st;
}

tw_status tw_model_seq(const char *given, const tw_data *data, tw_net *net)
{
    tw_status st = TW_OK;
    char *text = NULL, *rest = NULL;
    tw_builder b;
    int value = 0, word_number = 0;
    bool positions = false;
    nest n = {0};
    layer l = {.model = net->model, .number = 0};
    TW_TRY(tw_strdup(given, &text));
    tw_build_begin(&b, net, data->channels, data->height, data->width);
    if (data->channels * data->height * data->width != data->features) tw_build_begin(&b, net, data->features, 1, 1);
    for (char *word = strtok_r(text, " \t\n", &rest); word; word = strtok_r(NULL, " \t\n", &rest)) {
        word_number++;
        if (positions) {
            st = bracket_wrong(&l, word_number, "a layer after positions", "it to be the last word");
            goto done;
        }
        if (strcmp(word, "positions") == 0) {
            positions = true;
            continue;
        }
        if (strchr("[|]", word[0]) && !word[1]) {
            TW_TRY(bracket(&b, &l, &n, word_number, word[0], &value));
            continue;
        }
        l.number++;
        if (strlen(word) >= sizeof l.whole) {
            st = tw_fail(TW_EINVAL, "model %s: layer %d: found a word of %zu letters, expected fewer than %zu",
                         net->model, l.number, strlen(word), sizeof l.whole);
            goto done;
        }
        TW_TRY(add(&b, &l, word, &value));
    }
    if (n.depth > 0) {
        st = bracket_wrong(&l, n.open[n.depth - 1].bracket, "\"[\" without its end", "\"]\"");
        goto done;
    }
    st = positions ? tw_build_end_positions(&b, value) : tw_build_end(&b, value);
done:
    free(text);
    return st;
}
