#!/usr/bin/env bash
# Ends the Slurm that tests/slurm/up.sh DIR started: by the daemons' own numbers, and by force if they take too long.
set -uo pipefail
dir=$(cd "$1" && pwd)
export SLURM_CONF=$dir/slurm.conf
timeout 5 scancel --user="$(id -un)" 2>/dev/null
for file in "$dir"/run/n?.pid "$dir/run/slurmctld.pid"; do
    [ -s "$file" ] || continue
    pid=$(cat "$file")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 80); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null
done
true
