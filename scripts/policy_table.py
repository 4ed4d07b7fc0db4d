#!/usr/bin/env python3
"""Augmentation policies beside the paper's, from the results.csv of studies/augmentation.toml.

    scripts/policy_table.py RESULTS.csv [--chosen-by 0..10]

One half of the seeds chooses, by validation accuracy; the other half says what test accuracy the choice has. Differences from the paper's policy
are paired by seed, ± half a 95 % t interval; regimes are averaged seed by seed for the choice and shown each for itself. Per cent.
"""
import argparse, csv, json, math
from collections import defaultdict

# Two-sided 95 % quantiles of Student's t for n - 1 degrees of freedom, by n (R: qt(.975, n - 1)).
T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262, 20: 2.093}

parser = argparse.ArgumentParser()
parser.add_argument("results")
parser.add_argument("--chosen-by", default="0..10", help="seeds that choose; the others judge")
arguments = parser.parse_args()
first, end = map(int, arguments.chosen_by.split(".."))
choosing = set(range(first, end))


def name(row):
    transforms = row.get("plan.policy.transforms") or "[]"
    kinds = [transform["kind"] for transform in json.loads(transforms)]
    return " + ".join(kinds) if kinds else row["augmentation"]


def mean(values):
    return sum(values) / len(values)


def with_interval(values, sign=""):
    n, m = len(values), mean(values)
    half = T.get(n, math.nan) * math.sqrt(sum((v - m) ** 2 for v in values) / (n - 1) / n)
    return f"{m:{sign}.1f} ± {half:.1f}", m - half > 0


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
    line = [with_interval(values("val", policy, True))[0]]
    is_paper = policy == "paper"
    line.append("" if is_paper else with_interval(against_paper("val", policy, True), "+")[0])
    line += [with_interval(values("test", policy, False, [regime]))[0] for regime in regimes]
    line.append(with_interval(values("test", policy, False))[0])
    line.append("" if is_paper else with_interval(against_paper("test", policy, False), "+")[0])
    print(f"| `{policy}` | " + " | ".join(line) + " |")
others = [policy for policy in seeds["val"] if policy != "paper" and with_interval(against_paper("val", policy, True))[1]]
best = max(others, key=lambda policy: mean(values("val", policy, True)), default="paper")
print(f"\nchosen by seeds {arguments.chosen_by} on validation: {best}")
