//! Rotation, translation, scale and shear: one resampling for all.
//!
//! An image is sheared, scaled, rotated about its centre and moved, in this order; the matrix that
//! it is sampled with is the inverse, from the result's pixels to the source's.

use super::canvas::Canvas;
use super::sampling::{Edge, Resampling};
use super::transform::{Family, check_range, draw};
use fewlabel_engine::image::Matrix;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// What one image meets.
#[derive(Clone, Copy, Debug)]
struct Move {
    degrees: f32,
    translate: [f32; 2],
    scale: f32,
    shear: [f32; 2],
}

impl Move {
    const STILL: Self = Self { degrees: 0.0, translate: [0.0, 0.0], scale: 1.0, shear: [0.0, 0.0] };

    /// From a place in the result to the place in the source: unmove, unrotate, unscale, unshear.
    fn matrix(self) -> Matrix {
        let (sin, cos) = libm::sincos(f64::from(self.degrees).to_radians());
        let [tan_x, tan_y] = self.shear.map(|degrees| -libm::tan(f64::from(degrees).to_radians()));
        let k = 1.0 / (f64::from(self.scale) * (1.0 - tan_x * tan_y));
        let (a, b) = (k * (cos - tan_x * sin), k * (-sin - tan_x * cos));
        let (c, d) = (k * (sin - tan_y * cos), k * (cos + tan_y * sin));
        let [x, y] = self.translate.map(f64::from);
        [a, b, -(a * x + b * y), c, d, -(c * x + d * y)].map(|v| v as f32)
    }

    fn apply(self, canvas: &mut Canvas, interpolation: Resampling, border: Edge) {
        canvas.tools.resampler.affine(
            canvas.image,
            &self.matrix(),
            interpolation.into(),
            border.into(),
        );
        canvas.clamp();
    }
}

/// Largest shear in degrees: both at once still have an inverse.
const SHEAR: [f32; 2] = [-44.9, 44.9];
const SCALE: [f32; 2] = [0.01, 100.0];
const TRANSLATE: [f32; 2] = [-10_000.0, 10_000.0];
const DEGREES: [f32; 2] = [-180.0, 180.0];

macro_rules! single {
    ($(#[$doc:meta])* $name:ident {
        $(#[$range_doc:meta])* $range:ident in $limits:ident = $default:expr
    }
     $stream:ident, $settings:ident => $draw:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(#[$range_doc])*
            pub $range: [f32; 2],
            /// How values between pixels are made.
            pub interpolation: Resampling,
            /// What lies outside the image.
            pub border: Edge,
        }

        impl Default for $name {
            fn default() -> Self {
                let (interpolation, border) = (Resampling::default(), Edge::default());
                Self { $range: $default, interpolation, border }
            }
        }

        impl Family for $name {
            fn check(&self) -> Result<(), String> {
                check_range(stringify!($range), self.$range, $limits)?;
                self.border.check()
            }

            fn apply(&self, canvas: &mut Canvas, $stream: &mut Stream) -> f32 {
                let $settings = self;
                let (change, strength): (Move, f32) = $draw;
                change.apply(canvas, self.interpolation, self.border);
                strength
            }
        }
    };
}

single! {
    /// Rotation about the image's centre, counter-clockwise as torchvision counts. Strength: the
    /// angle in degrees.
    Rotation { /** Range of the angle in degrees. */ degrees in DEGREES = [-30.0, 30.0] }
    stream, settings => {
        let degrees = draw(settings.degrees, stream);
        (Move { degrees, ..Move::STILL }, degrees)
    }
}

single! {
    /// A move along both axes. Strength: its length in pixels.
    Translation {
        /** Range of the move along each axis in pixels. */
        pixels in TRANSLATE = [-2.0, 2.0]
    }
    stream, settings => {
        let translate = [draw(settings.pixels, stream), draw(settings.pixels, stream)];
        let distance = (translate[0] * translate[0] + translate[1] * translate[1]).sqrt();
        (Move { translate, ..Move::STILL }, distance)
    }
}

single! {
    /// Enlargement about the image's centre. Strength: the factor.
    Scale { /** Range of the factor. */ factor in SCALE = [0.9, 1.1] }
    stream, settings => {
        let scale = draw(settings.factor, stream);
        (Move { scale, ..Move::STILL }, scale)
    }
}

single! {
    /// Shear along the rows, in torchvision's direction. Strength: the angle in degrees.
    Shear { /** Range of the angle in degrees. */ degrees in SHEAR = [-10.0, 10.0] }
    stream, settings => {
        let degrees = draw(settings.degrees, stream);
        (Move { shear: [degrees, 0.0], ..Move::STILL }, degrees)
    }
}

/// Everything affine in one resampling; what is left out stays as it is. Strength: the angle in
/// degrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Affine {
    /// Range of the rotation's angle in degrees, counter-clockwise.
    pub degrees: [f32; 2],
    /// Range of the move to the right in pixels.
    pub translate_x: [f32; 2],
    /// Range of the move downwards in pixels.
    pub translate_y: [f32; 2],
    /// Range of the factor of enlargement.
    pub scale: [f32; 2],
    /// Range of the shear along rows in degrees.
    pub shear_x: [f32; 2],
    /// Range of the shear along columns in degrees.
    pub shear_y: [f32; 2],
    /// How values between pixels are made.
    pub interpolation: Resampling,
    /// What lies outside the image.
    pub border: Edge,
}

