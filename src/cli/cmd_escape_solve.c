// SPDX-License-Identifier: MIT
// thalweg escape solve: exact escape times for a file of problems.
#include "cli/show.h"

#include "theory/escape_cases.h"

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    json_t *result = NULL;
    TW_TRY(tw_escape_solve_cases(tw_args_str(args, "cases"), &result));
    TW_TRY(tw_show_json(result));
done:
    return st;
}

static const tw_flag flags[] = {
    {.name = "cases", .value = "FILE", .text = "problems, {\"cases\": [{\"id\", \"kind\", \"in\"}]}", .required = true},
    {0},
};

const tw_command tw_cmd_escape_solve = {
    .name = "escape solve",
    .summary = "solve a file of escape problems exactly",
    .about =
        "For each case its answer: mean first-passage times of diffusions and of the chain that SGD runs, exits from\n"
        "boxes and balls, a coupled valley, the first of several copies, shares of valleys, the formulas of Kramers\n"
        "and of the paper, critical points, rates from censored times and weighted lines. Kinds: mfpt_1d,\n"
        "discrete_mfpt, kramers, ddt, box_exit, radial_exit, coupled_2d, critical_points_poly, rate_mle,\n"
        "first_of_n_copies, valley_chain, wls (docs/escape.md). Prints JSON always.",
    .example =
        "echo '{\"cases\": [{\"id\": \"a\", \"kind\": \"kramers\", \"in\": {\"Ha_eigs\": [8], \"Hb_eigs\": [-4], "
        "\"dL\": 1, \"D\": 0.1}}]}' > cases.json\nthalweg escape solve --cases cases.json",
    .flags = flags,
    .run = run,
};
