#!/bin/sh
# SPDX-License-Identifier: MIT
# Every example of every --help runs as it stands, in an empty folder, and its last JSON (if any) ends. examples.sh PROGRAM
. "$(dirname "$0")/claims.sh"

names=$("$program" --help | sed -n 's/^  \([a-z].*[a-z0-9]\)   *.*/\1/p' | sed 's/  .*//')
[ -n "$names" ] || exit 2

# An example that names Fashion-MNIST needs Debian's dataset-fashion-mnist; without it there is nothing to run it on.
example_runs() {
    # shellcheck disable=SC2086 # a name may be two words
    "$program" $name --help | sed '1,/^Example/d; s/^  //' >"$folder/example"
    [ -s "$folder/example" ] || { echo "    no example"; return 1; }
    if grep -q fashion-mnist "$folder/example" && [ ! -d /usr/share/datasets/fashion-mnist ]; then
        echo "    left out: dataset-fashion-mnist is not installed"
        return 0
    fi
    { echo 'set -e'; cat "$folder/example"; } >"$folder/example.sh"
    PATH=$(dirname "$program"):$PATH sh "$folder/example.sh" >"$folder/said" 2>&1 || { cat "$folder/said"; return 1; }
}

echo "$names" >"$folder/names"
while read -r name; do
    echo "thalweg $name"
    claims example_runs || true
done <"$folder/names"
[ $failed = 0 ]
