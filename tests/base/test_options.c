// SPDX-License-Identifier: MIT
// Options of programs that were built on other headers.
#include "base/options.h"
#include "test.h"

typedef struct options { // of this library
    size_t size;
    double rate;
    int64_t count;
    const char *word;
} options;

typedef struct newer {
    options known;
    int64_t more;
    double most;
} newer;

static const options defaults = {sizeof defaults, 0.1, 5, "shuffle"};

static void options_of_older_headers_get_defaults_for_what_they_lack(void **state)
{
    (void)state;
    const options given = {offsetof(options, count), 0.7, -99, "never read"};
    options own = defaults;
    must(tw_options_take("tw_some_opts", &given, sizeof own, &own));
    assert_true(own.rate == 0.7);
    assert_int_equal(own.count, 5);
    assert_string_equal(own.word, "shuffle");
    assert_int_equal(own.size, sizeof own);
}

static void options_of_newer_headers_are_taken_unless_they_ask_for_more(void **state)
{
    (void)state;
    newer given = {{sizeof given, 0.7, 3, "ordered"}, 0, 0};
    options own = defaults;
    must(tw_options_take("tw_some_opts", &given, sizeof own, &own));
    assert_true(own.rate == 0.7 && own.count == 3);
    assert_int_equal(own.size, sizeof own);
    given.most = 1e-300;
    own = defaults;
    assert_int_equal(tw_options_take("tw_some_opts", &given, sizeof own, &own), TW_EINVAL);
    assert_non_null(strstr(tw_error(), "tw_some_opts: found 48 bytes"));
    assert_true(own.rate == 0.1); // untouched
}

static void without_options_there_are_the_defaults_and_without_a_size_a_message(void **state)
{
    (void)state;
    const size_t wrong[] = {0, 1, sizeof(size_t), (size_t)-1, 1u << 20};
    options own = defaults, given = defaults;
    must(tw_options_take("tw_some_opts", NULL, sizeof own, &own));
    assert_memory_equal(&own, &defaults, sizeof own);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        given.size = wrong[i];
        assert_int_equal(tw_options_take("tw_some_opts", &given, sizeof own, &own), TW_EINVAL);
        assert_non_null(strstr(tw_error(), "tw_some_opts.size: found"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_older_headers_get_defaults_for_what_they_lack),
        cmocka_unit_test(options_of_newer_headers_are_taken_unless_they_ask_for_more),
        cmocka_unit_test(without_options_there_are_the_defaults_and_without_a_size_a_message),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
