//! From a picture file to what the network sees: size, channels, and which values are black and
//! white.
//!
//! What is done is data: [`Preprocessing`] is stored in a data set's record and in a model, so that
//! new files are treated as those were that the model learned from.

mod resample;

pub use super::picture::Window;
use super::picture::{LONGEST_SIDE, Picture, Values};
use resample::Plane;
use serde::{Deserialize, Serialize};

/// What becomes of every picture of a set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Preprocessing {
    /// Rows of the result.
    pub height: usize,
    /// Columns of the result.
    pub width: usize,
    /// 1 for grey, 3 for red, green and blue. A colour picture becomes grey by ITU-R 601:
    /// `(19595 red + 38470 green + 7471 blue + 32768) / 65536`, rounded down, in whole numbers.
    pub channels: usize,
    /// What happens to a picture of another shape.
    #[serde(default)]
    pub resize: Resize,
    /// The stored values that become 0 and 255. Without one, pictures of up to 16 bits use the
    /// full range of their bits, and floats are refused.
    #[serde(default)]
    pub window: Option<Window>,
}

impl Default for Preprocessing {
    /// Grey, 64 by 64.
    fn default() -> Self {
        Self { height: 64, width: 64, channels: 1, resize: Resize::default(), window: None }
    }
}

/// What happens to a picture whose sides have another ratio.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// All of it is kept, centred, with a border. The border has one value in each channel: the
    /// (lower) median of the pixels along the picture's own four edges.
    #[default]
    Letterbox,
    /// Its middle is kept, as large as the ratio allows.
    Crop,
    /// All of it is kept, stretched.
    Stretch,
}

impl Preprocessing {
    /// Refuses sizes and channels that no network sees.
    ///
    /// # Errors
    /// If a side is 0 or too long, or the channels are neither 1 nor 3.
    pub fn check(&self) -> Result<(), String> {
        let Self { height, width, channels, .. } = *self;
        if height == 0 || width == 0 || height.max(width) > LONGEST_SIDE {
            return Err(format!("a size of {height}x{width}; expected 1 to {LONGEST_SIDE} a side"));
        }
        if channels != 1 && channels != 3 {
            return Err(format!("{channels} channels; expected 1 (grey) or 3 (colour)"));
        }
        if let Some(Window { low, high }) = self.window {
            Window::new(low, high)?;
        }
        Ok(())
    }

    /// The bytes [height, width, channels] that the network sees.
    ///
    /// Values are resampled with as many bits as they are stored with, and become bytes after that.
    /// A picture that has the size already is not resampled. The mean of the pixels that a new one
    /// covers is taken along an axis that shrinks, bilinear weights along one that grows.
    ///
    /// # Errors
    /// If the picture's values cannot become bytes: floats without a window, or a window that an
    /// 8-bit picture cannot have. The error is the end of a sentence that begins with the file's
    /// name.
    pub fn apply(&self, picture: &Picture) -> Result<Vec<u8>, String> {
        self.check().map_err(|problem| format!("cannot become an image: {problem}"))?;
        let bits = picture.bits;
        let window = match (self.window, &picture.values) {
            (Some(window), Values::U8(_)) if window.high > 255.0 || window.low < 0.0 => {
                return Err(format!(
                    "has values of 8 bits, for which the window {window} is not meant: choose \
                     another window, or import such files by themselves"
                ));
            }
            (Some(window), _) => window,
            (None, Values::F32(_)) => {
                return Err(
                    "has values that need a window: give low:high, the values that become \
                            black and white"
                        .to_owned(),
                );
            }
            (None, _) => Window { low: 0.0, high: ((1_u32 << bits) - 1) as f32 },
        };
        let size = [picture.height, picture.width, picture.channels];
        let bytes = match &picture.values {
            Values::U8(values) if (window.low, window.high) == (0.0, 255.0) => {
                self.placed(values, size)
            }
            Values::U8(values) => bytes(&self.placed(values, size), window),
            Values::U16(values) => bytes(&self.placed(values, size), window),
            Values::F32(values) => bytes(&self.placed(values, size), window),
        };
        Ok(match self.channels > picture.channels {
            true => bytes.iter().flat_map(|&value| [value; 3]).collect(),
            false => bytes,
        })
    }

    /// The values [height, width, c] of the result, c being the smaller number of channels.
    fn placed<T: resample::Sample>(&self, values: &[T], size: [usize; 3]) -> Vec<T> {
        let [height, width, channels] = size;
        let plane = Plane { height, width, channels, values: values.into() };
        let plane = if self.channels < channels { plane.luma() } else { plane };
        match self.resize {
            Resize::Stretch => plane.resized(self.height, self.width),
            Resize::Crop => plane.cropped_to(self.height, self.width),
            Resize::Letterbox => plane.letterboxed(self.height, self.width),
        }
    }
}

/// Values become bytes: linear between the limits of the window, rounded.
fn bytes<T: resample::Sample>(values: &[T], window: Window) -> Vec<u8> {
    let (low, high) = (f64::from(window.low), f64::from(window.high));
    let byte = |&value: &T| ((value.to_f64() - low) / (high - low) * 255.0).round() as u8;
    values.iter().map(byte).collect()
}

#[cfg(test)]
mod tests;
