#!/usr/bin/env bash
# How a grid scales with cores: the time of two single-threaded runs side by side over that of one alone, in turn. At most 1.08
# is expected where both cores are free. Medians of ROUNDS (5) rounds; each run is pinned to a core.
#
#     scripts/side_by_side.sh [BINARY [ROUNDS [SETTINGS...]]]       for example: side_by_side.sh target/release/fewlabel 5 labels=40
set -euo pipefail
binary=${1:-target/release/fewlabel}
rounds=${2:-5}
shift $(($# < 2 ? $# : 2))
settings=()
for setting in "$@"; do settings+=(--set "$setting"); done
study=$(dirname "$0")/../studies/paper.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One run of regime da on core $1, seed $2, in a new folder.
run() {
    taskset -c "$1" "$binary" run "$study" --set regime=da --set "seeds=[$2]" --set final.validate_every_epoch=false "${settings[@]}" \
        --threads 1 --quiet --out "$(mktemp -d -p "$work")" >/dev/null 2>&1
}
# The seconds of one run as its timing.json has them are those of computing alone; here the whole program counts.
seconds() {
    local begin
    begin=$(date +%s%N)
    "$@"
    echo $((($(date +%s%N) - begin) / 1000000))
}
both() {
    run 0 0 &
    local first=$!
    run 1 1
    wait "$first"
}
run 0 0
for _ in $(seq "$rounds"); do
    seconds run 0 0 >>"$work/alone"
    seconds run 1 1 >>"$work/alone"
    seconds both >>"$work/both"
done
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
alone=$(median "$work/alone")
both=$(median "$work/both")
awk -v a="$alone" -v b="$both" 'BEGIN { r = b / a; printf "alone %.0f ms, side by side %.0f ms: %.3f times\n", a, b, r; exit r > 1.08 }'
