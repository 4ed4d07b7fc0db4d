"""Compares `fewlabel data inspect` with what independent readers found in the files of make.py.

    python compare.py FOLDER PROGRAM

Lossless files have to agree exactly, lossy ones within 4 levels, and files marked as refused have
to be refused. Exits with 1 if anything is silently wrong.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]
# JPEG and lossy WebP may differ by the rounding of their transforms.
LOSSY = (".jpg", "lossy", "jpeg-")
counts = collections.Counter()
largest = collections.Counter()
wrong = []

with tempfile.TemporaryDirectory() as scratch:
    dump = pathlib.Path(scratch) / "values.npy"
    for path in sorted(folder.iterdir()):
        if path.suffix in (".npy", ".refused"):
            continue
        dump.unlink(missing_ok=True)
        command = [program, "data", "inspect", str(path), "--json", "--dump", str(dump)]
        outcome = subprocess.run(command, capture_output=True, text=True)
        kind = path.suffix[1:] + (" lossy" if any(mark in path.name for mark in LOSSY) else "")
        if (folder / f"{path.name}.refused").exists():
            if outcome.returncode != 1 or outcome.stderr.count("\n") != 1:
                wrong.append(f"{path.name}: expected to be refused")
            counts[f"{kind}: refused as it should be"] += 1
            continue
        if outcome.returncode:
            counts[f"{kind}: refused"] += 1
            wrong.append(f"{path.name}: refused: {outcome.stderr.strip()}")
            continue
        found, expected = np.load(dump), np.load(folder / f"{path.name}.npy")
        if found.shape != expected.shape:
            wrong.append(f"{path.name}: shape {found.shape}, expected {expected.shape}")
            continue
        difference = float(np.abs(found - expected).max())
        largest[kind] = max(largest[kind], difference)
        if difference > (4 if kind.endswith("lossy") else 0):
            wrong.append(f"{path.name}: differs by {difference}")
        else:
            counts[f"{kind}: right"] += 1

for line, count in sorted(counts.items()):
    kind = line.split(":")[0]
    print(f"{count:5} {line}" + (f", at most {largest[kind]:g} apart" if "right" in line else ""))
print(*wrong, sep="\n")
sys.exit(bool(wrong))
