//! From an interval to a verdict (PAPER.md, "What is measured").

use serde::Serialize;

use super::Verdict;
use crate::evaluate::stats::{Interval, PitmanMorgan};

/// Points beyond which a difference is "by far".
pub(crate) const BY_FAR: f64 = 5.0;
/// Points within which two regimes are "level", and below which an improvement is not one.
pub(crate) const LEVEL: f64 = 2.0;
/// Level of the test of deviations.
pub(crate) const SIGNIFICANT: f64 = 0.05;

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

    /// Judges an interval in points: supported, its opposite proven, or neither.
    pub(super) fn judge(self, interval: Interval) -> Verdict {
        let Interval { low, high } = interval;
        let (holds, opposite) = match self {
            Self::Above => (low > 0.0, high < 0.0),
            Self::Below => (high < 0.0, low > 0.0),
            Self::ByFar => (low > BY_FAR, high < BY_FAR),
            Self::Level => (low > -LEVEL && high < LEVEL, low > LEVEL || high < -LEVEL),
            Self::NoImprovement => (high < LEVEL, low > LEVEL),
            Self::SmallerDeviation | Self::LargerDeviation | Self::NotBothAbove => (false, false),
        };
        verdict(holds, opposite)
    }

    /// Judges two deviations.
    pub(super) fn judge_deviation(self, test: PitmanMorgan) -> Verdict {
        let found = test.p < SIGNIFICANT;
        let smaller = test.first_sd < test.second_sd;
        match self {
            Self::LargerDeviation => verdict(found && !smaller, found && smaller),
            _ => verdict(found && smaller, found && !smaller),
        }
    }
}

/// Judges "not above on both" from the differences on the two splits: one must be proven not above zero; above on both is the opposite.
pub(super) fn not_both_above(first: Interval, second: Interval) -> Verdict {
    verdict(first.high <= 0.0 || second.high <= 0.0, first.low > 0.0 && second.low > 0.0)
}

fn verdict(holds: bool, opposite: bool) -> Verdict {
    match (holds, opposite) {
        (true, _) => Verdict::Supported,
        (_, true) => Verdict::Contradicted,
        _ => Verdict::Undecided,
    }
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
            assert_eq!(rule.judge(Interval { low, high }), expected, "{rule:?} [{low}, {high}]");
        }
    }

    #[test]
    fn deviations_need_the_test() {
        let test = |first_sd, second_sd, p| PitmanMorgan { first_sd, second_sd, p };
        assert_eq!(Rule::SmallerDeviation.judge_deviation(test(1.0, 2.0, 0.04)), Supported);
        assert_eq!(Rule::SmallerDeviation.judge_deviation(test(2.0, 1.0, 0.04)), Contradicted);
        assert_eq!(Rule::LargerDeviation.judge_deviation(test(2.0, 1.0, 0.04)), Supported);
        assert_eq!(Rule::LargerDeviation.judge_deviation(test(2.0, 1.0, 0.06)), Undecided);
    }

    #[test]
    fn alone_means_that_no_other_is_above_on_both() {
        let interval = |low, high| Interval { low, high };
        assert_eq!(not_both_above(interval(1.0, 2.0), interval(-3.0, -1.0)), Supported);
        assert_eq!(not_both_above(interval(1.0, 2.0), interval(0.5, 1.0)), Contradicted);
        assert_eq!(not_both_above(interval(1.0, 2.0), interval(-0.5, 1.0)), Undecided);
    }
}
