#!/bin/sh
# SPDX-License-Identifier: MIT
# thalweg reproduce as a user meets it: claims, stored runs, what is asked again, the page, and words that are wrong.
. "$(dirname "$0")/claims.sh"

no_clothes() {
    [ -d /usr/share/datasets/fashion-mnist ] && return 1
    echo "    left out: dataset-fashion-mnist is not installed"
}
# Under sanitizers a run takes ten times as long, and the same code is run by the tests of runs.
sanitized() { grep -q __asan_init "$program"; }

verdict_of() { sed -n 's/.*"verdict": "\(.*\)",*$/\1/p' "$1" | tail -1; }

# Growth, alignment and the first steps held with room in every run of the prototype and here (bounds 5, 10, 0.05, 0).
smoke_scale_measures_nine_claims_and_leaves_a_page() {
    no_clothes && return 0
    sanitized && return 0
    run reproduce sharpest-directions --scale smoke --folder out
    [ "$code" = 0 ] || exits 1 "claims do not hold at this scale" || return 1
    says "C1a-growth" "C2a-step" "C3c-start" "C5-only-top" "C7b-sharper-mlp" "The page: out/report.html" || return 1
    [ "$(ls out/*.json | wc -l)" = 9 ]
    for claim in C1a-growth C3c-start C4a-alignment C4b-share; do
        [ "$(verdict_of out/$claim.json)" = holds ] || { echo "    $claim: $(cat out/$claim.json)"; return 1; }
    done
    grep -q '</html>' out/report.html
    grep -q '| C1a-growth |' out/claims.md
    cp out/C1a-growth.json before.json
    run reproduce sharpest-directions --scale smoke --folder out
    says "(measured before)" || return 1
    cmp out/C1a-growth.json before.json || return 1
    run runs show out/runs/cnn-0.01-0
    exits 0
}

# What was killed goes on: the claim then has the numbers of one that was not.
a_killed_reproduction_goes_on_to_the_same_numbers() {
    no_clothes && return 0
    sanitized && return 0
    "$program" reproduce sharpest-directions --scale smoke --claim C3c-start --folder whole --quiet >whole.txt || return 1
    timeout -s KILL 2 "$program" reproduce sharpest-directions --scale smoke --claim C3c-start --folder broken --quiet \
        >/dev/null 2>&1 || :
    sleep 1 # the run's own process ends when its parent is gone, or is the writer for a moment more
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        run reproduce sharpest-directions --scale smoke --claim C3c-start --folder broken --quiet
        [ "$code" = 0 ] && break
        sleep 2
    done
    exits 0 || return 1
    grep measured whole.txt >a.txt
    grep measured "$folder/stdout" >b.txt
    cmp a.txt b.txt
}

wrong_words_are_answered() {
    run reproduce diffusion-escape --scale smoke --claim rates-add --tables nowhere
    exits 2 "--tables" "nowhere" "banknote.csv" || return 1
    run reproduce sharpest-direction
    exits 2 "sharpest-directions" || return 1
    run reproduce sharpest-directions --claim C5c --scale small
    exits 2 "C5c-scaled" || return 1
    run reproduce sharpest-directions --claim C5c-scaled --scale smoke
    exits 2 "not measured at scale smoke" || return 1
    run reproduce sharpest-directions --claim C3c-start --scale smoke --data cifar10:nowhere --folder none
    exits 2 "nowhere"
}

claims smoke_scale_measures_nine_claims_and_leaves_a_page a_killed_reproduction_goes_on_to_the_same_numbers \
    wrong_words_are_answered
