//! The difference between two regimes, paired by seed.

use serde::Serialize;

use super::bootstrap::bootstrap_mean_interval;
use super::distribution::{student_quantile, student_two_sided};
use super::summary::{Interval, LEVEL, Summary};
use super::wilcoxon::wilcoxon_signed_rank;

/// Chance of finding a difference that is there, in [`seeds_for_power`].
const POWER: f64 = 0.8;
/// More seeds than anyone will run; counted no further.
const MOST_SEEDS: usize = 1_000_000;

/// What the seeds that two regimes share say about their difference, first minus second. Where the
/// difference is the same in every seed but for rounding, there is no interval, no test and no
/// effect size: they would rest on the rounding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paired {
    /// Seeds in both.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// Standard deviation of the differences (n - 1); 0 where they are the same but for rounding.
    pub sd: Option<f64>,
    /// Student's 95 % interval of the mean difference; it leads.
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
        let spread = summary.sd.filter(|_| summary.has_spread());
        let correction = 1.0 - 3.0 / (4.0 * (n as f64 - 1.0) - 1.0);
        let bootstrap = spread.and_then(|_| bootstrap_mean_interval(&differences));
        let paired = Self {
            n,
            mean: summary.mean,
            sd: summary.sd.map(|_| spread.unwrap_or(0.0)),
            interval: summary.t_interval(),
            bootstrap: bootstrap.map(|(low, high)| Interval { low, high }),
            t_p: None,
            wilcoxon_p: spread.and_then(|_| wilcoxon_signed_rank(&differences)),
            // With two seeds the correction leaves nothing of the effect.
            effect_size: spread.filter(|_| n > 2).map(|sd| summary.mean / sd * correction),
            win_rate: win_rate(&differences),
        };
        Some(Self { t_p: paired.p_against(0.0), ..paired })
    }

    /// Whether the difference is the same in every one of several seeds.
    pub fn lacks_spread(&self) -> bool {
        self.sd == Some(0.0)
    }

    /// Two-sided p of the t-test that the true difference is `bound`; below 0.05 exactly where the
    /// interval leaves `bound` out.
    pub fn p_against(&self, bound: f64) -> Option<f64> {
        let sd = self.sd.filter(|_| !self.lacks_spread())?;
        let t = (self.mean - bound) / (sd / (self.n as f64).sqrt());
        Some(student_two_sided(t, self.n as f64 - 1.0))
    }

    /// What stands in place of an interval, where there is none.
    pub fn why_no_interval(&self) -> &'static str {
        if self.lacks_spread() { "the same in every seed" } else { "one seed" }
    }
}

fn win_rate(differences: &[f64]) -> f64 {
    let wins = differences.iter().filter(|d| **d > 0.0).count() as f64;
    let ties = differences.iter().filter(|d| **d == 0.0).count() as f64;
    (wins + 0.5 * ties) / differences.len() as f64
}

/// Seeds at which differences that spread by `sd` would have a 95 % t interval no wider than
/// `half_width` to each side.
pub fn seeds_for_half_width(sd: f64, half_width: f64) -> usize {
    fewest(|n| student_quantile(1.0 - LEVEL / 2.0, n - 1.0) * sd / n.sqrt() <= half_width)
}

/// Seeds at which a true mean difference of `difference`, with differences that spread by `sd`,
/// would be found significant (two-sided 5 %) with 80 % probability: the least n with (t(.975) +
/// t(.8)) sd / sqrt(n) <= difference.
pub fn seeds_for_power(sd: f64, difference: f64) -> usize {
    fewest(|n| {
        (student_quantile(1.0 - LEVEL / 2.0, n - 1.0) + student_quantile(POWER, n - 1.0)) * sd
            / n.sqrt()
            <= difference
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

    const PAIRS: [(f64, f64); 5] =
        [(0.612, 0.571), (0.598, 0.604), (0.633, 0.580), (0.575, 0.566), (0.641, 0.588)];

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
    fn differences_that_are_the_same_in_every_seed_are_not_tested() {
        let pairs = [[(0.5, 0.5); 4], [(0.8, 0.5), (0.9, 0.6), (0.6, 0.3), (0.7, 0.4)]];
        for (pairs, win_rate) in pairs.iter().zip([0.5, 1.0]) {
            let paired = Paired::of(pairs).unwrap();
            assert!(
                paired.lacks_spread() && paired.interval.is_none() && paired.bootstrap.is_none(),
                "{paired:?}"
            );
            assert_eq!((paired.t_p, paired.wilcoxon_p, paired.effect_size), (None, None, None));
            assert_eq!((paired.sd, paired.win_rate), (Some(0.0), win_rate));
        }
    }

    // stats.ttest_1samp(numpy.subtract(a, b), 0.05).pvalue, and at the interval's upper end
    #[test]
    fn a_bound_is_tested_as_the_interval_has_it() {
        let paired = Paired::of(&PAIRS).unwrap();
        assert_close(paired.p_against(0.05).unwrap(), 0.17299288554717);
        assert_close(paired.p_against(paired.interval.unwrap().high).unwrap(), 0.05);
    }

    // statsmodels.stats.power.TTestPower().solve_power(1 / 3.5, power=0.8, alpha=0.05) = 98.1 -> 99
    // with the noncentral t; for the half-width: next(n for n in range(2, 999) if stats.t.ppf(.975,
    // n - 1) * 3.5 / n**.5 <= 1) = 50
    #[test]
    fn the_seeds_needed_are_counted() {
        let power = seeds_for_power(3.5, 1.0);
        assert!((98..=100).contains(&power), "{power}");
        assert_eq!(seeds_for_half_width(3.5, 1.0), 50);
        assert_eq!(seeds_for_half_width(0.0, 1.0), 2);
        assert_eq!(seeds_for_half_width(1e9, 1.0), MOST_SEEDS);
    }
}
