#!/usr/bin/env bash
# Keeps what a finished study says, without its runs: study.toml and the tables, in studies/results/NAME.
#
#     scripts/keep_results.sh DIR [NAME [BINARY]]
set -euo pipefail
from=$1
binary=${3:-target/release/fewlabel}
name=${2:-$(sed -n 's/^name = "\([A-Za-z0-9_.-]*\)"$/\1/p' "$from/study.toml")}
[ -n "$name" ] || { echo "the study has no name of letters, digits, - _ . to keep it under: give one" >&2; exit 1; }
status=$("$binary" status "$from" --json)
python3 - "$from" "$status" <<'PY'
import json, sys
folder, status = sys.argv[1], json.loads(sys.argv[2])
left = {state: status[state] for state in ["running", "stopped", "failed", "missing"] if status[state]}
if left or not status["done"]:
    sys.exit(f"{folder} is not finished: {left or 'no runs'}")
PY
"$binary" report "$from" --quiet >/dev/null
place=$(dirname "$0")/../studies/results/$name
mkdir -p "$place"
# Where the data lay on one machine is nobody's business.
sed -E '/^data = /s#"[^"]*/#"#g' "$from/study.toml" >"$place/study.toml"
cp "$from/results.csv" "$from/timings.csv" "$place/"
# A study with neither `random` nor the paper's augmentation compares nothing.
"$binary" report "$from" --format csv >"$place/comparisons.csv"
[ "$(wc -l <"$place/comparisons.csv")" -gt 1 ] || rm "$place/comparisons.csv"
du -h "$place"/*
