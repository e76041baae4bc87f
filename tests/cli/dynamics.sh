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

recorded_runs_are_looked_at() {
    run train --model mlp:4-5-3,act=relu --data gauss:classes=3,dim=4,n=12 --dtype f64 --epochs 6 --batch 4 --lr 0.05 --run r \
        --set "outputs.weights=1 epoch" --quiet
    exits 0
    run dynamics --run r --states 3 --draws 400
    exits 0
    says "lr 0.05, batch 4" " 9 " " 18 "
    run dynamics --run r --weights init:1
    exits 2 "--weights" "--run"
}

# 12 samples of 43 parameters: some 20 kB.
memory_is_counted_beforehand() {
    run dynamics $small --memory 2K
    exits 1 "2048" "bytes"
    run dynamics $small --states 1 --memory 10M
    exits 0
}

one_sample_has_no_spread() {
    run dynamics --model mlp:4-3 --weights init:1 --data gauss:classes=3,dim=4,n=1 --dtype f64 --batch 1 --states 1
    exits 0
    says "over all 1 batches" "     -/     -"
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
    figures_of_laws_are_drawn recorded_runs_are_looked_at memory_is_counted_beforehand one_sample_has_no_spread wrong_words_are_named
