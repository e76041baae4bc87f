# SPDX-License-Identifier: MIT
# Sourced by tests of several ranks, after claims.sh: $2 is mpirun.
starter=$(cd "$(dirname "$0")/.." && pwd)/mpirun.sh
mpirun=$2
export OMP_WAIT_POLICY=passive # more threads than cores

# on RANKS COMMAND...: as `run`, started by mpirun.
on() {
    ranks=$1
    shift
    code=0
    timeout 120 "$starter" "$mpirun" "$ranks" "$program" "$@" >"$folder/stdout" 2>"$folder/stderr" || code=$?
    out=$(cat "$folder/stdout")
    err=$(cat "$folder/stderr")
}

# same COMMAND...: the JSON of this process and of $several ranks, times taken out, and a file named out.npz are equal.
several="2 3 4"
same() {
    for ranks in 1 $several; do
        if [ $ranks = 1 ]; then run "$@" --json --quiet; else on $ranks "$@" --json --quiet --threads $((ranks % 2 + 1)); fi
        exits 0 || return 1
        echo "$out" | sed '/seconds"/d; /kept_bytes"/d' >"json.$ranks" # each rank keeps its own shards
        if [ -e out.npz ]; then mv out.npz "out.$ranks"; else : >"out.$ranks"; fi
    done
    for ranks in $several; do
        cmp json.1 json.$ranks && cmp out.1 out.$ranks || return 1
    done
}
