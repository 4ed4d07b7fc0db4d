//! Rotation, translation, scale and shear: one resampling for all.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::image::{Border, Matrix, Sampling};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// How values between pixels are made (torchvision's `InterpolationMode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// The nearest pixel.
    Nearest,
    /// The weighted mean of the four pixels around.
    #[default]
    Bilinear,
}

impl From<Resampling> for Sampling {
    fn from(resampling: Resampling) -> Self {
        match resampling {
            Resampling::Nearest => Self::Nearest,
            Resampling::Bilinear => Self::Bilinear,
        }
    }
}

/// What lies outside the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The edge pixel again and again.
    #[default]
    Replicate,
    /// The image mirrored about its outer edge.
    Reflect,
    /// One value.
    Constant(f32),
}

impl Edge {
    pub(super) fn check(self) -> Result<(), String> {
        match self {
            Self::Constant(k) if !(0.0..=1.0).contains(&k) => Err(format!("a border value lies in [0, 1], not {k}")),
            _ => Ok(()),
        }
    }
}

impl From<Edge> for Border {
    fn from(edge: Edge) -> Self {
        match edge {
            Edge::Replicate => Self::Replicate,
            Edge::Reflect => Self::Reflect,
            Edge::Constant(k) => Self::Constant(k),
        }
    }
}

/// Rotation about the image's centre, counter-clockwise as torchvision counts. Strength: the angle in degrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// Range of the angle in degrees.
    pub degrees: [f32; 2],
    /// How values between pixels are made.
    pub interpolation: Resampling,
    /// What lies outside the image.
    pub border: Edge,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { degrees: [-30.0, 30.0], interpolation: Resampling::default(), border: Edge::default() }
    }
}

impl Family for Rotation {
    fn check(&self) -> Result<(), String> {
        check_range("degrees", self.degrees, [-180.0, 180.0])?;
        self.border.check()
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let degrees = draw(self.degrees, stream);
        canvas.tools.resampler.affine(canvas.image, &rotation(degrees), self.interpolation.into(), self.border.into());
        degrees
    }
}

/// The matrix that rotates an image counter-clockwise.
fn rotation(degrees: f32) -> Matrix {
    let (sin, cos) = libm::sincos(f64::from(degrees).to_radians());
    let (sin, cos) = (sin as f32, cos as f32);
    [cos, -sin, 0.0, sin, cos, 0.0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn rotation_by_nothing_changes_no_bit() {
        let image = sample_image(28, 28, 1);
        let still = Rotation { degrees: [0.0, 0.0], ..Rotation::default() };
        assert_eq!(apply_once(&still, 28, 28, 1), (image, 0.0));
    }

    #[test]
    fn a_quarter_turn_counts_counter_clockwise() {
        let image = sample_image(5, 5, 3);
        let quarter = Rotation { degrees: [90.0, 90.0], ..Rotation::default() };
        let (turned, degrees) = apply_once(&quarter, 5, 5, 3);
        assert_eq!(degrees, 90.0);
        for y in 0..5 {
            for x in 0..5 {
                for c in 0..3 {
                    let (got, want) = (turned[(y * 5 + x) * 3 + c], image[(x * 5 + 4 - y) * 3 + c]);
                    assert!((got - want).abs() < 1e-5, "row {y} column {x}");
                }
            }
        }
    }

    #[test]
    fn a_range_that_is_upside_down_is_refused() {
        let wrong = Rotation { degrees: [10.0, -10.0], ..Rotation::default() };
        assert_eq!(wrong.check().unwrap_err(), "degrees is [low, high] within -180 to 180, not [10, -10]");
    }
}
