//! Resampling and filtering of images: what augmentation is built from.
//!
//! Images are f32, channels last. A sampling position is in pixels, with (0, 0) at the centre of the first pixel;
//! positions and pixels outside the image are made by a [`Border`]. Everything works in place, in buffers that are
//! kept between images: nothing is allocated after the first image of a shape.

/// The shape of one image, channels last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

impl Shape {
    /// Number of pixels.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of values.
    pub const fn len(self) -> usize {
        self.pixels() * self.channels
    }

    /// Whether an image of this shape has no values.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// What lies outside an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    /// The nearest pixel of the edge: `aaa|abcd|ddd`.
    Replicate,
    /// The image mirrored about its outer edge: `cba|abcd|dcb`.
    Reflect,
    /// One value everywhere: `kkk|abcd|kkk`.
    Constant(f32),
}

/// How a value between pixels is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// The nearest pixel.
    Nearest,
    /// The weighted mean of the four pixels around.
    Bilinear,
}

/// The map from a pixel of the result to its position in the source:
/// `x' = m[0] x + m[1] y + m[2]`, `y' = m[3] x + m[4] y + m[5]`, with the origin of both in the centre of the image.
pub type Matrix = [f32; 6];

/// Resamples images of one shape.
#[derive(Clone, Debug)]
pub struct Resampler {
    shape: Shape,
    source: Vec<f32>,
}

impl Resampler {
    /// Buffers for images of `shape`.
    pub fn new(shape: Shape) -> Self {
        Self { shape, source: vec![0.0; shape.len()] }
    }

    /// Replaces `image` by its affine resampling. The identity matrix changes no bit.
    ///
    /// # Panics
    /// If `image` is not of the resampler's shape.
    pub fn affine(&mut self, image: &mut [f32], m: &Matrix, sampling: Sampling, border: Border) {
        let (cy, cx) = self.centre();
        self.sample(image, sampling, border, |y, x| {
            let (x, y) = (x - cx, y - cy);
            (m[3].mul_add(x, m[4].mul_add(y, m[5] + cy)), m[0].mul_add(x, m[1].mul_add(y, m[2] + cx)))
        });
    }

    /// Replaces every pixel of `image` by the one at its place moved by `scale` times (`dx`, `dy`) pixels.
    ///
    /// # Panics
    /// If `image` is not of the resampler's shape, or a field does not have one value a pixel.
    pub fn displace(
        &mut self,
        image: &mut [f32],
        (dx, dy): (&[f32], &[f32]),
        scale: f32,
        sampling: Sampling,
        border: Border,
    ) {
        let (pixels, width) = (self.shape.pixels(), self.shape.width);
        assert!(dx.len() == pixels && dy.len() == pixels, "a displacement field has one value a pixel");
        self.sample(image, sampling, border, |y, x| {
            let i = y as usize * width + x as usize;
            (scale.mul_add(dy[i], y), scale.mul_add(dx[i], x))
        });
    }

    fn centre(&self) -> (f32, f32) {
        (0.5 * (self.shape.height as f32 - 1.0), 0.5 * (self.shape.width as f32 - 1.0))
    }

    fn sample(
        &mut self,
        image: &mut [f32],
        sampling: Sampling,
        border: Border,
        place: impl Fn(f32, f32) -> (f32, f32),
    ) {
        assert_eq!(image.len(), self.shape.len(), "an image of the resampler's shape");
        let Shape { height, width, channels } = self.shape;
        self.source.copy_from_slice(image);
        for row in 0..height {
            for column in 0..width {
                let (y, x) = place(row as f32, column as f32);
                let ((y0, fy), (x0, fx)) = (split(y, height, border, sampling), split(x, width, border, sampling));
                for channel in 0..channels {
                    let at = |dy: isize, dx: isize| self.value(y0 + dy, x0 + dx, channel, border);
                    let top = lerp(at(0, 0), at(0, 1), fx);
                    let bottom = lerp(at(1, 0), at(1, 1), fx);
                    image[(row * width + column) * channels + channel] = lerp(top, bottom, fy);
                }
            }
        }
    }

    fn value(&self, y: isize, x: isize, channel: usize, border: Border) -> f32 {
        let Shape { height, width, channels } = self.shape;
        let inside = |i: isize, n: usize| (0..n as isize).contains(&i);
        match border {
            Border::Constant(k) if !inside(y, height) || !inside(x, width) => k,
            _ => {
                let (y, x) = (y.clamp(0, height as isize - 1) as usize, x.clamp(0, width as isize - 1) as usize);
                self.source[(y * width + x) * channels + channel]
            }
        }
    }
}

