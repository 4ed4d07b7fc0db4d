#!/usr/bin/env python3
"""Accuracy by budget from a study's results.csv, a line a cell, best first by the validation area under the budget curve.

    scripts/budget_table.py RESULTS.csv [--split val|test] [--intervals] [--against CELL]

Means over seeds in %; ± is half a 95 % t interval. The area is the mean height of a seed's curve from its first budget to its last, by the
trapezoidal rule; it is left out where cells differ in their budgets. --against adds each cell's area less that of CELL, paired by seed, and the same
at the last budget.
"""
import argparse, csv
from collections import defaultdict
from columns import setting
from intervals import mean, text

parser = argparse.ArgumentParser()
parser.add_argument("results")
parser.add_argument("--split", choices=["val", "test"], default="test")
parser.add_argument("--intervals", action="store_true", help="± at every budget")
parser.add_argument("--against", help="the name of a cell of the table")
arguments = parser.parse_args()


def name(row):
    dropout, query = float(setting(row, "final.dropout") or 0), setting(row, "loop.query_size")
    return regime_and_strategy(row) + (f", queries of {query}" if query else "") + (f", dropout {dropout:g}" if dropout else "")


def regime_and_strategy(row):
    regime, strategy = row["regime"], row["strategy"]
    if regime == "al":
        return "al random" if strategy == "random" else strategy
    return regime if strategy == "random" or regime.endswith(strategy) or regime == "pretrained-semi" else f"{regime} {strategy}"


def area(curve):
    points = sorted(curve.items())
    if len(points) < 2:
        return points[0][1]
    return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:])) / (points[-1][0] - points[0][0])


curves = {split: defaultdict(lambda: defaultdict(dict)) for split in ["val", "test"]}
for row in csv.DictReader(open(arguments.results, encoding="utf-8")):
    for split, key in [("val", "val_accuracy_last"), ("test", "test_accuracy")]:
        curves[split][name(row)][int(row["seed"])][int(row["labels"])] = 100 * float(row[key])


def paired(cell, figure):
    """`figure` of a cell's curves less that of the other cell's, seed by seed."""
    others = shown[arguments.against]
    differences = [figure(curve) - figure(others[seed]) for seed, curve in shown[cell].items() if seed in others]
    return text(differences, "+")


areas = {split: {cell: [area(curve) for curve in seeds.values()] for cell, seeds in cells.items()} for split, cells in curves.items()}
shown = curves[arguments.split]
budgets = sorted({labels for seeds in shown.values() for curve in seeds.values() for labels in curve})
same = len(budgets) > 1 and all(set(curve) == set(budgets) for seeds in shown.values() for curve in seeds.values())
if arguments.against and arguments.against not in shown:
    parser.error(f"no cell is called {arguments.against!r}: there are {', '.join(shown)}")
heads = [f"area, {arguments.split}", "area, val"] * same + [f"area less `{arguments.against}`"] * bool(same and arguments.against)
heads += [f"{budgets[-1]}, less `{arguments.against}`"] * bool(arguments.against)
print("| | " + " | ".join([*map(str, budgets), *heads]) + " |")
print("|---|" + "---|" * (len(budgets) + len(heads)))
for cell in sorted(shown, key=lambda cell: -mean(areas["val"][cell])):
    at = [[curve[labels] for curve in shown[cell].values() if labels in curve] for labels in budgets]
    line = ["" if not values else text(values) if arguments.intervals else f"{mean(values):.1f}" for values in at]
    line += [text(areas[arguments.split][cell]), f"{mean(areas['val'][cell]):.1f}"] * same
    if arguments.against:
        line += [paired(cell, area)] * same + [paired(cell, lambda curve: curve[budgets[-1]])]
    print(f"| `{cell}` | {' | '.join(line)} |")
