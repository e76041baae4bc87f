// SPDX-License-Identifier: MIT
// Figures: drawn whole or not at all, in the format of their name, with their numbers as CSV.
#include "report/figure.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_figure.XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

enum { POINTS = 400 };
static double log_x[POINTS], log_y[POINTS], log_low[POINTS], log_high[POINTS];
static double lin_x[POINTS], lin_y[POINTS], lin_low[POINTS], lin_high[POINTS];

// A bulk at 0 with a small negative side and ten outliers, as trained networks have.
static tw_figure_spectrum made_up(void)
{
    static const double value[] = {41.2, 18.7, 15.1, 11.9, 8.03, 6.6, 6.1, 3.2, 2.9, 1.1};
    static const double residual[] = {0.001, 0.001, 0.002, 0.01, 0.01, 0.01, 0.02, 0.03, 0.1, 0.3};
    static const bool converged[] = {true, true, true, true, true, true, true, true, true, false};
    for (int i = 0; i < POINTS; i++) {
        double s = -2.5 + 6.5 * i / (POINTS - 1), x = copysign(1e-3 * (pow(10, fabs(s)) - 1), s);
        log_x[i] = x;
        log_y[i] = 0.6 * exp(-s * s / 0.8);
        for (int j = 0; j < 10; j++) {
            double sj = log10(1 + value[j] / 1e-3);
            log_y[i] += 4e-5 * exp(-(s - sj) * (s - sj) / 0.003);
        }
        log_low[i] = log_y[i] * 0.7 - 1e-7;
        log_high[i] = log_y[i] * 1.3 + 1e-6;
        lin_x[i] = -2 + 46.0 * i / (POINTS - 1);
        lin_y[i] = 3 * exp(-lin_x[i] * lin_x[i] / 0.02);
        for (int j = 0; j < 10; j++) lin_y[i] += 4e-5 * exp(-pow(lin_x[i] - value[j], 2) / 0.1);
        lin_low[i] = 0.8 * lin_y[i];
        lin_high[i] = 1.2 * lin_y[i] + 1e-7;
    }
    return (tw_figure_spectrum){.title = "Hessian of mlp:784-128-10,act=relu on fashion-mnist_x",
                                .subtitle = "101,770 parameters, 4,096 samples, loss 0.312 (made up for a test)",
                                .threshold = 1e-3,
                                .confidence = 0.95,
                                .log = {POINTS, log_x, log_y, log_low, log_high},
                                .linear = {POINTS, lin_x, lin_y, lin_low, lin_high},
                                .pairs = 10,
                                .value = value,
                                .residual = residual,
                                .converged = converged};
}

static long begins_with(const char *path, const char *magic)
{
    char head[8] = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(fread(head, 1, sizeof head, file) > 0);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    assert_memory_equal(head, magic, strlen(magic));
    return size;
}

// Truth: the magic numbers of the three formats (W3C SVG 1.1 is XML, ISO 32000-1 section 7.5.2, RFC 2083 section 3.1).
static void the_ending_of_the_path_is_the_format(void **state)
{
    (void)state;
    tw_figure_spectrum spectrum = made_up();
    must(tw_figure_draw_spectrum(&spectrum, in_folder("a.svg"), in_folder("a.csv")));
    must(tw_figure_draw_spectrum(&spectrum, in_folder("a.pdf"), NULL));
    must(tw_figure_draw_spectrum(&spectrum, in_folder("a.png"), NULL));
    assert_true(begins_with(in_folder("a.svg"), "<?xml") > 1000);
    assert_true(begins_with(in_folder("a.pdf"), "%PDF-") > 1000);
    assert_true(begins_with(in_folder("a.png"), "\x89PNG") > 1000);
    must_fail(tw_figure_draw_spectrum(&spectrum, in_folder("a.gif"), NULL), TW_EINVAL, "expected .svg, .pdf or .png");
}

// Truth: the numbers given; 17 digits read back to the same bits (IEEE 754-2019 section 5.12.2).
static void csv_holds_the_numbers_of_the_figure_bit_by_bit(void **state)
{
    (void)state;
    tw_figure_spectrum spectrum = made_up();
    must(tw_figure_draw_spectrum(&spectrum, in_folder("b.svg"), in_folder("b.csv")));
    FILE *file = fopen(in_folder("b.csv"), "r");
    char line[256], kind[32];
    double x, y, low, high;
    int rows = 0, pairs = 0;
    assert_non_null(fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file); rows++) {
        assert_int_equal(sscanf(line, "%31[^,],%lf,%lf,%lf,%lf", kind, &x, &y, &low, &high), 5);
        if (strcmp(kind, "density-symlog") == 0) {
            assert_true(x == log_x[rows] && y == log_y[rows] && low == log_low[rows] && high == log_high[rows]);
        } else if (strcmp(kind, "eigenvalue") == 0) {
            assert_true(y == spectrum.value[pairs] && high == y + spectrum.residual[pairs]);
            pairs++;
        }
    }
    fclose(file);
    assert_int_equal(rows, 2 * POINTS + 10);
    assert_int_equal(pairs, 10);
}

