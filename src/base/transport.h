// SPDX-License-Identifier: MIT
// What ranks say to each other, as a table of functions: base/ranks_mpi.c fills it, base/ranks.c calls it.
//
// The table lives in a module of its own that is loaded only where ranks were started, so a program that runs alone
// never loads MPI. Functions that can fail return NULL, or the words of what failed (static, or valid until the next
// call).
#ifndef BASE_TRANSPORT_H
#define BASE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tw_seat {
    int rank, ranks;
    int cores;      // that this rank may use
    int sharing;    // ranks of its host that may use the same ones, itself among them
    int threads;    // cores for this rank: those it may use, shared with the ranks of its host that may use the same
    char host[256]; // its name
} tw_seat;

typedef struct tw_message {
    int rank; // to whom, or from whom
    void *data;
    size_t bytes; // below 2^31
} tw_message;

typedef struct tw_transport {
    const char *(*open)(tw_seat *out);
    const char *(*describe)(void); // name and version of the library

    // All messages at once; those between two ranks arrive in the order they were given.
    const char *(*exchange)(int64_t sends, const tw_message *send, int64_t receives, const tw_message *receive);
    // Rank r has bytes first[r] ... first[r + 1] of data; afterwards every rank has all. first has ranks + 1 entries.
    const char *(*gather)(void *data, const int64_t *first);
    // Every rank gets rank 0's bytes.
    const char *(*share)(void *data, size_t bytes);

    // Only ranks 0 ... ranks-1 work together from here on; every rank calls it, and sleeps until all have.
    const char *(*limit)(int ranks);

    // Every rank says whether it failed. *lowest: the lowest one that did, or the number of ranks. One that failed
    // waits `seconds` for the others and then gives up: false.
    bool (*meet)(bool failed, double seconds, int *lowest);
    void (*close)(void);
    void (*abort)(int code); // ends all ranks, does not return
} tw_transport;

#endif
