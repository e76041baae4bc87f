// SPDX-License-Identifier: MIT
// Networks: model strings, initial weights, weights on disk, losses.
#include "../curv/toy.h"

#include "thalweg/train.h"

#include <unistd.h>

static tw_data blank(int64_t features, int64_t classes)
{
    return (tw_data){.name = (char *)(uintptr_t) "blank",
                     .m = 0,
                     .features = features,
                     .real = 4,
                     .classes = classes,
                     .label = (int32_t *)(uintptr_t) "",
                     .channels = 1,
                     .height = 1,
                     .width = features};
}

static void names_shapes_and_counts_are_those_of_pytorch(void **state)
{
    (void)state;
    tw_data data = blank(784, 10);
    tw_net_opts opts = tw_net_defaults();
    tw_net *net = NULL;
    must(tw_net_new("mlp:784-512-512-10,act=tanh", &data, &opts, &net));
    assert_int_equal(tw_net_params(net), 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10);
    assert_int_equal(tw_net_tensors(net), 6);
    const tw_param *p = tw_net_param(net, 2);
    assert_string_equal(p->name, "fc2.weight");
    assert_true(p->rank == 2 && p->shape[0] == 512 && p->shape[1] == 512 && p->offset == 784 * 512 + 512);
    tw_net_free(net);
}

// Truth: the parameter counts of the paper's specification, layer by layer arithmetic done elsewhere.
static void convolutional_networks_have_the_counts_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int64_t channels, size, classes, count;
    } known[] = {
        {"simplecnn", 3, 32, 10, 361898},
        {"simplecnn:root", 1, 28, 10, 271210},
        {"simplecnn", 3, 32, 100, 373508},
        {"simplecnn:medium", 3, 32, 10, 2399518},
        {"simplecnn:medium", 1, 28, 10, 2164118},
        {"simplecnn:medium", 3, 32, 100, 2411128},
        {"resnet32", 3, 32, 10, 465674},
        {"resnet32", 3, 32, 100, 471524},
        {"resnet8", 3, 32, 10, 77706},
        {"resnet14", 3, 32, 10, 174698},
        {"resnet20", 3, 32, 10, 271690},
        {"vgg11", 3, 32, 10, 9750922},
        {"simplecnn,bn=batch", 3, 32, 10, 362538},
        {"resnet32,bn=batch", 3, 32, 10, 467946},
        {"resnet32,bn=fixed", 3, 32, 10, 467946},
        {"vgg11,bn=batch", 3, 32, 10, 9758480},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        tw_data data = blank(known[i].channels * known[i].size * known[i].size, known[i].classes);
        tw_net_opts opts = tw_net_defaults();
        tw_net *net = NULL;
        data.channels = known[i].channels;
        data.height = data.width = known[i].size;
        must(tw_net_new(known[i].model, &data, &opts, &net));
        assert_int_equal(tw_net_params(net), known[i].count);
        tw_net_free(net);
    }
    tw_data data = blank(784, 10);
    tw_net_opts opts = tw_net_defaults();
    tw_net *net = NULL;
    must_fail(tw_net_new("simplecnn", &data, &opts, &net), TW_EINVAL, "needs images");
    data.height = data.width = 28;
    must_fail(tw_net_new("resnet31", &data, &opts, &net), TW_EINVAL, "found depth 31");
    must_fail(tw_net_new("vgg11", &data, &opts, &net), TW_EINVAL,
              "a pool of 2 x 2 behind layer conv8 does not fit into 1 x 1");
}

