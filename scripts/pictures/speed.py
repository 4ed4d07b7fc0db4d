"""How fast Pillow decodes, hashes and resizes: the peer of `fewlabel data info FOLDER --no-cache --size N`.

    python speed.py make FOLDER     20,000 PNGs of 28 px, 400 PNGs and 400 JPEGs of 512 px
    python speed.py FOLDER...       seconds in two processes, the best of three
"""

import hashlib
import io
import multiprocessing
import pathlib
import sys
import time

import numpy as np
from PIL import Image


def make(folder):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:512, 0:512]
    for kind, count, side in (("png28", 20000, 28), ("png512", 400, 512), ("jpg512", 400, 512)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            wave = 110 + 60 * np.sin(x / (9 + i % 20)) + 50 * np.cos(y / (13 + i % 7))
            noise = rng.normal(0, 6, (side, side))
            grey = np.clip(wave[:side, :side] + noise, 0, 255).astype(np.uint8)
            name = folder / kind / f"{i:05}"
            if kind == "jpg512":
                colour = np.stack([grey, grey[::-1], grey.T], -1)
                Image.fromarray(colour).save(f"{name}.jpg", quality=90)
            else:
                Image.fromarray(grey).save(f"{name}.png")


def one(path):
    data = path.read_bytes()
    image = Image.open(io.BytesIO(data))
    side = 28 if image.width == 28 else 64
    if image.width != side:
        image = image.resize((side, side), Image.Resampling.BOX)
    return hashlib.sha256(data).hexdigest(), np.asarray(image).sum()


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]))
else:
    for folder in sys.argv[1:]:
        paths = sorted(pathlib.Path(folder).iterdir())
        seconds = []
        with multiprocessing.Pool(2) as pool:
            for _ in range(3):
                start = time.perf_counter()
                pool.map(one, paths, chunksize=32)
                seconds.append(time.perf_counter() - start)
        print(f"{folder}: {min(seconds):.3f} s for {len(paths)}")