impl Default for Affine {
    fn default() -> Self {
        let still = [0.0, 0.0];
        Self {
            degrees: still,
            translate_x: still,
            translate_y: still,
            scale: [1.0, 1.0],
            shear_x: still,
            shear_y: still,
            interpolation: Resampling::default(),
            border: Edge::default(),
        }
    }
}

impl Family for Affine {
    fn check(&self) -> Result<(), String> {
        check_range("degrees", self.degrees, DEGREES)?;
        check_range("translate_x", self.translate_x, TRANSLATE)?;
        check_range("translate_y", self.translate_y, TRANSLATE)?;
        check_range("scale", self.scale, SCALE)?;
        check_range("shear_x", self.shear_x, SHEAR)?;
        check_range("shear_y", self.shear_y, SHEAR)?;
        self.border.check()
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let change = Move {
            degrees: draw(self.degrees, stream),
            translate: [draw(self.translate_x, stream), draw(self.translate_y, stream)],
            scale: draw(self.scale, stream),
            shear: [draw(self.shear_x, stream), draw(self.shear_y, stream)],
        };
        change.apply(canvas, self.interpolation, self.border);
        change.degrees
    }
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
        assert_eq!(
            wrong.check().unwrap_err(),
            "degrees is [low, high] within -180 to 180, not [10, -10]"
        );
    }

    #[test]
    fn a_move_undone_by_its_opposite_is_the_identity() {
        let image = sample_image(1, 9, 1);
        let right = Translation { pixels: [3.0, 3.0], ..Translation::default() };
        let (moved, length) = apply_once(&right, 1, 9, 1);
        assert_eq!((&moved[3..], length), (&image[..6], 18.0f32.sqrt()));
    }

    #[test]
    fn the_matrix_inverts_shear_scale_rotation_and_move() {
        let change =
            Move { degrees: 20.0, translate: [2.0, -1.0], scale: 1.3, shear: [10.0, -5.0] };
        let m = change.matrix().map(f64::from);
        let (sin, cos) = 20f64.to_radians().sin_cos();
        let (tan_x, tan_y) = (-10f64.to_radians().tan(), 5f64.to_radians().tan());
        let (x, y) = (4.0, -7.0);
        let (sheared_x, sheared_y) = (1.3 * (x + tan_x * y), 1.3 * (y + tan_y * x));
        let (to_x, to_y) =
            (cos * sheared_x + sin * sheared_y + 2.0, -sin * sheared_x + cos * sheared_y - 1.0);
        let (back_x, back_y) = (m[0] * to_x + m[1] * to_y + m[2], m[3] * to_x + m[4] * to_y + m[5]);
        assert!((back_x - x).abs() < 1e-5 && (back_y - y).abs() < 1e-5, "{back_x} {back_y}");
    }
}
