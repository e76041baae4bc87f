// SPDX-License-Identifier: MIT
// Files that appear whole or not at all: written to a temporary name beside the target, synced, then renamed.
#ifndef BASE_OUTFILE_H
#define BASE_OUTFILE_H

#include "base/status.h"
#include <stdio.h>

typedef struct tw_outfile {
    FILE *stream;           // for fprintf and fwrite; errors are found by tw_outfile_commit
    char *path, *temporary; // temporary is NULL on ranks but 0, which write to nowhere
} tw_outfile;

TW_NODISCARD tw_status tw_outfile_open(tw_outfile *file, const char *path);
TW_NODISCARD tw_status tw_outfile_commit(tw_outfile *file); // flush, fsync, rename, fsync the folder
void tw_outfile_discard(tw_outfile *file);                  // harmless after commit and on {0}

#endif
