#!/bin/sh
# SPDX-License-Identifier: MIT
# The loss around weights. landscape.sh PROGRAM
. "$(dirname "$0")/claims.sh"

net="--model mlp:4-8-3 --data gauss:classes=3,dim=4 --dtype f64"
linear="--model mlp:4-1 --data regression:n=50,dim=4 --dtype f64"

# shellcheck disable=SC2086 # words
weights() { "$program" train $1 --epochs 3 --lr 0.05 --save w.safetensors --quiet >/dev/null; }
# shellcheck disable=SC2086
loss_of() { "$program" loss $1 --weights "$2" --quiet | awk '$1 == "loss" { print $2 }'; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d < 1e-5) }' || { echo "    $1, expected $2"; return 1; }; }

# shellcheck disable=SC2086
the_ends_of_a_line_are_the_two_losses() {
    weights "$net"
    run landscape $net --weights init:7 --line w.safetensors --points 5
    exits 0 || return 1
    near "$(echo "$out" | awk '$1 == "0" { print $2 }')" "$(loss_of "$net" init:7)" || return 1
    near "$(echo "$out" | awk '$1 == "1" { print $2 }')" "$(loss_of "$net" w.safetensors)"
}
# Truth: a linear model with squared loss is its own parabola.
# shellcheck disable=SC2086
the_parabola_of_a_quadratic_is_the_loss() {
    weights "$linear"
    run landscape $linear --weights w.safetensors --along 2 --points 9 --figure a.svg --csv a.csv
    exits 0 || return 1
    awk -F, '/^v1/ { loss[$2] = $3 } /^parabola 1/ { n++; d = loss[$2] - $3; if (d < 0) d = -d; if (d > 1e-6) bad = 1 }
             END { exit bad || n != 9 }' a.csv || { cat a.csv; return 1; }
    [ -s a.svg ]
}
# shellcheck disable=SC2086
a_plane_has_the_weights_at_its_centre() {
    weights "$net"
    run landscape $net --weights w.safetensors --plane --points 5 --figure p.svg --csv p.csv
    exits 0 || return 1
    [ "$(wc -l <p.csv)" = 26 ] || return 1
    near "$(awk -F, '$1 == 0 && $2 == 0 { print $3 }' p.csv)" "$(loss_of "$net" w.safetensors)"
}
# shellcheck disable=SC2086
what_does_not_go_together_is_refused() {
    weights "$net"
    run landscape $net --weights w.safetensors --line w.safetensors --plane
    exits 2 "--line" "one of them" || return 1
    run landscape $net --weights w.safetensors --from 1 --to 0
    exits 2 "--to: found 0" || return 1
    run landscape $net --weights w.safetensors --line none.safetensors
    exits 2 "none.safetensors" || return 1
    run landscape $net --weights w.safetensors --layers 'fc1.*'
    exits 2 "expected all"
}

claims the_ends_of_a_line_are_the_two_losses the_parabola_of_a_quadratic_is_the_loss a_plane_has_the_weights_at_its_centre \
    what_does_not_go_together_is_refused