// Truth: 256 F + T F + L (12 F^2 + 13 F) + 2 F + 256 F for a transformer of width F on T bytes; 4 H (f + H) + 8 H for
// torch.nn.LSTM and classes (H + 1) behind it; filters in / groups k^2 for a grouped convolution.
static void sequence_networks_have_the_counts_of_the_closed_forms(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int64_t features, height, width, count;
    } known[] = {
        {"gpt:2x4x64x32", 33, 1, 33, 2 * 256 * 64 + 32 * 64 + 2 * (12 * 64 * 64 + 13 * 64) + 2 * 64},
        {"gpt:1x1x5x3", 4, 1, 4, 2 * 256 * 5 + 3 * 5 + 12 * 25 + 13 * 5 + 2 * 5},
        {"lstm:16", 784, 28, 28, 4 * 16 * (28 + 16) + 8 * 16 + 10 * 17},
        {"lstm:3,steps=7", 784, 28, 28, 4 * 3 * (112 + 3) + 8 * 3 + 10 * 4},
        {"seq:conv(8,3) bn conv(12,5,groups=4,bias=no) layernorm globalpool dense(10)", 784, 28, 28,
         8 * 9 + 8 + 2 * 8 + 12 * 2 * 25 + 2 * 12 + 12 * 10 + 10},
        {"seq:conv(4,3,pad=same) [ bn relu conv(4,3,pad=same) ] [ relu conv(8,3,stride=2,pad=same) | "
         "conv(8,1,stride=2) ] "
         "globalpool dense(10)",
         784, 28, 28, 4 * 9 + 4 + 2 * 4 + 4 * 4 * 9 + 4 + 8 * 4 * 9 + 8 + 8 * 4 + 8 + 8 * 10 + 10},
        {"seq:embed(300,6) attention(3) dense(10)", 7, 1, 7,
         300 * 6 + 7 * 6 + 18 * 6 + 18 + 6 * 6 + 6 + 7 * 6 * 10 + 10},
        {"seq:embed(300,6) lstm(4) dense(10)", 7, 1, 7, 300 * 6 + 7 * 6 + 4 * 4 * (6 + 4) + 8 * 4 + 4 * 10 + 10},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        tw_data data = blank(known[i].features, 10);
        tw_net_opts opts = tw_net_defaults();
        tw_net *net = NULL;
        data.height = known[i].height;
        data.width = known[i].width;
        must(tw_net_new(known[i].model, &data, &opts, &net));
        assert_int_equal(tw_net_params(net), known[i].count);
        tw_net_free(net);
    }
}

