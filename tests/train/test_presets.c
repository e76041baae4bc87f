// SPDX-License-Identifier: MIT
// What a preset stands for: how often it looks, at how many samples, and which part of training that is.
#include "test.h"
#include "train/probe.h"

enum { M = 20000, BATCH = 50, EPOCH = M / BATCH };

typedef struct preset {
    tw_recipe *recipe;
    tw_probes probes;
    tw_probe_place place;
} preset;

static tw_data *train, *test;
static tw_net *net, *spare;

static void expand(const char *name, int64_t total, preset *p)
{
    char text[128];
    *p = (preset){0};
    snprintf(text, sizeof text, "probes: {preset: %s}\n", name);
    must(tw_recipe_parse("test", text, strlen(text), &p->recipe));
    p->place = (tw_probe_place){p->recipe, net, spare, train, test, NULL, EPOCH, BATCH, 1, total};
    must(tw_probes_expand(p->recipe, &p->place));
    must(tw_probes_open(&p->place, &p->probes));
    assert_true(p->probes.count >= 3);
}

static void drop(preset *p)
{
    tw_probes_close(&p->probes);
    tw_recipe_free(p->recipe);
}

static int64_t looks(const tw_probe *probe, int64_t total)
{
    int64_t count = 0;
    for (int64_t s = 1; s <= total; s++) count += tw_cadence_due(&probe->cadence, s, EPOCH);
    return count;
}

// Every probe of standard and full looks at the start and four times after it, even in a run of a quarter of an epoch;
// the last time at the end, or later than two thirds of the way between the one before and it.
static void short_runs_are_looked_at_too(void **state)
{
    (void)state;
    static const char *const names[] = {"standard", "full"};
    const int64_t totals[] = {100, EPOCH, 3 * EPOCH, 30 * EPOCH};
    for (int n = 0; n < 2; n++)
        for (int t = 0; t < 4; t++) {
            preset p;
            expand(names[n], totals[t], &p);
            for (int64_t i = 0; i < p.probes.count; i++) {
                const tw_probe *probe = &p.probes.probe[i];
                int64_t last = 0;
                assert_true(tw_cadence_due(&probe->cadence, 0, EPOCH));
                assert_true(looks(probe, totals[t]) >= 4);
                for (int64_t s = 1; s <= totals[t]; s++)
                    if (tw_cadence_due(&probe->cadence, s, EPOCH)) last = s;
                assert_true((totals[t] - last) * 4 <= totals[t]);
            }
            drop(&p);
        }
}

// The promise of economy: a tenth of the run, the first look counted, however short the run is. What that does not pay
// for is done with fewer products, more seldom, in the end never; the losses are there in all but the shortest.
static void economy_takes_at_most_a_tenth(void **state)
{
    (void)state;
    const int64_t totals[] = {10, EPOCH / 4, EPOCH, 3 * EPOCH, 10 * EPOCH, 40 * EPOCH, 1000 * EPOCH};
    for (int t = 0; t < 7; t++) {
        preset p;
        double cost = 0;
        expand("economy", totals[t], &p);
        for (int64_t i = 0; i < p.probes.count; i++) {
            const tw_probe *probe = &p.probes.probe[i];
            bool start = tw_cadence_due(&probe->cadence, 0, EPOCH);
            cost += probe->kind->cost(probe) * (double)(looks(probe, totals[t]) + start);
            if (t >= 2 && probe->kind == &tw_probe_loss) assert_true(looks(probe, totals[t]) >= 1);
            if (t >= 4) assert_true(looks(probe, totals[t]) >= 1);
            if (t == 0) assert_false(start);
        }
        assert_true(cost <= 0.1 * (double)totals[t] * BATCH);
        assert_true(cost <= tw_probes_share(&p.probes, &p.place) * (double)totals[t] * BATCH * (1 + 1e-12));
        drop(&p);
    }
}

// In a long run nothing is cut: the samples are those of the list, and looks are as rare as the stated share asks for.
static void long_runs_keep_samples_and_share(void **state)
{
    (void)state;
    static const char *const names[] = {"economy", "standard"};
    const double stated[] = {0.05, 0.5};
    for (int n = 0; n < 2; n++) {
        preset p;
        expand(names[n], 1000 * EPOCH, &p);
        assert_true(tw_probes_share(&p.probes, &p.place) <= stated[n] * 1.5); // ends_with_the_run may take half again
        assert_true(tw_probes_share(&p.probes, &p.place) >= stated[n] / 2);
        for (int64_t i = 0; i < p.probes.count; i++)
            if (p.probes.probe[i].kind == &tw_probe_eigs) assert_int_equal(p.probes.probe[i].data->m, n ? 1000 : 500);
        drop(&p);
    }
}

static int begin(void **state)
{
    (void)state;
    tw_data_opts opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    must(tw_data_open("gauss:classes=3,dim=4,n=20000", &opts, &train));
    opts.split = "test";
    must(tw_data_open("gauss:classes=3,dim=4,n=20000", &opts, &test));
    must(tw_net_new("mlp:4-8-3", train, &net_opts, &net));
    must(tw_net_new("mlp:4-8-3", train, &net_opts, &spare));
    return 0;
}

static int end(void **state)
{
    (void)state;
    tw_net_free(spare);
    tw_net_free(net);
    tw_data_free(test);
    tw_data_free(train);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_runs_are_looked_at_too),
        cmocka_unit_test(economy_takes_at_most_a_tenth),
        cmocka_unit_test(long_runs_keep_samples_and_share),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
