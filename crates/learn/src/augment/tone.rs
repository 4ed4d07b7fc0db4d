//! Posterize, solarize, autocontrast and equalize: the tone curves of RandAugment and
//! TrivialAugment.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Values cut to their first bits of eight. Strength: the number of bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Posterize {
    /// Range of the number of bits kept, rounded.
    pub bits: [f32; 2],
}

impl Default for Posterize {
    fn default() -> Self {
        Self { bits: [4.0, 8.0] }
    }
}

impl Family for Posterize {
    fn check(&self) -> Result<(), String> {
        check_range("bits", self.bits, [1.0, 8.0])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let bits = (draw(self.bits, stream) + 0.5).floor();
        if bits < 8.0 {
            let mask = !(0xff_u8 >> bits as u32);
            canvas.image.iter_mut().for_each(|v| *v = f32::from(level(*v) & mask) * (1.0 / 255.0));
        }
        bits
    }
}

/// Values from a threshold on turned into their opposite, 1 - v. Strength: the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Solarize {
    /// Range of the threshold; above 1 nothing changes.
    pub threshold: [f32; 2],
}

impl Default for Solarize {
    fn default() -> Self {
        Self { threshold: [0.5, 1.0] }
    }
}

impl Family for Solarize {
    fn check(&self) -> Result<(), String> {
        check_range("threshold", self.threshold, [0.0, 2.0])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let threshold = draw(self.threshold, stream);
        canvas.image.iter_mut().filter(|v| **v >= threshold).for_each(|v| *v = 1.0 - *v);
        threshold
    }
}

/// Each channel stretched to the whole range. Strength: 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoContrast {}

impl Family for AutoContrast {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn apply(&self, canvas: &mut Canvas, _: &mut Stream) -> f32 {
        for channel in 0..canvas.shape.channels {
            let values = || canvas.image[channel..].iter().step_by(canvas.shape.channels);
            let low = values().fold(1.0f32, |a, b| a.min(*b));
            let high = values().fold(0.0f32, |a, b| a.max(*b));
            if high > low {
                let step = canvas.shape.channels;
                canvas.image[channel..]
                    .iter_mut()
                    .step_by(step)
                    .for_each(|v| *v = (*v - low) / (high - low));
            }
        }
        canvas.clamp();
        1.0
    }
}

/// Each channel's histogram of 256 levels flattened (PIL's and torchvision's `equalize`). Strength:
/// 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equalize {}

impl Family for Equalize {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn apply(&self, canvas: &mut Canvas, _: &mut Stream) -> f32 {
        let channels = canvas.shape.channels;
        for channel in 0..channels {
            let mut counts = [0u32; 256];
            canvas.image[channel..]
                .iter()
                .step_by(channels)
                .for_each(|v| counts[usize::from(level(*v))] += 1);
            let total: u32 = counts.iter().sum();
            let last = counts.iter().rev().find(|n| **n > 0).copied().unwrap_or(0);
            let step = (total - last) / 255;
            if step > 0 {
                let mut before = 0;
                let curve = counts.map(|n| {
                    let to = ((before + step / 2) / step).min(255);
                    before += n;
                    to as f32 * (1.0 / 255.0)
                });
                canvas.image[channel..]
                    .iter_mut()
                    .step_by(channels)
                    .for_each(|v| *v = curve[usize::from(level(*v))]);
            }
        }
        1.0
    }
}

/// The nearest of 256 levels.
fn level(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn eight_bits_and_a_threshold_above_one_change_no_bit() {
        let image = sample_image(5, 5, 3);
        assert_eq!(apply_once(&Posterize { bits: [8.0; 2] }, 5, 5, 3).0, image);
        assert_eq!(apply_once(&Solarize { threshold: [1.5; 2] }, 5, 5, 3).0, image);
        assert_eq!(apply_once(&Solarize { threshold: [0.0; 2] }, 5, 5, 3).0[3], 1.0 - image[3]);
    }

    #[test]
    fn posterizing_to_one_bit_leaves_two_values() {
        let (two, bits) = apply_once(&Posterize { bits: [1.0; 2] }, 6, 6, 1);
        assert!(bits == 1.0 && two.iter().all(|v| *v == 0.0 || *v == 128.0 / 255.0));
    }

    #[test]
    fn stretched_and_equalized_images_fill_the_range() {
        let (stretched, _) = apply_once(&AutoContrast {}, 6, 6, 1);
        let (flat, _) = apply_once(&Equalize {}, 30, 30, 1);
        for image in [stretched, flat] {
            let (low, high) =
                image.iter().fold((1.0f32, 0.0f32), |(a, b), v| (a.min(*v), b.max(*v)));
            assert_eq!((low, high), (0.0, 1.0));
        }
    }
}
