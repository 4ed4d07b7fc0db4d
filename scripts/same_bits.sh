#!/usr/bin/env bash
# Shows that `reproduce --quick` gives the same bytes on 1, 2 and 3 threads, on the machine's best instructions, on AVX2 and on the
# portable path: every file but the timings, models included.
#
#     scripts/same_bits.sh [BINARY [EXTRA ARGUMENTS...]]
#
# Without a fused multiply-add of the machine's the portable path takes seventy times as long, half an hour. PORTABLE may name a second binary for it:
#     CARGO_TARGET_DIR=target/fused RUSTFLAGS="-C target-feature=+avx2,+fma" cargo build --release
#     PORTABLE=target/fused/release/fewlabel scripts/same_bits.sh
set -euo pipefail
binary=${1:-target/release/fewlabel}
shift $(($# < 1 ? $# : 1))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Names and hashes of all files of a study that do not hold times.
hashes() { (cd "$1" && find . -type f ! -name 'timing*' ! -path './.locks/*' -print0 | sort -z | xargs -0 sha256sum); }

for path in best avx2 portable; do
    [ "$path" != avx2 ] || grep -q avx2 /proc/cpuinfo || continue
    [ "$path" != portable ] || binary=${PORTABLE:-$binary}
    for threads in 1 2 3; do
        out="$work/$path-$threads"
        FEWLABEL_SIMD=$path "$binary" reproduce --quick --quiet --threads "$threads" --out "$out" "$@" >/dev/null
        hashes "$out" >"$out.hashes"
        diff "$out.hashes" "$work/best-1.hashes"
        echo "$path instructions, $threads threads: $(wc -l <"$out.hashes") files, $(sha256sum <"$out.hashes" | cut -c 1-16)"
        rm -rf "$out"
    done
done
