// SPDX-License-Identifier: MIT
// Recorded runs: probes change nothing and measure what they say, and a run that was killed is the run that was not.
#include "base/alloc.h"
#include "base/rng.h"
#include "test.h"
#include "thalweg/curv.h"
#include "thalweg/train.h"
#include "train/probe.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[] = "/tmp/test_record.XXXXXX";

static const char base[] = "data: {source: \"gauss:classes=3,dim=4,n=60\"}\n"
                           "model: {spec: \"mlp:4-5-3,act=tanh\", dtype: f64}\n"
                           "optim: {lr: 0.2}\n"
                           "sampling: {batch: 16}\n"
                           "stop: {epochs: 6}\n"
                           "seeds: {run: 3}\n"
                           "outputs: {checkpoint: 3 steps}\n";

static const char probes[] =
    "probes:\n"
    "  samples: 40\n"
    "  every: 4 steps\n"
    "  also:\n"
    "    - {kind: loss, gradient: true}\n"
    "    - {kind: loss, data: test, name: test}\n"
    "    - {kind: eigs, top: 3, bottom: 1, along: 2, tolerance: 1e-9, products: 400, every: 2 steps}\n"
    "    - {kind: eigs, matrix: moment, top: 2, with: hessian}\n"
    "    - {kind: density, vectors: 2, lanczos_steps: 10}\n"
    "    - {kind: trace, products: 12}\n"
    "    - {kind: noise, vectors: 3}\n"
    "    - {kind: covariance, top: 2, vectors: 4, products: 60, samples: 30}\n"
    "    - {kind: step, top: 2, along: 1, batches: 3, fresh: true, loss_samples: 30, products: 40}\n"
    "    - {kind: tail, samples: 60, vectors: 2, noise_batches: 40}\n"
    "    - {kind: path, every: 1 step}\n"
    "    - {kind: path, every: 5 steps, name: rarely}\n";

static tw_recipe *recipe_of(const char *more)
{
    char text[8192];
    tw_recipe *recipe = NULL;
    snprintf(text, sizeof text, "%s%s", base, more);
    must(tw_recipe_parse("test", text, strlen(text), &recipe));
    return recipe;
}

static const char *folder_of(const char *name)
{
    static char path[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(path[at], sizeof path[at], "%s/%s", home, name);
    return path[at];
}

static void record(const char *name, const char *more, tw_recorded *result)
{
    tw_recipe *recipe = recipe_of(more);
    must(tw_record(recipe, folder_of(name), (tw_progress){NULL, NULL}, result));
    tw_recipe_free(recipe);
}

static long load(const char *name, const char *file, char *bytes, size_t room)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder_of(name), file);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    long size = (long)fread(bytes, 1, room, stream);
    fclose(stream);
    return size;
}

static void same_file(const char *a, const char *b, const char *file)
{
    static char one[1 << 16], two[1 << 16];
    long size = load(a, file, one, sizeof one);
    assert_true(size > 100 && size == load(b, file, two, sizeof two));
    assert_memory_equal(one, two, (size_t)size);
}

static void probes_change_no_bit_of_the_weights(void **state)
{
    (void)state;
    tw_recorded with, without;
    record("bare", "", &without);
    record("probed", probes, &with);
    assert_int_equal(with.steps, 24);
    assert_int_equal(without.steps, 24);
    assert_true(with.predicted_share > 1 && without.predicted_share == 0);
    same_file("bare", "probed", "weights-24.safetensors");
}

