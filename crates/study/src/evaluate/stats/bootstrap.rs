//! Percentile bootstrap of a mean (Efron 1979).

use fewlabel_engine::rng::Key;

/// Resamples drawn of up to 200 values.
pub const RESAMPLES: usize = 10_000;
/// Above so many values the number of resamples falls with theirs, to no fewer than [`FEWEST`]: the
/// interval is narrow then, and so is the error of its ends.
const MANY: usize = 200;
/// Resamples drawn at least.
const FEWEST: usize = 1_000;

/// Names the bootstrap's random numbers; nothing else in a study uses this purpose ("boot").
const PURPOSE: u64 = 0x626f_6f74;

/// How many resamples are drawn of `n` values.
fn resamples(n: usize) -> usize {
    (RESAMPLES * MANY / n.max(MANY)).max(FEWEST)
}

/// The 2.5 % and 97.5 % percentiles of the means of up to [`RESAMPLES`] resamples of `values`;
/// `None` below two values.
///
/// The draws depend on the number of values alone: the same values give the same interval anywhere.
/// Below about ten values such intervals are too narrow.
pub fn bootstrap_mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let mut stream = Key::new(0, PURPOSE).at(n as u64, 0).stream();
    let mut means: Vec<f64> = (0..resamples(n))
        .map(|_| {
            let mut sum = 0.0;
            for _ in 0..n {
                sum += values[stream.below(n as u64) as usize];
            }
            sum / n as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    Some((percentile(&means, 0.025), percentile(&means, 0.975)))
}

/// Linear interpolation between order statistics (Hyndman and Fan's type 7, NumPy's default).
fn percentile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    // numpy.percentile([1, 2, 4, 8], [2.5, 50, 97.5])
    #[test]
    fn percentiles_are_numpy_s() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert!((percentile(&sorted, 0.025) - 1.075).abs() < 1e-12);
        assert_eq!(percentile(&sorted, 0.5), 3.0);
        assert!((percentile(&sorted, 0.975) - 7.7).abs() < 1e-12);
    }

    // x = [2.1, -0.4, 3.3, 1.8, 0.9, -1.2, 2.7, 1.1, 0.3, 1.9]
    // scipy.stats.bootstrap((x,), numpy.mean, n_resamples=1_000_000, method="percentile",
    // rng=0).confidence_interval
    #[test]
    fn the_interval_is_scipy_s_within_the_resampling_error() {
        let values = [2.1, -0.4, 3.3, 1.8, 0.9, -1.2, 2.7, 1.1, 0.3, 1.9];
        let (low, high) = bootstrap_mean_interval(&values).unwrap();
        assert!((low - 0.41).abs() < 0.03 && (high - 2.05).abs() < 0.03, "{low} {high}");
    }

    #[test]
    fn many_values_take_fewer_resamples() {
        assert_eq!([2, 200, 400, 10_000_000].map(resamples), [10_000, 10_000, 5_000, 1_000]);
    }

    #[test]
    fn the_interval_moves_with_the_values_and_never_by_chance() {
        let values = [0.1, 0.4, 0.2];
        assert_eq!(bootstrap_mean_interval(&values), bootstrap_mean_interval(&values));
        assert_eq!(bootstrap_mean_interval(&[0.1]), None);
    }
}
