#!/bin/sh
# SPDX-License-Identifier: MIT
# The same bits on 1, 2 and 3 threads: every command's JSON, apart from times, and every file. threads.sh PROGRAM
. "$(dirname "$0")/claims.sh"

# 1,030 samples: shards of unequal size. n is large enough for vectors to be summed in pieces.
common="--model mlp:50-60-10,act=tanh --data gauss:classes=10,dim=50,n=1030"

# same COMMAND...: the JSON of 1, 2 and 3 threads, times taken out, and a file named out.npz are equal.
same() {
    for threads in 1 2 3; do
        run "$@" --threads $threads --json --quiet
        exits 0 || return 1
        echo "$out" | sed '/"seconds"/d' >"json.$threads"
        if [ -e out.npz ]; then mv out.npz "out.$threads"; else : >"out.$threads"; fi
    done
    for threads in 2 3; do
        cmp json.1 json.$threads && cmp out.1 out.$threads || return 1
    done
}

# shellcheck disable=SC2086 # $common is words
train_has_the_same_bits() { same train $common --epochs 2 --batch 100 --save out.npz; }
loss_has_the_same_bits() { same loss $common --weights init:3 --out out.npz; }
check_has_the_same_bits() { same check $common --weights init:3; }
data_has_the_same_bits() { same data gauss:classes=10,dim=50,n=1030; }
apply_has_the_same_bits() {
    run loss $common --weights init:4 --gradient v.npy
    exits 0
    for matrix in hessian ggn moment covariance residual; do
        same apply $common --weights init:3 --matrix $matrix --vector v.npy --out out.npz || return 1
    done
}
solve_has_the_same_bits() {
    run loss $common --weights init:4 --gradient v.npy
    exits 0
    same apply $common --weights init:3 --matrix ggn --vector v.npy --solve --damping 0.05 --out out.npz
}
spectrum_has_the_same_bits() {
    same spectrum $common --weights init:3 --top 3 --bottom 1 --trace --density --probes 3 --steps 10 --out out.npz
    same spectrum $common --weights init:3 --matrix moment --top 3 --dtype f64 --out out.npz
}

claims train_has_the_same_bits loss_has_the_same_bits check_has_the_same_bits data_has_the_same_bits \
    apply_has_the_same_bits solve_has_the_same_bits spectrum_has_the_same_bits
