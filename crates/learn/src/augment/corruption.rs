//! Corruptions for the study of distribution shift, each at five strengths.
//!
//! The kinds are those that MedMNIST-C (Di Salvo et al. 2024, arXiv 2406.17536) lists for its data
//! sets as changes of acquisition, after ImageNet-C (Hendrycks and Dietterich 2019, arXiv
//! 1903.12261). The strengths are ours: from just visible to hardly readable at 28 pixels. An
//! image's result is a pure function of the image, its row and the key.

use super::{
    Augmenter, Blur, Brightness, Chain, Contrast, Gamma, GaussianNoise, PoissonNoise, Policy, Spec,
};
use super::{Step, Transform};
use crate::data::Images;
use fewlabel_engine::rng::Key;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Normal noise of sigma 0.03 to 0.20.
    GaussianNoise,
    /// Counting noise of 200 down to 10 photons at the brightest value.
    ShotNoise,
    /// Blur of sigma 0.5 to 2.0 pixels.
    GaussianBlur,
    /// Contrast times 0.8 down to 0.2.
    ContrastDown,
    /// Contrast times 1.2 to 3.
    ContrastUp,
    /// Brightness times 1.1 to 2.
    BrightnessUp,
    /// Brightness times 0.9 down to 0.3.
    BrightnessDown,
    /// Values to the power 1.2 to 3: darker.
    GammaUp,
    /// Values to the power 0.85 down to 0.35: brighter.
    GammaDown,
    /// Fewer and larger pixels: 0.8 down to 0.3 of each side.
    Pixelate,
    /// JPEG of quality 50 down to 5.
    JpegCompression,
}

/// How strong: 1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Severity(usize);

impl Severity {
    /// All five.
    pub const ALL: [Self; 5] = [Self(0), Self(1), Self(2), Self(3), Self(4)];

    /// 1 to 5; `None` for other numbers.
    pub fn new(number: usize) -> Option<Self> {
        (1..=5).contains(&number).then(|| Self(number - 1))
    }

    /// 1 to 5.
    pub fn number(self) -> usize {
        self.0 + 1
    }
}

/// What a corruption does to one image, f32 in [0, 1], under a key that names it.
type Change = Box<dyn FnMut(Key, &mut [f32])>;

impl Corruption {
    /// All corruptions.
    pub const ALL: [Self; 11] = [
        Self::GaussianNoise,
        Self::ShotNoise,
        Self::GaussianBlur,
        Self::ContrastDown,
        Self::ContrastUp,
        Self::BrightnessUp,
        Self::BrightnessDown,
        Self::GammaUp,
        Self::GammaDown,
        Self::Pixelate,
        Self::JpegCompression,
    ];

