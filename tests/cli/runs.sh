#!/bin/sh
# SPDX-License-Identifier: MIT
# Recipes and runs as a user meets them. runs.sh PROGRAM
. "$(dirname "$0")/claims.sh"

recipes=$(cd "$(dirname "$0")/../.." && pwd)/docs/recipe.md

recipe() {
    cat >small.yaml <<'END'
data: {source: "gauss:classes=3,dim=4,n=200"}
model: {spec: "mlp:4-8-3,act=tanh"}
optim: {lr: 0.2}
sampling: {batch: 20}
stop: {epochs: 4}
probes:
  every: 5 steps
  samples: 50
  also:
    - {kind: eigs, top: 2}
    - {kind: loss, data: test}
END
}

a_recipe_becomes_a_run_in_runs() {
    recipe
    run train small.yaml
    exits 0 && says "runs/small: 40 of 40 steps" || return 1
    run train small.yaml
    exits 2 "runs/small: found a run, expected none" || return 1
    run runs list --json
    says '"run": "runs/small"' '"status": "done"' || return 1
    run runs show runs/small
    says "mlp:4-8-3,act=tanh" "eigs/hessian/top/1" "lr: 0.2" "top: 2"
}
flags_and_set_take_the_place_of_keys() {
    recipe
    run train small.yaml --run a --lr 0.3 --set sampling.batch=40,stop.epochs=2
    exits 0 || return 1
    run train small.yaml --run b
    run runs compare a b
    says "optim.lr" "0.3" "sampling.batch" "stop.epochs"
}
a_run_has_the_bits_of_training_without_one() {
    recipe
    run train small.yaml --run a
    run train --model mlp:4-8-3,act=tanh --data gauss:classes=3,dim=4,n=200 --lr 0.2 --batch 20 --epochs 4 --save w.safetensors
    exits 0 || return 1
    cmp w.safetensors a/weights-40.safetensors
}
steps_alone_end_a_run_not_the_default_of_epochs() {
    run train --model mlp:4-8-3 --data gauss:classes=3,dim=4,n=30 --batch 10 --run r --set stop.steps=40
    exits 0 && says "40 of 40 steps" || return 1
    run train --resume r --set stop.steps=60
    exits 0 && says "60 of 60 steps"
}
flags_alone_make_a_run_too() {
    run train --model mlp:4-8-3 --data gauss:classes=3,dim=4,n=200 --epochs 3 --run a
    exits 0 || return 1
    run runs show a --json
    says '"status": "done"' '"model": "mlp:4-8-3"'
}
a_wrong_recipe_names_file_line_and_key() {
    printf 'optim:\n  rl: 1\n' >bad.yaml
    run train bad.yaml
    exits 2 "bad.yaml: line 2: found \"optim.rl\"" "nearest is optim.lr" || return 1
    run train none.yaml
    exits 2 "none.yaml" "No such file" || return 1
    recipe
    run train small.yaml --set optim.lr=fast
    exits 2 "--set: optim.lr: found \"fast\"" || return 1
    run train small.yaml --set optim.lr
    exits 2 "expected KEY=VALUE" || return 1
    [ ! -e runs/small ]
}
a_killed_run_is_interrupted_and_resumes_to_the_same_numbers() {
    recipe
    run train small.yaml --run whole --epochs 40
    exits 0 || return 1
    "$program" train small.yaml --run cut --epochs 40 --quiet --set outputs.checkpoint='7 steps' >/dev/null 2>&1 &
    child=$!
    while [ ! -e cut/state-14.safetensors ] && kill -0 $child 2>/dev/null; do :; done
    kill -9 $child 2>/dev/null || :
    wait $child 2>/dev/null || :
    run train --resume cut
    exits 0 && says "400 of 400 steps" || return 1
    run export whole --csv whole.csv --jsonl whole.jsonl
    run export cut --csv cut.csv --jsonl cut.jsonl
    cmp whole.csv cut.csv && cmp whole.jsonl cut.jsonl && cmp whole/weights-400.safetensors cut/weights-400.safetensors
}
a_resumed_run_can_only_grow() {
    recipe
    run train small.yaml --run a
    run train --resume a --lr 0.5
    exits 2 "optim.lr: cannot be changed" || return 1
    run train --resume a --epochs 5
    exits 0 && says "50 of 50 steps"
}
damage_is_found() {
    recipe
    run train small.yaml --run a
    run runs verify a
    exits 0 && says "a: whole" || return 1
    printf 'x' | dd of=a/weights-40.safetensors bs=1 seek=300 conv=notrunc 2>/dev/null
    run runs verify a --json
    exits 1 "1 faults" && says '"whole": false' "weights-40.safetensors" || return 1
    printf 'no database' >a/run.sqlite
    run runs show a
    exits 2 "a/run.sqlite" "no SQLite database"
}
a_diverged_run_is_kept_and_is_exit_1() {
    recipe
    run train small.yaml --run a --lr 1e38 --loss mse
    exits 1 "diverged" || return 1
    run runs show a
    says "diverged" "is not finite"
}
a_grid_is_a_run_for_every_combination() {
    recipe
    run train small.yaml --run g --grid optim.lr=0.1,0.2 --grid sampling.batch=20,40 --seeds 2 --json
    exits 0 && says '"run": "g/lr=0.1,batch=20,seed=0"' '"run": "g/lr=0.2,batch=40,seed=1"' '"status": "done"' || return 1
    [ "$(ls g | wc -l)" = 8 ] || return 1
    # A member is the run that it would be alone, and saying the same again changes nothing.
    run train small.yaml --run alone --lr 0.2 --set sampling.batch=40 --set seeds.run=1
    run export alone --csv alone.csv
    run train small.yaml --run g --grid optim.lr=0.1,0.2 --grid sampling.batch=20,40 --seeds 2
    run export 'g/lr=0.2,batch=40,seed=1' --csv member.csv
    cmp alone.csv member.csv
}
the_list_looks_into_grids() {
    recipe
    run train small.yaml
    run train small.yaml --run runs/g --grid optim.lr=0.1,0.2
    run runs list --json
    says '"run": "runs/small"' '"run": "runs/g/lr=0.1"' '"run": "runs/g/lr=0.2"' || return 1
    run runs list runs/g
    says "runs/g/lr=0.1" "runs/g/lr=0.2"
}
a_grid_goes_on_beside_a_member_that_diverges() {
    recipe
    run train small.yaml --run g --grid optim.lr=0.1,1e38 --set loss.name=mse
    exits 1 "1 of 2 runs" && says "lr=0.1 " "diverged" " done "
}
a_wrong_grid_begins_nothing() {
    recipe
    run train small.yaml --run g --grid optim.lr=0.1,fast
    exits 2 "--grid: optim.lr: found \"fast\"" || return 1
    run train small.yaml --run g --grid optim.lr
    exits 2 "expected at most 8 of KEY=VALUE" || return 1
    [ ! -e g ]
}
the_documented_keys_are_the_keys_there_are() {
    run recipe --keys
    exits 0 || return 1
    echo "$out" >keys.md
    sed -n '/^| key /,$p' "$recipes" | diff - keys.md
}
a_recipe_is_shown_as_understood() {
    recipe
    run recipe small.yaml
    says "lr: 0.2" "epochs: 4" "tolerance: 0.01" || return 1
    echo "$out" >again.yaml
    run recipe again.yaml
    [ "$out" = "$(cat again.yaml)" ]
}
delete_deletes() {
    recipe
    run train small.yaml --run a
    run runs delete a
    exits 0 && [ ! -e a ] || return 1
    run runs delete a
    exits 2 "expected a folder with a run"
}
exports_hold_every_number() {
    recipe
    run train small.yaml --run a
    run export a --csv a.csv --npz a.npz --jsonl a.jsonl --tensorboard board
    exits 0 || return 1
    [ "$(grep -c '^batch/loss,' a.csv)" = 40 ] && [ "$(grep -c '"batch/loss"' a.jsonl)" = 40 ] || return 1
    grep -q 'batch/accuracy' board/events.out.tfevents.* || return 1
    run export a
    exits 2 "expected --csv"
}

# shellcheck disable=SC2046 # every claim is one word
claims $(sed -n 's/^\([a-z_0-9]*\)() .*/\1/p' "$0" | grep -v '^recipe$')
