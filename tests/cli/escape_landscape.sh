#!/bin/sh
# SPDX-License-Identifier: MIT
# Potentials, noises and ends from words; sweeps that are killed and gone on with. escape_landscape.sh PROGRAM
. "$(dirname "$0")/claims.sh"

small="--noise white:0.3 --lr 0.02 --barrier 0.8,1,1.2 --replicas 200 --max-steps 100000 --json --quiet"
numbers() { sed '/"recipe"/d'; }
field() { echo "$out" | sed -n "s/.*\"$1\": \([-+0-9.e]*\).*/\1/p"; }
agree() { # NAME A B RELATIVE: lists of numbers
    awk -v a="$2" -v b="$3" -v t="$4" 'BEGIN { n = split(a, x); m = split(b, y); if (n != m || n == 0) exit 1
        for (i = 1; i <= n; i++) { d = x[i] / y[i] - 1; if (d < 0) d = -d; if (d > t) exit 1 } }' ||
        { echo "    $1: $2, expected $3"; return 1; }
}

# Truth: the quartic's own name. An expression that is a polynomial is run as one; one that is not, and a table of 401
# points (h = 0.01, whose spline is right to 5 h^4 L''''/384 = 3e-9), by tables, with the same exact times.
# shellcheck disable=SC2086
one_landscape_has_one_exact_time_however_it_is_written() {
    run escape landscape $small
    exits 0 || return 1
    echo "$out" | numbers >named
    times=$(field chain_steps | tr '\n' ' ')
    run escape landscape $small --potential "(x-1)^2*(x+1)^2"
    exits 0 || return 1
    echo "$out" | numbers | cmp - named || return 1
    run escape landscape $small --potential "cos(0)*(x^2-1)^2+sin(0)"
    exits 0 || return 1
    agree expression "$(field chain_steps | tr '\n' ' ')" "$times" 1e-6 || return 1
    awk 'BEGIN { for (i = 0; i <= 600; i++) { x = -3 + i / 100; printf "%.17g %.17g\n", x, (x*x-1)^2 } }' >table.txt
    run escape landscape $small --potential table:table.txt --lo -2.6
    exits 0 || return 1
    agree table "$(field chain_steps | tr '\n' ' ')" "$times" 1e-4
}
# Rates add: two different wells beside each other leave at the sum of the rates they have alone.
# shellcheck disable=SC2086
coordinates_have_potentials_of_their_own() {
    alone() { run escape landscape --noise white:0.12 --lr 0.01 --json --quiet --replicas 10 --max-steps 1000 --potential "$1"; field chain_steps; }
    a=$(alone "(x^2-1)^2") b=$(alone "1.1*(x^2-1)^2+0.1*tanh(x)")
    run escape landscape --noise white:0.12 --lr 0.01 --json --quiet --replicas 100 --potential "(x^2-1)^2" --potential "1.1*(x^2-1)^2+0.1*tanh(x)"
    exits 0 || return 1
    both=$(field chain_steps)
    agree sum "$both" "$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.15g", 1 / (1 / a + 1 / b) }')" 1e-9 || return 1
    agree measured "$(field steps)" "$both" 0.4 # four standard errors of 100 escapes
}
# Equal noise for both coordinates (correlation 1 but for rounding) and for a diagonal covariance; a file as the numbers.
# shellcheck disable=SC2086
a_full_covariance_is_read_and_checked() {
    words="--potential quartic --dim 2 --lr 0.05 --batch 2 --replicas 100 --json --quiet"
    run escape landscape $words --noise cov:40,0,0,40
    exits 0 || return 1
    full=$(field chain_steps)
    run escape landscape $words --noise gauss:40
    exits 0 || return 1
    agree "a diagonal" "$full" "$(field chain_steps)" 1e-9 || return 1
    run escape landscape $words --noise cov:40,1,2,40
    exits 2 "symmetric" || return 1
    run escape landscape $words --noise cov:1,2,2,1
    exits 2 "cov: expected a positive definite" || return 1
    run escape landscape $words --noise cov:1,2,3
    exits 2 "2 x 2" || return 1
    run escape landscape $words --noise cov:none.npy
    exits 2 "none.npy"
}
# A parabola out of a symmetric box: the exact time of the same noise past one side only is twice as long.
# shellcheck disable=SC2086
a_box_has_two_sides() {
    words="--potential poly:0,0,0.5 --start 0 --absorb 1 --lo -1 --noise white:0.1 --lr 0.1 --replicas 400 --json --quiet"
    run escape landscape $words --both
    exits 0 || return 1
    both=$(field chain_steps)
    agree measured "$(field steps)" "$both" 0.25 || return 1
    says '"formula_steps": null'
}
# shellcheck disable=SC2086
kill_nine_loses_nothing_that_was_finished() {
    for method in simulate split; do
        long="--potential quartic --noise white:0.16 --lr 0.05 --barrier 0.8,1,1.2 --replicas 400 --repeats 8 --paths 200
              --method $method --json --quiet"
        run escape landscape $long
        exits 0 || return 1
        echo "$out" | numbers >whole
        rm -f l.txt
        for moment in 0.05 0.15; do
            "$program" escape landscape $long --threads 1 --ledger l.txt >/dev/null 2>&1 &
            sleep $moment
            kill -9 $! 2>/dev/null || true
            wait $! 2>/dev/null || true
        done
        run escape landscape $long --ledger l.txt
        exits 0 || return 1
        echo "$out" | numbers | cmp - whole || return 1
        head -c "$(($(wc -c <l.txt) / 2))" l.txt >cut.txt
        run escape landscape $long --ledger cut.txt
        exits 0 || return 1
        echo "$out" | numbers | cmp - whole || return 1
    done
}

what_makes_no_sense_is_refused() {
    run escape landscape --noise white:1e400
    exits 2 "white:NUMBER" "white:1e400" || return 1
    run escape landscape --noise white:-1
    exits 2 "white:-1" || return 1
    run escape landscape --noise gauss
    exits 2 "gauss" || return 1
    run escape landscape --lr 1
    exits 2 "k lr = 1," "0.25" || return 1 # 2 / L''(-1) of the quartic
    printf '0 1\n1 nan\n' >t.txt
    run escape landscape --potential table:t.txt
    exits 2 't.txt: line 2: found "1 nan", expected two numbers' || return 1
    run escape landscape --potential table:none.txt
    exits 2 "none.txt: cannot be read: No such file"
}

claims one_landscape_has_one_exact_time_however_it_is_written coordinates_have_potentials_of_their_own \
    a_full_covariance_is_read_and_checked a_box_has_two_sides kill_nine_loses_nothing_that_was_finished what_makes_no_sense_is_refused
