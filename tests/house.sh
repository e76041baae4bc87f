#!/bin/sh
# SPDX-License-Identifier: MIT
# Includes go down. src/HOUSE is the map ("3 curv  a network on data, seen as a matrix").
cd "$(dirname "$0")/.." || exit 2
# shellcheck disable=SC2046 # a list of files
awk 'FILENAME == "src/HOUSE" { if (/^[0-9]/) floor[$2] = $1; next }
     /^#include "/ {
         split(FILENAME, path, "/"); here = path[2]
         split($2, name, /["\/.]/); there = name[2] == "thalweg" ? name[3] : name[2]
         if (there != here && there in floor && floor[there] >= floor[here]) {
             print FILENAME ":" FNR ": " here " may not look at " there; bad = 1
         }
     }
     END { exit bad }' src/HOUSE $(find src -mindepth 2 -name '*.[ch]' -o -mindepth 2 -name '*.inc')
