//! Gaussian and Poisson noise.

use super::canvas::Canvas;
use super::transform::{Family, check_range, draw};
use fewlabel_engine::rng::Stream;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Independent normal noise on every value. Strength: sigma.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianNoise {
    /// Range of the standard deviation, in units of the pixels' range [0, 1].
    pub sigma: [f32; 2],
}

impl Default for GaussianNoise {
    fn default() -> Self {
        Self { sigma: [0.01, 0.05] }
    }
}

impl Family for GaussianNoise {
    fn check(&self) -> Result<(), String> {
        check_range("sigma", self.sigma, [0.0, 1.0])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let sigma = draw(self.sigma, stream);
        for pair in canvas.image.chunks_mut(2) {
            for (value, normal) in pair.iter_mut().zip(normals(stream)) {
                *value += sigma * normal as f32;
            }
        }
        canvas.clamp();
        sigma
    }
}

/// Two standard normal draws from two uniform ones (Box and Muller 1958).
fn normals(stream: &mut Stream) -> [f64; 2] {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - f64::from(stream.unit())));
    let (sin, cos) = libm::sincos(TAU * f64::from(stream.unit()));
    [radius * cos, radius * sin]
}

/// The noise of counting: a value v becomes a Poisson draw of mean `photons` v, divided by
/// `photons`. Strength: photons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoissonNoise {
    /// Range of the mean count at the brightest value; fewer are noisier.
    pub photons: [f32; 2],
}

impl Default for PoissonNoise {
    fn default() -> Self {
        Self { photons: [100.0, 1000.0] }
    }
}

impl Family for PoissonNoise {
    fn check(&self) -> Result<(), String> {
        check_range("photons", self.photons, [1.0, 1e6])
    }

    fn apply(&self, canvas: &mut Canvas, stream: &mut Stream) -> f32 {
        let photons = draw(self.photons, stream);
        for value in canvas.image.iter_mut() {
            *value = (poisson(f64::from(*value) * f64::from(photons), stream) / f64::from(photons))
                as f32;
        }
        canvas.clamp();
        photons
    }
}

/// From this mean on a Poisson draw is a rounded normal one with corrected skew (Cornish and Fisher
/// 1938).
const LARGE_MEAN: f64 = 50.0;

/// A Poisson draw: by inversion, or the normal approximation of [`LARGE_MEAN`].
fn poisson(mean: f64, stream: &mut Stream) -> f64 {
    if mean >= LARGE_MEAN {
        let z = normals(stream)[0];
        return libm::round(mean + libm::sqrt(mean) * z + (z * z - 1.0) / 6.0).max(0.0);
    }
    let u = stream.unit_f64();
    let (mut count, mut probability) = (0.0, libm::exp(-mean));
    let mut below = probability;
    // So far out that no mean below the limit ever gets there: the bound only ends the loop.
    while u >= below && count < 2.0 * LARGE_MEAN + 30.0 {
        count += 1.0;
        probability *= mean / count;
        below += probability;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::transform::tests::{apply_once, sample_image};
    use fewlabel_engine::rng::Key;

    #[test]
    fn poisson_draws_have_their_mean_as_variance() {
        for mean in [0.0, 0.5, 8.0, 49.0, 51.0, 400.0] {
            let mut stream = Key::new(4, 0).stream();
            let draws: Vec<f64> = (0..20_000).map(|_| poisson(mean, &mut stream)).collect();
            let got = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|d| (d - got) * (d - got)).sum::<f64>() / 20_000.0;
            let error = 4.0 * (mean / 20_000.0f64).sqrt();
            assert!((got - mean).abs() <= error, "mean {mean}: {got}");
            assert!((variance - mean).abs() <= 0.05 * mean, "mean {mean}: variance {variance}");
        }
    }

    #[test]
    fn gaussian_noise_has_its_sigma() {
        let settings = GaussianNoise { sigma: [0.02, 0.02] };
        let (noisy, sigma) = apply_once(&settings, 101, 101, 1);
        let image = sample_image(101, 101, 1);
        let inner = image.iter().zip(&noisy).filter(|(v, _)| (0.1..0.9).contains(*v));
        let (mut sum, mut n) = (0.0, 0.0);
        for (before, after) in inner {
            sum += f64::from(after - before).powi(2);
            n += 1.0;
        }
        assert!(((sum / n).sqrt() / f64::from(sigma) - 1.0).abs() < 0.05);
    }
}