static void descriptions_say_which_layer_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *model, *says;
    } bad[] = {
        {"seq:conv(8,3) dence(10)", "layer 2: found \"dence(10)\""},
        {"seq:conv(8,3) dence(10)", "did you mean dense?"},
        {"seq:conv(8)", "layer 1, conv(8): found 1 numbers, expected conv(FILTERS,SIZE"},
        {"seq:conv(8,3,pad=some)", "found pad=some, expected pad=valid or pad=same"},
        {"seq:conv(8,3,strid=2)", "found \"strid=\""},
        {"seq:conv(8,3) conv(6,3,groups=4)", "found 4 groups, expected a divisor of 8 channels and 6 filters"},
        {"seq:conv(8,29)", "does not fit into 28 x 28"},
        {"seq:dense(0)", "found outputs \"0\""},
        {"seq:dense(10", "found no closing bracket"},
        {"seq:dropout(1) dense(10)", "found P \"1\", expected a number from 0 on and below 1"},
        {"seq:conv(4,3) flatten bn dense(10)", "layer 3, bn: model seq:conv(4,3) flatten bn dense(10): layer 2: found "
                                               "2704 features, 676 positions of 4 channels "
                                               "flattened, expected the norm before flattening"},
        {"seq:maxpool(29) dense(10)", "layer 1, maxpool(29): "},
        {"seq:maxpool(29) dense(10)", "a pool of 29 x 29 does not fit into 28 x 28"},
        {"seq:conv(4,3) meanpool(27) dense(10)", "a pool of 27 x 27 behind layer 0 does not fit into 26 x 26"},
        {"seq:conv(4,9) conv(4,21) dense(10)", "layer 1: a window of 21 x 21 does not fit into 20 x 20"},
        {"seq:", "found no operation"},
        {"seq:[ conv(4,3) ] dense(10)",
         "word 3, the end of a branch: model seq:[ conv(4,3) ] dense(10): cannot add 26 x 26 x 4"},
        {"seq:[ ] dense(10)", "word 2: found nothing between [ and ]"},
        {"seq:[ relu dense(10)", "word 1: found \"[\" without its end"},
        {"seq:relu | dense(10)", "word 2: found \"|\", expected \"[\" before it"},
        {"seq:relu ] dense(10)", "word 2: found \"]\", expected \"[\" before it"},
        {"seq:[ [ [ [ [ [ [ [ [ [ [ [ [ [ [ [ [ relu", "word 17: found brackets in 16 others"},
        {"seq:relu embed(9,4) dense(10)", "layer 2, embed(9,4): found a layer before it, expected it to be the first"},
        {"seq:embed(9,4,positions=785) dense(10)", "expected at most the 784 numbers of a sample"},
        {"seq:conv(4,3) attention(3) dense(10)", "found 3 heads, expected a divisor of the 4 features"},
        {"seq:embed(9,4) lstm(8) dense(10)", "layer 2, lstm(8): "},
        {"seq:embed(9,4) lstm(8) dense(10)", "found 784 positions of 4 features, expected 2 to 48 steps"},
        {"seq:embed(9,4,positions=5) lstm dense(10)", "found 0 numbers, expected lstm(HIDDEN)"},
        {"seq:embed(9,4,positions=5) lstm(4) lstm(4) dense(10)", "found 1 positions of 4 features"},
        {"seq:embed(9,4) positions linear(9)", "word 3: found a layer after positions"},
        {"seq:embed(9,4) linear(9) positions", "loss next: needs a model"},
        {"seq:dense(9)", "found 9 outputs"},
        {"gpt:2x3x64x783", "expected 1 to 48 layers, heads that divide the width"},
        {"gpt:2x4x64", "expected gpt:LAYERSxHEADSxWIDTHxCONTEXT"},
        {"lstm:0", "expected lstm:HIDDEN"},
        {"lstm:4,steps=5", "expected 2 to 48 that divide them"},
        {"resnet32,bn=yes", "found \"bn=yes\", expected bn=batch"},
    };
    tw_data data = blank(784, 10);
    data.height = data.width = 28;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_net_opts opts = tw_net_defaults();
        tw_net *net = NULL;
        must_fail(tw_net_new(bad[i].model, &data, &opts, &net), TW_EINVAL, bad[i].says);
    }
    tw_net_opts opts = tw_net_defaults();
    tw_net *net = NULL;
    opts.shard = 8;
    must_fail(tw_net_new("resnet8,bn=batch", &data, &opts, &net), TW_EINVAL, "a shard is the whole batch");
    toy t;
    opts = toy_opts(8);
    toy_fill(&t, 2, 4, 2, 0);
    must_fail(tw_net_new("gpt:1x1x4x3", &t.data, &opts, &net), TW_EINVAL, "sample 0, feature 0: found");
    toy_close(&t);
}

// Truth: what was put into the file, name by name, in the order of a PyTorch state dictionary.
static void running_statistics_are_stored_with_the_weights(void **state)
{
    (void)state;
    static const char *const names[] = {"0.weight",       "0.bias",        "1.weight", "1.bias",
                                        "1.running_mean", "1.running_var", "3.weight", "3.bias"};
    char path[] = "/tmp/thalweg-stats-XXXXXX.safetensors";
    int fd = mkstemps(path, 12);
    assert_true(fd >= 0);
    close(fd);
    toy t;
    tw_net *other = NULL;
    tw_arrays *arrays = NULL;
    tw_net_opts opts = toy_opts(8);
    toy_open_images(&t, "seq:conv(3,3) bn tanh dense(2)", 5, 1, 4, 2, opts);
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    sgd.epochs = 1;
    sgd.batch = 5;
    sgd.lr = 1e-3;
    must(tw_sgd(t.net, &t.data, &sgd, &curve));
    tw_sgd_curve_free(curve);
    must(tw_net_save(t.net, path));
    must(tw_arrays_load(path, &arrays));
    assert_int_equal(arrays->count, 8);
    for (int i = 0; i < 8; i++) assert_string_equal(arrays->array[i].name, names[i]);
    // One step from (0, 1): mean 0.1 of the batch's, variance 0.9 + 0.1 of the batch's (divisor N - 1).
    const double *mean = arrays->array[4].x, *var = arrays->array[5].x, *w = t.w, *x = t.data.x;
    for (int c = 0; c < 3; c++) {
        double y[20], m = 0, v = 0;
        for (int i = 0; i < 20; i++) { // convolution by hand: 5 samples of 2 x 2 places
            y[i] = w[27 + c];
            for (int p = 0; p < 9; p++) y[i] += w[c * 9 + p] * x[i / 4 * 16 + (i / 2 % 2 + p / 3) * 4 + i % 2 + p % 3];
            m += y[i] / 20;
        }
        for (int i = 0; i < 20; i++) v += (y[i] - m) * (y[i] - m) / 19;
        assert_near(mean[c], 0.1 * m, 1e-14);
        assert_near(var[c], 0.9 + 0.1 * v, 1e-14);
    }
    must(tw_net_new("seq:conv(3,3) bn(stats=fixed) tanh dense(2)", &t.data, &opts, &other));
    must(tw_net_load(other, path));
    must(tw_net_save(other, path));
    tw_arrays *again = NULL;
    must(tw_arrays_load(path, &again));
    for (int i = 0; i < 8; i++)
        assert_memory_equal(arrays->array[i].x, again->array[i].x, (size_t)arrays->array[i].shape[0] * sizeof(double));
    tw_arrays_free(again);
    tw_arrays_free(arrays);
    tw_net_free(other);
    toy_close(&t);
    unlink(path);
}

