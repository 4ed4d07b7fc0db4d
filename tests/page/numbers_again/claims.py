"""The paper's claims: the numbers of every row, the verdicts, the sentences."""

import math, re
from collections import defaultdict

from .checks import POINTS, is_text, number, reads, same, wrong
from .records import METRICS, MINUS, WIDTHS, paired
from .statistics import deviation, pitman_morgan, seeds_needed, t_interval

RULES = {
    "above 0": lambda low, high: (low > 0, high < 0),
    "below 0": lambda low, high: (high < 0, low > 0),
    "above 5": lambda low, high: (low > 5, high < 5),
    "within \u00b12": lambda low, high: (low > -2 and high < 2, low > 2 or high < -2),
    "upper end below 2": lambda low, high: (high < 2, low > 2),
}


def verdict(holds, opposite):
    return "supported" if holds else "contradicted" if opposite else "undecided"


def newcombe(x1, n1, x2, n2):
    z = 1.959963984540054

    def wilson(x, n):
        p, d = x / n, z * z / n
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return p, (p + d / 2 - half) / (1 + d), (p + d / 2 + half) / (1 + d)

    (p1, l1, u1), (p2, l2, u2) = wilson(x1, n1), wilson(x2, n2)
    return p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2)


def chi_square_tail(x, df):
    """By the recurrence from one or two degrees of freedom."""
    tail, start = (math.erfc(math.sqrt(x / 2)), 1) if df % 2 else (math.exp(-x / 2), 2)
    for k in range(start, df, 2):
        tail += math.exp(k / 2 * math.log(x / 2) - x / 2 - math.lgamma(k / 2 + 1))
    return tail


def claim_row(row, own, data):
    """Checks one row's numbers; gives its verdict, or None where it is only reported."""
    what, where = row[0].text, f"claim: {row[0].text}"
    rule = row[1].text
    row[1].seen = True
    picks = {"validation": "val_accuracy_best", "test": "test_accuracy"}
    deviations = re.fullmatch(rf"deviation of (\w+) {MINUS} of (\w+), test", what)
    difference = re.fullmatch(rf"(\w+) {MINUS} (\w+), (validation|test)", what)
    fall = re.fullmatch(rf"(\w+): (best validation|last validation|best) {MINUS} .*", what)
    share = re.fullmatch(rf"([\w-]+): share of test {MINUS} of training images", what)
    kind = re.fullmatch(rf"kind most over-queried: (\w+), .*", what)
    ds = None
    if deviations:
        pairs = paired(own, f"{deviations[1]} {MINUS} {deviations[2]}", lambda run: run.metric("test_accuracy"))
        first, second = (deviation([pair[i] for pair in pairs]) for i in (0, 1))
        p = pitman_morgan(pairs)
        same(where + ": n", row[2], len(pairs))
        same(where, row[3], first - second)
        same(where + ": p", row[5], p, 1e-6)
        larger = rule == "larger deviation"
        return verdict(p < 0.05 and (first > second) == larger, p < 0.05 and (first > second) != larger)
    if share:
        i = data["class_names"].index(share[1])
        train, _, test = data["class_counts"]
        low, high = (100 * end for end in newcombe(test[i], sum(test), train[i], sum(train)))
        same(where + ": n", row[2], sum(test))
        same(where, row[3], 100 * (test[i] / sum(test) - train[i] / sum(train)))
        reads(where + ": interval", row[4], low, high)
        return verdict(*RULES[rule](low, high))
    if kind:
        names, picked, expected = augmented_kinds(own["alda"].values())
        total = sum(picked)
        surplus = {name: 100 * (a - b) / total for name, a, b in zip(names, picked, expected)}
        is_text(where, kind[1], max(surplus, key=surplus.get))
        same(where + ": n", row[2], total)
        same(where, row[3], max(surplus.values()))
        scale = total / sum(expected)
        x = math.fsum((a - b * scale) ** 2 / (b * scale) for a, b in zip(picked, expected))
        same(where + ": p", row[5], chi_square_tail(x, len(names) - 1), 1e-6)
        return None
    if "both" in rule:
        ends = {}
        for on, metric in picks.items():
            ds = [x - y for x, y in paired(own, what.split(",")[0], lambda run: run.metric(metric))]
            ends[on] = (*t_interval(ds), len(ds), seeds_needed(deviation(ds), 1.0, (0.975,)))
        # The row shows the split on which the difference is smaller.
        is_text(where + ": split", difference[3], min(ends, key=lambda on: ends[on][0]))
        m, low, high, n, seeds = ends[difference[3]]
        same(where + ": n", row[2], n)
        same(where, row[3], m)
        reads(where + ": interval", row[4], low, high)
        same(where + ": seeds", row[7], seeds)
        return verdict(any(high <= 0 for _, _, high, *_ in ends.values()), all(low > 0 for _, low, *_ in ends.values()))
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
    elif what.startswith("full at f = 32"):
        same(where + ": n", row[2], 0)
        return "undecided"
    else:
        wrong(f"{where}: this script does not know it")
        return None
    m, low, high = t_interval(ds)
    same(where + ": n", row[2], len(ds))
    same(where, row[3], m)
    reads(where + ": interval", row[4], low, high)
    if row[7].value is not None:
        same(where + ": seeds", row[7], seeds_needed(deviation(ds), 1.0, (0.975,)))
    return verdict(*RULES[rule](low, high)) if rule in RULES else None


