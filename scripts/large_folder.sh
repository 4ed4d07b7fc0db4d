#!/usr/bin/env bash
# How long status, run and report take on a folder of 10,200 finished runs (made up, without training). Two seconds are expected of
# the first two. The folder is made on the first call and kept.
#
#     cargo build --release && cargo build --release -p fewlabel-study --example made_up_study
#     scripts/large_folder.sh DIR [BINARY [GENERATOR]]
set -euo pipefail
folder=$1
binary=${2:-target/release/fewlabel}
generator=${3:-target/release/examples/made_up_study}
[ -f "$folder/study.toml" ] || "$generator" "$folder" 200 10 with-data
runs=$(find "$folder/runs" -name result.json | wc -l)
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
timed() {
    local begin
    begin=$(date +%s%N)
    "$@" >/dev/null 2>"$errors" || { echo "$2 failed: $(tail -n 1 "$errors")" >&2; exit 1; }
    awk -v t="$((($(date +%s%N) - begin) / 1000000))" -v what="$2" -v runs="$runs" 'BEGIN { printf "%s on %d runs: %.2f s\n", what, runs, t / 1000 }'
}
timed "$binary" report "$folder"
timed "$binary" status "$folder"
timed "$binary" run "$folder/grid.toml" --out "$folder"