static void eigenvalues_alone_are_drawn_by_rank(void **state)
{
    (void)state;
    tw_figure_spectrum spectrum = made_up();
    spectrum.log.points = spectrum.linear.points = 0;
    must(tw_figure_draw_spectrum(&spectrum, in_folder("c.svg"), NULL));
    assert_true(begins_with(in_folder("c.svg"), "<?xml") > 1000);
}

static void curves_with_gaps_are_drawn_in_their_panels(void **state)
{
    (void)state;
    static const double x[] = {0, 1, 2, 3, 4, 5};
    static const double train[] = {2.31, 0.52, 0.41, 0.36, 0.33, 0.305}, test[] = {2.31, 0.55, NAN, 0.42, 0.38, 0.37};
    static const double a[] = {0.09, 0.82, 0.85, 0.873, 0.882, 0.891}, b[] = {0.1, 0.80, 0.83, 0.851, 0.86, 0.863};
    static const tw_figure_curve curve[] = {{"train", 0, train, false, NULL},
                                            {"test", 0, test, false, NULL},
                                            {"train", 1, a, false, NULL},
                                            {"test", 1, b, false, NULL}};
    static const char *const panel[] = {"loss", "accuracy"};
    tw_figure_curves curves = {"Training mlp:784-128-10,act=relu",
                               "fashion-mnist, lr 0.1, batch 64, seed 1",
                               "epoch",
                               2,
                               panel,
                               6,
                               x,
                               4,
                               curve,
                               false,
                               false};
    must(tw_figure_draw_curves(&curves, in_folder("d.svg"), in_folder("d.csv")));
    assert_true(begins_with(in_folder("d.svg"), "<?xml") > 1000);
    assert_true(begins_with(in_folder("d.csv"), "epoch,t") > 100);
}

static void a_grid_of_images_is_drawn_with_its_labels(void **state)
{
    (void)state;
    enum { COUNT = 23, SIDE = 28 };
    static float x[COUNT * SIDE * SIDE];
    static const char *label[COUNT];
    static char text[COUNT][8];
    for (int i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "%d", i % 10);
        label[i] = text[i];
        for (int j = 0; j < SIDE * SIDE; j++) {
            int r = j / SIDE - 14, c = j % SIDE - 14;
            x[i * SIDE * SIDE + j] = (float)exp(-(r * r + c * c) / (20.0 + 8 * i));
        }
    }
    tw_figure_images images = {"made up", "23 blobs", COUNT, 8, 1, SIDE, SIDE, x, label};
    must(tw_figure_draw_images(&images, in_folder("e.svg")));
    assert_true(begins_with(in_folder("e.svg"), "<?xml") > 1000);
}

