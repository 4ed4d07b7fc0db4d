//! Elastic deformation.

use super::blur::{gaussian, radius};
use super::canvas::Canvas;
use super::sampling::{Edge, Resampling};
use super::transform::{Family, check_range, draw};
use fewlabel_engine::image::Field;
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Elastic deformation (Simard, Steinkraus, Platt, ICDAR 2003): every pixel moves by uniform noise
/// in [-1, 1], smoothed by a Gaussian of `sigma` pixels and multiplied by `alpha` pixels. Strength:
/// the root mean square move in pixels.
///
/// The noise has 256 levels, the centres of as many equal parts of [-1, 1]: its mean is that of the
/// uniform distribution and its variance smaller by 1.5e-5 of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Elastic {
    /// Range of the scale of the displacements, in pixels.
    pub alpha: [f32; 2],
    /// Standard deviation of the Gaussian that smooths them, in pixels.
    pub sigma: f32,
    /// How values between pixels are made.
    pub interpolation: Resampling,
    /// What lies outside the image.
    pub border: Edge,
}

impl Default for Elastic {
    fn default() -> Self {
        Self {
            alpha: [34.0, 34.0],
            sigma: 4.0,
            interpolation: Resampling::default(),
            border: Edge::default(),
        }
    }
}

impl Family for Elastic {
    fn check(&self) -> Result<(), String> {
        check_range("alpha", self.alpha, [0.0, 10_000.0])?;
        check_range("sigma", [self.sigma; 2], [0.0, 100.0])?;
        self.border.check()
    }

    fn radius(&self) -> usize {
        radius(self.sigma)
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let alpha = draw(self.alpha, stream);
        let tools = &mut *canvas.tools;
        stream.fill_bytes(&mut tools.noise);
        for (value, &byte) in tools.field.iter_mut().zip(&tools.noise) {
            *value = (f32::from(byte) - 127.5) * (1.0 / 128.0);
        }
        gaussian(self.sigma, self.radius(), &mut tools.half);
        tools.field_filter.separable(&mut tools.field, &tools.half);
        for ((pair, dx), dy) in tools.field.chunks_exact(2).zip(&mut tools.dx).zip(&mut tools.dy) {
            (*dx, *dy) = (pair[0], pair[1]);
        }
        let field = Field { dx: &tools.dx, dy: &tools.dy, scale: alpha };
        tools.resampler.displace(
            canvas.image,
            field,
            self.interpolation.into(),
            self.border.into(),
        );
        canvas.clamp();
        alpha * length(&canvas.tools.field)
    }
}

/// Root mean square length of interleaved pairs. Eight partial sums in a fixed order, so that every
/// machine gets the same bits.
fn length(pairs: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    let chunks = pairs.chunks_exact(8);
    for (sum, value) in sums.iter_mut().zip(chunks.remainder()) {
        *sum = value * value;
    }
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    (sums.iter().sum::<f32>() / (pairs.len() / 2) as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn a_scale_of_zero_changes_no_bit() {
        let still = Elastic { alpha: [0.0, 0.0], ..Elastic::default() };
        assert_eq!(apply_once(&still, 13, 8, 3), (sample_image(13, 8, 3), 0.0));
    }

    /// Independent noise of variance 1/3 smoothed with weights w has the variance 1/3 (sum of
    /// w^2)^2 a component far from the border: 34 sqrt(2/3) / (2 sqrt(pi) 4), about 1.96 px, and
    /// more near it, where the border repeats.
    #[test]
    fn the_usual_move_is_two_pixels() {
        let (_, strength) = apply_once(&Elastic::default(), 200, 200, 1);
        assert!((1.9..2.2).contains(&strength), "{strength}");
    }

    #[test]
    fn length_is_that_of_the_mean_vector() {
        assert_eq!(length(&[3.0, 4.0].repeat(7)), 5.0);
    }
}
