#!/usr/bin/env python3
"""Peak memory of training and of scoring, against what docs/performance.md promises.

    scripts/memory.py [--binary target/release/fewlabel] [--pool 1000000] [--width 8]

Makes a data set of noise of the paper's size and one with a pool of a million images, runs the program on them and reads
the peak of each process's resident memory (Linux, as the kernel counts it for `wait4`). Promised, beside 64 MiB:

  training `full`      3 times the bytes of the data set's images
  scoring the pool     once these bytes, for `predict` and for the queries of the active loop

Ends with 1 if a promise is broken. Only the standard library is needed, and disk space for the pool.
"""
import argparse
import os
import random
import struct
import sys
import tempfile
import zipfile

MIB = 1 << 20
CLASSES = 11


def header(shape):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def data_set(path, train, val, test):
    """Writes noise as a MedMNIST archive in small pieces, and returns the bytes of its images."""
    draw = random.Random(0)
    noise = draw.randbytes(MIB)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, n in [("train", train), ("val", val), ("test", test)]:
            with archive.open(f"{name}_images.npy", "w", force_zip64=True) as member:
                member.write(header((n, 28, 28)))
                left = n * 784
                while left:
                    start = draw.randrange(1024)
                    piece = noise[start : start + min(left, MIB // 2)]
                    member.write(piece)
                    left -= len(piece)
            with archive.open(f"{name}_labels.npy", "w", force_zip64=True) as member:
                member.write(header((n, 1)))
                member.write((bytes(range(CLASSES)) * (n // CLASSES + 1))[:n])
    return (train + val + test) * 784


def peak(command):
    """Bytes of resident memory at the command's peak."""
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(process, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/fewlabel")
    parser.add_argument("--pool", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=8, help="width f of the model that scores the pool")
    parser.add_argument("--threads", default="2")
    arguments = parser.parse_args()
    program = [arguments.binary, "--threads", arguments.threads, "--quiet"]
    broken = False
    with tempfile.TemporaryDirectory() as folder:
        small, large, model, study = (os.path.join(folder, n) for n in ["small.npz", "large.npz", "m.safetensors", "al.toml"])
        sizes = {small: data_set(small, 13_932, 2_452, 8_827), large: data_set(large, arguments.pool, 64, 64)}
        with open(study, "w") as file:
            file.write(f'regime = "al"\ndata = "{large}"\nseeds = 1\nlabels = 19\nloop.initial = 11\nfinal.epochs = 1\nloop.epochs = 1\n')
        train = program + ["train", "--epochs", "1", "--model", model]
        first = ["--width", str(arguments.width), "--labels", "64"]
        arrays = ["--probs", os.path.join(folder, "p.npy"), "--features", os.path.join(folder, "h.npy")]
        pool = f"{arguments.pool} images"
        cases = [
            ("train on all labels, f = 16", small, 3, train + ["--data", small]),
            (f"train on 64 labels of {pool}, f = {arguments.width}", large, 3, train + ["--data", large] + first),
            (f"predict {pool}", large, 1, program + ["predict", "--model", model, "--data", large, "--split", "train"] + arrays),
            (f"two queries over {pool}, f = 8", large, 1, program + ["run", study, "--out", os.path.join(folder, "out")]),
        ]
        print("| what | images, MiB | peak, MiB | allowed, MiB |\n|---|---|---|---|")
        for what, data, times, command in cases:
            found, allowed = peak(command), times * sizes[data] + 64 * MIB
            broken |= found > allowed
            print(f"| {what} | {sizes[data] / MIB:.1f} | {found / MIB:.1f} | {allowed / MIB:.1f} |", flush=True)
    sys.exit(broken)


if __name__ == "__main__":
    main()
