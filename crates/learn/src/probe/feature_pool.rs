//! A pool in features: what a classifier on an encoder learns from, in milliseconds.

use fewlabel_engine::Model;
use std::sync::Arc;

use crate::acquire::{self, Rows};
use crate::data::{Labelled, Pool};
use crate::error::LearnError;
use crate::features;
use crate::pretrain::Encoder;
use crate::probe::self_training::SelfTraining;
use crate::probe::{Probe, Ridge, Scaler, ridge};

/// Refuses a strategy that looks at more than features and a classifier's probabilities.
///
/// # Errors
/// Names the strategy and what it would need.
pub fn check_strategy(name: &str) -> Result<(), LearnError> {
    let needs = acquire::by_name(name)?.needs();
    let more = match (needs.mc_probs || needs.targets, needs.views) {
        (true, _) => "several predictions an image",
        (_, true) => "predictions under changed views",
        _ => return Ok(()),
    };
    Err(LearnError::Setting(format!(
        "{name} compares {more}, which a classifier on an encoder's features does not give"
    )))
}

/// A pool in features.
pub struct FeaturePool {
    /// Standardised, [n, dim].
    features: Arc<[f32]>,
    dim: usize,
    classes: usize,
    scaler: Arc<Scaler>,
}

impl FeaturePool {
    /// A pool of images with `dim` features each.
    ///
    /// # Panics
    /// If the features are no whole number of images.
    pub fn new(mut features: Vec<f32>, dim: usize, classes: usize) -> Self {
        let scaler = Scaler::of(Rows::new(&features, dim));
        scaler.apply(&mut features);
        Self { features: features.into(), dim, classes, scaler: scaler.into() }
    }

    /// A pool in the principal components of its pixels: what there is before any encoder.
    pub fn of_pixels(pool: &Pool<'_>) -> Self {
        let features = features::of_pool(pool).to_vec();
        let dim = features.len() / pool.len().max(1);
        Self::new(features, dim, pool.classes)
    }

    /// The same features where images may belong to other classes. It copies none of them.
    #[must_use]
    pub fn with_classes(&self, classes: usize) -> Self {
        let (features, scaler) = (Arc::clone(&self.features), Arc::clone(&self.scaler));
        Self { features, dim: self.dim, classes, scaler }
    }

    /// Classes that an image may belong to.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The features, standardised.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.features, self.dim)
    }

    /// A classifier on the labels at hand, its settings chosen from them alone; where `semi` is
    /// given, it listens to itself on the rest of the pool.
    pub fn fit(&self, labelled: &Labelled, semi: Option<SelfTraining>) -> Probe {
        let none = SelfTraining { rounds: 0, ..SelfTraining::default() };
        let (ridge, _) = self.choose_ridge(labelled);
        semi.unwrap_or(none).fit(self.rows(), &labelled.rows, &labelled.labels, self.classes, ridge)
    }

    /// Probabilities [n, classes] of the labelled images, each by a classifier that has not seen
    /// its label.
    pub fn left_out_probs_nc(&self, labelled: &Labelled) -> Vec<f32> {
        let known = self.of_rows(&labelled.rows);
        ridge::left_out_probs_nc(Rows::new(&known, self.dim), &labelled.labels, self.classes)
    }

    fn of_rows(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.rows().row(row)).copied().collect()
    }

    fn choose_ridge(&self, labelled: &Labelled) -> (Ridge, f64) {
        let known = self.of_rows(&labelled.rows);
        Ridge::choose(Rows::new(&known, self.dim), &labelled.labels, self.classes)
    }

    /// Mean of -ln p over labels left out one at a time: how well the features suit the labels, by
    /// these labels alone.
    pub fn loss_left_out(&self, labelled: &Labelled) -> f64 {
        self.choose_ridge(labelled).1
    }

    /// Mean of -ln p over the labels at hand: what a classifier has learned of them.
    pub fn loss(&self, probe: &Probe, labelled: &Labelled) -> f64 {
        let features = self.of_rows(&labelled.rows);
        let probs = probe.probs_nc(&features);
        let of_label = |(row, &label): (&[f32], &u16)| {
            -libm::log(f64::from(row[usize::from(label)]).max(1e-12))
        };
        probs.chunks_exact(self.classes).zip(&labelled.labels).map(of_label).sum::<f64>()
            / labelled.rows.len() as f64
    }

    /// Encoder and classifier as one network.
    ///
    /// # Errors
    /// If the encoder is not the one whose features the classifier was fitted to.
    pub fn network(&self, encoder: &Encoder, probe: &Probe) -> Result<Model, LearnError> {
        let (weights, bias) = probe.on_raw_features(&self.scaler);
        encoder.with_head(&weights, &bias)
    }

    /// Probabilities of the pool's own images.
    pub fn own_probs_nc(&self, probe: &Probe) -> Vec<f32> {
        probe.probs_nc(&self.features)
    }

    /// Probabilities of some of the pool's own images.
    pub fn probs_of_rows_nc(&self, probe: &Probe, rows: &[u32]) -> Vec<f32> {
        probe.probs_nc(&self.of_rows(rows))
    }

    /// Probabilities of other images, by their features as the encoder gave them.
    pub fn probs_nc(&self, probe: &Probe, mut features: Vec<f32>) -> Vec<f32> {
        self.scaler.apply(&mut features);
        probe.probs_nc(&features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn a_label_of_each_class_teaches_all_classes() {
        let mut stream = Key::new(3, 0).stream();
        let labels: Vec<u16> = (0..200).map(|i| (i % 4) as u16).collect();
        let value = |label: u16, d: usize| 2.0 * f32::from(u8::from(usize::from(label) == d));
        let each = labels.iter().flat_map(|&l| (0..6).map(move |d| (l, d)));
        let features = each.map(|(l, d)| value(l, d) + 0.4 * stream.normal() as f32).collect();
        let pool = FeaturePool::new(features, 6, 4);
        let labelled = Labelled { rows: (0..4).collect(), labels: labels[..4].to_vec() };
        for semi in [None, Some(SelfTraining::default())] {
            let probs = pool.own_probs_nc(&pool.fit(&labelled, semi));
            assert!(crate::model::predict::accuracy(&probs, &labels) > 0.9, "{semi:?}");
        }
    }

    #[test]
    fn strategies_that_compare_predictions_are_refused() {
        assert!(check_strategy("badge").is_ok());
        assert!(check_strategy("bald").unwrap_err().to_string().contains("several predictions"));
    }
}
