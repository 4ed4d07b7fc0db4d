#!/usr/bin/env python3
"""Augmentation policies beside the paper's, from the results.csv of studies/augmentation.toml.

    scripts/policy_table.py RESULTS.csv [--chosen-by 0..10]

One half of the seeds chooses, by validation accuracy; the other half says what test accuracy the choice has. Differences from the paper's policy
are paired by seed, ± half a 95 % t interval; regimes are averaged seed by seed for the choice and shown each for itself. Per cent.
"""
import argparse, csv, json
from collections import defaultdict
from columns import setting
from intervals import half, mean, text

parser = argparse.ArgumentParser()
parser.add_argument("results")
parser.add_argument("--chosen-by", default="0..10", help="seeds that choose; the others judge")
arguments = parser.parse_args()
first, end = map(int, arguments.chosen_by.split(".."))
choosing = set(range(first, end))


def name(row):
    transforms = setting(row, "augmentation.transforms") or "[]"
    kinds = [transform["kind"] for transform in json.loads(transforms)]
    return " + ".join(kinds) if kinds else row["augmentation"]


seeds = {split: defaultdict(dict) for split in ["val", "test"]}
regimes = []
for row in csv.DictReader(open(arguments.results, encoding="utf-8")):
    if row["regime"] not in regimes:
        regimes.append(row["regime"])
    for split, key in [("val", "val_accuracy_last"), ("test", "test_accuracy")]:
        seeds[split][name(row)].setdefault(int(row["seed"]), {})[row["regime"]] = 100 * float(row[key])


def values(split, policy, half, of=regimes):
    runs = seeds[split][policy]
    return [mean([runs[seed][regime] for regime in of]) for seed in sorted(runs) if (seed in choosing) == half]


def against_paper(split, policy, half):
    return [a - b for a, b in zip(values(split, policy, half), values(split, "paper", half))]


print("| policy | validation | from the paper's | " + " | ".join(f"test, `{regime}`" for regime in regimes) + " | test | from the paper's |")
print("|---|" + "---|" * (len(regimes) + 4))
for policy in sorted(seeds["val"], key=lambda policy: -mean(values("val", policy, True))):
    line = [text(values("val", policy, True))]
    is_paper = policy == "paper"
    line.append("" if is_paper else text(against_paper("val", policy, True), "+"))
    line += [text(values("test", policy, False, [regime])) for regime in regimes]
    line.append(text(values("test", policy, False)))
    line.append("" if is_paper else text(against_paper("test", policy, False), "+"))
    print(f"| `{policy}` | " + " | ".join(line) + " |")
gains = {policy: against_paper("val", policy, True) for policy in seeds["val"] if policy != "paper"}
others = [policy for policy, gain in gains.items() if mean(gain) > half(gain)]
best = max(others, key=lambda policy: mean(values("val", policy, True)), default="paper")
print(f"\nchosen by seeds {arguments.chosen_by} on validation: {best}")
