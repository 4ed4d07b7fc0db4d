#!/usr/bin/env python3
"""One whole active-learning run, by phase, beside PyTorch: regime `al`, 33 queries over 13,932 images.

    scripts/al_benchmark.py TORCH_PYTHON TORCH_AL.py [--data phantom] [--threads 2] [--repeats 3] [--quick]

TORCH_AL.py does the same work with PyTorch on random pixels and prints `total_s .. train_s .. score_s .. final_s ..`;
it takes --threads, --channels-last, --score compile, --validate (and --pool with --quick). jemalloc is preloaded for it
if the system has it. Product and peer run in turn, on the same cores, in two settings:

  (a) no validation after epochs and no test: loop training, scoring and final training are compared;
  (b) validation after each of the 40 final epochs and the test at the end, as the paper does: all phases are.

The peer's times leave out its start, its data and its compilation; the product's are the phases of timing.json, which leave
out its start, its data and the report. Work is the same: 7 labels at first, 4 a query, 6 epochs growing by one after every
third query with a fresh model of f = 8, batch 64, f = 32 for 40 epochs on 139 labels. The product scores labelled images
too (0.5 % more) and keeps records and checkpoints; its validation in (a) happens once, at the end, and does not count.
Only the standard library is needed.
"""
import argparse
import glob
import json
import os
import re
import statistics
import subprocess
import tempfile

LOOP = ("loop_training", "scoring", "final_training")
ALL = LOOP + ("validation", "test")
STUDY = """regime = "al"
data = {data}
seeds = 1
final.validate_every_epoch = {validate}
"""
QUICK = "train_images = 600\nval_images = 100\ntest_images = 100\nfinal.epochs = 2\n"


def product(arguments, validate):
    """Seconds of each phase of one run."""
    with tempfile.TemporaryDirectory() as folder:
        study = os.path.join(folder, "al.toml")
        with open(study, "w") as file:
            file.write(STUDY.format(data=json.dumps(arguments.data), validate=str(validate).lower()))
            if arguments.quick:
                file.write(QUICK + "labels = 139\nloop.initial = 7\n")
        out = os.path.join(folder, "out")
        command = [arguments.binary, "run", study, "--out", out, "--quiet", "--threads", str(arguments.threads)]
        subprocess.run(pinned(arguments, command), check=True, stdout=subprocess.DEVNULL)
        (path,) = glob.glob(os.path.join(out, "runs", "*", "timing.json"))
        with open(path) as file:
            return json.load(file)["phases"]


def peer(arguments, validate):
    """Seconds of each phase of one run of the peer; its final training holds validation and test."""
    command = [arguments.python, arguments.peer, "--threads", str(arguments.threads), "--channels-last"]
    command += ["--score", "compile"] + ["--validate"] * validate
    if arguments.quick:
        command += ["--pool", "600"]
    malloc = {"LD_PRELOAD": "libjemalloc.so.2", "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1"}
    shown = subprocess.run(
        pinned(arguments, command), check=True, stdout=subprocess.PIPE, text=True, env=os.environ | malloc
    )
    times = {name: float(value) for name, value in re.findall(r"(\w+)_s ([\d.]+)", shown.stdout)}
    return {"loop_training": times["train"], "scoring": times["score"], "final_training": times["final"]}


def pinned(arguments, command):
    return ["taskset", "-c", arguments.cores] + command if arguments.cores else command


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="a Python with torch")
    parser.add_argument("peer", help="the script that does the same with PyTorch")
    parser.add_argument("--binary", default="target/release/fewlabel")
    parser.add_argument("--data", default="phantom")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cores", default="", help="pin both to these cores, as taskset -c takes them")
    parser.add_argument("--quick", action="store_true", help="a pool of 600 images: shows that everything works, not how fast")
    arguments = parser.parse_args()
    for name, validate, phases in [("(a) without validation", False, LOOP), ("(b) with validation", True, ALL)]:
        ours, theirs = [], []
        for _ in range(arguments.repeats):
            ours.append(product(arguments, validate))
            theirs.append(peer(arguments, validate))
        total = lambda runs, phases: [sum(run.get(phase, 0.0) for phase in phases) for run in runs]
        print(f"{name}, {arguments.threads} threads, seconds, median of {arguments.repeats} (smallest)")
        print("| phase | product | PyTorch | ratio |\n|---|---|---|---|")
        # The peer times validation and test as part of its final training.
        rows = [(phase, (phase,)) for phase in LOOP[:2]] + [("final_training" + " with both" * validate, phases[2:])]
        for row, parts in rows + [("sum", phases)]:
            mine, other = total(ours, parts), total(theirs, parts)
            ratio = statistics.median(other) / max(statistics.median(mine), 1e-9)
            cells = [f"{statistics.median(runs):.2f} ({min(runs):.2f})" for runs in (mine, other)]
            print(f"| {row} | {cells[0]} | {cells[1]} | {ratio:.1f} |")
        if validate:
            parts = ", ".join(f"{phase} {statistics.median(total(ours, [phase])):.2f}" for phase in phases[2:])
            print(f"of the product's: {parts}")
        print(flush=True)


if __name__ == "__main__":
    main()
