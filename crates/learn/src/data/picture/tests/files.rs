//! Picture files made by the test itself.

use oxiarc_jpeg::{EncodeOptions, InputColor, Subsampling, encode_to_vec_with_options};
use std::borrow::Cow;

/// A smooth image [height, width, channels] with an edge.
pub(super) fn smooth(height: usize, width: usize, channels: usize) -> Vec<u8> {
    let at = |i: usize| {
        let (channel, column, row) = (i % channels, i / channels % width, i / channels / width);
        let wave = (row * (3 + channel) + column * (5 - channel)) % 200;
        (wave + if row > height / 2 { 40 } else { 0 }) as u8
    };
    (0..height * width * channels).map(at).collect()
}

/// An EXIF block, a small TIFF, with an orientation.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    [
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat()
}

/// A PNG of one kind; the rows' bytes are given as they are stored.
pub(super) fn png(
    [height, width]: [u32; 2],
    colour: png::ColorType,
    depth: png::BitDepth,
    rows: &[u8],
    set: impl FnOnce(&mut png::Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    set(&mut encoder);
    encoder.write_header().unwrap().write_image_data(rows).unwrap();
    file
}

/// A PNG with a chunk behind its header, whose check sum is right.
pub(super) fn with_chunk(file: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(kind);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    let sum = crc.finalize().to_be_bytes();
    [&file[..33], &length, kind, data, &sum, &file[33..]].concat()
}

pub(super) fn jpeg(height: u16, width: u16, channels: usize, options: &EncodeOptions) -> Vec<u8> {
    let pixels = smooth(height.into(), width.into(), channels);
    let colour = if channels == 1 { InputColor::Luma } else { InputColor::Rgb };
    encode_to_vec_with_options(&pixels, width, height, colour, options).unwrap()
}

pub(super) fn jpeg_kinds() -> Vec<EncodeOptions> {
    let subsamplings = [
        Subsampling::S444,
        Subsampling::S422,
        Subsampling::S440,
        Subsampling::S420,
        Subsampling::S411,
    ];
    let kinds = subsamplings.into_iter().flat_map(|subsampling| {
        [50, 90].map(|quality| EncodeOptions { quality, subsampling, ..Default::default() })
    });
    kinds.collect()
}

pub(super) fn gif(height: u16, width: u16) -> Vec<u8> {
    let mut file = Vec::new();
    let palette: Vec<u8> = (0..=255).flat_map(|i| [i, 255 - i, i / 2]).collect();
    let mut encoder = gif::Encoder::new(&mut file, width, height, &palette).unwrap();
    let buffer = Cow::Owned(smooth(height.into(), width.into(), 1));
    encoder.write_frame(&gif::Frame { width, height, buffer, ..Default::default() }).unwrap();
    drop(encoder);
    file
}

pub(super) fn webp(height: u32, width: u32, orientation: Option<u8>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    if let Some(orientation) = orientation {
        encoder.set_exif_metadata(exif(orientation));
    }
    let pixels = smooth(height as usize, width as usize, 3);
    encoder.encode(&pixels, width, height, image_webp::ColorType::Rgb8).unwrap();
    file
}

/// A bitmap of 24 bits, the lowest row first.
pub(super) fn bmp(height: usize, width: usize) -> Vec<u8> {
    let row = (width * 3).div_ceil(4) * 4;
    let number = |number: usize| (number as u32).to_le_bytes();
    let mut file = [b"BM".as_slice(), &number(54 + row * height), &[0; 4], &number(54)].concat();
    file.extend([number(40), number(width), number(height)].concat());
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    for line in smooth(height, width, 3).chunks_exact(width * 3).rev() {
        file.extend(line.chunks_exact(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
        file.extend(vec![0; row - width * 3]);
    }
    file
}

/// The entries of a page, tag and value, and its data.
type Page = (Vec<(u16, u32)>, Vec<u8>);

/// A little-endian TIFF: for every page its tags (number, type 3 or 4, value) and its pixels, in
/// one strip.
pub(super) fn tiff(pages: &[Page]) -> Vec<u8> {
    let mut file = b"II*\0".to_vec();
    let mut link = file.len();
    file.extend([0; 4]);
    for (tags, pixels) in pages {
        let strip = file.len() as u32;
        file.extend(pixels);
        let here = (file.len() as u32).to_le_bytes();
        file[link..link + 4].copy_from_slice(&here);
        let mut tags = tags.clone();
        tags.extend([(273, strip), (279, pixels.len() as u32)]);
        tags.sort_unstable();
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, value) in tags {
            file.extend([tag.to_le_bytes(), [4, 0]].concat());
            file.extend([[1, 0, 0, 0], value.to_le_bytes()].concat());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    file
}

/// Tags of a page that is not compressed.
pub(super) fn tags(height: u32, width: u32, bits: u32, photometric: u32) -> Vec<(u16, u32)> {
    vec![(256, width), (257, height), (258, bits), (262, photometric)]
}
