//! The network C(f) of the paper (section 4.2) as an engine architecture.
//!
//! | stage | layers | output (channels x height x width), 28x28 input |
//! |---|---|---|
//! | block 1 | (conv 3x3 -> ReLU -> batch norm) twice | f x 28 x 28 |
//! | pool | max 2x2, stride 3 | f x 9 x 9 |
//! | block 2 | as block 1 | 2f x 9 x 9 |
//! | pool | max 2x2, stride 3 | 2f x 3 x 3 |
//! | block 3 | as block 1 | 3f x 3 x 3 |
//! | head | flatten -> FC 8f -> ReLU -> FC 2f -> ReLU -> FC classes | classes |

use fewlabel_engine::Architecture;
use serde::{Deserialize, Serialize};

use crate::data::Images;
use crate::error::LearnError;

/// What is chosen about a network; the rest follows from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// The paper's f.
    pub width: usize,
    /// Channels of the three blocks; `None` is (f, 2f, 3f), our reading of the paper's misprinted
    /// feature map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_widths: Option<[usize; 3]>,
    /// Dropout probability before every fully connected layer but the first.
    #[serde(default)]
    pub dropout: f32,
}

impl NetworkSettings {
    /// C(f) without dropout.
    pub fn paper(width: usize) -> Self {
        Self { width, block_widths: None, dropout: 0.0 }
    }

    /// The architecture for images of the shape of `images` and `classes` classes.
    ///
    /// # Errors
    /// If a width is zero, the dropout is outside [0, 1), or the images are too small for the two
    /// pools.
    pub fn architecture(
        &self,
        images: &Images,
        classes: usize,
    ) -> Result<Architecture, LearnError> {
        let f = self.width;
        let architecture = Architecture {
            height: images.height,
            width: images.width,
            channels: images.channels,
            block_widths: self
                .block_widths
                .unwrap_or([1, 2, 3].map(|n| f.saturating_mul(n)))
                .to_vec(),
            hidden: [8, 2].map(|n| f.saturating_mul(n)).to_vec(),
            classes,
            dropout: self.dropout,
        };
        Ok(architecture.checked()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey28() -> Images {
        Images { height: 28, width: 28, channels: 1, pixels: Vec::new() }
    }

    #[test]
    fn c32_has_the_paper_s_shape() {
        let network = NetworkSettings::paper(32).architecture(&grey28(), 11).unwrap();
        assert_eq!(network.block_widths, [32, 64, 96]);
        assert_eq!(network.encoder_len(), 27 * 32);
        assert_eq!(network.hidden, [256, 64]);
    }

    #[test]
    fn other_block_widths_can_be_said() {
        let settings =
            NetworkSettings { block_widths: Some([16, 32, 36]), ..NetworkSettings::paper(16) };
        assert_eq!(settings.architecture(&grey28(), 11).unwrap().encoder_len(), 36 * 9);
    }

    #[test]
    fn a_width_of_zero_is_refused() {
        assert!(NetworkSettings::paper(0).architecture(&grey28(), 11).is_err());
    }
}
