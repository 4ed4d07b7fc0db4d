//! The shape of a network, checked once.

use crate::EngineError;
use crate::kernels::norm::pooled;
use crate::kernels::padded;
use std::collections::BTreeMap;

/// Blocks of convolutions, then a head of fully connected layers with ReLU between them.
///
/// A block is (3x3 convolution, ReLU, batch norm) twice. A max pool of 2x2 with stride 3 stands
/// between blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Channels of each block.
    pub block_widths: Vec<usize>,
    /// Widths of the hidden fully connected layers.
    pub hidden: Vec<usize>,
    /// Outputs.
    pub classes: usize,
    /// Dropout probability before every fully connected layer but the first, in training and in
    /// Monte-Carlo scoring.
    pub dropout: f32,
}

/// More parameters than this are refused: 2^28, a gigabyte.
const MOST_PARAMETERS: u128 = 1 << 28;

impl Architecture {
    /// Returns the architecture if it can be built.
    ///
    /// # Errors
    /// Says which number is out of range.
    pub fn checked(self) -> Result<Self, EngineError> {
        let fail = |text: String| Err(EngineError::Architecture(text));
        let range = |name: &str, value: usize, most: usize| match value {
            0 => Err(EngineError::Architecture(format!("{name} is 0, expected at least 1"))),
            v if v > most => {
                Err(EngineError::Architecture(format!("{name} is {v}, expected at most {most}")))
            }
            _ => Ok(()),
        };
        range("image height", self.height, 4096)?;
        range("image width", self.width, 4096)?;
        range("channel count", self.channels, 1024)?;
        range("block count", self.block_widths.len(), 8)?;
        if self.hidden.len() > 16 {
            return fail(format!("{} hidden layers, expected at most 16", self.hidden.len()));
        }
        range("class count", self.classes, 65_536)?;
        for &width in self.block_widths.iter().chain(&self.hidden) {
            range("layer width", width, 65_536)?;
        }
        let (mut h, mut w) = (self.height, self.width);
        for block in 1..self.block_widths.len() {
            if h < 2 || w < 2 {
                return fail(format!(
                    "an image of {}x{} is too small for {} blocks: {h}x{w} is left before pool \
                     {block}, \
                     expected at least 2x2",
                    self.height,
                    self.width,
                    self.block_widths.len()
                ));
            }
            (h, w) = (pooled(h), pooled(w));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return fail(format!("dropout is {}, expected at least 0 and below 1", self.dropout));
        }
        if self.count() > MOST_PARAMETERS {
            return fail(format!(
                "{} parameters, expected at most {MOST_PARAMETERS}",
                self.count()
            ));
        }
        Ok(self)
    }

    fn count(&self) -> u128 {
        let mut sum = 0;
        let mut cin = self.channels as u128;
        for &width in &self.block_widths {
            let width = width as u128;
            sum += 9 * width * (cin + width) + 6 * width;
            cin = width;
        }
        let mut inputs = self.encoder_len() as u128;
        for &width in self.hidden.iter().chain([&self.classes]) {
            sum += (inputs + 1) * width as u128;
            inputs = width as u128;
        }
        sum
    }

    /// Trained parameters.
    pub fn parameter_count(&self) -> usize {
        self.count() as usize
    }

    /// Length of the flattened encoder output.
    pub fn encoder_len(&self) -> usize {
        let (h, w) = self.encoder_side();
        h * w * self.block_widths.last().copied().unwrap_or(0)
    }

    /// Length of the last hidden layer, which is the encoder's output if there is none.
    pub fn feature_len(&self) -> usize {
        self.hidden.last().copied().unwrap_or_else(|| self.encoder_len())
    }

    /// Values in an image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Floating-point operations an image, of scoring and of a training step.
    ///
    /// They count direct convolution with its border of zeros. A fused multiply-add is two.
    pub fn flops(&self) -> (f64, f64) {
        let (mut scoring, mut first) = (0.0, 0.0);
        for (i, conv) in self.convolutions().iter().enumerate() {
            let flop = 18.0 * (conv.height * conv.width) as f64 * (conv.cin * conv.cout) as f64;
            scoring += flop;
            if i == 0 {
                first = flop;
            }
        }
        for (inputs, outputs) in self.dense() {
            scoring += 2.0 * (inputs * outputs) as f64;
        }
        // Backward needs two products for each forward one. The image's own gradient is not wanted.
        (scoring, 3.0 * scoring - first)
    }