    /// The name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::GaussianNoise => "gaussian_noise",
            Self::ShotNoise => "shot_noise",
            Self::GaussianBlur => "gaussian_blur",
            Self::ContrastDown => "contrast_down",
            Self::ContrastUp => "contrast_up",
            Self::BrightnessUp => "brightness_up",
            Self::BrightnessDown => "brightness_down",
            Self::GammaUp => "gamma_up",
            Self::GammaDown => "gamma_down",
            Self::Pixelate => "pixelate",
            Self::JpegCompression => "jpeg_compression",
        }
    }

    /// The setting at each strength.
    fn level(self, severity: Severity) -> f32 {
        let levels = match self {
            Self::GaussianNoise => [0.03, 0.06, 0.09, 0.14, 0.20],
            Self::ShotNoise => [200.0, 100.0, 50.0, 20.0, 10.0],
            Self::GaussianBlur => [0.5, 0.8, 1.1, 1.5, 2.0],
            Self::ContrastDown => [0.8, 0.65, 0.5, 0.35, 0.2],
            Self::ContrastUp => [1.2, 1.5, 1.8, 2.3, 3.0],
            Self::BrightnessUp => [1.1, 1.25, 1.4, 1.7, 2.0],
            Self::BrightnessDown => [0.9, 0.75, 0.6, 0.45, 0.3],
            Self::GammaUp => [1.2, 1.5, 1.9, 2.4, 3.0],
            Self::GammaDown => [0.85, 0.7, 0.57, 0.45, 0.35],
            Self::Pixelate => [0.8, 0.65, 0.5, 0.4, 0.3],
            Self::JpegCompression => [50.0, 30.0, 20.0, 10.0, 5.0],
        };
        levels[severity.0]
    }

    /// Corrupts every image; row `i` draws from the stream `key.at(0, i)`.
    pub fn apply(self, images: &Images, severity: Severity, key: Key) -> Images {
        let mut changed = images.clone();
        let mut change = self.change(images, severity);
        let len = images.image_len().max(1);
        let mut pixels = vec![0.0f32; len];
        for (row, bytes) in changed.pixels.chunks_exact_mut(len).enumerate() {
            pixels
                .iter_mut()
                .zip(&*bytes)
                .for_each(|(to, from)| *to = f32::from(*from) * (1.0 / 255.0));
            change(key.at(0, row as u64), &mut pixels);
            bytes.iter_mut().zip(&pixels).for_each(|(to, from)| *to = (from * 255.0 + 0.5) as u8);
        }
        changed
    }

    fn change(self, images: &Images, severity: Severity) -> Change {
        let level = self.level(severity);
        let (height, width, channels) = (images.height, images.width, images.channels);
        let factor = [level; 2];
        let transform = match self {
            Self::GaussianNoise => Transform::GaussianNoise(GaussianNoise { sigma: factor }),
            Self::ShotNoise => Transform::PoissonNoise(PoissonNoise { photons: factor }),
            Self::GaussianBlur => Transform::Blur(Blur { sigma: factor }),
            Self::ContrastDown | Self::ContrastUp => Transform::Contrast(Contrast { factor }),
            Self::BrightnessUp | Self::BrightnessDown => {
                Transform::Brightness(Brightness { factor })
            }
            Self::GammaUp | Self::GammaDown => Transform::Gamma(Gamma { gamma: factor }),
            Self::Pixelate => {
                return Box::new(move |_, image| pixelate(image, (height, width, channels), level));
            }
            Self::JpegCompression => {
                let jpeg = Jpeg::new(level);
                return Box::new(move |_, image| jpeg.apply(image, (height, width, channels)));
            }
        };
        let chain = Chain { transforms: vec![Step { probability: 1.0, transform }] };
        let policy = Policy::new(Spec::Chain(chain)).expect("the table holds settings in range");
        let mut augmenter = Augmenter::new(&policy, height, width, channels);
        Box::new(move |key, image| {
            augmenter.apply(key, image);
        })
    }
}

/// Rows whose class frequencies are those of `labels` to the power `power`, ascending: 1 keeps
/// every row, 0 makes classes equally frequent, negative powers turn rare classes into frequent
/// ones.
///
/// Rows are left out, none is repeated: the class that limits the whole keeps all of its rows,
/// every other one floor(n_limit * p_c^power / p_limit^power), at least one, drawn from the stream
/// `key.at(0, class)`.
pub fn prior_rows(labels: &[u16], classes: usize, power: f64, key: Key) -> Vec<u32> {
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); classes];
    for (row, &label) in (0u32..).zip(labels) {
        members[usize::from(label)].push(row);
    }
    let weight = |rows: &Vec<u32>| libm::pow(rows.len() as f64, power);
    let present = members.iter().filter(|rows| !rows.is_empty());
    let scale = present.map(|rows| rows.len() as f64 / weight(rows)).fold(f64::INFINITY, f64::min);
    let mut kept = Vec::new();
    for (class, rows) in members.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        // A little above, so that rounding does not cost the limiting class a row.
        let count = ((scale * weight(rows) + 1e-6) as usize).clamp(1, rows.len());
        let order = key.at(0, class as u64).stream().permutation(rows.len());
        kept.extend(order[..count].iter().map(|&place| rows[place as usize]));
    }
    kept.sort_unstable();
    kept
}

