//! What a run may look at: images without labels, and, in a simulated study, what is held out.

use super::{Images, Split};
use std::sync::{Arc, OnceLock};

/// Images to learn from, none of them with a label.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// The images.
    pub images: &'a Images,
    /// Classes that an image may belong to.
    pub classes: usize,
    /// Whether a mirrored image keeps its label: not where left and right are classes.
    pub flips_keep_labels: bool,
    /// Principal components of the pixels, once somebody has asked for them.
    pub(crate) components: &'a OnceLock<Arc<[f32]>>,
}

impl Pool<'_> {
    /// The same images where they may belong to so many classes.
    #[must_use]
    pub fn with_classes(self, classes: usize) -> Self {
        Self { classes, ..self }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// The mean of each channel, of pixels scaled to [0, 1].
    pub fn mean(&self) -> Vec<f32> {
        let images = self.images;
        let mut sums = vec![0u64; images.channels];
        for pixel in images.pixels.chunks_exact(images.channels) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(value);
            }
        }
        let pixels = (images.len() * images.height * images.width) as f64;
        sums.iter().map(|&sum| (sum as f64 / (255.0 * pixels)) as f32).collect()
    }
}

/// What only a simulated study has: splits that are held out, and the truth about the pool.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark<'a> {
    /// What is watched while learning.
    pub val: &'a Split,
    /// What is looked at once, at the end.
    pub test: &'a Split,
    /// The class of every image of the pool. Nothing learns from it but through an oracle.
    pub truth: &'a [u16],
}
