"""Computes every number of a report's tables again from the records, with nothing but Python's own library.

    check_numbers.py STUDY_DIR REPORT.html

Shares no code and, where there is a choice, no method with the program: t probabilities by numerical integration,
Wilcoxon's by a dictionary of sums, the bootstrap from an own ChaCha8. Exit code 1 names what differs.
"""

import json, math, re, sys
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

METRICS = ["val_accuracy_best", "val_accuracy_last", "test_accuracy", "test_balanced_accuracy", "test_macro_f1", "test_auc", "test_ece", "test_nll"]
WIDTHS = {"full": 16}
MINUS = "\u2212"


class Tables(HTMLParser):
    """All tables of the page: id -> rows of (text, full value or None)."""

    def __init__(self):
        super().__init__()
        self.tables, self.table, self.row, self.cell, self.value = {}, None, None, None, None

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.table = self.tables.setdefault(attrs["id"] + ("" if attrs["id"] not in self.tables else "+"), [])
        elif tag == "tr" and self.table is not None:
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self.cell, self.value = "", attrs.get("data-v")

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            self.row.append((self.cell, None if self.value is None else float(self.value)))
            self.cell = None
        elif tag == "tr" and self.row is not None:
            self.table.append(self.row)
            self.row = None
        elif tag == "table":
            self.table = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


# --- statistics ---------------------------------------------------------------------------------------------------

def mean(xs):
    return math.fsum(xs) / len(xs)


def deviation(xs):
    m = mean(xs)
    return math.sqrt(math.fsum((x - m) ** 2 for x in xs) / (len(xs) - 1))


def t_tail(t, df):
    """P(|T| >= |t|): Simpson's rule on the density with t = sqrt(df) tan(a), which makes the range finite."""
    front = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    a, b, n = math.atan(abs(t) / math.sqrt(df)), math.pi / 2, 300 if df < 300 else 2000
    h = (b - a) / n
    f = lambda x: max(math.cos(x), 0.0) ** (df - 1)
    return 2 * front * h / 3 * (f(a) + f(b) + 4 * math.fsum(f(a + h * i) for i in range(1, n, 2)) + 2 * math.fsum(f(a + h * i) for i in range(2, n, 2)))


QUANTILES = {}


def t_quantile(p, df):
    if (p, df) not in QUANTILES:
        low, high = 0.0, 20.0  # 12.7 is the largest that is asked for
        for _ in range(36):
            middle = (low + high) / 2
            low, high = (middle, high) if t_tail(middle, df) > 2 * (1 - p) else (low, middle)
        QUANTILES[p, df] = (low + high) / 2
    return QUANTILES[p, df]


def wilcoxon(ds):
    ds = sorted((d for d in ds if abs(d) > 1e-9), key=abs)
    if not ds:
        return None
    sizes = [abs(d) for d in ds]
    for i in range(1, len(sizes)):  # accuracies are counts over counts: rounding breaks no tie
        if sizes[i] - abs(ds[i - 1]) <= 1e-9:
            sizes[i] = sizes[i - 1]
    ranks = [(2 * sizes.index(s) + sizes.count(s) + 1) for s in sizes]  # twice the mid-ranks
    w = sum(r for r, d in zip(ranks, ds) if d > 0)
    w = min(w, sum(ranks) - w)
    if len(ds) > 50:
        z = (sum(ranks) / 4 - w / 2) / math.sqrt(sum(r * r for r in ranks) / 16)
        return min(1.0, math.erfc(z / math.sqrt(2)))
    ways = {0: 1}
    for r in ranks:
        after = defaultdict(int)
        for s, n in ways.items():
            after[s] += n
            after[s + r] += n
        ways = after
    return min(1.0, 2 * sum(n for s, n in ways.items() if s <= w) / 2 ** len(ranks))


