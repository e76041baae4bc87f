// SPDX-License-Identifier: MIT
// One program, several ranks, one voice.
//
// mpirun and srun say in the environment how many they started; without that MPI is not even loaded. Ranks but 0 have
// no stdout and no progress, and leave signals to rank 0: when it stops as asked, or any rank fails, all end.
#include "cli/ranks.h"

#include "base/ranks.h"
#include "thalweg/kernel.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How many were started, and by which word; 1: alone. SLURM's variables of the job stand in every process of it, those
// of the step only in what srun started. MPICH's mpirun says PMI_SIZE.
static int started(const char **word)
{
    static const char *const words[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *value = getenv(words[i]);
        if (!value) continue;
        *word = words[i];
        return (int)strtol(value, NULL, 10);
    }
    return 1;
}

// Different kernels sum in different orders: the same bits need the same program on the same kind of processor.
static tw_status same_program(void)
{
    tw_status st = TW_OK;
    char mine[256] = "", first[256];
    snprintf(mine, sizeof mine, "%.60s, %.180s", tw_version(), tw_kernels_describe());
    memcpy(first, mine, sizeof first);
    TW_TRY(tw_ranks_share(first, sizeof first));
    if (strcmp(first, mine) != 0) st = tw_fail(TW_EINVAL, "found thalweg %s, expected that of rank 0: %s", mine, first);
done:
    return st;
}

#ifdef TW_HAVE_MPI
static const bool has_mpi = true;
#else
static const bool has_mpi = false;
#endif

const char *tw_ranks_about(void) { return has_mpi ? "several ranks by MPI" : "one process, built without MPI"; }

tw_status tw_ranks_join(void)
{
    tw_status st = TW_OK;
    const char *word = "";
    int wanted = started(&word);
    if (wanted <= 1) return TW_OK;
    if (!has_mpi) // each would do all of the work, and write the same files
        return tw_fail(TW_EINVAL,
                       "%s is %d, so several processes were started, but this program was built without MPI (cmake "
                       "-DTHALWEG_MPI=ON): expected one",
                       word, wanted);
    TW_TRY(tw_ranks_open());
    if (tw_ranks() != wanted) {
        st = tw_fail(TW_EINVAL,
                     "%s is %d, but MPI sees %d ranks: was it started by another MPI's mpirun, or by srun without "
                     "--mpi=pmix?",
                     word, wanted, tw_ranks());
        goto done;
    }
    if (tw_rank() > 0) {
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        if (!freopen("/dev/null", "w", stdout)) st = tw_fail(TW_EIO, "/dev/null: cannot be written");
    }
    if (st == TW_OK) TW_TRY(same_program());
done:
    return st;
}

void tw_ranks_part(const char *who, tw_status st, int code)
{
    bool speaks, alike = tw_ranks() == 1;
    tw_ranks_meet(st != TW_OK, &speaks);
    alike = alike || (speaks && tw_rank() == 0);
    fflush(stdout);
    if (st != TW_OK && speaks)
        fprintf(stderr, "%s: %s%s%s\n", who, alike ? "" : tw_ranks_name(), alike ? "" : ": ",
                st == TW_ESTOPPED ? "stopped as asked" : tw_error());
    fflush(stderr);
    tw_ranks_close(code);
}