def check_claims(page, cells, data):
    target = sum(data["class_counts"][0]) / 100
    own = {}
    for regime in ("full", "random", "da", "al", "alda", "alpa"):
        mine = [c for c in cells.values() if next(iter(c.values())).regime == regime and next(iter(c.values())).settings["plan"]["network"]["width"] == WIDTHS.get(regime, 32)]
        if mine:
            own[regime] = min(mine, key=lambda c: abs(next(iter(c.values())).labels - target))
    found, not_run = [], 0
    claims = [item for item in page.items if re.search(r"(supported|contradicted|undecided) ", item) and "comparison" in item]
    for n in range(1, 13):
        table = next(table for name, table in page.tables.items() if re.fullmatch(rf"t-claim-.+-{n}", name))
        verdicts = []
        for row in table[1:]:
            ours = claim_row(row, own, data)
            is_text(f"claim {n}, {row[0].text}", row[6], ours or "reported")
            verdicts += [ours] if ours else []
        whole = "contradicted" if "contradicted" in verdicts else "supported" if verdicts and set(verdicts) == {"supported"} else "undecided"
        found.append(whole)
        not_run += all(row[2].value == 0 for row in table[1:])
        is_text(f"claim {n}", page.verdicts[n - 1], whole)
        check_sentence(n, claims[n - 1], table)
    for shown in re.findall(r"undecided(?:, (\d+) of them not run)?\.", page.words)[:2]:
        same("claims not run", int(shown or 0), not_run)
    for word in ("supported", "contradicted", "undecided"):
        shown = re.search(r"(\d+) of the paper.s 12 claims supported, (\d+) contradicted, (\d+) undecided", page.words)
        again = re.search(r"these runs support (\d+), contradict (\d+) and leave (\d+) undecided", page.words)
        place = ("supported", "contradicted", "undecided").index(word) + 1
        same(f"claims {word}", int(shown[place]), found.count(word))
        same(f"claims {word}", int(again[place]), found.count(word))


def check_sentence(n, sentence, table):
    """A claim's sentence repeats what its table, checked before, holds."""
    rows = table[1:]
    for text in re.findall(r"\(([^()]*\[[^()]*)\)", sentence):
        words = re.findall(POINTS, text)
        triples = [[row[3].value, *map(number, re.findall(POINTS, row[4].text))] for row in rows if row[3].value is not None]
        fits = [t for t in triples if len(t) == 3 and all(abs(number(word) - value) < 0.1 for word, value in zip(words, t))]
        is_text(f"claim {n}: a row for {text!r}", bool(fits), True)
    seeds = re.search(r"about (\d+) seeds", sentence)
    if seeds:
        open_rows = [row for row in rows if row[6].text == "undecided"]
        same(f"claim {n}: seeds", int(seeds[1]), max(row[7].value or 0 for row in open_rows))


def augmented_kinds(runs):
    picked, expected = defaultdict(float), defaultdict(float)
    for query in (query for run in runs for query in run.queries):
        pool = sum(kind["images"] for kind in query["pool"])
        for kind in query["pool"]:
            expected[kind["kind"]] += len(query["picks"]) * kind["images"] / pool
        for pick in query["picks"]:
            picked[pick["augmentation"]["kind"]] += 1
    names = sorted(expected)
    return names, [picked[name] for name in names], [expected[name] for name in names]


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
