//! EXIF's orientation: which corner of the stored image is its top left.

use super::{Raster, Values};

/// Turns and mirrors the image as its orientation says, and notes it.
pub(super) fn turn(raster: &mut Raster) {
    let orientation = match raster.orientation {
        None | Some(1) => return,
        Some(orientation @ 2..=8) => orientation,
        Some(other) => {
            return raster.notes.push(format!("orientation {other} does not exist: not turned"));
        }
    };
    let Raster { height, width, channels, .. } = *raster;
    match &mut raster.values {
        Values::U8(values) => *values = turned(values, [height, width, channels], orientation),
        Values::U16(values) => *values = turned(values, [height, width, channels], orientation),
        Values::F32(values) => *values = turned(values, [height, width, channels], orientation),
    }
    if orientation >= 5 {
        (raster.height, raster.width) = (width, height);
    }
    raster.notes.push(format!("EXIF orientation {orientation} applied"));
}

/// The image whose row and column are found in the stored one as EXIF's table says.
fn turned<T: Copy>(
    values: &[T],
    [height, width, channels]: [usize; 3],
    orientation: u64,
) -> Vec<T> {
    let (rows, columns) = if orientation >= 5 { (width, height) } else { (height, width) };
    let mut out = Vec::with_capacity(values.len());
    for row in 0..rows {
        for column in 0..columns {
            let (y, x) = match orientation {
                2 => (row, width - 1 - column),
                3 => (height - 1 - row, width - 1 - column),
                4 => (height - 1 - row, column),
                5 => (column, row),
                6 => (height - 1 - column, row),
                7 => (height - 1 - column, width - 1 - row),
                8 => (column, width - 1 - row),
                _ => (row, column),
            };
            let at = (y * width + x) * channels;
            out.extend_from_slice(&values[at..at + channels]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By PIL.ImageOps.exif_transpose of the rows `1 2 3` and `4 5 6`.
    #[test]
    fn all_eight_orientations_are_as_in_pillow() {
        for (orientation, expected) in [
            (1, [1, 2, 3, 4, 5, 6]),
            (2, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (4, [4, 5, 6, 1, 2, 3]),
            (5, [1, 4, 2, 5, 3, 6]),
            (6, [4, 1, 5, 2, 6, 3]),
            (7, [6, 3, 5, 2, 4, 1]),
            (8, [3, 6, 2, 5, 1, 4]),
        ] {
            assert_eq!(turned(&[1, 2, 3, 4, 5, 6], [2, 3, 1], orientation), expected);
        }
    }
}
