//! Shapes, borders and positions of images: what [`crate::image`] and its kernels both speak of.

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

/// The map from a pixel of the result to its position in the source.
///
/// `x' = m[0] x + m[1] y + m[2]` and `y' = m[3] x + m[4] y + m[5]`. The origin of both is the
/// centre of the image.
pub type Matrix = [f32; 6];

/// Displacements in pixels: `scale` times `dx` and `dy`, one value a pixel.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// To the right.
    pub dx: &'a [f32],
    /// Downwards.
    pub dy: &'a [f32],
    /// The factor of both.
    pub scale: f32,
}
