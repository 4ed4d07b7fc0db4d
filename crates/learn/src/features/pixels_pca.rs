//! Features without a trained model: the default of strategies that start from nothing.
//!
//! Principal components by subspace iteration from a fixed start (Halko 2011, arXiv 0909.4061).
//! Images are seen in blocks and no covariance is formed, so that 224 x 224 pixels are as well
//! possible as 28 x 28.

use crate::data::Pool;
use fewlabel_engine::rng::Key;
use fewlabel_engine::vector::{dot, product};

/// Components of `pixels-pca`.
pub const COMPONENTS: usize = 64;
/// Directions followed beyond those kept; they speed up convergence.
const SPARE: usize = 16;
/// Passes over the images.
const PASSES: usize = 6;
/// Images centred at a time.
const BLOCK: usize = 256;

/// Pixels of images, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum Pixels<'a> {
    /// 0 to 255, taken as 0 to 1.
    Bytes(&'a [u8]),
    /// As they are.
    Floats(&'a [f32]),
}

impl Pixels<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    fn get(&self, at: usize) -> f32 {
        match self {
            Self::Bytes(values) => f32::from(values[at]) / 255.0,
            Self::Floats(values) => values[at],
        }
    }
}

/// The first [`COMPONENTS`] principal components of every image of `width` numbers, each image's
/// scaled to length 1: `[n, COMPONENTS]`. The sign of a component is that of its greatest loading.
/// Where images have fewer directions, the rest are 0; an image equal to the mean is all 0.
///
/// # Panics
/// If `pixels` is not a whole number of images.
pub fn pixels_pca(pixels: Pixels, width: usize) -> Vec<f32> {
    assert!(width > 0 && pixels.len().is_multiple_of(width), "whole images");
    let n = pixels.len() / width;
    let centred = Centred::new(pixels, width);
    let followed = (COMPONENTS + SPARE).min(width).min(n.max(1));
    let mut stream = Key::new(0, 0x0070_6361).stream();
    let mut basis: Vec<f64> = (0..followed * width).map(|_| stream.normal()).collect();
    orthonormalise(&mut basis, width);
    for _ in 0..PASSES {
        basis = centred.squared(&basis, followed);
        orthonormalise(&mut basis, width);
    }
    let projected = centred.times(&basis, followed);
    let rotation = principal_axes(&projected, followed);
    features(&projected, &rotation, &basis, followed, width)
}

/// [`pixels_pca`] of a pool's images, computed once for all runs on them.
pub fn of_pool<'a>(pool: &Pool<'a>) -> &'a [f32] {
    let images = pool.images;
    pool.components
        .get_or_init(|| pixels_pca(Pixels::Bytes(&images.pixels), images.image_len()).into())
}

/// Images minus their mean, made when looked at.
struct Centred<'a> {
    pixels: Pixels<'a>,
    mean: Vec<f32>,
}

impl<'a> Centred<'a> {
    fn new(pixels: Pixels<'a>, width: usize) -> Self {
        let n = pixels.len() / width;
        let mut sums = vec![0.0_f64; width];
        for image in 0..n {
            sums.iter_mut()
                .enumerate()
                .for_each(|(at, sum)| *sum += f64::from(pixels.get(image * width + at)));
        }
        Self { pixels, mean: sums.iter().map(|sum| (sum / n.max(1) as f64) as f32).collect() }
    }

    /// Calls `each` with blocks of centred images.
    fn blocks(&self, mut each: impl FnMut(&[f32])) {
        let width = self.mean.len();
        let n = self.pixels.len() / width;
        let mut block = Vec::new();
        for first in (0..n).step_by(BLOCK) {
            block.clear();
            for image in first..(first + BLOCK).min(n) {
                block.extend(
                    (0..width).map(|at| self.pixels.get(image * width + at) - self.mean[at]),
                );
            }
            each(&block);
        }
    }

    /// X B^T: the images' coordinates `[n, followed]` along the rows of the basis.
    fn times(&self, basis: &[f64], followed: usize) -> Vec<f32> {
        let width = self.mean.len();
        let columns = transposed(basis, width);
        let mut coordinates = Vec::new();
        self.blocks(|block| {
            let first = coordinates.len();
            coordinates.resize(first + block.len() / width * followed, 0.0);
            product(width, block, &columns, &mut coordinates[first..]);
        });
        coordinates
    }

