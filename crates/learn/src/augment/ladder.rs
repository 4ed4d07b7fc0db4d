//! RandAugment and TrivialAugment: fourteen operations, each with a ladder of magnitudes.
//!
//! Operations and magnitudes are torchvision's (`RandAugment`, `TrivialAugmentWide`), after Cubuk
//! et al. 2020 (arXiv 1909.13719) and Müller and Hutter 2021 (arXiv 2103.10158); m is the
//! magnitude's place on its ladder, 0 to 1:
//!
//! | operation | RandAugment | TrivialAugment | |
//! |---|---|---|---|
//! | shear along x or y | atan 0.3 m | atan 0.99 m | either direction |
//! | translation in x or y | 150/331 of the side, times m | 1/7 of the side, times m | both ways |
//! | rotation | 30 m degrees | 135 m degrees | either direction |
//! | brightness, colour, contrast, sharpness | 1 + 0.9 m | 1 + 0.99 m | or 1 less as much |
//! | posterize | 8 - 4 m bits | 8 - 6 m bits | |
//! | solarize | threshold 1 - m | threshold 1 - m | |
//! | identity, autocontrast, equalize | | | |
//!
//! Two differences: TrivialAugment moves by 32 pixels of images of 224, here by the same share of
//! the side; and what comes into view repeats the border instead of being black. On images of one
//! channel colour does nothing.

use super::affine::{Affine, Rotation};
use super::intensity::{Brightness, Contrast, Saturation};
use super::sharpness::Sharpness;
use super::tone::{AutoContrast, Equalize, Posterize, Solarize};
use super::transform::Transform;
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Several operations at one magnitude for every image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// Operations an image, drawn with replacement.
    pub num_ops: u32,
    /// The rung of the ladder, 0 to `num_magnitude_bins` - 1.
    pub magnitude: u32,
    /// Rungs of the ladder.
    pub num_magnitude_bins: u32,
}

impl Default for RandAugment {
    fn default() -> Self {
        Self { num_ops: 2, magnitude: 9, num_magnitude_bins: 31 }
    }
}

impl RandAugment {
    pub(super) fn check(&self) -> Result<(), String> {
        check_bins(self.num_magnitude_bins)?;
        if !(1..=100).contains(&self.num_ops) {
            return Err(format!("num_ops is 1 to 100, not {}", self.num_ops));
        }
        if self.magnitude >= self.num_magnitude_bins {
            let last = self.num_magnitude_bins - 1;
            return Err(format!(
                "magnitude is 0 to num_magnitude_bins - 1 = {last}, not {}",
                self.magnitude
            ));
        }
        Ok(())
    }

    pub(super) fn draw(&self, shape: Shape, stream: &mut Stream) -> Option<Transform> {
        const SPACE: Space =
            Space { shear: 0.3, translate: 150.0 / 331.0, degrees: 30.0, factor: 0.9, bits: 4.0 };
        SPACE.draw(self.magnitude as f32 / (self.num_magnitude_bins - 1) as f32, shape, stream)
    }
}

/// One operation at a random magnitude for every image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrivialAugment {
    /// Rungs of the ladder.
    pub num_magnitude_bins: u32,
}

impl Default for TrivialAugment {
    fn default() -> Self {
        Self { num_magnitude_bins: 31 }
    }
}

impl TrivialAugment {
    pub(super) fn check(&self) -> Result<(), String> {
        check_bins(self.num_magnitude_bins)
    }

    pub(super) fn draw(&self, shape: Shape, stream: &mut Stream) -> Option<Transform> {
        const SPACE: Space =
            Space { shear: 0.99, translate: 32.0 / 224.0, degrees: 135.0, factor: 0.99, bits: 6.0 };
        let rung = stream.below(u64::from(self.num_magnitude_bins));
        SPACE.draw(rung as f32 / (self.num_magnitude_bins - 1) as f32, shape, stream)
    }
}

