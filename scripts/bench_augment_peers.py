#!/usr/bin/env python3
"""Times what other libraries take to augment an image: the table of docs/augmentation.md.

    pip install numpy scipy albumentations torchvision kornia
    python scripts/bench_augment_peers.py            # one process, one thread
    cargo run --release -- bench augment --threads 1  # the same rows of this project, run beside it

28x28 float32 grey, a new random strength for every image. CPU time an image in microseconds, the median of five runs.
"""
import os
import resource
import statistics

os.environ["OMP_NUM_THREADS"] = "1"
import cv2
import kornia.augmentation as K
import albumentations as A
import numpy as np
import scipy.ndimage as nd
import torch
from torchvision.transforms import InterpolationMode, v2

cv2.setNumThreads(1)
torch.set_num_threads(1)
rng = np.random.default_rng(0)
images = rng.random((512, 28, 28), dtype=np.float32)
tensors = torch.from_numpy(images)[:, None].contiguous()
gy, gx = np.mgrid[0:28, 0:28]


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def elastic(i):
    dx, dy = (nd.gaussian_filter(rng.uniform(-1, 1, (28, 28)), 4) * 34 for _ in range(2))
    return nd.map_coordinates(images[i], [gy + dy, gx + dx], order=1, mode="nearest")


def albumentations(transform):
    return lambda i: transform(image=images[i])


def torchvision(transform):
    return lambda i: transform(tensors[i])


def kornia(transform):
    return lambda i: transform(tensors[i % 8 * 64:i % 8 * 64 + 64])


CASES = [
    ("scipy", "rotation", 1, lambda i: nd.rotate(images[i], rng.uniform(-30, 30), reshape=False, order=1, mode="nearest")),
    ("scipy", "blur", 1, lambda i: nd.gaussian_filter(images[i], rng.uniform(0.5, 1.5), mode="nearest")),
    ("scipy", "elastic", 1, elastic),
    ("albumentations", "rotation", 1, albumentations(A.Rotate(limit=30, p=1))),
    ("albumentations", "blur", 1, albumentations(A.GaussianBlur(blur_limit=(3, 13), sigma_limit=(0.5, 1.5), p=1))),
    ("albumentations", "elastic", 1, albumentations(A.ElasticTransform(alpha=34, sigma=4, p=1))),
    ("torchvision", "rotation", 1, torchvision(v2.RandomRotation(30, interpolation=InterpolationMode.BILINEAR))),
    ("torchvision", "blur", 1, torchvision(v2.GaussianBlur(13, (0.5, 1.5)))),
    ("torchvision", "elastic", 1, torchvision(v2.ElasticTransform(alpha=34.0, sigma=4.0))),
    ("kornia, batches of 64", "rotation", 64, kornia(K.RandomRotation(30.0, p=1.0))),
    ("kornia, batches of 64", "blur", 64, kornia(K.RandomGaussianBlur((13, 13), (0.5, 1.5), p=1.0))),
    ("kornia, batches of 64", "elastic", 64, kornia(K.RandomElasticTransform((33, 33), (4.0, 4.0), (1.0, 1.0), p=1.0))),
]

for library, name, batch, run in CASES:
    run(0)
    start = cpu()
    calls = 0
    while cpu() - start < 0.3:
        run(calls % 512)
        calls += 1
    times = []
    for _ in range(5):
        start = cpu()
        for i in range(calls):
            run(i % 512)
        times.append((cpu() - start) / (calls * batch) * 1e6)
    print(f"{library:24s} {name:10s} {statistics.median(times):9.1f} us")
