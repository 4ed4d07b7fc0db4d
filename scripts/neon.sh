#!/usr/bin/env bash
# Runs the engine's tests, parity suite and recorded bits included, on aarch64: NEON under qemu-user on another machine.
#
#     rustup target add aarch64-unknown-linux-gnu; apt-get install qemu-user gcc-aarch64-linux-gnu
#     scripts/neon.sh [TEST...]
set -euo pipefail
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
cargo test -p fewlabel-engine --lib --target aarch64-unknown-linux-gnu -- "$@"
