#!/usr/bin/env bash
# Kills `reproduce --quick` at random moments and lets it go on, until it has been killed KILLS times; each time it gets to
# its end, every file but the timings has to be the same bytes as an undisturbed run's.
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

"$binary" reproduce --quick --quiet --out "$work/whole" "$@" >/dev/null
hashes "$work/whole" >"$work/expected"
echo "undisturbed run: $(wc -l <"$work/expected") files"
killed=0 finished=0
while [ "$killed" -lt "$kills" ]; do
    "$binary" reproduce --quick --quiet --out "$work/broken" "$@" >/dev/null &
    process=$!
    sleep "$((RANDOM % 7)).$((RANDOM % 10))"
    if kill -9 "$process" 2>/dev/null; then killed=$((killed + 1)); fi
    if wait "$process" 2>/dev/null; then
        hashes "$work/broken" | diff - "$work/expected" && finished=$((finished + 1)) && rm -rf "$work/broken"
    fi
done
"$binary" reproduce --quick --quiet --out "$work/broken" "$@" >/dev/null
hashes "$work/broken" | diff - "$work/expected"
echo "$killed kills, $((finished + 1)) studies brought to their end, all with the same bytes"
