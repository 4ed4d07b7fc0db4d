//! Gaussian blur.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};

/// Gaussian blur; pixels outside repeat the border. Strength: sigma in pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Blur {
    /// Range of the standard deviation in pixels.
    pub sigma: [f32; 2],
}

impl Default for Blur {
    fn default() -> Self {
        Self { sigma: [0.5, 1.5] }
    }
}

impl Family for Blur {
    fn check(&self) -> Result<(), String> {
        check_range("sigma", self.sigma, [0.0, 100.0])
    }

    fn radius(&self) -> usize {
        radius(self.sigma[1])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let sigma = draw(self.sigma, stream);
        gaussian(sigma, self.radius(), &mut canvas.tools.half);
        canvas.tools.filter.separable(canvas.image, &canvas.tools.half);
        canvas.clamp();
        sigma
    }
}

/// Where a Gaussian is cut off: at four standard deviations, rounded (scipy's `gaussian_filter`,
/// `truncate=4`). One radius serves a whole range of sigmas, that of the largest.
pub(super) fn radius(sigma: f32) -> usize {
    (4.0 * sigma + 0.5) as usize
}

/// Weights of a Gaussian from its centre outwards: `exp(-t^2 / 2 sigma^2)`, scaled so that both
/// sides sum to one. Weights below 2^-32 of the centre's cannot reach a sum of f32 in [0, 1] and
/// are left out.
pub(super) fn gaussian(sigma: f32, radius: usize, half: &mut Vec<f32>) {
    half.clear();
    half.push(1.0);
    let sharpness = 0.5 / (f64::from(sigma) * f64::from(sigma));
    let weight = |t: usize| libm::exp(-((t * t) as f64) * sharpness);
    let length =
        (1..=radius).take_while(|&t| sigma > 0.0 && weight(t) > 1.0 / 4_294_967_296.0).count();
    let total = 1.0 + 2.0 * (1..=length).map(weight).sum::<f64>();
    half[0] = (1.0 / total) as f32;
    half.extend((1..=length).map(|t| (weight(t) / total) as f32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};

    #[test]
    fn a_vanishing_sigma_changes_no_bit() {
        for sigma in [0.0, 1e-20, 0.05] {
            let (blurred, strength) = apply_once(&Blur { sigma: [sigma, sigma] }, 9, 7, 3);
            assert_eq!((blurred, strength), (sample_image(9, 7, 3), sigma));
        }
    }

    #[test]
    fn weights_sum_to_one_and_are_cut_at_four_sigma() {
        let mut half = Vec::new();
        gaussian(1.5, radius(1.5), &mut half);
        let total = f64::from(half[0]) + 2.0 * half[1..].iter().map(|&w| f64::from(w)).sum::<f64>();
        assert_eq!((half.len(), radius(4.0)), (7, 16));
        assert!((total - 1.0).abs() < 1e-7, "{total}");
    }
}
