// SPDX-License-Identifier: MIT
// Images moved in training: each pixel where the formula puts it, draws as uniform as they say, and the same bits for
// any order, thread or stop.
#include "../curv/toy.h"

#include "thalweg/train.h"
#include "thalweg/trainer.h"
#include "train/augment.h"

#include <unistd.h>

static tw_augment words(const char *text)
{
    tw_augment a;
    must(tw_augment_read(text, &a));
    return a;
}

// Truth: the definition, pixel by pixel, on images of small integers in both layouts.
static void every_pixel_comes_from_where_the_formula_says(void **state)
{
    (void)state;
    enum { C = 2, H = 3, W = 4 };
    for (int last = 0; last < 2; last++)
        for (int flip = 0; flip < 2; flip++)
            for (int down = -3; down <= 3; down++)
                for (int right = -4; right <= 4; right++) {
                    float from[C * H * W], to[C * H * W];
                    tw_move move = {flip, down, right};
                    for (int i = 0; i < C * H * W; i++) {
                        from[i] = (float)(i + 1);
                        to[i] = -1;
                    }
                    tw_augment_move(&move, last ? 1 : C, H, W, last ? C : 1, 4, from, to);
                    for (int c = 0; c < C; c++)
                        for (int i = 0; i < H; i++)
                            for (int j = 0; j < W; j++) {
                                int r = i - down, s = j - right, at;
                                bool inside = r >= 0 && r < H && s >= 0 && s < W;
                                if (flip) s = W - 1 - s;
                                at = last ? (r * W + s) * C + c : (c * H + r) * W + s;
                                float truth = inside ? from[at] : 0;
                                assert_true(to[last ? (i * W + j) * C + c : (c * H + i) * W + j] == truth);
                            }
                }
}

// Truth: counts of independent draws are binomial. With 5 standard deviations and 29 counts the test fails by chance
// once in 60 000 seeds; the seed is fixed.
static void flips_and_shifts_are_uniform_and_independent(void **state)
{
    (void)state;
    enum { N = 20000, R = 2, SIDES = 2 * R + 1 };
    tw_augment a = words("shift:2,flip");
    int count[2][SIDES][SIDES] = {{{0}}};
    for (int i = 0; i < N; i++) {
        tw_move m = tw_augment_draw(&a, 17, i % 5, i / 5);
        assert_true(m.down >= -R && m.down <= R && m.right >= -R && m.right <= R);
        count[m.flip][m.down + R][m.right + R]++;
    }
    double p = 1.0 / (2 * SIDES * SIDES), sd = sqrt(N * p * (1 - p));
    for (int f = 0; f < 2; f++)
        for (int d = 0; d < SIDES; d++)
            for (int r = 0; r < SIDES; r++) assert_near(count[f][d][r], N * p, 5 * sd);
}

static void a_draw_is_a_function_of_seed_epoch_and_sample_and_of_no_other_word(void **state)
{
    (void)state;
    tw_augment both = words("flip,shift:3"), flip = words("flip"), shift = words("shift:3"), none = words("none");
    int other[3] = {0};
    for (int i = 0; i < 200; i++) {
        tw_move m = tw_augment_draw(&both, 4, 2, i);
        tw_move again = tw_augment_draw(&both, 4, 2, i), f = tw_augment_draw(&flip, 4, 2, i);
        tw_move s = tw_augment_draw(&shift, 4, 2, i), n = tw_augment_draw(&none, 4, 2, i);
        assert_true(m.flip == again.flip && m.down == again.down && m.right == again.right);
        assert_true(f.flip == m.flip && f.down == 0 && f.right == 0);
        assert_true(!s.flip && s.down == m.down && s.right == m.right);
        assert_true(!n.flip && n.down == 0 && n.right == 0);
        tw_move seed = tw_augment_draw(&both, 5, 2, i), epoch = tw_augment_draw(&both, 4, 3, i);
        tw_move sample = tw_augment_draw(&both, 4, 2, i + 1);
        other[0] += seed.flip != m.flip || seed.down != m.down || seed.right != m.right;
        other[1] += epoch.flip != m.flip || epoch.down != m.down || epoch.right != m.right;
        other[2] += sample.flip != m.flip || sample.down != m.down || sample.right != m.right;
    }
    // 97 of 98 moves differ; fewer than 150 of 200 has probability below 1e-80.
    for (int i = 0; i < 3; i++) assert_true(other[i] >= 150);
}

