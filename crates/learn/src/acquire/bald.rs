//! `bald`: the images about which the model would learn most.

use super::entropy::nats;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Samples, Score};

/// Mutual information of label and parameters, H(mean p) - mean H(p), in nats, from 0 to ln
/// min(classes, samples).
///
/// `mc_probs` [n, samples, classes] from the same masks for every image. O(n samples classes) time
/// and logarithms. Houlsby 2011; Gal 2017. The best few are often near-duplicates of each other:
/// see `batchbald`.
pub(crate) struct Bald;

impl Score for Bald {
    fn name(&self) -> &str {
        "bald"
    }

    fn needs(&self) -> Needs {
        Needs::MC_PROBS
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
        let samples = inputs.mc_probs.ok_or_else(|| missing(self.name()))?;
        Ok(information(samples, images, threads))
    }
}

/// H(mean p) - mean H(p) of every image; never negative.
pub(super) fn information(samples: Samples, images: &[u32], threads: usize) -> Vec<f64> {
    scores(
        images,
        threads,
        || vec![0.0; samples.classes()],
        |mean, image| {
            samples.mean_into(image, mean);
            (nats(mean) - mean_entropy(samples, image)).max(0.0)
        },
    )
}

/// The mean over samples of the entropy of an image's prediction, in nats.
pub(super) fn mean_entropy(samples: Samples, image: u32) -> f64 {
    nats(samples.row(image)) / samples.samples() as f64
}

pub(super) fn missing(strategy: &str) -> AcquireError {
    AcquireError::Missing {
        strategy: strategy.into(),
        what: "mc-probs, from a model with dropout or an ensemble",
    }
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
        Bald.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn worked_out_by_hand() {
        // Two certain passes that disagree carry ln 2; two that agree, or two unsure alike, carry
        // nothing.
        let samples = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.5, 0.5];
        let found = of(&samples, 2, 2);
        assert!(
            (found[0] - std::f64::consts::LN_2).abs() < 1e-6 && found[1] == 0.0 && found[2] < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn agrees_with_the_definition_in_f64() {
        let mut stream = fewlabel_engine::rng::Key::new(3, 1).stream();
        let (count, classes) = (5, 7);
        let mut samples: Vec<f32> =
            (0..20 * count * classes).map(|_| stream.uniform(-3.0, 3.0)).collect();
        fewlabel_engine::vector::softmax_rows(&mut samples, classes);
        for (found, image) in
            of(&samples, count, classes).into_iter().zip(samples.chunks(count * classes))
        {
            let entropy = |p: &[f64]| -p.iter().map(|p| p * libm::log(*p)).sum::<f64>();
            let wide: Vec<f64> = image.iter().map(|&p| f64::from(p)).collect();
            let mean: Vec<f64> = (0..classes)
                .map(|c| wide[c..].iter().step_by(classes).sum::<f64>() / count as f64)
                .collect();
            let inner = wide.chunks(classes).map(entropy).sum::<f64>() / count as f64;
            assert!((found - (entropy(&mean) - inner)).abs() < 1e-6);
        }
    }
}
