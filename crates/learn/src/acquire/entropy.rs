//! `entropy`: the images of whose class the model is least sure.

use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};
use fewlabel_engine::vector::xlogy_sums;
use std::f64::consts::LOG2_E;

/// H(p) = -sum over classes of p log2 p, in bits, from 0 to log2 of the number of classes; 0 log 0
/// is 0.
///
/// `probs` [n, classes] (of several passes: the mean of the probabilities). O(n classes) time.
/// Shannon 1948; Settles 2009. Prefers outliers and near-duplicates: neighbouring slices look alike
/// and all score high.
pub(crate) struct Entropy;

impl Score for Entropy {
    fn name(&self) -> &str {
        "entropy"
    }

    fn needs(&self) -> Needs {
        Needs::PROBS
    }

    fn unit(&self) -> &'static str {
        "bits"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        Ok(scores(images, threads, || (), |(), image| nats(probs.row(image)) * LOG2_E))
    }
}

/// Entropy of a distribution in nats; never negative.
pub(super) fn nats(p: &[f32]) -> f64 {
    let mut sum = [0.0];
    xlogy_sums(p, p.len(), &mut sum);
    // Probabilities that sum to slightly more than 1 would give a tiny negative entropy.
    (-sum[0]).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    #[test]
    fn worked_out_by_hand() {
        let probs =
            [0.25, 0.25, 0.25, 0.25, 0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 0.25, 0.25, 0.0];
        let inputs = Inputs { probs: Some(Rows::new(&probs, 4)), ..Inputs::default() };
        let scores = Entropy.score_rows(&inputs, &[0, 1, 2, 3], 1).unwrap();
        for (score, bits) in scores.into_iter().zip([2.0, 1.0, 0.0, 1.5]) {
            assert!((score - bits).abs() < 1e-6, "{score} {bits}");
        }
    }
}
