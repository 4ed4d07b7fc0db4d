//! Pseudo-labels in fine-tuning: where the network is sure of a hardly changed view of an
//! unlabelled image, a much changed view is to be called the same (FixMatch: Sohn et al. 2020,
//! arXiv 2001.07685).
//!
//! ```text
//! loss = mean over labelled CE(label, view)
//!      + weight * mean over unlabelled [max p >= threshold] CE(argmax p, view)
//! ```
//!
//! p: the probabilities of the weakly changed view under the network as it is judged, the average
//! of its weights if one is kept.

use fewlabel_engine::rng::Key;
use fewlabel_engine::{Model, Scorer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::augment::{Chain, Policy, Spec, Step, Transform, Translation};
use crate::data::Images;
use crate::error::LearnError;
use crate::model::predict::argmax;
use crate::model::view::View;
use crate::purpose;

/// How fine-tuning listens to itself on unlabelled images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FixMatch {
    /// Unlabelled images for each labelled one in a step.
    pub ratio: usize,
    /// The probability from which on an answer is believed.
    pub threshold: f32,
    /// Weight of the unlabelled images' mean loss beside the labelled ones'.
    pub weight: f32,
}

impl Default for FixMatch {
    fn default() -> Self {
        Self { ratio: 3, threshold: 0.95, weight: 1.0 }
    }
}

impl FixMatch {
    /// Refuses settings out of their ranges.
    ///
    /// # Errors
    /// Names the setting and its range.
    pub fn check(&self) -> Result<(), LearnError> {
        let wrong = |what: &str| Err(LearnError::Setting(format!("fix_match: {what}")));
        if !(1..=64).contains(&self.ratio) {
            return wrong("ratio must lie between 1 and 64");
        }
        if !(0.0..1.0).contains(&self.threshold) {
            return wrong("threshold must lie between 0 and 1, 1 excluded");
        }
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return wrong("weight must be a positive number");
        }
        Ok(())
    }
}

/// The weak view: moved by up to an eighth of the image, as far as FixMatch moves its.
fn weak(images: &Images) -> Policy {
    let side = images.height.min(images.width) as f32 / 8.0;
    let transform =
        Transform::Translation(Translation { pixels: [-side, side], ..Translation::default() });
    let chain = Chain { transforms: vec![Step { probability: 1.0, transform }] };
    Policy::new(Spec::Chain(chain)).expect("an eighth of an image is within the range")
}

/// The unlabelled part of every step.
pub(crate) struct Unlabelled<'a> {
    settings: FixMatch,
    seed: u64,
    threads: usize,
    rows: Vec<u32>,
    weak: View<'a>,
    strong: View<'a>,
    count: usize,
    images: Vec<f32>,
    logits: Vec<f32>,
}

