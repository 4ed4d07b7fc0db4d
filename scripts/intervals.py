"""Means with t intervals, for the tables that other scripts here make."""
import math

# Two-sided 95 % quantiles of Student's t for n - 1 degrees of freedom, by n (R: qt(.975, n - 1)).
T = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262, 12: 2.201, 16: 2.131, 20: 2.093, 30: 2.045}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def half(values):
    """Half a 95 % t interval of the mean; not a number where the table has no quantile."""
    n, m = len(values), mean(values)
    return T[n] * math.sqrt(sum((v - m) ** 2 for v in values) / (n - 1) / n) if n in T else math.nan


def text(values, sign=""):
    return f"{mean(values):{sign}.1f} ± {half(values):.1f}"
