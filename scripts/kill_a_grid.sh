#!/usr/bin/env bash
# A grid of 60 quick runs, two processes at once on one folder, each kept running by starting it again whenever it is killed
# with SIGKILL at a random moment. In the end every run has to be computed once and the tables have to be the bytes of an undisturbed grid's.
#
#     scripts/kill_a_grid.sh [BINARY [KILLS]]
set -euo pipefail
binary=${1:-target/release/fewlabel}
kills=${2:-20}
study=$(dirname "$0")/../studies/paper.toml
work=$(mktemp -d)
pids=(0 0)
trap 'kill -9 "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

# The grid in the folder $1, on one thread; exec, so that the process killed is the program itself.
grid() { exec "$binary" run "$study" --quick --set labels=20 --set seeds=10 --threads 1 --out "$1" >/dev/null 2>>"$2"; }

begin=$(date +%s%N)
(grid "$work/whole" "$work/whole.log")
length=$((($(date +%s%N) - begin) / 1000000))
runs=$(($(wc -l <"$work/whole/results.csv") - 1))
echo "undisturbed, one process: $runs runs in $length ms"

killed=0
round=0
while [ "$killed" -lt "$kills" ]; do
    round=$((round + 1))
    out=$work/broken-$round
    for i in 0 1; do
        grid "$out" "$work/$round.log" & pids[i]=$!
    done
    before=$killed
    while [ "$killed" -lt "$kills" ]; do
        # Pauses that leave most of the kills within the time that two processes need together.
        moment=$(((RANDOM * 32768 + RANDOM) % (length / 10)))
        sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
        i=$((RANDOM % 2))
        kill -9 "${pids[i]}" 2>/dev/null || break
        wait "${pids[i]}" 2>/dev/null || true
        killed=$((killed + 1))
        grid "$out" "$work/$round.log" & pids[i]=$!
    done
    wait "${pids[0]}" && wait "${pids[1]}"
    for table in results.csv epochs.csv queries.csv; do
        cmp "$out/$table" "$work/whole/$table"
    done
    twice=$(grep '^finished ' "$work/$round.log" | cut -d: -f1 | sort | uniq -d)
    if [ -n "$twice" ]; then
        echo "computed more than once: $twice" >&2
        exit 1
    fi
    echo "grid $round: $((killed - before)) kills, $(find "$out/runs" -name result.json | wc -l) runs, each computed once, the same tables"
done