// Every number, curve and event of two runs, to the bit.
static void same_run(const char *a, const char *b)
{
    tw_run *run[2] = {NULL, NULL};
    tw_series_names *names[2];
    must(tw_run_open(folder_of(a), false, &run[0]));
    must(tw_run_open(folder_of(b), false, &run[1]));
    for (int curves = 0; curves < 2; curves++) {
        for (int i = 0; i < 2; i++) must(tw_run_series_names(run[i], curves, &names[i]));
        assert_int_equal(names[0]->count, names[1]->count);
        assert_true(curves || names[0]->count > 2);
        for (int64_t s = 0; s < names[0]->count; s++) {
            const char *name = names[0]->name[s];
            tw_series *series[2];
            assert_string_equal(name, names[1]->name[s]);
            assert_int_equal(names[0]->points[s], names[1]->points[s]);
            if (curves) {
                double *x[2];
                int64_t count[2];
                for (int i = 0; i < 2; i++) must(tw_run_curve(run[i], name, -1, &count[i], &x[i]));
                assert_int_equal(count[0], count[1]);
                assert_memory_equal(x[0], x[1], (size_t)count[0] * sizeof(double));
                for (int i = 0; i < 2; i++) free(x[i]);
                continue;
            }
            for (int i = 0; i < 2; i++) must(tw_run_series(run[i], name, 1, &series[i]));
            size_t bytes = (size_t)series[0]->count * sizeof(double);
            assert_memory_equal(series[0]->step, series[1]->step, bytes);
            for (int64_t p = 0; p < series[0]->count; p++) {
                double x = series[0]->value[p], y = series[1]->value[p];
                if (memcmp(&x, &y, sizeof x) != 0 && !(isnan(x) && isnan(y)))
                    fail_msg("%s at step %d: %.17g and %.17g", name, (int)series[0]->step[p], x, y);
            }
            for (int i = 0; i < 2; i++) tw_series_free(series[i]);
        }
        for (int i = 0; i < 2; i++) tw_series_names_free(names[i]);
    }
    for (int i = 0; i < 2; i++) must(tw_run_close(run[i]));
}

// In a child: the run from its beginning or from where it is, to its end.
static void work(const char *name)
{
    tw_recipe *recipe = recipe_of(probes);
    tw_recorded result;
    tw_status st = tw_record_resume(folder_of(name), NULL, (tw_progress){NULL, NULL}, &result);
    if (st == TW_OK) _exit(0);
    if (!strstr(tw_error(), "expected a folder with a run") && !strstr(tw_error(), "before it began")) {
        fprintf(stderr, "%s\n", tw_error());
        _exit(1);
    }
    if (tw_record(recipe, folder_of(name), (tw_progress){NULL, NULL}, &result) != TW_OK) {
        fprintf(stderr, "%s\n", tw_error());
        _exit(2);
    }
    _exit(0);
}

