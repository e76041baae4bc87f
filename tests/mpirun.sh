#!/bin/sh
# SPDX-License-Identifier: MIT
# mpirun.sh MPIRUN RANKS PROGRAM...: as many ranks as asked for, on however few cores, also as root in a container.
mpirun=$1 ranks=$2
shift 2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none # asks for what containers forbid
export TW_TEST_RANKS="$ranks" OMP_WAIT_POLICY=passive
# MPI keeps what it has allocated: leaks of ours are looked for in the tests of one process.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
exec "$mpirun" -n "$ranks" "$@"
