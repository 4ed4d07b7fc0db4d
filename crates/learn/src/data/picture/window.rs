//! Which stored values become black and white.

use super::{Picture, Values};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The stored value that becomes 0, and the one that becomes 255.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Window {
    /// Becomes 0, as does everything below.
    pub low: f32,
    /// Becomes 255, as does everything above.
    pub high: f32,
}

impl Window {
    /// Refuses a window that holds nothing.
    ///
    /// # Errors
    /// If the limits are no numbers, or the low one is not below the high one.
    pub fn new(low: f32, high: f32) -> Result<Self, String> {
        match low.is_finite() && high.is_finite() && low < high {
            true => Ok(Self { low, high }),
            false => Err(format!("the window {low}:{high} is empty; expected low:high")),
        }
    }
}

impl FromStr for Window {
    type Err = String;

    /// `low:high`, as in `-160:240`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no window; expected low:high, as in 0:4095");
        let (low, high) = text.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<f32>().map_err(|_| wrong());
        Self::new(number(low)?, number(high)?)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.low, self.high)
    }
}

/// How many bits of a float's rank tell its bin: a percentile is within 1 part in 2000.
const FLOAT_BITS: u32 = 20;

/// How often each value occurs in a set of pictures, in memory that does not grow with the set.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Of whole numbers up to 65535, every one by itself.
    whole: Vec<u64>,
    /// Of floats, by the first bits of their rank.
    float: Vec<u64>,
}

impl Histogram {
    /// Adds every value of a picture.
    pub fn add(&mut self, picture: &Picture) {
        match &picture.values {
            Values::U8(values) => self.add_whole(values.iter().map(|&value| value.into())),
            Values::U16(values) => self.add_whole(values.iter().copied()),
            Values::F32(values) => {
                self.float.resize(1 << FLOAT_BITS, 0);
                for &value in values {
                    self.float[(rank(value) >> (32 - FLOAT_BITS)) as usize] += 1;
                }
            }
        }
    }

    fn add_whole(&mut self, values: impl Iterator<Item = u16>) {
        self.whole.resize(1 << 16, 0);
        values.for_each(|value| self.whole[usize::from(value)] += 1);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (to, from) in [(&mut self.whole, &other.whole), (&mut self.float, &other.float)] {
            if to.len() < from.len() {
                to.resize(from.len(), 0);
            }
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// The window between two percentiles, 0 to 100; none where nothing or one value only was seen.
    pub fn window(&self, low: f64, high: f64) -> Option<Window> {
        let mut bins: Vec<(f32, u64)> = Vec::new();
        let whole = self.whole.iter().enumerate().filter(|&(_, &count)| count > 0);
        bins.extend(whole.map(|(value, &count)| (value as f32, count)));
        let float = self.float.iter().enumerate().filter(|&(_, &count)| count > 0);
        bins.extend(
            float.map(|(bin, &count)| (value_of((bin as u32) << (32 - FLOAT_BITS)), count)),
        );
        bins.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: u64 = bins.iter().map(|&(_, count)| count).sum();
        let at = |percent: f64| {
            let wanted = (percent / 100.0 * total as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            let bin = bins.iter().find(|&&(_, count)| {
                seen += count;
                seen >= wanted
            });
            bin.or(bins.last()).map(|&(value, _)| value)
        };
        Window::new(at(low)?, at(high)?).ok()
    }
}

/// A number whose order is that of the floats.
fn rank(value: f32) -> u32 {
    // Minus zero is zero.
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The smallest float of a rank's bin.
fn value_of(rank: u32) -> f32 {
    f32::from_bits(if rank >> 31 == 1 { rank & !(1 << 31) } else { !rank })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::picture::Format;

    fn picture(values: Values) -> Picture {
        let (format, notes) = (Format::Tiff, Vec::new());
        let width = values.len();
        let (frames, height, channels, bits, window) = (1, 1, 1, 16, None);
        Picture { format, frames, height, width, channels, bits, values, window, notes }
    }

    #[test]
    fn a_window_is_two_numbers_and_not_empty() {
        assert_eq!("-160:240".parse(), Ok(Window { low: -160.0, high: 240.0 }));
        for wrong in ["", "5", "5:5", "9:1", "a:b", "0:inf", "nan:1"] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values_in_any_order_and_number_of_parts() {
        let mut one = Histogram::default();
        one.add(&picture(Values::U16((0..1000).map(|i| i * 7).collect())));
        assert_eq!(one.window(0.5, 99.5), Some(Window { low: 28.0, high: 6958.0 }));
        let (mut low, mut high) = (Histogram::default(), Histogram::default());
        high.add(&picture(Values::U16((500..1000).rev().map(|i| i * 7).collect())));
        low.add(&picture(Values::U16((0..500).map(|i| i * 7).collect())));
        low.merge(&high);
        assert_eq!(low.window(0.5, 99.5), one.window(0.5, 99.5));
        let mut floats = Histogram::default();
        floats.add(&picture(Values::F32((-500..500).map(|i| i as f32).collect())));
        let window = floats.window(1.0, 99.0).unwrap();
        assert!((window.low + 491.0).abs() < 0.5 && (window.high - 489.0).abs() < 0.5, "{window}");
        assert_eq!(Histogram::default().window(0.0, 100.0), None);
    }
}
