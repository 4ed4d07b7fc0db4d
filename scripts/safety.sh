#!/usr/bin/env bash
# Looks for undefined behaviour in the engine's kernels on the portable paths, in vectors of eight and of sixteen, whose pointers are those of every path.
#
#     scripts/safety.sh miri [TEST...]        every access against Rust's rules (rustup +nightly component add miri rust-src)
#     scripts/safety.sh valgrind [TEST...]    the compiled test binary, for reads and writes outside its memory
#
# Miri takes some thousand times as long as the machine: under it the kernels' tests have the smallest shapes that show every border and
# remainder, about twenty minutes in all; a step of a whole network is left out. valgrind runs all tests but those on big images.
set -euo pipefail
tool=${1:-miri}
shift $(($# < 1 ? $# : 1))
export FEWLABEL_SIMD=portable
case $tool in
miri)
    tests=("$@")
    [ $# -gt 0 ] || tests=(kernels:: image:: image_bits::)
    # Without isolation the tests see FEWLABEL_SIMD and the clock.
    MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-disable-isolation" cargo +nightly miri test -p fewlabel-engine --lib -- "${tests[@]}"
    ;;
valgrind)
    binary=$(cargo test -p fewlabel-engine --lib --no-run --message-format=json | grep -o '"executable":"[^"]*"' | cut -d'"' -f4)
    tests=("$@")
    [ $# -gt 0 ] || tests=(--skip the_peak --skip an_image_scores --skip math::)
    valgrind --quiet --error-exitcode=1 "$binary" --test-threads 1 "${tests[@]}"
    ;;
*)
    echo "usage: $0 miri|valgrind [TEST...]" >&2
    exit 2
    ;;
esac