def chacha8_words(seed_words):
    """ChaCha with 8 rounds (Bernstein 2008), key = four little-endian 64-bit words, counter from 0, as 64-bit words."""
    key = [(w >> s) & 0xFFFFFFFF for w in seed_words for s in (0, 32)]
    constants = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
    counter = 0
    while True:
        start = constants + key + [counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        x = start[:]
        for _ in range(4):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for p, q, r, s in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    x[p] = (x[p] + x[q]) & 0xFFFFFFFF
                    y = x[r] ^ x[p]
                    x[r] = ((y << s) | (y >> (32 - s))) & 0xFFFFFFFF
        out = [(a + b) & 0xFFFFFFFF for a, b in zip(x, start)]
        for i in range(0, 16, 2):
            yield out[i] | out[i + 1] << 32
        counter += 1


DRAWS = {}


def bootstrap(ds, resamples=10_000):
    n = len(ds)
    if n not in DRAWS:
        words = chacha8_words([0, 0x626F6F74, n, 0])
        threshold = (2 ** 64 - n) % n
        draws = []
        while len(draws) < resamples * n:
            product = next(words) * n
            if product % 2 ** 64 >= threshold:
                draws.append(product >> 64)
        DRAWS[n] = draws
    draws = DRAWS[n]
    means = sorted(sum(ds[i] for i in draws[k:k + n]) / n for k in range(0, resamples * n, n))
    at = lambda p: (lambda place: means[int(place)] + (place - int(place)) * (means[int(place) + 1] - means[int(place)]))(p * (resamples - 1))
    return at(0.025), at(0.975)


def seeds_needed(sd, goal, quantiles):
    enough = lambda n: sum(t_quantile(q, n - 1) for q in quantiles) * sd / math.sqrt(n) <= goal
    low, high = 1, 2
    while not enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def pitman_morgan(pairs):
    s, d = [a + b for a, b in pairs], [a - b for a, b in pairs]
    r = math.fsum((x - mean(s)) * (y - mean(d)) for x, y in zip(s, d)) / ((len(s) - 1) * deviation(s) * deviation(d))
    return t_tail(r * math.sqrt((len(s) - 2) / (1 - r * r)), len(s) - 2)


# --- records ------------------------------------------------------------------------------------------------------

class Run:
    def __init__(self, folder):
        self.settings = json.loads((folder / "settings.json").read_text())
        self.result = json.loads((folder / "result.json").read_text())
        self.id, self.seed, self.regime = folder.name, self.settings["plan"]["seed"], self.settings["regime"]
        self.labels = self.result["labels"]
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
    return {name: dict(sorted(seeds.items())) for name, seeds in cells.items()}


# --- checks -------------------------------------------------------------------------------------------------------

CHECKED, WRONG = 0, []


def same(where, shown, ours, tolerance=1e-9):
    global CHECKED
    CHECKED += 1
    if (shown is None) != (ours is None) or (ours is not None and abs(shown - ours) > tolerance * max(1, abs(ours))):
        WRONG.append(f"{where}: the page says {shown}, the records {ours}")


def reads(where, text, *values):
    """That the numbers in `text` are `values`, rounded to the digits shown."""
    global CHECKED
    found = re.findall(rf"[+{MINUS}-]?\d+(?:\.\d+)?", text)
    if len(found) != len(values):
        WRONG.append(f"{where}: {text!r} should hold {len(values)} numbers")
        return
    for word, value in zip(found, values):
        CHECKED += 1
        digits = len(word.partition(".")[2])
        if abs(float(word.replace(MINUS, "-")) - value) > 0.5000001 * 10 ** -digits + 1e-9:
            WRONG.append(f"{where}: {word} stands for {value}")


def check_cells(table, cells):
    assert len(table) - 1 == len(cells), "one row a cell"
    for row in table[1:]:
        name, seeds = row[0][0], cells[row[0][0]]
        same(f"{name}: seeds", row[2][1], len(seeds))
        columns = [[run.metric(metric) for run in seeds.values()] for metric in METRICS]
        columns.append([a - b for a, b in zip(columns[0], columns[2])])
        for (text, value), xs in zip(row[3:], columns):
            same(f"{name}: mean", value, mean(xs))
            reads(f"{name}: mean and deviation", text, mean(xs), *([deviation(xs)] if len(xs) > 1 else []))


def paired(cells, title, pick):
    first, second = title.split(f" {MINUS} ")
    return [(pick(run), pick(cells[second][seed])) for seed, run in cells[first].items() if seed in cells[second]]


def check_comparisons(table, cells, metric):
    p_values = []
    for row in table[1:]:
        where = f"{metric}, {row[0][0]}"
        pairs = paired(cells, row[0][0], lambda run: run.metric(metric))
        ds = [a - b for a, b in pairs]
        m, sd, n = mean(ds), deviation(ds), len(ds)
        half = t_quantile(0.975, n - 1) * sd / math.sqrt(n)
        p = t_tail(m / (sd / math.sqrt(n)), n - 1)
        p_values.append(p)
        same(where + ": n", row[1][1], n)
        same(where + ": difference", row[2][1], m)
        reads(where + ": difference", row[2][0], m)
        reads(where + ": t interval", row[3][0], m - half, m + half)
        reads(where + ": bootstrap", row[4][0], *bootstrap(ds))
        same(where + ": t p", row[5][1], p, 1e-6)
        same(where + ": Wilcoxon p", row[6][1], wilcoxon(ds))
        same(where + ": effect", row[8][1], m / sd * (1 - 3 / (4 * (n - 1) - 1)))
        same(where + ": win rate", row[9][1], 100 * sum((d > 0) + 0.5 * (d == 0) for d in ds) / n)
        same(where + ": seeds", row[10][1], seeds_needed(sd, 0.1 if metric == "test_nll" else 1.0, (0.975, 0.8)))
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        same(f"{metric}, {table[1 + place][0][0]}: Holm p", table[1 + place][7][1], largest, 1e-6)


def check_claims(tables, cells, study):
    data = json.loads(next((study / "data").iterdir()).joinpath("data.json").read_text())
    target = sum(data["class_counts"][0]) / 100
    own = {}
    for regime in ("full", "random", "da", "al", "alda", "alpa"):
        mine = [c for c in cells.values() if next(iter(c.values())).regime == regime and next(iter(c.values())).settings["plan"]["network"]["width"] == WIDTHS.get(regime, 32)]
        if mine:
            own[regime] = min(mine, key=lambda c: abs(next(iter(c.values())).labels - target))
    picks = {"validation": "val_accuracy_best", "test": "test_accuracy"}
    for number in range(1, 13):
        table = next(table for name, table in tables.items() if re.fullmatch(rf"t-claim-.+-{number}", name))
        for row in table[1:]:
            what, where = row[0][0], f"claim {number}, {row[0][0]}"
            deviations = re.fullmatch(rf"deviation of (\w+) {MINUS} of (\w+), test", what)
            difference = re.fullmatch(rf"(\w+) {MINUS} (\w+), (validation|test)", what)
            fall = re.fullmatch(rf"(\w+): (best validation|last validation|best) {MINUS} .*", what)
            share = re.fullmatch(rf"([\w-]+): share of test {MINUS} of training images", what)
            if deviations:
                a, b = deviations.groups()
                pairs = paired(own, f"{a} {MINUS} {b}", lambda run: run.metric("test_accuracy"))
                same(where, row[3][1], deviation([x for x, _ in pairs]) - deviation([y for _, y in pairs]))
                same(where + ": p", row[5][1], pitman_morgan(pairs), 1e-6)
                continue
            if share:
                i = data["class_names"].index(share[1])
                train, _, test = data["class_counts"]
                same(where, row[3][1], 100 * (test[i] / sum(test) - train[i] / sum(train)))
                continue
            if difference:
                a, b, on = difference.groups()
                ds = [x - y for x, y in paired(own, f"{a} {MINUS} {b}", lambda run: run.metric(picks[on]))]
            elif fall:
                parts = {"best validation": (0, 2), "best": (0, 1), "last validation": (1, 2)}[fall[2]]
                ds = [run.metric(METRICS[parts[0]]) - run.metric(METRICS[parts[1]]) for run in own[fall[1]].values()]
            elif what.startswith("augmented images"):
                ds = [augmented_share(run) for run in own["alda"].values()]
            elif what.startswith("entropy of augmented"):
                ds = [entropy_difference(run) for run in own["alda"].values()]
            else:
                continue
            m, half = mean(ds), t_quantile(0.975, len(ds) - 1) * deviation(ds) / math.sqrt(len(ds))
            same(where, row[3][1], m)
            reads(where + ": interval", row[4][0], m - half, m + half)
            if row[7][1] is not None:
                same(where + ": seeds", row[7][1], seeds_needed(deviation(ds), 1.0, (0.975,)))


def augmented_share(run):
    picks = [pick["augmentation"]["kind"] for query in run.queries for pick in query["picks"]]
    expected = sum(len(q["picks"]) * sum(k["images"] for k in q["pool"] if k["kind"] != "none") / sum(k["images"] for k in q["pool"]) for q in run.queries)
    return 100 * (sum(kind != "none" for kind in picks) - expected) / len(picks)


def entropy_difference(run):
    means = []
    for plain in (False, True):
        kinds = [k for q in run.queries for k in q["pool"] if (k["kind"] == "none") == plain]
        means.append(math.fsum(k["images"] * k["mean_entropy"] for k in kinds) / sum(k["images"] for k in kinds))
    return means[0] - means[1]


def curve_points(cells, regime):
    mine = [c for name, c in cells.items() if name.split()[0] == regime]
    return sorted((next(iter(c.values())).labels, mean([run.metric("test_accuracy") for run in c.values()])) for c in mine)


def area(points):
    return math.fsum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(points, points[1:])) / (points[-1][0] - points[0][0])


