#!/usr/bin/env python3
"""Strategies by budget from a study's results.csv: mean accuracy, and the area under the budget curve with its 95 % t interval
over seeds, best first by validation.

    scripts/strategy_table.py RESULTS.csv [val|test]
"""
import csv, math, sys
from collections import defaultdict

# Two-sided 95 % quantiles of Student's t for n - 1 degrees of freedom, by n (R: qt(.975, n - 1)).
T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 10: 2.262, 20: 2.093, 30: 2.045}

path, split = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "test"
column = {"val": "val_accuracy_last", "test": "test_accuracy"}
found = {name: defaultdict(lambda: defaultdict(dict)) for name in column}
for row in csv.DictReader(open(path, encoding="utf-8")):
    cell = row["strategy"] if (row["regime"] == "al") != (row["strategy"] == "random") else f'{row["regime"]} {row["strategy"]}'
    for name, key in column.items():
        found[name][cell][int(row["seed"])][int(row["labels"])] = 100 * float(row[key])


def area(curve):
    """Mean height of the curve of accuracy over labels, by the trapezoidal rule."""
    points = sorted(curve.items())
    sums = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:]))
    return sums / (points[-1][0] - points[0][0])


def mean(values):
    return sum(values) / len(values)


areas = {name: {cell: [area(curve) for curve in seeds.values()] for cell, seeds in cells.items()} for name, cells in found.items()}
budgets = sorted({labels for seeds in found[split].values() for curve in seeds.values() for labels in curve})
print("| strategy | " + " | ".join(map(str, budgets)) + " | area, " + split + " | area, validation |")
print("|---|" + "---|" * (len(budgets) + 2))
for cell in sorted(areas["val"], key=lambda cell: -mean(areas["val"][cell])):
    at = [mean([curve[labels] for curve in found[split][cell].values()]) for labels in budgets]
    each = areas[split][cell]
    n, m = len(each), mean(each)
    half = T.get(n, 1.96) * math.sqrt(sum((a - m) ** 2 for a in each) / (n - 1) / n) if n > 1 else float("nan")
    print(f"| `{cell}` | " + " | ".join(f"{a:.1f}" for a in at) + f" | {m:.1f} ± {half:.1f} | {mean(areas['val'][cell]):.1f} |")
