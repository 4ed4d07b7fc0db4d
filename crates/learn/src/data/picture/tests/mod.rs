//! Files made here: read exactly, refused when they are cut, and harmless when they are damaged.

mod files;

use super::*;
use ::png::{BitDepth, ColorType};
use files::*;

fn taken(bytes: &[u8]) -> Picture {
    read(bytes, 0).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    match read(bytes, 0) {
        Err(error) => error,
        Ok(picture) => panic!("taken: {:?} {:?}", picture.format, picture.notes),
    }
}

fn u8_png(size: [u32; 2], colour: ColorType, pixels: &[u8]) -> Vec<u8> {
    png(size, colour, BitDepth::Eight, pixels, |_| ())
}

/// One file of every format, with what is in it where it is lossless.
fn one_of_each() -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let colour = smooth(11, 13, 3);
    let grey = smooth(11, 13, 1);
    vec![
        (u8_png([11, 13], ColorType::Rgb, &colour), Some(colour.clone())),
        (jpeg(11, 13, 3, &jpeg_kinds()[7]), None),
        (jpeg(11, 13, 1, &jpeg_kinds()[0]), None),
        (tiff(&[(tags(11, 13, 8, 1), grey.clone())]), Some(grey)),
        (bmp(11, 13), Some(colour.clone())),
        (webp(11, 13, None), Some(colour)),
        (gif(11, 13), None),
    ]
}

#[test]
fn lossless_files_have_the_bytes_that_were_written() {
    for (file, expected) in one_of_each() {
        let picture = taken(&file);
        assert_eq!((picture.height, picture.width, picture.frames), (11, 13, 1));
        if let Some(expected) = expected {
            assert_eq!(picture.values, Values::U8(expected), "{:?}", picture.format);
            assert!(picture.notes.is_empty(), "{:?}", picture.notes);
        }
    }
}

#[test]
fn a_file_cut_anywhere_before_its_last_data_byte_is_refused() {
    let mut files: Vec<_> = one_of_each().into_iter().map(|(file, _)| file).collect();
    files.push(jpeg(40, 40, 3, &jpeg_kinds()[2]));
    for file in files {
        // A WebP may end with a byte of padding; a TIFF here ends with its directory.
        let data = if file.starts_with(b"RIFF") { file.len() - 1 } else { file.len() };
        for length in 0..data {
            let error = refused(&file[..length]);
            assert!(!error.contains("cannot be decoded"), "{length} of {}: {error}", file.len());
        }
    }
}

#[test]
fn an_image_that_ends_early_is_refused_though_its_end_is_marked() {
    let file = jpeg(64, 64, 3, &jpeg_kinds()[6]);
    for part in [3, 5, 8] {
        let cut = [&file[..file.len() * part / 9], b"\xff\xd9"].concat();
        refused(&cut);
    }
}

#[test]
fn damaged_files_are_read_or_refused_and_nothing_else() {
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (file, _) in one_of_each() {
        for _ in 0..300 {
            let mut damaged = file.clone();
            for _ in 0..=next(4) {
                let at = next(damaged.len());
                damaged[at] = next(256) as u8;
            }
            if let Ok(picture) = read(&damaged, 0) {
                let size = picture.height * picture.width * picture.channels;
                assert_eq!(picture.values.len(), size);
            }
        }
    }
}

#[test]
fn a_png_keeps_16_bits_and_spreads_fewer_than_8() {
    let sixteen = [0_u16, 1, 256, 65535].map(u16::to_be_bytes).concat();
    let picture = taken(&png([2, 2], ColorType::Grayscale, BitDepth::Sixteen, &sixteen, |_| ()));
    assert_eq!((picture.values, picture.bits), (Values::U16(vec![0, 1, 256, 65535]), 16));
    let two = png([1, 4], ColorType::Grayscale, BitDepth::Two, &[0b00_01_10_11], |_| ());
    let picture = taken(&two);
    assert_eq!(picture.values, Values::U8(vec![0, 85, 170, 255]));
    assert_eq!(picture.notes, ["2 bits spread over 0 to 255"]);
}

