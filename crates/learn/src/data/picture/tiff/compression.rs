//! One strip or tile, decompressed.

use super::super::jpeg;
use super::layout::{Layout, Meaning};
use flate2::read::ZlibDecoder;
use std::io::Read;
use weezl::{BitOrder, LzwStatus};

/// What is said of a strip or tile whose bytes do not make its pixels.
fn damaged(what: &str) -> String {
    format!("is a damaged TIFF file: {what}")
}

/// Fills `out`, which is one strip or tile, from its compressed bytes.
pub(super) fn decompress(compression: u64, data: &[u8], out: &mut [u8]) -> Result<(), String> {
    match compression {
        1 => {
            let data = data.get(..out.len()).ok_or_else(|| damaged("a strip is too short"))?;
            out.copy_from_slice(data);
            Ok(())
        }
        5 => lzw(data, out),
        8 | 32946 => deflate(data, out),
        32773 => pack_bits(data, out),
        other => {
            let name = match other {
                2..=4 => "fax compression",
                6 => "old-style JPEG compression",
                33003 | 33004 | 33005 | 34712 => "JPEG 2000 compression",
                34925 => "LZMA compression",
                50000 => "Zstandard compression",
                50001 => "WebP compression",
                50002 | 52546 => "JPEG XL compression",
                _ => {
                    return Err(format!(
                        "is a TIFF file of compression {other}, which is not read"
                    ));
                }
            };
            Err(format!("is a TIFF file with {name}, which is not read; store it with LZW or none"))
        }
    }
}

fn lzw(data: &[u8], out: &mut [u8]) -> Result<(), String> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let step = decoder.decode_bytes(&data[read..], &mut out[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        let status = step.status.map_err(|_| damaged("its LZW codes make no sense"))?;
        let is_over = matches!(status, LzwStatus::Done | LzwStatus::NoProgress);
        if written < out.len() && (is_over || step.consumed_in + step.consumed_out == 0) {
            return Err(damaged("a strip is too short"));
        }
    }
    Ok(())
}

fn deflate(data: &[u8], out: &mut [u8]) -> Result<(), String> {
    let mut decoder = ZlibDecoder::new(data);
    decoder.read_exact(out).map_err(|_| damaged("a strip is too short, or is not deflated"))?;
    // The check sum is looked at when the stream ends.
    decoder.read(&mut [0]).map_err(|_| damaged("the check sum of a strip is wrong"))?;
    Ok(())
}

fn pack_bits(data: &[u8], out: &mut [u8]) -> Result<(), String> {
    let short = || damaged("a strip is too short");
    let (mut at, mut written) = (0, 0);
    while written < out.len() {
        let head = *data.get(at).ok_or_else(short)? as i8;
        at += 1;
        if head == i8::MIN {
            continue;
        }
        let length = usize::from(head.unsigned_abs()) + 1;
        let room = length.min(out.len() - written);
        if head >= 0 {
            let literal = data.get(at..at + room).ok_or_else(short)?;
            out[written..written + room].copy_from_slice(literal);
            at += length;
        } else {
            out[written..written + room].fill(*data.get(at).ok_or_else(short)?);
            at += 1;
        }
        written += room;
    }
    Ok(())
}

/// A strip or tile that is a JPEG file, whose tables may stand in the page.
pub(super) fn jpeg(
    data: &[u8],
    tables: Option<&[u8]>,
    layout: &Layout,
    [rows, columns]: [usize; 2],
) -> Result<Vec<u8>, String> {
    let body = data.strip_prefix(b"\xff\xd8").ok_or_else(|| damaged("a strip is no JPEG"))?;
    let stream = match tables {
        Some(tables) => {
            let tables = tables.strip_suffix(b"\xff\xd9").unwrap_or(tables);
            if !tables.starts_with(b"\xff\xd8") {
                return Err(damaged("its JPEG tables are none"));
            }
            [tables, body].concat()
        }
        None => data.to_vec(),
    };
    let markers = jpeg::markers(&stream)?;
    let (height, width, components) =
        markers.size().ok_or_else(|| damaged("a strip is no JPEG"))?;
    let transform = match (layout.meaning, components) {
        (Meaning::Grey { .. }, 1) => jpeg::Transform::Grey,
        (Meaning::Rgb, 3) => jpeg::Transform::Keep,
        (Meaning::YCbCr, 3) => jpeg::Transform::ToRgb,
        _ => return Err("is a TIFF file whose JPEG has other channels than the page".to_owned()),
    };
    if width != columns || height < rows {
        return Err(damaged("a strip has another size than the page says"));
    }
    let mut values = jpeg::pixels(&stream, &markers, transform)?;
    values.truncate(rows * columns * components);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Apple's technical note 1023.
    #[test]
    fn packed_bits_are_unpacked_as_apple_says() {
        let packed = [
            0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7,
            0xaa,
        ];
        let mut out = [0; 24];
        pack_bits(&packed, &mut out).unwrap();
        assert_eq!(out[..8], [0xaa, 0xaa, 0xaa, 0x80, 0, 0x2a, 0xaa, 0xaa]);
        assert_eq!(out[8..16], [0xaa, 0xaa, 0x80, 0, 0x2a, 0x22, 0xaa, 0xaa]);
        assert!(pack_bits(&packed[..14], &mut out).is_err());
    }
}
