#!/bin/sh
# SPDX-License-Identifier: MIT
# Escapes of a network from words: valley, saddle, sweep, killed and gone on. escape_network.sh PROGRAM
. "$(dirname "$0")/claims.sh"

box="--data gauss:classes=2,dim=4,n=200 --model mlp:4-1 --loss logistic --l2 0.01 --rule box:0.4 --lr 0.2 --batch 1,2
     --replicas 100 --max-steps 200000 --json --quiet"
numbers() { sed '/"recipe"/d'; }

# shellcheck disable=SC2086
threads_and_a_ledger_change_no_number() {
    run escape network $box
    exits 0 || return 1
    says '"covariance_correlation"' '"predicted_slopes"' '"weibull_z"' '"clock_starts_after"' || return 1
    echo "$out" | numbers >whole
    run escape network $box --threads 1 --ledger l.txt
    exits 0 || return 1
    echo "$out" | numbers | cmp - whole || return 1
    [ "$(wc -l <l.txt)" = 15 ] # the recipe, and seven groups of sixteen replicas for each of two points
}
# Killed outright at three moments, then left to finish: the numbers of a run that was never touched.
# shellcheck disable=SC2086
kill_nine_loses_nothing_that_was_finished() {
    run escape network $box --replicas 200 && [ "$code" = 2 ] || return 1 # a flag twice is a mistake
    long=$(echo "$box" | sed 's/--replicas 100/--replicas 300/')
    run escape network $long
    exits 0 || return 1
    echo "$out" | numbers >whole
    for moment in 0.05 0.2 0.3; do
        "$program" escape network $long --threads 1 --ledger l.txt >/dev/null 2>&1 &
        sleep $moment
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || true
    done
    run escape network $long --ledger l.txt
    exits 0 || return 1
    echo "$out" | numbers | cmp - whole || return 1
    head -c "$(($(wc -c <l.txt) * 2 / 3))" l.txt >cut.txt
    run escape network $long --ledger cut.txt
    exits 0 || return 1
    echo "$out" | numbers | cmp - whole || return 1
    [ "$(sort cut.txt)" = "$(sort l.txt)" ]
}
# shellcheck disable=SC2086
a_ledger_of_other_work_is_refused() {
    run escape network $box --ledger l.txt
    exits 0 || return 1
    run escape network $box --seed 1 --ledger l.txt
    exits 2 "l.txt" "--seed 1" || return 1
    echo hello >l.txt
    run escape network $box --ledger l.txt
    exits 2 "l.txt" "hello"
}
# A rare point by splitting: the interval of a simulation of the same point overlaps with it; the ledger holds its repeats.
splitting_says_what_simulation_says() {
    rare="--data gauss:classes=2,dim=4,n=200 --model mlp:4-1 --loss logistic --l2 0.01 --rule box:0.4 --lr 0.2 --batch 3
        --quiet"
    # shellcheck disable=SC2086
    run escape network $rare --replicas 64 --json
    exits 0 || return 1
    simulated=$(echo "$out" | sed -n 's/.*"\(low\|high\)": \([0-9.]*\).*/\2/p' | tr '\n' ' ')
    # shellcheck disable=SC2086
    run escape network $rare --method split --repeats 8 --paths 200 --json --ledger l.txt
    exits 0 || return 1
    says '"method": "splitting"' '"events": null' || return 1
    echo "$out" | sed -n 's/.*"\(low\|high\)": \([0-9.]*\).*/\2/p' | tr '\n' ' ' |
        awk -v other="$simulated" '{ split(other, b); exit !(b[1] > 1000 && $1 < b[2] && b[1] < $2) }' || return 1
    [ "$(wc -l <l.txt)" = 9 ] || return 1
    echo "$out" | numbers >whole
    # shellcheck disable=SC2086
    run escape network $rare --method split --repeats 8 --paths 200 --json --ledger l.txt --threads 1
    exits 0 || return 1
    echo "$out" | numbers | cmp - whole || return 1
    run escape network --data gauss:classes=2,dim=4,n=200 --model mlp:4-1 --loss logistic --l2 0.01 --rule box:0.1 --lr 0.2 \
        --method split --replicas 32 --quiet
    exits 0 || return 1
    says "most are out within" || return 1 # frequent: simulated
    # One sample of 60,000 ends it by being drawn, over all levels at once: splitting is given up, and says so.
    awk 'BEGIN { srand(2); for (i = 0; i < 59999; i++) printf "%.3f,%.3f,%d\n", rand() - 0.5 + (i % 2), rand(), i % 2
        print "60,0,0" }' >outlier.csv
    run escape network --data csv:outlier.csv --model mlp:2-1 --loss logistic --l2 0.1 --rule box:1.2 --lr 0.1 \
        --method split --repeats 4 --paths 100 --replicas 32 --quiet
    exits 0 || return 1
    says "simulated instead"
}
# Rows as Sensorless Drive Diagnosis has them: 48 numbers with blanks between, the class (1 to 11) last. Two groups of
# classes, the saddle rule on a small network, a figure with its numbers.
a_file_in_the_form_of_sensorless_is_left_past_a_saddle() {
    awk 'BEGIN { srand(1); for (i = 0; i < 220; i++) { c = i % 11 + 1
        for (k = 0; k < 48; k++) printf "%.5e ", (k % 11 == c - 1) * 1.5 + rand() - 0.5
        print c } }' >sensorless.txt
    run escape network --data csv:sensorless.txt --scale standard --first-classes 5 --model mlp:48-1 --loss logistic \
        --l2 0.1 --rule box:0.1 --lr 0.1 --batch 1,2,3 --replicas 64 --figure f.svg --csv f.csv --quiet
    exits 0 || return 1
    says "49 parameters, 220 samples" "slope of theory" || return 1
    [ -s f.svg ] && grep -q "measured" f.csv
}
# Three classes of which the first two are joined: the valley of a file that has only the two groups.
classes_are_joined_as_asked() {
    awk 'BEGIN { srand(3); for (i = 0; i < 90; i++) { c = i % 3; x = rand() + c; y = rand() - c / 2
        print x "," y "," c >"three.csv"; print x "," y "," (c == 2) >"two.csv" } }'
    words="--model mlp:2-1 --loss logistic --l2 0.05 --rule box:0.1 --replicas 16 --max-steps 200000 --json --quiet"
    # shellcheck disable=SC2086
    run escape network --data csv:three.csv --first-classes 2 $words
    exits 0 || return 1
    echo "$out" | grep -E '"(loss|ln_steps)": [0-9]' >joined
    # shellcheck disable=SC2086
    run escape network --data csv:two.csv $words
    exits 0 || return 1
    echo "$out" | grep -E '"(loss|ln_steps)": [0-9]' | cmp - joined && [ "$(wc -l <joined)" = 2 ]
}
# From a wide start the lowest saddle found joins the valley to another; its barrier is positive, its index one.
a_saddle_is_found_and_joined() {
    run escape network --data gauss:classes=2,dim=3,n=100,sep=1 --model mlp:3-2-1,act=tanh --loss logistic --l2 0.01 \
        --init glorot-normal --rule saddle --noise white:0.02 --lr 0.5 --replicas 32 --max-steps 3000 --starts 12 --quiet --json
    [ "$code" = 0 ] || [ "$code" = 1 ] || return 1
    says '"barrier"' '"share"' '"h_ae"' '"action"' || return 1
    echo "$out" | awk -F: '/"barrier"/ { exit !($2 + 0 > 0) }' || return 1
    echo "$out" | awk -F: '/"ln_steps"/ { exit !($2 + 0 > 3) }' # the start is on this side of the plane
}
# shellcheck disable=SC2086
what_makes_no_sense_is_refused() {
    small="--data gauss:classes=3,dim=4,n=60 --model mlp:4-3"
    run escape network $small --rule boxes
    exits 2 "--rule" "boxes" || return 1
    run escape network $small --rule box:-1
    exits 2 "--rule" "box:-1" || return 1
    run escape network $small --noise white
    exits 2 "--noise" "white:NUMBER" || return 1
    run escape network $small --noise pink
    exits 2 "--noise" "pink" || return 1
    run escape network $small --first-classes 3
    exits 2 "--first-classes" "found 3" || return 1
    run escape network $small --lr 1e3
    exits 2 "k lr = 1000" "curvature of the valley" || return 1
    run escape network $small --repeats 3
    exits 2 "--repeats" "3" || return 1
    run escape network $small --batch 1.5
    exits 2 "--batch" "1.5" || return 1
    run escape network $small --batch 1,2 --lr 1,2
    exits 2 "one list" || return 1
    run escape network --data gauss:classes=3,dim=4,n=60 --model mlp:4-3-3,act=gelu
    exits 2 "tanh" || return 1
    run escape network --data gauss:classes=3,dim=4,n=60 --model mlp:4-400-3
    exits 2 "at most 1000"
}

claims threads_and_a_ledger_change_no_number kill_nine_loses_nothing_that_was_finished a_ledger_of_other_work_is_refused \
    splitting_says_what_simulation_says \
    a_file_in_the_form_of_sensorless_is_left_past_a_saddle classes_are_joined_as_asked \
    a_saddle_is_found_and_joined what_makes_no_sense_is_refused
