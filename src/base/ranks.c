// SPDX-License-Identifier: MIT
// Ranks: found, loaded and asked through one table of functions (base/transport.h).
#include "base/ranks.h"

#include "base/alloc.h"
#include "base/shards.h"
#include "base/ranks_inside.h"
#include <dlfcn.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

static struct {
    const tw_transport *by; // NULL: alone
    tw_seat seat;
    int all;    // ranks, when fewer work together
    bool apart; // some rank could not be met
    int64_t received;
    char name[320];
} here = {.seat = {.ranks = 1}, .all = 1};

int tw_rank(void) { return here.seat.rank; }

int tw_ranks(void) { return here.seat.ranks; }

const char *tw_ranks_name(void) { return here.name; }

int64_t tw_ranks_received(void) { return here.received; }

tw_status tw_ranks_open(void)
{
    if (here.by) return TW_OK;
    void *module = dlopen("thalweg-mpi.so", RTLD_NOW | RTLD_LOCAL);
    if (!module) return tw_fail(TW_EIO, "ranks: built without MPI, or its module cannot be loaded: %s", dlerror());
    const tw_transport *found = dlsym(module, "tw_transport_mpi");
    if (!found) return tw_fail(TW_EIO, "ranks: thalweg-mpi.so: found another module, expected ours: %s", dlerror());
    tw_seat seat = {0};
    const char *fault = found->open(&seat);
    if (fault) return tw_fail(TW_EIO, "ranks: MPI: %s", fault);
    if (seat.ranks == 1) {
        found->close();
        return TW_OK;
    }
    here.by = found;
    here.seat = seat;
    here.all = seat.ranks;
    snprintf(here.name, sizeof here.name, "rank %d of %d on %s", seat.rank, seat.ranks, seat.host);
    return tw_threads_set(seat.threads); // the default; --threads comes later
}

int tw_ranks_all(void) { return here.all; }

void tw_ranks_cores(int *cores, int *sharing)
{
    *cores = here.by ? here.seat.cores : omp_get_num_procs();
    *sharing = here.by ? here.seat.sharing : 1;
}

tw_status tw_ranks_limit(int ranks)
{
    if (!here.by) return TW_OK;
    const char *fault = here.by->limit(ranks);
    here.seat.ranks = ranks;
    return fault ? tw_fail(TW_EIO, "%s: a message between ranks was lost: %s", here.name, fault) : TW_OK;
}

void tw_ranks_leave(void)
{
    here.by = NULL;
    here.seat.rank = 0;
    here.seat.ranks = here.all = 1;
    here.name[0] = '\0';
}

void tw_ranks_meet(bool failed, bool *speaks)
{
    *speaks = true;
    if (!here.by) return;
    int lowest = here.all;
    here.apart = !here.by->meet(failed, 2, &lowest);
    *speaks = here.apart || lowest == here.seat.rank;
}

void tw_ranks_close(int code)
{
    if (!here.by) return;
    if (here.apart) here.by->abort(code);
    here.by->close();
    tw_ranks_leave();
}

// --- dealing ---

static _Thread_local int inside; // shards that this thread is in

void tw_ranks_enter(int step) { inside += step; }

int tw_ranks_together(void) { return inside > 0 ? 1 : here.seat.ranks; }

static int64_t cut(int64_t shards, int ranks, int rank)
{
    if (rank == 0) return 0;
    if (rank == ranks) return shards;
    int64_t ideal = shards / ranks * rank + shards % ranks * rank / ranks, slack = shards / ranks / 32;
    for (int level = 40;; level--) {
        int64_t unit = (int64_t)1 << level, near = (ideal + unit / 2) / unit * unit;
        int64_t off = near > ideal ? near - ideal : ideal - near;
        if (off <= slack || level == 0) return near;
    }
}

tw_dealt tw_ranks_deal(int64_t shards, int rank)
{
    int ranks = tw_ranks_together();
    if (shards <= 1 || ranks == 1) return (tw_dealt){0, shards};
    return (tw_dealt){cut(shards, ranks, rank), cut(shards, ranks, rank + 1)};
}

static tw_status answer(const char *fault)
{
    return fault ? tw_fail(TW_EIO, "%s: a message between ranks was lost: %s", here.name, fault) : TW_OK;
}

tw_status tw_ranks_collect(const int64_t *first, void *data)
{
    int me = here.seat.rank;
    here.received += first[here.seat.ranks] - first[0] - (first[me + 1] - first[me]);
    return answer(here.by->gather(data, first));
}

tw_status tw_ranks_gather(int64_t shards, int64_t bytes, int64_t all, void *array)
{
    tw_status st = TW_OK;
    int64_t *first = NULL;
    int ranks = tw_ranks_together();
    if (ranks == 1 || shards <= 1) return TW_OK;
    TW_TRY(tw_alloc(ranks + 1, sizeof *first, &first));
    for (int r = 0; r < ranks; r++) first[r] = tw_ranks_deal(shards, r).first * bytes;
    first[ranks] = all;
    st = tw_ranks_collect(first, array);
done:
    free(first);
    return st;
}

tw_status tw_ranks_share(void *data, size_t bytes)
{
    return tw_ranks_together() == 1 ? TW_OK : answer(here.by->share(data, bytes));
}

tw_status tw_ranks_share_block(int64_t *bytes, void **data)
{
    tw_status st = TW_OK;
    int64_t size = *data ? *bytes : -1;
    void *got = NULL;
    if (tw_ranks_together() == 1) return TW_OK;
    TW_TRY(tw_ranks_share(&size, sizeof size));
    if (size >= 0 && here.seat.rank > 0) TW_TRY(tw_alloc(size, 1, &got));
    if (size >= 0) TW_TRY(tw_ranks_share(here.seat.rank > 0 ? got : *data, (size_t)size));
    if (here.seat.rank > 0) {
        *bytes = size;
        *data = got;
        got = NULL;
    }
done:
    free(got);
    return st;
}

tw_status tw_ranks_chain(void (*step)(void *ctx), void *ctx, size_t bytes, void *data)
{
    tw_status st = TW_OK;
    int64_t *first = NULL;
    const int ranks = tw_ranks_together(), me = ranks > 1 ? here.seat.rank : 0;
    tw_message before = {me - 1, data, bytes}, after = {me + 1, data, bytes};
    TW_TRY(tw_alloc(ranks + 1, sizeof *first, &first));
    if (me > 0) TW_TRY(tw_ranks_exchange(0, NULL, 1, &before));
    step(ctx);
    if (me + 1 < ranks) TW_TRY(tw_ranks_exchange(1, &after, 0, NULL));
    first[ranks] = (int64_t)bytes; // all of the last one's
    if (ranks > 1) TW_TRY(tw_ranks_collect(first, data));
done:
    free(first);
    return st;
}

tw_status tw_ranks_wait(void)
{
    tw_status st = TW_OK;
    char *come = NULL;
    const int64_t ranks = tw_ranks_together();
    TW_TRY(tw_alloc(ranks, 1, &come));
    TW_TRY(tw_ranks_gather(ranks, 1, ranks, come));
done:
    free(come);
    return st;
}

tw_status tw_ranks_exchange(int64_t sends, const tw_message *send, int64_t receives, const tw_message *receive)
{
    for (int64_t i = 0; i < receives; i++) here.received += (int64_t)receive[i].bytes;
    return answer(here.by->exchange(sends, send, receives, receive));
}
