//! Which format a file is of, by its first bytes.

use serde::{Deserialize, Serialize};

/// What is expected where something else was found.
pub(super) const UNDERSTOOD: &str = "a PNG, JPEG, TIFF, BMP, WebP or GIF file";

/// A picture format that is read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, baseline and progressive.
    Jpeg,
    /// TIFF and BigTIFF; every page is an image.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// WebP, lossless and lossy.
    Webp,
    /// GIF; its first frame.
    Gif,
}

impl Format {
    /// Its name in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recognised {
    /// A format that is read.
    Picture(Format),
    /// A format that is known and not read as a picture, with its article: "a DICOM file".
    Refused(&'static str),
    /// Anything else.
    Unknown,
}

/// The bytes at a place in the file, and what they mean.
type Signature = (usize, &'static [u8], Recognised);

const SIGNATURES: &[Signature] = &[
    (0, b"\x89PNG\r\n\x1a\n", Recognised::Picture(Format::Png)),
    (0, b"\xff\xd8\xff", Recognised::Picture(Format::Jpeg)),
    (0, b"II*\0", Recognised::Picture(Format::Tiff)),
    (0, b"MM\0*", Recognised::Picture(Format::Tiff)),
    (0, b"II+\0\x08\0\0\0", Recognised::Picture(Format::Tiff)),
    (0, b"MM\0+\0\x08\0\0", Recognised::Picture(Format::Tiff)),
    (0, b"GIF87a", Recognised::Picture(Format::Gif)),
    (0, b"GIF89a", Recognised::Picture(Format::Gif)),
    (8, b"WEBP", Recognised::Picture(Format::Webp)),
    (128, b"DICM", Recognised::Refused("a DICOM file")),
    (344, b"n+1\0", Recognised::Refused("a NIfTI file")),
    (0, b"\xff\x4f\xff\x51", Recognised::Refused("a JPEG 2000 file")),
    (4, b"jP  \r\n\x87\n", Recognised::Refused("a JPEG 2000 file")),
    (0, b"\xff\x0a", Recognised::Refused("a JPEG XL file")),
    (4, b"JXL \r\n\x87\n", Recognised::Refused("a JPEG XL file")),
    (4, b"ftypavi", Recognised::Refused("an AVIF file")),
    (4, b"ftyphei", Recognised::Refused("a HEIC file")),
    (4, b"ftyphev", Recognised::Refused("a HEIC file")),
    (4, b"ftypmif1", Recognised::Refused("a HEIC file")),
    (4, b"ftypmsf1", Recognised::Refused("a HEIC file")),
    (4, b"ftyp", Recognised::Refused("a film (MP4)")),
    (0, b"II\xbc", Recognised::Refused("a JPEG XR file")),
    (0, b"%PDF", Recognised::Refused("a PDF file")),
    (0, b"<svg", Recognised::Refused("an SVG file")),
    (0, b"8BPS", Recognised::Refused("a Photoshop file")),
    (0, b"v/1\x01", Recognised::Refused("an OpenEXR file")),
    (0, b"\x93NUMPY", Recognised::Refused("a .npy array")),
    (0, b"PK\x03\x04", Recognised::Refused("a zip archive (or .npz)")),
    (0, b"\x1f\x8b", Recognised::Refused("a gzip file")),
    (0, b"\x89HDF", Recognised::Refused("an HDF5 file")),
    (0, b"\0\0\x01\0", Recognised::Refused("an icon file")),
];

/// Says by its first bytes (512 are enough) what a file is.
pub fn recognise(head: &[u8]) -> Recognised {
    let has = |&&(at, bytes, _): &&Signature| {
        head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
            && (bytes != b"WEBP" || head.starts_with(b"RIFF"))
    };
    if let Some(&(_, _, meaning)) = SIGNATURES.iter().find(has) {
        return meaning;
    }
    if is_bmp(head) {
        return Recognised::Picture(Format::Bmp);
    }
    match head {
        [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() => {
            Recognised::Refused("a NetPBM file")
        }
        _ if is_svg(head) => Recognised::Refused("an SVG file"),
        _ => Recognised::Unknown,
    }
}

/// "BM" alone begins many a text: the size of the second header has to be one that exists.
fn is_bmp(head: &[u8]) -> bool {
    let size =
        head.get(14..18).map(|size| u32::from_le_bytes([size[0], size[1], size[2], size[3]]));
    head.starts_with(b"BM") && matches!(size, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

fn is_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&head[..head.len().min(512)]);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<?xml") && text.contains("<svg") || text.starts_with("<svg")
}
