"""The figures: the numbers in the picture, in its caption and in the CSV beside it."""

import math, re
from collections import defaultdict

from .checks import POINTS, csv_is, is_text, reads
from .records import FEWEST_SEEDS, METRICS, MINUS, baseline, class_order, labels_of, paired, slug
from .statistics import deviation, mean, t_interval


def check_accuracy(page, cells, figures):
    rows = [[name, seed, run.metric("val_accuracy_best"), run.metric("test_accuracy")] for name, cell in cells.items() for seed, run in cell.items()]
    csv_is(figures, "fig4", rows)
    beside = [text for text in page.texts("fig4", "ink") if re.match(r"\d", text)]
    series = [[run.metric(metric) for run in cell.values()] for cell in cells.values() for metric in ("val_accuracy_best", "test_accuracy")]
    for text, xs in zip(beside, series, strict=True):
        reads("Fig. 4", text, mean(xs), *([deviation(xs)] if len(xs) > 1 else []))
    dots = [x for xs in series for x in xs]
    for title, x in zip(page.texts("fig4", "title"), dots, strict=True):
        reads(f"Fig. 4, {title}", title.split(": ")[1], x)
    rows, texts = [], []
    for name, cell in cells.items():
        other = baseline(cells, name)
        if other is None or next(iter(cell.values())).regime == "random":
            continue
        for metric in ("val_accuracy_best", "test_accuracy"):
            ds = [a - b for a, b in paired(cells, f"{name} {MINUS} {other}", lambda run: run.metric(metric))]
            if ds:
                m, low, high = t_interval(ds)
                rows.append([name, other, metric, len(ds), m, low, high])
                texts.append((m, low, high))
    if rows:
        csv_is(figures, "differences", rows)
        beside = [text for text in page.texts("differences", "ink") if "(" in text and ("to" in text or "every seed" in text or "one seed" in text)]
        for text, (m, low, high) in zip(beside, texts, strict=True):
            reads("differences", text, *(value for value in (m, low, high) if value is not None))
    return rows


def check_matrices(page, cells, figures):
    for metric in METRICS:
        figure = "matrix-" + metric.replace("_", "-")
        if figure not in page.figures:
            continue
        holm = {row[0].text: row[7].value for row in page.tables[f"t-compare-{metric}"][1:]}
        rows = []
        for one in cells:
            for two in cells:
                ds = [] if one == two else [a - b for a, b in paired(cells, f"{one} {MINUS} {two}", lambda run: run.metric(metric))]
                if ds:
                    p = holm.get(f"{one} {MINUS} {two}", holm.get(f"{two} {MINUS} {one}"))
                    rows.append([one, two, mean(ds), "true" if p is not None and p < 0.05 and len(ds) >= FEWEST_SEEDS else "false"])
        csv_is(figures, figure, rows)
        for text, (one, two, m, star) in zip(page.texts(figure, "ondark", "onlight"), rows, strict=True):
            reads(f"{figure}: {one}, {two}", text, m)
            is_text(f"{figure}: star of {one}, {two}", str("*" in text).lower(), star)


def check_classes(page, cells, data, figures):
    order, names = class_order(data), data["class_names"]
    for name, cell in cells.items():
        figure = "confusion-" + slug(name)
        counts = [[sum(run.result["test"]["confusion"][c][p] for run in cell.values()) for p in order] for c in order]
        csv_is(figures, figure, [[names[c], names[p], counts[i][j]] for i, c in enumerate(order) for j, p in enumerate(order)])
        shares = [100 * n / sum(row) for row in counts for n in row if n / sum(row) >= 0.005]
        for text, share in zip(page.texts(figure, "ondark", "onlight"), shares, strict=True):
            reads(figure, text, share)
        at = {c: i for i, c in enumerate(order)}
        sides = [(at[a], at[b]) for pair in data.get("sides", []) for a, b in (pair, pair[::-1])]
        errors = sum(sum(counts[a]) - counts[a][a] for a, _ in sides)
        if errors:
            caption = re.search(rf"right, ({POINTS}) %", page.texts(figure, "figcaption")[0])
            reads(figure + ": sides", caption[1], 100 * sum(counts[a][b] for a, b in sides) / errors)
    rows, tiles = [], []
    for c in order:
        for name, cell in cells.items():
            xs = [100 * run.result["test"]["confusion"][c][c] / sum(run.result["test"]["confusion"][c]) for run in cell.values()]
            sd = deviation(xs) if len(xs) > 1 else None
            rows.append([names[c], name, mean(xs), sd])
            tiles.append((mean(xs), *([sd] if sd is not None and len(cells) <= 7 else [])))
    csv_is(figures, "recall", rows)
    shown = page.texts("recall", "ondark", "onlight")
    for text, values in zip(shown, tiles) if len(shown) == len(tiles) else ():
        reads("recall", text, *values)
    lowest = min(rows, key=lambda row: row[2])
    found = re.search(r"Found least: (.*) by (.*), (.*) %", page.texts("recall", "figcaption")[0])
    is_text("recall: least", found[1], lowest[0])
    reads("recall: least", found[3], lowest[2])


