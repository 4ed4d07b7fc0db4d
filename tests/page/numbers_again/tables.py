"""The tables: data, cells, comparisons, runs, budgets."""

import math

from .checks import csv_is, is_text, reads, reads_interval, same
from .records import LOSSES, METRICS, MINUS, accuracy_of, curves, labels_of, paired
from .statistics import bootstrap, deviation, holm, mean, p_against, seeds_needed, spreads, t_interval, wilcoxon


def check_data(table, data):
    for row in table[1:]:
        for entry, counts in zip(row[2:5], data["class_counts"]):
            same("images of a split", entry, sum(counts))
        is_text("checksum", row[5], data["checksum"])


def check_regimes(table, cells):
    regimes = dict.fromkeys(next(iter(cell.values())).regime for cell in cells.values())
    is_text("regimes", [row[0].text for row in table[1:]], list(regimes))


def check_cells(table, cells):
    assert len(table) - 1 == len(cells), "one row a cell"
    for row in table[1:]:
        name, seeds = row[0].text, cells[row[0].text]
        same(f"{name}: labels", row[1], next(iter(seeds.values())).labels)
        same(f"{name}: seeds", row[2], len(seeds))
        columns = [[run.metric(metric) for run in seeds.values()] for metric in METRICS]
        columns.append([a - b for a, b in zip(columns[0], columns[2])])
        for entry, xs in zip(row[3:], columns, strict=True):
            same(f"{name}: mean", entry, mean(xs))
            reads(f"{name}: mean and deviation", entry, mean(xs), *([deviation(xs)] if len(xs) > 1 else []))


def wilson(hits, of):
    """The shares p with |p - hits / of| <= z sqrt(p (1 - p) / of), by bisection."""
    z, share = 1.959963984540054, hits / of
    inside = lambda p: abs(p - share) <= z * (p * (1 - p) / of) ** 0.5 + 1e-15
    ends = []
    for end in (0.0, 1.0):
        near, far = share, end
        for _ in range(60):
            middle = (near + far) / 2
            near, far = (middle, far) if inside(middle) else (near, middle)
        ends.append(near)
    return ends


def check_classes_in_numbers(page, cells, data):
    """Sensitivity, specificity and positive predictive value of every class of the first cells."""
    names = [row[0].text for row in page.tables["t-cells"][1:]]
    for number, name in enumerate(names[:12], 1):
        cell = cells[name]
        for label, row in zip(data["class_names"], page.tables[f"t-classes-{number}"][1:], strict=True):
            where, c = f"{name}, {label}", data["class_names"].index(label)
            is_text(where, row[0].text, label)
            matrices = [run.result["test"]["confusion"] for run in cell.values()]
            is_text(where + ": images", row[1], str(sum(matrices[0][c])))
            shares = [[], [], []]
            for m in matrices:
                everything = sum(map(sum, m))
                own, called, hits = sum(m[c]), sum(line[c] for line in m), m[c][c]
                pairs = [(hits, own), (everything - own - called + hits, everything - own), (hits, called)]
                for found, (part, of) in zip(shares, pairs):
                    if of:
                        found.append((part, of))
            for entry, found in zip(row[2:], shares, strict=True):
                xs = [100 * part / of for part, of in found]
                if not xs:
                    is_text(where, entry, "")
                    continue
                low, high = t_interval(xs)[1:] if len(xs) > 1 else (None, None)
                if len(xs) == 1:
                    low, high = (100 * end for end in wilson(*found[0]))
                ends = [] if low is None else [max(low, 0), min(high, 100)]
                reads(where, entry, mean(xs), *ends)


