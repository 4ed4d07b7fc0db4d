//! From a difference to what its test leans to (PAPER.md, "What is measured").

use serde::Serialize;

use super::Verdict;
use crate::evaluate::stats::{Paired, PitmanMorgan};

/// Points beyond which a difference is "by far".
pub(crate) const BY_FAR: f64 = 5.0;
/// Points within which two regimes are "level", and below which an improvement is not one.
pub(crate) const LEVEL: f64 = 2.0;
/// Level of every test, after Holm's correction.
pub(crate) const SIGNIFICANT: f64 = crate::evaluate::stats::LEVEL;
/// Of fewer seeds no verdict is given.
pub(crate) const FEWEST_SEEDS: usize = 5;

/// What a claim expects of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The interval lies above zero.
    Above,
    /// The interval lies below zero.
    Below,
    /// The interval lies above 5 points.
    ByFar,
    /// The interval lies within 2 points of zero.
    Level,
    /// The interval's upper end is below 2 points.
    NoImprovement,
    /// The first deviation is smaller (Pitman-Morgan, p < 0.05).
    SmallerDeviation,
    /// The first deviation is larger (Pitman-Morgan, p < 0.05).
    LargerDeviation,
    /// Not both of two differences lie above zero.
    NotBothAbove,
}

impl Rule {
    /// The rule in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Above => "above 0",
            Self::Below => "below 0",
            Self::ByFar => "above 5",
            Self::Level => "within \u{b1}2",
            Self::NoImprovement => "upper end below 2",
            Self::SmallerDeviation => "smaller deviation",
            Self::LargerDeviation => "larger deviation",
            Self::NotBothAbove => "not above on both splits",
        }
    }

    /// What the test of this rule leans to, from a difference in points and the two-sided p of its
    /// test against a bound: the interval leaves out every bound whose p is below 0.05.
    pub(super) fn finding(
        self,
        difference: f64,
        p: impl Fn(f64) -> Option<f64>,
    ) -> Option<Finding> {
        let against =
            |bound: f64, holds: bool| Some(Finding { verdict: verdict(holds), p: p(bound)? });
        match self {
            Self::Above => against(0.0, difference > 0.0),
            Self::Below => against(0.0, difference < 0.0),
            Self::ByFar => against(BY_FAR, difference > BY_FAR),
            Self::NoImprovement => against(LEVEL, difference < LEVEL),
            // Within both bounds, or beyond the nearer one.
            Self::Level if difference.abs() < LEVEL => {
                Some(Finding { verdict: Verdict::Supported, p: p(LEVEL)?.max(p(-LEVEL)?) })
            }
            Self::Level => against(LEVEL.copysign(difference), false),
            Self::SmallerDeviation | Self::LargerDeviation | Self::NotBothAbove => None,
        }
    }

    /// What the test of two deviations leans to.
    pub(super) fn of_deviations(self, test: PitmanMorgan) -> Finding {
        let is_smaller = test.first_sd < test.second_sd;
        Finding { verdict: verdict(is_smaller == (self == Self::SmallerDeviation)), p: test.p }
    }
}

/// What a test leans to: the verdict if its p, corrected, is below the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) p: f64,
}

/// What "not above on both" leans to, from the differences on the two splits: one must be proven
/// not above zero; above on both is the opposite.
pub(super) fn not_both_above(first: &Paired, second: &Paired) -> Option<Finding> {
    let (one, two) = (first.p_against(0.0), second.p_against(0.0));
    if first.mean > 0.0 && second.mean > 0.0 {
        return Some(Finding { verdict: Verdict::Contradicted, p: one?.max(two?) });
    }
    let below = [(first, one), (second, two)].into_iter().filter(|(paired, _)| paired.mean <= 0.0);
    let p = below.filter_map(|(_, p)| p).reduce(f64::min)?;
    Some(Finding { verdict: Verdict::Supported, p })
}

fn verdict(holds: bool) -> Verdict {
    if holds { Verdict::Supported } else { Verdict::Contradicted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Contradicted, Supported, Undecided};

    #[test]
    fn every_rule_has_its_bounds() {
        let cases = [
            (Rule::Above, 0.1, 3.0, Supported),
            (Rule::Above, -3.0, -0.1, Contradicted),
            (Rule::Above, -0.1, 3.0, Undecided),
            (Rule::Below, -3.0, -0.1, Supported),
            (Rule::ByFar, 5.1, 9.0, Supported),
            (Rule::ByFar, 1.0, 4.9, Contradicted),
            (Rule::ByFar, 4.0, 9.0, Undecided),
            (Rule::Level, -1.9, 1.9, Supported),
            (Rule::Level, 2.1, 5.0, Contradicted),
            (Rule::Level, -5.0, -2.1, Contradicted),
            (Rule::Level, 1.0, 2.1, Undecided),
            (Rule::NoImprovement, -9.0, 1.9, Supported),
            (Rule::NoImprovement, 2.1, 9.0, Contradicted),
            (Rule::NoImprovement, 1.0, 3.0, Undecided),
        ];
        for (rule, low, high, expected) in cases {
            let p = |bound: f64| Some(if (low..=high).contains(&bound) { 0.3 } else { 0.01 });
            let finding = rule.finding(f64::midpoint(low, high), p).expect("a test");
            let verdict = if finding.p < SIGNIFICANT { finding.verdict } else { Undecided };
            assert_eq!(verdict, expected, "{rule:?} [{low}, {high}]");
        }
    }

    #[test]
    fn deviations_lean_to_the_claim_or_its_opposite() {
        let test = |first_sd, second_sd| PitmanMorgan { first_sd, second_sd, p: 0.04 };
        let of = |rule: Rule, first, second| rule.of_deviations(test(first, second));
        assert_eq!(of(Rule::SmallerDeviation, 1.0, 2.0), Finding { verdict: Supported, p: 0.04 });
        assert_eq!(of(Rule::SmallerDeviation, 2.0, 1.0).verdict, Contradicted);
        assert_eq!(of(Rule::LargerDeviation, 2.0, 1.0).verdict, Supported);
        assert_eq!(of(Rule::LargerDeviation, 1.0, 2.0).verdict, Contradicted);
    }

    #[test]
    fn alone_means_that_no_other_is_above_on_both() {
        // Differences around a mean, spread so that a mean of 1 is far from 0 and one of 0.1 is
        // not.
        let around = |mean: f64| {
            let pairs: Vec<(f64, f64)> =
                [-0.4, -0.1, 0.0, 0.2, 0.3].iter().map(|d| (mean + d, 0.0)).collect();
            Paired::of(&pairs).expect("pairs")
        };
        let verdict = |first: f64, second: f64| {
            let finding = not_both_above(&around(first), &around(second)).expect("a test");
            if finding.p < SIGNIFICANT { finding.verdict } else { Undecided }
        };
        assert_eq!(verdict(1.0, -1.0), Supported);
        assert_eq!(verdict(1.0, 1.2), Contradicted);
        assert_eq!(verdict(1.0, 0.1), Undecided);
        assert_eq!(verdict(1.0, -0.1), Undecided);
    }
}