// Truth: the run that was never stopped. Most of a run's time is inside Lanczos, so most kills are too.
static void a_killed_run_resumes_to_the_same_bits(void **state)
{
    (void)state;
    tw_rng rng = tw_rng_at(2, TW_RNG_TEST, 0);
    int status = -1, killed = 0;
    for (int i = 0; i < 300; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) work("killed");
        if (i < 80) {
            usleep((useconds_t)(500 + tw_rng_below(&rng, 30000)));
            kill(child, SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        killed += WIFSIGNALED(status);
        if (WIFEXITED(status)) break;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(killed >= 3);
    same_file("probed", "killed", "weights-24.safetensors");
    same_run("probed", "killed");
}

static bool stop_after(void *ctx, const char *what, double done, double total)
{
    (void)what, (void)total;
    return done < *(double *)ctx;
}

static void a_run_that_is_asked_to_stop_can_go_on_and_grow(void **state)
{
    (void)state;
    double limit = 7;
    tw_recorded result, longer;
    tw_recipe *recipe = recipe_of(probes), *changes = NULL;
    must(tw_recipe_set(recipe, "test", "stop.epochs", "2"));
    must_fail(tw_record(recipe, folder_of("grown"), (tw_progress){stop_after, &limit}, &result), TW_ESTOPPED,
              "after step 7");
    must(tw_recipe_new(&changes));
    must(tw_recipe_set(changes, "test", "optim.lr", "0.3"));
    must_fail(tw_record_resume(folder_of("grown"), changes, (tw_progress){NULL, NULL}, &result), TW_EINVAL,
              "optim.lr: cannot be changed");
    tw_recipe_free(changes);
    must(tw_record_resume(folder_of("grown"), NULL, (tw_progress){NULL, NULL}, &result));
    assert_int_equal(result.steps, 8);
    must(tw_recipe_new(&changes));
    must(tw_recipe_set(changes, "test", "stop.epochs", "6"));
    must(tw_record_resume(folder_of("grown"), changes, (tw_progress){NULL, NULL}, &longer));
    assert_int_equal(longer.steps, 24);
    tw_recipe_free(changes);
    tw_recipe_free(recipe);
    same_run("probed", "grown");
    same_file("probed", "grown", "weights-24.safetensors");
}

static void every_rule_schedule_and_sampling_resumes_to_the_same_bits(void **state)
{
    (void)state;
    static const char *const rules[][3] = {{"sgd:momentum=0.9", "cosine:length=6", "shuffle"},
                                           {"adam", "constant", "replacement"},
                                           {"rmsprop", "constant", "ordered"},
                                           {"sam", "plateau", "shuffle"},
                                           {"sgld", "constant", "independent"},
                                           {"nudged", "constant", "shuffle"}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char whole[32], cut[32];
        double limit = 10;
        tw_recorded result;
        tw_recipe *recipe = recipe_of("");
        must(tw_recipe_set(recipe, "test", "optim.name", rules[i][0]));
        must(tw_recipe_set(recipe, "test", "schedule.name", rules[i][1]));
        must(tw_recipe_set(recipe, "test", "sampling.kind", rules[i][2]));
        must(tw_recipe_set(recipe, "test", "optim.lr", "0.01"));
        snprintf(whole, sizeof whole, "rule%d", (int)i);
        snprintf(cut, sizeof cut, "cut%d", (int)i);
        must(tw_record(recipe, folder_of(whole), (tw_progress){NULL, NULL}, &result));
        must_fail(tw_record(recipe, folder_of(cut), (tw_progress){stop_after, &limit}, &result), TW_ESTOPPED,
                  "step 10");
        must(tw_record_resume(folder_of(cut), NULL, (tw_progress){NULL, NULL}, &result));
        same_file(whole, cut, "weights-24.safetensors");
        tw_recipe_free(recipe);
    }
}

// Truth: the loss on the validation part, which plain training cannot improve for ever with a rate this large.
static void patience_ends_a_run_early_and_is_said_once(void **state)
{
    (void)state;
    tw_recorded result;
    tw_run *run = NULL;
    tw_events *events = NULL;
    tw_series *series = NULL;
    tw_recipe *recipe = recipe_of("data.validation: 0.2\n");
    must(tw_recipe_set(recipe, "test", "stop.epochs", "400"));
    must(tw_recipe_set(recipe, "test", "optim.lr", "1.5"));
    must(tw_recipe_set(recipe, "test", "stop.patience", "2"));
    must(tw_record(recipe, folder_of("early"), (tw_progress){NULL, NULL}, &result));
    assert_true(result.steps < 1200 && result.steps % result.epoch_steps == 0);
    int64_t steps = result.steps;
    must(tw_record_resume(folder_of("early"), NULL, (tw_progress){NULL, NULL},
                          &result)); // looks again, decides the same
    assert_int_equal(result.steps, steps);
    must(tw_run_open(folder_of("early"), false, &run));
    must(tw_run_events(run, &events));
    assert_int_equal(events->count, 1);
    must(tw_run_series(run, "watched/loss", 1, &series));
    int64_t last = series->count - 1;
    double best = INFINITY;
    for (int64_t i = 0; i <= last - 2; i++) best = fmin(best, series->value[i]);
    assert_true(series->value[last] >= best && series->value[last - 1] >= best);
    tw_series_free(series);
    tw_events_free(events);
    must(tw_run_close(run));
    tw_recipe_free(recipe);
}

// A run that patience ended goes on where it is given more, and is the run that had it from the start: weights,
// numbers, and no word of the end that was none. A checkpoint every 7 steps lies between epochs of 3, so the state it
// goes on from is of an earlier step than the end.
static void a_run_that_patience_ended_goes_on_with_more(void **state)
{
    (void)state;
    tw_recorded result, more;
    tw_recipe *recipe = recipe_of("data.validation: 0.2\n"), *changes = NULL;
    char path[64];
    must(tw_recipe_set(recipe, "test", "stop.epochs", "400"));
    must(tw_recipe_set(recipe, "test", "optim.lr", "1.5"));
    must(tw_recipe_set(recipe, "test", "outputs.checkpoint", "7 steps"));
    must(tw_recipe_set(recipe, "test", "stop.patience", "8"));
    must(tw_record(recipe, folder_of("patient"), (tw_progress){NULL, NULL}, &more));
    must(tw_recipe_set(recipe, "test", "stop.patience", "2"));
    must(tw_record(recipe, folder_of("impatient"), (tw_progress){NULL, NULL}, &result));
    assert_true(result.steps < more.steps && more.steps < 1200);
    must(tw_recipe_new(&changes));
    must(tw_recipe_set(changes, "test", "stop.patience", "8"));
    must(tw_record_resume(folder_of("impatient"), changes, (tw_progress){NULL, NULL}, &result));
    assert_int_equal(result.steps, more.steps);
    same_run("patient", "impatient");
    snprintf(path, sizeof path, "weights-%d.safetensors", (int)more.steps);
    same_file("patient", "impatient", path);
    tw_run *run = NULL;
    tw_events *events = NULL;
    must(tw_run_open(folder_of("impatient"), false, &run));
    must(tw_run_events(run, &events));
    assert_int_equal(events->count, 1);
    assert_int_equal(events->event[0].step, more.steps);
    tw_events_free(events);
    must(tw_run_close(run));
    tw_recipe_free(changes);
    tw_recipe_free(recipe);
}

static double value_at(tw_run *run, const char *name, int64_t step)
{
    tw_series *series = NULL;
    double found = NAN;
    must(tw_run_series(run, name, 1, &series));
    for (int64_t i = 0; i < series->count; i++)
        if (series->step[i] == step) found = series->value[i];
    tw_series_free(series);
    return found;
}

// Truth: the whole spectrum by LAPACK, the gradients of the samples one by one, at the weights the run left, on the
// samples the probes drew.
static void probes_measure_what_they_say(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_data *data = NULL, *part = NULL;
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_spectrum *spectrum = NULL;
    tw_loss_value value;
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    tw_curv_opts curv_opts = tw_curv_defaults();
    char path[512];
    enum { N = 4 * 5 + 5 + 5 * 3 + 3, M = 40 };
    double g[N], each[M][N], mean_s = 0, trace, g2 = 0;

    data_opts.real = net_opts.real = 8;
    data_opts.seed = 3;
    must(tw_data_open("gauss:classes=3,dim=4,n=60", &data_opts, &data));
    must(tw_data_sample(data, M, 3, &part));
    must(tw_net_new("mlp:4-5-3,act=tanh", data, &net_opts, &net));
    snprintf(path, sizeof path, "%s/weights-24.safetensors", folder_of("probed"));
    must(tw_net_load(net, path));
    must(tw_curv_new(net, part, &curv_opts, &curv));
    must(tw_spectrum_new(tw_curv_linop(curv), (tw_progress){NULL, NULL}, &spectrum));
    must(tw_loss(net, part, g, NULL, &value));
    must(tw_run_open(folder_of("probed"), false, &run));

    // A converged Ritz value is off by its residual squared over a gap at most: 1e-9 of the largest is far above.
    double scale = spectrum->value[0];
    assert_near(value_at(run, "eigs/hessian/top/1", 24), spectrum->value[0], 1e-8 * scale);
    assert_near(value_at(run, "eigs/hessian/top/3", 24), spectrum->value[2], 1e-8 * scale);
    assert_near(value_at(run, "eigs/hessian/bottom/1", 24), spectrum->value[N - 1], 1e-8 * scale);
    double inside = 0, all = 0;
    for (int i = 0; i < N; i++) all += g[i] * g[i];
    for (int k = 0; k < 3; k++) {
        double x = 0;
        for (int i = 0; i < N; i++) x += g[i] * spectrum->vector[k * N + i];
        inside += x * x;
    }
    assert_near(value_at(run, "eigs/hessian/gradient", 24), inside / all, 1e-6); // vectors: residual over gap

    for (int i = 0; i < M; i++) {
        tw_data one = *part;
        tw_loss_value unused;
        one.m = 1;
        one.x = (double *)part->x + i * 4;
        one.label = part->label + i;
        must(tw_loss(net, &one, each[i], NULL, &unused));
        for (int j = 0; j < N; j++) mean_s += each[i][j] * each[i][j] / M;
    }
    for (int j = 0; j < N; j++) g2 += g[j] * g[j];
    trace = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) trace += pow(each[i][j] - g[j], 2) / (M - 1);
    assert_near(value_at(run, "noise/train/trace", 24), trace, 1e-12 * trace);
    assert_near(value_at(run, "noise/train/gradient2", 24), g2 - trace / M, 1e-12);
    assert_near(value_at(run, "noise/train/scale", 24), trace / (g2 - trace / M), 1e-9 * trace / fabs(g2 - trace / M));

    // The jackknife by its definition: leave one out, compute anew.
    double left[M], mean = 0, square = 0;
    for (int out = 0; out < M; out++) {
        double h[N] = {0}, t = 0;
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N && i != out; j++) h[j] += each[i][j] / (M - 1);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N && i != out; j++) t += pow(each[i][j] - h[j], 2) / (M - 2);
        left[out] = t;
        mean += t / M;
    }
    for (int i = 0; i < M; i++) square += pow(left[i] - mean, 2);
    tw_series *series = NULL;
    must(tw_run_series(run, "noise/train/trace", 1, &series));
    assert_near(series->error[series->count - 1], sqrt((M - 1.0) / M * square), 1e-9 * trace);
    tw_series_free(series);

    must(tw_loss(net, data, g, NULL, &value)); // the loss probe looks at all of it
    assert_near(value_at(run, "loss/train/loss", 24), value.loss, 1e-14);
    assert_near(value_at(run, "loss/train/gradient_norm", 24), value.gradient_norm, 1e-14);
    must(tw_run_close(run));
    tw_spectrum_free(spectrum);
    tw_curv_free(curv);
    tw_net_free(net);
    tw_data_free(part);
    tw_data_free(data);
}

