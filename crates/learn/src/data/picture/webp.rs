//! WebP, lossless and lossy, with alpha; the first frame of an animation.

use super::{MOST_BYTES, Raster, Values, check_size, cut, exif};
use image_webp::WebPDecoder;
use std::io::Cursor;

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let orientation = chunks(bytes)?;
    let damaged = |error: &dyn std::fmt::Display| format!("is a damaged WebP file: {error}");
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    decoder.set_memory_limit(MOST_BYTES);
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    // Beside the pixels a lossless file needs four bytes a pixel while it is decoded.
    check_size(height, width, 4)?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut notes = Vec::new();
    if decoder.is_animated() {
        let frames = decoder.num_frames();
        notes.push(format!("animated: the first of {frames} frames is taken"));
    }
    let mut values = vec![0; height * width * channels];
    decoder.read_image(&mut values).map_err(|error| damaged(&error))?;
    let values = Values::U8(values);
    Ok(Raster { height, width, channels, bits: 8, values, orientation, notes })
}

/// Walks over all chunks, which have to be whole, and finds the orientation.
fn chunks(bytes: &[u8]) -> Result<Option<u64>, String> {
    let size = |at: usize| -> Option<usize> {
        let size = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize)
    };
    let end = size(4).ok_or_else(|| cut("inside its header"))? + 8;
    let mut orientation = None;
    let mut at = 12;
    // The length may count a last byte of padding that is not there.
    while at + 1 < end {
        let name = bytes.get(at..at + 4).ok_or_else(|| cut("before its last chunk does"))?;
        let length = size(at + 4).ok_or_else(|| cut("before its last chunk does"))?;
        let data = bytes.get(at + 8..at + 8 + length);
        let data = data.ok_or_else(|| cut(&format!("inside its chunk {}", name.escape_ascii())))?;
        if name == b"EXIF" && orientation.is_none() {
            orientation = exif::orientation(data);
        }
        at += 8 + length + length % 2;
    }
    Ok(orientation)
}
