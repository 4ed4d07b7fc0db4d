#!/usr/bin/env python3
"""Test accuracies of a study beside those of a PyTorch twin of the same protocol.

    python3 scripts/twin_compare.py fewlabel-out/results.csv TWIN.jsonl

TWIN.jsonl has one JSON object a line with `regime`, `seed` and `test`. For each regime: both means, the difference
in points, and its two standard errors (Welch). Runs of ours made on the twin's own rows pair by seed all the same.
"""
import csv, json, math, statistics, sys


def summary(values):
    mean = statistics.fmean(values)
    return mean, (statistics.variance(values) / len(values) if len(values) > 1 else math.nan), len(values)


ours, twin = {}, {}
for row in csv.DictReader(open(sys.argv[1])):
    ours.setdefault(row["regime"], []).append(100 * float(row["test_accuracy"]))
for line in open(sys.argv[2]):
    row = json.loads(line)
    twin.setdefault(row["regime"], []).append(100 * row["test"])
print("regime    ours (n)         twin (n)         difference   2 s.e.")
for regime in ("full", "random", "da", "al", "alda", "alpa"):
    if regime in ours and regime in twin:
        (a, va, na), (b, vb, nb) = summary(ours[regime]), summary(twin[regime])
        sds = f"{math.sqrt(va * na):.1f}", f"{math.sqrt(vb * nb):.1f}"
        print(f"{regime:8} {a:5.1f} ±{sds[0]:>4} ({na:2})  {b:5.1f} ±{sds[1]:>4} ({nb:2})   {a - b:+6.1f}      {2 * math.sqrt(va + vb):.1f}")
