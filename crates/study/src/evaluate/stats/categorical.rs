//! Counts of kinds.

use super::distribution::{chi_square_upper, normal_upper};
use super::summary::Interval;

/// P-value of Pearson's chi-square test that `observed` counts come from a population with the
/// shares of `expected` (any positive weights); `None` where fewer than two kinds have a positive
/// share.
pub fn chi_square_p(observed: &[f64], expected: &[f64]) -> Option<f64> {
    let (seen, weight) = (observed.iter().sum::<f64>(), expected.iter().sum::<f64>());
    let kinds = expected.iter().filter(|e| **e > 0.0).count();
    if kinds < 2 || seen <= 0.0 {
        return None;
    }
    let mut statistic = 0.0;
    for (o, e) in observed.iter().zip(expected).filter(|(_, e)| **e > 0.0) {
        let e = e * seen / weight;
        statistic += (o - e) * (o - e) / e;
    }
    Some(chi_square_upper(statistic, (kinds - 1) as f64))
}

/// 95 % interval of the difference of two shares, `first` of `first_n` minus `second` of `second_n`
/// (Newcombe's hybrid score interval, 1998).
pub fn proportion_difference_interval(
    first: u64,
    first_n: u64,
    second: u64,
    second_n: u64,
) -> Option<Interval> {
    (first_n > 0 && second_n > 0)
        .then(|| newcombe([first, first_n, second, second_n].map(|count| count as f64), Z))
}

/// Two-sided p of no difference of two shares: that of the widest such interval which leaves 0 out.
pub fn proportion_difference_p(
    first: u64,
    first_n: u64,
    second: u64,
    second_n: u64,
) -> Option<f64> {
    if first_n == 0 || second_n == 0 {
        return None;
    }
    let counts = [first, first_n, second, second_n].map(|count| count as f64);
    let leaves_zero_out = |z: f64| {
        let Interval { low, high } = newcombe(counts, z);
        low > 0.0 || high < 0.0
    };
    // Beyond, p is 0 to the last digit that a number has.
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if leaves_zero_out(middle) { low = middle } else { high = middle }
    }
    Some(2.0 * normal_upper(low))
}

fn newcombe([first, first_n, second, second_n]: [f64; 4], z: f64) -> Interval {
    let (p1, low1, high1) = wilson(first, first_n, z);
    let (p2, low2, high2) = wilson(second, second_n, z);
    let difference = p1 - p2;
    let below = ((p1 - low1) * (p1 - low1) + (high2 - p2) * (high2 - p2)).sqrt();
    let above = ((high1 - p1) * (high1 - p1) + (p2 - low2) * (p2 - low2)).sqrt();
    Interval { low: difference - below, high: difference + above }
}

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A share and its Wilson score interval (1927), `z` standard errors to each side.
fn wilson(count: f64, n: f64, z: f64) -> (f64, f64, f64) {
    let p = count / n;
    let centre = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (p, centre - half, centre + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    // scipy.stats.chisquare([30, 50, 52], 132 * numpy.array([1, 1, 2]) / 4).pvalue
    #[test]
    fn queried_kinds_are_tested_against_the_pool() {
        let p = chi_square_p(&[30.0, 50.0, 52.0], &[1.0, 1.0, 2.0]).unwrap();
        assert!((p - 0.002478752176666357).abs() < 1e-12, "{p}");
        assert_eq!(chi_square_p(&[3.0], &[1.0]), None);
    }

    // Combined by Newcombe's formula from the Wilson ends of
    // scipy.stats.binomtest(1152, 8827).proportion_ci(method="wilson") and binomtest(1133, 13932)
    #[test]
    fn a_difference_of_shares_has_newcombe_s_interval() {
        let interval = proportion_difference_interval(1152, 8827, 1133, 13932).unwrap();
        assert!((interval.low - 0.04088908832450239).abs() < 1e-10, "{interval:?}");
        assert!((interval.high - 0.05762585116267552).abs() < 1e-10, "{interval:?}");
        assert_eq!(proportion_difference_interval(1, 0, 1, 2), None);
    }

    #[test]
    fn its_p_is_below_the_level_where_the_interval_leaves_zero_out() {
        let mut seen = [false; 2];
        for first in 30..70 {
            let Interval { low, high } =
                proportion_difference_interval(first, 100, 50, 100).unwrap();
            let p = proportion_difference_p(first, 100, 50, 100).unwrap();
            assert_eq!(p < 0.05, low > 0.0 || high < 0.0, "{first}: {p}, {low} to {high}");
            seen[usize::from(p < 0.05)] = true;
        }
        assert_eq!(seen, [true; 2]);
        assert_eq!(proportion_difference_p(50, 100, 50, 100), Some(1.0));
    }
}