#[test]
fn a_palette_becomes_colours_and_its_alpha_is_laid_on_black() {
    let file = png([1, 2], ColorType::Indexed, BitDepth::Eight, &[0, 1], |encoder| {
        encoder.set_palette(vec![10, 20, 30, 200, 100, 50]);
        encoder.set_trns(vec![255, 51]);
    });
    let picture = taken(&file);
    assert_eq!(picture.values, Values::U8(vec![10, 20, 30, 40, 20, 10]));
    assert_eq!(picture.notes, ["palette turned into colours", "alpha laid on black"]);
}

#[test]
fn orientations_are_applied_in_every_format_that_has_them() {
    let colour = smooth(11, 13, 3);
    let png = with_chunk(&u8_png([11, 13], ColorType::Rgb, &colour), b"eXIf", &exif(6));
    let plain = jpeg(11, 13, 3, &jpeg_kinds()[1]);
    let block = [b"Exif\0\0".as_slice(), &exif(6)].concat();
    let length = (block.len() as u16 + 2).to_be_bytes();
    let jpeg = [&plain[..2], b"\xff\xe1", &length, &block, &plain[2..]].concat();
    let mut turned = tags(11, 13, 8, 1);
    turned.push((274, 6));
    let tiff = tiff(&[(turned, smooth(11, 13, 1))]);
    for file in [png, jpeg, webp(11, 13, Some(6)), tiff] {
        let picture = taken(&file);
        assert_eq!((picture.height, picture.width), (13, 11), "{:?}", picture.format);
        assert_eq!(picture.notes, ["EXIF orientation 6 applied"]);
    }
    let odd = with_chunk(&u8_png([11, 13], ColorType::Rgb, &colour), b"eXIf", &exif(9));
    assert_eq!(taken(&odd).notes, ["orientation 9 does not exist: not turned"]);
}

#[test]
fn a_damaged_chunk_of_a_png_is_named() {
    let mut file = u8_png([11, 13], ColorType::Rgb, &smooth(11, 13, 3));
    let end = file.len() - 20;
    file[end] ^= 1;
    assert!(refused(&file).ends_with("the check sum of chunk IDAT is wrong"));
}

/// The twin is equal to libjpeg-turbo, and four times slower.
#[test]
fn jpegs_are_within_5_levels_of_the_exact_decoder() {
    for options in jpeg_kinds() {
        for channels in [1, 3] {
            let file = jpeg(41, 59, channels, &options);
            let Values::U8(values) = taken(&file).values else { panic!("8 bits") };
            let exact = oxiarc_jpeg::Decoder::new(&file[..]).decode().unwrap();
            let apart = values.iter().zip(&exact).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(apart.unwrap() <= 5, "{options:?}: {apart:?}");
        }
    }
}

#[test]
fn jpegs_that_would_come_out_wrong_are_refused_by_name() {
    use oxiarc_jpeg::{EncodeOptions, EncodeProcess, InputColor, encode_to_vec_with_options};
    let encode = |process| {
        let options = EncodeOptions { process, ..Default::default() };
        encode_to_vec_with_options(&[9; 256], 16, 16, InputColor::Luma, &options).unwrap()
    };
    assert!(
        refused(&encode(EncodeProcess::Lossless { predictor: 1, point_transform: 0 }))
            .contains("lossless")
    );
    let cmyk = EncodeOptions::default();
    let cmyk = encode_to_vec_with_options(&[9; 1024], 16, 16, InputColor::Cmyk, &cmyk).unwrap();
    assert!(refused(&cmyk).contains("CMYK"));
}

