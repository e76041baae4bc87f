#!/bin/sh
# SPDX-License-Identifier: MIT
# Reports of runs: one file, figures with their numbers, nothing from elsewhere. report.sh PROGRAM
. "$(dirname "$0")/claims.sh"

made() { # NAME LR
    cat >r.yaml <<'END'
data: {source: "gauss:classes=3,dim=4,n=200"}
model: {spec: "mlp:4-8-3,act=tanh"}
sampling: {batch: 20}
stop: {epochs: 4}
probes:
  every: 10 steps
  samples: 60
  also:
    - {kind: eigs, top: 2, along: 1}
    - {kind: loss, gradient: true}
    - {kind: noise}
    - {kind: trace, products: 12}
    - {kind: density, vectors: 2, lanczos_steps: 10}
    - {kind: path}
END
    run train r.yaml --run "$1" --lr "$2"
}

a_page_holds_every_figure_with_its_numbers() {
    made a 0.2
    run report a
    exits 0 && says "a/report.html" || return 1
    for title in "Sharpness and the largest stable step" "Alignment with" "Noise scale" "Trace and" "Distance and steps" \
        "Loss along eigenvectors" "Density of the spectrum" "Where this comes from"; do
        grep -q "$title" a/report.html || { echo "    lacks $title"; return 1; }
    done
    figures=$(grep -o '<img alt' a/report.html | wc -l)
    [ "$figures" -ge 14 ] || { echo "    $figures figures"; return 1; }
    [ "$(grep -o 'download="figure' a/report.html | wc -l)" = "$figures" ] || return 1
    # The numbers of the second figure read back: a CSV with a line a point.
    grep -o 'href="data:text/csv;base64,[^"]*' a/report.html | sed -n 2p | sed 's/.*base64,//' | base64 -d >figure.csv
    head -1 figure.csv | grep -q '^line,step,accuracy,error$' || { head -2 figure.csv; return 1; }
    # Nothing is fetched from anywhere, and nothing is left beside the page.
    ! grep -oE '(src|href)="[^d#][^"]*' a/report.html || return 1
    [ -z "$(ls a/*.svg a/*.csv 2>/dev/null)" ]
}
several_runs_share_their_figures() {
    made a 0.2
    made b 0.4
    run report a b --page both.html --title "Two <rates>"
    exits 0 || return 1
    grep -q '<h1>Two &lt;rates&gt;</h1>' both.html || return 1
    grep -o 'href="data:text/csv;base64,[^"]*' both.html | sed -n 1p | sed 's/.*base64,//' | base64 -d >figure.csv
    grep -q '^a: ' figure.csv && grep -q '^b: ' figure.csv
}
a_browser_reads_it() {
    command -v chromium >/dev/null || { echo "    left out: no chromium"; return 0; }
    made a 0.2
    run report a
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --dump-dom "file://$PWD/a/report.html" \
        >dom.html 2>said || { echo "    left out: chromium does not run here"; return 0; }
    [ "$(grep -o '<img alt' dom.html | wc -l)" = "$(grep -o '<img alt' a/report.html | wc -l)" ] || return 1
    ! grep -qiE 'uncaught|ERR_' said
}
what_cannot_be_read_is_named() {
    run report nothing --page page.html
    exits 2 "nothing" "expected a folder with a run" || return 1
    made a 0.2
    run report a --page page.txt
    exits 2 "page.txt" ".html" || return 1
    [ ! -e page.txt ]
}
without_a_run_it_says_which_there_are() {
    run report
    exits 2 "none in runs either" "thalweg train --help" || return 1
    made runs 0.1 && mv runs only && mkdir runs && mv only runs/only
    run report
    exits 2 "for example runs/only" || return 1
    mkdir empty
    run report empty
    exits 2 "empty/run.sqlite" "expected a folder with a run"
}
the_folder_of_a_grid_stands_for_its_members() {
    run train --model mlp:4-8-3 --data gauss:classes=3,dim=4,n=60 --epochs 1 --run g --grid optim.lr=0.1,0.2
    run report g
    exits 0 && says "g/report.html" || return 1
    grep -q '<strong>lr=0.1' g/report.html && grep -q '<strong>lr=0.2' g/report.html
}
watch_shows_a_run_and_ends_with_it() {
    made a 0.2
    run watch a
    exits 0 && says "done" "batch/loss" "eigs/hessian/top/1"
}

# shellcheck disable=SC2046 # every claim is one word
claims $(sed -n 's/^\([a-z_0-9]*\)() .*/\1/p' "$0" | grep -v '^made$')
