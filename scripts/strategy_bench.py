#!/usr/bin/env python3
"""Times `fewlabel query` beside other libraries, on the same arrays and one thread.

    strategy_bench.py ARRAYS [--fewlabel PATH] [--peers PYTHON SCRIPT] [--only REGEX] [--growth]

ARRAYS is a folder with X_64.npy, X_256.npy (features, the first 139 rows labelled) and P_64.npy (probabilities [n, 20, 11]).
SCRIPT answers `SCRIPT one CASE DIM BATCH` with a JSON line that has wall, cpu, extra_mb and first (the first picks); a case
that fails is left out. Our wall time is the median of three runs and without reading files; our processor time and
peak memory are those of the whole process. --growth instead times random arrays of 10^4, 10^5 and 10^6 rows.
Needs NumPy. Compares with the definitions in f64: BALD's scores, and core-set's picks.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

import numpy as np

LABELLED = 139
CASES = [  # name, dim, batch, options, cases of the peer script
    ("bald", 64, 4, ["--mc-probs", "mc"], ["small-text _bald", "baal BALD"]),
    ("badge", 64, 100, ["--probs", "probs", "--features", "pool"], ["skactiveml Badge"]),
    ("badge", 256, 100, ["--probs", "probs", "--features", "pool"], ["skactiveml Badge"]),
    ("core-set", 64, 100, ["--features", "X"], ["lightly_mundig Selection diversify numpy in (Rust)", "alipy QueryInstanceCoresetGreedy"]),
    ("core-set", 256, 100, ["--features", "X"], ["lightly_mundig Selection diversify numpy in (Rust)", "alipy QueryInstanceCoresetGreedy"]),
    ("batchbald", 64, 4, ["--mc-probs", "mc", "--draws", "40000"], ["batchbald_redux get_batchbald_batch num_samples=40000"]),
    ("batchbald", 64, 10, ["--mc-probs", "mc", "--draws", "1000"], ["batchbald_redux get_batchbald_batch num_samples=1000"]),
    ("batchbald", 64, 100, ["--mc-probs", "mc", "--draws", "1000"], []),
    ("epig", 64, 100, ["--mc-probs", "mc", "--target-mc-probs", "targets"], ["baal EPIG N_t=100"]),
    ("typiclust", 64, 100, ["--features", "X"], ["skactiveml TypiClust k=20 MiniBatchKMeans"]),
    ("typiclust", 256, 100, ["--features", "X"], ["skactiveml TypiClust k=20 MiniBatchKMeans"]),
    ("probcover", 64, 100, ["--features", "X", "--delta", "DELTA"], ["skactiveml ProbCover (one delta)"]),
    ("probcover", 256, 100, ["--features", "X", "--delta", "DELTA"], ["skactiveml ProbCover (one delta)"]),
]


def query(fewlabel, arguments):
    """One run: its JSON, processor seconds and peak mebibytes of the process."""
    with tempfile.TemporaryFile() as out:
        # Of a direct child the peak would include this process before it became another.
        command = ["/usr/bin/time", "-f", "%U %S %M", fewlabel, "query", "--threads", "1", "--json", *arguments]
        child = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True)
        if child.returncode:
            sys.exit(f"failed: {arguments}: {child.stderr}")
        user, system, kibibytes = map(float, child.stderr.split()[-3:])
        out.seek(0)
        return json.load(out), user + system, kibibytes / 1024


def radius(x):
    """A radius that 1 % of the pairs of 500 random rows are within."""
    rows = x[np.random.default_rng(0).choice(len(x), 500, replace=False)].astype(np.float64)
    squares = (rows**2).sum(1)[:, None] + (rows**2).sum(1)[None] - 2 * rows @ rows.T
    return float(np.quantile(np.sqrt(np.maximum(squares, 0))[np.triu_indices(500, 1)], 0.01))


def prepare(folder, scratch):
    """The arrays as `query` takes them."""
    paths, labelled = {}, os.path.join(scratch, "labelled.json")
    json.dump(list(range(LABELLED)), open(labelled, "w"))
    for dim in (64, 256):
        x = np.load(os.path.join(folder, f"X_{dim}.npy"))
        p = np.load(os.path.join(folder, f"P_{dim}.npy"))[LABELLED:]
        arrays = {"X": x, "pool": x[LABELLED:], "mc": p, "probs": p.mean(1), "targets": p[:100]}
        for name, array in arrays.items():
            paths[name, dim] = os.path.join(scratch, f"{name}_{dim}.npy")
            np.save(paths[name, dim], array.astype(np.float32))
        paths["DELTA", dim] = repr(radius(x))
    return paths, labelled


def core_set(x, batch):
    """Greedy k-center in f64."""
    x, picks = x.astype(np.float64), []
    nearest = np.min([((x - x[i]) ** 2).sum(1) for i in range(LABELLED)], axis=0)
    for _ in range(batch):
        picks.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((x - x[picks[-1]]) ** 2).sum(1))
    return picks


def agreement(name, folder, dim, answer, arguments, fewlabel):
    """What can be said without another library."""
    if name == "core-set":
        same = np.equal(core_set(np.load(os.path.join(folder, f"X_{dim}.npy")), answer["batch"]), answer["indices"])
        return f"{same.sum()} of {len(same)} picks as in f64"
    if name == "bald":
        p = np.load(os.path.join(folder, f"P_{dim}.npy"))[LABELLED:]
        entropy = lambda p: -(p * np.log(np.maximum(p, 1e-300))).sum(-1)
        truth = entropy(p.mean(1)) - entropy(p).mean(1)
        everything, _, _ = query(fewlabel, [*arguments[:2], "--batch", str(len(p)), *arguments[4:]])
        return f"scores within {np.abs(truth[everything['indices']] - everything['scores']).max():.0e} of f64"
    return ""


def compare(options):
    print("| strategy | k | dim | wall s | cpu s | peak MiB | first picks | peers: wall s / cpu s / extra MiB / first picks |")
    print("|---|--:|--:|--:|--:|--:|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        paths, labelled = prepare(options.arrays, scratch)
        for name, dim, batch, settings, peers in CASES:
            if not re.search(options.only, f"{name}:{dim}:{batch}"):
                continue
            settings = [paths.get((word, dim), word) for word in settings]
            arguments = ["--strategy", name, "--batch", str(batch), *settings]
            if settings[1] == paths["X", dim]:
                arguments += ["--labelled", labelled]
            runs = [query(options.fewlabel, arguments) for _ in range(3)]
            wall = statistics.median(run[0]["seconds"] for run in runs)
            cpu, peak = statistics.median(run[1] for run in runs), max(run[2] for run in runs)
            notes = [agreement(name, options.arrays, dim, runs[0][0], arguments, options.fewlabel)]
            for peer in peers if options.peers else []:
                command = [*options.peers, "one", peer, str(dim), str(batch)]
                done = subprocess.run(command, capture_output=True, text=True)
                lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
                notes += [f"{peer}: {r['wall']:.3g} / {r['cpu']:.3g} / {r['extra_mb']:.0f} / {[int(i) for i in r['first'] if i == int(i)]}" for r in lines]
            first = runs[0][0]["indices"][:4]
            print(f"| {name} | {batch} | {dim} | {wall:.3g} | {cpu:.3g} | {peak:.0f} | {first} | {'; '.join(filter(None, notes))} |", flush=True)


def growth(options):
    """Time and memory against the number of rows, k = 100, 11 classes, 20 samples, 64 features."""
    print("| strategy | rows | wall s | cpu s | peak MiB |\n|---|--:|--:|--:|--:|")
    rng = np.random.default_rng(0)
    cases = [("entropy", "p"), ("margin", "p"), ("bald", "m"), ("badge", "px"), ("core-set", "x"), ("clue", "px"), ("falcun", "p"),
             ("cdal", "p"), ("typiclust", "x"), ("probcover", "x"), ("max-herding", "x")]
    with tempfile.TemporaryDirectory() as scratch:
        for rows in (10**4, 10**5, 10**6):
            files = {letter: os.path.join(scratch, f"{letter}.npy") for letter in "pmx"}
            p = rng.dirichlet(np.full(11, 0.5), rows).astype(np.float32)
            np.save(files["p"], p)
            np.save(files["x"], rng.normal(size=(rows, 64)).astype(np.float32))
            np.save(files["m"], np.repeat(p[:, None], 20, 1))
            for name, needs in cases:
                if not re.search(options.only, f"{name}:{rows}"):
                    continue
                flags = {"p": "--probs", "m": "--mc-probs", "x": "--features"}
                arguments = ["--strategy", name, "--batch", "100"]
                arguments += [word for letter in needs for word in (flags[letter], files[letter])]
                if name == "probcover":
                    arguments += ["--delta", "7"]
                try:
                    answer, cpu, peak = query(options.fewlabel, arguments)
                    print(f"| {name} | {rows:.0e} | {answer['seconds']:.3g} | {cpu:.3g} | {peak:.0f} |", flush=True)
                except SystemExit:
                    print(f"| {name} | {rows:.0e} | refused | | |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arrays", nargs="?", default=".")
    parser.add_argument("--fewlabel", default="target/release/fewlabel")
    parser.add_argument("--peers", nargs=2, metavar=("PYTHON", "SCRIPT"))
    parser.add_argument("--only", default="")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    growth(options) if options.growth else compare(options)


if __name__ == "__main__":
    main()
