"""The records of a study: runs, the cells they form, and what the figures of a run are."""

import json, math, re
from collections import defaultdict

from .statistics import mean

METRICS = ["val_accuracy_best", "val_accuracy_last", "test_accuracy", "test_balanced_accuracy", "test_macro_f1", "test_auc", "test_ece", "test_nll"]
LOSSES = ("test_ece", "test_nll")
WIDTHS = {"full": 16}
MINUS = "\u2212"
FEWEST_SEEDS = 5  # of fewer no verdict is given


class Run:
    def __init__(self, folder):
        self.settings = json.loads((folder / "settings.json").read_text())
        self.result = json.loads((folder / "result.json").read_text())
        self.id, self.seed, self.regime = folder.name, self.settings["plan"]["seed"], self.settings["regime"]
        self.labels = self.result["labels"]
        self.epochs = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()[1:]]
        self.queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()[1:]]

    def metric(self, name):
        test, result = self.result["test"], self.result
        confusion = test["confusion"]
        images = sum(map(sum, confusion))
        recalls = [row[i] / sum(row) for i, row in enumerate(confusion) if sum(row)]
        f1 = [2 * row[i] / (sum(row) + sum(r[i] for r in confusion)) for i, row in enumerate(confusion) if sum(row) + sum(r[i] for r in confusion)]
        ece = math.fsum(b["images"] / images * abs(b["accuracy"] - b["confidence"]) for b in test["reliability"])
        validation = result["validation"]["confusion"]
        return {
            "val_accuracy_best": 100 * result["val_accuracy_best"],
            "val_accuracy_last": 100 * sum(row[i] for i, row in enumerate(validation)) / sum(map(sum, validation)),
            "test_accuracy": 100 * sum(row[i] for i, row in enumerate(confusion)) / images,
            "test_balanced_accuracy": 100 * mean(recalls),
            "test_macro_f1": 100 * mean(f1),
            "test_auc": 100 * test["auc"],
            "test_ece": 100 * ece,
            "test_nll": test["nll"],
        }[name]


def read(study):
    runs = [Run(f) for f in sorted((study / "runs").iterdir()) if (f / "result.json").is_file()]
    budgets = {r.labels for r in runs if r.regime != "full"}
    cells = defaultdict(dict)
    for run in runs:
        name = run.regime
        width = run.settings["plan"]["network"]["width"]
        if width != WIDTHS.get(name, 32):
            name += f" f={width}"
        if len(budgets) > 1 and run.regime != "full":
            name += f" {run.labels}"
        assert run.seed not in cells[name], f"two runs of {name} with seed {run.seed}: this script tells cells apart by regime, width and budget"
        cells[name][run.seed] = run
    place = lambda run: (["full", "random", "da", "al", "alda", "alpa"].index(run.regime), run.labels, run.seed)
    ordered = sorted(cells, key=lambda name: min(place(run) for run in cells[name].values()))
    return {name: dict(sorted(cells[name].items())) for name in ordered}


def paired(cells, title, pick):
    first, second = title.split(f" {MINUS} ")
    return [(pick(run), pick(cells[second][seed])) for seed, run in cells[first].items() if seed in cells[second]]


def labels_of(cell):
    return next(iter(cell.values())).labels


def accuracy_of(cell):
    return mean([run.metric("test_accuracy") for run in cell.values()])


def curves(cells):
    """Cells that differ in nothing but their labels, by the name without the labels."""
    found = defaultdict(list)
    for name, cell in cells.items():
        found[name.removesuffix(f" {labels_of(cell)}")].append(cell)
    return {name: sorted(members, key=labels_of) for name, members in found.items()}


def class_order(data):
    twins = {a: b for pair in data.get("sides", []) for a, b in (pair, pair[::-1])}
    order = []
    for i in range(len(data["class_names"])):
        order += [c for c in (i, twins.get(i)) if c is not None and c not in order]
    return order


def baseline(cells, name):
    others = [other for other, cell in cells.items() if other != name and next(iter(cell.values())).regime == "random"]
    return min(others, key=lambda other: abs(labels_of(cells[other]) - labels_of(cells[name])), default=None)


def slug(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
