#!/bin/sh
# SPDX-License-Identifier: MIT
# What the headers declare, what the shared library exports and what abi/thalweg.symbols lists are the same.
#   abi.sh LIBRARY            compare
#   abi.sh --write LIBRARY    rewrite abi/thalweg.symbols
#   abi.sh --addresses        a C program that takes the address of every declared function
cd "$(dirname "$0")/.." || exit 2

# The name before the first parenthesis after TW_API (attributes without parentheses may stand between).
declared() {
    cat include/thalweg/*.h | tr '\n' ' ' | grep -oE '\bTW_API [^;(]*\(' | grep -oE 'tw_[a-z0-9_]*\($' | tr -d '(' | LC_ALL=C sort -u
}
exported() { nm -D --defined-only "$1" | awk '{ print $3 }' | LC_ALL=C sort -u; }

case $1 in
--addresses)
    cat <<'EOF'
#include <thalweg/thalweg.h>
static void (*volatile address[])(void) = {
EOF
    declared | sed 's/.*/    (void (*)(void))&,/'
    cat <<'EOF'
};
int main(void)
{
    for (size_t i = 0; i < sizeof address / sizeof *address; i++)
        if (!address[i]) return 1;
    return 0;
}
EOF
    ;;
--write)
    exported "$2" >abi/thalweg.symbols
    ;;
*)
    bad=0
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    declared >"$scratch/declared"
    exported "$1" >"$scratch/exported"
    diff -u "$scratch/declared" "$scratch/exported" || {
        echo "The headers' TW_API (-) and what the library exports (+) differ."
        bad=1
    }
    diff -u abi/thalweg.symbols "$scratch/exported" || {
        echo "abi/thalweg.symbols (-) and what the library exports (+) differ: run 'make abi' if that is meant."
        bad=1
    }
    exit $bad
    ;;
esac
