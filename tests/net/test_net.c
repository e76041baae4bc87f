// SPDX-License-Identifier: MIT
// Networks: model strings, initial weights, weights on disk, losses.
#include "../curv/toy.h"

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
    must_fail(tw_net_new("vgg11", &data, &opts, &net), TW_EINVAL, "does not fit into 1 x 1");
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
                   {"glorot-uniform", 2.0 / 500, 0}};
    tw_data data = blank(300, 200);
    for (int i = 0; i < 5; i++) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_shapes_and_counts_are_those_of_pytorch),
        cmocka_unit_test(convolutional_networks_have_the_counts_of_the_paper),
        cmocka_unit_test(impossible_models_are_refused_with_what_was_found),
        cmocka_unit_test(initial_weights_have_the_promised_variance),
        cmocka_unit_test(weights_survive_the_disk),
        cmocka_unit_test(losses_follow_their_stated_convention),
        cmocka_unit_test(small_losses_do_not_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
