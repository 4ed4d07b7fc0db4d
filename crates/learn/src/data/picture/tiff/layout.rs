//! How a page's samples are laid out, and which pages are refused.

use super::directory::Directory;

/// What the samples mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// Grey; whether white is 0.
    Grey { is_inverted: bool },
    /// Red, green and blue.
    Rgb,
    /// Numbers of a palette's colours.
    Palette,
    /// Luma and chroma, which the JPEG decoder turns into colours.
    YCbCr,
}

/// What a sample is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// What the sample behind the colours is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Extra {
    None,
    /// Not said: passed over.
    Unknown,
    /// The colours have been multiplied by it.
    Associated,
    Unassociated,
}

/// How a page's samples are laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) height: usize,
    pub(super) width: usize,
    /// Samples of a pixel.
    pub(super) samples: usize,
    /// Bits of a sample.
    pub(super) bits: usize,
    pub(super) kind: Kind,
    pub(super) meaning: Meaning,
    pub(super) extra: Extra,
    /// Whether every sample has a plane of its own.
    pub(super) is_planar: bool,
    pub(super) compression: u64,
    pub(super) predictor: u64,
}

impl Layout {
    pub(super) fn of(page: &Directory) -> Result<Self, String> {
        let number = |tag: u16, default: u64| -> Result<u64, String> {
            Ok(page.number(tag)?.unwrap_or(default))
        };
        let size = |tag: u16, name: &str| -> Result<usize, String> {
            let missing = || format!("is a damaged TIFF file: a page has no {name}");
            let found = page.number(tag)?.ok_or_else(missing)?;
            Ok(usize::try_from(found).unwrap_or(usize::MAX))
        };
        let samples = number(277, 1)? as usize;
        let bits = one(page, 258, 1, "bits a sample")?;
        let kind = match one(page, 339, 1, "kinds of samples")? {
            1 | 4 => Kind::Unsigned,
            2 => Kind::Signed,
            3 => Kind::Float,
            _ => return Err("is a TIFF file of complex numbers, which is not read".to_owned()),
        };
        let meaning = meaning(number(262, u64::MAX)?, number(259, 1)?)?;
        let colours = if matches!(meaning, Meaning::Rgb | Meaning::YCbCr) { 3 } else { 1 };
        let layout = Self {
            height: size(257, "height")?,
            width: size(256, "width")?,
            samples,
            bits: bits as usize,
            kind,
            meaning,
            extra: extra(page, samples, colours)?,
            is_planar: number(284, 1)? == 2 && samples > 1,
            compression: number(259, 1)?,
            predictor: number(317, 1)?,
        };
        layout.check(number(266, 1)?)?;
        Ok(layout)
    }

    fn check(&self, fill_order: u64) -> Result<(), String> {
        let Self { bits, kind, meaning, .. } = *self;
        let is_read = match kind {
            Kind::Unsigned => matches!(bits, 1..=16 | 32),
            Kind::Signed => matches!(bits, 8 | 16 | 32),
            Kind::Float => matches!(bits, 16 | 32 | 64),
        };
        let is_grey = matches!(meaning, Meaning::Grey { is_inverted: false });
        if !is_read || kind != Kind::Unsigned && !is_grey && meaning != Meaning::Rgb {
            let kind = match kind {
                Kind::Unsigned => "unsigned integers",
                Kind::Signed => "signed integers",
                Kind::Float => "floats",
            };
            return Err(format!("is a TIFF file of {bits}-bit {kind}, which is not read as it is"));
        }
        if meaning == Meaning::Palette && bits > 8 {
            return Err("is a TIFF file with a palette of more than 8 bits".to_owned());
        }
        if meaning == (Meaning::Grey { is_inverted: true }) && bits > 16 {
            return Err("is a TIFF file of 32 bits whose white is 0, which is not read".to_owned());
        }
        // The alpha of a depth in between would have to be scaled.
        if self.extra != Extra::None && !matches!(bits, 8 | 16 | 32) {
            return Err(format!("is a TIFF file of {bits} bits with alpha, which is not read"));
        }
        if self.extra == Extra::Unassociated && (bits == 32 || kind != Kind::Unsigned) {
            return Err("is a TIFF file of numbers with alpha, which is not read".to_owned());
        }
        if fill_order != 1 && bits < 8 {
            return Err("is a TIFF file whose bits run backwards, which is not read".to_owned());
        }
        Ok(())
    }

    /// Colours of a pixel: its samples without alpha.
    pub(super) fn colours(&self) -> usize {
        self.samples - usize::from(self.extra != Extra::None)
    }

    /// Bytes of a sample once it is unpacked.
    pub(super) fn sample_bytes(&self) -> usize {
        match self.bits {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ => 8,
        }
    }

    /// Whether the values become floats.
    pub(super) fn is_float_made(&self) -> bool {
        self.kind != Kind::Unsigned || self.bits > 16
    }
}

/// A tag that has one number for all samples, or the same one for each.
fn one(page: &Directory, tag: u16, default: u64, name: &str) -> Result<u64, String> {
    let numbers = page.numbers(tag)?.unwrap_or_default();
    match numbers.as_slice() {
        [] => Ok(default),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Ok(*first),
        _ => Err(format!("is a TIFF file whose channels differ in {name}, which is not read")),
    }
}

fn meaning(photometric: u64, compression: u64) -> Result<Meaning, String> {
    let refused = match photometric {
        0 | 1 => return Ok(Meaning::Grey { is_inverted: photometric == 0 }),
        2 => return Ok(Meaning::Rgb),
        3 => return Ok(Meaning::Palette),
        6 if compression == 7 => return Ok(Meaning::YCbCr),
        4 => "a mask",
        5 => "CMYK",
        6 => "YCbCr",
        8..=10 => "CIE Lab",
        32803 => "raw camera values",
        32844 | 32845 => "LogLuv",
        u64::MAX => {
            return Err("is a damaged TIFF file: a page does not say its colours".to_owned());
        }
        _ => "unknown colours",
    };
    Err(format!("is a TIFF file in {refused}, which is not read; store it as grey or RGB"))
}

/// What is behind the colours: nothing, or one sample.
fn extra(page: &Directory, samples: usize, colours: usize) -> Result<Extra, String> {
    let tag = page.number(338)?;
    match samples.checked_sub(colours) {
        Some(0) => Ok(Extra::None),
        Some(1) => match tag {
            Some(1) => Ok(Extra::Associated),
            Some(2) => Ok(Extra::Unassociated),
            // A second channel beside grey that is not said to be alpha may be a second stain.
            _ if colours == 3 => Ok(Extra::Unknown),
            _ => Err("is a TIFF file of 2 channels, which is not read; expected 1 or 3".to_owned()),
        },
        _ => {
            Err(format!("is a TIFF file of {samples} channels, which is not read; expected 1 or 3"))
        }
    }
}
