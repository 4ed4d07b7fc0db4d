//! `mean-std`: the images whose probabilities spread most over the passes.

use super::bald::missing;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};

/// Mean over classes of the standard deviation over samples (divided by the number of samples, not
/// one less), from 0 to 1/2.
///
/// `mc_probs` [n, samples, classes]. O(n samples classes) time. Kampffmeyer 2016. Computed from
/// deviations, so that no rounding makes a variance negative.
pub(crate) struct MeanStd;

impl Score for MeanStd {
    fn name(&self) -> &str {
        "mean-std"
    }

    fn needs(&self) -> Needs {
        Needs::MC_PROBS
    }

    fn unit(&self) -> &'static str {
        "probability"
    }

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        let samples = inputs.mc_probs.ok_or_else(|| missing(self.name()))?;
        Ok(scores(
            images,
            threads,
            || (),
            |(), image| mean_deviation(samples.row(image), samples.classes()),
        ))
    }
}

/// Mean over classes of the population standard deviation over samples.
fn mean_deviation(samples: &[f32], classes: usize) -> f64 {
    let count = (samples.len() / classes) as f64;
    let deviation = |class: usize| {
        let values = || samples[class..].iter().step_by(classes).map(|&p| f64::from(p));
        let mean = values().sum::<f64>() / count;
        (values().map(|p| (p - mean) * (p - mean)).sum::<f64>() / count).sqrt()
    };
    (0..classes).map(deviation).sum::<f64>() / classes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[f32], count: usize, classes: usize) -> Vec<f64> {
        let inputs = Inputs {
            mc_probs: Some(super::super::Samples::new(samples, count, classes)),
            ..Inputs::default()
        };
        let images: Vec<u32> = (0..(samples.len() / (count * classes)) as u32).collect();
        MeanStd.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn worked_out_by_hand() {
        let found = of(&[1.0, 0.0, 0.0, 1.0, 0.3, 0.7, 0.3, 0.7], 2, 2);
        assert_eq!(found, [0.5, 0.0]);
    }
}
