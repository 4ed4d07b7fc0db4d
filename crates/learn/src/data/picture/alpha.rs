//! Alpha is laid on black: a transparent pixel is as dark as the border of a scan.

use super::{Raster, Values};

/// Takes the alpha channel away, where there is one: every value is multiplied by its alpha and
/// rounded.
pub(super) fn lay_on_black(raster: &mut Raster) {
    let channels = raster.channels;
    if channels != 2 && channels != 4 {
        return;
    }
    let is_opaque = match &mut raster.values {
        Values::U8(values) => laid(values, channels, |value, alpha| {
            ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8
        }),
        Values::U16(values) => {
            let most = (1_u32 << raster.bits) - 1;
            laid(values, channels, |value, alpha| {
                ((u32::from(value) * u32::from(alpha) + most / 2) / most) as u16
            })
        }
        Values::F32(values) => laid(values, channels, |value, alpha| value * alpha),
    };
    raster.channels -= 1;
    if !is_opaque {
        raster.notes.push("alpha laid on black".to_owned());
    }
}

/// What a value type calls opaque.
trait Opaque: Copy + PartialEq {
    /// Whether `values`' last channel is the highest value everywhere.
    fn is_opaque(values: &[Self], channels: usize) -> bool;
}

impl Opaque for u8 {
    fn is_opaque(values: &[Self], channels: usize) -> bool {
        values.chunks_exact(channels).all(|pixel| pixel[channels - 1] == Self::MAX)
    }
}

impl Opaque for u16 {
    fn is_opaque(values: &[Self], channels: usize) -> bool {
        values.chunks_exact(channels).all(|pixel| pixel[channels - 1] == Self::MAX)
    }
}

impl Opaque for f32 {
    fn is_opaque(values: &[Self], channels: usize) -> bool {
        values.chunks_exact(channels).all(|pixel| pixel[channels - 1] == 1.0)
    }
}

/// Lays in place; whether all was opaque.
fn laid<T: Opaque>(values: &mut Vec<T>, channels: usize, lay: impl Fn(T, T) -> T) -> bool {
    let is_opaque = T::is_opaque(values, channels);
    let mut to = 0;
    for pixel in 0..values.len() / channels {
        let alpha = values[(pixel + 1) * channels - 1];
        for channel in 0..channels - 1 {
            let value = values[pixel * channels + channel];
            values[to] = if is_opaque { value } else { lay(value, alpha) };
            to += 1;
        }
    }
    values.truncate(to);
    is_opaque
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_transparent_is_half_as_bright_and_opaque_is_unchanged() {
        let raster = |channels, bits, values| Raster {
            height: 1,
            width: 2,
            channels,
            bits,
            values,
            orientation: None,
            notes: Vec::new(),
        };
        let mut half = raster(2, 8, Values::U8(vec![200, 128, 255, 0]));
        lay_on_black(&mut half);
        assert_eq!((half.values, half.channels), (Values::U8(vec![100, 0]), 1));
        assert_eq!(half.notes, ["alpha laid on black"]);
        let full = vec![1, 2, 3, 65535, 65535, 65535, 65535, 65535];
        let mut opaque = raster(4, 16, Values::U16(full));
        lay_on_black(&mut opaque);
        assert_eq!(opaque.values, Values::U16(vec![1, 2, 3, 65535, 65535, 65535]));
        assert!(opaque.notes.is_empty());
    }
}
