// SPDX-License-Identifier: MIT
// Data sets from their official addresses, checked against published SHA-256 sums.
#ifndef DATA_FETCH_H
#define DATA_FETCH_H

#include "base/sha256.h"
#include "thalweg/data.h"

enum { TW_FETCH_FILES = 4, TW_FETCH_MOST = 8 };

typedef struct tw_fetch_file {
    const char *name;    // at the address and in the folder
    int64_t size;        // bytes
    const char *sha256;  // as published
    const char *members; // of a tar archive: what the reader needs, separated by blanks; NULL: it reads the file itself
} tw_fetch_file;

typedef struct tw_fetch_set {
    const char *name, *what;
    const char *base[2]; // addresses of the folder, each ending in '/', tried in this order; the second may be NULL
    int files;
    tw_fetch_file file[TW_FETCH_FILES];
} tw_fetch_set;

const tw_fetch_set *tw_fetch_sets(int64_t *count);
// TW_EINVAL: there is none of that name; says the nearest.
TW_NODISCARD tw_status tw_fetch_find(const char *name, const tw_fetch_set **out);

typedef struct tw_fetch_opts {
    const char *folder; // made when it is not there
    const char *base;   // instead of the set's addresses; NULL: those
    int tries;          // connections without a new byte before giving up, >= 1
    double pause;       // seconds before the second of them, doubled each time
    tw_progress progress;
} tw_fetch_opts;

static inline tw_fetch_opts tw_fetch_defaults(void)
{
    tw_fetch_opts opts = {NULL, NULL, 4, 1, {NULL, NULL}};
    return opts;
}

// What a reader finds in the folder, in the order of SHA256SUMS there.
typedef struct tw_fetch_sums {
    int count;
    struct {
        char name[64], sha256[TW_SHA256_HEX];
        int64_t size;
    } file[TW_FETCH_MOST];
} tw_fetch_sums;

typedef struct tw_fetched {
    bool was_there;   // every sum fitted before anything was asked of the network
    int64_t received; // bytes from the network
    int64_t kept;     // bytes that an earlier, broken download had left and that were used
    tw_fetch_sums sums;
} tw_fetched;

// Brings the set into the folder. A file is received as NAME.part, which a later call continues; its SHA-256 is
// compared before it gets its name; archives are unpacked and removed; SHA256SUMS comes last. A file that lies in the
// folder already with the right sum is not received. One process a folder. TW_EIO: folder, network, full disk;
// TW_EFORMAT: another sum or size than published; TW_ESTOPPED; TW_ENOMEM.
TW_NODISCARD tw_status tw_fetch(const tw_fetch_set *set, const tw_fetch_opts *opts, tw_fetched *out);

// Whether the folder holds all of the set, as SHA256SUMS there says; reads every byte. TW_EIO, TW_ENOMEM.
TW_NODISCARD tw_status tw_fetch_check(const tw_fetch_set *set, const char *folder, bool *whole, tw_fetch_sums *sums);

// One file of a set into the folder, under its name, with its sum compared. before, all: bytes for the progress.
typedef struct tw_fetch_job {
    const tw_fetch_opts *opts;
    int64_t before, all;
    tw_fetched *result;
} tw_fetch_job;
TW_NODISCARD tw_status tw_fetch_one(const tw_fetch_job *job, const tw_fetch_set *set, const tw_fetch_file *file);

// TW_EIO: cannot be read. *size may be NULL.
TW_NODISCARD tw_status tw_fetch_sum(const char *path, char hex[TW_SHA256_HEX], int64_t *size);

// The folder of a set below tw_data_home(), or NULL when no home is set; the caller frees it.
TW_NODISCARD tw_status tw_fetch_place(const char *name, char **out);

#endif
