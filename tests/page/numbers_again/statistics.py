"""The statistics again, by other methods where there is a choice."""

import math
from collections import defaultdict


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


def bootstrap(ds):
    n = len(ds)
    resamples = max(1_000, 2_000_000 // max(n, 200))
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


def spreads(ds):
    """Whether there is more between values than rounding."""
    return len(ds) > 1 and deviation(ds) > 1e-9


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
    if not all(map(spreads, (s, d, *zip(*pairs)))):
        return None
    r = math.fsum((x - mean(s)) * (y - mean(d)) for x, y in zip(s, d)) / ((len(s) - 1) * deviation(s) * deviation(d))
    return t_tail(r * math.sqrt((len(s) - 2) / (1 - r * r)), len(s) - 2)


def p_against(ds, bound):
    """Two-sided p of the t-test that the mean is `bound`; None of values that do not spread."""
    return None if not spreads(ds) else t_tail((mean(ds) - bound) / (deviation(ds) / math.sqrt(len(ds))), len(ds) - 1)


def holm(ps):
    """Adjusted p-values, each as the largest of (how many are no smaller) x p over those no larger."""
    return [max(min(1.0, sum(other >= q for other in ps) * q) for q in ps if q <= p) for p in ps]


def t_interval(ds):
    """Mean and 95 % interval; None for the ends of one value, and of values that do not spread."""
    m = mean(ds)
    half = t_quantile(0.975, len(ds) - 1) * deviation(ds) / math.sqrt(len(ds)) if spreads(ds) else None
    return m, None if half is None else m - half, None if half is None else m + half
