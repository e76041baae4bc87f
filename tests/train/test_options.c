// SPDX-License-Identifier: MIT
// Every public function that takes options looks at their size before anything else.
#include "test.h"
#include "thalweg/thalweg.h"

// Options whose size no header has had are refused with their name; nothing else was given that could be wrong first.
#define REFUSES(kind, call)                                                         \
    do {                                                                            \
        kind##_opts o = kind##_defaults();                                          \
        o.size = 3;                                                                 \
        assert_int_equal(call, TW_EINVAL);                                          \
        assert_non_null(strstr(tw_error(), #kind "_opts.size: found 3, expected")); \
    } while (0)

static void no_function_takes_options_without_a_size(void **state)
{
    (void)state;
    tw_data *d = NULL;
    tw_net *net = NULL;
    const char *spec = "gauss:classes=2,dim=3,n=10";
    REFUSES(tw_data, tw_data_open(spec, &o, &d));
    must(tw_data_open(spec, NULL, &d));
    REFUSES(tw_net, tw_net_new("mlp:3-2", d, &o, &net));
    must(tw_net_new("mlp:3-2", d, NULL, &net));
    assert_int_equal(tw_net_params(net), 8);
    tw_curv *curv = NULL;
    tw_linop op = {0};
    tw_eigs *eigs = NULL;
    tw_density *density = NULL;
    tw_estimate estimate;
    double diagonal[8], error[8];
    int64_t products;
    REFUSES(tw_curv, tw_curv_new(net, d, &o, &curv));
    REFUSES(tw_lanczos, tw_lanczos(&op, &o, &eigs));
    REFUSES(tw_density, tw_density_new(&op, &o, &density));
    REFUSES(tw_trace, tw_trace(&op, &o, &estimate));
    REFUSES(tw_trace, tw_frobenius2(&op, &o, &estimate));
    REFUSES(tw_trace, tw_diagonal(&op, &o, diagonal, error, &products));
    tw_solution *solution = NULL;
    REFUSES(tw_solve, tw_solve(&op, &o, 1, diagonal, &solution));
    tw_compare *compare = NULL;
    tw_gradient_noise *noise = NULL;
    tw_sgd_curve *curve = NULL;
    tw_trainer *trainer = NULL;
    tw_step_law *law = NULL;
    tw_ensemble *ensemble = NULL;
    tw_fluctuation *fluctuation = NULL;
    tw_network_bound *bound = NULL;
    REFUSES(tw_compare, tw_compare_new(net, d, &o, &compare));
    REFUSES(tw_gradient_noise, tw_gradient_noise_new(net, d, &o, &noise));
    REFUSES(tw_sgd, tw_sgd(net, d, &o, &curve));
    REFUSES(tw_trainer, tw_trainer_new(net, d, &o, &trainer));
    REFUSES(tw_step_law, tw_step_law_new(net, d, &o, &law));
    REFUSES(tw_ensemble, tw_ensemble_new(net, d, &o, &ensemble));
    REFUSES(tw_fluctuation, tw_fluctuation_new(net, d, &o, &fluctuation));
    REFUSES(tw_network_bound, tw_network_bound_new(net, d, NULL, NULL, NULL, &o, &bound));
    tw_noise_law *stationary = NULL;
    tw_noise_population population = {0};
    tw_noise_data samples = {0};
    REFUSES(tw_noise, tw_noise_solve_population(&population, &o, &stationary));
    REFUSES(tw_noise, tw_noise_solve_data(&samples, &o, &stationary));
    tw_net_free(net);
    tw_data_free(d);
}

// Truth: the same call by a program whose headers ended before the last fields.
static void a_program_built_on_older_headers_gets_what_it_got(void **state)
{
    (void)state;
    tw_data *d = NULL;
    tw_net *net = NULL;
    tw_sgd_curve *now = NULL, *older = NULL;
    tw_sgd_opts o = tw_sgd_defaults();
    o.epochs = 2;
    must(tw_data_open("gauss:classes=2,dim=3,n=10", NULL, &d));
    must(tw_net_new("mlp:3-2", d, NULL, &net));
    must(tw_sgd(net, d, &o, &now));
    tw_net_free(net);
    must(tw_net_new("mlp:3-2", d, NULL, &net));
    o.size = offsetof(tw_sgd_opts, first_epoch);
    o.first_epoch = 77; // lies behind the end
    must(tw_sgd(net, d, &o, &older));
    assert_int_equal(older->epochs, now->epochs);
    assert_memory_equal(older->loss, now->loss, (size_t)now->epochs * sizeof *now->loss);
    tw_sgd_curve_free(now);
    tw_sgd_curve_free(older);
    tw_net_free(net);
    tw_data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_function_takes_options_without_a_size),
        cmocka_unit_test(a_program_built_on_older_headers_gets_what_it_got),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
