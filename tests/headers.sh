#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Does each public header compile alone, as C17 and as C++17? Prints TAP.
# usage: headers.sh SOURCE_ROOT C_COMPILER CXX_COMPILER
set -u
root=$1 cc=$2 cxx=$3

set -- -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only
for dir in "$root"/src/*/ "$root"/bench/ "$root"/tools/; do
	set -- "$@" "-I$dir"
done

nr=0
failed=0
# Twice: the guard has to work too. A header of macros alone would make an empty
# translation unit, so there is one declaration after it.
check() { # COMPILER LANGUAGE STANDARD HEADER FLAGS...
	compiler=$1 language=$2 standard=$3 header=$4
	shift 4
	nr=$((nr + 1))
	name="${header#"$root"/} as $standard"
	base=${header##*/}
	# shellcheck disable=SC2086 # a compiler may be several words
	if log=$(printf '#include "%s"\n#include "%s"\nint after;\n' \
		"$base" "$base" |
		$compiler "$@" -I"${header%/*}" -std="$standard" \
			-x "$language" - 2>&1); then
		echo "ok $nr - $name"
	else
		failed=$((failed + 1))
		echo "not ok $nr - $name"
		echo "$log" | sed 's/^/# /'
	fi
}

for header in "$root"/src/*/*.h "$root"/bench/*.h "$root"/tools/*.h; do
	[ -e "$header" ] || continue
	check "$cc" c gnu17 "$header" -Wundef -Wshadow "$@"
	check "$cxx" c++ gnu++17 "$header" "$@"
done
echo "1..$nr"
[ "$nr" -gt 0 ] && [ "$failed" -eq 0 ]
