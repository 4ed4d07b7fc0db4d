//! The pixels of a JPEG whose markers have been walked over.
//!
//! A file of one scan goes to `zune-jpeg`, which is as fast as libjpeg-turbo and within 5 levels of
//! it. One of several scans (progressive) goes to `oxiarc-jpeg`, equal to libjpeg-turbo and four
//! times slower: the fast decoder fills up a scan that is cut short, and does not say so.

use super::super::{LONGEST_SIDE, MOST_BYTES, check_size};
use super::Markers;
use oxiarc_jpeg::{DecodeLimits, DecodeOptions, Decoder};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// No progressive file of this world has more scans; one that has takes long on purpose.
const MOST_SCANS: usize = 100;

/// What the components become.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in super::super) enum Transform {
    /// There is one component.
    Grey,
    /// The components are red, green and blue, whatever the markers say.
    Keep,
    /// They are luma and two chroma, and become red, green and blue.
    ToRgb,
}

/// The values [height, width, components] of a stream.
pub(in super::super) fn pixels(
    bytes: &[u8],
    markers: &Markers,
    transform: Transform,
) -> Result<Vec<u8>, String> {
    let (height, width, components) = markers.size().ok_or("is a damaged JPEG file")?;
    check_size(height, width, 4)?;
    let values = match markers.scans {
        // In front of the marker of the end the fast decoder would fill up an image that is cut
        // with grey; at the end of its input it does not.
        1 => one_scan(&bytes[..markers.end], transform)?,
        scans if scans > MOST_SCANS => return Err(format!("is a JPEG file of {scans} scans")),
        _ => several_scans(bytes, transform)?,
    };
    if values.len() != height * width * components {
        return Err("is a damaged JPEG file: its headers disagree on its size".to_owned());
    }
    Ok(values)
}

fn one_scan(bytes: &[u8], transform: Transform) -> Result<Vec<u8>, String> {
    let damaged = |error: &dyn std::fmt::Debug| {
        let error = format!("{error:?}");
        let error = error.trim_matches('"').trim_end_matches('.');
        format!("is a damaged JPEG file: {error}")
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(&error))?;
    let input = decoder.input_colorspace().ok_or("is a damaged JPEG file: it has no colours")?;
    let output = match (transform, input) {
        (Transform::Grey, ColorSpace::Luma) => ColorSpace::Luma,
        (Transform::ToRgb, ColorSpace::YCbCr) => ColorSpace::RGB,
        (Transform::Keep, ColorSpace::YCbCr | ColorSpace::RGB) => input,
        (Transform::ToRgb, ColorSpace::RGB) => {
            return Err("is a JPEG file whose markers disagree on its colours".to_owned());
        }
        _ => return Err("is a JPEG file of colours that are not read".to_owned()),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(output));
    decoder.decode().map_err(|error| damaged(&error))
}

fn several_scans(bytes: &[u8], transform: Transform) -> Result<Vec<u8>, String> {
    let most = MOST_BYTES as u64;
    let limits = DecodeLimits {
        max_coefficient_bytes: 4 * most,
        max_output_bytes: most,
        max_scans: MOST_SCANS as u32,
        ..Default::default()
    };
    let output_color_space =
        (transform == Transform::ToRgb).then_some(oxiarc_jpeg::ColorSpace::Rgb);
    let raw_components = transform == Transform::Keep;
    let options =
        DecodeOptions { limits, output_color_space, raw_components, ..Default::default() };
    let decoded = Decoder::with_options(bytes, options).decode();
    decoded.map_err(|error| format!("is a damaged JPEG file: {error}"))
}