static void without_gnuplot_the_message_says_what_to_install_and_nothing_is_left(void **state)
{
    (void)state;
    tw_figure_spectrum spectrum = made_up();
    char *path = strdup(getenv("PATH"));
    setenv("PATH", folder, 1);
    tw_status st = tw_figure_draw_spectrum(&spectrum, in_folder("none.svg"), NULL);
    setenv("PATH", path, 1);
    free(path);
    must_fail(st, TW_EIO, "install the package gnuplot-nox");
    assert_int_not_equal(access(in_folder("none.svg"), F_OK), 0);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const names[] = {"a.svg", "a.csv", "a.pdf", "a.png", "b.svg", "b.csv", "c.svg",
                                 "d.svg", "d.csv", "j.svg", "j.csv", "p.svg", "e.svg"};
    if (getenv("TW_KEEP_FIGURES")) {
        printf("figures are in %s\n", folder);
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
    return rmdir(folder); // fails if anything else was left behind
}

// Truth: the JSON itself; a logarithmic axis draws nothing at 0, and its CSV keeps the 0.
static void curves_kept_as_json_are_drawn(void **state)
{
    (void)state;
    json_t *figure =
        json_loads("{\"title\": \"t\", \"axis\": \"S\", \"log_x\": true, \"log_y\": true, \"panels\": [\"v\"],"
                   "\"x\": [1, 10, 100], \"curves\": [{\"name\": \"theory\", \"panel\": 0, \"y\": [1, 0.5, 0]},"
                   "{\"name\": \"measured\", \"panel\": 0, \"dots\": true, \"y\": [1.25, null, 0.125],"
                   "\"error\": [0.5, null, 0.25]}]}",
                   0, NULL);
    assert_non_null(figure);
    must(tw_figure_draw_json(figure, in_folder("j.svg"), in_folder("j.csv")));
    assert_true(begins_with(in_folder("j.svg"), "<?xml") > 1000);
    char text[200] = {0};
    FILE *file = fopen(in_folder("j.csv"), "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "S,theory v,measured v\n1,1,1.25\n10,0.5,\n100,0,0.125\n");
    json_object_set_new(json_array_get(json_object_get(figure, "curves"), 1), "panel", json_integer(1));
    assert_int_equal(tw_figure_draw_json(figure, in_folder("k.svg"), NULL), TW_EFORMAT);
    assert_int_not_equal(access(in_folder("k.svg"), F_OK), 0);
    json_decref(figure);
}

// Points of the second panel stand behind those of the first. Truth: the same figure with ends that are alike has as
// many dots; one that is cut at the other panel's end has fewer.
static void a_panel_reaches_as_far_as_its_own_points(void **state)
{
    (void)state;
    const double ends[] = {2, 4, 8};
    int dots[3];
    for (int i = 0; i < 3; i++) {
        char *svg = NULL;
        size_t size = 0;
        json_t *figure = json_pack("{s:s, s:s, s:[s, s], s:[f, f, f, f, f], s:[{s:s, s:i, s:b, s:[f, f, f, n, n]}, "
                                   "{s:s, s:i, s:b, s:[n, n, n, f, f]}]}",
                                   "title", "t", "axis", "B", "panels", "v", "w", "x", 1.0, 2.0, 4.0, 1.0, ends[i],
                                   "curves", "name", "a", "panel", 0, "dots", 1, "y", 1.0, 2.0, 3.0, "name", "b",
                                   "panel", 1, "dots", 1, "y", 1.0, 2.0);
        assert_non_null(figure);
        must(tw_figure_draw_json(figure, in_folder("p.svg"), NULL));
        FILE *file = fopen(in_folder("p.svg"), "rb"), *copy = open_memstream(&svg, &size);
        assert_non_null(file);
        for (int c = fgetc(file); c != EOF; c = fgetc(file)) fputc(c, copy);
        fclose(file);
        fclose(copy);
        dots[i] = 0;
        for (const char *at = strstr(svg, "<use "); at; at = strstr(at + 1, "<use ")) dots[i]++;
        free(svg);
        json_decref(figure);
    }
    assert_true(dots[1] >= 5);
    assert_int_equal(dots[0], dots[1]);
    assert_int_equal(dots[2], dots[1]);
}

// How often text stands in the script.
static int times(const char *script, const char *text)
{
    int count = 0;
    for (const char *at = strstr(script, text); at; at = strstr(at + 1, text)) count++;
    return count;
}

// Truth: any axis has from four to twelve ticks, all on it, each named by its own number.
static void a_logarithmic_axis_has_ticks_however_short_or_long_it_is(void **state)
{
    (void)state;
    const double axis[][2] = {{1, 4},      {1, 2},        {3, 7},     {17.3, 17.9}, {0.9, 11},      {1, 1e3},
                              {2e-9, 3e7}, {1e-300, 1e3}, {32, 1024}, {1, 1.00001}, {1e-3, 1.1e-3}, {999, 1001}};
    for (size_t i = 0; i < sizeof axis / sizeof *axis; i++) {
        char script[1000] = {0}, name[32];
        FILE *file = fmemopen(script, sizeof script, "w");
        assert_non_null(file);
        tw_figure_log_ticks(file, 'x', axis[i][0], axis[i][1]);
        fclose(file);
        int ticks = times(script, "' "), last = 0;
        assert_true(ticks >= 4 && ticks <= 12);
        for (char *at = strchr(script, '\''); at; at = strchr(at, '\'')) {
            double named = strtod(at + 1, &at), is = strtod(at + 1, &at);
            assert_true(is >= axis[i][0] * (1 - 1e-8) && is <= axis[i][1] * (1 + 1e-8));
            assert_true(fabs(named - is) <= 1e-8 * is);
            last++;
        }
        assert_int_equal(last, ticks);
        snprintf(name, sizeof name, "set xtics (");
        assert_int_equal(strncmp(script, name, strlen(name)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ending_of_the_path_is_the_format),
        cmocka_unit_test(csv_holds_the_numbers_of_the_figure_bit_by_bit),
        cmocka_unit_test(eigenvalues_alone_are_drawn_by_rank),
        cmocka_unit_test(curves_with_gaps_are_drawn_in_their_panels),
        cmocka_unit_test(curves_kept_as_json_are_drawn),
        cmocka_unit_test(a_panel_reaches_as_far_as_its_own_points),
        cmocka_unit_test(a_logarithmic_axis_has_ticks_however_short_or_long_it_is),
        cmocka_unit_test(a_grid_of_images_is_drawn_with_its_labels),
        cmocka_unit_test(without_gnuplot_the_message_says_what_to_install_and_nothing_is_left),
    };
    return cmocka_run_group_tests_name("figure", tests, make_folder, remove_folder);
}
