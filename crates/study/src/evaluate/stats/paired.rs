//! The difference between two regimes, paired by seed.

use serde::Serialize;

use super::bootstrap::bootstrap_mean_interval;
use super::distribution::{student_quantile, student_two_sided};
use super::summary::Summary;
use super::wilcoxon::wilcoxon_signed_rank;

/// Two-sided level of every interval and test.
const LEVEL: f64 = 0.05;
/// Chance of finding a difference that is there, in [`seeds_for_power`].
const POWER: f64 = 0.8;
/// More seeds than anyone will run; counted no further.
const MOST_SEEDS: usize = 1_000_000;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What the seeds that two regimes share say about their difference, first minus second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Seeds in both.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// Standard deviation of the differences (n - 1).
    pub sd: Option<f64>,
    /// Student's interval of the mean difference; it leads.
    pub interval: Option<Interval>,
    /// Percentile bootstrap interval; too narrow below ten seeds.
    pub bootstrap: Option<Interval>,
    /// Two-sided p of the paired t-test.
    pub t_p: Option<f64>,
    /// Two-sided p of Wilcoxon's signed-rank test.
    pub wilcoxon_p: Option<f64>,
    /// Cohen's d of the differences with Hedges' correction for few seeds; `None` below three.
    pub effect_size: Option<f64>,
    /// Share of seeds in which the first is above the second; a tie counts half.
    pub win_rate: f64,
}

impl Paired {
    /// Compares pairs (first, second); `None` where there are none.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let differences: Vec<f64> = pairs.iter().map(|(first, second)| first - second).collect();
        let summary = Summary::of(&differences)?;
        let n = summary.n;
        let df = n as f64 - 1.0;
        let error = summary.standard_error();
        let t = error.map(|error| if summary.mean == 0.0 { 0.0 } else { summary.mean / error });
        let half_width = error.map(|error| student_quantile(1.0 - LEVEL / 2.0, df) * error);
        let correction = 1.0 - 3.0 / (4.0 * df - 1.0);
        // With two seeds the correction leaves nothing of the effect.
        let effect = summary.sd.filter(|sd| *sd > 0.0 && n > 2).map(|sd| summary.mean / sd * correction);
        Some(Self {
            n,
            mean: summary.mean,
            sd: summary.sd,
            interval: half_width.map(|h| Interval { low: summary.mean - h, high: summary.mean + h }),
            bootstrap: bootstrap_mean_interval(&differences).map(|(low, high)| Interval { low, high }),
            t_p: t.map(|t| student_two_sided(t, df)),
            wilcoxon_p: wilcoxon_signed_rank(&differences),
            effect_size: effect,
            win_rate: win_rate(&differences),
        })
    }
}

fn win_rate(differences: &[f64]) -> f64 {
    let wins = differences.iter().filter(|d| **d > 0.0).count() as f64;
    let ties = differences.iter().filter(|d| **d == 0.0).count() as f64;
    (wins + 0.5 * ties) / differences.len() as f64
}

/// Seeds at which differences that spread by `sd` would have a 95 % t interval no wider than `half_width` to each side.
pub fn seeds_for_half_width(sd: f64, half_width: f64) -> usize {
    fewest(|n| student_quantile(1.0 - LEVEL / 2.0, n - 1.0) * sd / n.sqrt() <= half_width)
}

/// Seeds at which a true mean difference of `difference`, with differences that spread by `sd`, would be found
/// significant (two-sided 5 %) with 80 % probability: the least n with (t(.975) + t(.8)) sd / sqrt(n) <= difference.
pub fn seeds_for_power(sd: f64, difference: f64) -> usize {
    fewest(|n| {
        (student_quantile(1.0 - LEVEL / 2.0, n - 1.0) + student_quantile(POWER, n - 1.0)) * sd / n.sqrt() <= difference
    })
}

/// The least n >= 2 that is `enough`; true for every larger one.
fn fewest(enough: impl Fn(f64) -> bool) -> usize {
    let mut high = 2;
    while !enough(high as f64) {
        if high >= MOST_SEEDS {
            return MOST_SEEDS;
        }
        high *= 2;
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if enough(middle as f64) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(f64, f64); 5] = [(0.612, 0.571), (0.598, 0.604), (0.633, 0.580), (0.575, 0.566), (0.641, 0.588)];

    fn assert_close(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() < 1e-10, "{ours} is not {theirs}");
    }

    // from scipy import stats
    // a = [0.612, 0.598, 0.633, 0.575, 0.641]; b = [0.571, 0.604, 0.580, 0.566, 0.588]
    // r = stats.ttest_rel(a, b); r.pvalue; r.confidence_interval(); stats.wilcoxon(a, b).pvalue
    // d = numpy.subtract(a, b); d.mean() / d.std(ddof=1) * (1 - 3 / (4 * 4 - 1))
    #[test]
    fn the_paired_t_test_is_scipy_s() {
        let paired = Paired::of(&PAIRS).unwrap();
        assert_close(paired.mean, 0.030000000000000027);
        assert_close(paired.sd.unwrap(), 0.027000000000000024);
        assert_close(paired.t_p.unwrap(), 0.06788156020955818);
        let interval = paired.interval.unwrap();
        assert_close(interval.low, -0.0035249279515016316);
        assert_close(interval.high, 0.06352492795150169);
        assert_close(paired.wilcoxon_p.unwrap(), 0.125);
        assert_close(paired.effect_size.unwrap(), 0.888888888888889);
        assert_eq!(paired.win_rate, 0.8);
    }

    #[test]
    fn one_seed_has_a_difference_and_nothing_else() {
        let paired = Paired::of(&[(0.7, 0.5)]).unwrap();
        assert_eq!((paired.n, paired.sd, paired.interval, paired.t_p), (1, None, None, None));
        assert!(Paired::of(&[]).is_none());
    }

    #[test]
    fn two_seeds_have_an_interval_and_no_effect_size() {
        let paired = Paired::of(&[(0.7, 0.5), (0.6, 0.5)]).unwrap();
        assert!(paired.interval.is_some() && paired.effect_size.is_none(), "{paired:?}");
    }

    #[test]
    fn equal_seeds_differ_by_nothing_at_all() {
        let paired = Paired::of(&[(0.5, 0.5); 4]).unwrap();
        assert_eq!((paired.t_p, paired.wilcoxon_p, paired.effect_size), (Some(1.0), None, None));
        assert_eq!(paired.interval, Some(Interval { low: 0.0, high: 0.0 }));
        assert_eq!(paired.win_rate, 0.5);
    }

    // statsmodels.stats.power.TTestPower().solve_power(1 / 3.5, power=0.8, alpha=0.05) = 98.1 -> 99 with the noncentral t;
    // for the half-width: next(n for n in range(2, 999) if stats.t.ppf(.975, n - 1) * 3.5 / n**.5 <= 1) = 50
    #[test]
    fn the_seeds_needed_are_counted() {
        let power = seeds_for_power(3.5, 1.0);
        assert!((98..=100).contains(&power), "{power}");
        assert_eq!(seeds_for_half_width(3.5, 1.0), 50);
        assert_eq!(seeds_for_half_width(0.0, 1.0), 2);
        assert_eq!(seeds_for_half_width(1e9, 1.0), MOST_SEEDS);
    }
}