// A mask is a function of (seed, step, sample, node, unit); measurements see none. Truth: with rate p the mean of
// mask is 1 and its variance p / (1 - p): 20,000 numbers, five standard errors.
static void dropout_is_drawn_in_training_alone(void **state)
{
    (void)state;
    enum { N = 20000 };
    const tw_blocks *block = tw_kernels_find("f64")->block;
    double *a = NULL, *b = NULL, sum = 0;
    must(tw_alloc(N, sizeof *a, &a));
    must(tw_alloc(N, sizeof *b, &b));
    block->mask(N, 0.25, 1, 2, a);
    block->mask(N, 0.25, 1, 2, b);
    assert_memory_equal(a, b, N * sizeof *a);
    for (int i = 0; i < N; i++) {
        assert_true(a[i] == 0 || a[i] == 1 / 0.75);
        sum += a[i];
    }
    assert_near(sum / N, 1, 5 * sqrt(0.25 / 0.75 / N));
    free(a), free(b);
    toy with, without;
    tw_loss_value one, other;
    toy_open(&with, "seq:dense(9) tanh dropout(0.5) dense(3)", 8, 5, 3, 0, toy_opts(8));
    toy_open(&without, "seq:dense(9) tanh dropout(0) dense(3)", 8, 5, 3, 0, toy_opts(8));
    must(tw_loss(with.net, &with.data, NULL, NULL, &one));
    must(tw_loss(without.net, &without.data, NULL, NULL, &other));
    assert_true(one.loss == other.loss);
    tw_sgd_opts sgd = tw_sgd_defaults();
    tw_sgd_curve *curve = NULL;
    sgd.epochs = 1;
    sgd.batch = 8;
    must(tw_sgd(with.net, &with.data, &sgd, &curve));
    assert_true(curve->loss[0] != one.loss);
    tw_sgd_curve_free(curve);
    toy_close(&with), toy_close(&without);
}

