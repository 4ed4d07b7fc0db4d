//! Mean and deviation.

use serde::Serialize;

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

    #[test]
    fn one_value_has_no_deviation() {
        assert_eq!(Summary::of(&[3.0]), Some(Summary { n: 1, mean: 3.0, sd: None }));
        assert_eq!(Summary::of(&[]), None);
    }
}
