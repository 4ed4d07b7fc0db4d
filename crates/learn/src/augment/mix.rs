//! Mixup and CutMix: batches whose images and soft labels are mixtures of two.
//!
//! Both act on a batch with soft labels, one row of class probabilities an image. A mixed image
//! depends on its partner, hence on the batch; for the same batch and key it has the same bits
//! everywhere.

use super::policy::AugmentError;
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::{Key, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How batches are mixed. In TOML `mixing = { kind = "mixup", alpha = 0.2 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Mixing {
    /// Every value a weighted mean of both images' (Zhang et al. 2018, arXiv 1710.09412).
    Mixup(Beta),
    /// A rectangle of one image pasted into the other (Yun et al. 2019, arXiv 1905.04899).
    Cutmix(Beta),
}

/// The distribution of the share of an image's own content: Beta(alpha, alpha), drawn once a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Beta {
    /// Small values mix rarely, 1 makes every share equally likely.
    pub alpha: f32,
}

impl Default for Beta {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

/// Mixes batches of images of one shape. Each thread has its own.
#[derive(Clone, Debug)]
pub struct Mixer {
    mixing: Mixing,
    shape: Shape,
    classes: usize,
    images: Vec<f32>,
    targets: Vec<f32>,
    order: Vec<u32>,
}

impl Mixer {
    /// Buffers for batches of up to `max_batch` images.
    ///
    /// # Errors
    /// If alpha is not above 0 and at most 100.
    pub fn new(
        mixing: Mixing,
        shape: Shape,
        classes: usize,
        max_batch: usize,
    ) -> Result<Self, AugmentError> {
        let (policy, alpha) = match mixing {
            Mixing::Mixup(beta) => ("mixup", beta.alpha),
            Mixing::Cutmix(beta) => ("cutmix", beta.alpha),
        };
        if !(1e-3..=100.0).contains(&alpha) {
            return Err(AugmentError::Setting {
                policy,
                what: format!("alpha is 0.001 to 100, not {alpha}"),
            });
        }
        let (images, targets) =
            (vec![0.0; shape.len() * max_batch], vec![0.0; classes * max_batch]);
        Ok(Self { mixing, shape, classes, images, targets, order: Vec::with_capacity(max_batch) })
    }

    /// Mixes every image of a batch `[n, height, width, channels]`, and its row of `targets` `[n,
    /// classes]`, with a partner of the same batch; returns the share of its own content. Nothing
    /// is allocated.
    ///
    /// # Panics
    /// If the lengths do not fit each other or the batch is larger than prepared for.
    pub fn apply(&mut self, key: Key, images: &mut [f32], targets: &mut [f32]) -> f32 {
        let n = targets.len() / self.classes;
        assert!(
            images.len() == n * self.shape.len() && targets.len() == n * self.classes,
            "one target row an image"
        );
        assert!(
            images.len() <= self.images.len() && n <= self.order.capacity(),
            "at most the largest batch"
        );
        let mut stream = key.stream();
        self.order.clear();
        self.order.extend(0..n as u32);
        stream.shuffle(&mut self.order);
        self.images[..images.len()].copy_from_slice(images);
        self.targets[..targets.len()].copy_from_slice(targets);
        let own = match self.mixing {
            Mixing::Mixup(Beta { alpha }) => {
                let own = beta(alpha, &mut stream);
                let pixels = self.shape.len();
                for (image, &partner) in images.chunks_exact_mut(pixels.max(1)).zip(&self.order) {
                    mix(image, &self.images[partner as usize * pixels..], own);
                }
                own
            }
            Mixing::Cutmix(Beta { alpha }) => {
                self.paste(beta(alpha, &mut stream), images, &mut stream)
            }
        };
        for (row, &partner) in targets.chunks_exact_mut(self.classes).zip(&self.order) {
            mix(row, &self.targets[partner as usize * self.classes..], own);
        }
        own
    }

    /// Pastes the same rectangle into every image, and returns the share left of its own pixels.
    fn paste(&self, own: f32, images: &mut [f32], stream: &mut Stream) -> f32 {
        let Shape { height, width, channels } = self.shape;
        let ratio = (1.0 - own).sqrt();
        let mut side = |n: usize| {
            let (centre, half) = (stream.unit() * n as f32, 0.5 * ratio * n as f32);
            ((centre - half).max(0.0) as usize, ((centre + half) as usize).min(n))
        };
        let ((top, bottom), (left, right)) = (side(height), side(width));
        for (image, &partner) in images.chunks_exact_mut(self.shape.len().max(1)).zip(&self.order) {
            let source = &self.images[partner as usize * self.shape.len()..];
            for y in top..bottom {
                let place = (y * width + left) * channels..(y * width + right) * channels;
                image[place.clone()].copy_from_slice(&source[place]);
            }
        }
        1.0 - ((bottom - top) * (right - left)) as f32 / self.shape.pixels() as f32
    }
}

/// `own` of the first and the rest of the second, between the two in every value.
fn mix(to: &mut [f32], other: &[f32], own: f32) {
    for (value, other) in to.iter_mut().zip(other) {
        let (low, high) = (value.min(*other), value.max(*other));
        *value = (own * *value + (1.0 - own) * other).clamp(low, high);
    }
}

/// A draw of Beta(alpha, alpha): the share of one of two Gamma(alpha) draws.
fn beta(alpha: f32, stream: &mut Stream) -> f32 {
    let (a, b) = (gamma(f64::from(alpha), stream), gamma(f64::from(alpha), stream));
    if a + b > 0.0 { (a / (a + b)) as f32 } else { 0.5 }
}

/// A draw of Gamma(shape) (Marsaglia and Tsang 2000).
fn gamma(shape: f64, stream: &mut Stream) -> f64 {
    if shape < 1.0 {
        let u = 1.0 - stream.unit_f64();
        return gamma(shape + 1.0, stream) * libm::pow(u, 1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = stream.normal();
        let v = (1.0 + c * x) * (1.0 + c * x) * (1.0 + c * x);
        if v > 0.0
            && libm::log(1.0 - stream.unit_f64()) < 0.5 * x * x + d - d * v + d * libm::log(v)
        {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 6, width: 5, channels: 1 };

    /// Four images of one grey each, and their classes.
    fn batch() -> (Vec<f32>, Vec<f32>) {
        let images = (0..4).flat_map(|i| vec![i as f32 * 0.25; SHAPE.len()]).collect();
        let targets = (0..16).map(|i| if i / 4 == i % 4 { 1.0 } else { 0.0 }).collect();
        (images, targets)
    }

    #[test]
    fn labels_are_mixed_as_the_pixels_are() {
        for mixing in [Mixing::Mixup(Beta::default()), Mixing::Cutmix(Beta { alpha: 0.5 })] {
            let mut mixer = Mixer::new(mixing, SHAPE, 4, 4).unwrap();
            let mut changed = 0;
            for i in 0..50 {
                let (mut images, mut targets) = batch();
                let own = mixer.apply(Key::new(3, 0).at(i, 0), &mut images, &mut targets);
                assert!((0.0..=1.0).contains(&own));
                for (image, row) in images.chunks(SHAPE.len()).zip(targets.chunks(4)) {
                    let mean = image.iter().sum::<f32>() / SHAPE.len() as f32;
                    let expected: f32 =
                        row.iter().enumerate().map(|(class, p)| class as f32 * 0.25 * p).sum();
                    assert!((mean - expected).abs() < 1e-5, "{mixing:?}: {mean} {expected}");
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                }
                changed += usize::from(images != batch().0);
            }
            assert!(changed > 25, "{mixing:?} changed {changed} of 50 batches");
        }
    }

    #[test]
    fn shares_follow_the_beta_distribution() {
        for alpha in [0.2, 1.0, 4.0] {
            let mut stream = Key::new(2, 0).stream();
            let draws: Vec<f64> =
                (0..20_000).map(|_| f64::from(beta(alpha, &mut stream))).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / 20_000.0;
            let expected = 1.0 / (4.0 * (2.0 * f64::from(alpha) + 1.0));
            assert!(
                (mean - 0.5).abs() < 0.01 && (variance / expected - 1.0).abs() < 0.04,
                "{alpha} {mean} {variance}"
            );
        }
    }

    #[test]
    fn an_alpha_of_nothing_is_refused() {
        let error = Mixer::new(Mixing::Mixup(Beta { alpha: 0.0 }), SHAPE, 4, 4).unwrap_err();
        assert_eq!(error.to_string(), "augmentation policy `mixup`: alpha is 0.001 to 100, not 0");
    }
}
