//! Temperature scaling: one number that makes a model's probabilities mean what they say (Guo 2017,
//! arXiv 1706.04599).

/// A temperature fitted on held-out labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperature {
    /// What logits are divided by: above 1 where the model was too sure of itself.
    pub value: f64,
    /// Mean negative log likelihood in nats before, at temperature 1.
    pub nll_before: f64,
    /// And after.
    pub nll_after: f64,
}

/// Temperatures looked at: e^-3 to e^3.
const RANGE: f64 = 3.0;
/// Steps of the golden-section search: the bracket shrinks to 6 * 0.618^40, below 1e-7.
const STEPS: usize = 40;

/// The temperature with the least mean negative log likelihood of `labels` under softmax(`logits` /
/// temperature), `logits` being [n, classes]. The likelihood has one maximum in 1/temperature,
/// hence in its logarithm, which a golden-section search finds.
///
/// # Panics
/// If there are no labels or not one row of logits for each, or a label is not a class.
pub fn fit(logits: &[f32], labels: &[u16]) -> Temperature {
    assert!(
        !labels.is_empty() && logits.len().is_multiple_of(labels.len()),
        "one row of logits a label"
    );
    let classes = logits.len() / labels.len();
    assert!(labels.iter().all(|&label| usize::from(label) < classes), "labels are classes");
    let nll = |log_temperature: f64| mean_nll(logits, labels, libm::exp(-log_temperature));
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-RANGE, RANGE);
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (nll(left), nll(right));
    for _ in 0..STEPS {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = nll(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = nll(right);
        }
    }
    let best = 0.5 * (low + high);
    let (nll_before, nll_after) = (nll(0.0), nll(best));
    // On a flat likelihood the search may end beside 1 without having gained anything.
    if nll_after < nll_before {
        Temperature { value: libm::exp(best), nll_before, nll_after }
    } else {
        Temperature { value: 1.0, nll_before, nll_after: nll_before }
    }
}

impl Temperature {
    /// Divides logits by the temperature, in place.
    pub fn scale(&self, logits: &mut [f32]) {
        let factor = (1.0 / self.value) as f32;
        logits.iter_mut().for_each(|logit| *logit *= factor);
    }
}

/// Mean of ln(sum of e^(b z)) - b z_label over rows, b = 1/temperature.
pub(crate) fn mean_nll(logits: &[f32], labels: &[u16], inverse: f64) -> f64 {
    let classes = logits.len() / labels.len();
    let mut total = 0.0;
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let greatest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = row.iter().map(|&z| libm::exp(inverse * (f64::from(z) - greatest))).sum();
        total += libm::log(sum) - inverse * (f64::from(row[usize::from(label)]) - greatest);
    }
    total / labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overconfident_model_is_cooled_to_its_hit_rate() {
        // Certain at odds of e^4, right three times in four: softmax must say 3/4, so 4 / t = ln 3.
        let logits = [4.0, 0.0].repeat(4);
        let temperature = fit(&logits, &[0, 0, 0, 1]);
        assert!((temperature.value - 4.0 / libm::log(3.0)).abs() < 1e-5, "{temperature:?}");
        assert!(temperature.nll_after < temperature.nll_before);
        let mut scaled = [4.0, 0.0];
        temperature.scale(&mut scaled);
        assert!((f64::from(scaled[0]) - libm::log(3.0)).abs() < 1e-5);
    }

    #[test]
    fn a_calibrated_model_is_left_alone() {
        let logits = [libm::log(3.0) as f32, 0.0].repeat(4);
        assert!((fit(&logits, &[0, 0, 0, 1]).value - 1.0).abs() < 1e-5);
    }

    #[test]
    fn equal_logits_leave_nothing_to_scale() {
        assert_eq!(fit(&[1.0; 6], &[0, 2]).value, 1.0);
    }

    #[test]
    fn the_best_temperature_has_no_better_neighbour() {
        let logits: Vec<f32> = (0..60).map(|i| ((i * 37 % 17) as f32 - 8.0) / 2.0).collect();
        // The likeliest class is right but for every fourth image.
        let likeliest = |row: &[f32]| (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let label =
            |(i, row): (usize, &[f32])| (likeliest(row) + usize::from(i % 4 == 0)) as u16 % 3;
        let labels: Vec<u16> = logits.chunks(3).enumerate().map(label).collect();
        let best = fit(&logits, &labels);
        for factor in [0.99, 1.01] {
            assert!(
                mean_nll(&logits, &labels, 1.0 / (best.value * factor)) >= best.nll_after - 1e-12
            );
        }
    }
}
