// SPDX-License-Identifier: MIT
// Training until the whole training set's loss has fallen far enough: sharpness is compared at equal loss, since the
// Hessian of a fitted network falls with it.
#include "train/until.h"

#include "base/status.h"
#include "thalweg/curv.h"
#include <inttypes.h>
#include <math.h>

static tw_status look(const tw_net *net, const tw_data *data, double target, tw_until *u)
{
    tw_loss_value value;
    tw_status st = tw_loss(net, data, NULL, NULL, &value);
    if (st != TW_OK) return st;
    u->loss = value.data_loss;
    u->accuracy = value.accuracy;
    u->diverged = !isfinite(value.data_loss);
    u->reached = value.data_loss <= target;
    return TW_OK;
}

tw_status tw_train_until(tw_net *net, const tw_data *data, const tw_trainer_opts *opts, int64_t epochs, double target,
                         tw_progress progress, tw_until *out)
{
    tw_status st = TW_OK;
    tw_trainer *trainer = NULL;
    tw_until u = {0};

    TW_TRY(tw_trainer_new(net, data, opts, &trainer));
    TW_TRY(look(net, data, target, &u));
    while (u.epochs < epochs && !u.reached && !u.diverged) {
        tw_step step;
        do {
            TW_TRY(tw_trainer_step(trainer, &step));
            u.diverged = step.diverged;
            u.steps += !step.diverged;
        } while (!step.epoch_end && !u.diverged);
        if (u.diverged) break;
        u.epochs++;
        TW_TRY(look(net, data, target, &u));
        if (progress.tick && !progress.tick(progress.ctx, "epochs", (double)u.epochs, (double)epochs)) {
            st = tw_fail(TW_ESTOPPED, "training: stopped after epoch %" PRId64, u.epochs);
            goto done;
        }
    }
    *out = u;
done:
    tw_trainer_free(trainer);
    return st;
}
