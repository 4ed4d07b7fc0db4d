//! An image as the page gets it: a PNG to look at, or all its values.

use crate::labelling::session::Place;
use fewlabel_learn::data::Images;
use fewlabel_learn::data::picture::{self, Format, Picture, Values, Window};
use fewlabel_learn::data::preprocessing::{Preprocessing, Resize};
use fewlabel_learn::data::source;

/// Begins every answer with values: `LFWF` as a little-endian number.
const MAGIC: u32 = 0x4C46_5746;

/// Reads an image.
///
/// # Errors
/// The end of a sentence that begins with the image's name.
pub fn read(place: &Place) -> Result<Picture, String> {
    match place {
        Place::File { root, name } => source::picture(root, name),
        Place::Row { loaded, row } => {
            let images = &loaded.data.train.images;
            Ok(of_pixels(images, images.image(*row as usize).to_vec()))
        }
        Place::NotRead => Err("is not read yet".to_owned()),
    }
}

/// One of `images`, whose bytes are `pixels`.
pub(crate) fn of_pixels(images: &Images, pixels: Vec<u8>) -> Picture {
    let Images { height, width, channels, .. } = *images;
    let (format, frames, bits, values) = (Format::Png, 1, 8, Values::U8(pixels));
    let (window, notes) = (None, Vec::new());
    Picture { format, frames, height, width, channels, bits, values, window, notes }
}

/// A PNG of 8 bits in the window of the file, else of all its values; no side is longer than
/// `longest`, where that is said.
///
/// # Errors
/// The end of a sentence that begins with the image's name.
pub fn png(picture: &Picture, longest: Option<usize>) -> Result<Vec<u8>, String> {
    let Picture { height, width, channels, .. } = *picture;
    let whole = height.max(width);
    let scaled = |side: usize| match longest {
        Some(longest) if whole > longest => (side * longest).div_ceil(whole).max(1),
        _ => side,
    };
    let window = match picture.values {
        Values::U8(_) => None,
        _ => Some(window(picture)),
    };
    let (height, width) = (scaled(height), scaled(width));
    let seen = Preprocessing { height, width, channels, resize: Resize::Stretch, window };
    picture::encode(&seen.apply(picture)?, [height, width, channels])
}

/// The window that the file asks for, else from the least to the greatest value.
fn window(picture: &Picture) -> Window {
    if let Some(window) = picture.window {
        return window;
    }
    let [mut low, mut high] = [f32::INFINITY, f32::NEG_INFINITY];
    for value in picture.values.to_f32().into_iter().filter(|v| v.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low < high { Window { low, high } } else { Window { low: low.min(0.0), high: 1.0 } }
}

/// All values of an image, little endian:
///
/// ```text
/// magic, width, height, channels, bits (8, 16; 32 are floats), 0, 0, 0     eight u32
/// low, high of the window to begin with                                    two f32
/// values [height, width, channels]                                         u8, u16 or f32
/// ```
pub fn values(picture: &Picture) -> Vec<u8> {
    let window = match &picture.values {
        Values::U8(_) => picture.window.unwrap_or(Window { low: 0.0, high: 255.0 }),
        _ => window(picture),
    };
    let bits = stored_bits(picture);
    let words = [MAGIC, picture.width as u32, picture.height as u32, picture.channels as u32, bits];
    let mut bytes: Vec<u8> = words.into_iter().chain([0; 3]).flat_map(u32::to_le_bytes).collect();
    for bound in [window.low, window.high] {
        bytes.extend(bound.to_le_bytes());
    }
    match &picture.values {
        Values::U8(values) => bytes.extend_from_slice(values),
        Values::U16(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Values::F32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
    }
    bytes
}

/// Bits that each value takes in [`values`].
pub fn stored_bits(picture: &Picture) -> u32 {
    match picture.values {
        Values::U8(_) => 8,
        Values::U16(_) => 16,
        Values::F32(_) => 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(values: Values, window: Option<Window>) -> Picture {
        let (format, frames, height, width, channels) = (Format::Png, 1, 2, 3, 1);
        let (bits, notes) = (if matches!(values, Values::U8(_)) { 8 } else { 16 }, Vec::new());
        Picture { format, frames, height, width, channels, bits, values, window, notes }
    }

    #[test]
    fn all_values_go_out_with_the_window_to_begin_with() {
        let deep = picture(Values::U16(vec![7, 300, 40_000, 1, 2, 3]), None);
        let bytes = values(&deep);
        assert_eq!((bytes.len(), &bytes[..4]), (32 + 8 + 12, &b"FWFL"[..]));
        assert_eq!(bytes[4..8], 3_u32.to_le_bytes());
        assert_eq!(bytes[32..40], [1.0_f32.to_le_bytes(), 40_000_f32.to_le_bytes()].concat());
        assert_eq!(bytes[44..46], 40_000_u16.to_le_bytes());
        let float = picture(Values::F32(vec![f32::NAN, -5.0, 2.0, 0.0, 0.0, 0.0]), None);
        let range = window(&float);
        assert_eq!((range.low, range.high), (-5.0, 2.0));
    }

    #[test]
    fn a_small_picture_to_look_at() {
        let whole = picture(Values::U8(vec![0, 128, 255, 0, 128, 255]), None);
        let png = png(&whole, None).unwrap();
        assert_eq!(picture::read(&png, 0).unwrap().values, whole.values);
        let wide = Picture { width: 600, height: 2, values: Values::U8(vec![9; 1200]), ..whole };
        let small = super::png(&wide, Some(256)).unwrap();
        let small = picture::read(&small, 0).unwrap();
        assert_eq!((small.width, small.height), (256, 1));
    }
}
