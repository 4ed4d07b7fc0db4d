//! `egl`: the images whose label would change the last layer most.

use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};
use fewlabel_engine::vector::dot;

/// Expected length (L2) of the gradient of the last layer, bias included: sum over classes of p_c
/// |p - e_c| sqrt(|h|^2 + 1).
///
/// `probs` [n, classes], `features` [n, dim] (the last layer's inputs). O(n (classes + dim)) time
/// by |p - e_c|^2 = |p|^2 - 2 p_c + 1. Settles 2007. Prefers features of great norm.
pub(crate) struct Egl;

impl Score for Egl {
    fn name(&self) -> &str {
        "egl"
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::PROBS }
    }

    fn unit(&self) -> &'static str {
        "gradient norm"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let probs = inputs.mean_probs(self.name())?;
        let probs = probs.rows();
        let missing = || AcquireError::Missing { strategy: self.name().into(), what: "features" };
        let features = inputs.features.ok_or_else(missing)?;
        Ok(scores(
            images,
            threads,
            || (),
            |(), image| {
                let (p, h) = (probs.row(image), features.row(image));
                expected_residual(p) * (f64::from(dot(h, h)) + 1.0).sqrt()
            },
        ))
    }
}

/// Sum over classes of p_c |p - e_c|.
fn expected_residual(p: &[f32]) -> f64 {
    let squares: f64 = p.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    p.iter().map(|&x| f64::from(x)).map(|x| x * (squares - 2.0 * x + 1.0).max(0.0).sqrt()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    #[test]
    fn worked_out_by_hand() {
        // |p - e_c| = sqrt(1/2) for both classes, sqrt(|h|^2 + 1) = 3.
        let (probs, features) = ([0.5, 0.5, 0.0, 1.0], [2.0, 2.0, 1.0, 1.0]);
        let inputs = Inputs {
            probs: Some(Rows::new(&probs, 2)),
            features: Some(Rows::new(&features, 2)),
            ..Inputs::default()
        };
        let found = Egl.score_rows(&inputs, &[0, 1], 1).unwrap();
        assert!((found[0] - 3.0 * 0.5_f64.sqrt()).abs() < 1e-12 && found[1] == 0.0, "{found:?}");
    }

    #[test]
    fn agrees_with_the_gradient_written_out() {
        let (p, h) = ([0.2_f32, 0.5, 0.3], [0.4_f32, -1.0, 0.0, 2.0]);
        let inputs = Inputs {
            probs: Some(Rows::new(&p, 3)),
            features: Some(Rows::new(&h, 4)),
            ..Inputs::default()
        };
        let found = Egl.score_rows(&inputs, &[0], 1).unwrap()[0];
        let with_bias: Vec<f64> = h.iter().chain(&[1.0]).map(|&x| f64::from(x)).collect();
        let length = |label: usize| {
            let residual = |class: usize| f64::from(p[class]) - f64::from(u8::from(class == label));
            let squares = (0..3)
                .flat_map(|class| with_bias.iter().map(move |x| (residual(class) * x).powi(2)));
            squares.sum::<f64>().sqrt()
        };
        let twin: f64 = (0..3).map(|label| f64::from(p[label]) * length(label)).sum();
        assert!((found - twin).abs() < 1e-6, "{found} {twin}");
    }
}
