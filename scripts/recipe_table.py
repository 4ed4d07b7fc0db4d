#!/usr/bin/env python3
"""What each part of the recipe for few labels brings, from the results.csv of studies/recipe.toml.

    scripts/recipe_table.py RESULTS.csv

Means over seeds in %, ± half a 95 % t interval; differences from the paper's forty epochs with the same augmentation are paired by seed.
"""
import csv, sys
from collections import defaultdict
from columns import setting
from intervals import text


def parts(row):
    recipe = {part: setting(row, f"final.recipe.{part}") for part in ("steps", "cosine", "label_smoothing", "average")}
    views = int(setting(row, "final.test_time_views") or 0)
    names = [
        f"{int(float(recipe['steps']))} steps" if float(recipe.get("steps") or 0) else "",
        "cosine" if recipe.get("cosine") == "true" else "",
        f"label smoothing {float(recipe['label_smoothing']):.3g}" if float(recipe.get("label_smoothing") or 0) else "",
        f"averaged weights {float(recipe['average']):.3g}" if float(recipe.get("average") or 0) else "",
        f"{views} views" if views > 1 else "",
    ]
    return ", ".join(filter(None, names))


cells = defaultdict(dict)
for row in csv.DictReader(open(sys.argv[1], encoding="utf-8")):
    accuracies = [100 * float(row[key]) for key in ["val_accuracy_last", "test_accuracy"]]
    cells[row["augmentation"], parts(row)][int(row["seed"])] = accuracies
print("| augmentation | recipe | validation | from forty epochs | test |")
print("|---|---|---|---|---|")
for augmentation in dict.fromkeys(augmentation for augmentation, _ in cells):
    base = cells[augmentation, ""]
    names = [name for of, name in cells if of == augmentation]
    if augmentation == "none":  # views of an unaugmented network are the image alone
        names = [name for name in names if not name.endswith("views")]
    for name in sorted(names, key=lambda name: (name.count(","), name)):
        seeds = cells[augmentation, name]
        gain = text([run[0] - base[seed][0] for seed, run in seeds.items()], "+") if name else ""
        line = [text([run[i] for run in seeds.values()]) for i in (0, 1)]
        print(f"| {augmentation} | {name or 'forty epochs, as the paper'} | {line[0]} | {gain} | {line[1]} |")
