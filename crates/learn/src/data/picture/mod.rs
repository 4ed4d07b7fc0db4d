//! Picture files: PNG, JPEG, TIFF, BMP, WebP and GIF, told apart by their content.
//!
//! [`read`] gives the values as they are stored, upright, with a note of everything that was done.
//! A file that is cut or cannot be read rightly is refused with the end of a sentence that begins
//! with the file's name. `docs/pictures.md` says what is read and how it was compared.

mod alpha;
mod bmp;
mod caught;
mod exif;
mod format;
mod gif;
mod jpeg;
mod png;
mod summary;
mod tiff;
mod upright;
mod webp;
mod window;

pub use format::{Format, Recognised, recognise};
pub use png::encode;
pub use summary::Summary;
pub use window::{Histogram, Window};

/// The longest side that is read.
pub const LONGEST_SIDE: usize = 65_535;
/// The most pixels that are read.
pub const MOST_PIXELS: usize = 500_000_000;
/// The most memory that the values of one image may take.
pub const MOST_BYTES: usize = 1 << 30;

/// One image of a file as it is stored, upright.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// What kind of file it is from.
    pub format: Format,
    /// How many images the file holds.
    pub frames: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Bits of a value; integers go from 0 to `2^bits - 1`.
    pub bits: u8,
    /// The values [height, width, channels].
    pub values: Values,
    /// The window that the file itself asks for, where it has one.
    pub window: Option<Window>,
    /// What was done to the stored values, one phrase each: "EXIF orientation 6 applied".
    pub notes: Vec<String>,
}

/// The values of a picture, with as many bits as they have in the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Up to 8 bits.
    U8(Vec<u8>),
    /// 9 to 16 bits.
    U16(Vec<u16>),
    /// Floats, and integers with a sign.
    F32(Vec<f32>),
}

impl Values {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::U16(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them as floats; no value loses a bit.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::U8(values) => values.iter().map(|&value| f32::from(value)).collect(),
            Self::U16(values) => values.iter().map(|&value| f32::from(value)).collect(),
            Self::F32(values) => values.clone(),
        }
    }
}

impl Picture {
    /// Whether every pixel has red = green = blue, or there is one channel only.
    pub fn is_grey(&self) -> bool {
        fn all_equal<T: PartialEq>(values: &[T]) -> bool {
            values.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
        }
        self.channels == 1
            || match &self.values {
                Values::U8(values) => all_equal(values),
                Values::U16(values) => all_equal(values),
                Values::F32(values) => all_equal(values),
            }
    }
}

/// What a decoder hands over: values as stored, not yet upright, perhaps with alpha.
struct Raster {
    height: usize,
    width: usize,
    /// 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha.
    channels: usize,
    bits: u8,
    values: Values,
    /// EXIF's orientation as the file says it, right or wrong.
    orientation: Option<u64>,
    notes: Vec<String>,
}

/// How many images a file holds (pages of a TIFF; 1 for all others), without decoding them.
///
/// # Errors
/// If the file is of no format that is read, or its structure is damaged. The error is the end of a
/// sentence that begins with the file's name.
pub fn frames(bytes: &[u8]) -> Result<usize, String> {
    match understood(bytes)? {
        Format::Tiff => caught::silently(|| tiff::frames(bytes)),
        _ => Ok(1),
    }
}

/// Decodes one image, counted from 0.
///
/// # Errors
/// If the file is cut, damaged, too large, or of a kind that is not read. The error is the end of a
/// sentence that begins with the file's name.
pub fn read(bytes: &[u8], frame: usize) -> Result<Picture, String> {
    let format = understood(bytes)?;
    caught::silently(|| {
        let frames = if format == Format::Tiff { tiff::frames(bytes)? } else { 1 };
        if frame >= frames {
            let images = crate::counted(frames, "image");
            return Err(format!("holds {images}; frame {frame} was asked for, the first is 0"));
        }
        let raster = match format {
            Format::Png => png::read(bytes),
            Format::Jpeg => jpeg::read(bytes),
            Format::Tiff => tiff::read(bytes, frame),
            Format::Bmp => bmp::read(bytes),
            Format::Webp => webp::read(bytes),
            Format::Gif => gif::read(bytes),
        }?;
        Ok(finish(format, frames, raster))
    })
}

fn understood(bytes: &[u8]) -> Result<Format, String> {
    match recognise(bytes) {
        Recognised::Picture(format) => Ok(format),
        Recognised::Refused(kind) => {
            Err(format!("is {kind}, which is not read; expected {}", format::UNDERSTOOD))
        }
        Recognised::Unknown if bytes.is_empty() => Err("is empty".to_owned()),
        Recognised::Unknown => Err(format!("is no picture; expected {}", format::UNDERSTOOD)),
    }
}

fn finish(format: Format, frames: usize, mut raster: Raster) -> Picture {
    alpha::lay_on_black(&mut raster);
    upright::turn(&mut raster);
    let Raster { height, width, channels, bits, values, notes, .. } = raster;
    Picture { format, frames, height, width, channels, bits, values, window: None, notes }
}

/// Refuses a size that is empty or too large, before anything is allocated for it.
fn check_size(height: usize, width: usize, bytes_per_pixel: usize) -> Result<(), String> {
    if height == 0 || width == 0 {
        return Err(format!("is of {height}x{width} pixels, which is no image"));
    }
    let pixels = height.saturating_mul(width);
    if height.max(width) > LONGEST_SIDE || pixels > MOST_PIXELS {
        return Err(format!(
            "is of {height}x{width} pixels; at most {LONGEST_SIDE} a side and 500 million in all \
             are read"
        ));
    }
    if pixels.saturating_mul(bytes_per_pixel) > MOST_BYTES {
        return Err(format!("needs more than 1 GiB for its {height}x{width} pixels"));
    }
    Ok(())
}

/// The sentence for a file that ends too early.
fn cut(place: &str) -> String {
    format!("is cut off: it ends {place}")
}

#[cfg(test)]
mod tests;
