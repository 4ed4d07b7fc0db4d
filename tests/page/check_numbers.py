"""Computes every number of a report, in tables, figures, their CSV and sentences, again from the records, with nothing
but Python's own library.

    check_numbers.py STUDY_DIR REPORT.html

Shares no code and, where there is a choice, no method with the program: t probabilities by numerical integration,
Wilcoxon's by a dictionary of sums, the bootstrap from an own ChaCha8. A number that nothing checks is an error too. Exit
code 1 names what differs.
"""

import json, re, sys
from pathlib import Path

sys.dont_write_bytecode = True
from numbers_again import checks, claims, figures, tables
from numbers_again.checks import POINTS, is_text, reads, same, wrong
from numbers_again.page import Page
from numbers_again.records import FEWEST_SEEDS, METRICS, MINUS, accuracy_of, labels_of, read


def check_words(page, cells, differences):
    """The sentences of the first section, and the warnings."""
    runs = sum(map(len, cells.values()))
    same("finished runs", int(re.search(r"(\d+) finished runs?", page.words)[1]), runs)
    said = [item for item in page.items if "on test:" in item]
    holm = {row[0].text: row[7].value for row in page.tables["t-compare-test_accuracy"][1:]}
    tests = [row for row in differences if row[2] == "test_accuracy" and next(iter(cells[row[0]].values())).regime != "full"]
    for item, (name, other, _, n, m, low, high) in zip(said, tests[:12], strict=True):
        if n < FEWEST_SEEDS:
            found = re.fullmatch(rf"(.+) and (.+) on test: undecided \(too few seeds: (\d+)\); ({POINTS}) points apart(?: \(95 % interval (.*)\))?\.", item)
            is_text("in short", (found[1], found[2]), (name, other))
            same(f"in short, {name}: seeds", int(found[3]), n)
            reads(f"in short, {name}", found[4], m)
            if n > 1:
                reads(f"in short, {name}", found[5], low, high)
            continue
        if low is None:
            found = re.fullmatch(rf"(.+) cannot be told from (.+) on test: ({POINTS}) points \(the same in each of (\d+) seeds, .*\)\.", item)
            is_text("in short", (found[1], found[2]), (name, other))
            reads(f"in short, {name}", found[3], m)
            same(f"in short, {name}: seeds", int(found[4]), n)
            continue
        found = re.fullmatch(rf"(.+) (is better than|is worse than|cannot be told from) (.+) on test: ({POINTS}) points \(95 % interval (.*), (\d+) seeds(; p = ([\d.]+) after.*)?\)\.", item)
        is_text("in short", (found[1], found[3]), (name, other))
        p = holm.get(f"{name} {MINUS} {other}", holm.get(f"{other} {MINUS} {name}"))
        is_doubtful = p >= 0.05 and (low > 0 or high < 0)
        is_text(f"in short, {name}", found[2], "cannot be told from" if p >= 0.05 else "is better than" if m > 0 else "is worse than")
        is_text(f"in short, {name}: doubt", found[7] is not None, is_doubtful)
        if is_doubtful:
            reads(f"in short, {name}: p", found[8], p)
        reads(f"in short, {name}", found[4], m)
        reads(f"in short, {name}", found[5], low, high)
        same(f"in short, {name}: seeds", int(found[6]), n)
    few = {name: cell for name, cell in cells.items() if next(iter(cell.values())).regime != "full"}
    best = max(few, key=lambda name: accuracy_of(few[name]))
    leader = next(item for item in page.items if "highest mean test accuracy" in item)
    is_text("in short: best", leader.split(" has the")[0], f"With few labels {best}")
    values = [accuracy_of(few[best]), labels_of(few[best]), len(few[best])]
    if "full" in cells:
        values += [labels_of(cells["full"]), accuracy_of(cells["full"])]
    reads("in short: best", leader.partition("accuracy:")[2], *values)
    needed_seeds = [row[10].value for row in page.tables["t-compare-test_accuracy"][1:] if row[10].value is not None]
    shown = re.search(r"would need (\d+) to (\d+) seeds", page.words)
    same("seeds for a point", int(shown[1]), min(needed_seeds))
    same("seeds for a point", int(shown[2]), max(needed_seeds))
    fewest = min(row[1].value for row in page.tables["t-compare-test_accuracy"][1:])
    for n, limit in ((6, "fewer than 6 seeds"), (10, "Below 10 seeds")):
        found = re.search(rf"{limit} \(here (\d+)\)", page.words)
        is_text(f"warning below {n} seeds", found is not None, fewest < n)
        if found:
            same(f"warning below {n} seeds", int(found[1]), fewest)


def check_that_nothing_was_left_out(page):
    for name, table in page.tables.items():
        for row in table[1:]:
            for entry in row[1:]:
                if not entry.seen and re.search(r"\d", entry.text):
                    wrong(f"{name}, {row[0].text}: nothing checks {entry.text!r}")
    known = ("fig", "differences", "matrix-", "budget", "confusion-", "recall", "calibration", "queried-", "training-")
    for name in page.figures:
        if not name.startswith(known):
            wrong(f"nothing checks figure {name}")


def main():
    study, page = Path(sys.argv[1]), Page()
    page.feed(Path(sys.argv[2]).read_text())
    drawn = Path(sys.argv[2]).parent / "figures"
    cells = read(study)
    data = json.loads(next((study / "data").iterdir()).joinpath("data.json").read_text())
    tables.check_data(page.tables["t-data"], data)
    tables.check_regimes(page.tables["t-regimes"], cells)
    tables.check_cells(page.tables["t-cells"], cells)
    for metric in METRICS:
        tables.check_comparisons(page.tables[f"t-compare-{metric}"], cells, metric)
    tables.check_budget(page, cells, drawn)
    tables.check_runs(page.tables["t-runs"], cells)
    tables.check_classes_in_numbers(page, cells, data)
    claims.check_claims(page, cells, data)
    differences = figures.check_accuracy(page, cells, drawn)
    figures.check_matrices(page, cells, drawn)
    figures.check_classes(page, cells, data, drawn)
    figures.check_calibration(page, cells, drawn)
    figures.check_queries(page, cells, data, drawn)
    figures.check_training(cells, drawn)
    figures.check_data_figures(data, drawn)
    check_words(page, cells, differences)
    check_that_nothing_was_left_out(page)
    for what in checks.WRONG[:20]:
        print(what)
    print(f"{checks.CHECKED} numbers checked, {len(checks.WRONG)} wrong")
    sys.exit(1 if checks.WRONG or checks.CHECKED < 100 else 0)


main()
