// SPDX-License-Identifier: MIT
// Rows of text, against a file that Python's csv module wrote and rows spelled out here.
#include "fixture.h"

#include "data/raw.h"

static tw_status parse(const char *text, const tw_csv_opts *opts, tw_raw *out)
{
    size_t size = strlen(text);
    uint8_t *copy = malloc(size + 1); // without the final zero, so that a sanitizer sees a reader that looks further
    memcpy(copy, text, size);
    tw_status st = tw_csv_parse("f", copy, size, opts, NULL, out);
    free(copy);
    return st;
}

static void holds(const tw_raw *raw, int64_t m, int64_t features, const double *x)
{
    assert_int_equal(raw->m, m);
    assert_int_equal(raw->features, features);
    for (int64_t i = 0; i < m * features; i++)
        if (((double *)raw->x)[i] != x[i]) fail_msg("x[%d]: found %g, truth %g", (int)i, ((double *)raw->x)[i], x[i]);
}

static void a_quoted_file_with_a_header_is_read_by_column_name(void **state)
{
    (void)state;
    tw_bytes file = fixture_bytes("flowers.csv");
    tw_csv_opts opts = {.separator = 0, .header = -1, .label = "kind"};
    tw_raw raw = {0};
    must(tw_csv_parse("f", file.data, file.size, &opts, NULL, &raw));
    holds(&raw, 3, 2, (double[]){1.5, -2000, 0.25, 7, 3, 0});
    assert_int_equal(raw.classes, 2);
    assert_string_equal(raw.names.name[0], "aster"); // sorted
    assert_string_equal(raw.names.name[1], "rose; red");
    assert_int_equal(raw.label[0], 1);
    assert_int_equal(raw.label[1], 0);
    assert_int_equal(raw.label[2], 1);
    tw_raw_free(&raw);
    tw_bytes_free(&file);
}

// The same three samples in every dress.
static void separators_ends_of_lines_and_headers_do_not_matter(void **state)
{
    (void)state;
    static const struct {
        const char *text, *label;
        int separator, header;
    } cases[] = {
        {"1,2,a\n3,4,b\n5,6,a\n", "last", 0, -1},
        {"1,2,a\n3,4,b\n5,6,a", "3", ',', 0},
        {"\xef\xbb\xbfp,q,kind\r\n1,2,a\r\n\r\n3,4,b\r\n5,6,a\r\n\r\n", "kind", 0, -1},
        {"a;1;2\nb;3;4\na;5;6\n", "1", 0, 0},
        {"1\ta\t2\n3\tb\t4\n5\ta\t6\n", "2", '\t', -1},
        {"  1.0e0   2  a \n 3 \t 4 b\n5 6 a\n", "last", 0, -1},
        {" 1 , 2 , \"a\" \n3,+4,b\n5,6.,a\n", "3", 0, -1},
        {"\"p\",\"q\",\"r\"\n\"1\",\"2\",\"a\"\n3,4,b\n5,6,a\n", "r", 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_csv_opts opts = {.separator = cases[i].separator, .header = cases[i].header, .label = cases[i].label};
        tw_raw raw = {0};
        must(parse(cases[i].text, &opts, &raw));
        holds(&raw, 3, 2, (double[]){1, 2, 3, 4, 5, 6});
        assert_true(raw.label[0] == 0 && raw.label[1] == 1 && raw.label[2] == 0);
        tw_raw_free(&raw);
    }
}

static void classes_that_are_numbers_are_sorted_by_value(void **state)
{
    (void)state;
    tw_csv_opts opts = {.header = -1, .label = "last"};
    tw_raw raw = {0};
    must(parse("0,10\n0,9\n0,-1\n0,10\n", &opts, &raw));
    assert_int_equal(raw.classes, 3);
    assert_true(raw.label[0] == 2 && raw.label[1] == 1 && raw.label[2] == 0 && raw.label[3] == 2);
    tw_raw_free(&raw);
}

static void a_target_column_makes_a_regression(void **state)
{
    (void)state;
    tw_csv_opts opts = {.header = -1, .label = "y", .regression = true};
    tw_raw raw = {0};
    must(parse("x,y,z\n1,0.5,2\n3,-1e-3,4\n", &opts, &raw));
    holds(&raw, 2, 2, (double[]){1, 2, 3, 4});
    assert_null(raw.label);
    assert_int_equal(raw.classes, 0);
    assert_int_equal(raw.targets, 1);
    assert_true(raw.target[0] == 0.5 && raw.target[1] == -1e-3);
    tw_raw_free(&raw);
}

static void wrong_rows_are_named_by_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *label, *message;
        int header;
    } cases[] = {
        {"", "last", "found no rows", -1},
        {"\n \n", "last", "found no rows", -1},
        {"a,b,c\n", "last", "found a header and no rows", -1},
        {"1\n2\n", "last", "line 1: found 1 column, expected at least one feature", -1},
        {"1,2\n3,x\n", "1", "line 2, column 2: found \"x\", expected a finite number", -1},
        {"1,2\n\nnan,4\n", "last", "line 3, column 1: found \"nan\", expected a finite number", -1},
        {"1,2\ninf,4\n", "last", "line 2, column 1: found \"inf\"", -1},
        {"1,2\n1e999,4\n", "last", "line 2, column 1: found \"1e999\"", -1},
        {"1,2\n0x10,4\n", "last", "line 2, column 1: found \"0x10\"", -1},
        {"1,2\n,4\n", "last", "line 2, column 1: found \"\"", -1},
        {"1,2\n3,\n", "last", "line 2, column 2: found \"\", expected a class", -1},
        {"1,2,3\n4,5\n", "last", "line 2: found 2 columns, expected 3 as in the first line", -1},
        {"1,2,3\n4,5,6,7\n", "last", "line 2: found 4 columns, expected 3", -1},
        {"1,2\n\"3,4\n", "last", "line 2, column 1: found \"3,4\", expected a closing quote", -1},
        {"1,2\n\"3\"5,4\n", "last", "expected a separator after the quoted field", -1},
        {"?,2,3\n4,5,6\n", "last", "line 1, column 1: found \"?\", expected a finite number", -1},
        {"p,q\n1,2\n", "r", "found no column \"r\", expected a name in the header, 1 to 2 or last", -1},
        {"1,2\n1,2\n", "3", "found no column \"3\", expected 1 to 2 or last", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_csv_opts opts = {.header = cases[i].header, .label = cases[i].label};
        tw_raw raw = {0};
        tw_status st = parse(cases[i].text, &opts, &raw);
        assert_true(st == TW_EFORMAT || st == TW_EINVAL);
        if (!strstr(tw_error(), cases[i].message))
            fail_msg("case %zu: message \"%s\" lacks \"%s\"", i, tw_error(), cases[i].message);
        assert_null(raw.x);
        assert_null(raw.names.name);
    }
}

