#!/bin/sh
# SPDX-License-Identifier: MIT
# Matrices side by side, as a user asks for them.
. "$(dirname "$0")/claims.sh"

small="--model mlp:6-5-3,act=tanh --weights init:1 --data gauss:classes=3,dim=6,n=40 --dtype f64 --top 3"

states_of_training_are_looked_at() {
    run compare $small --epochs 4 --batch 10
    exits 0
    says "--- init:1, step 0" "--- midway, step 8" "--- end, step 16" "hessian, residual"
}

# Truth: H = M - R, and the l2 term is in none of them.
traces_add_up() {
    run compare $small --l2 0.5 --matrices hessian,moment,residual --json
    exits 0
    echo "$out" | tr -d ' \n' | grep -o '"trace":{"value":[-0-9.e]*' | sed 's/.*://' | {
        read -r h; read -r m; read -r r
        awk -v h="$h" -v m="$m" -v r="$r" 'BEGIN { d = h - m + r; exit !(d < 1e-12 && d > -1e-12 && m > 0) }'
    }
}

further_weights_are_looked_at() {
    run train --model mlp:6-5-3,act=tanh --weights init:1 --data gauss:classes=3,dim=6,n=40 --epochs 1 --save w.safetensors
    exits 0
    run compare $small --matrices moment --and w.safetensors
    exits 0
    says "--- w.safetensors"
}

figure_page_and_json_are_written() {
    run compare $small --figure a.svg --csv a.csv --html a.html --json
    exits 0
    says '"spectrum_error_at_most"' '"cosine_error_at_most"' '"class_cosines"'
    grep -q '</svg>' a.svg
    grep -q '</html>' a.html
    test ! -e a.html.figure.svg
}

# Truth: the weights after a run's last step are those that its file has.
recorded_runs_are_looked_at() {
    run train --model mlp:4-5-3,act=relu --data gauss:classes=3,dim=4,n=12 --dtype f64 --epochs 6 --batch 4 --run r \
        --set "outputs.weights=1 epoch" --quiet
    exits 0
    run compare --run r --top 3
    exits 0
    says "--- start, step 0" "--- midway, step 9" "--- end, step 18"
    run compare --run r --samples 6 --top 3
    exits 0
    says "6 samples"
    run compare --run r --model mlp:4-3
    exits 2 "--model" "--run"
    run compare --run nowhere
    exits 2 "nowhere"
    run compare --model mlp:4-3
    exits 2 "--data is missing" "--run"
}

wrong_names_are_named() {
    run compare $small --matrices hessian,momnt
    exits 2 "momnt"
}

claims states_of_training_are_looked_at traces_add_up further_weights_are_looked_at figure_page_and_json_are_written \
    recorded_runs_are_looked_at wrong_names_are_named
