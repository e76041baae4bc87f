#!/bin/sh
# SPDX-License-Identifier: MIT
# thalweg data: lists, describes, draws; and wrong data sets are named. data.sh PROGRAM
. "$(dirname "$0")/claims.sh"
fixtures=$(cd "$(dirname "$0")/../data/data" && pwd)
idx=idx:$fixtures/images.idx.gz,$fixtures/labels.idx

a_bare_word_lists_every_kind() { run data && exits 0 && says "fashion-mnist[:DIR]" && says "gauss[:classes=10"; }
the_example_of_the_help_page_runs() {
    run data --help
    echo "$out" | sed -n '/^Example:/,$s/^  thalweg //p' >lines
    [ -s lines ] || return 1
    while read -r line; do
        # shellcheck disable=SC2086 # the line is words
        run $line
        exits 0 || return 1
    done <lines
}
a_data_set_is_described() {
    run data "$idx"
    exits 0 && says "samples    3" && says "features   8 = 1 x 2 x 4" && says "classes    3" && says "from 0 to 0.901961"
}
word_and_flag_say_the_same() {
    run data gauss:n=5,dim=2 --json
    word=$(echo "$out" | grep -v recipe)
    run data --data gauss:n=5,dim=2 --json
    exits 0 && [ "$word" = "$(echo "$out" | grep -v recipe)" ]
}
samples_are_printed_with_their_class() {
    run data "csv:$fixtures/flowers.csv,label=kind" --show 2
    exits 0 && says "0: 1.5 -2000 -> rose; red" && says "1: 0.25 7 -> aster"
}
subsets_and_splits_change_the_count() {
    run data gauss:n=100,dim=2 --validation 0.2 --split validation --samples 7
    exits 0 && says "samples    7" || return 1
    run data gauss:n=100,dim=2 --samples 101
    exits 2 "found 100 samples" "the 101 asked for"
}
a_misspelt_data_set_is_answered_with_the_nearest() { run data fashion-mnits; exits 2 "did you mean fashion-mnist?"; }
a_missing_file_is_named() { run data npz:nowhere.npz; exits 2 "nowhere.npz: cannot be opened: No such file"; }
a_cut_file_is_named_with_the_place() {
    head -c 30 "$fixtures/images.idx" >cut.idx
    run data "idx:cut.idx,$fixtures/labels.idx"
    exits 2 "cut.idx: byte 16: the header claims 3 items of 8 bytes; found 14 bytes"
}
two_data_sets_are_refused() { run data gauss gauss; exits 2 "more than one data set"; }
numbers_are_not_drawn_as_images() {
    run data gauss --figure x.svg
    exits 2 "expected images with 1 or 3 channels" && [ ! -e x.svg ]
}
images_are_drawn() {
    command -v gnuplot >/dev/null || return 0
    for kind in svg png; do
        run data "$idx" --figure "x.$kind"
        exits 0 && [ -s "x.$kind" ] || return 1
    done
}

what_can_be_fetched_is_listed() {
    export THALWEG_DATA="$PWD/home"
    run data fetch && exits 0 && says "cifar10" "https://www.cs.toronto.edu/~kriz/" "not in $PWD/home/cifar10"
}
a_missing_set_says_where_it_belongs_and_how_to_fetch_it() {
    export THALWEG_DATA="$PWD/home"
    for words in "data cifar10" "data mnist" "data cifar100" \
        "train --model simplecnn --data cifar10 --epochs 1 --run r"; do
        # shellcheck disable=SC2086 # words
        run $words
        name=$(echo "$words" | grep -o 'cifar100\|cifar10\|mnist')
        exits 2 "$PWD/home/$name: not there: \`thalweg data fetch $name\` brings it" || return 1
    done
    run data cifar10:nowhere
    exits 2 "nowhere: not there: \`thalweg data fetch cifar10\`"
    mkdir empty
    run data cifar10:empty
    exits 2 "empty/data_batch_1.bin: not there, plain or as .gz" "thalweg data fetch cifar10"
}
a_fetched_set_needs_no_place() {
    export THALWEG_DATA="$PWD/home"
    mkdir -p home/cifar10
    for b in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
        cp "$fixtures/cifar10.bin.gz" "home/cifar10/$b.bin.gz"
    done
    run data cifar10
    exits 0 && says "3 x 32 x 32" "airplane"
}
an_unknown_set_is_answered_with_the_nearest() { run data fetch cifar01; exits 2 "did you mean cifar10?"; }
nobody_at_the_address_leaves_a_message_and_no_data() {
    run data fetch mnist --to here --from http://127.0.0.1:1/ --tries 1
    exits 2 "127.0.0.1:1" && [ ! -e here/train-images-idx3-ubyte.gz ] && [ ! -e here/SHA256SUMS ]
}

claims a_bare_word_lists_every_kind the_example_of_the_help_page_runs a_data_set_is_described word_and_flag_say_the_same \
    samples_are_printed_with_their_class subsets_and_splits_change_the_count \
    a_misspelt_data_set_is_answered_with_the_nearest a_missing_file_is_named a_cut_file_is_named_with_the_place \
    two_data_sets_are_refused numbers_are_not_drawn_as_images images_are_drawn \
    what_can_be_fetched_is_listed a_missing_set_says_where_it_belongs_and_how_to_fetch_it a_fetched_set_needs_no_place \
    an_unknown_set_is_answered_with_the_nearest nobody_at_the_address_leaves_a_message_and_no_data
