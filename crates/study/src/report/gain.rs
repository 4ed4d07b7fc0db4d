//! What one cell has over another, and the verdict.

use super::analysis::Analysis;
use super::cell::Metric;
use super::html::{signed, span};
use crate::evaluate::claims::{FEWEST_SEEDS, SIGNIFICANT};
use crate::evaluate::stats::{Interval, Paired};

/// What one cell has over another.
pub(crate) struct Gain {
    pub(crate) mean: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) n: usize,
    /// The t-test's p.
    pub(crate) p: Option<f64>,
    /// The same after Holm.
    pub(crate) holm_p: Option<f64>,
    /// What stands where there is no interval.
    why_no_interval: &'static str,
}

/// What the seeds say about two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Better,
    Worse,
    /// They cannot be told apart.
    Undecided,
    /// The difference is the same in every seed: there is no test.
    NoSpread,
    /// So few seeds decide nothing.
    TooFew(usize),
}

impl Told {
    /// The verdict in words.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Better => "better".to_owned(),
            Self::Worse => "worse".to_owned(),
            Self::Undecided => "undecided".to_owned(),
            Self::NoSpread => "undecided (the same in every seed)".to_owned(),
            Self::TooFew(seeds) => format!("undecided (too few seeds: {seeds})"),
        }
    }
}

/// Whether a difference over `n` seeds is significant after Holm; of too few seeds none is.
pub(crate) fn is_significant(n: usize, holm_p: Option<f64>) -> bool {
    n >= FEWEST_SEEDS && holm_p.is_some_and(|p| p < SIGNIFICANT)
}

impl Gain {
    /// The verdict: by the t-test after Holm's correction.
    pub(crate) fn told(&self) -> Told {
        match (is_significant(self.n, self.holm_p), self.mean > 0.0) {
            _ if self.n < FEWEST_SEEDS => Told::TooFew(self.n),
            _ if self.interval.is_none() => Told::NoSpread,
            (true, true) => Told::Better,
            (true, false) => Told::Worse,
            (false, _) => Told::Undecided,
        }
    }

    /// The difference in points with its interval, or why there is none.
    pub(crate) fn text(&self) -> String {
        format!("{}  ({})", signed(self.mean, 1), self.span(1))
    }

    /// The interval, or why there is none.
    pub(crate) fn span(&self, digits: usize) -> String {
        match self.interval {
            None => self.why_no_interval.to_owned(),
            interval => span(interval, digits),
        }
    }
}

/// The difference of two cells, first minus second, whichever way round it was computed.
pub(crate) fn gain(
    analysis: &Analysis,
    metric: Metric,
    first: usize,
    second: usize,
) -> Option<Gain> {
    analysis.comparisons.iter().filter(|c| c.metric == metric).find_map(|c| {
        let Paired { mean, interval, n, t_p, .. } = c.paired;
        let gain = |mean, interval| Gain {
            mean,
            interval,
            n,
            p: t_p,
            holm_p: c.holm_p,
            why_no_interval: c.paired.why_no_interval(),
        };
        match (c.first, c.second) {
            pair if pair == (first, second) => Some(gain(mean, interval)),
            pair if pair == (second, first) => {
                let turned = interval.map(|i| Interval { low: -i.high, high: -i.low });
                Some(gain(-mean, turned))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gain(mean: f64, n: usize, holm_p: Option<f64>) -> Gain {
        let interval = holm_p.map(|_| Interval { low: mean - 1.0, high: mean + 1.0 });
        Gain { mean, interval, n, p: holm_p, holm_p, why_no_interval: "the same in every seed" }
    }

    #[test]
    fn the_verdict_follows_from_holm_s_p_and_needs_five_seeds() {
        for (mean, n, p, told) in [
            (2.0, 5, Some(0.04), Told::Better),
            (-2.0, 5, Some(0.04), Told::Worse),
            // Its own interval leaves 0 out; among so many comparisons it does not.
            (2.0, 20, Some(0.07), Told::Undecided),
            (2.0, 4, Some(1e-9), Told::TooFew(4)),
            (2.0, 6, None, Told::NoSpread),
        ] {
            assert_eq!(gain(mean, n, p).told(), told, "{mean} {n} {p:?}");
        }
        assert_eq!(gain(2.0, 2, None).told().words(), "undecided (too few seeds: 2)");
        assert_eq!(gain(2.0, 6, None).text(), "+2.0  (the same in every seed)");
    }

    #[test]
    fn four_seeds_earn_no_asterisk() {
        assert!(
            !is_significant(4, Some(1e-16))
                && is_significant(5, Some(0.01))
                && !is_significant(9, None)
        );
    }
}