// Truth: both matrices written out. Tolerance: five standard errors, which must themselves be small; the error of the
// ratio also has that of 40 samples, which the truth on the same samples has not.
static void noise_against_the_hessian(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_recorded result;
    record("noise", "stop.steps: 0\nprobes: {samples: 40, also: [{kind: noise, vectors: 4000}]}\n", &result);
    must(tw_run_open(folder_of("noise"), false, &run));

    tw_data *data = NULL, *part = NULL;
    tw_net *net = NULL;
    tw_curv *curv[2];
    tw_loss_value value;
    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    char path[512];
    enum { N = 43, M = 40 };
    static double a[2][N * N];
    double asymmetry, hc = 0, hh = 0, cc = 0, trace[2] = {0};
    data_opts.real = net_opts.real = 8;
    data_opts.seed = 3;
    must(tw_data_open("gauss:classes=3,dim=4,n=60", &data_opts, &data));
    must(tw_data_sample(data, M, 3, &part));
    must(tw_net_new("mlp:4-5-3,act=tanh", data, &net_opts, &net));
    snprintf(path, sizeof path, "%s/weights-0.safetensors", folder_of("noise"));
    must(tw_net_load(net, path));
    must(tw_loss(net, part, NULL, NULL, &value));
    for (int i = 0; i < 2; i++) {
        tw_curv_opts opts = tw_curv_defaults();
        opts.matrix = i ? "covariance" : "hessian";
        must(tw_curv_new(net, part, &opts, &curv[i]));
        must(tw_linop_assemble(tw_curv_linop(curv[i]), (tw_progress){NULL, NULL}, a[i], &asymmetry));
        for (int j = 0; j < N; j++) trace[i] += a[i][j * N + j];
        tw_curv_free(curv[i]);
    }
    for (int i = 0; i < N * N; i++) {
        hc += a[0][i] * a[1][i];
        hh += a[0][i] * a[0][i];
        cc += a[1][i] * a[1][i];
    }
    double unbiased = M / (M - 1.0);
    const double truth[3] = {unbiased * hc, unbiased * trace[1] / (2 * value.data_loss * trace[0]), hc / sqrt(hh * cc)};
    const char *const names[3] = {"noise/train/trace_hessian", "noise/train/ratio", "noise/train/alignment"};
    for (int i = 0; i < 3; i++) {
        tw_series *series = NULL;
        must(tw_run_series(run, names[i], 1, &series));
        assert_int_equal(series->count, 1);
        assert_true(series->error[0] > 0 && series->error[0] < (i == 1 ? 1 : 0.1) * fabs(truth[i]));
        assert_near(series->value[0], truth[i], 5 * series->error[0]);
        tw_series_free(series);
    }
    must(tw_run_close(run));
    tw_net_free(net);
    tw_data_free(part);
    tw_data_free(data);
}

