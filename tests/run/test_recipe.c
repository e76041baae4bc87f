// SPDX-License-Identifier: MIT
// Recipes: what is accepted, what is refused in which words, and that nothing is lost on the way out and in.
#include "base/alloc.h"
#include "test.h"
#include "thalweg/run.h"

static tw_status parse(const char *text, tw_recipe **out) { return tw_recipe_parse("r.yaml", text, strlen(text), out); }

static const char whole[] = "data:\n"
                            "  source: npz:it's.npz # what it is trained on\n"
                            "  samples: 1000\n"
                            "model: {spec: 'mlp:2-3-2,act=tanh'}\n"
                            "optim.lr: 0.05\n"
                            "seeds: {run: 18446744073709551615}\n"
                            "probes:\n"
                            "  also:\n"
                            "    - kind: loss\n"
                            "      every: 10 steps\n"
                            "    - {kind: loss, every: log 8}\n";

static void a_recipe_says_what_was_written_and_defaults_otherwise(void **state)
{
    (void)state;
    tw_recipe *r = NULL;
    must(parse(whole, &r));
    assert_string_equal(tw_recipe_str(r, "data.source"), "npz:it's.npz");
    assert_int_equal(tw_recipe_int(r, "data.samples"), 1000);
    assert_true(tw_recipe_real(r, "optim.lr") == 0.05);
    assert_true(tw_recipe_seed(r, "seeds.run") == UINT64_MAX);
    assert_int_equal(tw_recipe_items(r), 2);
    assert_int_equal(tw_recipe_cadence(r, "probes.also.1.every").unit, TW_LOG);
    assert_int_equal(tw_recipe_cadence(r, "probes.also.0.every").every, 10);
    assert_false(tw_recipe_has(r, "probes.also.0.samples"));
    assert_int_equal(tw_recipe_int(r, "stop.epochs"), 5);
    assert_false(tw_recipe_given(r, "stop.epochs"));
    assert_true(tw_recipe_given(r, "optim.lr"));
    assert_false(tw_recipe_has(r, "model.weights"));
    assert_false(tw_recipe_flag(r, "data.random_subset"));
    tw_recipe_free(r);
}

static void the_text_of_a_recipe_gives_the_same_recipe(void **state)
{
    (void)state;
    tw_recipe *r = NULL, *again = NULL;
    char *text = NULL, *twice = NULL;
    must(parse(whole, &r));
    must(tw_recipe_set(r, "--set", "name", "null"));
    must(tw_recipe_set(r, "--set", "optim.lr", "0.1000000000000000055511151231257827"));
    must(tw_recipe_text(r, &text));
    must(parse(text, &again));
    must(tw_recipe_text(again, &twice));
    assert_string_equal(text, twice);
    assert_string_equal(tw_recipe_str(again, "name"), "null");
    assert_string_equal(tw_recipe_str(again, "optim.lr"), "0.1");
    assert_int_equal(tw_recipe_items(again), 2);
    free(twice);
    free(text);
    tw_recipe_free(again);
    tw_recipe_free(r);
}

// stop.steps alone is not cut short by the default of stop.epochs, not even after a way through text; both are kept.
static void steps_alone_mean_steps(void **state)
{
    (void)state;
    static const char *const texts[] = {"stop: {steps: 300}\n", "stop: {steps: 300, epochs: 5}\n"};
    for (int i = 0; i < 2; i++) {
        tw_recipe *recipe = NULL, *again = NULL;
        char *text = NULL;
        must(tw_recipe_parse("r", texts[i], strlen(texts[i]), &recipe));
        must(tw_recipe_text(recipe, &text));
        must(tw_recipe_parse("again", text, strlen(text), &again));
        assert_int_equal(tw_recipe_int(again, "stop.steps"), 300);
        assert_int_equal(tw_recipe_given(again, "stop.epochs"), i);
        free(text);
        tw_recipe_free(again);
        tw_recipe_free(recipe);
    }
}

