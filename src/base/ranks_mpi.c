// SPDX-License-Identifier: MIT
// The transport over MPI: the only file that includes its header, built as a module of its own.
//
// Calls come from the thread that opened it, between parallel regions. Counts in MPI 3 are ints, so what is longer goes
// in pieces.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_getaffinity
#endif
#include "base/transport.h"

#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 1 << 30, TAG = 1 };

static int rank, ranks, all; // of those that work together; of all
static MPI_Comm comm = MPI_COMM_WORLD;
static bool crowded; // more ranks than cores here

static const char *words(int code)
{
    static char text[MPI_MAX_ERROR_STRING];
    int length;
    if (code == MPI_SUCCESS) return NULL;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) snprintf(text, sizeof text, "error %d", code);
    return text;
}

// The cores this rank may use, shared with the ranks of this host that may use exactly the same ones.
static int cores(MPI_Comm host, tw_seat *seat)
{
    cpu_set_t mine, *masks;
    int count = 1, alike = 0;
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof mine, &mine);
    MPI_Comm_size(host, &count);
    masks = calloc((size_t)count, sizeof *masks);
    if (!masks) return 1;
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, masks, sizeof mine, MPI_BYTE, host);
    for (int i = 0; i < count; i++) alike += CPU_EQUAL(&mine, &masks[i]) != 0;
    free(masks);
    seat->cores = CPU_COUNT(&mine);
    seat->sharing = alike;
    crowded = alike > CPU_COUNT(&mine);
    int share = CPU_COUNT(&mine) / (alike > 0 ? alike : 1);
    return share > 1 ? share : 1;
}

static const char *open_mpi(tw_seat *out)
{
    int level, length;
    MPI_Comm host;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    if (code != MPI_SUCCESS) return "MPI_Init_thread failed";
    if (level < MPI_THREAD_FUNNELED) return "found an MPI without MPI_THREAD_FUNNELED, expected one with it";
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    ranks = all;
    char name[MPI_MAX_PROCESSOR_NAME] = "";
    MPI_Get_processor_name(name, &length);
    *out = (tw_seat){.rank = rank, .ranks = ranks};
    snprintf(out->host, sizeof out->host, "%s", name);
    code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS) return words(code);
    out->threads = cores(host, out);
    MPI_Comm_free(&host);
    return NULL;
}

static const char *describe(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, ",\n")] = '\0';
    return text;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// MPI itself waits by asking all the time, even for a rank that works for seconds, and takes the core from whoever
// could use it. Here a rank asks for as long as the bytes may take at 1 GB/s, and a little more where it has a core of
// its own; then it sleeps between questions, at most a thousandth of what it has waited so far, so waiting is never
// longer than by that and one sleep.
static int wait_for(int count, MPI_Request *request, double bytes)
{
    const double begin = now(), patience = (crowded ? 2e-5 : 2e-3) + bytes * 1e-9;
    int done = 0;
    for (;;) {
        int code = MPI_Testall(count, request, &done, MPI_STATUSES_IGNORE);
        if (code != MPI_SUCCESS || done) return code;
        double waited = now() - begin;
        if (waited < patience) continue;
        long nap = (long)(1e6 * waited);
        nanosleep(&(struct timespec){.tv_nsec = nap < 20000 ? 20000 : nap > 1000000 ? 1000000 : nap}, NULL);
    }
}

static const char *exchange(int64_t sends, const tw_message *send, int64_t receives, const tw_message *receive)
{
    int code = MPI_SUCCESS, open = 0;
    double bytes = 0;
    MPI_Request *request = malloc((size_t)(sends + receives + 1) * sizeof(MPI_Request));
    if (!request) return "no memory for the list of messages";
    for (int64_t i = 0; i < receives && code == MPI_SUCCESS; i++) {
        const tw_message *m = &receive[i];
        bytes += (double)m->bytes;
        code = MPI_Irecv(m->data, (int)m->bytes, MPI_BYTE, m->rank, TAG, comm, &request[open++]);
    }
    for (int64_t i = 0; i < sends && code == MPI_SUCCESS; i++) {
        const tw_message *m = &send[i];
        bytes += (double)m->bytes;
        code = MPI_Isend(m->data, (int)m->bytes, MPI_BYTE, m->rank, TAG, comm, &request[open++]);
    }
    if (code == MPI_SUCCESS) code = wait_for(open, request, bytes);
    free(request);
    return words(code);
}

static const char *share_from(char *data, int64_t bytes, int root)
{
    int code = MPI_SUCCESS;
    for (int64_t at = 0; at < bytes && code == MPI_SUCCESS; at += CHUNK) {
        int64_t some = bytes - at < CHUNK ? bytes - at : CHUNK;
        MPI_Request request;
        code = MPI_Ibcast(data + at, (int)some, MPI_BYTE, root, comm, &request);
        if (code == MPI_SUCCESS) code = wait_for(1, &request, (double)some);
    }
    return words(code);
}

static const char *share(void *data, size_t bytes) { return share_from(data, (int64_t)bytes, 0); }

static const char *gather(void *data, const int64_t *first)
{
    char *at = (char *)data + first[0];
    const char *fault = NULL;
    if (first[ranks] - first[0] > CHUNK) {
        for (int r = 0; r < ranks && !fault; r++)
            fault = share_from((char *)data + first[r], first[r + 1] - first[r], r);
        return fault;
    }
    int *count = malloc(2 * (size_t)ranks * sizeof *count);
    if (!count) return "no memory for the list of parts";
    int *place = count + ranks;
    for (int r = 0; r < ranks; r++) {
        count[r] = (int)(first[r + 1] - first[r]);
        place[r] = (int)(first[r] - first[0]);
    }
    MPI_Request request;
    int code = MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, at, count, place, MPI_BYTE, comm, &request);
    if (code == MPI_SUCCESS) code = wait_for(1, &request, (double)(first[ranks] - first[0]));
    free(count); // not before: the request reads it
    return words(code);
}

static const char *limit(int count)
{
    MPI_Request request;
    int code = MPI_Ibarrier(MPI_COMM_WORLD, &request);
    if (code == MPI_SUCCESS) code = wait_for(1, &request, 0);
    if (comm != MPI_COMM_WORLD) MPI_Comm_free(&comm);
    comm = MPI_COMM_WORLD;
    ranks = count;
    if (code == MPI_SUCCESS && count < all) code = MPI_Comm_split(MPI_COMM_WORLD, rank < count, rank, &comm);
    return words(code);
}

static bool meet(bool failed, double seconds, int *lowest)
{
    static int mine, least; // outlive a wait that is given up
    MPI_Request request;
    int done = 0;
    double end = now() + seconds;
    mine = failed ? rank : all;
    if (MPI_Iallreduce(&mine, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request) != MPI_SUCCESS) return false;
    for (;;) {
        if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
        if (done) break;
        if (failed && now() > end) return false;
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    *lowest = least;
    return true;
}

static void close_mpi(void) { MPI_Finalize(); }

static void end_all(int code)
{
    fflush(NULL);
    MPI_Abort(MPI_COMM_WORLD, code);
    _Exit(code);
}

__attribute__((visibility("default"))) extern const tw_transport tw_transport_mpi;
const tw_transport tw_transport_mpi = {open_mpi, describe, exchange, gather, share, limit, meet, close_mpi, end_all};
