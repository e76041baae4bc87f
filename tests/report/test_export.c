// SPDX-License-Identifier: MIT
// What other programs are given: every number, to the bit, in their own form.
#include "report/export.h"
#include "test.h"
#include "thalweg/data.h"

#include <unistd.h>

static char home[] = "/tmp/test_export.XXXXXX";

static tw_run *make_run(void)
{
    tw_run *run = NULL;
    char path[64];
    const double curve[2] = {0.1, 1.0 / 3};
    snprintf(path, sizeof path, "%s/run", home);
    must(tw_run_new(path, &run));
    must(tw_run_put_scalar(run, "a/b", 1, 1.0 / 3, 0.25));
    must(tw_run_put_scalar(run, "a/b", 2, NAN, NAN));
    must(tw_run_put_scalar(run, "a/b", 30, -INFINITY, NAN));
    must(tw_run_put_curve(run, "c", 5, 2, curve));
    return run;
}

static char *slurp(const char *file, size_t *size)
{
    static char text[4096], path[128];
    snprintf(path, sizeof path, "%s/%s", home, file);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    *size = fread(text, 1, sizeof text - 1, stream);
    text[*size] = '\0';
    fclose(stream);
    return text;
}

// Truth: RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
static void the_checksum_has_the_published_values(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    assert_true(tw_crc32c("123456789", 9) == 0xe3069283u);
    assert_true(tw_crc32c(bytes, 32) == 0x8a9136aau);
    memset(bytes, 0xff, 32);
    assert_true(tw_crc32c(bytes, 32) == 0x62a8ab43u);
}

static void every_form_holds_every_number(void **state)
{
    (void)state;
    tw_run *run = make_run();
    tw_arrays *arrays = NULL;
    char path[128];
    size_t size;
    snprintf(path, sizeof path, "%s/a.csv", home);
    must(tw_export_csv(run, path));
    assert_string_equal(slurp("a.csv", &size), "series,step,value,error\na/b,1,0.33333333333333331,0.25\na/b,2,,\n"
                                               "a/b,30,-inf,\n");
    snprintf(path, sizeof path, "%s/a.jsonl", home);
    must(tw_export_jsonl(run, path));
    assert_string_equal(slurp("a.jsonl", &size),
                        "{\"series\":\"a/b\",\"step\":1,\"value\":0.33333333333333331,\"error\":0.25}\n"
                        "{\"series\":\"a/b\",\"step\":2,\"value\":null,\"error\":null}\n"
                        "{\"series\":\"a/b\",\"step\":30,\"value\":null,\"error\":null}\n"
                        "{\"series\":\"c\",\"step\":5,\"x\":[0.10000000000000001,0.33333333333333331]}\n");
    snprintf(path, sizeof path, "%s/a.npz", home);
    must(tw_export_npz(run, path));
    must(tw_arrays_load(path, &arrays));
    const tw_array *value = tw_arrays_find(arrays, "a.b.value"), *step = tw_arrays_find(arrays, "a.b.step");
    assert_int_equal(value->shape[0], 3);
    assert_true(((double *)value->x)[0] == 1.0 / 3 && isnan(((double *)value->x)[1]));
    assert_true(((double *)step->x)[2] == 30);
    assert_true(((double *)tw_arrays_find(arrays, "c.5")->x)[1] == 1.0 / 3);
    tw_arrays_free(arrays);
    snprintf(path, sizeof path, "%s/board", home);
    must(tw_export_tensorboard(run, path));
    const char *event = slurp("board/events.out.tfevents.0.thalweg", &size);
    // Truth: by hand from the format; the length of the first record, and the float nearest to 1/3 in the second.
    assert_memory_equal(event, "\x1a\0\0\0\0\0\0\0", 8);
    assert_memory_equal(event + 23,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15);
    const float third = (float)(1.0 / 3);
    bool found = false;
    for (size_t i = 42; i + 4 < size; i++) found = found || memcmp(event + i, &third, 4) == 0;
    assert_true(found);
    must(tw_run_close(run));
}

static int make_home(void **state)
{
    (void)state;
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
        cmocka_unit_test(the_checksum_has_the_published_values),
        cmocka_unit_test(every_form_holds_every_number),
    };
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