// Truth: along(t = 0) and (t = 1 on a quadratic) are what the loss is; on a quadratic the loss is a parabola along
// every direction, whose second difference is length^2 value, and the overshoot of plain gradient descent is lr value.
static void along_and_overshoot_on_a_quadratic(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_recipe *recipe = NULL;
    tw_recorded result;
    double *x = NULL;
    int64_t count;
    const char *text =
        "data: {source: \"regression:n=50,dim=6\"}\n"
        "model: {spec: \"mlp:6-1\", dtype: f64}\n"
        "optim: {lr: 0.05}\n"
        "sampling: {batch: 50}\n"
        "stop: {epochs: 3}\n"
        "probes: {samples: 50, every: 1 step, also: [{kind: eigs, top: 2, along: 2, tolerance: 1e-10}]}\n";
    must(tw_recipe_parse("test", text, strlen(text), &recipe));
    must(tw_record(recipe, folder_of("quadratic"), (tw_progress){NULL, NULL}, &result));
    must(tw_run_open(folder_of("quadratic"), false, &run));
    for (int i = 1; i <= 2; i++) {
        char name[64];
        snprintf(name, sizeof name, "eigs/hessian/top/%d", i);
        double value = value_at(run, name, 1);
        snprintf(name, sizeof name, "eigs/hessian/overshoot/%d", i);
        assert_near(value_at(run, name, 2), 0.05 * value, 1e-8);
        snprintf(name, sizeof name, "eigs/hessian/along/%d", i);
        must(tw_run_curve(run, name, 2, &count, &x));
        assert_int_equal(count, 17);
        double bend = x[5] - 2 * x[4] + x[3];
        assert_true(bend > 0);
        for (int p = 1; p < 16; p++) assert_near(x[p + 1] - 2 * x[p] + x[p - 1], bend, 1e-9 * (1 + bend));
        // slope at 0 is -length^2 / lr, bend is (length / 4)^2 value: their ratio holds no length
        double slope = (x[5] - x[3]) * 2;
        assert_near(-slope * 0.05 * value, bend * 16, 1e-7 * (1 + bend));
        free(x);
        x = NULL;
    }
    must(tw_run_close(run));
    tw_recipe_free(recipe);
}

