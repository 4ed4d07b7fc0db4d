//! `variation-ratio`: the images about which the passes vote differently.

use super::bald::missing;
use super::margin::likeliest;
use super::parallel::scores;
use super::{AcquireError, Inputs, Needs, Score};

/// 1 - (votes for the most voted class) / samples; a pass votes for its likeliest class, the first
/// of equals.
///
/// `mc_probs` [n, samples, classes]. O(n samples classes) time. Freeman 1965; Beluch 2018. Takes
/// only as many values as there are samples: many ties, so that how they are broken matters.
/// Libraries that return 1 - max of the mean probability under this name compute least confidence.
pub(crate) struct VariationRatio;

impl Score for VariationRatio {
    fn name(&self) -> &str {
        "variation-ratio"
    }

    fn needs(&self) -> Needs {
        Needs::MC_PROBS
    }

    fn unit(&self) -> &'static str {
        "share of votes"
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
            || vec![0u32; samples.classes()],
            |votes, image| {
                votes.fill(0);
                samples
                    .row(image)
                    .chunks_exact(samples.classes())
                    .for_each(|p| votes[likeliest(p)] += 1);
                let most = votes.iter().max().copied().unwrap_or(0);
                1.0 - f64::from(most) / samples.samples() as f64
            },
        ))
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
        VariationRatio.score_rows(&inputs, &images, 1).unwrap()
    }

    #[test]
    fn votes_are_counted() {
        let votes = [0.9, 0.1, 0.6, 0.4, 0.2, 0.8, 0.5, 0.5];
        assert_eq!(of(&votes, 4, 2), [0.25]);
    }
}
