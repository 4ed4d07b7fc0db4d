#!/usr/bin/env python3
"""How hard a data set is: simple classifiers on the pixels, and how often a study's `full` runs mix up left and right.

    fewlabel data export phantom P.npz
    fewlabel reproduce --regimes full,random --out DIR
    python3 scripts/phantom_difficulty.py P.npz DIR                     (needs numpy, scikit-learn)
"""
import json, pathlib, sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

SIDES = {1: 2, 2: 1, 4: 5, 5: 4, 7: 8, 8: 7}  # femur, kidney, lung in MedMNIST's order

data = np.load(sys.argv[1])
x = {s: data[f"{s}_images"].reshape(len(data[f"{s}_images"]), -1).astype(np.float32) / 255 for s in ("train", "val", "test")}
y = {s: data[f"{s}_labels"].ravel() for s in x}
x = {s: v - x["train"].mean() for s, v in x.items()}
print(f"1-nearest neighbour, test: {100 * KNeighborsClassifier(1).fit(x['train'], y['train']).score(x['test'], y['test']):.1f} %")
fits = [LogisticRegression(C=c, max_iter=300).fit(x["train"], y["train"]) for c in (0.001, 0.01, 0.1)]
best = max(fits, key=lambda fit: fit.score(x["val"], y["val"]))
print(f"logistic regression (C = {best.C} by validation), test: {100 * best.score(x['test'], y['test']):.1f} %")
for run in sorted(pathlib.Path(sys.argv[2]).glob("runs/*")):
    settings, result = (json.loads((run / name).read_text()) for name in ("settings.json", "result.json"))
    if settings["regime"] != "full":
        continue
    confusion = np.array(result["test"]["confusion"])
    errors = sum(confusion[c].sum() - confusion[c, c] for c in SIDES)
    swaps = sum(confusion[c, SIDES[c]] for c in SIDES)
    total = confusion.sum() - np.trace(confusion)
    print(f"full, seed {settings['plan']['seed']}: {swaps} swaps of sides are {100 * swaps / errors:.0f} % of the errors on "
          f"left/right organs and {100 * swaps / total:.0f} % of all")
