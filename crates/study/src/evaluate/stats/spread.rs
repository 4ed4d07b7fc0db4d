//! Whether one of two paired samples spreads more.

use serde::Serialize;

use super::distribution::student_two_sided;
use super::summary::Summary;

/// The Pitman-Morgan test of equal variances of paired values (Pitman 1939, Morgan 1939).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PitmanMorgan {
    /// Standard deviation of the first.
    pub first_sd: f64,
    /// Standard deviation of the second.
    pub second_sd: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// Correlations this close to 1 are 1: the t of their test would be made of rounding.
const EXACT: f64 = 1e-12;

/// Tests whether the spreads of pairs (first, second) differ; `None` below three pairs, and where
/// one of them, their sum or their difference does not vary beyond rounding.
///
/// The variances are equal exactly if sum and difference are uncorrelated: a t-test of that
/// correlation with n - 2 degrees of freedom.
pub fn pitman_morgan(pairs: &[(f64, f64)]) -> Option<PitmanMorgan> {
    if pairs.len() < 3 {
        return None;
    }
    let n = pairs.len() as f64;
    let sums: Vec<f64> = pairs.iter().map(|(a, b)| a + b).collect();
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
    let (sum, difference) = (Summary::of(&sums)?, Summary::of(&differences)?);
    let column =
        |pick: fn(&(f64, f64)) -> f64| Summary::of(&pairs.iter().map(pick).collect::<Vec<_>>());
    let (first, second) = (column(|pair| pair.0)?, column(|pair| pair.1)?);
    if ![&sum, &difference, &first, &second].into_iter().all(Summary::has_spread) {
        return None;
    }
    let (sum_sd, difference_sd) = (sum.sd?, difference.sd?);
    let products: f64 =
        sums.iter().zip(&differences).map(|(s, d)| (s - sum.mean) * (d - difference.mean)).sum();
    let r = (products / ((n - 1.0) * sum_sd * difference_sd)).clamp(-1.0, 1.0);
    if 1.0 - r.abs() < EXACT {
        return None;
    }
    let t = r * ((n - 2.0) / (1.0 - r * r)).sqrt();
    Some(PitmanMorgan {
        first_sd: first.sd?,
        second_sd: second.sd?,
        p: student_two_sided(t, n - 2.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // a = [0.612, 0.598, 0.633, 0.575, 0.641]; b = [0.571, 0.544, 0.680, 0.466, 0.698]
    // scipy.stats.pearsonr(numpy.add(a, b), numpy.subtract(a, b)).pvalue
    #[test]
    fn it_is_the_correlation_of_sum_and_difference() {
        let pairs =
            [(0.612, 0.571), (0.598, 0.544), (0.633, 0.680), (0.575, 0.466), (0.641, 0.698)];
        let test = pitman_morgan(&pairs).unwrap();
        assert!((test.p - 0.00020375839694536718).abs() < 1e-10, "{}", test.p);
        assert!(test.first_sd < test.second_sd);
    }

    #[test]
    fn two_pairs_or_no_variation_say_nothing() {
        assert_eq!(pitman_morgan(&[(0.1, 0.2), (0.3, 0.1)]), None);
        assert_eq!(pitman_morgan(&[(0.1, 0.2); 6]), None);
        // One that is constant, and one that is twice the other: p would be 0.
        assert_eq!(pitman_morgan(&[(0.5, 0.1), (0.5, 0.3), (0.5, 0.7)]), None);
        assert_eq!(pitman_morgan(&[(0.2, 0.1), (0.6, 0.3), (1.4, 0.7)]), None);
    }
}
