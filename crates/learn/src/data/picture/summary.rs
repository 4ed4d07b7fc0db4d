//! A picture in a few numbers, for people and for comparisons with other readers.

use super::{Picture, Values};
use crate::data::hex;
use sha2::{Digest, Sha256};

/// What the values of a picture are.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The mean of all values.
    pub mean: f64,
    /// The SHA-256 of all values as little-endian floats of 32 bits, in hex.
    pub sha256_f32: String,
}

impl Picture {
    /// The numbers of this picture's values.
    pub fn summary(&self) -> Summary {
        match &self.values {
            Values::U8(values) => summary(values),
            Values::U16(values) => summary(values),
            Values::F32(values) => summary(values),
        }
    }

    /// The picture's axes: [height, width], and channels where there are several.
    pub fn shape(&self) -> Vec<usize> {
        let mut shape = vec![self.height, self.width, self.channels];
        shape.truncate(if self.channels == 1 { 2 } else { 3 });
        shape
    }
}

fn summary<T: Copy + Into<f32>>(values: &[T]) -> Summary {
    let mut hash = Sha256::new();
    let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let mut bytes = Vec::with_capacity(1 << 16);
    for block in values.chunks(1 << 14) {
        bytes.clear();
        for &value in block {
            let value: f32 = value.into();
            bytes.extend_from_slice(&value.to_le_bytes());
            let value = f64::from(value);
            (min, max, sum) = (min.min(value), max.max(value), sum + value);
        }
        hash.update(&bytes);
    }
    Summary { min, max, mean: sum / values.len() as f64, sha256_f32: hex(&hash.finalize()) }
}
