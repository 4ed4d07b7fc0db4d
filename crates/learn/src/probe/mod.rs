//! A linear classifier on given features: what a few labels are worth beside a pretrained encoder.
//!
//! Ridge regression of the classes on the direction of an image's features:
//!
//! ```text
//! W = argmin  sum_i v_i |t_i - 1/K - W u_i|^2  +  decay |W|^2,   u = x / |x|
//! p(x) = softmax(sharpness W x)
//! ```
//!
//! x: standardised over the pool and divided by the root of its length, so that |x|^2 is about 1
//! whatever the encoder; t: class weights that add up to 1; K: classes. There is no bias, because
//! the centre of the pool belongs to no class; without one the length of x decides nothing, so that
//! what is fitted to directions is a linear layer on x all the same. With fewer images than
//! features the dual problem is solved, which is smaller and has the same solution (Saunders et al.
//! 1998). Decay and sharpness come from the labels at hand: [`Ridge::choose`].

mod cholesky;
mod encoded;
pub mod feature_pool;
mod ridge;
pub mod self_training;

pub use encoded::Encoded;
pub use feature_pool::FeaturePool;
pub use ridge::Ridge;

use fewlabel_engine::vector::{product, softmax_rows};

use crate::acquire::Rows;
use ridge::System;

/// How features are standardised: over the pool, whose images need no labels for that.
#[derive(Clone, Debug)]
pub struct Scaler {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Scaler {
    /// Mean and spread of every feature over all rows; a feature that never changes becomes 0.
    pub fn of(features: Rows<'_>) -> Self {
        let (n, dim) = (features.len().max(1) as f64, features.width());
        let mut mean = vec![0.0; dim];
        for row in features.values().chunks_exact(dim) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= n);
        let mut variance = vec![0.0; dim];
        for row in features.values().chunks_exact(dim) {
            let each = variance.iter_mut().zip(&mean).zip(row);
            each.for_each(|((sum, mean), &x)| {
                *sum += (f64::from(x) - mean) * (f64::from(x) - mean)
            });
        }
        let factor = |v: &f64| if *v > 1e-12 * n { 1.0 / (v / n * dim as f64).sqrt() } else { 0.0 };
        Self { factor: variance.iter().map(factor).collect(), mean }
    }

    /// Standardises rows in place.
    pub fn apply(&self, features: &mut [f32]) {
        for row in features.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), factor) in row.iter_mut().zip(&self.mean).zip(&self.factor) {
                *x = ((f64::from(*x) - mean) * factor) as f32;
            }
        }
    }
}

/// What images are to be classified as.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Class weights [n, classes]; a row adds up to 1.
    pub classes: Vec<f32>,
    /// How much each image counts.
    pub weights: Vec<f64>,
}

impl Targets {
    /// Given labels, each of which counts 1.
    pub fn of_labels(labels: &[u16], classes: usize) -> Self {
        let mut targets =
            Self { classes: vec![0.0; labels.len() * classes], weights: vec![1.0; labels.len()] };
        for (row, &label) in targets.classes.chunks_exact_mut(classes).zip(labels) {
            row[usize::from(label)] = 1.0;
        }
        targets
    }
}

/// A fitted classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    classes: usize,
    /// [dim, classes]
    weights: Vec<f32>,
}

impl Probe {
    /// Fits the standardised `features` of images to their targets.
    ///
    /// # Panics
    /// If there is not one target for every row.
    pub fn fit(features: Rows<'_>, targets: &Targets, ridge: Ridge) -> Self {
        let system = System::new(features, targets);
        let weights =
            system.solve(ridge.decay).iter().map(|w| (w * ridge.sharpness) as f32).collect();
        Self { classes: system.classes, weights }
    }

    /// What the softmax sees of standardised features: [n, classes].
    fn outputs(&self, features: &[f32]) -> Vec<f32> {
        let dim = self.weights.len() / self.classes;
        let mut outputs = vec![0.0; features.len() / dim * self.classes];
        product(dim, features, &self.weights, &mut outputs);
        outputs
    }

