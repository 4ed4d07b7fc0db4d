"""A contrastive step in PyTorch, beside `fewlabel pretrain`: same network, batch, loss and optimiser, views left out.

    python scripts/pretrain_peer.py [--width 24] [--batch 256] [--steps 4] [--threads 1]

Prints the processor seconds of a step. The program's own figure is the processor time of `fewlabel pretrain` over
its steps; its views are in it, so that the comparison favours PyTorch.
"""

import argparse
import time

import torch
from torch import nn
from torch.nn import functional


def encoder(width: int) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = 1
    for block, outputs in enumerate((width, 2 * width, 3 * width)):
        if block:
            layers.append(nn.MaxPool2d(2, stride=3))
        for _ in range(2):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(outputs)]
            inputs = outputs
    return nn.Sequential(*layers, nn.Flatten())


def nt_xent(embeddings: torch.Tensor, temperature: float) -> torch.Tensor:
    unit = functional.normalize(embeddings)
    alike = unit @ unit.T / temperature
    alike.fill_diagonal_(float("-inf"))
    other = torch.arange(len(unit)).roll(len(unit) // 2)
    return functional.cross_entropy(alike, other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    head = [nn.Linear(27 * given.width, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64)]
    network = nn.Sequential(encoder(given.width), *head).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    views = torch.rand(2 * given.batch, 1, 28, 28).to(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        nt_xent(network(views), 0.2).backward()
        optimizer.step()

    step()
    seconds = []
    for _ in range(given.steps):
        start = time.process_time()
        step()
        seconds.append(time.process_time() - start)
    seconds.sort()
    print(f"PyTorch {torch.__version__}: {seconds[len(seconds) // 2]:.3f} processor seconds a step")


if __name__ == "__main__":
    main()
