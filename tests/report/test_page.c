// SPDX-License-Identifier: MIT
// The page: one file, nothing lost, nothing taken for markup, nothing half written.
#include "base/json.h"
#include "report/page.h"
#include "test.h"

#include <unistd.h>

static char folder[] = "/tmp/test_page.XXXXXX";
static char page_path[128], result_path[128], figure_path[128];

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static char *get(const char *path)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static const char result[] =
    "{\"parameters\": 30, \"samples\": 4, \"matrix\": \"hessian\", \"loss\": 0.5, \"eigenvalues\": [2.25, -0.125],"
    "\"residuals\": [1e-6, 0.5], \"converged\": [true, false], \"intervals\": [[2.2, 2.3], [-0.2, 0]],"
    "\"trace\": {\"estimate\": 3.5, \"stderr\": 0.25}, \"products\": 7, \"seconds\": 1, \"recipe\": \"thalweg <&> "
    "\\\"a\\\"\","
    "\"network\": {\"model\": \"mlp:2-<b>\"}, \"data\": {\"name\": \"d\", \"checksum\": \"00ff\"}, \"version\": \"0\"}";

static void every_eigenvalue_stands_with_its_certificate(void **state)
{
    (void)state;
    char *const files[] = {result_path};
    put(result_path, result);
    must(tw_page_write(page_path, "title", 1, files));
    char *page = get(page_path);
    const char *const parts[] = {"<td>2.25</td><td>1.00e-06</td>", "[2.2, 2.3]", "class=\"yes\">yes", ">−0.125</td>",
                                 "class=\"no\">not converged",     "Hessian H",  "3.5 ± 0.25",        "00ff"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(page, parts[i])) fail_msg("the page lacks %s", parts[i]);
    free(page);
}

static void text_is_never_markup(void **state)
{
    (void)state;
    char *const files[] = {result_path};
    put(result_path, result);
    must(tw_page_write(page_path, "<script>", 1, files));
    char *page = get(page_path);
    assert_null(strstr(page, "<script>"));
    assert_null(strstr(page, "<b>"));
    assert_non_null(strstr(page, "thalweg &lt;&amp;&gt; &quot;a&quot;"));
    free(page);
}

// Truth: RFC 4648 section 10, the vectors of base64 by length modulo 3.
static void a_figure_is_inside_the_page(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    char *const files[] = {result_path};
    put(result_path, result);
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        char wanted[64];
        put(figure_path, pair[i][0]);
        must(tw_page_write(page_path, "title", 1, files));
        char *page = get(page_path);
        snprintf(wanted, sizeof wanted, "src=\"data:image/svg+xml;base64,%s\"", pair[i][1]);
        if (!strstr(page, wanted)) fail_msg("the page lacks %s", wanted);
        free(page);
    }
    unlink(figure_path);
}

static void a_result_of_another_kind_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    char *const files[] = {result_path};
    put(result_path, "{\"a\": 1}");
    unlink(page_path);
    must_fail(tw_page_write(page_path, "title", 1, files), TW_EFORMAT,
              "expected a result of thalweg spectrum or train");
    assert_int_not_equal(access(page_path, F_OK), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(page_path, sizeof page_path, "%s/index.html", folder);
    snprintf(result_path, sizeof result_path, "%s/r.json", folder);
    snprintf(figure_path, sizeof figure_path, "%s/r.svg", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(page_path);
    unlink(result_path);
    return rmdir(folder); // fails if anything else was left behind
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_eigenvalue_stands_with_its_certificate),
        cmocka_unit_test(text_is_never_markup),
        cmocka_unit_test(a_figure_is_inside_the_page),
        cmocka_unit_test(a_result_of_another_kind_is_refused_and_nothing_is_written),
    };
    return cmocka_run_group_tests_name("page", tests, make_folder, remove_folder);
}