static void impossible_models_are_refused_with_what_was_found(void **state)
{
    (void)state;
    static const struct {
        const char *model, *says;
    } bad[] = {
        {"mlp:784", "found 1 width"},
        {"mlp:784-0-10", "width 2: found \"0\""},
        {"mlp:784-x-10", "width 2: found \"x\""},
        {"mlp:784-10,act=swish", "act: found \"swish\""},
        {"mlp:784-10,act=leaky-relu(2)", "act: found \"leaky-relu(2)\""},
        {"mlp:784-10,depth=3", "found \"depth=3\""},
        {"lenet", "no known architecture"},
        {"mlp:783-10", "783 inputs"},
        {"mlp:784-11", "11 outputs"},
        {"mlp:784-99999999999-10", "more than 2^40 parameters"},
    };
    tw_data data = blank(784, 10);
    tw_net_opts opts = tw_net_defaults();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_net *net = NULL;
        tw_status st = tw_net_new(bad[i].model, &data, &opts, &net);
        if (st == TW_OK || !strstr(tw_error(), bad[i].says)) fail_msg("%s: \"%s\"", bad[i].model, tw_error());
        assert_null(net);
    }
    tw_net *net = NULL;
    opts.loss = "hinge";
    must_fail(tw_net_new("mlp:784-10", &data, &opts, &net), TW_EINVAL, "loss: found \"hinge\"");
    opts = tw_net_defaults();
    opts.init = "zeros";
    must_fail(tw_net_new("mlp:784-10", &data, &opts, &net), TW_EINVAL, "init: found \"zeros\"");
    opts = tw_net_defaults();
    opts.l2 = NAN;
    must_fail(tw_net_new("mlp:784-10", &data, &opts, &net), TW_EINVAL, "l2: found");
}

// Truth: the variance each scheme promises. Bound: five standard errors of the sample variance of 300 * 200 draws (2/n
// of a normal's, less for a uniform law).
static void initial_weights_have_the_promised_variance(void **state)
{
    (void)state;
    static const struct {
        const char *init;
        double variance, bias_variance;
    } schemes[] = {{"torch", 1.0 / 3 / 300, 1.0 / 3 / 300},
                   {"he-normal", 2.0 / 300, 0},
                   {"he-uniform", 2.0 / 300, 0},
                   {"glorot-normal", 2.0 / 500, 0},
                   {"glorot-uniform", 2.0 / 500, 0},
                   {"he-truncated", 2.0 / 300, 0},
                   {"paper", 2.0 / 500, 0}};
    tw_data data = blank(300, 200);
    for (int i = 0; i < 7; i++) {
        tw_net_opts opts = tw_net_defaults();
        tw_net *net = NULL;
        double *w = NULL, sum = 0, bias = 0;
        opts.init = schemes[i].init;
        opts.seed = 4;
        must(tw_net_new("mlp:300-200", &data, &opts, &net));
        must(tw_alloc(tw_net_params(net), sizeof *w, &w));
        tw_net_get_weights(net, w);
        for (int j = 0; j < 60000; j++) sum += w[j] * w[j] / 60000;
        for (int j = 0; j < 200; j++) bias += w[60000 + j] * w[60000 + j] / 200;
        assert_near(sum, schemes[i].variance, 5 * sqrt(2.0 / 60000) * schemes[i].variance);
        assert_near(bias, schemes[i].bias_variance, 5 * sqrt(2.0 / 200) * schemes[i].bias_variance);
        free(w);
        tw_net_free(net);
    }
}

// Truth: paper 2's released code: convolutions of variance 2 scale / fan_in, cut at two standard deviations of the law
// before the cut, whose deviation the cut shrinks to 0.87962566; scale 1/(3 n), 1 with batch norm; gains 1, shifts and
// biases 0. Bound: five standard errors of 9 16 16 numbers (a truncated normal's square varies less than a normal's).
static void residual_networks_start_as_the_paper_says(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        double scale;
    } known[] = {{"resnet14", 1.0 / 6}, {"resnet14,bn=batch", 1}, {"resnet14,init-scale=0.5", 0.5}};
    tw_data data = blank(768, 10);
    data.channels = 3;
    data.height = data.width = 16;
    for (int i = 0; i < 3; i++) {
        tw_net_opts opts = tw_net_defaults();
        tw_net *net = NULL;
        double *w = NULL;
        opts.init = "paper";
        opts.real = 8;
        must(tw_net_new(known[i].model, &data, &opts, &net));
        must(tw_alloc(tw_net_params(net), sizeof *w, &w));
        tw_net_get_weights(net, w);
        for (int64_t t = 0; t < tw_net_tensors(net); t++) {
            const tw_param *p = tw_net_param(net, t);
            double sum = 0, variance = 2 * known[i].scale / 144, most = 0;
            for (int64_t j = 0; j < p->count; j++) {
                double x = w[p->offset + j];
                sum += x * x / (double)p->count;
                most = fmax(most, fabs(x));
                if (p->rank == 1) assert_true(x == (strstr(p->name, "bn") && strstr(p->name, "weight") ? 1 : 0));
            }
            if (strcmp(p->name, "stage1.block1.conv1.weight") != 0) continue;
            assert_near(sum, variance, 5 * sqrt(2.0 / 2304) * variance);
            assert_true(most <= 2 * sqrt(variance) / 0.87962566103423978 * (1 + 4 * DBL_EPSILON));
        }
        free(w);
        tw_net_free(net);
    }
}