    /// B X^T X: the basis after one pass.
    fn squared(&self, basis: &[f64], followed: usize) -> Vec<f64> {
        let width = self.mean.len();
        let columns = transposed(basis, width);
        let mut sums = vec![0.0_f64; followed * width];
        let mut part = vec![0.0; followed * width];
        self.blocks(|block| {
            let images = block.len() / width;
            let mut coordinates = vec![0.0; images * followed];
            product(width, block, &columns, &mut coordinates);
            let by_direction: Vec<f32> = (0..followed * images)
                .map(|i| coordinates[i % images * followed + i / images])
                .collect();
            product(images, &by_direction, block, &mut part);
            sums.iter_mut().zip(&part).for_each(|(sum, &part)| *sum += f64::from(part));
        });
        sums
    }
}

/// Rows of `width` as columns, in `f32`.
fn transposed(rows: &[f64], width: usize) -> Vec<f32> {
    let count = rows.len() / width;
    (0..rows.len()).map(|i| rows[i % count * width + i / count] as f32).collect()
}

/// Gram-Schmidt, twice; what is left of a dependent row becomes 0.
fn orthonormalise(rows: &mut [f64], width: usize) {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for at in 0..rows.len() / width {
        let (before, rest) = rows.split_at_mut(at * width);
        let row = &mut rest[..width];
        let length = product(row, row).sqrt();
        for _ in 0..2 {
            for other in before.chunks_exact(width) {
                let along = product(other, row);
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
        }
        let left = product(row, row).sqrt();
        let scale = if left > 1e-6 * length { 1.0 / left } else { 0.0 };
        row.iter_mut().for_each(|x| *x *= scale);
    }
}

/// Eigenvectors (as rows, greatest eigenvalue first) of the second moments of `coordinates` [n, k],
/// by Jacobi rotations.
fn principal_axes(coordinates: &[f32], k: usize) -> Vec<f64> {
    let mut moments = vec![0.0_f64; k * k];
    for row in coordinates.chunks_exact(k) {
        for (i, &x) in row.iter().enumerate() {
            let sums = &mut moments[i * k..][..k];
            sums.iter_mut().zip(row).for_each(|(sum, &y)| *sum += f64::from(x) * f64::from(y));
        }
    }
    let mut axes = vec![0.0_f64; k * k];
    (0..k).for_each(|i| axes[i * k + i] = 1.0);
    for _ in 0..12 {
        for p in 0..k {
            for q in p + 1..k {
                rotate(&mut moments, &mut axes, k, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|&a, &b| moments[b * k + b].total_cmp(&moments[a * k + a]).then(a.cmp(&b)));
    order.into_iter().flat_map(|i| axes[i * k..][..k].to_vec()).collect()
}

/// One Jacobi rotation: makes element (p, q) of the symmetric matrix 0.
fn rotate(matrix: &mut [f64], axes: &mut [f64], k: usize, p: usize, q: usize) {
    let off = matrix[p * k + q];
    if off.abs() <= 1e-300 {
        return;
    }
    let theta = (matrix[q * k + q] - matrix[p * k + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for i in 0..k {
        let (a, b) = (matrix[i * k + p], matrix[i * k + q]);
        (matrix[i * k + p], matrix[i * k + q]) = (c * a - s * b, s * a + c * b);
    }
    for i in 0..k {
        let (a, b) = (matrix[p * k + i], matrix[q * k + i]);
        (matrix[p * k + i], matrix[q * k + i]) = (c * a - s * b, s * a + c * b);
        let (a, b) = (axes[p * k + i], axes[q * k + i]);
        (axes[p * k + i], axes[q * k + i]) = (c * a - s * b, s * a + c * b);
    }
}

/// Coordinates along the principal axes, signs fixed, rows of length 1.
fn features(
    projected: &[f32],
    rotation: &[f64],
    basis: &[f64],
    followed: usize,
    width: usize,
) -> Vec<f32> {
    let kept = COMPONENTS.min(followed);
    let mut axes = vec![0.0_f64; kept * followed];
    for (axis, row) in axes.chunks_exact_mut(followed).zip(rotation.chunks_exact(followed)) {
        let loading = |at: usize| {
            row.iter().zip(basis.chunks_exact(width)).map(|(r, b)| r * b[at]).sum::<f64>()
        };
        let greatest =
            (0..width).map(loading).fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        let sign = if greatest < 0.0 { -1.0 } else { 1.0 };
        axis.iter_mut().zip(row).for_each(|(axis, r)| *axis = sign * r);
    }
    let n = projected.len() / followed;
    let mut coordinates = vec![0.0; n * kept];
    product(followed, projected, &transposed(&axes, followed), &mut coordinates);
    let mut features = vec![0.0; n * COMPONENTS];
    for (feature, row) in features.chunks_exact_mut(COMPONENTS).zip(coordinates.chunks_exact(kept))
    {
        let length = dot(row, row).sqrt();
        if length > 0.0 {
            feature.iter_mut().zip(row).for_each(|(feature, x)| *feature = x / length);
        }
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_of_greatest_variance_comes_first() {
        // Two pixels of five vary: the fourth by 8, the first by 2, independently.
        let images: Vec<f32> = (0..40)
            .flat_map(|i| {
                let (a, b) = (f32::from(i % 2 == 0), f32::from(i / 2 % 2 == 0));
                [2.0 * a, 1.0, 5.0, 8.0 * b, 0.0]
            })
            .collect();
        let features = pixels_pca(Pixels::Floats(&images), 5);
        let length = (4.0_f32 * 4.0 + 1.0).sqrt();
        for (i, row) in features.chunks(COMPONENTS).enumerate() {
            let (a, b) =
                (if i % 2 == 0 { 1.0 } else { -1.0 }, if i / 2 % 2 == 0 { 4.0 } else { -4.0 });
            assert!(
                (row[0] - b / length).abs() < 1e-5 && (row[1] - a / length).abs() < 1e-5,
                "{i}: {:?}",
                &row[..4]
            );
            assert!(row[2..].iter().all(|x| x.abs() < 1e-5));
        }
    }

    #[test]
    fn distances_along_few_directions_are_kept() {
        // Images in a subspace of 10 directions: before scaling, PCA keeps their inner products; so
        // the cosines agree.
        let (n, width) = (300, 50);
        let mut stream = Key::new(3, 3).stream();
        let directions: Vec<f64> = (0..10 * width).map(|_| stream.normal()).collect();
        let mut images = vec![0.0_f32; n * width];
        for image in images.chunks_exact_mut(width) {
            for direction in directions.chunks(width) {
                let weight = stream.normal();
                image.iter_mut().zip(direction).for_each(|(x, d)| *x += (weight * d) as f32);
            }
        }
        let features = pixels_pca(Pixels::Floats(&images), width);
        let centred = Centred::new(Pixels::Floats(&images), width);
        let row = |i: usize| -> Vec<f64> {
            (0..width).map(|at| f64::from(images[i * width + at] - centred.mean[at])).collect()
        };
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        for (i, j) in [(0, 1), (5, 200), (17, 18), (299, 3)] {
            let (a, b) = (row(i), row(j));
            let cosine = inner(&a, &b) / (inner(&a, &a) * inner(&b, &b)).sqrt();
            let found = dot(
                &features[i * COMPONENTS..][..COMPONENTS],
                &features[j * COMPONENTS..][..COMPONENTS],
            );
            assert!((f64::from(found) - cosine).abs() < 1e-4, "{found} {cosine}");
        }
    }

    #[test]
    fn bytes_are_read_as_zero_to_one_and_equal_images_give_zeros() {
        let bytes: Vec<u8> = (0..60).map(|i| (i * 41 % 251) as u8).collect();
        let floats: Vec<f32> = bytes.iter().map(|&b| f32::from(b) / 255.0).collect();
        assert_eq!(pixels_pca(Pixels::Bytes(&bytes), 6), pixels_pca(Pixels::Floats(&floats), 6));
        assert!(pixels_pca(Pixels::Bytes(&[7; 40]), 8).iter().all(|x| *x == 0.0));
    }
}
