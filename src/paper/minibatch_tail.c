// SPDX-License-Identifier: MIT
// Paper 3's figure 2: the tail index of the stationary law, from independent replicas.
#include "paper/evidence.h"
#include "paper/minibatch.h"

#include "base/alloc.h"
#include "sim/regression.h"
#include "thalweg/theory_noise.h"
#include <math.h>
#include <stdio.h>

tw_status tw_minibatch_tail(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    static const int64_t count[] = {65536, 4194304, 16777216}, top[] = {1024, 16384, 32768};
    int64_t n = count[e->scale], k = top[e->scale];
    float *last = NULL;
    tw_regression_law *law = NULL;
    json_t *figure = tw_evidence_figure(f, "Tail index over the batch size", "step 1, a = 1", "batch size", TW_LINEAR,
                                        "tail index", NULL);
    double worst_z = 0, off = 0, at_two = NAN;
    TW_TRY(tw_alloc(n, sizeof *last, &last));
    for (int64_t S = 1; S <= 4; S++) {
        tw_noise_tail theory;
        tw_hill hill;
        TW_TRY(tw_noise_tail_index(1, 1, S, 1, &theory));
        tw_regression_one in = {
            .S = S, .replicas = n, .burn = 200, .steps = 2, .a = 1, .s = 1, .lambda = 1, .seed = e->seed + (uint64_t)S};
        TW_TRY(tw_regression_run_one(&in, 1, &e->progress, last, &law));
        TW_TRY(tw_hill_estimate(n, last, k, &hill));
        double se = (hill.high - hill.low) / (2 * 1.96);
        tw_evidence_x(figure, (double)S);
        tw_evidence_line(figure, 0, "exact", theory.beta_exact);
        tw_evidence_line(figure, 0, "paper", theory.beta_moment);
        tw_evidence_line(figure, 0, "continuous time", theory.beta_continuous);
        tw_evidence_dot(figure, 0, "simulated", hill.beta, se);
        tw_evidence_append(f, "batch", (double)S);
        tw_evidence_append(f, "exact", theory.beta_exact);
        tw_evidence_append(f, "paper", theory.beta_moment);
        tw_evidence_append(f, "continuous", theory.beta_continuous);
        tw_evidence_append(f, "simulated", hill.beta);
        tw_evidence_append(f, "standard_error", se);
        worst_z = fmax(worst_z, fabs(hill.beta - theory.beta_moment) / se);
        off = fmax(off, fabs(hill.beta / theory.beta_moment - 1));
        if (S == 2) at_two = (hill.beta - theory.beta_moment) / se;
        tw_regression_law_free(law);
        law = NULL;
    }
    f->verdict = worst_z > 5 ? TW_CONTRADICTED : k >= 10000 ? TW_HOLDS : TW_UNDECIDED;
    snprintf(f->measured, sizeof f->measured,
             "Hill's estimate from the %lld largest of %lld replicas is up to %.0f %% (%.0f standard errors) off 2S/(a "
             "lambda) - S; at index 2, where the two meet, %+.1f standard errors",
             (long long)k, (long long)n, 100 * off, worst_z, at_two);
done:
    tw_regression_law_free(law);
    free(last);
    return st;
}
