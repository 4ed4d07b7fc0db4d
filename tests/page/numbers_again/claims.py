"""The paper's claims: the numbers of every row, the verdicts, the sentences."""

import math, re
from collections import defaultdict

from .checks import POINTS, is_text, number, reads, reads_interval, same, wrong
from .records import FEWEST_SEEDS, METRICS, MINUS, WIDTHS, paired
from .statistics import deviation, holm, p_against, pitman_morgan, seeds_needed, spreads, t_interval

# What a rule's test leans to, from a mean difference and the p of a test against a bound.
RULES = {
    "above 0": lambda m, p: ("supported" if m > 0 else "contradicted", p(0)),
    "below 0": lambda m, p: ("supported" if m < 0 else "contradicted", p(0)),
    "above 5": lambda m, p: ("supported" if m > 5 else "contradicted", p(5)),
    "within \u00b12": lambda m, p: ("supported", max(p(2), p(-2))) if abs(m) < 2 else ("contradicted", p(math.copysign(2, m))),
    "upper end below 2": lambda m, p: ("supported" if m < 2 else "contradicted", p(2)),
}


def few(n):
    """What stands in place of a verdict where seeds are too few."""
    return f"undecided (too few seeds: {n})" if 0 < n < FEWEST_SEEDS else "undecided"


def newcombe(x1, n1, x2, n2, z=1.959963984540054):

    def wilson(x, n):
        p, d = x / n, z * z / n
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return p, (p + d / 2 - half) / (1 + d), (p + d / 2 + half) / (1 + d)

    (p1, l1, u1), (p2, l2, u2) = wilson(x1, n1), wilson(x2, n2)
    return p1 - p2 - math.hypot(p1 - l1, u2 - p2), p1 - p2 + math.hypot(u1 - p1, p2 - l2)


def newcombe_p(x1, n1, x2, n2):
    """The p of the widest interval that leaves 0 out."""
    low, high = 0.0, 40.0
    while high - low > 1e-13:
        z = (low + high) / 2
        ends = newcombe(x1, n1, x2, n2, z)
        low, high = (z, high) if ends[0] > 0 or ends[1] < 0 else (low, z)
    return math.erfc(low / math.sqrt(2))


def chi_square_tail(x, df):
    """By the recurrence from one or two degrees of freedom."""
    tail, start = (math.erfc(math.sqrt(x / 2)), 1) if df % 2 else (math.exp(-x / 2), 2)
    for k in range(start, df, 2):
        tail += math.exp(k / 2 * math.log(x / 2) - x / 2 - math.lgamma(k / 2 + 1))
    return tail


def claim_row(row, own, data):
    """Checks one row's numbers; gives what its test leans to with its p, the words for "undecided", or None where it is only reported."""
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
        same(where, row[3], None if p is None else first - second)
        if p is None or len(pairs) < FEWEST_SEEDS:
            return few(len(pairs))
        larger = rule == "larger deviation"
        return ("supported" if (first > second) == larger else "contradicted", p)
    if share:
        i = data["class_names"].index(share[1])
        train, _, test = data["class_counts"]
        low, high = (100 * end for end in newcombe(test[i], sum(test), train[i], sum(train)))
        same(where + ": n", row[2], sum(test))
        same(where, row[3], 100 * (test[i] / sum(test) - train[i] / sum(train)))
        reads(where + ": interval", row[4], low, high)
        return RULES[rule](test[i] / sum(test) - train[i] / sum(train), lambda _: newcombe_p(test[i], sum(test), train[i], sum(train)))
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
            ends[on] = (*t_interval(ds), len(ds), seeds_needed(deviation(ds), 1.0, (0.975,)) if spreads(ds) else None, p_against(ds, 0))
        # The row shows the split on which the difference is smaller.
        is_text(where + ": split", difference[3], "validation" if ends["validation"][0] < ends["test"][0] else "test")
        m, low, high, n, seeds, _ = ends[difference[3]]
        same(where + ": n", row[2], n)
        same(where, row[3], m)
        reads_interval(where + ": interval", row[4], n, low, high)
        same(where + ": seeds", row[8], seeds)
        above = all(m > 0 for m, *_ in ends.values())
        ps = [p for m, *_, p in ends.values() if above or m <= 0]
        ps = ps if above else [p for p in ps if p is not None]
        if n < FEWEST_SEEDS or not ps or None in ps:
            return few(n)
        return ("contradicted", max(ps)) if above else ("supported", min(ps))
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
    reads_interval(where + ": interval", row[4], len(ds), low, high)
    if row[8].value is not None:
        same(where + ": seeds", row[8], seeds_needed(deviation(ds), 1.0, (0.975,)))
    if rule not in RULES:
        return None
    return few(len(ds)) if len(ds) < FEWEST_SEEDS or not spreads(ds) else RULES[rule](m, lambda bound: p_against(ds, bound))


