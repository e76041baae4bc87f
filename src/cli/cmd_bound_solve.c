// SPDX-License-Identifier: MIT
// thalweg bound solve: PAC-Bayes bounds for a file of problems.
#include "cli/show.h"

#include "theory/bound_cases.h"

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    json_t *result = NULL;
    TW_TRY(tw_bound_solve_cases(tw_args_str(args, "cases"), &result));
    TW_TRY(tw_show_json(result));
done:
    return st;
}

static const tw_flag flags[] = {
    {.name = "cases", .value = "FILE", .text = "problems, {\"cases\": [{\"id\", \"kind\", \"in\"}]}", .required = true},
    {0},
};

const tw_command tw_cmd_bound_solve = {
    .name = "bound solve",
    .summary = "PAC-Bayes bounds and kl inversions for a file of problems",
    .about = "Kinds: kl, kl_inverse, mc_gibbs (Monte-Carlo confidence of a Gibbs error), pac_bayes (the\n"
             "anisotropic bound, three forms), prior_grid (choice of the prior's variance, paid for), and\n"
             "least_squares (the exact change of the loss in one SGD step). Fields: docs/bound.md.\n"
             "Prints JSON always.",
    .example = "echo '{\"cases\": [{\"id\": \"a\", \"kind\": \"kl_inverse\", \"in\": {\"q\": 0.1, \"c\": 0.05}}]}' > "
               "cases.json\nthalweg bound solve --cases cases.json",
    .flags = flags,
    .run = run,
};
