#!/bin/sh
# SPDX-License-Identifier: MIT
# Bad input of every kind: exit code 2, a message that names the file or flag, what was found and what was expected, and
# no output file. bad_input.sh PROGRAM
. "$(dirname "$0")/claims.sh"

net="--model mlp:50-20-10"
gauss="--data gauss:classes=10,dim=50"

# refused TEXT... after a run with outputs out.npz and out.svg: exit 2, the texts, and nothing left behind.
refused() {
    exits 2 "$@" || return 1
    left=$(find . -name 'out.*' | head -1)
    [ -z "$left" ] || { echo "    left behind: $left"; return 1; }
    [ -z "$out" ] || { echo "    said on stdout: $out"; return 1; }
}

# A good weights file, and a way to hurt it.
weights() { run train $net $gauss --epochs 0 --save w.safetensors --quiet; exits 0; }
bytes() { head -c "$2" "$1"; }

# shellcheck disable=SC2086 # $net and $gauss are words
spectrum() { run spectrum "$@" --out out.npz --figure out.svg; }

missing_data_file() { spectrum $net --weights init:0 --data npz:none.npz; refused "none.npz" "No such file"; }
missing_weights_file() { spectrum $net --weights none.safetensors $gauss; refused "none.safetensors" "No such file"; }
missing_vector_file() { run apply $net --weights init:0 $gauss --vector none.npy --out out.npz; refused "none.npy"; }
a_folder_is_no_file() { mkdir d; spectrum $net --weights d $gauss; refused "d"; }
truncated_weights() {
    weights
    bytes w.safetensors 500 >cut.safetensors
    spectrum $net --weights cut.safetensors $gauss
    refused "cut.safetensors" "expected"
}
empty_weights() { : >empty.safetensors; spectrum $net --weights empty.safetensors $gauss; refused "empty.safetensors" "empty"; }
oversized_weights() {
    weights
    { cat w.safetensors; echo tail; } >long.safetensors
    spectrum $net --weights long.safetensors $gauss
    refused "long.safetensors" "expected"
}
corrupt_weights() {
    weights
    { printf '\377\377\377\377\377\377\377\377'; tail -c +9 w.safetensors; } >hurt.safetensors
    spectrum $net --weights hurt.safetensors $gauss
    refused "hurt.safetensors" "expected"
}
nan_in_weights() { # the last four bytes of a float file become a NaN
    weights
    { bytes w.safetensors -4; printf '\000\000\300\177'; } >nan.safetensors
    spectrum $net --weights nan.safetensors $gauss
    refused "nan.safetensors" "found nan" "finite"
}
weights_of_another_model() {
    weights
    spectrum --model mlp:50-21-10 --weights w.safetensors $gauss
    refused "w.safetensors" "fc1.weight" "found shape 20 x 50" "expected 21 x 50"
}
a_vector_of_the_wrong_length() {
    run loss --model mlp:50-21-10 --weights init:0 $gauss --gradient v.npy
    exits 0
    run apply $net --weights init:0 $gauss --vector v.npy --out out.npy
    refused "v.npy: found shape 1291" "expected 1230"
}
nan_in_a_vector() {
    run loss $net --weights init:0 $gauss --gradient v.npy
    { bytes v.npy -8; printf '\000\000\000\000\000\000\370\177'; } >nan.npy
    run apply $net --weights init:0 $gauss --vector nan.npy --out out.npy
    refused "nan.npy: row 0, element 1229: found nan"
}
csv() { printf 'a,b,label\n%s\n' "$1" >d.csv; spectrum --model mlp:2-3-2 --weights init:0 --data csv:d.csv,label=label; }
nan_in_data() { csv '1,nan,0
2,3,1'; refused "d.csv" "line 2" "nan"; }
words_where_numbers_belong() { csv '1,blue,0
2,3,1'; refused "d.csv" "line 2" "blue"; }
a_short_line() { csv '1,2,0
3,1'; refused "d.csv" "line 3" "expected 3"; }
labels_out_of_range() {
    printf '\000\000\010\003\000\000\000\002\000\000\000\001\000\000\000\002abcd' >images.idx
    printf '\000\000\010\001\000\000\000\002\000\005' >labels.idx
    spectrum --model mlp:2-3-2 --weights init:0 --data idx:images.idx,labels.idx,classes=2
    refused "labels.idx: label 1: found 5" "expected 0 to 1"
}
features_that_do_not_fit() { spectrum --model mlp:49-20-10 --weights init:0 $gauss; refused "49" "50"; }
classes_that_do_not_fit() { spectrum --model mlp:50-20-9 --weights init:0 $gauss; refused "9" "10"; }
impossible_models() {
    for model in mlp:50 mlp: mlp:50-0-10 mlp:50--10 mlp:50-x-10 mlp:50-20-10,act=rely mlp:50-20-10,act cnn '' \
        mlp:50-999999999999999999999-10 mlp:50-20-10,size=3; do
        spectrum --model "$model" --weights init:0 $gauss
        refused "expected" || { echo "    model $model"; return 1; }
    done
}
unknown_data() { spectrum $net --weights init:0 --data fashion-minst; refused "fashion-minst" "fashion-mnist"; }
more_pairs_than_parameters() {
    spectrum $net --weights init:0 $gauss --top 1231
    refused "--top 1231" "at most 1230"
    spectrum $net --weights init:0 $gauss --top 1000 --bottom 231
    refused "at most 1230"
}
zero_samples() { spectrum $net --weights init:0 $gauss --samples 0; refused '--samples: found "0"' "at least 1"; }
more_samples_than_there_are() { spectrum $net --weights init:0 $gauss --samples 101; refused "found 100" "101"; }
layers_that_match_nothing() { spectrum $net --weights init:0 $gauss --layers 'conv*'; refused "conv*" "fc1.weight"; }
an_unknown_matrix() { spectrum $net --weights init:0 $gauss --matrix hesian; refused "hesian" "nearest is hessian"; }
a_seed_that_is_none() { spectrum $net --weights init:x $gauss; refused "init:x" "expected init:SEED"; }
a_figure_of_unknown_kind() { run spectrum $net --weights init:0 $gauss --figure out.gif; refused "out.gif" ".svg"; }
a_folder_that_is_not_there() { run spectrum $net --weights init:0 $gauss --out no/out.npz; refused "no/out.npz" "no"; }
a_learning_rate_that_is_none() { run train $net $gauss --lr -1 --save out.npz; refused '--lr: found "-1"'; }
divergence_is_exit_1_and_saves_nothing() {
    run train $net $gauss --loss mse --lr 1e30 --epochs 20 --save out.safetensors
    exits 1 "diverged"
    [ ! -e out.safetensors ]
}
not_converged_is_exit_1_and_still_shown() {
    run spectrum $net --weights init:0 $gauss --top 10 --tolerance 1e-14 --max-products 30 --json
    exits 1 "did not converge"
    says '"converged"' 'false'
}
a_page_of_nothing() { echo '{}' >r.json; run page --page out.html r.json; refused "r.json" "eigenvalues"; }
a_page_of_broken_json() { echo '{"a": ' >r.json; run page --page out.html r.json; refused "r.json: line"; }

# shellcheck disable=SC2046 # every claim is one word
claims $(sed -n 's/^\([a-z_0-9]*\)() .*/\1/p' "$0" | grep -v '^refused$\|^weights$\|^bytes$\|^spectrum$\|^csv$')
