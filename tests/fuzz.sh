#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A short run of a libFuzzer target, the same inputs each time; what it finds
# goes to a temporary folder and not into the corpus.
# usage: fuzz.sh FUZZER [-OPTION=VALUE...] CORPUS...
set -eu
fuzzer=$1
shift
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
if ! "$fuzzer" -seed=1 -runs=20000 -timeout=10 -max_len=4096 \
	-print_final_stats=1 -artifact_prefix="$new/" "$new" "$@" \
	>"$new/log" 2>&1; then
	tail -n 60 "$new/log"
	for bad in "$new"/crash-* "$new"/leak-* "$new"/timeout-* "$new"/oom-*; do
		[ -e "$bad" ] || continue
		echo "input, base64:"
		base64 "$bad"
	done
	exit 1
fi
grep '^stat::' "$new/log"
