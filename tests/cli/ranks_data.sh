#!/bin/sh
# SPDX-License-Identifier: MIT
# Each rank holds the samples of its own shards, and all find what one process finds. ranks_data.sh PROGRAM MPIRUN
. "$(dirname "$0")/claims.sh"
. "$(dirname "$0")/on_ranks.sh"

# Files of 600 samples: shards of 96, 96, ..., 24, which no number of ranks shares evenly.
digits() { seq 1 1000000 | tr -d '\n' | head -c "$1"; }          # bytes '0' to '9' in some order
small() { digits "$1" | tr 0-9 '\000\001\002\003\004\005\006\007\010\011'; } # bytes 0 to 9
idx() {
    { printf '\000\000\010\003\000\000\002\130\000\000\000\006\000\000\000\010'; digits 28800; } >x.idx
    { printf '\000\000\010\001\000\000\002\130'; small 600; } >y.idx
}
npy() { # npy NAME SHAPE BYTES FORTRAN
    head="{'descr': '|u1', 'fortran_order': $4, 'shape': ($2), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$head"; small "$3"; } >"$1"
}
safetensors() {
    { printf '\240\000\000\000\000\000\000\000%-160s' \
        '{"x":{"dtype":"U8","shape":[600,40],"data_offsets":[0,24000]},"y":{"dtype":"U8","shape":[600],"data_offsets":[24000,24600]}}'
      small 24000; small 600; } >"$1"
}
cifar() { small $((3073 * 150)) >"$1"; }

# agree RANKS DATA...: loss with these words has the same JSON (also the checksum) and file, and each rank holds a part.
agree() {
    several=$1
    shift
    same loss --weights init:2 --data "$@" --out out.npz --explain || return 1
    held=$(echo "$err" | sed -n 's/.*this rank holds \([0-9,]*\) samples.*/\1/p')
    [ "$held" -gt 0 ] && [ "$held" -le $((600 / several + 96)) ] || { echo "    rank 0 holds \"$held\""; return 1; }
}

images_are_read_in_parts() {
    idx
    agree 2 idx:x.idx,y.idx --model mlp:48-7-10
    agree 3 idx:x.idx,y.idx --model mlp:48-7-10 --scale standard --add-to-sd 0.1
}
zipped_images_are_kept_in_parts() {
    idx
    gzip x.idx
    agree 4 idx:x.idx.gz,y.idx --model mlp:48-7-10 --scale one-scale --dtype f64
}
records_in_several_files_are_read_in_parts() {
    for i in 1 2 3 4 5; do cifar data_batch_$i.bin; done
    cifar test_batch.bin
    agree 3 cifar10:. --samples 600 --model mlp:3072-3-10
}
arrays_are_read_in_parts() {
    npy f.npy "600, 40" 24000 True
    npy y.npy "600," 600 False
    agree 3 npy:f.npy,y.npy --model mlp:40-6-10 --scale standard --validation 0.01
    safetensors xy.safetensors
    agree 2 safetensors:xy.safetensors --model mlp:40-6-10
}
rows_of_text_are_kept_in_parts() {
    digits 12000 | fold -w 20 | sed 's/\(.\)/\1,/g; s/,$//' >rows.csv
    agree 3 csv:rows.csv,header=no --model mlp:19-6-10 --scale standard
}
a_split_in_drawn_order_is_kept_in_parts() {
    idx
    agree 3 idx:x.idx,y.idx,test-images=x.idx,test-labels=y.idx --split all --random-subset --samples 600 \
        --random-labels 0.3 --scale standard --model mlp:48-7-10
}
every_command_of_whole_sweeps_takes_parts() {
    idx
    words="--data idx:x.idx,y.idx --model mlp:48-5-10 --weights init:2"
    several=3
    # shellcheck disable=SC2086 # $words are words
    same spectrum $words --matrix hessian --top 2 --out out.npz
    # shellcheck disable=SC2086
    same compare $words --matrices hessian,moment --html page.html
}
# Each batch is drawn from all samples, of which a rank holds its part: steps, whole sweeps, and a probe's drawn samples.
a_run_on_dealt_samples_has_the_same_bits() {
    cat >r.yaml <<'END2'
data: {source: "idx:x.idx,y.idx", dealt: true, scale: standard, validation: 0.1}
model: {spec: "mlp:48-60-10,act=tanh"}
optim: {lr: 0.05}
sampling: {batch: 150, augment: "flip,shift:1"}
stop: {steps: 8}
probes:
  every: 4 steps
  samples: 100
  also:
    - {kind: eigs, top: 2}
    - {kind: loss, data: train}
    - {kind: noise}
END2
    idx
    run train r.yaml --run alone --quiet
    exits 0
    on 3 train r.yaml --run many --quiet
    exits 0
    run export alone --csv alone.csv --quiet
    run export many --csv many.csv --quiet
    cmp alone.csv many.csv
    cmp alone/weights-8.safetensors many/weights-8.safetensors
    on 2 train --resume many --quiet --set stop.steps=10
    exits 0
}
# What is wrong with a sample is said by the rank that has it.
a_bad_number_is_found_by_the_rank_that_reads_it() {
    awk 'BEGIN { for (i = 0; i < 600; i++) print (i == 590 ? "nan" : i) "," i % 2 }' >rows.csv
    on 3 loss --weights init:2 --data csv:rows.csv,header=no --model mlp:1-2
    exits 2 "rows.csv" nan
}

claims images_are_read_in_parts zipped_images_are_kept_in_parts records_in_several_files_are_read_in_parts \
    arrays_are_read_in_parts rows_of_text_are_kept_in_parts a_split_in_drawn_order_is_kept_in_parts \
    every_command_of_whole_sweeps_takes_parts a_run_on_dealt_samples_has_the_same_bits a_bad_number_is_found_by_the_rank_that_reads_it