// Truth: on a quadratic the parabola is the loss, so what is predicted is what happens, for every batch; along a random
// direction too. With all samples as the batch every draw is the same: no error, and no batch raises the loss at half a
// step of rate 0.05 < 2 / value.
static void steps_along_directions_of_a_quadratic_are_the_parabola(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_recorded result;
    double *x = NULL, middle;
    int64_t count;
    const char *const batch[] = {"sampling.batch", "7", "50"};
    for (int all = 0; all < 2; all++) {
        tw_recipe *recipe = NULL;
        const char *text = "data: {source: \"regression:n=50,dim=6,noise=1\"}\n"
                           "model: {spec: \"mlp:6-1\", dtype: f64}\n"
                           "optim: {lr: 0.05}\n"
                           "stop: {epochs: 2}\n"
                           "probes: {samples: 50, every: 1 epoch, also: [{kind: step, top: 3, along: 2, batches: 4, "
                           "tolerance: 1e-10, loss_samples: 50}]}\n";
        must(tw_recipe_parse("test", text, strlen(text), &recipe));
        must(tw_recipe_set(recipe, "test", batch[0], batch[1 + all]));
        must(tw_record(recipe, folder_of(all ? "step-all" : "step"), (tw_progress){NULL, NULL}, &result));
        must(tw_run_open(folder_of(all ? "step-all" : "step"), false, &run));
        static const char *const where[] = {"1", "2", "random"}, *const length[] = {"0.5", "1", "2"};
        for (int d = 0; d < 3; d++)
            for (int a = 0; a < 3; a++) {
                char name[64];
                snprintf(name, sizeof name, "step/train/delta/%s/%s", where[d], length[a]);
                double delta = value_at(run, name, 0);
                snprintf(name, sizeof name, "step/train/predicted/%s/%s", where[d], length[a]);
                assert_near(delta, value_at(run, name, 0), 1e-9);
                snprintf(name, sizeof name, "step/train/raised/%s/%s", where[d], length[a]);
                if (all && a == 0) assert_near(value_at(run, name, 0), 0, 0);
                if (d < 2 && all) assert_true(delta < 0);
            }
        // three of the eigenvectors hold part of a gradient, the cosines are of one gradient where all samples are it
        double share = value_at(run, "step/train/share", 0), sum = 0;
        for (int i = 1; i <= 3; i++) {
            char name[64];
            snprintf(name, sizeof name, "step/train/cosine/%d", i);
            sum += value_at(run, name, 0) * value_at(run, name, 0);
        }
        assert_true(share > 0 && share <= 1);
        if (all) assert_near(sum, share, 1e-12);
        must(tw_run_curve(run, "step/train/bowl/1", 0, &count, &x));
        assert_int_equal(count, 15);
        middle = (x[0] + x[14]) / 2 - x[7]; // at +-16 units: 256 of the bend at one
        assert_near((x[4 - 1] + x[10 + 1]) / 2 - x[7], middle / 64, 1e-9 * (1 + middle)); // at +-2 units
        free(x);
        must(tw_run_close(run));
        tw_recipe_free(recipe);
    }
}

