//! PNG: every colour type and depth, interlaced or not; 16 bits are kept.

use super::{MOST_BYTES, Raster, Values, check_size, cut, exif};
use ::png::{BitDepth, ColorType, DecodeOptions, Decoder, Limits, Transformations};
use std::io::Cursor;

/// What the chunks say that the decoder does not.
struct Chunks {
    orientation: Option<u64>,
    notes: Vec<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let Chunks { orientation, mut notes } = chunks(bytes)?;
    let mut options = DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits { bytes: MOST_BYTES });
    // Depths below 8 are spread over 0 to 255, palettes become colours, tRNS becomes alpha.
    decoder.set_transformations(Transformations::EXPAND);
    let damaged = |error| format!("is a damaged PNG file: {error}");
    let header = decoder.read_header_info().map_err(damaged)?;
    let (height, width) = (header.height as usize, header.width as usize);
    let (stored, colour) = (header.bit_depth as u8, header.color_type);
    check_size(height, width, if stored == 16 { 8 } else { 4 })?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (colour_out, depth) = reader.output_color_type();
    let size = reader.output_buffer_size().ok_or("is too large")?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(damaged)?;
    reader.finish().map_err(damaged)?;
    if colour == ColorType::Indexed {
        notes.push("palette turned into colours".to_owned());
    } else if stored < 8 {
        notes.push(format!("{stored} bits spread over 0 to 255"));
    }
    let values = match depth {
        BitDepth::Sixteen => {
            let pairs = pixels.chunks_exact(2);
            Values::U16(pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
        }
        _ => Values::U8(pixels),
    };
    let bits = if depth == BitDepth::Sixteen { 16 } else { 8 };
    let channels = colour_out.samples();
    Ok(Raster { height, width, channels, bits, values, orientation, notes })
}

/// 8-bit pixels [height, width, channels], 1 or 3 channels, as a PNG file's bytes.
///
/// # Errors
/// If the pixels are not as many as the size says, or none.
pub fn encode(pixels: &[u8], [height, width, channels]: [usize; 3]) -> Result<Vec<u8>, String> {
    let side = |length| u32::try_from(length).map_err(|_| "is too large for a PNG".to_owned());
    let colour = if channels == 1 { ColorType::Grayscale } else { ColorType::Rgb };
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|error| format!("cannot become a PNG file: {error}"))?;
    Ok(file)
}

/// Walks over all chunks: each is whole and its sum is right, and IEND is the last.
fn chunks(bytes: &[u8]) -> Result<Chunks, String> {
    let mut found = Chunks { orientation: None, notes: Vec::new() };
    let mut rest = &bytes[8..];
    loop {
        let Some((head, after)) = rest.split_at_checked(8) else {
            return Err(cut("before its last chunk, IEND"));
        };
        let (length, kind) = head.split_at(4);
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let name = kind.escape_ascii();
        let Some((data, after)) = after.split_at_checked(length) else {
            return Err(cut(&format!("inside its chunk {name}")));
        };
        let Some((sum, after)) = after.split_at_checked(4) else {
            return Err(cut(&format!("inside its chunk {name}")));
        };
        let mut crc = crc32fast::Hasher::new();
        crc.update(kind);
        crc.update(data);
        if crc.finalize().to_be_bytes() != sum {
            return Err(format!("is a damaged PNG file: the check sum of chunk {name} is wrong"));
        }
        match kind {
            b"eXIf" => found.orientation = exif::orientation(data),
            b"acTL" => found.notes.push("animated: its still image is taken".to_owned()),
            b"tEXt" | b"zTXt" | b"iTXt" if data.starts_with(b"Raw profile type") => {
                found.notes.push("metadata in a text chunk is not looked at".to_owned());
            }
            b"IEND" => return Ok(found),
            _ => {}
        }
        rest = after;
    }
}
