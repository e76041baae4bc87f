#!/bin/sh
# SPDX-License-Identifier: MIT
# Bounds of networks, as a user asks for them.
. "$(dirname "$0")/claims.sh"

net="--model mlp:6-5-3,act=relu --dtype f64 --quiet --draws 40 --pilot 4 --prior-scales 6 --prior-b 1"
gauss="--data gauss:classes=3,dim=6,n=60,sep=3,test=90"

# shellcheck disable=SC2086 # $net and $gauss are words

# field NAME...: the first value of each, from the JSON just printed.
field() { for name; do echo "$out" | tr ',{}' '\n\n\n' | sed -n "s/.*\"$name\": \(.*\)/\1/p" | head -1; done; }

# Truth: the function is the same and the prior is rescaled along; a fixed prior gives another bound.
rescaling_leaves_the_bound_to_1e_6() {
    run bound network $net $gauss --rescale 1000 --json
    exits 0
    field largest_difference | awk '{ exit !($1 <= 1e-6) }'
    says '"fixed_prior"' '"confidence": 0.9'
    run bound network $net $gauss --rescale 1000
    says "rescaled, prior not" "Bounds differ by at most"
}

a_network_that_changes_is_not_rescaled() {
    run bound network --model mlp:6-5-3,act=tanh --dtype f64 --quiet --draws 2 --pilot 2 --prior-scales 1 $gauss --rescale 10
    exits 2 "--rescale" "relu"
}

# Labels that are all random cannot be foretold: guessing errs 2/3.
a_vacuous_bound_says_so() {
    run bound network $net $gauss --samples 20 --random-labels 1 --epochs 100
    says "VACUOUS" "1 of the labels random"
    run bound network --model mlp:6-5-3,act=relu --quiet --data gauss:classes=3,dim=6,n=2000,sep=4,test=90 --draws 300 --pilot 4 --prior-scales 8 --prior-b 1
    says "Least: error at most"
}

a_stored_network_needs_the_start_it_had() {
    run train --model mlp:6-5-3,act=relu --dtype f64 $gauss --epochs 3 --weights init:4 --save w.safetensors --quiet
    exits 0
    run bound network $net $gauss --weights w.safetensors
    exits 2 "--prior is missing"
    run bound network $net $gauss --weights w.safetensors --prior init:4 --json
    exits 0
    norm=$(field weighted_norm)
    run bound network $net $gauss --weights w.safetensors --prior w.safetensors --json # weights equal to the prior's mean
    exits 0
    says '"weighted_norm": 0.0'
    [ "$norm" != 0.0 ]
}

training_that_falls_short_ends_with_1() {
    run bound network $net $gauss --epochs 0
    exits 1 "above --until-loss"
    says "LOSS NOT REACHED"
    run bound network $net $gauss --lr 1e200
    exits 1 "diverged"
}

what_cannot_be_is_refused() {
    run bound network $net $gauss --delta 1
    exits 2 "--delta" "inside (0, 1)"
    run bound network $net $gauss --delta 0.5 --delta-mc 0.6
    exits 2 "sum below 1"
    run bound network --model mlp:3-4-1 --data regression:dim=3
    exits 2 "class labels"
    run bound network --model mlp:6-0-3 $gauss
    exits 2 "mlp:6-0-3"
    run bound compare $net $gauss --fractions 0,2
    exits 2 "--fractions" "0 to 1"
    run bound compare $net $gauss --sizes 10,x
    exits 2 "--sizes"
    run bound compare $net $gauss --sizes 10 --samples 10
    exits 2 "--samples"
    run bound compare $net $gauss --random-labels 0.5
    exits 2 "--random-labels"
}

one_sample_is_enough() {
    run bound network $net $gauss --samples 1
    exits 0
    says "Fewer than 8 samples" "VACUOUS"
}

# Rows are what bound network gives with the same words; the norm term is larger with random labels (paper 1).
a_comparison_is_its_rows() {
    run bound compare $net $gauss --fractions 0,1 --sizes 30,60 --epochs 300 --figure a.svg --csv a.csv --json
    [ "$(echo "$out" | grep -c '"random_labels"')" = 4 ]
    grep -q '</svg>' a.svg
    first=$(field rhs weighted_norm gibbs)
    run bound network $net $gauss --samples 30 --epochs 300 --json
    [ "$(field rhs weighted_norm gibbs)" = "$first" ]
    run bound compare $net $gauss --fractions 0,1 --epochs 300
    says "test, own" "bounds are vacuous"
    echo "$out" | awk '$1 == 60 && $2 == 0 { clean = $10 } $1 == 60 && $2 == 1 { random = $10 }
                       END { exit !(random > clean && clean > 0) }'
}

# Truth: relu makes every output piecewise linear in each weight, tanh does not.
relu_needs_no_probes() {
    run bound network $net $gauss --probes 16
    exits 0
    says "exact (one sweep)"
}

probes_give_errors() {
    run bound network --model mlp:6-5-3,act=tanh --dtype f64 --quiet --draws 40 --pilot 4 --prior-scales 6 --prior-b 1 $gauss --probes 16
    exits 0
    says "probed (16 products)" "+- at most" "EC in ["
}

claims rescaling_leaves_the_bound_to_1e_6 a_network_that_changes_is_not_rescaled a_vacuous_bound_says_so \
    a_stored_network_needs_the_start_it_had training_that_falls_short_ends_with_1 what_cannot_be_is_refused \
    one_sample_is_enough a_comparison_is_its_rows relu_needs_no_probes \
    probes_give_errors
