#!/bin/sh
# SPDX-License-Identifier: MIT
# A program without MPI says so, and never does several times what was asked once. one_process.sh PROGRAM
. "$(dirname "$0")/claims.sh"

says_what_it_is() {
    run --version
    exits 0
    says "built without MPI"
}
several_processes_are_refused() {
    for word in OMPI_COMM_WORLD_SIZE PMI_SIZE SLURM_STEP_NUM_TASKS; do
        code=0
        env $word=2 "$program" train --model mlp:4-3 --data gauss:classes=3,dim=4,n=60 --epochs 1 --run store \
            >"$folder/stdout" 2>"$folder/stderr" || code=$?
        err=$(cat "$folder/stderr")
        exits 2 "$word is 2" "without MPI" || return 1
        [ ! -e store ] || return 1
    done
}
one_process_of_mpirun_works() {
    OMPI_COMM_WORLD_SIZE=1 "$program" loss --model mlp:4-3 --weights init:1 --data gauss:classes=3,dim=4,n=60
}
claims says_what_it_is several_processes_are_refused one_process_of_mpirun_works
