// SPDX-License-Identifier: MIT
// The Gibbs error, E 1[wrong] over weights theta + z / sqrt(nu) and samples: each draw is scored on every sample, so
// draws are independent numbers in [0, 1] with the Gibbs error as their mean.
#include "train/gibbs.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <math.h>

tw_status tw_gibbs_draw(tw_net *net, const tw_data *data, const double *theta, const double *nu, uint64_t seed,
                        int64_t first, int64_t draws, tw_progress progress, tw_gibbs *out)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(net);
    double *w = NULL, mean = 0, square = 0;
    tw_gibbs found = {0};

    if (!data->label) {
        st = tw_fail(TW_EINVAL, "%s: found numbers to predict, expected class labels: the error is that of a class",
                     data->name);
        goto done;
    }
    if (draws < 2) {
        st = tw_fail(TW_EINVAL, "draws: found %" PRId64 ", expected at least 2", draws);
        goto done;
    }
    TW_TRY(tw_alloc(n, sizeof *w, &w));
    for (int64_t i = 0; i < draws; i++) {
        tw_loss_value value;
        tw_rng rng = tw_rng_at(seed, TW_RNG_SIM, (uint64_t)(first + i));
        tw_rng_normals(&rng, n, w);
        for (int64_t j = 0; j < n; j++) w[j] = theta[j] + w[j] / sqrt(nu[j]);
        TW_TRY(tw_net_set_weights(net, w));
        TW_TRY(tw_loss(net, data, NULL, NULL, &value));
        bool finite = isfinite(value.data_loss);
        double error = finite ? 1 - value.accuracy : 1, off = error - mean;
        found.overflowed += !finite;
        mean += off / (double)(i + 1);
        square += off * (error - mean);
        if (progress.tick && i % 16 == 0 && !progress.tick(progress.ctx, "draws", (double)i, (double)draws)) {
            st = tw_fail(TW_ESTOPPED, "draws: stopped in number %" PRId64, i + 1);
            goto done;
        }
    }
    found.mean = fmin(fmax(mean, 0), 1); // a rounding outside would be no error
    found.error = sqrt(square / (double)(draws - 1) / (double)draws);
    *out = found;
done:
    free(w);
    return st;
}
