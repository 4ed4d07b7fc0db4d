#!/usr/bin/env python3
"""The first five training steps beside PyTorch: same initial weights, same batches, same losses.

    cargo build --release -p fewlabel-learn --example first_steps
    python3 scripts/first_steps.py DATA.npz [--width 32] [--seed 0]        (needs torch, numpy, safetensors)

Prints both losses of each step and the largest relative difference; exits 1 when it is above 1e-4.
"""
import argparse, json, pathlib, subprocess, sys, tempfile
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o)
        self.conv2, self.norm2 = nn.Conv2d(o, o, 3, padding=1), nn.BatchNorm2d(o)

    def forward(self, x):
        x = self.norm1(F.relu(self.conv1(x)))
        return self.norm2(F.relu(self.conv2(x)))


class Net(nn.Module):
    """C(f), with the product's tensor names."""

    def __init__(self, f, channels, classes, side):
        super().__init__()
        self.block1, self.block2, self.block3 = Block(channels, f), Block(f, 2 * f), Block(2 * f, 3 * f)
        for _ in range(2):
            side = (side - 2) // 3 + 1
        self.head = nn.ModuleDict(dict(fc1=nn.Linear(3 * f * side * side, 8 * f), fc2=nn.Linear(8 * f, 2 * f),
                                       fc3=nn.Linear(2 * f, classes)))

    def forward(self, x):
        x = F.max_pool2d(self.block1(x), 2, 3)
        x = self.block3(F.max_pool2d(self.block2(x), 2, 3)).flatten(1)
        return self.head.fc3(F.relu(self.head.fc2(F.relu(self.head.fc1(x)))))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data"), p.add_argument("--width", type=int, default=32), p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    d = np.load(a.data)
    x = torch.from_numpy(d["train_images"].astype(np.float32) / 255)
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    # in f64: the f32 mean of millions of pixels is off by enough to break ties in flat backgrounds otherwise
    x, y = x - x.double().mean(dim=(0, 2, 3), keepdim=True).float(), torch.from_numpy(d["train_labels"].astype(np.int64).ravel())
    net = Net(a.width, x.shape[1], int(y.max()) + 1, x.shape[2])
    batches = [b.tolist() for b in torch.randperm(len(x)).split(64)[:5]]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        state = {k: v.contiguous() for k, v in net.state_dict().items() if "num_batches" not in k}
        save_file(state, folder / "initial.safetensors")
        (folder / "batches.json").write_text(json.dumps(batches))
        example = ROOT / "target/release/examples/first_steps"
        ours = json.loads(subprocess.check_output([example, a.data, folder / "initial.safetensors", folder / "batches.json",
                                                   str(a.width)]))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    worst = 0.0
    for step, (rows, loss) in enumerate(zip(batches, ours), 1):
        theirs = F.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad(), theirs.backward(), optimizer.step()
        worst = max(worst, abs(loss - theirs.item()) / theirs.item())
        print(f"step {step}: ours {loss:.7f}  PyTorch {theirs.item():.7f}")
    print(f"largest relative difference {worst:.1e}")
    sys.exit(worst > 1e-4)


if __name__ == "__main__":
    main()
