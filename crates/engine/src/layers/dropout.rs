//! Dropout masks, the same in training and in Monte-Carlo scoring.

use crate::rng::Key;

/// The key of the mask of one layer and one row: an image in training, a sample in scoring.
fn mask_key(key: Key, layer: usize, row: usize) -> Key {
    let place = ((row as u64) << 8) | (layer as u64 + 1);
    Key([key.0[0], key.0[1] ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15), key.0[2], key.0[3]])
}

/// Multiplies `values` by a dropout mask: 0 with probability `dropout`, else 1 / (1 - dropout).
pub(crate) fn drop_out(key: Key, layer: usize, row: usize, dropout: f32, values: &mut [f32]) {
    let mut stream = mask_key(key, layer, row).stream();
    let keep = 1.0 / (1.0 - dropout);
    for value in values {
        *value *= if stream.unit() < dropout { 0.0 } else { keep };
    }
}
