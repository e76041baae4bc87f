// SPDX-License-Identifier: MIT
// thalweg noise solve: exact stationary laws for a file of problems.
#include "cli/show.h"

#include "theory/noise_cases.h"

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    json_t *result = NULL;
    TW_TRY(tw_noise_solve_cases(tw_args_str(args, "cases"), &result));
    TW_TRY(tw_show_json(result));
done:
    return st;
}

static const tw_flag flags[] = {
    {.name = "cases",
     .value = "FILE",
     .text = "problems, {\"cases\": [{\"id\", \"family\", \"in\"}]}",
     .required = true},
    {0},
};

const tw_command tw_cmd_noise_solve = {
    .name = "noise solve",
    .summary = "solve a file of minibatch noise problems exactly",
    .about = "For each case: status, largest stable step, gain, decay per step, and the stationary covariance,\n"
             "noise and losses of momentum SGD on a quadratic loss; what is not defined is null. Families:\n"
             "population, finite, covariance, lyapunov, minimum, highdim, decay_1d, ngd, tail (docs/noise.md).\n"
             "Prints JSON always.",
    .example = "echo '{\"cases\": [{\"id\": \"a\", \"family\": \"tail\", \"in\": {\"a\": 1, \"lambda\": 1, \"S\": 4, "
               "\"D\": 1}}]}' > "
               "cases.json\nthalweg noise solve --cases cases.json",
    .flags = flags,
    .run = run,
};
