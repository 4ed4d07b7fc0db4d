use super::*;
use crate::data::picture::Format;

fn picture(height: usize, width: usize, channels: usize, values: Values) -> Picture {
    let bits = match values {
        Values::U8(_) => 8,
        Values::U16(_) => 16,
        Values::F32(_) => 32,
    };
    let (format, frames, window, notes) = (Format::Png, 1, None, Vec::new());
    Picture { format, frames, height, width, channels, bits, values, window, notes }
}

fn to(height: usize, width: usize, channels: usize, resize: Resize) -> Preprocessing {
    Preprocessing { height, width, channels, resize, window: None }
}

#[test]
fn a_picture_of_the_right_size_is_unchanged() {
    let values: Vec<u8> = (0..=255).collect();
    let same = picture(16, 16, 1, Values::U8(values.clone()));
    for resize in [Resize::Letterbox, Resize::Crop, Resize::Stretch] {
        assert_eq!(to(16, 16, 1, resize).apply(&same).unwrap(), values);
    }
}

#[test]
fn shrinking_takes_means_and_enlarging_interpolates() {
    let checks = picture(2, 4, 1, Values::U8(vec![0, 100, 10, 20, 100, 200, 30, 40]));
    assert_eq!(to(1, 2, 1, Resize::Stretch).apply(&checks).unwrap(), [100, 25]);
    let ramp = picture(1, 2, 1, Values::U8(vec![0, 100]));
    assert_eq!(to(1, 4, 1, Resize::Stretch).apply(&ramp).unwrap(), [0, 25, 75, 100]);
    // One axis shrinks, the other grows.
    let both = picture(2, 2, 1, Values::U8(vec![0, 100, 50, 150]));
    assert_eq!(to(1, 4, 1, Resize::Stretch).apply(&both).unwrap(), [25, 50, 100, 125]);
}

#[test]
fn a_letterbox_keeps_the_ratio_and_its_border_is_the_edges_median() {
    let mut values = vec![7; 32];
    values[10] = 200;
    let wide = picture(4, 8, 1, Values::U8(values.clone()));
    let out = to(8, 8, 1, Resize::Letterbox).apply(&wide).unwrap();
    assert_eq!(out[..16], [7; 16]);
    assert_eq!(out[16..48], values);
    assert_eq!(out[48..], [7; 16]);
}

#[test]
fn a_crop_keeps_the_middle() {
    let wide = picture(2, 6, 1, Values::U8((0..12).collect()));
    assert_eq!(to(2, 2, 1, Resize::Crop).apply(&wide).unwrap(), [2, 3, 8, 9]);
}

#[test]
fn an_odd_shape_has_at_least_one_row() {
    let line = picture(1, 1000, 3, Values::U8(vec![9; 3000]));
    for resize in [Resize::Letterbox, Resize::Crop, Resize::Stretch] {
        assert_eq!(to(5, 7, 3, resize).apply(&line).unwrap(), [9; 105]);
    }
}

#[test]
fn sixteen_bits_use_their_full_range_or_a_window_rounded() {
    let stored = picture(1, 5, 1, Values::U16(vec![0, 128, 129, 4095, 65535]));
    let full = to(1, 5, 1, Resize::Stretch);
    assert_eq!(full.apply(&stored).unwrap(), [0, 0, 1, 16, 255]);
    let window = Some(Window { low: 129.0, high: 4095.0 });
    let windowed = Preprocessing { window, ..full.clone() };
    assert_eq!(windowed.apply(&stored).unwrap(), [0, 0, 0, 255, 255]);
    let twelve = Picture { bits: 12, ..stored };
    assert_eq!(full.apply(&twelve).unwrap(), [0, 8, 8, 255, 255]);
}

#[test]
fn bits_are_kept_until_after_resampling() {
    let stored = picture(1, 2, 1, Values::U16(vec![1000, 1001]));
    let window = Some(Window { low: 1000.0, high: 1002.0 });
    let half = Preprocessing { window, ..to(1, 1, 1, Resize::Stretch) };
    // The mean 1000.5 is a stored value of 1000 or 1001, never 1000 / 257 * 257.
    assert!(matches!(half.apply(&stored).unwrap()[..], [0 | 128]));
    let floats = picture(1, 2, 1, Values::F32(vec![1000.0, 1001.0]));
    assert_eq!(half.apply(&floats).unwrap(), [64]);
}

#[test]
fn a_window_that_cannot_be_meant_is_refused() {
    let floats = picture(1, 1, 1, Values::F32(vec![0.5]));
    let one = to(1, 1, 1, Resize::Stretch);
    assert!(one.apply(&floats).unwrap_err().contains("need a window"));
    let bytes = picture(1, 1, 1, Values::U8(vec![5]));
    let wide = Preprocessing { window: Some(Window { low: 0.0, high: 4095.0 }), ..one.clone() };
    assert!(wide.apply(&bytes).unwrap_err().contains("8 bits"));
    let narrow = Preprocessing { window: Some(Window { low: 0.0, high: 10.0 }), ..one.clone() };
    assert_eq!(narrow.apply(&bytes).unwrap(), [128]);
    assert!(to(0, 1, 1, Resize::Crop).apply(&bytes).is_err());
    assert!(to(1, 1, 2, Resize::Crop).apply(&bytes).is_err());
}

#[test]
fn colour_becomes_grey_by_601_and_grey_becomes_three_equal_channels() {
    let colour = picture(1, 4, 3, Values::U8(vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77]));
    // PIL.Image.convert("L") of the same pixels.
    assert_eq!(to(1, 4, 1, Resize::Crop).apply(&colour).unwrap(), [76, 150, 29, 77]);
    let grey = picture(1, 2, 1, Values::U16(vec![0, 65535]));
    let out = to(1, 2, 3, Resize::Crop).apply(&grey).unwrap();
    assert_eq!(out, [0, 0, 0, 255, 255, 255]);
}

#[test]
fn it_is_stored_by_stable_names() {
    let json = serde_json::to_string(&Preprocessing::default()).unwrap();
    assert_eq!(json, r#"{"height":64,"width":64,"channels":1,"resize":"letterbox","window":null}"#);
    let short = r#"{"height":28,"width":28,"channels":3}"#;
    assert_eq!(serde_json::from_str::<Preprocessing>(short).unwrap().resize, Resize::Letterbox);
}