#[test]
fn every_page_of_a_tiff_is_an_image_with_its_bits() {
    let wide: Vec<u8> = [1_u16, 40_000, 7, 65_535].into_iter().flat_map(u16::to_le_bytes).collect();
    let mut floats = tags(1, 2, 32, 1);
    floats.push((339, 3));
    let values = [-1.5_f32, 0.25].into_iter().flat_map(f32::to_le_bytes).collect();
    let mut signed = tags(1, 2, 16, 1);
    signed.push((339, 2));
    let file = tiff(&[
        (tags(2, 2, 16, 1), wide),
        (floats, values),
        (signed, [-1000_i16, 1000].into_iter().flat_map(i16::to_le_bytes).collect()),
        (tags(1, 2, 8, 0), vec![0, 55]),
        (tags(1, 2, 12, 1), vec![0x12, 0x3f, 0xff]),
        (tags(1, 8, 1, 1), vec![0b1010_0001]),
    ]);
    assert_eq!(frames(&file), Ok(6));
    let values = |frame| read(&file, frame).unwrap().values;
    assert_eq!(values(0), Values::U16(vec![1, 40_000, 7, 65_535]));
    assert_eq!(values(1), Values::F32(vec![-1.5, 0.25]));
    assert_eq!(values(2), Values::F32(vec![-1000.0, 1000.0]));
    assert_eq!(values(3), Values::U8(vec![255, 200]));
    assert_eq!(values(4), Values::U16(vec![0x123, 0xfff]));
    assert_eq!(values(5), Values::U8(vec![255, 0, 255, 0, 0, 0, 0, 255]));
    let error = read(&file, 6).unwrap_err();
    assert_eq!(error, "holds 6 images; frame 6 was asked for, the first is 0");
}

#[test]
fn tiffs_that_would_come_out_wrong_are_refused_by_name() {
    let page = |change: &[(u16, u32)], pixels: usize| {
        let mut tags = tags(2, 2, 8, 1);
        tags.retain(|(tag, _)| change.iter().all(|(other, _)| other != tag));
        tags.extend(change);
        refused(&tiff(&[(tags, vec![0; pixels])]))
    };
    assert!(page(&[(259, 50_000)], 4).contains("Zstandard"));
    assert!(page(&[(262, 5)], 4).contains("CMYK"));
    assert!(page(&[(277, 7)], 28).contains("7 channels"));
    assert!(page(&[], 3).contains("too short"));
    assert!(page(&[(256, 1 << 20)], 4).contains("65535 a side"));
    assert!(page(&[(256, 60_000), (257, 60_000)], 4).contains("500 million"));
    // Each page's directory names the next one's place: the last may not name the first.
    let mut circle = tiff(&[(tags(1, 1, 8, 1), vec![5])]);
    let end = circle.len() - 4;
    let first = circle[4..8].to_vec();
    circle[end..].copy_from_slice(&first);
    assert!(refused(&circle).contains("circle"));
}

#[test]
fn a_grey_palette_of_a_bitmap_is_one_channel() {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend(1078_u32.to_le_bytes());
    file.extend([40, 2, 1].map(u32::to_le_bytes).concat());
    file.extend([1, 0, 8, 0]);
    file.extend([0; 24]);
    file.extend((0..=255).flat_map(|i| [i, i, i, 0]));
    file.extend([7, 200, 0, 0]);
    let picture = taken(&file);
    assert_eq!((picture.channels, picture.values), (1, Values::U8(vec![7, 200])));
}

#[test]
fn other_formats_are_refused_by_their_names() {
    let dicom = [&[0; 128], b"DICM".as_slice()].concat();
    let cases: [(&[u8], &str); 8] = [
        (&dicom, "a DICOM file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL file"),
        (b"<?xml version=\"1.0\"?>\n<svg xmlns=", "an SVG file"),
        (b"%PDF-1.7", "a PDF file"),
        (b"P5 2 2 255\n", "a NetPBM file"),
        (b"", "is empty"),
        (b"BMI of patients, 2024, and more text", "is no picture"),
    ];
    for (bytes, name) in cases {
        assert!(refused(bytes).contains(name), "{name}: {}", refused(bytes));
    }
}

#[test]
fn grey_in_three_channels_is_seen() {
    let equal: Vec<u8> = (0..12).flat_map(|value| [value; 3]).collect();
    assert!(taken(&u8_png([3, 4], ColorType::Rgb, &equal)).is_grey());
    assert!(!taken(&u8_png([11, 13], ColorType::Rgb, &smooth(11, 13, 3))).is_grey());
}

#[test]
fn what_is_encoded_is_read_again() {
    let pixels = smooth(5, 6, 3);
    let picture = taken(&encode(&pixels, [5, 6, 3]).unwrap());
    assert_eq!(picture.values, Values::U8(pixels));
    assert!(encode(&[1, 2], [5, 6, 3]).is_err());
}