// Saved and loaded weights are the same bits, as safetensors and npz, in float and double.
static void weights_survive_the_disk(void **state)
{
    (void)state;
    static const char *const endings[] = {".safetensors", ".npz"};
    for (int e = 0; e < 2; e++)
        for (int real = 4; real <= 8; real += 4) {
            char path[64];
            snprintf(path, sizeof path, "/tmp/thalweg-net-%ld%s", (long)getpid(), endings[e]);
            toy t;
            tw_net *other = NULL;
            tw_net_opts opts = toy_opts(real);
            double *back = NULL;
            toy_open(&t, "mlp:6-7-4", 20, 6, 4, 0, opts);
            must(tw_net_save(t.net, path));
            opts.seed = 99;
            must(tw_net_new("mlp:6-7-4", &t.data, &opts, &other));
            must(tw_net_load(other, path));
            must(tw_alloc(t.n, sizeof *back, &back));
            tw_net_get_weights(other, back);
            assert_memory_equal(back, t.w, (size_t)t.n * sizeof *back);
            tw_net_free(other);
            other = NULL;
            must(tw_net_new("mlp:6-8-4", &t.data, &opts, &other)); // the file does not fit another network
            must_fail(tw_net_load(other, path), TW_EFORMAT, "fc1.weight: found shape 7 x 6, expected 8 x 6");
            unlink(path);
            must_fail(tw_net_load(other, path), TW_EIO, path);
            t.w[3] = NAN;
            must_fail(tw_net_set_weights(t.net, t.w), TW_EINVAL, "fc1.weight: element 3: found");
            tw_net_free(other);
            free(back);
            toy_close(&t);
        }
}

// Truth: the formula of each loss in the documentation, evaluated here on the network's own outputs, which for a
// network without hidden layer are W x + b.
static void losses_follow_their_stated_convention(void **state)
{
    (void)state;
    static const char *const names[] = {"xent", "mse", "half-mse"};
    for (int l = 0; l < 3; l++) {
        toy t;
        tw_net_opts opts = toy_opts(8);
        tw_loss_value value;
        opts.loss = names[l];
        opts.l2 = 0.5;
        toy_open(&t, "mlp:6-4", 20, 6, 4, 0, opts);
        double truth = 0, *x = t.data.x, w2 = dot(t.n, t.w, t.w);
        int right = 0;
        for (int i = 0; i < 20; i++) {
            double z[4], sum = 0, square = 0;
            int best = 0;
            for (int o = 0; o < 4; o++) {
                z[o] = t.w[24 + o] + dot(6, t.w + 6 * o, x + 6 * i);
                sum += exp(z[o]);
                square += (z[o] - (o == t.data.label[i])) * (z[o] - (o == t.data.label[i]));
                if (z[o] > z[best]) best = o;
            }
            right += best == t.data.label[i];
            truth += (l == 0 ? log(sum) - z[t.data.label[i]] : l == 1 ? square / 4 : square / 2) / 20;
        }
        must(tw_loss(t.net, &t.data, NULL, NULL, &value));
        assert_near(value.data_loss, truth, 1e-14 * truth);
        assert_near(value.loss, truth + 0.25 * w2, 1e-14 * (truth + w2));
        assert_near(value.accuracy, right / 20.0, 0);
        toy_close(&t);
    }
}