    /// The architecture as text for a file's metadata.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let list = |v: &[usize]| v.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        [
            ("network.height", self.height.to_string()),
            ("network.width", self.width.to_string()),
            ("network.channels", self.channels.to_string()),
            ("network.block_widths", list(&self.block_widths)),
            ("network.hidden", list(&self.hidden)),
            ("network.classes", self.classes.to_string()),
            ("network.dropout", self.dropout.to_string()),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_string(), v))
        .collect()
    }

    /// Reads what [`Self::to_metadata`] wrote.
    ///
    /// # Errors
    /// Names the entry that is missing or no number.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, EngineError> {
        let text = |key: &str| {
            let missing = || {
                EngineError::File(format!(
                    "metadata has no {key}, expected a model written by this program"
                ))
            };
            metadata.get(key).ok_or_else(missing)
        };
        fn parse<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, EngineError> {
            text.parse().map_err(|_| {
                EngineError::File(format!("metadata {key} is {text:?}, expected a number"))
            })
        }
        let number = |key: &str| parse::<usize>(key, text(key)?);
        let list = |key: &str| {
            let text = text(key)?;
            text.split(',')
                .filter(|t| !t.is_empty())
                .map(|t| parse::<usize>(key, t))
                .collect::<Result<Vec<_>, _>>()
        };
        Self {
            height: number("network.height")?,
            width: number("network.width")?,
            channels: number("network.channels")?,
            block_widths: list("network.block_widths")?,
            hidden: list("network.hidden")?,
            classes: number("network.classes")?,
            dropout: parse("network.dropout", text("network.dropout")?)?,
        }
        .checked()
    }

    /// Rows and columns of the last block.
    pub(crate) fn encoder_side(&self) -> (usize, usize) {
        (1..self.block_widths.len())
            .fold((self.height, self.width), |(h, w), _| (pooled(h), pooled(w)))
    }

    /// The convolutions in order.
    pub(crate) fn convolutions(&self) -> Vec<Convolution> {
        let mut list = Vec::new();
        let (mut height, mut width, mut cin) = (self.height, self.width, self.channels);
        for (block, &cout) in self.block_widths.iter().enumerate() {
            if block > 0 {
                (height, width) = (pooled(height), pooled(width));
            }
            list.push(Convolution { height, width, cin, cout });
            list.push(Convolution { height, width, cin: cout, cout });
            cin = cout;
        }
        list
    }

    /// Inputs and outputs of the fully connected layers in order.
    pub(crate) fn dense(&self) -> Vec<(usize, usize)> {
        let mut inputs = self.encoder_len();
        let widths = self.hidden.iter().chain([&self.classes]);
        widths.map(|&w| (std::mem::replace(&mut inputs, w), w)).collect()
    }
}

/// One convolution as the file knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) cin: usize,
    pub(crate) cout: usize,
}

impl Convolution {
    /// Channels as the kernels read them: an image's own in the first layer, else whole vectors.
    pub(crate) fn shape(&self, first: bool) -> crate::kernels::direct::ConvShape {
        let cin = if first { self.cin } else { padded(self.cin) };
        crate::kernels::direct::ConvShape {
            height: self.height,
            width: self.width,
            cin,
            cout: padded(self.cout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn paper(f: usize) -> Architecture {
        Architecture {
            height: 28,
            width: 28,
            channels: 1,
            block_widths: vec![f, 2 * f, 3 * f],
            hidden: vec![8 * f, 2 * f],
            classes: 11,
            dropout: 0.0,
        }
    }

    #[test]
    fn the_papers_network_ends_at_three_by_three() {
        let network = paper(16).checked().unwrap();
        assert_eq!(network.encoder_len(), 27 * 16);
        assert_eq!(network.feature_len(), 32);
        let (scoring, training) = network.flops();
        assert!(
            (6.7e6..6.9e6).contains(&scoring) && (20.0e6..20.4e6).contains(&training),
            "{scoring} {training}"
        );
    }

    #[test]
    fn what_cannot_be_built_is_refused_with_the_reason() {
        for (network, word) in [
            (Architecture { width: 4, ..paper(8) }, "too small"),
            (Architecture { classes: 0, ..paper(8) }, "class count"),
            (Architecture { hidden: vec![0], ..paper(8) }, "layer width"),
            (Architecture { block_widths: vec![60_000, 60_000], ..paper(8) }, "parameters"),
            (Architecture { dropout: f32::NAN, ..paper(8) }, "dropout"),
        ] {
            let text = network.checked().unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn metadata_holds_the_whole_architecture() {
        let network = Architecture { dropout: 0.25, hidden: vec![], channels: 3, ..paper(5) };
        assert_eq!(Architecture::from_metadata(&network.to_metadata()).unwrap(), network);
    }
}
