//! `view-mi`: the images whose augmented views are told apart.

use super::bald::information;
use super::{AcquireError, Inputs, Needs, Score};

/// Mutual information of label and view, H(mean p) - mean H(p) over the augmented views, in nats.
///
/// `view_probs` [n, views, classes], the views named by the image's number and not by its place in
/// a batch. O(n views classes) time. Gao 2020 (consistency over augmentations). Useful with
/// label-preserving views only: flips exchange left and right organs.
pub(crate) struct ViewMi;

impl Score for ViewMi {
    fn name(&self) -> &str {
        "view-mi"
    }

    fn needs(&self) -> Needs {
        Needs::VIEWS
    }

    fn unit(&self) -> &'static str {
        "nats"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let missing = || AcquireError::Missing { strategy: self.name().into(), what: "view-probs" };
        let views = inputs.view_probs.ok_or_else(missing)?;
        Ok(information(views, images, threads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(views: &[f32], count: usize, classes: usize) -> Vec<f64> {
        let inputs = Inputs {
            view_probs: Some(super::super::Samples::new(views, count, classes)),
            ..Inputs::default()
        };
        let images: Vec<u32> = (0..(views.len() / (count * classes)) as u32).collect();
        ViewMi.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn views_that_disagree_carry_ln_2() {
        let found = of(&[1.0, 0.0, 0.0, 1.0, 0.9, 0.1, 0.9, 0.1], 2, 2);
        assert!((found[0] - std::f64::consts::LN_2).abs() < 1e-6 && found[1] < 1e-6, "{found:?}");
    }
}
