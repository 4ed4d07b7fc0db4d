//! Windows bitmaps.

use super::{MOST_BYTES, Raster, Values, check_size, cut};
use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, Limits};
use std::io::Cursor;

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    check_length(bytes)?;
    let damaged = |error| format!("is a damaged or unusual BMP file: {error}");
    let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES as u64);
    decoder.set_limits(limits).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    check_size(height, width, 4)?;
    let is_grey = decoder.get_palette().is_some_and(|palette| is_grey(bytes, palette));
    let channels = match decoder.color_type() {
        ColorType::Rgb8 => 3,
        ColorType::Rgba8 => 4,
        other => return Err(format!("is a BMP file of colours that are not read ({other:?})")),
    };
    let mut values = vec![0; height * width * channels];
    decoder.read_image(&mut values).map_err(damaged)?;
    let mut notes = Vec::new();
    let channels = if is_grey {
        let mut to = 0;
        for from in (0..values.len()).step_by(channels) {
            values[to] = values[from];
            to += 1;
        }
        values.truncate(to);
        1
    } else {
        if header(bytes).is_some_and(|header| header.bits <= 8) {
            notes.push("palette turned into colours".to_owned());
        }
        channels
    };
    let values = Values::U8(values);
    Ok(Raster { height, width, channels, bits: 8, values, orientation: None, notes })
}

/// The parts of the two headers that say how many bytes the pixels take.
struct Header {
    /// Where the pixels begin.
    offset: usize,
    width: u64,
    height: u64,
    bits: u16,
    compression: u32,
    /// How many bytes the pixels take, where they are compressed.
    size: usize,
    colours: usize,
}

fn header(bytes: &[u8]) -> Option<Header> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let offset = u32_at(10)? as usize;
    let header = match u32_at(14)? {
        12 => Header {
            offset,
            width: u16_at(18)?.into(),
            height: u16_at(20)?.into(),
            bits: u16_at(24)?,
            compression: 0,
            size: 0,
            colours: 0,
        },
        _ => Header {
            offset,
            width: u32_at(18)?.into(),
            height: (u32_at(22)? as i32).unsigned_abs().into(),
            bits: u16_at(28)?,
            compression: u32_at(30)?,
            size: u32_at(34)? as usize,
            colours: u32_at(46)? as usize,
        },
    };
    Some(header)
}

/// Refuses a file that ends before its pixels do.
fn check_length(bytes: &[u8]) -> Result<(), String> {
    let header = header(bytes).ok_or_else(|| cut("inside its header"))?;
    let is_run_length = matches!(header.compression, 1 | 2);
    let length = if is_run_length {
        header.size as u64
    } else {
        let row = header.width.saturating_mul(header.bits.into()).div_ceil(32).saturating_mul(4);
        row.saturating_mul(header.height)
    };
    if length.saturating_add(header.offset as u64) > bytes.len() as u64 {
        return Err(cut("before its pixels do"));
    }
    // The decoder leaves what the runs do not reach black.
    if is_run_length && !bytes[header.offset..][..header.size].ends_with(&[0, 1]) {
        return Err(cut("before its pixels do"));
    }
    Ok(())
}

/// Whether the palette's colours are their own numbers, or black and white.
fn is_grey(bytes: &[u8], palette: &[[u8; 3]]) -> bool {
    let Some(header) = header(bytes) else { return false };
    let used = match header.colours {
        0 => 1 << header.bits.min(8),
        colours => colours,
    };
    let palette = &palette[..used.min(palette.len())];
    palette == [[0; 3], [255; 3]]
        || palette.iter().enumerate().all(|(i, colour)| colour == &[i as u8; 3])
}