/// Whole and fractional part of a position along an axis of `n` pixels, after the border's rule.
fn split(position: f32, n: usize, border: Border, sampling: Sampling) -> (isize, f32) {
    let last = n as f32 - 1.0;
    let (low, high) = if matches!(border, Border::Constant(_)) { (-1.0, n as f32) } else { (0.0, last) };
    let mut p = position;
    if border == Border::Reflect {
        let period = 2.0 * n as f32;
        let q = p + 0.5;
        let q = period.mul_add(-(q / period).floor(), q);
        p = if q > n as f32 { period - q } else { q } - 0.5;
    }
    p = if p > low { p } else { low };
    p = if p > high { high } else { p };
    match sampling {
        Sampling::Nearest => ((p + 0.5).floor() as isize, 0.0),
        Sampling::Bilinear => (p.floor() as isize, p - p.floor()),
    }
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    (b - a).mul_add(t, a)
}

/// Filters images of one shape with one symmetric kernel along rows and columns.
#[derive(Clone, Debug)]
pub struct Filter {
    shape: Shape,
    lines: Vec<f32>,
}

impl Filter {
    /// Buffers for images of `shape`.
    pub fn new(shape: Shape) -> Self {
        Self { shape, lines: vec![0.0; shape.len()] }
    }

    /// Filters `image` along columns, then rows; pixels outside repeat the border.
    /// `half` is the kernel from its centre outwards: its length is the radius plus one.
    ///
    /// # Panics
    /// If `image` is not of the filter's shape or `half` is empty.
    pub fn separable(&mut self, image: &mut [f32], half: &[f32]) {
        assert_eq!(image.len(), self.shape.len(), "an image of the filter's shape");
        assert!(!half.is_empty(), "a filter has a centre");
        let Shape { height, width, channels } = self.shape;
        if self.shape.is_empty() {
            return;
        }
        let stride = width * channels;
        line_filter(image, &mut self.lines, half, |i, t| {
            let (y, rest) = (i / stride, i % stride);
            (y.saturating_sub(t) * stride + rest, (y + t).min(height - 1) * stride + rest)
        });
        line_filter(&self.lines, image, half, |i, t| {
            let (pixel, channel) = (i / channels, i % channels);
            let (y, x) = (pixel / width, pixel % width);
            let at = |x: usize| (y * width + x) * channels + channel;
            (at(x.saturating_sub(t)), at((x + t).min(width - 1)))
        });
    }
}

/// `to[i] = half[0] from[i] + sum over t of half[t] (from[before] + from[after])`, in order of t.
fn line_filter(from: &[f32], to: &mut [f32], half: &[f32], pair: impl Fn(usize, usize) -> (usize, usize)) {
    for (i, out) in to.iter_mut().enumerate() {
        let mut sum = half[0] * from[i];
        for (t, &weight) in half.iter().enumerate().skip(1) {
            let (before, after) = pair(i, t);
            sum = (from[before] + from[after]).mul_add(weight, sum);
        }
        *out = sum;
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
            Resampler::new(SHAPE).affine(&mut image, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], Sampling::Bilinear, border);
            assert_eq!(image, ramp());
        }
    }

    #[test]
    fn a_move_by_one_pixel_shows_the_border() {
        let cases = [(Border::Replicate, 3.0), (Border::Reflect, 3.0), (Border::Constant(0.5), 5.5)];
        for (border, last) in cases {
            let mut image = ramp();
            Resampler::new(SHAPE).affine(&mut image, &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0], Sampling::Bilinear, border);
            let row: Vec<f32> = image[..4].iter().map(|v| v * 11.0).collect();
            for (got, want) in row.iter().zip([1.0, 2.0, 3.0, last]) {
                assert!((got - want).abs() < 1e-5, "{border:?} {row:?}");
            }
        }
    }

    #[test]
    fn a_filter_of_one_weight_changes_no_bit_and_a_mean_keeps_a_constant() {
        let mut image = ramp();
        Filter::new(SHAPE).separable(&mut image, &[1.0]);
        assert_eq!(image, ramp());
        let mut flat = vec![0.25; 12];
        Filter::new(SHAPE).separable(&mut flat, &[0.5, 0.25]);
        assert_eq!(flat, vec![0.25; 12]);
    }
}