// A confident network keeps its digits: at a margin of 40 the loss is e^-40, not 0, and its gradient likewise.
static void small_losses_do_not_cancel(void **state)
{
    (void)state;
    const tw_pointwise *map = tw_kernels_find("f64")->map;
    double z[2] = {40, 0}, p[2], yb[2], loss, one = 40;
    int32_t label = 0;
    map->xent(1, 2, z, &label, p, yb, &loss);
    assert_near(loss, exp(-40), 8 * DBL_EPSILON * exp(-40));
    assert_near(yb[0], -exp(-40), 8 * DBL_EPSILON * exp(-40));
    label = 1;
    map->logistic(1, &one, &label, p, yb, &loss);
    assert_near(loss, exp(-40), 8 * DBL_EPSILON * exp(-40));
    z[0] = 1e4;
    map->xent(1, 2, z, &label, p, yb, &loss);
    assert_near(loss, 1e4, 0);
}

// Truth: the named transformer. The same operations on the same weights, in the same order, give the same bits.
static void a_transformer_can_be_written_layer_by_layer(void **state)
{
    (void)state;
    static const char *const model[] = {"gpt:2x2x8x5",
                                        "seq:embed(256,8,positions=5) "
                                        "[ layernorm attention(2,causal=yes) ] [ layernorm linear(32) gelu linear(8) ] "
                                        "[ layernorm attention(2,causal=yes) ] [ layernorm linear(32) gelu linear(8) ] "
                                        "layernorm linear(256,bias=no) positions"};
    double loss[2], *g[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        toy t;
        tw_loss_value value;
        toy_fill(&t, 4, 6, 3, 0);
        double *x = t.data.x;
        for (int j = 0; j < 24; j++) x[j] = floor(fabs(x[j] * 80));
        toy_net(&t, model[i], toy_opts(8));
        must(tw_alloc(t.n, sizeof(double), &g[i]));
        must(tw_loss(t.net, &t.data, g[i], NULL, &value));
        loss[i] = value.loss;
        if (i == 1) {
            assert_int_equal(t.n, 2 * 256 * 8 + 5 * 8 + 2 * (12 * 64 + 13 * 8) + 2 * 8);
            assert_true(loss[0] == loss[1]);
            assert_memory_equal(g[0], g[1], (size_t)t.n * sizeof(double));
        }
        toy_close(&t);
    }
    free(g[0]);
    free(g[1]);
}

// Truth: y = x + relu(x) + (x + 0) written out: 0 where a branch is dense with zero weights.
static void brackets_add_what_stands_in_them(void **state)
{
    (void)state;
    toy t;
    tw_loss_value value;
    tw_net_opts opts = toy_opts(8);
    opts.loss = "half-mse";
    toy_open(&t, "seq:flatten [ | relu | [ dense(3) ] ]", 2, 3, 0, 3, opts);
    double *x = t.data.x, truth = 0;
    memset(t.w, 0, (size_t)t.n * sizeof *t.w);
    for (int i = 0; i < 6; i++) {
        x[i] = (i % 2 ? -1 : 1) * (i + 1);
        t.data.target[i] = i;
        double y = x[i] + (x[i] > 0 ? x[i] : 0) + x[i];
        truth += (y - i) * (y - i) / 2 / 2;
    }
    must(tw_net_set_weights(t.net, t.w));
    must(tw_loss(t.net, &t.data, NULL, NULL, &value));
    assert_near(value.loss, truth, 4 * DBL_EPSILON * truth);
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_counts_are_those_of_pytorch),
        cmocka_unit_test(convolutional_networks_have_the_counts_of_the_paper),
        cmocka_unit_test(sequence_networks_have_the_counts_of_the_closed_forms),
        cmocka_unit_test(descriptions_say_which_layer_is_wrong),
        cmocka_unit_test(running_statistics_are_stored_with_the_weights),
        cmocka_unit_test(dropout_is_drawn_in_training_alone),
        cmocka_unit_test(impossible_models_are_refused_with_what_was_found),
        cmocka_unit_test(initial_weights_have_the_promised_variance),
        cmocka_unit_test(residual_networks_start_as_the_paper_says),
        cmocka_unit_test(weights_survive_the_disk),
        cmocka_unit_test(losses_follow_their_stated_convention),
        cmocka_unit_test(small_losses_do_not_cancel),
        cmocka_unit_test(a_transformer_can_be_written_layer_by_layer),
        cmocka_unit_test(brackets_add_what_stands_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