static void words_and_data_that_do_not_fit_are_named(void **state)
{
    (void)state;
    tw_augment a = {true, 7};
    must_fail(tw_augment_read("flop", &a), TW_EINVAL, "found \"flop\", expected none, flip or shift:PIXELS; did you");
    must_fail(tw_augment_read("flip,", &a), TW_EINVAL, "found \"\"");
    must_fail(tw_augment_read("", &a), TW_EINVAL, "found \"\"");
    must_fail(tw_augment_read("flip,flip", &a), TW_EINVAL, "found flip twice");
    must_fail(tw_augment_read("shift:1,shift:2", &a), TW_EINVAL, "found shift twice");
    must_fail(tw_augment_read("shift", &a), TW_EINVAL, "expected pixels from 1");
    must_fail(tw_augment_read("shift:0", &a), TW_EINVAL, "found \"0\"");
    must_fail(tw_augment_read("shift:2x", &a), TW_EINVAL, "found \"2x\"");
    must_fail(tw_augment_read("flip:2", &a), TW_EINVAL, "found \"flip:2\"");
    assert_true(a.flip && a.shift == 7); // untouched

    toy t;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = tw_trainer_defaults();
    opts.augment = "flip";
    toy_open(&t, "mlp:16-2", 8, 16, 2, 0, toy_opts(4));
    must_fail(tw_trainer_new(t.net, &t.data, &opts, &trainer), TW_EINVAL,
              "augment flip: data toy: found samples of 1 x 1 x 16 numbers, expected images");
    t.data.height = t.data.width = 4;
    opts.augment = "shift:4";
    must_fail(tw_trainer_new(t.net, &t.data, &opts, &trainer), TW_EINVAL, "found images of 4 x 4 pixels");
    toy_close(&t);
}

// A convolution (channel last inside), and a dense network (channel first) on the same images.
static const char *const models[] = {"seq:conv(4,3,pad=same) relu dense(3)", "mlp:50-6-3,act=tanh"};

static void open_images(toy *t, int model, int real) { toy_open_images(t, models[model], 40, 2, 5, 3, toy_opts(real)); }

// Truth: the same steps on data that was moved beforehand, which for one epoch is the same thing.
static void steps_are_those_on_images_moved_beforehand(void **state)
{
    (void)state;
    for (int model = 0; model < 2; model++) {
        double *w[2] = {NULL, NULL};
        for (int before = 0; before < 2; before++) {
            toy t;
            tw_trainer *trainer = NULL;
            tw_step step;
            tw_trainer_opts opts = tw_trainer_defaults();
            tw_augment a = words("flip,shift:2");
            open_images(&t, model, 4);
            opts.batch = 16;
            opts.seed = 3;
            opts.first_epoch = 6;
            opts.optim = "sam:rho=0.1"; // two gradients a step, of the same images
            if (before) {
                for (int64_t i = 0; i < t.data.m; i++) {
                    double image[50], *x = (double *)t.data.x + i * 50;
                    tw_move move = tw_augment_draw(&a, opts.seed, 6, i);
                    memcpy(image, x, sizeof image);
                    tw_augment_move(&move, 2, 5, 5, 1, 8, image, x);
                }
            } else {
                opts.augment = "flip,shift:2";
            }
            must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
            do must(tw_trainer_step(trainer, &step));
            while (!step.epoch_end);
            must(tw_alloc(t.n, sizeof(double), &w[before]));
            tw_net_get_weights(t.net, w[before]);
            if (before) assert_memory_equal(w[0], w[1], (size_t)t.n * sizeof(double));
            tw_trainer_free(trainer);
            toy_close(&t);
        }
        free(w[0]);
        free(w[1]);
    }
}

// Truth: one thread. Shards of 4 samples, so that threads do share a batch; then the state is moved to a new trainer in
// the middle of an epoch.
static void bits_do_not_depend_on_threads_nor_on_a_stop(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    double *first = NULL;
    for (int i = 0; i < 5; i++) {
        toy t;
        tw_trainer *trainer = NULL;
        tw_step step;
        tw_arrays *saved = NULL;
        tw_trainer_opts opts = tw_trainer_defaults();
        tw_net_opts net = toy_opts(4);
        net.shard = 4;
        must(tw_threads_set(threads[i % 4]));
        toy_open_images(&t, models[0], 40, 2, 5, 3, net);
        opts.batch = 16;
        opts.augment = "shift:1,flip";
        must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
        for (int s = 0; s < 8; s++) {
            if (i == 4 && s == 4) {
                must(tw_trainer_save_state(trainer, &saved));
                tw_trainer_free(trainer);
                must(tw_net_set_weights(t.net, t.w));
                must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
                must(tw_trainer_load_state(trainer, saved));
                tw_arrays_free(saved);
            }
            must(tw_trainer_step(trainer, &step));
        }
        tw_trainer_free(trainer);
        tw_net_get_weights(t.net, t.w);
        if (!first) {
            must(tw_alloc(t.n, sizeof *first, &first));
            memcpy(first, t.w, (size_t)t.n * sizeof *first);
        }
        assert_memory_equal(first, t.w, (size_t)t.n * sizeof *first);
        toy_close(&t);
    }
    must(tw_threads_set(1));
    free(first);
}