def check_calibration(page, cells, figures):
    rows = []
    for name, cell in cells.items():
        for i in range(15):
            bins = [run.result["test"]["reliability"][i] for run in cell.values()]
            n = sum(b["images"] for b in bins)
            if n:
                rows.append([name, i, n, *(math.fsum(b["images"] * b[key] for b in bins) / n for key in ("confidence", "accuracy"))])
    csv_is(figures, "calibration", rows)
    for title, row in zip(page.texts("calibration", "title"), rows, strict=True):
        reads(f"calibration of {row[0]}", title, row[2], 100 * row[3], 100 * row[4])
    heads = [text for text in page.texts("calibration", "ink") if "ECE" in text]
    for text, cell in zip(heads, cells.values(), strict=True):
        reads("ECE", text.rpartition("ECE")[2], mean([run.metric("test_ece") for run in cell.values()]))


def check_queries(page, cells, data, figures):
    order, names = class_order(data), data["class_names"]
    pool = data["class_counts"][0]
    for name, cell in cells.items():
        thirds = [[], [], []]
        for run in cell.values():
            picks = [pick["label"] for query in run.queries for pick in query["picks"]]
            for i in range(3):
                thirds[i] += picks[len(picks) * i // 3:len(picks) * (i + 1) // 3]
        if not any(thirds):
            continue
        share = lambda xs, c: 100 * xs.count(c) / max(len(xs), 1)
        rows = [[names[c], 100 * pool[c] / sum(pool), *(share(third, c) for third in thirds)] for c in order]
        csv_is(figures, "queried-" + slug(name), rows)
        caption = page.texts("queried-" + slug(name), "figcaption")[0]
        reads(f"drift of {name}", re.search("from the pool:(.*) points", caption)[1], *(math.fsum(abs(row[i] - row[1]) for row in rows) / 2 for i in (2, 3, 4)))
        for seed, run in cell.items():
            figure = f"queried-images-{slug(name)}-seed-{seed}"
            if figure not in page.figures:
                continue
            rows, notes = [], []
            for q, query in enumerate(run.queries):
                for pick in query["picks"]:
                    applied = pick.get("augmentation") or {}
                    rows.append([seed, q + 1, pick["index"], names[pick["label"]], pick["score"], applied.get("kind"), applied.get("strength")])
                    notes.append((q + 1, pick["score"]))
            csv_is(figures, figure, rows)
            most = re.search("at most log2 (.*)\\)", page.texts(figure, "figcaption")[0])
            if most:
                reads(f"{figure}: scale", most[1], len(names), math.log2(len(names)))
            for text, values in zip(page.texts(figure, "muted"), notes):
                reads(figure, text, *values)


def check_training(cells, figures):
    for figure, key, scale in (("training-validation", "val_accuracy", 100), ("training-loss", "train_loss", 1)):
        rows = []
        for name, cell in cells.items():
            by_epoch = defaultdict(list)
            for run in cell.values():
                for epoch in run.epochs:
                    if epoch["phase"] == "final" and epoch.get(key) is not None:
                        by_epoch[epoch["epoch"]].append(scale * epoch[key])
            rows += [[name, epoch, mean(xs), deviation(xs) if len(xs) > 1 else 0.0] for epoch, xs in sorted(by_epoch.items())]
        csv_is(figures, figure, rows)


def check_data_figures(data, figures):
    names = data["class_names"]
    plain = [image for image in data["images"] if not image.get("augmentation")]
    csv_is(figures, "fig1", [[image["row"], names[c]] for c in range(len(names)) for image in [i for i in plain if i["label"] == c][:2]])
    rows = []
    for c in class_order(data):
        rows.append([names[c], *(counts[c] for counts in data["class_counts"]), *(100 * counts[c] / sum(counts) for counts in data["class_counts"])])
    csv_is(figures, "fig3", rows)
