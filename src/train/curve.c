// SPDX-License-Identifier: MIT
// Whole epochs of plain SGD and their curve: a trainer, asked for one step after the other.
#include "thalweg/train.h"

#include "base/alloc.h"
#include "base/options.h"
#include "train/trainer.h"
#include <inttypes.h>
#include <math.h>

static tw_status run_epoch(tw_trainer *t, const tw_sgd_opts *opts, int64_t m, int64_t epoch, tw_sgd_curve *curve)
{
    tw_status st = TW_OK;
    tw_step step = {0};
    double sum = 0, done = 0;
    int64_t right = 0, counted = 0;
    while (!step.epoch_end) {
        TW_TRY(tw_trainer_step(t, &step));
        if (step.diverged) {
            curve->diverged = true;
            curve->diverged_step = curve->steps;
            return TW_OK;
        }
        curve->steps++;
        sum += t->sums.loss; // not step.loss times samples, which rounds twice
        right += step.right;
        counted += step.counted;
        done += (double)step.samples;
        if (opts->progress.tick &&
            !opts->progress.tick(opts->progress.ctx, "training", (double)epoch * (double)m + done,
                                 (double)opts->epochs * (double)m)) {
            st = tw_fail(TW_ESTOPPED, "training: stopped after step %" PRId64, curve->steps);
            goto done;
        }
    }
    curve->loss[epoch] = sum / (double)m;
    curve->accuracy[epoch] = counted > 0 ? (double)right / (double)counted : NAN;
    curve->epochs = epoch + 1;
done:
    return st;
}

tw_status tw_sgd(tw_net *net, const tw_data *data, const tw_sgd_opts *opts, tw_sgd_curve **out)
{
    TW_OPTIONS(tw_sgd, opts);
    tw_status st = TW_OK;
    tw_trainer *t = NULL;
    tw_sgd_curve *curve = NULL;
    tw_trainer_opts trainer = tw_trainer_defaults();

    trainer.lr = opts->lr;
    trainer.batch = opts->batch;
    trainer.seed = opts->seed;
    trainer.first_epoch = opts->first_epoch;
    if (opts->epochs < 0) {
        st = tw_fail(TW_EINVAL, "epochs: found %" PRId64 ", expected at least 0", opts->epochs);
        goto done;
    }
    TW_TRY(tw_trainer_new(net, data, &trainer, &t));
    TW_TRY(tw_alloc(1, sizeof *curve, &curve));
    TW_TRY(tw_alloc(opts->epochs, sizeof *curve->loss, &curve->loss));
    TW_TRY(tw_alloc(opts->epochs, sizeof *curve->accuracy, &curve->accuracy));
    for (int64_t epoch = 0; epoch < opts->epochs && !curve->diverged; epoch++)
        TW_TRY(run_epoch(t, opts, data->m, epoch, curve));
    *out = curve;
    curve = NULL;
done:
    tw_sgd_curve_free(curve);
    tw_trainer_free(t);
    return st;
}

void tw_sgd_curve_free(tw_sgd_curve *curve)
{
    if (!curve) return;
    free(curve->loss);
    free(curve->accuracy);
    free(curve);
}
