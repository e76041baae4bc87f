// SPDX-License-Identifier: MIT
// A Krylov basis on disk: vectors in a file that is mapped into memory, and a state that says which of them hold.
//
//   FOLDER/lanczos.vectors   a page that says what it is, then two halves of `room` vectors of `stride` doubles
//   FOLDER/lanczos.state     written anew at each commit: problem, half, how many vectors, their checksums, the state
//
// Between two commits nothing that the last one spoke of is written: new vectors go behind them, and what replaces them
// goes to the other half. So a program killed at any instant leaves the last commit whole, and one that opens it goes
// on from there. All ranks of one machine map the same file, each writes its own entries of every vector, and rank 0
// writes the state; so any number of ranks may go on. Both files are in the byte order of the machine.
#ifndef LINALG_BASIS_H
#define LINALG_BASIS_H

#include "linalg/panel.h"

typedef struct tw_basis tw_basis;

// problem: a text that names everything the vectors depend on. bytes: those of the state, at most.
// *held: bytes of the state found there, 0 when there is none. Sets the panel's stride.
//
// TW_EIO      the folder cannot be made or the files not be written; the disk is full (all room is taken at once);
//             another process uses it; ranks on several machines
// TW_EFORMAT  files that are not ours or have changed since they were written
// TW_EINVAL   those of another problem: both are named
TW_NODISCARD tw_status tw_basis_open(const char *folder, const char *problem, tw_panel *panel, int64_t bytes,
                                     int64_t *held, tw_basis **out);
double *tw_basis_half(tw_basis *basis, int half); // this rank's first entry of the first vector

// After an open that found a state: what tw_basis_commit was given. state has room for all bytes.
void tw_basis_state(const tw_basis *basis, int *half, void *state);

// Vectors 0 ... count-1 of this half hold from now on, and the state; the first `clean` of them are those of the last
// commit. Everything is on disk afterwards.
TW_NODISCARD tw_status tw_basis_commit(tw_basis *basis, int half, int64_t clean, int64_t count, const void *state,
                                       int64_t bytes);

// done: the files are removed. NULL is fine.
void tw_basis_close(tw_basis *basis, bool done);

#endif
