#!/bin/sh
# SPDX-License-Identifier: MIT
# Words in: what the program understands, and what it says when it does not. usage.sh PROGRAM
. "$(dirname "$0")/claims.sh"

sources=$(cd "$(dirname "$0")/../.." && pwd)

version_is_one_line() { run --version && exits 0 && says "thalweg " && [ "$(echo "$out" | wc -l)" = 1 ]; }
help_lists_every_command_and_each_has_help_with_an_example() {
    run --help
    exits 0
    for name in $(echo "$out" | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u); do
        run "$name" --help
        exits 0
        says "thalweg $name"
        run help "$name"
        exits 0
    done
}
no_command_is_wrong_usage() { run; exits 2 "found no command"; }
a_typo_in_a_command_is_answered_with_the_nearest() { run bnech; exits 2 "bnech" "the nearest is bench"; }
a_typo_in_a_flag_is_answered_with_the_nearest() { run bench --thread=1 --jsno; exits 2 "--jsno" "the nearest is --json"; }
an_ambiguous_flag_lists_what_it_could_be() { run train --s 1; exits 2 "--split" "--samples" "--seed"; }
a_flag_without_its_value_names_it() { run bench --threads; exits 2 "--threads: found no value, expected N"; }
a_number_out_of_range_names_the_range() { run bench --threads 0; exits 2 '--threads: found "0"' "from 1 to 1024"; }
a_number_with_letters_is_refused() { run bench --threads 2x; exits 2 '--threads: found "2x"'; }
a_flag_given_twice_is_refused() { run bench --json --json; exits 2 "--json: found twice"; }
a_switch_takes_no_value() { run bench --json=1; exits 2 "--json" "found a value"; }
a_stray_word_is_refused() { run bench word; exits 2 "word: found a word"; }
# 128 MiB of products would take minutes: the signal comes after one second, and the program has ended within ten.
an_interrupt_stops_cleanly_and_leaves_no_file() {
    timeout -s INT -k 10 1 "$program" spectrum --model mlp:50-400-10 --weights init:1 --data gauss:dim=50,n=1000 --top 200 \
        --tolerance 1e-15 --of-each --max-products 100000000 --out out.npz >"$folder/stdout" 2>"$folder/stderr" || code=$?
    grep -q "stopped as asked" "$folder/stderr" || { echo "    said: $(cat "$folder/stderr"), code $code"; return 1; }
    [ -z "$(ls)" ]
}
# 1,230 parameters in float, 500 samples in shards of 64: of 8 shards 4 ranks work on 2 each, and receive 3/4 of the image
# twice; a rank alone receives nothing.
check_counts_what_ranks_would_receive() {
    common="--model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50,n=500 --json"
    # shellcheck disable=SC2086 # $common is words
    run check $common --ranks 4
    exits 0
    says '"seconds_a_flop"' '"standard_error"' '"residual_seconds_rms"'
    says '"shards": 8' '"largest_part": 2' '"received_bytes": 7380.0'
    # shellcheck disable=SC2086
    run check $common --ranks 1
    exits 0
    says '"largest_part": 8' '"received_bytes": 0.0' '"messages_seconds": 0.0' '"limited_by": "the sweeps"'
}
the_pages_are_what_help_says_now() {
    "$sources/scripts/command-pages" "$program" "$PWD/pages"
    diff -r "$sources/docs/commands" pages
}
# By hand: 6 x 8e9 flops x 1e6 samples over 8 x 1e12 flops/s is 6000 s; 2 x 7/8 x 1e9 numbers of 4 bytes at 7e9 bytes/s is
# 1 s; 14 messages of 0.5 s are 7 s.
check_predicts_what_another_network_would_take() {
    common="--model mlp:5-3 --weights init:1 --data gauss:classes=3,dim=5,n=50 --json"
    node="--rate 1e12 --bandwidth 7e9 --latency 0.5"
    # shellcheck disable=SC2086 # words
    run check $common $node --ranks 8,64 --of parameters=1e9,samples=1e6,forward=8e9
    exits 0
    says '"sweeps_seconds": 6000.0' '"traffic_seconds": 1.0' '"messages_seconds": 7.0' '"ranks": 64'
    # shellcheck disable=SC2086
    run check $common --ranks 8 --of parameters=1e9,samples=1e6
    exits 2 "found no forward"
    # shellcheck disable=SC2086
    run check $common --ranks 8,many
    exits 2 'at "many"'
}
a_full_disk_is_noticed() {
    [ -e /dev/full ] || return 0
    code=0
    err=$("$program" bench --help 2>&1 >/dev/full) || code=$?
    exits 2 "stdout: could not be written whole"
}

claims version_is_one_line help_lists_every_command_and_each_has_help_with_an_example no_command_is_wrong_usage \
    a_typo_in_a_command_is_answered_with_the_nearest a_typo_in_a_flag_is_answered_with_the_nearest \
    an_ambiguous_flag_lists_what_it_could_be \
    a_flag_without_its_value_names_it a_number_out_of_range_names_the_range a_number_with_letters_is_refused \
    a_flag_given_twice_is_refused a_switch_takes_no_value a_stray_word_is_refused an_interrupt_stops_cleanly_and_leaves_no_file check_counts_what_ranks_would_receive check_predicts_what_another_network_would_take \
    the_pages_are_what_help_says_now a_full_disk_is_noticed