/// Every pixel becomes the mean of its block; there are `share` times as many blocks as pixels
/// along each side.
fn pixelate(image: &mut [f32], (height, width, channels): (usize, usize, usize), share: f32) {
    let blocks = |n: usize| ((n as f32 * share + 0.5) as usize).clamp(1, n.max(1));
    let (down, across) = (blocks(height), blocks(width));
    let bounds = |i: usize, of: usize, n: usize| (i * n / of, (i + 1) * n / of);
    for (i, j) in (0..down).flat_map(|i| (0..across).map(move |j| (i, j))) {
        let ((top, bottom), (left, right)) = (bounds(i, down, height), bounds(j, across, width));
        let places = || (top..bottom).flat_map(|y| (left..right).map(move |x| y * width + x));
        for channel in 0..channels {
            let sum: f32 = places().map(|p| image[p * channels + channel]).sum();
            let mean = sum / ((bottom - top) * (right - left)).max(1) as f32;
            places().for_each(|p| image[p * channels + channel] = mean);
        }
    }
}

/// Luminance quantisation of ITU-T T.81, table K.1.
#[rustfmt::skip]
const QUANTA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
    120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// What JPEG loses: blocks of 8x8 are transformed, rounded to the quality's steps, and transformed
/// back; every channel as luminance is.
struct Jpeg {
    /// Cosine k at place n, orthonormal.
    basis: [[f64; 8]; 8],
    steps: [f64; 64],
}

impl Jpeg {
    /// Steps as the Independent JPEG Group's library scales them with quality.
    fn new(quality: f32) -> Self {
        let quality = f64::from(quality);
        let scale = if quality < 50.0 { 5000.0 / quality } else { 200.0 - 2.0 * quality };
        let steps =
            QUANTA.map(|q| ((f64::from(q) * scale + 50.0) / 100.0).floor().clamp(1.0, 255.0));
        let basis = std::array::from_fn(|k| {
            let norm = if k == 0 { libm::sqrt(0.125) } else { 0.5 };
            std::array::from_fn(|n| norm * libm::cos(PI * (2 * n + 1) as f64 * k as f64 / 16.0))
        });
        Self { basis, steps }
    }

    fn apply(&self, image: &mut [f32], (height, width, channels): (usize, usize, usize)) {
        for (top, left) in
            (0..height).step_by(8).flat_map(|y| (0..width).step_by(8).map(move |x| (y, x)))
        {
            for channel in 0..channels {
                let at = |i: usize| {
                    let (y, x) = ((top + i / 8).min(height - 1), (left + i % 8).min(width - 1));
                    (y * width + x) * channels + channel
                };
                let block: [f64; 64] =
                    std::array::from_fn(|i| f64::from(image[at(i)]) * 255.0 - 128.0);
                let lossy = self.lose(&block);
                for (i, value) in lossy.iter().enumerate() {
                    if top + i / 8 < height && left + i % 8 < width {
                        image[at(i)] = ((value + 128.0) / 255.0).clamp(0.0, 1.0) as f32;
                    }
                }
            }
        }
    }

