//! Brightness, contrast, gamma and saturation.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Weights of red, green and blue in grey (ITU-R BT.601, as torchvision has them).
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

macro_rules! factor {
    ($(#[$doc:meta])* $name:ident {
        $(#[$range_doc:meta])* $range:ident in $limits:expr, default $default:expr
    }
     $canvas:ident, $value:ident => $change:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $(#[$range_doc])*
            pub $range: [f32; 2],
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $range: $default }
            }
        }

        impl Family for $name {
            fn check(&self) -> Result<(), String> {
                check_range(stringify!($range), self.$range, $limits)
            }

            fn apply(&self, $canvas: &mut Canvas, stream: &mut Stream) -> f32 {
                let $value = draw(self.$range, stream);
                $change;
                $canvas.clamp();
                $value
            }
        }
    };
}

factor! {
    /// Every value times a factor (torchvision's `adjust_brightness`). Strength: the factor.
    Brightness { /** Range of the factor. */ factor in [0.0, 100.0], default [0.8, 1.2] }
    canvas, factor => canvas.image.iter_mut().for_each(|v| *v *= factor)
}

factor! {
    /// The distance of every value from the image's mean grey times a factor (torchvision's
    /// `adjust_contrast`). Strength: the factor.
    Contrast { /** Range of the factor. */ factor in [0.0, 100.0], default [0.8, 1.2] }
    canvas, factor => {
        let mean = mean_grey(canvas.image, canvas.shape.channels);
        blend(canvas.image, factor, |_| mean);
    }
}

factor! {
    /// Every value to the power gamma (torchvision's `adjust_gamma`). Strength: gamma.
    Gamma {
        /** Range of the exponent; above 1 darkens. */
        gamma in [0.01, 100.0], default [0.8, 1.25]
    }
    canvas, gamma => {
        if gamma != 1.0 {
            canvas.image.iter_mut().for_each(|v| *v = libm::powf(*v, gamma));
        }
    }
}

factor! {
    /// The distance of every value from its pixel's grey times a factor (torchvision's
    /// `adjust_saturation`); images of one channel stay as they are. Strength: the factor.
    Saturation { /** Range of the factor. */ factor in [0.0, 100.0], default [0.8, 1.2] }
    canvas, factor => {
        if canvas.shape.channels == 3 {
            for pixel in canvas.image.chunks_exact_mut(3) {
                let grey = grey(pixel);
                blend(pixel, factor, |_| grey);
            }
        }
    }
}

/// Moves every value away from (or, below 1, towards) a base: `base + factor (value - base)`, and
/// nothing at 1.
pub(super) fn blend(values: &mut [f32], factor: f32, base: impl Fn(usize) -> f32) {
    if factor == 1.0 {
        return;
    }
    for (i, value) in values.iter_mut().enumerate() {
        let base = base(i);
        *value = base + factor * (*value - base);
    }
}

fn grey(pixel: &[f32]) -> f32 {
    pixel.iter().zip(GREY).map(|(value, weight)| value * weight).sum()
}

/// The mean grey of an image; of other than three channels, the mean value.
fn mean_grey(image: &[f32], channels: usize) -> f32 {
    let sum: f64 = if channels == 3 {
        image.chunks_exact(3).map(|pixel| f64::from(grey(pixel))).sum()
    } else {
        image.iter().map(|&v| f64::from(v)).sum()
    };
    (sum / (image.len() / if channels == 3 { 3 } else { 1 }) as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn a_factor_of_one_changes_no_bit() {
        let families: [&dyn Family; 4] = [
            &Brightness { factor: [1.0; 2] },
            &Contrast { factor: [1.0; 2] },
            &Gamma { gamma: [1.0; 2] },
            &Saturation { factor: [1.0; 2] },
        ];
        for (family, channels) in families.into_iter().flat_map(|f| [(f, 1), (f, 3)]) {
            assert_eq!(apply_once(family, 6, 5, channels), (sample_image(6, 5, channels), 1.0));
        }
    }

    #[test]
    fn a_contrast_of_nothing_leaves_the_mean() {
        let (flat, _) = apply_once(&Contrast { factor: [0.0; 2] }, 6, 5, 1);
        let mean = sample_image(6, 5, 1).iter().sum::<f32>() / 30.0;
        assert!(flat.iter().all(|v| (v - mean).abs() < 1e-6));
    }

    #[test]
    fn gamma_two_squares() {
        let (squared, _) = apply_once(&Gamma { gamma: [2.0; 2] }, 6, 5, 3);
        for (got, v) in squared.iter().zip(sample_image(6, 5, 3)) {
            assert!((got - v * v).abs() < 1e-6);
        }
    }
}
