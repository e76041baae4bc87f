#!/bin/sh
# SPDX-License-Identifier: MIT
# How several ranks end: killed, failed, out of disk; and what is gone on with. ranks_ends.sh PROGRAM MPIRUN
. "$(dirname "$0")/claims.sh"
. "$(dirname "$0")/on_ranks.sh"

# kill_rank RANK FILE COMMAND...: starts it on 3 ranks and kills one of them once FILE is there; all must end.
kill_rank() {
    victim=$1 sign=$2
    shift 2
    "$starter" "$mpirun" 3 "$program" "$@" --quiet >/dev/null 2>&1 &
    started=$!
    for _ in $(seq 400); do
        for found in $sign; do [ -e "$found" ] && break 2; done
        sleep 0.02
    done
    for pid in $(pgrep -f -- "$PWD" || true); do
        if grep -qz "^OMPI_COMM_WORLD_RANK=$victim\$" "/proc/$pid/environ" 2>/dev/null; then kill -9 "$pid" || true; fi
    done
    if wait $started; then
        echo "    it ended before it was killed"
        return 1
    fi
}

numbers() { # numbers RUN: all of a run but times, as lines, and its last weights
    run export "$1" --csv "$1.csv" --quiet
    exits 0 || return 1
    cat "$1"/weights-*.safetensors
    cat "$1.csv"
}

# 3,670 parameters: the followed vectors lie on two ranks.
recipe() {
    cat >r.yaml <<'END2'
data: {source: "gauss:classes=10,dim=50,n=1030"}
model: {spec: "mlp:50-60-10,act=tanh"}
optim: {lr: 0.05}
sampling: {batch: 200}
stop: {steps: 30}
outputs: {checkpoint: 5 steps}
probes:
  every: 10 steps
  samples: 300
  also:
    - {kind: eigs, top: 3}
    - {kind: trace, products: 12}
    - {kind: loss, data: test}
END2
}

a_run_with_probes_goes_on_after_a_kill() {
    recipe
    run train r.yaml --run alone --quiet
    exits 0
    numbers alone >alone.all
    kill_rank 2 "$PWD/killed/state-[1-9]*" train r.yaml --run "$PWD/killed"
    on 2 train --resume killed --quiet
    exits 0
    numbers killed >killed.all
    cmp alone.all killed.all
}

a_spectrum_goes_on_after_a_kill() {
    words="--model mlp:50-60-10,act=tanh --data gauss:classes=10,dim=50,n=600 --weights init:3 --top 3 --seed 4"
    # shellcheck disable=SC2086 # $words are words
    run spectrum $words --tolerance 1e-6 --quiet --out alone.npz
    [ "$code" -lt 2 ] || exits 0
    was=$code
    # shellcheck disable=SC2086
    kill_rank 1 "$PWD/basis/lanczos.state" spectrum $words --tolerance 1e-6 --out "$PWD/out.npz" --basis-dir "$PWD/basis"
    [ -e basis/lanczos.state ] || return 1
    # shellcheck disable=SC2086
    on 2 spectrum $words --tolerance 1e-6 --quiet --out out.npz --basis-dir basis
    exits "$was"
    cmp out.npz alone.npz
}

a_grid_goes_on_after_a_kill() {
    words="--model mlp:50-60-10 --data gauss:classes=10,dim=50,n=1030 --batch 20 --epochs 12 --set outputs.checkpoint=20steps"
    words="$words --grid optim.lr=0.1,0.2 --seeds 2"
    # shellcheck disable=SC2086 # $words are words
    run train $words --run alone --quiet
    exits 0
    # shellcheck disable=SC2086
    kill_rank 1 "$PWD/many/*/state-[1-9]*" train $words --run "$PWD/many"
    # shellcheck disable=SC2086
    on 2 train $words --run many --quiet
    exits 0
    for member in alone/*; do
        name=${member#alone/}
        numbers "alone/$name" >alone.all
        numbers "many/$name" >many.all
        cmp alone.all many.all || return 1
    done
}

# As rank 1, another folder: what is named by a short path is not there.
elsewhere() {
    mkdir elsewhere
    cat >lone.sh <<'END2'
#!/bin/sh
program=$1
shift
[ "$OMPI_COMM_WORLD_RANK" = 1 ] && cd elsewhere
exec "$program" "$@"
END2
    chmod +x lone.sh
}
lone() { # lone COMMAND...: on 3 ranks, of which rank 1 stands elsewhere
    code=0
    timeout 60 "$starter" "$mpirun" 3 ./lone.sh "$program" "$@" --quiet >"$folder/stdout" 2>"$folder/stderr" || code=$?
    err=$(cat "$folder/stderr")
}
a_failure_of_one_rank_ends_every_kind_of_work() {
    elsewhere
    awk 'BEGIN { for (i = 0; i < 300; i++) print i % 7 "," i % 5 "," i % 2 }' >rows.csv
    words="--model mlp:2-5-2 --data csv:rows.csv,header=no"
    # shellcheck disable=SC2086 # $words are words
    lone spectrum $words --weights init:1 --top 2
    exits 2 "rank 1 of 3" rows.csv
    # shellcheck disable=SC2086
    lone train $words --epochs 1 --run "$PWD/one"
    exits 2 "rank 1 of 3" rows.csv
    recipe
    sed -i 's/gauss.*1030/csv:rows.csv,header=no/; s/mlp:50-60-10,act=tanh/mlp:2-5-2/; /data: test/d' r.yaml
    lone train "$PWD/r.yaml" --run "$PWD/two"
    exits 2 "rank 1 of 3" rows.csv
    # shellcheck disable=SC2086
    lone train $words --epochs 1 --run "$PWD/many" --grid optim.lr=0.1,0.2,0.3
    exits 1 "1 of 3 runs did not end well"
    out=$(cat "$folder/stdout")
    says rows.csv
}

# A file of rank 0 cannot grow beyond some kB, as on a full disk.
a_full_disk_of_rank_0_ends_all_with_a_message() {
    cat >full.sh <<'END2'
#!/bin/sh
blocks=$1
shift
if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then trap '' XFSZ; ulimit -f "$blocks"; fi
exec "$@"
END2
    chmod +x full.sh
    recipe
    for blocks in 20 200; do # the first database page; a checkpoint
        code=0
        timeout 60 "$starter" "$mpirun" 2 ./full.sh $blocks "$program" train r.yaml --run full.$blocks --quiet >"$folder/stdout" \
            2>"$folder/stderr" || code=$?
        err=$(cat "$folder/stderr")
        [ "$code" != 0 ] && [ "$code" != 124 ] || { echo "    exit $code: $err"; return 1; }
        case $err in *full.$blocks*) ;; *) echo "    says nothing of the folder: $err"; return 1 ;; esac
    done
}

claims a_run_with_probes_goes_on_after_a_kill a_spectrum_goes_on_after_a_kill a_grid_goes_on_after_a_kill \
    a_failure_of_one_rank_ends_every_kind_of_work a_full_disk_of_rank_0_ends_all_with_a_message