    fn lose(&self, block: &[f64; 64]) -> [f64; 64] {
        let b = &self.basis;
        let forward = |x: &[f64; 64]| -> [f64; 64] {
            std::array::from_fn(|i| (0..8).map(|n| b[i / 8][n] * x[n * 8 + i % 8]).sum::<f64>())
        };
        let backward = |x: &[f64; 64]| -> [f64; 64] {
            std::array::from_fn(|i| (0..8).map(|k| b[k][i / 8] * x[k * 8 + i % 8]).sum::<f64>())
        };
        let turned = |x: &[f64; 64]| -> [f64; 64] { std::array::from_fn(|i| x[i % 8 * 8 + i / 8]) };
        let mut waves = turned(&forward(&turned(&forward(block))));
        for (wave, step) in waves.iter_mut().zip(&self.steps) {
            *wave = libm::round(*wave / step) * step;
        }
        turned(&backward(&turned(&backward(&waves))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Smooth images with an edge.
    fn images(channels: usize) -> Images {
        let (height, width) = (13, 28);
        let pixel = |i: usize| {
            let (y, x) = (i / channels / width % height, i / channels % width);
            (40 + 5 * y + 3 * x + if x > 14 { 60 } else { 0 }) as u8
        };
        Images {
            height,
            width,
            channels,
            pixels: (0..3 * height * width * channels).map(pixel).collect(),
        }
    }

    fn distance(a: &Images, b: &Images) -> f64 {
        let squares =
            a.pixels.iter().zip(&b.pixels).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>().sqrt()
    }

    #[test]
    fn a_stronger_corruption_changes_more() {
        for (corruption, channels) in Corruption::ALL.into_iter().flat_map(|c| [(c, 1), (c, 3)]) {
            let images = images(channels);
            let moved = Severity::ALL
                .map(|s| distance(&images, &corruption.apply(&images, s, Key::new(1, 0))));
            assert!(moved[0] > 0.0 && moved[4] > 1.3 * moved[0], "{corruption:?} {moved:?}");
            // How a coarser grid of pixels falls on so small an image is no steady function of its
            // size.
            let is_steady = corruption != Corruption::Pixelate;
            assert!(
                !is_steady || moved.windows(2).all(|pair| pair[1] >= 0.9 * pair[0]),
                "{corruption:?} {moved:?}"
            );
        }
    }

    #[test]
    fn class_frequencies_follow_the_power() {
        let labels: Vec<u16> = (0..110).map(|i| u16::from(i >= 10) + u16::from(i >= 30)).collect();
        let counts = |power| {
            let rows = prior_rows(&labels, 4, power, Key::new(1, 0));
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
            [0, 1, 2].map(|class| rows.iter().filter(|&&row| labels[row as usize] == class).count())
        };
        assert_eq!(counts(1.0), [10, 20, 80]);
        assert_eq!(counts(0.0), [10, 10, 10]);
        assert_eq!(counts(-1.0), [10, 5, 1]);
        assert_eq!(counts(2.0), [1, 5, 80]);
    }

    #[test]
    fn names_are_those_of_the_settings() {
        for corruption in Corruption::ALL {
            let json = serde_json::to_string(&corruption).expect("a name");
            assert_eq!(json, format!("\"{}\"", corruption.name()));
        }
    }

    #[test]
    fn a_row_depends_on_the_key_and_itself() {
        let images = images(1);
        let first = Images { pixels: images.image(0).to_vec(), ..images.clone() };
        for corruption in Corruption::ALL {
            let whole = corruption.apply(&images, Severity::ALL[2], Key::new(5, 0));
            let alone = corruption.apply(&first, Severity::ALL[2], Key::new(5, 0));
            assert_eq!(whole.image(0), &alone.pixels[..], "{corruption:?}");
        }
    }

    #[test]
    fn jpeg_without_loss_is_the_identity() {
        let jpeg = Jpeg { steps: [1e-9; 64], ..Jpeg::new(50.0) };
        let block: [f64; 64] = std::array::from_fn(|i| (i * 37 % 101) as f64);
        for (got, want) in jpeg.lose(&block).iter().zip(block) {
            assert!((got - want).abs() < 1e-6);
        }
    }

    #[test]
    fn single_pixels_survive_everything() {
        let dot = Images { height: 1, width: 1, channels: 3, pixels: vec![7, 100, 250] };
        for (corruption, severity) in
            Corruption::ALL.into_iter().flat_map(|c| Severity::ALL.map(|s| (c, s)))
        {
            assert_eq!(corruption.apply(&dot, severity, Key::new(0, 0)).pixels.len(), 3);
        }
        assert_eq!((Severity::new(0), Severity::new(5).map(Severity::number)), (None, Some(5)));
    }
}
