//! Mean and deviation.

use super::distribution::student_quantile;
use serde::Serialize;

/// Two-sided level of every interval and test.
pub(crate) const LEVEL: f64 = 0.05;
/// Figures this close are equal: accuracies are counts over counts, and rounding must neither make
/// nor break a tie or a spread.
pub(super) const EQUAL: f64 = 1e-9;

/// A 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Mean and standard deviation (n - 1) of some values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation; `None` below two values.
    pub sd: Option<f64>,
}

impl Summary {
    /// Summarises `values`; `None` where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Some(Self { n, mean, sd: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()) })
    }

    /// Standard error of the mean.
    pub fn standard_error(&self) -> Option<f64> {
        self.sd.map(|sd| sd / (self.n as f64).sqrt())
    }

    /// Whether the values differ by more than rounding: without it there is nothing that an
    /// interval or a test could stand on.
    pub fn has_spread(&self) -> bool {
        self.sd.is_some_and(|sd| sd > EQUAL)
    }

    /// Student's 95 % interval of the mean; `None` below two values or where they do not spread.
    pub fn t_interval(&self) -> Option<Interval> {
        let error = self.standard_error().filter(|_| self.has_spread())?;
        let half = student_quantile(1.0 - LEVEL / 2.0, self.n as f64 - 1.0) * error;
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_divides_by_n_minus_one() {
        let summary = Summary::of(&[1.0, 2.0, 4.0]).unwrap();
        assert!((summary.mean - 7.0 / 3.0).abs() < 1e-15);
        assert!((summary.sd.unwrap() - (7.0f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    // from scipy import stats; stats.t.interval(.95, 1, 0.51, 0.01)
    #[test]
    fn the_interval_of_two_values_is_as_wide_as_student_says() {
        let Interval { low, high } = Summary::of(&[0.5, 0.52]).unwrap().t_interval().unwrap();
        assert!(
            (low - 0.38293795263525).abs() < 1e-10 && (high - 0.63706204736475).abs() < 1e-10,
            "{low} {high}"
        );
    }

    #[test]
    fn values_that_differ_by_rounding_alone_have_no_interval() {
        let summary = Summary::of(&[0.1 + 0.2, 0.3, 0.3]).unwrap();
        assert!(!summary.has_spread() && summary.t_interval().is_none(), "{summary:?}");
        assert_eq!(Summary::of(&[0.3]).unwrap().t_interval(), None);
    }

    #[test]
    fn one_value_has_no_deviation() {
        assert_eq!(Summary::of(&[3.0]), Some(Summary { n: 1, mean: 3.0, sd: None }));
        assert_eq!(Summary::of(&[]), None);
    }
}
