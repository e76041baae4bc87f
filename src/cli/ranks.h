// SPDX-License-Identifier: MIT
// A program that mpirun or srun started several times: joined at its beginning, left at its end.
#ifndef CLI_RANKS_H
#define CLI_RANKS_H

#include "base/status.h"

// Whether several ranks can work together: "several ranks by MPI", "one process, built without MPI". MPI is not loaded.
const char *tw_ranks_about(void);

// Joins the other ranks where the environment says that they were started, and makes ranks but 0 silent. TW_EINVAL:
// several processes were started of a program without MPI; the ranks run different versions or kernels, or MPI sees
// fewer than were started.
TW_NODISCARD tw_status tw_ranks_join(void);

// At the end, reached by every rank: prints the message of a failure once, and ends all ranks. `who`: "thalweg train".
void tw_ranks_part(const char *who, tw_status st, int code);

#endif
