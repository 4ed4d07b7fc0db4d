//! `least-confidence`: the images whose likeliest class is least likely.

use super::margin::greatest_two;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};

/// 1 - max over classes of p, from 0 to 1 - 1/classes.
///
/// `probs` [n, classes]. O(n classes) time. Lewis and Gale 1994. Looks at one class only, and picks
/// near-duplicates as entropy does.
pub(crate) struct LeastConfidence;

impl Score for LeastConfidence {
    fn name(&self) -> &str {
        "least-confidence"
    }

    fn needs(&self) -> Needs {
        Needs::PROBS
    }

    fn unit(&self) -> &'static str {
        "1 - probability"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        Ok(scores(
            images,
            threads,
            || (),
            |(), image| 1.0 - f64::from(greatest_two(probs.row(image)).0),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_out_by_hand() {
        let probs = [0.5, 0.25, 0.25, 1.0, 0.0, 0.0];
        let inputs =
            Inputs { probs: Some(super::super::Rows::new(&probs, 3)), ..Inputs::default() };
        assert_eq!(LeastConfidence.score_rows(&inputs, &[0, 1], 1).unwrap(), [0.5, 0.0]);
    }
}
