//! `margin`: the images between two classes.

use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};

/// 1 - (p1 - p2), with p1 and p2 the two greatest probabilities: the smallest margins are asked
/// first.
///
/// `probs` [n, classes], at least two classes. O(n classes) time. Scheffer 2001. Robust where many
/// classes are never in doubt; in high dimensions it can lose to random (Tifrea 2022).
pub(crate) struct Margin;

impl Score for Margin {
    fn name(&self) -> &str {
        "margin"
    }

    fn needs(&self) -> Needs {
        Needs::PROBS
    }

    fn unit(&self) -> &'static str {
        "1 - probability difference"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        if probs.width() < 2 {
            let expected = "at least 2 classes".to_owned();
            return Err(AcquireError::Shape { what: "probs", expected, found: "1".to_owned() });
        }
        Ok(scores(
            images,
            threads,
            || (),
            |(), image| {
                let (first, second) = greatest_two(probs.row(image));
                1.0 - (f64::from(first) - f64::from(second))
            },
        ))
    }
}

/// The two greatest values; of a single one, that and 0.
pub(super) fn greatest_two(p: &[f32]) -> (f32, f32) {
    let mut greatest = (p[0], 0.0_f32);
    for &x in &p[1..] {
        if x > greatest.0 {
            greatest = (x, greatest.0);
        } else if x > greatest.1 {
            greatest.1 = x;
        }
    }
    greatest
}

/// The position of the greatest value, the first of equals.
pub(super) fn likeliest(p: &[f32]) -> usize {
    let mut best = 0;
    for (class, &x) in p.iter().enumerate() {
        if x > p[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_out_by_hand() {
        let probs = [0.5, 0.25, 0.25, 1.0, 0.0, 0.0];
        let inputs =
            Inputs { probs: Some(super::super::Rows::new(&probs, 3)), ..Inputs::default() };
        assert_eq!(Margin.score_rows(&inputs, &[0, 1], 1).unwrap(), [0.75, 0.0]);
    }

    #[test]
    fn one_class_has_no_margin() {
        let inputs =
            Inputs { probs: Some(super::super::Rows::new(&[1.0], 1)), ..Inputs::default() };
        let error = Margin.score_rows(&inputs, &[0], 1).unwrap_err();
        assert_eq!(error.to_string(), "probs: expected at least 2 classes, found 1");
    }
}