static void divergence_is_kept_with_the_sharpness_there(void **state)
{
    (void)state;
    tw_run *run = NULL;
    tw_events *events = NULL;
    tw_recorded result;
    char *status = NULL;
    tw_recipe *recipe = recipe_of("loss: {name: mse}\nstop.steps: 500\n"
                                  "probes: {samples: 40, also: [{kind: eigs, top: 1, every: never}]}\n");
    must(tw_recipe_set(recipe, "test", "optim.lr", "1e30"));
    must(tw_record(recipe, folder_of("diverged"), (tw_progress){NULL, NULL}, &result));
    tw_recipe_free(recipe);
    assert_true(result.diverged);
    must(tw_run_open(folder_of("diverged"), false, &run));
    must(tw_run_load_text(run, "status", &status));
    assert_string_equal(status, "diverged");
    free(status);
    must(tw_run_events(run, &events));
    assert_string_equal(events->event[0].kind, "diverged");
    assert_int_equal(events->event[0].step, result.steps);
    tw_events_free(events);
    must(tw_run_close(run));
}

static void a_recipe_that_cannot_be_leaves_no_run(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"probes: {also: [{every: 1 step}]}\n", "found no kind"},
        {"probes: {also: [{kind: loss}, {kind: loss}]}\n", "a second loss probe called train"},
        {"probes: {also: [{kind: loss, data: validation}]}\n", "have no such part"},
        {"probes: {also: [{kind: eigs, top: 1000}]}\n", "at most the 43"},
        {"probes: {also: [{kind: eigs, with: ggn}]}\n", "probe before it"},
        {"probes: {also: [{kind: noise, samples: 2}]}\n", "at least 3"},
        {"model.weights: nothing.npz\n", "nothing.npz"},
        {"loss: {name: logistic}\n", "logistic"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_recipe *recipe = recipe_of(bad[i][0]);
        tw_recorded result;
        tw_status st = tw_record(recipe, folder_of("bad"), (tw_progress){NULL, NULL}, &result);
        if (st == TW_OK || !strstr(tw_error(), bad[i][1])) fail_msg("%s: %s", bad[i][0], tw_error());
        assert_int_not_equal(access(folder_of("bad"), F_OK), 0);
        tw_recipe_free(recipe);
    }
}