    /// Probabilities [n, classes] of standardised features.
    pub fn probs_nc(&self, features: &[f32]) -> Vec<f32> {
        let mut probs = self.outputs(features);
        softmax_rows(&mut probs, self.classes);
        probs
    }

    /// Weights [dim, classes] and bias of the same classifier on features before `scaler`
    /// standardised them.
    pub fn on_raw_features(&self, scaler: &Scaler) -> (Vec<f32>, Vec<f32>) {
        let mut bias = vec![0.0; self.classes];
        let mut weights = Vec::with_capacity(self.weights.len());
        for ((row, mean), factor) in
            self.weights.chunks_exact(self.classes).zip(&scaler.mean).zip(&scaler.factor)
        {
            for (&w, b) in row.iter().zip(&mut bias) {
                let w = f64::from(w) * factor;
                *b -= w * mean;
                weights.push(w as f32);
            }
        }
        (weights, bias.iter().map(|&b| b as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    /// Three noisy clouds in `dim` dimensions.
    pub(super) fn clouds(n: usize, dim: usize, seed: u64) -> (Vec<f32>, Vec<u16>) {
        let mut stream = Key::new(seed, 0).stream();
        let labels: Vec<u16> = (0..n).map(|i| (i % 3) as u16).collect();
        let at = |label: u16, d: usize| f32::from(u8::from(d % 3 == usize::from(label)));
        let each = labels.iter().flat_map(|&l| (0..dim).map(move |d| (l, d)));
        (each.map(|(l, d)| at(l, d) + 0.8 * stream.normal() as f32).collect(), labels)
    }

    #[test]
    fn new_images_of_the_clouds_are_recognised() {
        for labelled in [60, 600] {
            let ((mut x, labels), (mut new, truth)) = (clouds(labelled, 12, 3), clouds(300, 12, 4));
            let scaler = Scaler::of(Rows::new(&new, 12));
            scaler.apply(&mut x);
            scaler.apply(&mut new);
            let (ridge, loss) = Ridge::choose(Rows::new(&x, 12), &labels, 3);
            let probs = Probe::fit(Rows::new(&x, 12), &Targets::of_labels(&labels, 3), ridge)
                .probs_nc(&new);
            let accuracy = crate::model::predict::accuracy(&probs, &truth);
            let sure = probs
                .chunks_exact(3)
                .map(|row| f64::from(row.iter().copied().fold(0.0, f32::max)))
                .sum::<f64>()
                / 300.0;
            assert!(
                loss < 0.5 && accuracy > 0.85 && (sure - accuracy).abs() < 0.1,
                "{accuracy} at {ridge:?}, {sure} sure, {loss}"
            );
        }
    }

    #[test]
    fn the_same_classifier_takes_raw_features() {
        let (raw, labels) = clouds(30, 12, 6);
        let scaler = Scaler::of(Rows::new(&raw, 12));
        let mut x = raw.clone();
        scaler.apply(&mut x);
        let ridge = Ridge { decay: 0.1, sharpness: 3.0 };
        let probe = Probe::fit(Rows::new(&x, 12), &Targets::of_labels(&labels, 3), ridge);
        let (weights, bias) = probe.on_raw_features(&scaler);
        let mut outputs = vec![0.0; 90];
        product(12, &raw, &weights, &mut outputs);
        for (row, standardised) in outputs.chunks_exact(3).zip(probe.outputs(&x).chunks_exact(3)) {
            assert!(
                (0..3).all(|k| (row[k] + bias[k] - standardised[k]).abs() < 1e-4),
                "{row:?} {standardised:?}"
            );
        }
    }

    #[test]
    fn standardised_features_have_length_one_on_average() {
        let (mut x, _) = clouds(50, 8, 5);
        x.chunks_exact_mut(8).for_each(|row| row[3] = 7.0);
        Scaler::of(Rows::new(&x, 8)).apply(&mut x);
        let squares: f32 = x.iter().map(|v| v * v).sum();
        assert!((squares / 50.0 - 7.0 / 8.0).abs() < 1e-4, "{squares}");
        assert!(x.chunks_exact(8).all(|row| row[3] == 0.0));
    }
}
