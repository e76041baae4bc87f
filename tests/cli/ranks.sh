#!/bin/sh
# SPDX-License-Identifier: MIT
# The same bits on 1 to 4 ranks: every command's JSON, apart from times, and every file. ranks.sh PROGRAM MPIRUN
. "$(dirname "$0")/claims.sh"
. "$(dirname "$0")/on_ranks.sh"

# 1,030 samples: shards of unequal size, which 3 ranks cannot share evenly.
common="--model mlp:50-60-10,act=tanh --data gauss:classes=10,dim=50,n=1030"

# shellcheck disable=SC2086 # $common is words
train_has_the_same_bits() {
    same train $common --epochs 2 --batch 200 --save out.npz
    several=3
    same train $common --epochs 1 --batch 200 --optim sam:rho=0.1 --clip-norm 1 --save out.npz
}
loss_has_the_same_bits() { several=4; same loss $common --weights init:3 --out out.npz; }
apply_has_the_same_bits() {
    run loss $common --weights init:4 --gradient v.npy
    exits 0
    several=3
    for matrix in hessian ggn covariance; do
        same apply $common --weights init:3 --matrix $matrix --vector v.npy --out out.npz || return 1
    done
}
# 9,770 parameters: five slabs of the Krylov basis, dealt to ranks unevenly.
wide=" --model mlp:50-160-10,act=tanh --data gauss:classes=10,dim=50,n=300 --weights init:3 --top 3 --bottom 1 --seed 4"
spectrum_has_the_same_bits() { same spectrum $wide --trace --density --probes 3 --steps 10 --out out.npz; }
a_basis_on_disk_goes_on_with_another_number_of_ranks() {
    run spectrum $wide --tolerance 1e-6 --quiet --out alone.npz
    exits 0
    on 2 spectrum $wide --tolerance 1e-6 --quiet --out out.npz --basis-dir basis --max-products 14
    exits 1
    [ -e basis/lanczos.state ] || return 1
    on 3 spectrum $wide --tolerance 1e-6 --quiet --out out.npz --basis-dir basis --max-products 28
    exits 1
    run spectrum $wide --tolerance 1e-6 --quiet --out out.npz --basis-dir basis --l2 0.01
    exits 2 "found the basis of another problem" "l2"
    run spectrum $wide --tolerance 1e-6 --quiet --out out.npz --basis-dir basis
    exits 0
    cmp out.npz alone.npz && [ ! -e basis ]
}
check_has_the_same_bits() { several=2; same check $common --weights init:3; }
check_measures_fewer_ranks_too() {
    on 3 check $common --weights init:3 --ranks 2,64 --json --quiet
    exits 0
    says '"seconds_a_flop"' '"seconds_a_byte"' '"seconds_a_message"' '"ranks": 64'
}
simulations_have_the_same_bits() {
    several=3
    same noise regression --sweep lr --from 0.1 --to 1.5 --points 2 --replicas 112 --steps 300
    same escape landscape --noise white:0.2 --lr 0.02 --barrier 0.6,1.2 --replicas 100
    same escape network --data gauss:classes=2,dim=4,n=200 --model mlp:4-1 --loss logistic --l2 0.01 --rule box:0.4 \
        --lr 0.2 --batch 1,2 --replicas 50
}
many_runs_have_the_same_bits() {
    several=3
    same dynamics --model mlp:10-6-3,act=tanh --weights init:1 --data gauss:classes=3,dim=10,n=200 --dtype f64 --batch 5 \
        --draws 100 --states 2 --runs 7 --optim sgd
}
a_grid_is_dealt_and_has_the_same_bits() {
    words="--epochs 1 --batch 200 --lr 0.1 --seed 4 --grid optim.lr=0.1,0.2 --seeds 2"
    run train $common $words --run alone --quiet
    exits 0
    on 3 train $common $words --run many --quiet
    exits 0
    [ "$(echo alone/* | wc -w)" = 4 ]
    for member in alone/*; do
        name=${member#alone/}
        numbers "alone/$name" >alone.all
        numbers "many/$name" >many.all
        cmp alone.all many.all || return 1
    done
}

recipe="--epochs 3 --batch 200 --lr 0.1 --seed 4"
numbers() { # numbers RUN: all of a run but times, as lines, and its last weights
    run export "$1" --csv "$1.csv" --quiet
    exits 0 || return 1
    cat "$1"/weights-*.safetensors
    cat "$1.csv"
}
a_recorded_run_has_the_same_bits() {
    run train $common $recipe --run alone --quiet
    exits 0
    numbers alone >alone.all
    on 3 train $common $recipe --run many --quiet
    exits 0
    numbers many >many.all
    cmp alone.all many.all
}

a_run_whose_rank_was_killed_goes_on_with_another_number_of_ranks() {
    long="--epochs 200 --batch 200 --lr 0.01 --seed 4 --set outputs.checkpoint=100steps"
    run train $common $long --run alone --quiet
    exits 0
    numbers alone >alone.all
    "$starter" "$mpirun" 3 "$program" train $common $long --run "$PWD/killed" >/dev/null 2>&1 &
    started=$!
    for _ in $(seq 400); do
        set -- killed/state-[1-9]*
        [ -e "$1" ] && break
        sleep 0.05
    done
    for pid in $(pgrep -f -- "--run $PWD/killed" || true); do
        # one rank, not the first: mpirun and the shell are no ranks
        if grep -qz '^OMPI_COMM_WORLD_RANK=2$' "/proc/$pid/environ" 2>/dev/null; then kill -9 "$pid"; fi
    done
    if wait $started; then
        echo "the run ended before it was killed"
        return 1
    fi
    on 2 train --resume killed --quiet
    exits 0
    numbers killed >killed.all
    cmp alone.all killed.all
}

only_rank_0_speaks() {
    on 3 loss $common --weights init:3
    exits 0
    [ "$(echo "$out" | grep -c .)" = "$(run loss $common --weights init:3; echo "$out" | grep -c .)" ]
    on 3 loss --model mlp:50-10 --data gauss:classes=10,dim=50,n=100 --weights none.npz
    exits 2 "none.npz"
    [ "$(echo "$err" | grep -c 'none.npz')" = 1 ] || { echo "said more than once: $err"; return 1; }
}

# One rank alone fails, at a file that it alone cannot read: all end, with its message.
a_failure_of_one_rank_ends_all() {
    run loss $common --weights init:4 --gradient v.npy
    exits 0
    cat >lone.sh <<'END'
#!/bin/sh
# as rank 1, look for the vector where it is not
program=$1
shift
[ "$OMPI_COMM_WORLD_RANK" = 1 ] && cd elsewhere
exec "$program" "$@"
END
    chmod +x lone.sh
    mkdir elsewhere
    code=0
    timeout 60 "$starter" "$mpirun" 3 ./lone.sh "$program" apply $common --weights init:3 --vector v.npy --out out.npz \
        >"$folder/stdout" 2>"$folder/stderr" || code=$?
    err=$(cat "$folder/stderr")
    exits 2 "rank 1 of 3" "v.npy"
}

# Where more were started than MPI sees, each would do all the work.
ranks_that_do_not_see_each_other_are_an_error() {
    code=0
    # shellcheck disable=SC2086 # $common is words
    ASAN_OPTIONS=detect_leaks=0 PMI_SIZE=4 "$program" loss $common --weights init:3 >"$folder/stdout" 2>"$folder/stderr" || code=$?
    err=$(cat "$folder/stderr")
    exits 2 "PMI_SIZE is 4"
}

claims train_has_the_same_bits loss_has_the_same_bits apply_has_the_same_bits spectrum_has_the_same_bits \
    a_basis_on_disk_goes_on_with_another_number_of_ranks check_has_the_same_bits check_measures_fewer_ranks_too simulations_have_the_same_bits many_runs_have_the_same_bits \
    a_grid_is_dealt_and_has_the_same_bits ranks_that_do_not_see_each_other_are_an_error a_recorded_run_has_the_same_bits only_rank_0_speaks a_failure_of_one_rank_ends_all \
    a_run_whose_rank_was_killed_goes_on_with_another_number_of_ranks