static void test_rows_have_the_classes_of_the_training_part(void **state)
{
    (void)state;
    tw_csv_opts opts = {.header = -1, .label = "last"};
    char *known_name[] = {(char *)"a", (char *)"b", (char *)"c"};
    const tw_names known = {3, known_name};
    tw_raw raw = {0};
    must(tw_csv_parse("f", (const uint8_t *)"1,c\n2,c", 7, &opts, &known, &raw));
    assert_int_equal(raw.classes, 3);
    assert_int_equal(raw.label[0], 2);
    tw_raw_free(&raw);
    must_fail(tw_csv_parse("f", (const uint8_t *)"1,c\n2,d", 7, &opts, &known, &raw), TW_EFORMAT,
              "line 2, column 2: found \"d\", expected a class of the training part");
}

static tw_status reads_csv(const uint8_t *data, size_t size)
{
    tw_csv_opts opts = {.header = -1, .label = "last"};
    tw_raw raw = {0};
    tw_status st = tw_csv_parse("f", data, size, &opts, NULL, &raw);
    tw_raw_free(&raw);
    return st == TW_EINVAL ? TW_EFORMAT : st;
}

static void a_failing_allocation_and_a_flipped_bit_are_survived(void **state)
{
    (void)state;
    char text[] = "x,\"y\",z\n1,2,a\n3,4,b\n5,6,c\n";
    uint8_t *copy = malloc(sizeof text - 1);
    memcpy(copy, text, sizeof text - 1);
    tw_bytes whole = {.data = copy, .size = sizeof text - 1};
    every_failing_allocation_is_reported(&whole, reads_csv);
    (void)flipped_bits_accepted(&whole, reads_csv);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quoted_file_with_a_header_is_read_by_column_name),
        cmocka_unit_test(separators_ends_of_lines_and_headers_do_not_matter),
        cmocka_unit_test(classes_that_are_numbers_are_sorted_by_value),
        cmocka_unit_test(a_target_column_makes_a_regression),
        cmocka_unit_test(wrong_rows_are_named_by_line_and_column),
        cmocka_unit_test(test_rows_have_the_classes_of_the_training_part),
        cmocka_unit_test(a_failing_allocation_and_a_flipped_bit_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