def check_claims(page, cells, data):
    target = sum(data["class_counts"][0]) / 100
    own = {}
    for regime in ("full", "random", "da", "al", "alda", "alpa"):
        mine = [c for c in cells.values() if next(iter(c.values())).regime == regime and next(iter(c.values())).settings["plan"]["network"]["width"] == WIDTHS.get(regime, 32)]
        if mine:
            own[regime] = min(mine, key=lambda c: abs(next(iter(c.values())).labels - target))
    tables = [next(table for name, table in page.tables.items() if re.fullmatch(rf"t-claim-.+-{n}", name)) for n in range(1, 13)]
    rows = [(n, row, claim_row(row, own, data)) for n, table in enumerate(tables, 1) for row in table[1:]]
    tested = [(row, ours[1]) for _, row, ours in rows if isinstance(ours, tuple)]
    corrected = {}
    for of_data in (False, True):  # class shares are no runs: a family of their own
        family = [(row, p) for row, p in tested if ("share of test" in row[0].text) == of_data]
        corrected |= zip((id(row) for row, _ in family), holm([p for _, p in family]))
    verdicts, n_few = defaultdict(list), defaultdict(list)
    for n, row, ours in rows:
        where = f"claim {n}, {row[0].text}"
        if isinstance(ours, tuple):
            adjusted = corrected[id(row)]
            same(f"{where}: p", row[5], ours[1], 1e-6)
            same(f"{where}: Holm p", row[6], adjusted, 1e-6)
            ours = ours[0] if adjusted < 0.05 else "undecided"
        is_text(where, row[7], ours or "reported")
        if ours:
            verdicts[n].append(ours.split(" (")[0])
            n_few[n] += map(int, re.findall(r"too few seeds: (\d+)", ours))
    found, not_run = [], 0
    claims = [item for item in page.items if re.search(r"(supported|contradicted|undecided) ", item) and "comparison" in item]
    for n, table in enumerate(tables, 1):
        whole = "contradicted" if "contradicted" in verdicts[n] else "supported" if set(verdicts[n]) == {"supported"} else "undecided"
        found.append(whole)
        not_run += all(row[2].value == 0 for row in table[1:])
        is_text(f"claim {n}", page.verdicts[n - 1], whole)
        seeds = re.search(r"undecided \(too few seeds: (\d+)\)", claims[n - 1])
        is_text(f"claim {n}: seeds", seeds and int(seeds[1]), min(n_few[n]) if n_few[n] and whole == "undecided" else None)
        check_sentence(n, claims[n - 1], table)
    too_few = sum(1 for n, whole in enumerate(found, 1) if n_few[n] and whole == "undecided")
    for shown in re.findall(r"undecided(?:, (\d+) of them for too few seeds)?(?:, (\d+) of them not run)?\.", page.words)[:2]:
        same("claims with few seeds", int(shown[0] or 0), too_few)
        same("claims not run", int(shown[1] or 0), not_run)
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
        open_rows = [row for row in rows if row[7].text == "undecided"]
        same(f"claim {n}: seeds", int(seeds[1]), max(row[8].value or 0 for row in open_rows))


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
