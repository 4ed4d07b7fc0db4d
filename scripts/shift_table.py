#!/usr/bin/env python3
"""Test accuracy by regime and shift, from the results.csv of studies/shift.toml.

    scripts/shift_table.py RESULTS.csv

Means over seeds in %; the loss is the mean over the corruptions (class frequencies aside) of what a seed's model loses from its unshifted
accuracy, in points and as a share of it, ± half a 95 % t interval over seeds.
"""
import csv, sys
from collections import defaultdict
from columns import setting
from intervals import mean, text

runs = defaultdict(lambda: defaultdict(dict))
shifts = []
for row in csv.DictReader(open(sys.argv[1], encoding="utf-8")):
    _, _, shift = setting(row, "data").partition(" test ")
    if shift not in shifts:
        shifts.append(shift)
    runs[row["regime"]][int(row["seed"])][shift] = 100 * float(row["test_accuracy"])
shifts.sort(key=lambda shift: (shift != "", shift.startswith("prior"), shift))


print("| | " + " | ".join(shift or "none" for shift in shifts) + " | loss, points | loss, share of accuracy % |")
print("|---|" + "---|" * (len(shifts) + 2))
for regime, seeds in runs.items():
    corruptions = [shift for shift in shifts if shift and not shift.startswith("prior")]
    losses = [run[""] - mean(run[shift] for shift in corruptions) for run in seeds.values()]
    shares = [100 * loss / run[""] for loss, run in zip(losses, seeds.values())]
    cells = [f"{mean(run[shift] for run in seeds.values()):.1f}" for shift in shifts]
    print(f"| `{regime}` | " + " | ".join(cells) + f" | {text(losses)} | {text(shares)} |")