static bool stop_after(void *ctx, const char *what, double done, double total)
{
    (void)what, (void)total;
    return done < *(double *)ctx;
}

// A recorded run: stopped and resumed to the bits of the whole; probes see the samples as they are, so the losses
// before the first step are those without augmentation.
static void a_recorded_run_resumes_and_its_probes_see_samples_as_they_are(void **state)
{
    (void)state;
    char home[] = "/tmp/test_augment.XXXXXX", file[64], text[1024], folder[64], name[128];
    assert_non_null(mkdtemp(home));
    double x[20 * 16], y[20], *w[3] = {NULL}, loss[3], limit = 5;
    tw_rng rng = tw_rng_at(1, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, 20 * 16, x);
    for (int i = 0; i < 20; i++) y[i] = i % 2 ? 1 : -1;
    const tw_array array[] = {{.name = (char *)(uintptr_t) "x", .rank = 3, .shape = {20, 4, 4}, .real = 8, .x = x},
                              {.name = (char *)(uintptr_t) "y", .rank = 1, .shape = {20}, .real = 8, .x = y}};
    snprintf(file, sizeof file, "%s/images.npz", home);
    must(tw_arrays_save(file, 2, array));
    for (int i = 0; i < 3; i++) { // 0 whole, 1 stopped and resumed, 2 without augmentation
        tw_recipe *recipe = NULL;
        tw_recorded result;
        tw_run *run = NULL;
        tw_series *series = NULL;
        char *said = NULL;
        tw_arrays *weights = NULL;
        snprintf(text, sizeof text,
                 "data: {source: \"npz:%s\"}\nmodel: {spec: \"seq:conv(2,3) relu dense(1)\", dtype: f64}\n"
                 "optim: {lr: 0.05}\nsampling: {batch: 6, augment: \"%s\"}\nstop: {epochs: 3}\n"
                 "probes: {also: [{kind: loss, every: 1 steps}]}\n",
                 file, i < 2 ? "flip,shift:1" : "none");
        must(tw_recipe_parse("test", text, strlen(text), &recipe));
        snprintf(folder, sizeof folder, "%s/%d", home, i);
        if (i == 1) {
            must_fail(tw_record(recipe, folder, (tw_progress){stop_after, &limit}, &result), TW_ESTOPPED, "after step");
            must(tw_record_resume(folder, NULL, (tw_progress){NULL, NULL}, &result));
        } else {
            must(tw_record(recipe, folder, (tw_progress){NULL, NULL}, &result));
        }
        assert_int_equal(result.steps, 12);
        must(tw_run_open(folder, false, &run));
        must(tw_run_load_text(run, "augmentation", &said));
        assert_true(i == 2 ? !said : said && strstr(said, "curvature see the samples as they are"));
        must(tw_run_series(run, "train/loss", 1, &series));
        loss[i] = series->value[0];
        tw_series_free(series);
        must(tw_run_close(run));
        snprintf(name, sizeof name, "%s/weights-12.safetensors", folder);
        must(tw_arrays_load(name, &weights));
        must(tw_alloc(weights->array[0].shape[0], 9 * sizeof(double), &w[i]));
        memcpy(w[i], weights->array[0].x, 18 * sizeof(double));
        tw_arrays_free(weights);
        tw_recipe_free(recipe);
        free(said);
    }
    assert_memory_equal(w[0], w[1], 18 * sizeof(double));
    assert_memory_not_equal(w[0], w[2], 18 * sizeof(double));
    assert_true(loss[0] == loss[2] && loss[1] == loss[2]);
    for (int i = 0; i < 3; i++) free(w[i]);
    snprintf(text, sizeof text, "rm -r %s", home);
    assert_int_equal(system(text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pixel_comes_from_where_the_formula_says),
        cmocka_unit_test(flips_and_shifts_are_uniform_and_independent),
        cmocka_unit_test(a_draw_is_a_function_of_seed_epoch_and_sample_and_of_no_other_word),
        cmocka_unit_test(words_and_data_that_do_not_fit_are_named),
        cmocka_unit_test(steps_are_those_on_images_moved_beforehand),
        cmocka_unit_test(bits_do_not_depend_on_threads_nor_on_a_stop),
        cmocka_unit_test(a_recorded_run_resumes_and_its_probes_see_samples_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