fn check_bins(bins: u32) -> Result<(), String> {
    if (2..=1000).contains(&bins) {
        Ok(())
    } else {
        Err(format!("num_magnitude_bins is 2 to 1000, not {bins}"))
    }
}

/// The top of every ladder.
struct Space {
    shear: f32,
    translate: f32,
    degrees: f32,
    factor: f32,
    bits: f32,
}

impl Space {
    /// One of the fourteen operations at the place `m` of its ladder; `None` is the identity.
    fn draw(&self, m: f32, shape: Shape, stream: &mut Stream) -> Option<Transform> {
        let operation = stream.below(14);
        let sign = if stream.bits32() & 1 == 0 { 1.0 } else { -1.0 };
        let at = |v: f32| [sign * v * m; 2];
        let shear = [sign * (libm::atan(f64::from(self.shear * m)) as f32).to_degrees(); 2];
        let factor = [1.0 + sign * self.factor * m; 2];
        Some(match operation {
            0 => return None,
            1 => Transform::Affine(Affine { shear_x: shear, ..Affine::default() }),
            2 => Transform::Affine(Affine { shear_y: shear, ..Affine::default() }),
            3 => {
                let translate_x = at(self.translate * shape.width as f32);
                Transform::Affine(Affine { translate_x, ..Affine::default() })
            }
            4 => {
                let translate_y = at(self.translate * shape.height as f32);
                Transform::Affine(Affine { translate_y, ..Affine::default() })
            }
            5 => Transform::Rotation(Rotation { degrees: at(self.degrees), ..Rotation::default() }),
            6 => Transform::Brightness(Brightness { factor }),
            7 => Transform::Saturation(Saturation { factor }),
            8 => Transform::Contrast(Contrast { factor }),
            9 => Transform::Sharpness(Sharpness { factor }),
            10 => Transform::Posterize(Posterize { bits: [8.0 - self.bits * m; 2] }),
            11 => Transform::Solarize(Solarize { threshold: [1.0 - m; 2] }),
            12 => Transform::AutoContrast(AutoContrast {}),
            _ => Transform::Equalize(Equalize {}),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;
    use std::collections::BTreeSet;

    const SHAPE: Shape = Shape { height: 28, width: 28, channels: 3 };

    #[test]
    fn every_operation_is_drawn_and_its_settings_are_in_range() {
        let mut stream = Key::new(0, 0).stream();
        let (mut kinds, mut identities) = (BTreeSet::new(), 0);
        for _ in 0..2800 {
            let drawn = [
                TrivialAugment::default().draw(SHAPE, &mut stream),
                RandAugment { magnitude: 30, ..RandAugment::default() }.draw(SHAPE, &mut stream),
            ];
            for transform in drawn {
                identities += usize::from(transform.is_none());
                if let Some(transform) = transform {
                    transform.check().unwrap();
                    kinds.insert(transform.kind());
                }
            }
        }
        assert_eq!(kinds.len(), 10);
        assert!((300..500).contains(&identities), "{identities}");
    }

    #[test]
    fn the_top_of_the_ladder_is_thirty_degrees() {
        let top = RandAugment { magnitude: 30, ..RandAugment::default() };
        let mut stream = Key::new(1, 0).stream();
        let angles =
            std::iter::repeat_with(|| top.draw(SHAPE, &mut stream)).filter_map(|t| match t {
                Some(Transform::Rotation(rotation)) => Some(rotation.degrees[0]),
                _ => None,
            });
        let angles: BTreeSet<i32> = angles.take(20).map(|a| a as i32).collect();
        assert_eq!(angles, BTreeSet::from([-30, 30]));
    }

    #[test]
    fn a_rung_beyond_the_ladder_is_refused() {
        let error = RandAugment { magnitude: 31, ..RandAugment::default() }.check().unwrap_err();
        assert_eq!(error, "magnitude is 0 to num_magnitude_bins - 1 = 30, not 31");
    }
}
