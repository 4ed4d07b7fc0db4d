//! GIF: the first frame, on its canvas.

use super::{MOST_BYTES, Raster, Values, check_size, cut};
use ::gif::{DecodeOptions, Frame, MemoryLimit};
use std::num::NonZeroU64;

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let frames = count_frames(bytes)?;
    let damaged = |error: &dyn std::fmt::Display| format!("is a damaged GIF file: {error}");
    let mut options = DecodeOptions::new();
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::new(MOST_BYTES as u64).ok_or("")?));
    options.check_lzw_end_code(false);
    let mut decoder = options.read_info(bytes).map_err(|error| damaged(&error))?;
    let (screen_height, screen_width) = (decoder.height(), decoder.width());
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let info = decoder.next_frame_info().map_err(|error| damaged(&error))?;
    let info = info.ok_or("is a damaged GIF file: it holds no image")?;
    let end = |start: u16, length: u16| usize::from(start) + usize::from(length);
    let height = usize::from(screen_height).max(end(info.top, info.height));
    let width = usize::from(screen_width).max(end(info.left, info.width));
    check_size(height, width, 5)?;
    let mut frame = info.clone();
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).map_err(|error| damaged(&error))?;
    let palette = frame.palette.take().or(global).ok_or("is a GIF file without a palette")?;
    let mut notes = Vec::new();
    if frames > 1 {
        notes.push(format!("animated: the first of {frames} frames is taken"));
    }
    if indices.len() < height * width {
        notes.push("the frame covers a part of its canvas; the rest is black".to_owned());
    }
    let (channels, values) = colours(&indices, &frame, &palette, [height, width])?;
    let values = Values::U8(values);
    Ok(Raster { height, width, channels, bits: 8, values, orientation: None, notes })
}

/// The canvas with alpha: grey where every colour of the palette is its own number.
fn colours(
    indices: &[u8],
    frame: &Frame,
    palette: &[u8],
    [height, width]: [usize; 2],
) -> Result<(usize, Vec<u8>), String> {
    let colours = palette.as_chunks::<3>().0;
    let is_grey = colours.iter().enumerate().all(|(i, colour)| colour == &[i as u8; 3]);
    let (kept, channels) = if is_grey { (1, 2) } else { (3, 4) };
    let mut canvas = vec![0; height * width * channels];
    let (top, left) = (usize::from(frame.top), usize::from(frame.left));
    let columns = usize::from(frame.width).max(1);
    for (row, line) in indices.chunks_exact(columns).enumerate() {
        let start = ((top + row) * width + left) * channels;
        let pixels = canvas[start..].chunks_exact_mut(channels);
        for (pixel, &index) in pixels.zip(line) {
            if frame.transparent == Some(index) {
                continue;
            }
            let Some(colour) = colours.get(usize::from(index)) else {
                return Err(format!(
                    "is a damaged GIF file: it uses colour {index} of a palette of {}",
                    colours.len()
                ));
            };
            pixel[..kept].copy_from_slice(&colour[..kept]);
            pixel[kept] = 255;
        }
    }
    Ok((channels, canvas))
}

/// Walks over all blocks up to the trailer, and counts the frames.
fn count_frames(bytes: &[u8]) -> Result<usize, String> {
    let early = || cut("before its last frame does");
    let take = |at: &mut usize, length: usize| -> Result<&[u8], String> {
        let taken = at.checked_add(length).and_then(|end| bytes.get(*at..end)).ok_or_else(early)?;
        *at += length;
        Ok(taken)
    };
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 6;
    let screen = take(&mut at, 7)?;
    take(&mut at, table(screen[4]))?;
    let mut frames = 0;
    loop {
        match take(&mut at, 1)?[0] {
            0x3b if frames > 0 => return Ok(frames),
            0x3b => return Err("is a damaged GIF file: it holds no image".to_owned()),
            0x21 => {
                take(&mut at, 1)?;
            }
            0x2c => {
                frames += 1;
                let descriptor = take(&mut at, 9)?;
                take(&mut at, table(descriptor[8]) + 1)?;
            }
            // Some writers put an empty block between the others.
            0 => continue,
            _ => return Err("is a damaged GIF file: something lies between its blocks".to_owned()),
        }
        loop {
            let length = usize::from(take(&mut at, 1)?[0]);
            take(&mut at, length)?;
            if length == 0 {
                break;
            }
        }
    }
}
