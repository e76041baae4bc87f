// SPDX-License-Identifier: MIT
// --run: a recorded run instead of --model, --data and --weights.
#include "cli/open.h"

#include "net/net.h"
#include <inttypes.h>
#include <string.h>

static tw_status refuse(const tw_args *args, const char *names)
{
    char name[64];
    while (*names) {
        size_t length = strcspn(names, " ");
        memcpy(name, names, length);
        name[length] = '\0';
        if (tw_args_flag(args, name))
            return tw_fail(TW_EINVAL, "--%s: found beside --run, expected --run alone: the run's recipe says it", name);
        names += length;
        names += strspn(names, " ");
    }
    return TW_OK;
}

tw_status tw_open_run(const tw_args *args, const char *refused, tw_revisit *out)
{
    static const char *const needed[] = {"model", "data", "weights"};
    tw_status st = TW_OK;
    const char *folder = tw_args_str(args, "run");
    int64_t samples = 0;
    int real = 0;
    for (int i = 0; !folder && i < 3; i++)
        if (!tw_args_flag(args, needed[i]))
            return tw_fail(TW_EINVAL, "--%s is missing: expected --model, --data and --weights, or --run FOLDER",
                           needed[i]);
    if (!folder) return TW_OK;
    TW_TRY(refuse(args, "model data weights split random-subset random-labels validation scale add-to-sd loss l2 init "
                        "arith shard"));
    TW_TRY(refuse(args, refused));
    TW_TRY(tw_args_int(args, "samples", 1, INT64_MAX, &samples));
    if (tw_args_flag(args, "dtype")) real = strcmp(tw_args_str(args, "dtype"), "f64") == 0 ? TW_F64 : TW_F32;
    TW_TRY(tw_revisit_open(folder, real, samples, out));
    tw_explain(args, "run", "%s: %s, %" PRId64 " files of weights", folder, out->net->model, out->kept);
done:
    return st;
}
