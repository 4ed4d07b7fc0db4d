//! Random crop with padding.

use super::canvas::Canvas;
use super::sampling::Edge;
use super::transform::Family;
use fewlabel_engine::image::Sampling;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// The image padded on all sides, and a window of its own size cut out of that (torchvision's
/// `RandomCrop` with `padding`): a move by whole pixels. Strength: its length in pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Crop {
    /// Padding on every side in pixels.
    pub padding: u16,
    /// What the padding holds.
    pub border: Edge,
}

impl Default for Crop {
    fn default() -> Self {
        Self { padding: 2, border: Edge::default() }
    }
}

impl Family for Crop {
    fn check(&self) -> Result<(), String> {
        self.border.check()
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let mut offset =
            || stream.below(2 * u64::from(self.padding) + 1) as f32 - f32::from(self.padding);
        let (dy, dx) = (offset(), offset());
        let matrix = [1.0, 0.0, dx, 0.0, 1.0, dy];
        canvas.tools.resampler.affine(canvas.image, &matrix, Sampling::Nearest, self.border.into());
        (dx * dx + dy * dy).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn no_padding_changes_no_bit() {
        let none = Crop { padding: 0, ..Crop::default() };
        assert_eq!(apply_once(&none, 7, 4, 3), (sample_image(7, 4, 3), 0.0));
    }

    #[test]
    fn every_value_is_a_pixel_or_the_padding() {
        let (cropped, _) = apply_once(&Crop { padding: 3, border: Edge::Constant(0.5) }, 6, 6, 1);
        let image = sample_image(6, 6, 1);
        assert!(cropped.iter().all(|v| *v == 0.5 || image.contains(v)), "{cropped:?}");
    }
}
