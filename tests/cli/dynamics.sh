#!/bin/sh
# SPDX-License-Identifier: MIT
# The law of a step and runs side by side, as a user asks for them.
. "$(dirname "$0")/claims.sh"

small="--model mlp:4-5-3,act=tanh --weights init:1 --data gauss:classes=3,dim=4,n=12 --dtype f64 --batch 2"

# Truth: there are 66 pairs out of 12 samples.
all_batches_are_taken_where_they_are_few() {
    run dynamics $small --states 2 --epochs 2
    exits 0
    says "over all 66 batches" "P(D < 0)" "beyond the bound"
}

rules_are_set_beside_each_other() {
    run dynamics $small --draws 0 --runs 5 --epochs 3 --optim sgd --optim precond:power=1 --figure a.svg --csv a.csv
    exits 0
    says "sgd: 5 runs of 18 steps" "precond:power=1: 5 runs" "phase"
    grep -q '</svg>' a.svg
}

special_cases_are_named() {
    run dynamics --model mlp:3-1 --weights init:1 --data regression:dim=3,n=20,noise=0 --loss half-mse --dtype f64 --batch 1 \
        --states 1 --json
    exits 0
    says '"safe_factor"' '"all_batches": true'
    run dynamics --model mlp:3-1 --weights init:1 --data gauss:classes=2,dim=3,n=20 --loss logistic --dtype f64 --batch 1 --states 1
    exits 0
    says "logistic: Tr M"
}

figures_of_laws_are_drawn() {
    run dynamics $small --states 3 --epochs 3 --figure b.svg --precondition sqrt --eps 1e-3 --json
    exits 0
    says '"second_order"' '"inner_predicted": null'
    grep -q '</svg>' b.svg
}

wrong_words_are_named() {
    run dynamics $small --optim sdg
    exits 2 "sgd"
    run dynamics $small --draws 0
    exits 2 "nothing to do"
    run dynamics $small --eps -1
    exits 2 "eps"
}

claims all_batches_are_taken_where_they_are_few rules_are_set_beside_each_other special_cases_are_named \
    figures_of_laws_are_drawn wrong_words_are_named
