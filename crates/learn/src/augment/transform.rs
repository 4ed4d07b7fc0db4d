//! The list of transforms, and what they have in common.

use super::canvas::Canvas;
use super::{affine, blur, crop, cutout, elastic, flip, intensity, noise, sharpness, tone};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a transform's settings can do.
pub(super) trait Family {
    /// Whether the settings make sense; otherwise what is wrong, beginning with the setting's name.
    fn check(&self) -> Result<(), String>;
    /// The radius of the widest filter it uses.
    fn radius(&self) -> usize {
        0
    }
    /// Changes the image by a strength drawn from `stream`, and returns it. Pixels stay finite and
    /// in [0, 1].
    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32;
}

macro_rules! transforms {
    ($($(#[$doc:meta])* $variant:ident($settings:ty) = $name:literal,)*) => {
        /// What was done to an image.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            /// Nothing.
            #[serde(rename = "none")]
            None,
            /// More than one transform.
            #[serde(rename = "several")]
            Several,
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[Kind::None, Kind::Several, $(Kind::$variant,)*];

            /// The name in settings and records.
            pub const fn name(self) -> &'static str {
                match self {
                    Kind::None => "none",
                    Kind::Several => "several",
                    $(Kind::$variant => $name,)*
                }
            }
        }

        /// A transform and its settings: in TOML its `kind` and the settings that differ from the
        /// defaults.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        pub enum Transform {
            $($(#[$doc])* #[serde(rename = $name)] $variant($settings),)*
        }

        impl Transform {
            /// Which transform this is.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(Transform::$variant(_) => Kind::$variant,)*
                }
            }

            fn family(&self) -> &dyn Family {
                match self {
                    $(Transform::$variant(settings) => settings,)*
                }
            }
        }
    };
}

transforms! {
    /// Rotation about the centre.
    Rotation(affine::Rotation) = "rotation",
    /// Gaussian blur.
    Blur(blur::Blur) = "blur",
    /// Elastic deformation.
    Elastic(elastic::Elastic) = "elastic",
    /// A move along both axes.
    Translation(affine::Translation) = "translation",
    /// Enlargement about the centre.
    Scale(affine::Scale) = "scale",
    /// Shear along the rows.
    Shear(affine::Shear) = "shear",
    /// Everything affine in one resampling.
    Affine(affine::Affine) = "affine",
    /// Normal noise.
    GaussianNoise(noise::GaussianNoise) = "gaussian_noise",
    /// The noise of counting.
    PoissonNoise(noise::PoissonNoise) = "poisson_noise",
    /// All values times a factor.
    Brightness(intensity::Brightness) = "brightness",
    /// Distance from the mean times a factor.
    Contrast(intensity::Contrast) = "contrast",
    /// All values to a power.
    Gamma(intensity::Gamma) = "gamma",
    /// Distance from grey times a factor.
    Saturation(intensity::Saturation) = "saturation",
    /// Distance from the neighbourhood times a factor.
    Sharpness(sharpness::Sharpness) = "sharpness",
    /// A square filled with one value.
    Cutout(cutout::Cutout) = "cutout",
    /// A window of the padded image.
    Crop(crop::Crop) = "crop",
    /// Left becomes right.
    HorizontalFlip(flip::HorizontalFlip) = "horizontal_flip",
    /// Top becomes bottom.
    VerticalFlip(flip::VerticalFlip) = "vertical_flip",
    /// Fewer bits a value.
    Posterize(tone::Posterize) = "posterize",
    /// Bright values turned into their opposite.
    Solarize(tone::Solarize) = "solarize",
    /// Stretched to the whole range.
    AutoContrast(tone::AutoContrast) = "autocontrast",
    /// A flattened histogram.
    Equalize(tone::Equalize) = "equalize",
}

impl Transform {
    pub(super) fn check(&self) -> Result<(), String> {
        self.family().check().map_err(|what| format!("{}: {what}", self.kind()))
    }

    pub(super) fn radius(&self) -> usize {
        self.family().radius()
    }

    pub(super) fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        self.family().apply(canvas, stream)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a range goes upwards and stays within limits.
pub(super) fn check_range(
    name: &str,
    [low, high]: [f32; 2],
    [least, most]: [f32; 2],
) -> Result<(), String> {
    if least <= low && low <= high && high <= most {
        return Ok(());
    }
    Err(format!("{name} is [low, high] within {least} to {most}, not [{low}, {high}]"))
}

/// Uniform in a range; always one draw.
pub(super) fn draw([low, high]: [f32; 2], stream: &mut Stream) -> f32 {
    let u = stream.unit();
    if low == high { low } else { (low + u * (high - low)).clamp(low, high) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::augment::canvas::Tools;
    use fewlabel_engine::image::Shape;
    use fewlabel_engine::rng::Key;

    /// An image of uniform noise.
    pub(crate) fn sample_image(height: usize, width: usize, channels: usize) -> Vec<f32> {
        let mut stream = Key::new(11, 0).stream();
        (0..height * width * channels).map(|_| stream.unit()).collect()
    }

    /// The sample image after one transform, and the strength drawn.
    pub(crate) fn apply_once(
        family: &dyn Family,
        height: usize,
        width: usize,
        channels: usize,
    ) -> (Vec<f32>, f32) {
        apply_to(family, Shape { height, width, channels }, sample_image(height, width, channels))
    }

    /// An image after one transform, and the strength drawn.
    pub(crate) fn apply_to(
        family: &dyn Family,
        shape: Shape,
        mut image: Vec<f32>,
    ) -> (Vec<f32>, f32) {
        let mut canvas =
            Canvas { shape, image: &mut image, tools: &mut Tools::new(shape, family.radius()) };
        let strength = family.apply(&mut canvas, &mut Key::new(12, 0).stream());
        (image, strength)
    }

    #[test]
    fn a_kind_is_called_the_same_in_records_and_on_screen() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn draws_cover_their_range() {
        let mut stream = Key::new(1, 0).stream();
        let draws: Vec<f32> = (0..1000).map(|_| draw([-2.0, 3.0], &mut stream)).collect();
        assert!(draws.iter().all(|d| (-2.0..=3.0).contains(d)));
        assert!(draws.iter().any(|d| *d < -1.9) && draws.iter().any(|d| *d > 2.9));
    }
}
