//! `view-js`: the images whose prediction moves under augmentation.

use super::entropy::nats;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};

/// Mean over the augmented views v of the Jensen-Shannon divergence of p(x) and p(v x), in nats,
/// from 0 to ln 2.
///
/// `view_probs` [n, views, classes], the first view being the image itself. O(n views classes)
/// time. After Gao 2020. Asks what one view does to the prediction, where `view-mi` asks how far
/// views differ among each other.
pub(crate) struct ViewJs;

impl Score for ViewJs {
    fn name(&self) -> &str {
        "view-js"
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
        Ok(scores(
            images,
            threads,
            || vec![0.0; views.classes()],
            |mean, image| {
                let mut rows = views.row(image).chunks_exact(views.classes());
                let original = rows.next().unwrap_or_default();
                let sum: f64 = rows.map(|view| divergence(original, view, mean)).sum();
                sum / (views.samples() - 1) as f64
            },
        ))
    }
}

/// Jensen-Shannon divergence H((p + q) / 2) - (H(p) + H(q)) / 2.
fn divergence(p: &[f32], q: &[f32], mean: &mut [f32]) -> f64 {
    for (mean, (p, q)) in mean.iter_mut().zip(p.iter().zip(q)) {
        *mean = 0.5 * (p + q);
    }
    (nats(mean) - 0.5 * (nats(p) + nats(q))).max(0.0)
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
        ViewJs.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn worked_out_by_hand() {
        // One view turns the class round (ln 2), one leaves it alone (0).
        let found = of(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], 3, 2);
        assert!((found[0] - std::f64::consts::LN_2 / 2.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn agrees_with_the_two_divergences_from_the_mean() {
        let (p, q) = ([0.7_f32, 0.2, 0.1], [0.1_f32, 0.3, 0.6]);
        let found = of(&[p, q].concat(), 2, 3)[0];
        let from_mean = |a: &[f32], b: &[f32]| -> f64 {
            let pairs = a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
            pairs.map(|(a, b)| a * libm::log(2.0 * a / (a + b))).sum()
        };
        assert!((found - 0.5 * (from_mean(&p, &q) + from_mean(&q, &p))).abs() < 1e-6);
    }
}