// Every allocation of a run fails once: each time a message, no leak (under the sanitizer), and nothing that cannot go
// on.
static void a_failed_allocation_ends_a_run_with_a_message(void **state)
{
    (void)state;
    tw_recipe *recipe =
        recipe_of("probes: {samples: 20, every: 1 step, also: [{kind: eigs, top: 1, along: 1, products: 20}, "
                  "{kind: noise, vectors: 2}, {kind: path}]}\nstop.steps: 1\n");
    tw_recorded result;
    bool left;
    int64_t before = tw_alloc_calls();
    must(tw_record(recipe, folder_of("memory"), (tw_progress){NULL, NULL}, &result));
    int64_t calls = tw_alloc_calls() - before, failed = 0;
    must(tw_run_delete(folder_of("memory"), &left));
    for (int64_t i = 1; i <= calls; i += 1 + i / 40) {
        tw_alloc_fail_at(i);
        tw_status st = tw_record(recipe, folder_of("memory"), (tw_progress){NULL, NULL}, &result);
        tw_alloc_fail_at(0);
        if (st != TW_OK && st != TW_ENOMEM) fail_msg("allocation %d: status %d: %s", (int)i, (int)st, tw_error());
        failed += st == TW_ENOMEM;
        char path[512];
        snprintf(path, sizeof path, "%s/run.sqlite", folder_of("memory"));
        if (access(path, F_OK) == 0) must(tw_run_delete(folder_of("memory"), &left));
    }
    assert_true(failed > 20);
    tw_recipe_free(recipe);
}

static int make_home(void **state)
{
    (void)state;
    if (tw_threads_set(1) != TW_OK) return -1; // threads do not survive a fork
    return mkdtemp(home) ? 0 : -1;
}

static int remove_home(void **state)
{
    (void)state;
    char line[64];
    snprintf(line, sizeof line, "rm -rf %s", home);
    return system(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_change_no_bit_of_the_weights),
        cmocka_unit_test(a_killed_run_resumes_to_the_same_bits),
        cmocka_unit_test(a_run_that_is_asked_to_stop_can_go_on_and_grow),
        cmocka_unit_test(every_rule_schedule_and_sampling_resumes_to_the_same_bits),
        cmocka_unit_test(patience_ends_a_run_early_and_is_said_once),
        cmocka_unit_test(a_run_that_patience_ended_goes_on_with_more),
        cmocka_unit_test(probes_measure_what_they_say),
        cmocka_unit_test(noise_against_the_hessian),
        cmocka_unit_test(along_and_overshoot_on_a_quadratic),
        cmocka_unit_test(steps_along_directions_of_a_quadratic_are_the_parabola),
        cmocka_unit_test(divergence_is_kept_with_the_sharpness_there),
        cmocka_unit_test(a_recipe_that_cannot_be_leaves_no_run),
        cmocka_unit_test(a_failed_allocation_ends_a_run_with_a_message),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
