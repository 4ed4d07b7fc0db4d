//! Images as the network sees them: scaled to [0, 1], perhaps augmented, then centred.

use fewlabel_engine::rng::Key;
use rayon::prelude::*;

use crate::augment::{Applied, Augmenter, Policy};
use crate::data::Images;

/// How many images are made together, by one augmenter where there is a policy; fixed, so that it
/// never depends on the number of threads.
const CHUNK: usize = 16;

/// Turns rows of uint8 images into the network's input, one block at a time.
///
/// Nothing is cached: an augmented image is a pure function of (policy, key, row), so it can be
/// made again whenever it is looked at, and memory stays that of the uint8 images.
pub struct View<'a> {
    images: &'a Images,
    mean: Vec<f32>,
    policy: Option<Policy>,
    augmenters: Vec<Augmenter>,
    parallel: bool,
}

impl<'a> View<'a> {
    /// A view that subtracts `mean` (one value a channel) and, where `policy` is given, augments.
    pub fn new(images: &'a Images, mean: &[f32], policy: Option<&Policy>) -> Self {
        Self {
            images,
            mean: mean.to_vec(),
            policy: policy.cloned(),
            augmenters: Vec::new(),
            parallel: false,
        }
    }

    /// With more than one thread images are made on all of the team or pool that [`View::fill`] is
    /// called in; never changes a bit.
    pub fn threads(mut self, threads: usize) -> Self {
        self.parallel = threads > 1;
        self
    }

    /// Values in one image: height x width x channels.
    pub fn image_len(&self) -> usize {
        self.images.height * self.images.width * self.images.channels
    }

    /// Writes `rows` into `out` [rows, height, width, channels]; `key` at (epoch, row) names each
    /// image's augmentation.
    pub fn fill(&mut self, rows: &[u32], key: Key, epoch: u64, out: &mut [f32]) {
        let (images, mean, len) = (self.images, &self.mean, self.image_len());
        let Some(policy) = &self.policy else {
            let work = |(&row, pixels): (&u32, &mut [f32])| {
                scale(images.image(row as usize), pixels);
                centre(pixels, mean);
            };
            if self.parallel {
                rows.par_iter()
                    .zip(out.par_chunks_exact_mut(len))
                    .with_min_len(CHUNK)
                    .for_each(work);
            } else {
                rows.iter().zip(out.chunks_exact_mut(len)).for_each(work);
            }
            return;
        };
        while self.augmenters.len() < rows.len().div_ceil(CHUNK) {
            self.augmenters.push(Augmenter::new(
                policy,
                images.height,
                images.width,
                images.channels,
            ));
        }
        let work = |((rows, out), augmenter): ((&[u32], &mut [f32]), &mut Augmenter)| {
            for (&row, pixels) in rows.iter().zip(out.chunks_exact_mut(len)) {
                scale(images.image(row as usize), pixels);
                augmenter.apply(key.at(epoch, u64::from(row)), pixels);
                centre(pixels, mean);
            }
        };
        if self.parallel {
            rows.par_chunks(CHUNK)
                .zip(out.par_chunks_mut(CHUNK * len))
                .zip(&mut self.augmenters)
                .for_each(work);
        } else {
            rows.chunks(CHUNK)
                .zip(out.chunks_mut(CHUNK * len))
                .zip(&mut self.augmenters)
                .for_each(work);
        }
    }

    /// What [`View::fill`] does to each of `rows`, without the images; `None` where nothing is
    /// augmented.
    pub fn applied(&self, rows: usize, key: Key, epoch: u64) -> Option<Vec<Applied>> {
        let policy = self.policy.as_ref()?;
        let images = self.images;
        let mut augmenter = Augmenter::new(policy, images.height, images.width, images.channels);
        let mut pixels = vec![0.0; self.image_len()];
        let each = (0..rows as u64).map(|row| {
            scale(images.image(row as usize), &mut pixels);
            augmenter.apply(key.at(epoch, row), &mut pixels)
        });
        Some(each.collect())
    }
}

fn scale(image: &[u8], pixels: &mut [f32]) {
    for (pixel, &byte) in pixels.iter_mut().zip(image) {
        *pixel = f32::from(byte) / 255.0;
    }
}

fn centre(pixels: &mut [f32], mean: &[f32]) {
    for pixel in pixels.chunks_exact_mut(mean.len()) {
        for (value, mean) in pixel.iter_mut().zip(mean) {
            *value -= mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_scaled_then_centred() {
        let images = Images { height: 1, width: 2, channels: 1, pixels: vec![0, 255, 51, 102] };
        let mut out = [0.0; 2];
        View::new(&images, &[0.2], None).fill(&[1], Key::new(0, 0), 0, &mut out);
        assert_eq!(out, [51.0 / 255.0 - 0.2, 102.0 / 255.0 - 0.2]);
    }

    #[test]
    fn an_image_is_the_same_in_any_batch() {
        let pixels: Vec<u8> = (0..40 * 64).map(|i| (i * 37 % 251) as u8).collect();
        let images = Images { height: 8, width: 8, channels: 1, pixels };
        let policy = Policy::paper();
        for policy in [None, Some(&policy)] {
            let mut view = View::new(&images, &[0.5], policy).threads(2);
            let rows: Vec<u32> = (0..40).collect();
            let (mut all, mut one) = (vec![0.0; 40 * 64], vec![0.0; 64]);
            view.fill(&rows, Key::new(3, 0), 2, &mut all);
            for row in [0u32, 17, 39] {
                view.fill(&[row], Key::new(3, 0), 2, &mut one);
                assert_eq!(one, all[row as usize * 64..][..64]);
            }
        }
    }
}