def check_budget(tables, cells):
    for row in tables.get("t-areas", [])[1:]:
        same(f"area of {row[0][0]}", row[2][1], area(curve_points(cells, row[0][0])))
    for row in tables.get("t-savings", [])[1:]:
        target = mean([run.metric("test_accuracy") for run in cells[row[0][0]].values()])
        points = curve_points(cells, "random")
        needed = points[0][0] if points[0][1] >= target else None
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            if needed is None and y1 >= target:
                needed = x0 + (target - y0) / (y1 - y0) * (x1 - x0)
        same(f"labels of random for {row[0][0]}", row[2][1], needed)


def check_runs(table, cells):
    for row in table[1:]:
        run = cells[row[0][0]][int(row[1][1])]
        for (text, value), metric in zip(row[3:6], METRICS[:3]):
            same(f"run {run.id}: {metric}", value, run.metric(metric))
            reads(f"run {run.id}: {metric}", text, run.metric(metric))


def main():
    study, page = Path(sys.argv[1]), Tables()
    page.feed(Path(sys.argv[2]).read_text())
    cells, tables = read(study), page.tables
    check_cells(tables["t-cells"], cells)
    for metric in METRICS:
        check_comparisons(tables[f"t-compare-{metric}"], cells, metric)
    check_claims(tables, cells, study)
    check_budget(tables, cells)
    check_runs(tables["t-runs"], cells)
    for wrong in WRONG[:20]:
        print(wrong)
    print(f"{CHECKED} numbers checked, {len(WRONG)} wrong")
    sys.exit(1 if WRONG or CHECKED < 100 else 0)


main()
