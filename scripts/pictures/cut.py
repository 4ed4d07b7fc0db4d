"""Cuts picture files at 20 places each, the last byte among them; every piece has to be refused.

    python cut.py FOLDER PROGRAM

FOLDER is one of make.py's. The places are spread from 1 byte on to all but one.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

folder, program = pathlib.Path(sys.argv[1]), sys.argv[2]
counts, taken = collections.Counter(), []
with tempfile.TemporaryDirectory() as scratch:
    piece = pathlib.Path(scratch) / "piece"
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".jpg", ".png", ".tif", ".webp", ".gif", ".bmp"):
            continue
        if (folder / f"{path.name}.refused").exists():
            continue
        data = path.read_bytes()
        for i in range(1, 21):
            # The last byte of a WebP may only fill up an odd chunk.
            last = 2 if path.suffix == ".webp" and data[-1] == 0 else 1
            length = len(data) * i // 20 - (last if i == 20 else 0)
            piece.write_bytes(data[:length])
            outcome = subprocess.run([program, "data", "inspect", str(piece)], capture_output=True)
            if outcome.returncode == 1:
                counts[path.suffix[1:]] += 1
            else:
                taken.append(f"{path.name}, {len(data)} bytes, cut to {length}: {outcome.returncode}")
for kind, count in sorted(counts.items()):
    print(f"{count:5} {kind}: refused")
print(*taken, sep="\n")
sys.exit(bool(taken))
