# SPDX-License-Identifier: MIT
# Sourced by the tests of the program: $1 is the program. A test is a function named as a claim; `claims` runs each in an
# empty folder and counts those that fail. Inside, `run ARGS` sets $code, $out and $err.
program=$1
case $program in /*) ;; *) program=$PWD/$program ;; esac
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
failed=0

run() {
    code=0
    "$program" "$@" >"$folder/stdout" 2>"$folder/stderr" || code=$?
    out=$(cat "$folder/stdout")
    err=$(cat "$folder/stderr")
}

# exits CODE TEXT...: the last run ended with CODE and its message holds each TEXT.
exits() {
    wanted=$1
    shift
    [ "$code" = "$wanted" ] || { echo "    exit $code, expected $wanted: $err"; return 1; }
    for text; do
        case $err in *"$text"*) ;; *) echo "    message lacks \"$text\": $err"; return 1 ;; esac
    done
}

says() {
    for text; do
        case $out in *"$text"*) ;; *) echo "    output lacks \"$text\": $out"; return 1 ;; esac
    done
}

claims() {
    for claim; do
        rm -rf "$folder/work"
        mkdir "$folder/work"
        if message=$(cd "$folder/work" && set -e && $claim 2>&1); then
            echo "ok      $claim"
        else
            echo "FAILED  $claim"
            echo "$message"
            failed=$((failed + 1))
        fi
    done
    [ $failed = 0 ]
}
