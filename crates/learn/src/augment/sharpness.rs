//! Sharpening.

use super::canvas::Canvas;
use super::intensity::blend;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Every value's distance from its smoothed neighbourhood times a factor (torchvision's
/// `adjust_sharpness`): the neighbourhood is 3x3 with weights 1, and 5 in its centre; the outermost
/// pixels stay as they are. Strength: the factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sharpness {
    /// Range of the factor: 0 smooths, 1 changes nothing, 2 sharpens.
    pub factor: [f32; 2],
}

impl Default for Sharpness {
    fn default() -> Self {
        Self { factor: [0.5, 2.0] }
    }
}

impl Family for Sharpness {
    fn check(&self) -> Result<(), String> {
        check_range("factor", self.factor, [0.0, 100.0])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let factor = draw(self.factor, stream);
        let smooth = &mut canvas.tools.values;
        smooth.copy_from_slice(canvas.image);
        smoothen(canvas.image, canvas.shape, smooth);
        blend(canvas.image, factor, |i| smooth[i]);
        canvas.clamp();
        factor
    }
}

/// Replaces the inner values of `smooth` by weighted means of `image`.
fn smoothen(image: &[f32], shape: Shape, smooth: &mut [f32]) {
    let (step, row) = (shape.channels, shape.width * shape.channels);
    for y in 1..shape.height.saturating_sub(1) {
        for i in y * row + step..((y + 1) * row).saturating_sub(step) {
            let line = |i: usize| image[i - step] + image[i] + image[i + step];
            smooth[i] = (line(i - row) + line(i) + line(i + row) + 4.0 * image[i]) * (1.0 / 13.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn a_factor_of_one_changes_no_bit_and_the_border_never_changes() {
        assert_eq!(
            apply_once(&Sharpness { factor: [1.0; 2] }, 5, 6, 3),
            (sample_image(5, 6, 3), 1.0)
        );
        let (sharp, _) = apply_once(&Sharpness { factor: [3.0; 2] }, 5, 6, 1);
        assert_eq!(sharp[..7], sample_image(5, 6, 1)[..7]);
        assert_ne!(sharp[7..11], sample_image(5, 6, 1)[7..11]);
    }

    #[test]
    fn a_factor_of_zero_is_the_weighted_mean() {
        let image = sample_image(3, 3, 1);
        let (smooth, _) = apply_once(&Sharpness { factor: [0.0; 2] }, 3, 3, 1);
        let mean = (image.iter().sum::<f32>() + 4.0 * image[4]) / 13.0;
        assert!((smooth[4] - mean).abs() < 1e-6);
    }
}
