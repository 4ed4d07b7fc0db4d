"""Holds what the page shows against what the records say, and counts."""

import csv, re

from .page import Entry
from .records import MINUS

CHECKED, WRONG = 0, []
POINTS = rf"[+{MINUS}-]?\d+(?:\.\d+)?"


def wrong(what):
    WRONG.append(what)


def same(where, shown, ours, tolerance=1e-9):
    """That an entry's full value (or a plain number) is ours."""
    global CHECKED
    CHECKED += 1
    if isinstance(shown, Entry):
        shown.seen = True
        if ours is not None and re.search(r"\d", shown.text) and "<" not in shown.text:
            first = re.search(POINTS, shown.text)[0]
            digits = len(first.partition(".")[2])
            if abs(number(first) - ours) > 0.5000001 * 10 ** -digits + 1e-9:
                wrong(f"{where}: {first} stands for {ours}")
        shown = shown.value
    if (shown is None) != (ours is None) or (ours is not None and abs(shown - ours) > tolerance * max(1, abs(ours))):
        wrong(f"{where}: the page says {shown}, the records {ours}")


def number(text):
    return float(text.replace(MINUS, "-"))


def reads(where, shown, *values):
    """That the numbers in a text are `values`, rounded to the digits shown."""
    global CHECKED
    if isinstance(shown, Entry):
        shown.seen = True
        shown = shown.text
    found = re.findall(POINTS, shown)
    if len(found) != len(values):
        wrong(f"{where}: {shown!r} should hold {len(values)} numbers")
        return
    for word, value in zip(found, values):
        CHECKED += 1
        digits = len(word.partition(".")[2])
        if abs(number(word) - value) > 0.5000001 * 10 ** -digits + 1e-9:
            wrong(f"{where}: {word} stands for {value}")


def reads_interval(where, shown, n, low, high):
    """That a text is an interval, or says why there is none."""
    if low is None:
        is_text(where, shown, "one seed" if n == 1 else "the same in every seed")
    else:
        reads(where, shown, low, high)


def is_text(where, shown, ours):
    global CHECKED
    CHECKED += 1
    if isinstance(shown, Entry):
        shown.seen = True
        shown = shown.text
    if shown != ours:
        wrong(f"{where}: the page says {shown!r}, the records {ours!r}")


def csv_is(figures, name, rows):
    """That a figure's CSV holds these rows, numbers as numbers."""
    with open(figures / f"{name}.csv", newline="") as file:
        found = list(csv.reader(file))[1:]
    if len(found) != len(rows):
        wrong(f"{name}.csv has {len(found)} rows, not {len(rows)}")
    for i, (line, row) in enumerate(zip(found, rows)):
        for text, ours in zip(line, row, strict=True):
            where = f"{name}.csv, row {i + 1}"
            if ours is None:
                is_text(where, text, "")
            elif isinstance(ours, str):
                is_text(where, text, ours)
            else:
                same(where, float(text), ours, 1e-6)