static void a_wrong_recipe_is_refused_with_line_key_and_what_was_expected(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"optim:\n  lrr: 0.1\n",
         "r.yaml: line 2: found \"optim.lrr\", expected a key of a recipe; the nearest is optim.lr"},
        {"\nlr: 0.1\n", "r.yaml: line 2: found \"lr\", expected a key of a recipe; the nearest is optim.lr"},
        {"optm: {lr: 1}\n", "the nearest is optim"},
        {"optim:\n  lr: fast\n", "r.yaml: line 2: optim.lr: found \"fast\", expected a number from 1e-300 to 1e+300"},
        {"optim: {lr: nan}\n", "found \"nan\""},
        {"optim: {lr: -1}\n", "found \"-1\""},
        {"sampling: {batch: 1.5}\n", "line 1: sampling.batch: found \"1.5\", expected a whole number"},
        {"sampling: {batch: 0}\n", "expected a whole number from 1"},
        {"model: {dtype: f23}\n", "model.dtype: found \"f23\", expected one of: f32 f64; the nearest is f32"},
        {"data: {random_subset: perhaps}\n", "expected true or false"},
        {"seeds: {run: -1}\n", "expected a whole number from 0"},
        {"outputs: {log: often}\n", "expected never, N steps, N epochs or log N"},
        {"outputs: {log: 0 steps}\n", "found \"0 steps\""},
        {"optim:\n  lr: 1\n  lr: 2\n", "r.yaml: line 3: optim.lr: found twice, expected once; the first is on line 2"},
        {"optim: 3\n", "r.yaml: line 1: optim: found a value, expected keys and values"},
        {"optim: {lr: [1, 2]}\n", "optim.lr: found a list, expected a value"},
        {"optim: {lr: {a: 1}}\n", "optim.lr: found keys and values, expected a value"},
        {"probes: {also: {kind: loss}}\n", "probes.also: found keys and values, expected a list"},
        {"probes: {also: [loss]}\n", "probes.also: found a value, expected items of keys and values"},
        {"probes: {also: [{}]}\n", "probes.also.0: found no key"},
        {"probes: {also: [{kind: lsos}]}\n", "probes.also.0.kind: found \"lsos\""},
        {"a: &x 1\nb: *x\n", "found \"a\""},
        {"optim: {lr: &x 1}\nloss: {l2: *x}\n", "loss.l2: found an alias, expected a value"},
        {"", "found the end, expected keys and values"},
        {"- 1\n", "found a list, expected keys and values"},
        {"optim: {lr: 1\n", "r.yaml: line 2: "},
        {"optim: {lr: \"1\\0\"}\n", "found a NUL"},
        {"optim: {lr: 1}\n---\noptim: {lr: 1}\n", "found a second document"},
        {"name: \"a\\nb\"\n", "expected text without control characters"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tw_recipe *r = NULL;
        must_fail(parse(bad[i][0], &r), TW_EFORMAT, bad[i][1]);
        assert_null(r);
    }
}

static void words_set_keys_and_are_refused_like_a_file(void **state)
{
    (void)state;
    tw_recipe *r = NULL;
    must(parse(whole, &r));
    must(tw_recipe_set(r, "--set", "optim.lr", "1e-3"));
    assert_true(tw_recipe_real(r, "optim.lr") == 1e-3);
    must(tw_recipe_set(r, "--set", "probes.also.2.kind", "loss"));
    assert_int_equal(tw_recipe_items(r), 3);
    must_fail(tw_recipe_set(r, "--set", "probes.also.4.kind", "loss"), TW_EINVAL, "found item 4, expected 0 to 3");
    must_fail(tw_recipe_set(r, "--set", "optim.rl", "1"), TW_EINVAL, "--set: found \"optim.rl\"");
    must_fail(tw_recipe_set(r, "--set", "optim.lr", ""), TW_EINVAL, "--set: optim.lr: found \"\"");
    must_fail(tw_recipe_set(r, "--set", "", "1"), TW_EINVAL, "expected a key");
    assert_int_equal(tw_recipe_items(r), 3);
    tw_recipe_free(r);
}

static bool due(const char *text, int64_t step)
{
    tw_cadence c;
    must(tw_cadence_parse("test", text, &c));
    return tw_cadence_due(&c, step, 50);
}

// Truth: by hand; for the logarithm, every integer that is a rounded power.
static void cadences_are_functions_of_the_step(void **state)
{
    (void)state;
    assert_true(due("10 steps", 0) && due("10 steps", 20) && !due("10 steps", 21));
    assert_true(due("2 epochs", 0) && due("2 epochs", 100) && !due("2 epochs", 50) && !due("2 epochs", 101));
    assert_false(due("never", 0));
    for (int64_t every = 1; every <= 40; every += 3) {
        char text[32], is[2001] = {0};
        snprintf(text, sizeof text, "log %d", (int)every);
        is[0] = 1;
        for (int64_t j = 0; j <= 4 * every; j++) {
            double power = round(pow(10, (double)j / (double)every));
            if (power <= 2000) is[(int)power] = 1;
        }
        for (int64_t step = 0; step <= 2000; step++) assert_int_equal(due(text, step), is[step]);
    }
}

static void every_default_fits_its_key(void **state)
{
    (void)state;
    const tw_recipe_key *key;
    int64_t count = tw_recipe_keys(&key);
    tw_recipe *r = NULL;
    must(tw_recipe_new(&r));
    for (int64_t i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s", key[i].key);
        char *star = strchr(name, '*');
        if (star) *star = '0';
        if (key[i].fallback) must(tw_recipe_set(r, "default", name, key[i].fallback));
    }
    tw_recipe_free(r);
}

static void a_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    tw_recipe *r = NULL;
    int64_t before = tw_alloc_calls();
    must(parse(whole, &r));
    int64_t calls = tw_alloc_calls() - before;
    tw_recipe_free(r);
    for (int64_t i = 1; i <= calls; i++) {
        r = NULL;
        tw_alloc_fail_at(i);
        assert_int_equal(parse(whole, &r), TW_ENOMEM);
        tw_alloc_fail_at(0);
        assert_null(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recipe_says_what_was_written_and_defaults_otherwise),
        cmocka_unit_test(the_text_of_a_recipe_gives_the_same_recipe),
        cmocka_unit_test(steps_alone_mean_steps),
        cmocka_unit_test(a_wrong_recipe_is_refused_with_line_key_and_what_was_expected),
        cmocka_unit_test(words_set_keys_and_are_refused_like_a_file),
        cmocka_unit_test(cadences_are_functions_of_the_step),
        cmocka_unit_test(every_default_fits_its_key),
        cmocka_unit_test(a_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
