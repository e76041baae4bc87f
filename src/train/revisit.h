// SPDX-License-Identifier: MIT
// A recorded run, opened to be looked at again: what it trained on, its network, and the weights that it kept.
#ifndef TRAIN_REVISIT_H
#define TRAIN_REVISIT_H

#include "thalweg/net.h"
#include "thalweg/run.h"

// What the recipe says of samples and network. real: 4 or 8, the width of numbers; 0: the recipe's. samples: 0: the
// recipe's number; whole: all of the part, whatever the recipe says.
TW_NODISCARD tw_status tw_recipe_data(const tw_recipe *recipe, const char *split, bool whole, int real, int64_t samples,
                                      tw_data **out);
// The same without x, until tw_data_hold (data/part.h), where several ranks work together.
TW_NODISCARD tw_status tw_recipe_data_dealt(const tw_recipe *recipe, const char *split, tw_data **out);
TW_NODISCARD tw_status tw_recipe_net(const tw_recipe *recipe, const tw_data *data, int real, tw_net **out);

typedef struct tw_revisit {
    char *folder;
    tw_recipe *recipe;
    tw_data *data; // the training part
    tw_net *net;   // with the weights that the run began with
    int64_t kept;
    int64_t *step; // [kept] ascending: steps after which weights were kept as files
} tw_revisit;

// real, samples: as above. With neither, the samples must be those of the run, by their checksum. TW_EINVAL: other
// samples; the recipe; TW_EIO, TW_EFORMAT: no run there; TW_ENOMEM.
TW_NODISCARD tw_status tw_revisit_open(const char *folder, int real, int64_t samples, tw_revisit *out);
TW_NODISCARD tw_status tw_revisit_load(tw_revisit *run, int64_t i); // net: after step[i] steps
void tw_revisit_close(tw_revisit *run);

#endif
