#!/usr/bin/env bash
# Kills `reproduce --quick` with SIGKILL at a random moment, lets the same command go on to its end, and compares: every file
# but the timings has to be the same bytes as an undisturbed run's. KILLS times, each in a new folder.
#
#     scripts/kill_and_resume.sh [BINARY [KILLS [EXTRA ARGUMENTS...]]]
set -euo pipefail
binary=${1:-target/release/fewlabel}
kills=${2:-20}
shift $(($# < 2 ? $# : 2))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Names and hashes of all files of a study that do not hold times.
hashes() { (cd "$1" && find . -type f ! -name 'timing*' ! -path './locks/*' ! -name '.*' -print0 | sort -z | xargs -0 sha256sum); }

begin=$(date +%s%N)
"$binary" reproduce --quick --quiet --out "$work/whole" "$@" >/dev/null
length=$((($(date +%s%N) - begin) / 1000000))
hashes "$work/whole" >"$work/expected"
echo "undisturbed run: $(wc -l <"$work/expected") files in $length ms"
killed=0
while [ "$killed" -lt "$kills" ]; do
    rm -rf "$work/broken"
    "$binary" reproduce --quick --quiet --out "$work/broken" "$@" >/dev/null &
    process=$!
    moment=$(((RANDOM * 32768 + RANDOM) % length))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill -9 "$process" 2>/dev/null || continue
    wait "$process" 2>/dev/null || true
    "$binary" reproduce --quick --quiet --out "$work/broken" "$@" >/dev/null
    hashes "$work/broken" | diff - "$work/expected"
    killed=$((killed + 1))
    echo "kill $killed after $moment ms: the same bytes"
done
