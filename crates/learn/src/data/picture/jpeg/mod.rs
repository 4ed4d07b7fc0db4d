//! JPEG, baseline and progressive, grey or three colours.
//!
//! The markers are walked over before anything is decoded: a file without its end, or of a kind
//! that would come out wrong, is refused.

mod decode;

use super::{Raster, Values, cut, exif};
pub(super) use decode::{Transform, pixels};

/// What the markers say.
#[derive(Default)]
pub(super) struct Markers {
    /// Height, width and the numbers that name the components.
    frame: Option<(usize, usize, Vec<u8>)>,
    is_jfif: bool,
    /// The colour transform of an Adobe marker.
    adobe: Option<u8>,
    orientation: Option<u64>,
    /// How many scans there are: one, unless the file is progressive.
    scans: usize,
    /// Where the marker of the end is.
    end: usize,
}

impl Markers {
    /// Height, width and components, where there is a frame header.
    pub(super) fn size(&self) -> Option<(usize, usize, usize)> {
        let (height, width, components) = self.frame.as_ref()?;
        Some((*height, *width, components.len()))
    }

    /// Whether three components are red, green and blue already; the rule is libjpeg's.
    fn is_rgb(&self, components: &[u8]) -> bool {
        match (self.is_jfif, self.adobe) {
            (true, _) => false,
            (false, Some(transform)) => transform == 0,
            (false, None) => components == b"RGB",
        }
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let markers = markers(bytes)?;
    let Some((height, width, components)) = &markers.frame else {
        return Err("is a damaged JPEG file: it has no frame header".to_owned());
    };
    let transform = match components.len() {
        1 => Transform::Grey,
        3 if markers.is_rgb(components) => Transform::Keep,
        3 => Transform::ToRgb,
        _ => return Err("is a JPEG file in CMYK, which is not read: store it as RGB".to_owned()),
    };
    let values = pixels(bytes, &markers, transform)?;
    let channels = if components.len() == 1 { 1 } else { 3 };
    Ok(Raster {
        height: *height,
        width: *width,
        channels,
        bits: 8,
        values: Values::U8(values),
        orientation: markers.orientation,
        notes: Vec::new(),
    })
}

/// Walks over the markers up to the end of the image, over the coded data of every scan.
pub(super) fn markers(bytes: &[u8]) -> Result<Markers, String> {
    let mut found = Markers::default();
    let mut at = 2;
    loop {
        let marker = next_marker(bytes, &mut at, found.scans > 0)?;
        match marker {
            0xd9 if found.scans > 0 => {
                found.end = at - 2;
                return Ok(found);
            }
            0xd9 => return Err("is a damaged JPEG file: it holds no image".to_owned()),
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let length =
            bytes.get(at..at + 2).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
        let segment = length.and_then(|length| bytes.get(at + 2..at + length.max(2)));
        let Some(segment) = segment else { return Err(cut("before its image does")) };
        at += 2 + segment.len();
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                if found.frame.is_some() {
                    return Err("is a JPEG file of several frames, which is not read".to_owned());
                }
                found.frame = Some(frame(marker, segment)?);
            }
            0xf7 => return Err("is a JPEG-LS file, which is not read".to_owned()),
            0xda => found.scans += 1,
            0xe0 => found.is_jfif |= segment.starts_with(b"JFIF\0"),
            0xe1 if segment.starts_with(b"Exif\0\0") && found.orientation.is_none() => {
                found.orientation = exif::orientation(segment);
            }
            0xee if segment.starts_with(b"Adobe") => found.adobe = segment.get(11).copied(),
            _ => {}
        }
    }
}

/// The next marker's number; `at` is moved behind it. Inside a scan the coded data are passed over.
fn next_marker(bytes: &[u8], at: &mut usize, is_scan: bool) -> Result<u8, String> {
    loop {
        let from = *at;
        let Some(found) = bytes[from.min(bytes.len())..].iter().position(|&byte| byte == 0xff)
        else {
            return Err(cut("before its image does"));
        };
        if found > 0 && !is_scan {
            return Err("is a damaged JPEG file: something lies between its markers".to_owned());
        }
        *at = from + found + 1;
        // Any number of FF may stand before a marker; FF 00 is a coded FF.
        while bytes.get(*at) == Some(&0xff) {
            *at += 1;
        }
        match bytes.get(*at) {
            None => return Err(cut("before its image does")),
            Some(0) => *at += 1,
            Some(&marker) => {
                *at += 1;
                return Ok(marker);
            }
        }
    }
}

/// The frame header, if it is of a kind that is read.
fn frame(marker: u8, segment: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    let [precision, height1, height0, width1, width0, components, rest @ ..] = segment else {
        return Err(cut("before its image does"));
    };
    let kind = match marker {
        0xc0..=0xc2 => None,
        0xc3 => Some("lossless"),
        0xc5..=0xc7 => Some("hierarchical"),
        _ => Some("arithmetic-coded"),
    };
    if let Some(kind) = kind {
        return Err(format!("is a JPEG file of the {kind} kind, which is not read"));
    }
    if *precision != 8 {
        return Err(format!("is a JPEG file of {precision} bits, which is not read; expected 8"));
    }
    let ids: Vec<u8> = rest.chunks_exact(3).map(|component| component[0]).collect();
    if ids.len() != usize::from(*components) {
        return Err("is a damaged JPEG file: its frame header is too short".to_owned());
    }
    let size = |high: &u8, low: &u8| usize::from(u16::from_be_bytes([*high, *low]));
    Ok((size(height1, height0), size(width1, width0), ids))
}
