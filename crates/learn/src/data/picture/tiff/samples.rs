//! Samples: unpacked from their bits, and turned into values.

use super::super::Values;
use super::directory::Directory;
use super::layout::{Extra, Kind, Layout, Meaning};

/// Whole numbers up to this one are floats without a loss.
const LARGEST_EXACT: i64 = 1 << 24;

/// The samples of a strip, rows of so many, as little-endian numbers of 1, 2, 4 or 8 bytes;
/// differences to the neighbour are summed up.
pub(super) fn unpack(
    mut bytes: Vec<u8>,
    layout: &Layout,
    row: usize,
    samples: usize,
    is_big_endian: bool,
) -> Result<Vec<u8>, String> {
    let width = layout.sample_bytes();
    if layout.predictor == 3 {
        return float_predicted(bytes, layout, row, samples);
    }
    if !layout.bits.is_multiple_of(8) {
        if layout.predictor != 1 {
            return Err("is a TIFF file with a predictor that is not read".to_owned());
        }
        return Ok(spread(&bytes, layout.bits, row));
    }
    let is_24_bit = width * 8 != layout.bits;
    if is_24_bit || !matches!(layout.predictor, 1 | 2) || layout.predictor == 2 && width == 8 {
        return Err("is a TIFF file with a predictor that is not read".to_owned());
    }
    if is_big_endian && width > 1 {
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    if layout.predictor == 2 {
        for row in bytes.chunks_exact_mut(row * width) {
            add_left(row, width, samples * width);
        }
    }
    Ok(bytes)
}

/// Adds to every number of `width` bytes the one `step` bytes before it.
fn add_left(row: &mut [u8], width: usize, step: usize) {
    match width {
        1 => {
            for i in step..row.len() {
                row[i] = row[i].wrapping_add(row[i - step]);
            }
        }
        2 => {
            for i in (step..row.len()).step_by(2) {
                let left = u16::from_le_bytes([row[i - step], row[i - step + 1]]);
                let sum = u16::from_le_bytes([row[i], row[i + 1]]).wrapping_add(left);
                row[i..i + 2].copy_from_slice(&sum.to_le_bytes());
            }
        }
        _ => {
            let number =
                |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            for i in (step..row.len()).step_by(4) {
                let sum = number(&row[i..]).wrapping_add(number(&row[i - step..]));
                row[i..i + 4].copy_from_slice(&sum.to_le_bytes());
            }
        }
    }
}

/// Predictor 3: a row is cut into planes of bytes, the highest first, and differences are taken.
fn float_predicted(
    bytes: Vec<u8>,
    layout: &Layout,
    row: usize,
    samples: usize,
) -> Result<Vec<u8>, String> {
    let width = layout.sample_bytes();
    if layout.kind != Kind::Float {
        return Err("is a TIFF file with a predictor that is not read".to_owned());
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes;
    for row_bytes in bytes.chunks_exact_mut(row * width) {
        add_left(row_bytes, 1, samples);
        for i in 0..row {
            out.extend((0..width).rev().map(|plane| row_bytes[plane * row + i]));
        }
    }
    Ok(out)
}

/// Numbers of 1 to 15 bits, the highest bit first, every row beginning with a new byte.
fn spread(bytes: &[u8], bits: usize, row: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.chunks_exact((row * bits).div_ceil(8)) {
        let (mut held, mut waiting) = (0_u32, 0);
        let mut rest = line.iter();
        for _ in 0..row {
            while waiting < bits {
                held = held << 8 | u32::from(rest.next().copied().unwrap_or_default());
                waiting += 8;
            }
            waiting -= bits;
            let number = (held >> waiting & ((1 << bits) - 1)) as u16;
            held &= (1 << waiting) - 1;
            match bits {
                0..=8 => out.push(number as u8),
                _ => out.extend_from_slice(&number.to_le_bytes()),
            }
        }
    }
    out
}

/// The channels, bits and values of a page, and what was done to them.
pub(super) type Made = (usize, u8, Values, Vec<String>);

/// The values of a page from its unpacked samples.
pub(super) fn values(raw: Vec<u8>, page: &Directory, layout: &Layout) -> Result<Made, String> {
    let mut notes = Vec::new();
    let channels = match layout.extra {
        Extra::None | Extra::Unassociated => layout.samples,
        Extra::Unknown | Extra::Associated => layout.colours(),
    };
    match layout.extra {
        Extra::Associated => notes.push("alpha laid on black".to_owned()),
        Extra::Unknown => notes.push("a channel of no stated meaning left out".to_owned()),
        Extra::None | Extra::Unassociated => {}
    }
    let is_inverted = layout.meaning == Meaning::Grey { is_inverted: true };
    if is_inverted {
        notes.push("white is 0 in the file: turned round".to_owned());
    }
    if layout.meaning == Meaning::Palette {
        let values = colours(&raw, page, layout)?;
        notes.push("palette turned into colours".to_owned());
        return Ok((3, 8, Values::U8(values), notes));
    }
    let raw = without_extra(raw, layout, channels);
    let bits = layout.bits.max(8) as u8;
    let mut values = match layout.sample_bytes() {
        _ if layout.is_float_made() => Values::F32(floats(&raw, layout, &mut notes)?),
        1 => Values::U8(raw),
        _ => {
            let pairs = raw.chunks_exact(2);
            Values::U16(pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
        }
    };
    if let Values::U8(values) = &mut values
        && layout.bits < 8
    {
        let most = (1_u32 << layout.bits) - 1;
        for value in values {
            *value = ((u32::from(*value) * 255 + most / 2) / most) as u8;
        }
        notes.push(format!("{} bits spread over 0 to 255", layout.bits));
    }
    if is_inverted {
        // Alpha, where there is one, is the second sample.
        match &mut values {
            Values::U8(values) => {
                values.iter_mut().step_by(channels).for_each(|value| *value = 255 - *value);
            }
            Values::U16(values) => {
                let most = ((1_u32 << layout.bits) - 1) as u16;
                values.iter_mut().step_by(channels).for_each(|value| *value = most - *value);
            }
            Values::F32(_) => {}
        }
    }
    Ok((channels, bits, values, notes))
}

/// The samples without those behind the first `channels` of each pixel.
fn without_extra(raw: Vec<u8>, layout: &Layout, channels: usize) -> Vec<u8> {
    if channels == layout.samples {
        return raw;
    }
    let bytes = layout.sample_bytes();
    let pixels = raw.chunks_exact(layout.samples * bytes);
    pixels.flat_map(|pixel| &pixel[..channels * bytes]).copied().collect()
}

/// Floats, and integers that floats can hold.
fn floats(raw: &[u8], layout: &Layout, notes: &mut Vec<String>) -> Result<Vec<f32>, String> {
    let exact = |number: i64| match number.abs() <= LARGEST_EXACT {
        true => Ok(number as f32),
        false => Err(format!("is a TIFF file with a value of {number}; expected at most 16777216")),
    };
    let bytes = layout.sample_bytes();
    let numbers = raw.chunks_exact(bytes).map(|bytes| {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(wide)
    });
    let values: Vec<f32> = match (layout.kind, layout.bits) {
        (Kind::Float, 16) => numbers.map(|number| half(number as u16)).collect(),
        (Kind::Float, 32) => numbers.map(|number| f32::from_bits(number as u32)).collect(),
        (Kind::Float, _) => {
            notes.push("64-bit floats rounded to 32 bits".to_owned());
            numbers.map(|number| f64::from_bits(number) as f32).collect()
        }
        (Kind::Signed, 8) => numbers.map(|number| f32::from(number as u8 as i8)).collect(),
        (Kind::Signed, 16) => numbers.map(|number| f32::from(number as u16 as i16)).collect(),
        (Kind::Signed, _) => {
            numbers.map(|number| exact((number as u32 as i32).into())).collect::<Result<_, _>>()?
        }
        (Kind::Unsigned, _) => {
            numbers.map(|number| exact(number as i64)).collect::<Result<_, _>>()?
        }
    };
    if !values.iter().all(|value| value.is_finite()) {
        return Err("is a TIFF file with values that are no numbers (NaN or infinite)".to_owned());
    }
    Ok(values)
}

/// A 16-bit float.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    match exponent {
        0 => sign * fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    }
}

/// The palette's colours, of which 8 bits are kept.
fn colours(raw: &[u8], page: &Directory, layout: &Layout) -> Result<Vec<u8>, String> {
    let map = page.numbers(320)?.unwrap_or_default();
    let entries = 1 << layout.bits;
    if map.len() < 3 * entries || map.iter().any(|&value| value > 0xffff) {
        return Err("is a damaged TIFF file: its palette is too short".to_owned());
    }
    // Some writers put 8-bit colours where 16 bits belong; libtiff takes them as such.
    let shift = if map.iter().all(|&value| value < 256) { 0 } else { 8 };
    let colour = |&index: &u8| {
        let index = usize::from(index);
        [map[index], map[entries + index], map[2 * entries + index]]
            .map(|value| (value >> shift) as u8)
    };
    Ok(raw.iter().step_by(layout.samples).flat_map(colour).collect())
}