def check_comparisons(table, cells, metric):
    p_values = []
    for row in table[1:]:
        where = f"{metric}, {row[0].text}"
        pairs = paired(cells, row[0].text, lambda run: run.metric(metric))
        ds = [a - b for a, b in pairs]
        n, (m, low, high) = len(ds), t_interval(ds)
        spread = spreads(ds)
        sd = deviation(ds) if spread else None
        p = p_against(ds, 0)
        p_values.append(p)
        same(where + ": n", row[1], n)
        same(where + ": difference", row[2], m)
        reads_interval(where + ": t interval", row[3], n, low, high)
        reads(where + ": bootstrap", row[4], *(bootstrap(ds) if spread else ()))
        same(where + ": t p", row[5], p, 1e-6)
        same(where + ": Wilcoxon p", row[6], wilcoxon(ds) if spread else None)
        same(where + ": effect", row[8], m / sd * (1 - 3 / (4 * (n - 1) - 1)) if spread and n > 2 else None)
        better = [-d for d in ds] if metric in LOSSES else ds
        same(where + ": win rate", row[9], 100 * sum((d > 0) + 0.5 * (d == 0) for d in better) / n)
        same(where + ": seeds", row[10], seeds_needed(sd, 0.1 if metric == "test_nll" else 1.0, (0.975, 0.8)) if spread else None)
        is_text(where + ": marks", ("\u2020" in row[6].text, "\u2021" in row[4].text), (spread and n < 6, spread and n < 10))
    adjusted = iter(holm([p for p in p_values if p is not None]))
    for row, p in zip(table[1:], p_values):
        same(f"{metric}, {row[0].text}: Holm p", row[7], None if p is None else next(adjusted), 1e-6)


def check_runs(table, cells):
    for row in table[1:]:
        run = cells[row[0].text][int(row[1].text)]
        same(f"run {run.id}: seed", row[1], run.seed)
        same(f"run {run.id}: labels", row[2], run.labels)
        for entry, metric in zip(row[3:6], METRICS[:3]):
            same(f"run {run.id}: {metric}", entry, run.metric(metric))
        is_text(f"run {run.id}: id", row[6], run.id)


def area(points):
    return math.fsum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:])) / (points[-1][0] - points[0][0])


def needed(points, target):
    if points[0][1] >= target:
        return points[0][0]
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if y1 >= target:
            return x0 + (target - y0) / (y1 - y0) * (x1 - x0)
    return None


def check_budget(page, cells, figures):
    of = {name: [(labels_of(cell), accuracy_of(cell)) for cell in members] for name, members in curves(cells).items()}
    for row in page.tables.get("t-areas", [])[1:]:
        where, members = f"area of {row[0].text}", curves(cells)[row[0].text]
        seeds = set.intersection(*(set(cell) for cell in members))
        areas = [area([(labels_of(cell), cell[seed].metric("test_accuracy")) for cell in members]) for seed in sorted(seeds)]
        same(where + ": budgets", row[1], len(members))
        same(where, row[2], area(of[row[0].text]))
        same(where + ": seeds", row[3], len(areas))
        same(where + ": mean", row[4], mean(areas))
        reads(where + ": mean and deviation", row[4], mean(areas), *([deviation(areas)] if len(areas) > 1 else []))
    for row in page.tables.get("t-savings", [])[1:]:
        name, where = row[0].text, f"labels of {row[0].text}"
        labels = labels_of(cells[name])
        same(where, row[1], labels)
        ours = needed(of["random"], accuracy_of(cells[name]))
        same(where + " against random", row[2], ours)
        same(where + ": ratio", row[3], None if ours is None else ours / labels)
        twin = dict(of["random"]).get(labels)
        own = None if twin is None else needed(of[name.removesuffix(f" {labels}")], twin)
        same(where + ": random", row[4], twin)
        same(where + ": own", row[5], own)
        same(where + ": saved", row[6], None if own is None else 100 * (1 - own / labels))
    if "budget" in page.figures:
        rows = []
        for name, members in curves(cells).items():
            if len(members) > 1:
                for cell in members:
                    xs = [run.metric("test_accuracy") for run in cell.values()]
                    rows.append([name, labels_of(cell), mean(xs), deviation(xs) if len(xs) > 1 else None])
        csv_is(figures, "budget", rows)
        for title, (_, labels, m, _) in zip(page.texts("budget", "title"), rows, strict=True):
            reads(f"budget, {title}", title.split(": ")[1], labels, m)
