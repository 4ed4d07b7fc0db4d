//! Cutout.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::image::Shape;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// A square somewhere in the image filled with one value (DeVries and Taylor 2017, arXiv
/// 1708.04552). Strength: the share of pixels hidden.
///
/// In no policy by default: in a small image it can hide what identifies the organ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cutout {
    /// Range of the side in pixels. The square's centre lies in the image, so that part of it may
    /// not.
    pub size: [f32; 2],
    /// The value that fills it.
    pub fill: f32,
}

impl Default for Cutout {
    fn default() -> Self {
        Self { size: [4.0, 8.0], fill: 0.0 }
    }
}

impl Family for Cutout {
    fn check(&self) -> Result<(), String> {
        check_range("size", self.size, [0.0, 10_000.0])?;
        check_range("fill", [self.fill; 2], [0.0, 1.0])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let Shape { height, width, channels } = canvas.shape;
        let size = (draw(self.size, stream) + 0.5) as usize;
        let mut side = |n: usize| {
            let centre = stream.below(n as u64) as usize;
            let low = centre.saturating_sub(size / 2);
            (low, (centre + size - size / 2).min(n).max(low))
        };
        let ((top, bottom), (left, right)) = (side(height), side(width));
        for row in canvas.image.chunks_exact_mut(width * channels).take(bottom).skip(top) {
            row[left * channels..right * channels].fill(self.fill);
        }
        ((bottom - top) * (right - left)) as f32 / (height * width) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn the_strength_is_the_share_of_pixels_hidden() {
        let (cut, strength) = apply_once(&Cutout { size: [5.0, 5.0], fill: 1.0 }, 9, 12, 3);
        let changed = cut.iter().zip(sample_image(9, 12, 3)).filter(|(a, b)| **a != *b).count();
        assert!(strength > 0.0 && cut.iter().filter(|v| **v == 1.0).count() == changed);
        assert_eq!(changed as f32 / (9.0 * 12.0 * 3.0), strength);
    }

    #[test]
    fn a_side_of_nothing_changes_nothing() {
        assert_eq!(
            apply_once(&Cutout { size: [0.0, 0.0], fill: 1.0 }, 4, 4, 1),
            (sample_image(4, 4, 1), 0.0)
        );
    }
}
