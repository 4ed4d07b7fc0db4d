//! Resampling: area when shrinking, bilinear when enlarging.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use std::borrow::Cow;

/// A kind of value that pictures hold.
pub(super) trait Sample: bytemuck::Pod + PartialOrd {
    /// The resampler's names for one and for three channels.
    const PIXELS: [PixelType; 2];

    /// The value; no bit is lost.
    fn to_f64(self) -> f64;

    /// What an eye sees of a colour.
    fn luma(pixel: [Self; 3]) -> Self;
}

/// ITU-R 601's weights of red, green and blue in 65536ths; their sum is 65536.
const LUMA: [u32; 3] = [19_595, 38_470, 7_471];

fn luma([red, green, blue]: [u32; 3]) -> u32 {
    (red * LUMA[0] + green * LUMA[1] + blue * LUMA[2] + 32_768) >> 16
}

impl Sample for u8 {
    const PIXELS: [PixelType; 2] = [PixelType::U8, PixelType::U8x3];

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn luma(pixel: [Self; 3]) -> Self {
        luma(pixel.map(u32::from)) as Self
    }
}

impl Sample for u16 {
    const PIXELS: [PixelType; 2] = [PixelType::U16, PixelType::U16x3];

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn luma(pixel: [Self; 3]) -> Self {
        luma(pixel.map(u32::from)) as Self
    }
}

impl Sample for f32 {
    const PIXELS: [PixelType; 2] = [PixelType::F32, PixelType::F32x3];

    fn to_f64(self) -> f64 {
        self.into()
    }

    fn luma([red, green, blue]: [Self; 3]) -> Self {
        let weighted = |value: Self, weight: u32| f64::from(value) * f64::from(weight);
        let sum = weighted(red, LUMA[0]) + weighted(green, LUMA[1]) + weighted(blue, LUMA[2]);
        (sum / 65_536.0) as Self
    }
}

/// Values [height, width, channels] on their way.
pub(super) struct Plane<'a, T: Clone> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) values: Cow<'a, [T]>,
}

impl<T: Sample> Plane<'_, T> {
    /// One channel made of three.
    pub(super) fn luma(self) -> Self {
        let pixels = self.values.as_chunks::<3>().0;
        let values = pixels.iter().map(|&pixel| T::luma(pixel)).collect();
        Self { channels: 1, values: Cow::Owned(values), ..self }
    }

    /// The whole, in another size.
    pub(super) fn resized(&self, height: usize, width: usize) -> Vec<T> {
        let (shrunk_height, shrunk_width) = (height.min(self.height), width.min(self.width));
        // An axis may shrink while the other one grows: the means come first.
        let shrunk = self.through(FilterType::Box, shrunk_height, shrunk_width);
        let Self { channels, .. } = *self;
        Plane { height: shrunk_height, width: shrunk_width, channels, values: shrunk }
            .through(FilterType::Bilinear, height, width)
            .into_owned()
    }

    /// The whole in another size; its own values where it has the size.
    fn through(&self, filter: FilterType, height: usize, width: usize) -> Cow<'_, [T]> {
        if (height, width) == (self.height, self.width) {
            return Cow::Borrowed(&self.values);
        }
        let pixel = T::PIXELS[usize::from(self.channels == 3)];
        let bytes = bytemuck::cast_slice(&self.values);
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let source = ImageRef::new(side(self.width), side(self.height), bytes, pixel);
        let source = source.expect("the values are those of the size");
        let mut out = Image::new(side(width), side(height), pixel);
        let options =
            ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
        Resizer::new().resize(&source, &mut out, &options).expect("both are of one kind");
        Cow::Owned(bytemuck::pod_collect_to_vec(out.buffer()))
    }

    /// The middle, as large as the ratio allows, in the size.
    pub(super) fn cropped_to(&self, height: usize, width: usize) -> Vec<T> {
        let [rows, columns] = within([self.height, self.width], [height, width]);
        let (top, left) = ((self.height - rows) / 2, (self.width - columns) / 2);
        let length = columns * self.channels;
        let row = |row: usize| {
            let start = ((top + row) * self.width + left) * self.channels;
            &self.values[start..start + length]
        };
        let values = (0..rows).flat_map(row).copied().collect();
        let Self { channels, .. } = *self;
        Plane { height: rows, width: columns, channels, values }.resized(height, width)
    }

    /// The whole, centred in the size, and a border of the edges' median.
    pub(super) fn letterboxed(&self, height: usize, width: usize) -> Vec<T> {
        let [rows, columns] = within([height, width], [self.height, self.width]);
        let inner = self.resized(rows, columns);
        if (rows, columns) == (height, width) {
            return inner;
        }
        let border = self.border();
        let mut out = border.repeat(height * width);
        let (top, left) = ((height - rows) / 2, (width - columns) / 2);
        let length = columns * self.channels;
        for (row, from) in inner.chunks_exact(length).enumerate() {
            let start = ((top + row) * width + left) * self.channels;
            out[start..start + length].copy_from_slice(from);
        }
        out
    }

    /// The lower median of the pixels along the four edges, in each channel.
    fn border(&self) -> Vec<T> {
        let Self { height, width, channels, .. } = *self;
        let columns_of = |row: usize| {
            let step = if row == 0 || row == height - 1 { 1 } else { (width - 1).max(1) };
            (0..width).step_by(step).map(move |column| (row, column))
        };
        let edge: Vec<_> = (0..height).flat_map(columns_of).collect();
        let median = |channel: usize| {
            let of = |&(row, column): &(usize, usize)| {
                self.values[(row * width + column) * channels + channel]
            };
            let mut values: Vec<T> = edge.iter().map(of).collect();
            let middle = (values.len() - 1) / 2;
            let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
            *values.select_nth_unstable_by(middle, order).1
        };
        (0..channels).map(median).collect()
    }
}

/// The largest size inside `outer` that has the ratio of `inner`, rounded, at least 1 a side.
fn within([height, width]: [usize; 2], [of_height, of_width]: [usize; 2]) -> [usize; 2] {
    let rounded = |a: usize, b: usize| ((2 * a + b) / (2 * b)).max(1);
    if width * of_height <= height * of_width {
        [rounded(width * of_height, of_width).min(height), width]
    } else {
        [height, rounded(height * of_width, of_height).min(width)]
    }
}