impl<'a> Unlabelled<'a> {
    /// Draws from the rows of `images` that are not among `labelled`, `settings.ratio` times
    /// `batch` a step.
    pub(crate) fn new(
        settings: &FixMatch,
        (images, mean): (&'a Images, &[f32]),
        policy: &Policy,
        labelled: &[u32],
        batch: usize,
        classes: usize,
        (seed, threads): (u64, usize),
    ) -> Self {
        let mut is_labelled = vec![false; images.len()];
        labelled.iter().for_each(|&row| is_labelled[row as usize] = true);
        let rows: Vec<u32> =
            (0..images.len() as u32).filter(|&row| !is_labelled[row as usize]).collect();
        let count = (settings.ratio * batch).min(rows.len());
        Self {
            weak: View::new(images, mean, Some(&weak(images))).threads(threads),
            strong: View::new(images, mean, Some(policy)).threads(threads),
            images: vec![0.0; count * images.image_len()],
            logits: vec![0.0; count * classes],
            settings: settings.clone(),
            seed,
            threads,
            rows,
            count,
        }
    }

    /// Images that a step may add, at most.
    pub(crate) fn most(&self) -> usize {
        self.count
    }

    /// Appends strong views and targets of the images of whose class `model` is sure to a batch of
    /// `batch` labelled images, and weighs both parts so that the mean over all rows is the loss
    /// above.
    pub(crate) fn extend(
        &mut self,
        model: &Model,
        step: u64,
        batch: usize,
        images: &mut Vec<f32>,
        targets: &mut Vec<f32>,
    ) -> Result<(), LearnError> {
        if self.count == 0 {
            return Ok(());
        }
        let classes = model.architecture().classes;
        let drawn = Key::new(self.seed, purpose::UNLABELLED)
            .at(step, 0)
            .stream()
            .permutation(self.rows.len());
        let rows: Vec<u32> =
            drawn[..self.count].iter().map(|&place| self.rows[place as usize]).collect();
        self.weak.fill(&rows, Key::new(self.seed, purpose::WEAK_VIEWS), step, &mut self.images);
        Scorer::new(model, self.count, self.threads)?.logits(&self.images, &mut self.logits);
        fewlabel_engine::vector::softmax_rows(&mut self.logits, classes);
        let sure: Vec<(u32, usize)> = rows
            .iter()
            .zip(self.logits.chunks_exact(classes))
            .map(|(&row, probs)| (row, argmax(probs), probs))
            .filter(|(_, class, probs)| probs[*class] >= self.settings.threshold)
            .map(|(row, class, _)| (row, class))
            .collect();
        let all = (batch + sure.len()) as f32;
        targets.iter_mut().for_each(|target| *target *= all / batch as f32);
        let weight = self.settings.weight * all / self.count as f32;
        for &(_, class) in &sure {
            let start = targets.len();
            targets.resize(start + classes, 0.0);
            targets[start + class] = weight;
        }
        let sure: Vec<u32> = sure.into_iter().map(|(row, _)| row).collect();
        let strong = &mut self.images[..sure.len() * self.strong.image_len()];
        self.strong.fill(&sure, Key::new(self.seed, purpose::STRONG_VIEWS), step, strong);
        images.extend_from_slice(strong);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::Architecture;

    fn images() -> Images {
        Images {
            height: 10,
            width: 10,
            channels: 1,
            pixels: (0..20 * 100).map(|i| (i * 37 % 251) as u8).collect(),
        }
    }

    fn model() -> Model {
        let architecture = Architecture {
            height: 10,
            width: 10,
            channels: 1,
            block_widths: vec![4, 8],
            hidden: vec![],
            classes: 2,
            dropout: 0.0,
        };
        Model::new(architecture, Key::new(1, 0)).unwrap()
    }

    #[test]
    fn both_parts_weigh_what_they_should() {
        let images = images();
        let labelled: Vec<u32> = (0..4).collect();
        let extended = |threshold: f32| {
            let settings = FixMatch { ratio: 3, threshold, weight: 0.5 };
            let part = (&images, &[0.4][..]);
            let mut unlabelled =
                Unlabelled::new(&settings, part, &Policy::paper(), &labelled, 4, 2, (5, 1));
            assert_eq!(unlabelled.most(), 12);
            let (mut batch, mut targets) = (vec![0.0; 400], [1.0, 0.0].repeat(4));
            unlabelled.extend(&model(), 3, 4, &mut batch, &mut targets).unwrap();
            assert_eq!(batch.len() / 100, targets.len() / 2);
            targets
        };
        // All are believed: the rows' weights over the number of rows are 1 and 0.5.
        let all = extended(0.0);
        let n = (all.len() / 2) as f32;
        assert_eq!(n, 16.0);
        let part = |range: std::ops::Range<usize>| all[range].iter().sum::<f32>() / n;
        assert!((part(0..8) - 1.0).abs() < 1e-6 && (part(8..32) - 0.5).abs() < 1e-6);
        assert!(extended(0.9999) == [1.0, 0.0].repeat(4), "none is believed");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(
            FixMatch { threshold: 1.0, ..FixMatch::default() }
                .check()
                .unwrap_err()
                .to_string()
                .contains("threshold")
        );
        assert!(FixMatch { ratio: 0, ..FixMatch::default() }.check().is_err());
    }
}
