//! Resampling and filtering of images: what augmentation is built from.
//!
//! Images are f32, channels last. A sampling position is in pixels, with (0, 0) at the centre of
//! the first pixel. A [`Border`] tells what lies outside. Everything works in place, and buffers
//! are kept between images, so that nothing is allocated for an image.

pub use crate::geometry::{Border, Field, Matrix, Sampling, Shape};

use crate::kernels::Isa;
use crate::kernels::image::filter;
use crate::kernels::image::gather::{self, BEFORE, Job, Map};
use crate::kernels::simd::LANES;

/// Resamples images of one shape.
#[derive(Clone, Debug)]
pub struct Resampler {
    shape: Shape,
    /// Planes with margins, as [`gather`] reads them.
    source: Vec<f32>,
    /// Row and column of every pixel, in whole vectors.
    rows: Vec<f32>,
    columns: Vec<f32>,
}

impl Resampler {
    /// Buffers for images of `shape`.
    ///
    /// # Panics
    /// If the image has 2^24 pixels or more.
    pub fn new(shape: Shape) -> Self {
        let (rows, stride) = gather::plane(shape);
        assert!(rows * stride < 1 << 24, "an image of fewer than 2^24 pixels");
        let padded = shape.pixels().next_multiple_of(LANES);
        let width = shape.width.max(1);
        Self {
            shape,
            source: vec![0.0; rows * stride * shape.channels],
            rows: (0..padded).map(|i| (i / width) as f32).collect(),
            columns: (0..padded).map(|i| (i % width) as f32).collect(),
        }
    }

    /// Replaces `image` by its affine resampling. The identity matrix changes no bit.
    ///
    /// # Panics
    /// If `image` is not of the resampler's shape.
    pub fn affine(&mut self, image: &mut [f32], m: &Matrix, sampling: Sampling, border: Border) {
        self.affine_on(Isa::detect(), image, m, sampling, border);
    }

    pub(crate) fn affine_on(
        &mut self,
        isa: Isa,
        image: &mut [f32],
        m: &Matrix,
        sampling: Sampling,
        border: Border,
    ) {
        let (cy, cx) =
            (0.5 * (self.shape.height as f32 - 1.0), 0.5 * (self.shape.width as f32 - 1.0));
        // The origin moves to the first pixel. Halves of whole numbers are exact, so the identity
        // is too.
        let shift_x = m[2] + (cx - (m[0] * cx + m[1] * cy));
        let shift_y = m[5] + (cy - (m[3] * cx + m[4] * cy));
        self.sample(
            isa,
            image,
            Map::Affine([m[0], m[1], shift_x, m[3], m[4], shift_y]),
            sampling,
            border,
        );
    }

    /// Replaces every pixel of `image` by the one that lies `scale` times (`dx`, `dy`) pixels from
    /// it.
    ///
    /// # Panics
    /// If `image` is not of the resampler's shape, or a field does not have one value a pixel.
    pub fn displace(
        &mut self,
        image: &mut [f32],
        field: Field,
        sampling: Sampling,
        border: Border,
    ) {
        self.displace_on(Isa::detect(), image, field, sampling, border);
    }

    pub(crate) fn displace_on(
        &mut self,
        isa: Isa,
        image: &mut [f32],
        field: Field,
        sampling: Sampling,
        border: Border,
    ) {
        let pixels = self.shape.pixels();
        assert!(
            field.dx.len() == pixels && field.dy.len() == pixels,
            "a displacement field has one value a pixel"
        );
        self.sample(isa, image, Map::Field(field), sampling, border);
    }

    fn sample(
        &mut self,
        isa: Isa,
        image: &mut [f32],
        map: Map,
        sampling: Sampling,
        border: Border,
    ) {
        assert_eq!(image.len(), self.shape.len(), "an image of the resampler's shape");
        if self.shape.is_empty() {
            return;
        }
        self.copy_with_margin(image, border);
        let grid = (&self.rows[..], &self.columns[..]);
        let job = Job { shape: self.shape, source: &self.source, grid, map, sampling, border };
        gather::sample(isa, &job, image);
    }

