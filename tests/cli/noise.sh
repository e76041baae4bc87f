#!/bin/sh
# SPDX-License-Identifier: MIT
# The noise commands on networks, as a user runs them.
. "$(dirname "$0")/claims.sh"

linear="--model mlp:3-1 --data regression:dim=3,n=4000 --loss half-mse --dtype f64 --weights init:1"

# Truth: isotropic Gaussian features in D dimensions, 2S/(S + D + 1) at S = 1: 1/3 for D = 4 (the bias is one).
# Tolerance: the largest of 4 sample eigenvalues at n = 4000 is within a tenth of 1.
a_linear_network_has_the_step_of_linear_regression() {
    run noise stability $linear --pairs 4 --max-batch 1
    exits 0
    echo "$out" | awk '$1 == 1 { if ($5 < 0.3 || $7 > 0.367) exit 1; found = 1 } END { exit !found }'
}

a_network_is_named_whole_or_not_at_all() {
    run noise stability --model mlp:3-1
    exits 2 "--weights"
    run noise stability --model mlp:3-1 --data regression:dim=3
    exits 2 "--weights"
}

a_step_that_is_too_large_is_said_to_be() {
    run noise stability $linear --lr 5 --batch 1
    exits 1 "unstable"
}

unsettled_directions_end_with_1() {
    run noise fluctuation $linear --lr 1e-6 --top 2 --burn 1 --steps 1
    exits 1 "not settled"
    says "NOT SETTLED"
}

figures_and_json_are_written() {
    run noise network $linear --top 2 --probes 4 --figure a.svg --csv a.csv --json
    exits 0
    says '"exact": true' '"formula": "(2L/S) H - gg' '"overlap_error_at_most"'
    grep -q '</svg>' a.svg
    run noise fluctuation $linear --burn 40 --steps 10 --top 2 --lr 0.3 --figure b.svg --json
    exits 0
    says '"measured_stderr"' '"settled": true'
    grep -q '</svg>' b.svg
}

claims a_linear_network_has_the_step_of_linear_regression a_network_is_named_whole_or_not_at_all \
    a_step_that_is_too_large_is_said_to_be unsettled_directions_end_with_1 figures_and_json_are_written
