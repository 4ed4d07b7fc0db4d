#!/usr/bin/env python3
"""A trained model, loaded into PyTorch by tensor names alone, gives the product's predictions.

    fewlabel train --data D.npz --labels 139 --model M.safetensors
    fewlabel predict --model M.safetensors --data D.npz --split test --probs P.npy
    python3 scripts/torch_logits.py D.npz M.safetensors P.npy           (needs torch, numpy, safetensors)

Logits are compared after taking each image's log-sum-exp off, which is what ln P holds. Classes of probability below 1e-30
are left out: there ln P has lost its digits. Exits 1 when a difference is above 1e-4 x max(1, largest |logit|).
"""
import importlib.util, json, pathlib, sys
import numpy as np, torch
from safetensors import safe_open

spec = importlib.util.spec_from_file_location("first_steps", pathlib.Path(__file__).with_name("first_steps.py"))
first_steps = importlib.util.module_from_spec(spec)
spec.loader.exec_module(first_steps)

data, model, probs = sys.argv[1:4]
with safe_open(model, "pt") as file:
    state, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()
mean = torch.tensor(json.loads(metadata["mean"])).view(1, -1, 1, 1)
images = torch.from_numpy(np.load(data)["test_images"].astype(np.float32) / 255)
images = (images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)) - mean
f, channels = state["block1.conv1.weight"].shape[:2]
net = first_steps.Net(f, channels, len(state["head.fc3.bias"]), images.shape[2])
net.load_state_dict(state)
net.eval()
with torch.no_grad():
    logits = torch.cat([net(block) for block in images.split(512)])
theirs = logits - logits.logsumexp(1, keepdim=True)
ours = torch.from_numpy(np.load(probs)).log()
kept = ours > np.log(1e-30)
largest = max(1.0, logits.abs().max().item())
worst = (ours - theirs)[kept].abs().max().item()
same = (ours.argmax(1) == theirs.argmax(1)).float().mean().item()
print(f"largest difference {worst:.2e}, largest |logit| {largest:.1f}, ratio {worst / largest:.1e}, same class {100 * same:.2f} %")
sys.exit(worst > 1e-4 * largest)