    /// Splits the channels into planes, and repeats the edge or the constant around each.
    fn copy_with_margin(&mut self, image: &[f32], border: Border) {
        let Shape { height, width, channels } = self.shape;
        let (rows, stride) = gather::plane(self.shape);
        for (channel, plane) in self.source.chunks_exact_mut(rows * stride).enumerate() {
            for (line, row) in plane[BEFORE * stride..]
                .chunks_exact_mut(stride)
                .zip(image.chunks_exact(width * channels))
            {
                let inner = &mut line[BEFORE..BEFORE + width];
                if channels == 1 {
                    inner.copy_from_slice(row);
                } else {
                    inner
                        .iter_mut()
                        .zip(row[channel..].iter().step_by(channels))
                        .for_each(|(to, &from)| *to = from);
                }
                let (first, last) = match border {
                    Border::Constant(k) => (k, k),
                    _ => (inner[0], inner[width - 1]),
                };
                line[..BEFORE].fill(first);
                line[BEFORE + width..].fill(last);
            }
            let end = (BEFORE + height) * stride;
            if let Border::Constant(k) = border {
                plane[..BEFORE * stride].fill(k);
                plane[end..].fill(k);
            } else {
                plane.copy_within(BEFORE * stride..(BEFORE + 1) * stride, 0);
                for row in BEFORE + height..rows {
                    plane.copy_within(end - stride..end, row * stride);
                }
            }
        }
    }
}

/// Filters images of one shape with one symmetric kernel along rows and columns.
#[derive(Clone, Debug)]
pub struct Filter {
    shape: Shape,
    lines: Vec<f32>,
}

impl Filter {
    /// Buffers for images of `shape` and kernels up to `radius`.
    pub fn new(shape: Shape, radius: usize) -> Self {
        Self { shape, lines: vec![0.0; shape.height * filter::stride(shape, radius + 1)] }
    }

    /// Filters `image` along columns, then rows. Pixels outside repeat the border.
    ///
    /// `half` is the kernel from its centre outwards: its length is the radius plus one.
    ///
    /// # Panics
    /// If `image` is not of the filter's shape, `half` is empty, or the radius is too large for the
    /// buffers.
    pub fn separable(&mut self, image: &mut [f32], half: &[f32]) {
        self.separable_on(Isa::detect(), image, half);
    }

    pub(crate) fn separable_on(&mut self, isa: Isa, image: &mut [f32], half: &[f32]) {
        if !self.shape.is_empty() {
            filter::separable(isa, self.shape, image, &mut self.lines, half);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { height: 3, width: 4, channels: 1 };

    fn ramp() -> Vec<f32> {
        (0..12).map(|i| i as f32 / 11.0).collect()
    }

    #[test]
    fn the_identity_changes_no_bit() {
        for border in [Border::Replicate, Border::Reflect, Border::Constant(0.5)] {
            let mut image = ramp();
            Resampler::new(SHAPE).affine(
                &mut image,
                &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                Sampling::Bilinear,
                border,
            );
            assert_eq!(image, ramp());
        }
    }

    #[test]
    fn a_move_by_one_pixel_shows_the_border() {
        let cases =
            [(Border::Replicate, 3.0), (Border::Reflect, 3.0), (Border::Constant(0.5), 5.5)];
        for (border, last) in cases {
            let mut image = ramp();
            Resampler::new(SHAPE).affine(
                &mut image,
                &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
                Sampling::Bilinear,
                border,
            );
            let row: Vec<f32> = image[..4].iter().map(|v| v * 11.0).collect();
            for (got, want) in row.iter().zip([1.0, 2.0, 3.0, last]) {
                assert!((got - want).abs() < 1e-5, "{border:?} {row:?}");
            }
        }
    }

    #[test]
    fn a_filter_of_one_weight_changes_no_bit_and_a_mean_keeps_a_constant() {
        let mut image = ramp();
        Filter::new(SHAPE, 1).separable(&mut image, &[1.0]);
        assert_eq!(image, ramp());
        let mut flat = vec![0.25; 12];
        Filter::new(SHAPE, 1).separable(&mut flat, &[0.5, 0.25]);
        assert_eq!(flat, vec![0.25; 12]);
    }
}
