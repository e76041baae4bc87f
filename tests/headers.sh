#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C11 and as C++11, without a warning, and defines no macro beyond TW_*.
#   headers.sh CC CXX
cd "$(dirname "$0")/.." || exit 2
bad=0
warn="-Wall -Wextra -Wpedantic -Werror -Iinclude"
for header in include/thalweg/*.h; do
    name=thalweg/$(basename "$header")
    for language in "c:c11:$1" "c++:c++11:$2"; do
        IFS=: read -r lang std compiler <<EOF
$language
EOF
        # shellcheck disable=SC2086 # a list of words
        echo "#include <$name>" | "$compiler" -x "$lang" -std="$std" $warn -fsyntax-only - || {
            echo "$name does not compile alone as $std"
            bad=1
        }
    done
    macros=$(grep -E '^ *# *define' "$header" | grep -vE 'define (TW_|THALWEG_([A-Z]+_)*H$)')
    if [ -n "$macros" ]; then
        echo "$name defines: $macros"
        bad=1
    fi
    [ "$name" = thalweg/thalweg.h ] || grep -qx "#include \"$name\"" include/thalweg/thalweg.h || {
        echo "$name is missing in thalweg/thalweg.h"
        bad=1
    }
done
exit $bad
