#!/bin/sh
# Training and scoring speed beside PyTorch, in pairs on the same core(s).
#
#   scripts/performance.sh TORCH_PYTHON TORCH_BENCH.py [THREADS]
#
# TORCH_BENCH.py is a script that takes --f --batch --threads --mode train|infer --channels-last --compile and prints
# one line with images/s. jemalloc is preloaded for it if the system has it. Lines go to standard output.
set -eu
python=$1
bench=$2
threads=${3:-1}
cores=$([ "$threads" = 1 ] && echo 1 || echo "0-$((threads - 1))")
cargo build --quiet --release -p fewlabel-engine --example speed
for mode in train infer; do
    batch=$([ "$mode" = train ] && echo 64 || echo 256)
    for width in 8 16 32; do
        for _ in 1 2 3; do
            taskset -c "$cores" target/release/examples/speed "$mode" "$width" "$batch" "$threads"
            LD_PRELOAD=libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1 \
                taskset -c "$cores" "$python" "$bench" --f "$width" --batch "$batch" --threads "$threads" \
                --mode "$mode" --channels-last --compile
        done
    done
done
