//! Mirror images.
//!
//! Whether they keep the label is a fact of the data: on organs, left and right are labels.

use super::canvas::Canvas;
use super::transform::Family;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Left becomes right. Strength: 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizontalFlip {}

impl Family for HorizontalFlip {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn apply(&self, canvas: &mut Canvas, _: &mut Stream) -> f32 {
        let (width, channels) = (canvas.shape.width, canvas.shape.channels);
        for row in canvas.image.chunks_exact_mut(width * channels) {
            for x in 0..width / 2 {
                let (left, right) = row.split_at_mut((width - 1 - x) * channels);
                left[x * channels..][..channels].swap_with_slice(&mut right[..channels]);
            }
        }
        1.0
    }
}

/// Top becomes bottom. Strength: 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerticalFlip {}

impl Family for VerticalFlip {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    fn apply(&self, canvas: &mut Canvas, _: &mut Stream) -> f32 {
        let (height, row) = (canvas.shape.height, canvas.shape.width * canvas.shape.channels);
        for y in 0..height / 2 {
            let (top, bottom) = canvas.image.split_at_mut((height - 1 - y) * row);
            top[y * row..][..row].swap_with_slice(&mut bottom[..row]);
        }
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn pixels_change_places_whole() {
        let image = sample_image(3, 4, 3);
        let (across, _) = apply_once(&HorizontalFlip {}, 3, 4, 3);
        let (down, _) = apply_once(&VerticalFlip {}, 3, 4, 3);
        let pixel = |image: &[f32], y: usize, x: usize| image[(y * 4 + x) * 3..][..3].to_vec();
        for (y, x) in (0..3).flat_map(|y| (0..4).map(move |x| (y, x))) {
            assert_eq!(pixel(&across, y, x), pixel(&image, y, 3 - x));
            assert_eq!(pixel(&down, y, x), pixel(&image, 2 - y, x));
        }
    }
}
