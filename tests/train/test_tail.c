// SPDX-License-Identifier: MIT
// The tail probe of a recorded run, against gradients of the samples one by one.
#include "base/rng.h"
#include "test.h"
#include "theory/tail.h"
#include "thalweg/curv.h"
#include "thalweg/train.h"

#include <unistd.h>

enum { N = 43, M = 60, VECTORS = 3 };

static char home[] = "/tmp/test_tail.XXXXXX";

static void record(const char *name, int batch, const char *probe, char *folder, size_t room)
{
    char text[1024];
    tw_recipe *recipe = NULL;
    tw_recorded result;
    snprintf(folder, room, "%s/%s", home, name);
    snprintf(text, sizeof text,
             "data: {source: \"gauss:classes=3,dim=4,n=60\"}\nmodel: {spec: \"mlp:4-5-3,act=tanh\", dtype: f64}\n"
             "loss: {l2: 0.1}\nsampling: {batch: %d}\nstop: {steps: 6, epochs: 6}\nseeds: {run: 3}\n"
             "probes: {every: 6 steps, also: [{kind: tail, samples: 60, vectors: 3%s}]}\n",
             batch, probe);
    must(tw_recipe_parse("test", text, strlen(text), &recipe));
    must(tw_record(recipe, folder, (tw_progress){NULL, NULL}, &result));
    tw_recipe_free(recipe);
}

static double last(const char *folder, const char *name, double *error)
{
    tw_run *run = NULL;
    int64_t step;
    double value;
    must(tw_run_open(folder, false, &run));
    must(tw_run_last(run, name, &step, &value, error));
    assert_int_equal(step, 6);
    must(tw_run_close(run));
    return value;
}

// Truth: |g_i - g| and <g_i - g, z> of gradients computed one by one, without the l2 term, which is the same in all.
static void tails_are_those_of_the_samples_gradients(void **state)
{
    (void)state;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_loss_value value;
    tw_tail_power tail;
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    char folder[128], path[256];
    double each[M][N], g[N] = {0}, size[M], kurtosis = 0, error, unused;

    record("truth", 8, "", folder, sizeof folder);
    data_opts.real = net_opts.real = 8;
    must(tw_data_open("gauss:classes=3,dim=4,n=60", &data_opts, &data));
    must(tw_net_new("mlp:4-5-3,act=tanh", data, &net_opts, &net));
    snprintf(path, sizeof path, "%s/weights-6.safetensors", folder);
    must(tw_net_load(net, path));
    for (int i = 0; i < M; i++) {
        tw_data one = *data;
        one.m = 1;
        one.x = (double *)data->x + i * 4;
        one.label = data->label + i;
        must(tw_loss(net, &one, each[i], NULL, &value));
        for (int j = 0; j < N; j++) g[j] += each[i][j] / M;
    }
    for (int i = 0; i < M; i++) {
        size[i] = 0;
        for (int j = 0; j < N; j++) size[i] += pow(each[i][j] - g[j], 2);
        size[i] = sqrt(size[i]);
    }
    tw_rng rng = tw_rng_at(0, TW_RNG_TEST, 0);
    must(tw_tail_fit_power(M, size, 5, &rng, &tail)); // index and threshold draw nothing
    assert_near(last(folder, "tail/train/index", &error), tail.index, 1e-9 * tail.index);
    assert_true(error > 0);
    assert_near(last(folder, "tail/train/largest", &unused), (double)tail.largest, 0);

    for (int c = 0; c < VECTORS; c++) {
        double z[N], two = 0, four = 0;
        tw_rng signs = tw_rng_at(3, TW_RNG_PROBE, (uint64_t)c);
        tw_rng_signs(&signs, N, z);
        for (int i = 0; i < M; i++) {
            double a = 0;
            for (int j = 0; j < N; j++) a += (each[i][j] - g[j]) * z[j];
            two += a * a;
            four += a * a * a * a;
        }
        kurtosis += (M * four / (two * two) - 3) / VECTORS;
    }
    assert_near(last(folder, "tail/train/kurtosis", &error), kurtosis / 8, 1e-10 * (1 + fabs(kurtosis)));
    tw_net_free(net);
    tw_data_free(data);
}

// Truth: the central limit theorem. The gradients of 60 samples are few and far from Gaussian: a batch of one says so
// with any confidence; the mean of 4,096 has an excess kurtosis 4,096 times smaller, which 500 batches cannot see, so p
// < 0.001 would come once in a thousand seeds, and the index of stability is 2 within four standard errors.
static void large_batches_have_gaussian_noise_and_single_samples_have_not(void **state)
{
    (void)state;
    char folder[128];
    double error;
    record("one", 1, "", folder, sizeof folder);
    assert_true(last(folder, "tail/train/gaussian", &error) < 1e-6);
    record("many", 4096, "", folder, sizeof folder);
    assert_true(last(folder, "tail/train/gaussian", &error) > 1e-3);
    double stable = last(folder, "tail/train/stable", &error);
    assert_near(stable, 2, 4 * error);
}

static void too_few_samples_are_refused(void **state)
{
    (void)state;
    const char *text = "data: {source: \"gauss:classes=3,dim=4,n=60\"}\nmodel: {spec: \"mlp:4-5-3\"}\n"
                       "probes: {samples: 49, also: [{kind: tail}]}\n";
    char folder[128];
    tw_recipe *recipe = NULL;
    tw_recorded result;
    snprintf(folder, sizeof folder, "%s/few", home);
    must(tw_recipe_parse("test", text, strlen(text), &recipe));
    must_fail(tw_record(recipe, folder, (tw_progress){NULL, NULL}, &result), TW_EINVAL,
              "probes.also.0: found 49 samples, expected at least 50");
    tw_recipe_free(recipe);
}

static int begin(void **state)
{
    (void)state;
    return mkdtemp(home) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_are_those_of_the_samples_gradients),
        cmocka_unit_test(large_batches_have_gaussian_noise_and_single_samples_have_not),
        cmocka_unit_test(too_few_samples_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
