//! `fewlabel data inspect FILE`: how one picture file is read, and what the network sees of it.

use crate::options::{Common, count};
use crate::screen;
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use fewlabel_learn::data::picture::{self, Histogram, Picture, Values};
use fewlabel_learn::data::preprocessing::{Preprocessing, Resize, Window};
use fewlabel_study::{write_named, write_npy};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No larger file is read.
const LARGEST_FILE: u64 = 4 << 30;
/// Of floats without a window these percentiles are shown as black and white.
const PERCENTILES: (f64, f64) = (0.5, 99.5);

/// Arguments of `data inspect`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A PNG, JPEG, TIFF, BMP, WebP or GIF file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which image of the file, where it holds several; the first is 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    frame: usize,
    /// Show the picture as a network of this size sees it; else it keeps its own size.
    #[arg(long, value_name = "N", value_parser = count::<u16>)]
    size: Option<u16>,
    /// What happens to a picture that is not square.
    #[arg(long, value_enum, default_value_t = Shape::Letterbox)]
    resize: Shape,
    /// The stored values that become black and white, as in 0:4095.
    #[arg(long, value_name = "LOW:HIGH", allow_hyphen_values = true)]
    window: Option<Window>,
    /// Write the picture as the network sees it.
    #[arg(long, value_name = "FILE.png")]
    png: Option<PathBuf>,
    /// Write the values as stored, as a NumPy array of 32-bit floats.
    #[arg(long, value_name = "FILE.npy")]
    dump: Option<PathBuf>,
}

/// [`Resize`] as an option.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    Letterbox,
    Crop,
    Stretch,
}

/// What the network sees of the file.
struct Display {
    size: [usize; 3],
    pixels: Vec<u8>,
    window: Option<Window>,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let name = arguments.file.display().to_string();
    let of_file = |problem: String| anyhow!("{name} {problem}");
    let bytes = read(&arguments.file)?;
    let mut picture = picture::read(&bytes, arguments.frame).map_err(of_file)?;
    drop(bytes);
    let display = display(arguments, &mut picture).map_err(of_file)?;
    if let Some(path) = &arguments.png {
        write_named(path, &picture::encode(&display.pixels, display.size).map_err(of_file)?)?;
    }
    if let Some(path) = &arguments.dump {
        write_npy(path, &picture.shape(), &picture.values.to_f32())?;
    }
    match common.json {
        true => screen::print_json(&document(&picture, &display)),
        false => screen::print(&text(&name, arguments, &picture, &display)),
    }
}

/// The whole file, if it is one.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("cannot read {}", path.display());
    let kind = std::fs::metadata(path).with_context(failed)?;
    if kind.is_dir() {
        bail!(
            "{} is a folder, and inspect shows one file: `fewlabel data info` shows a data set",
            path.display()
        );
    }
    // A pipe or a device may never end.
    if !kind.is_file() || kind.len() > LARGEST_FILE {
        bail!("{} is no file of at most 4 GiB", path.display());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(failed)?;
    file.take(LARGEST_FILE).read_to_end(&mut bytes).with_context(failed)?;
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x93NUMPY") {
        bail!(
            "{} holds arrays, and inspect shows picture files: `fewlabel data info` shows a .npz \
             data set",
            path.display()
        );
    }
    Ok(bytes)
}

/// What the network sees; how floats became bytes is added to the picture's notes.
fn display(arguments: &Arguments, picture: &mut Picture) -> Result<Display, String> {
    let side = arguments.size.map(usize::from);
    let (height, width) = (side.unwrap_or(picture.height), side.unwrap_or(picture.width));
    let channels = picture.channels;
    let resize = match arguments.resize {
        Shape::Letterbox => Resize::Letterbox,
        Shape::Crop => Resize::Crop,
        Shape::Stretch => Resize::Stretch,
    };
    let mut window = arguments.window.or(picture.window);
    if window.is_none() && matches!(picture.values, Values::F32(_)) {
        let (low, high) = PERCENTILES;
        let mut histogram = Histogram::default();
        histogram.add(picture);
        let found = histogram.window(low, high).or_else(|| {
            let only = picture.summary().min as f32;
            Window::new(only, only + only.abs().max(1.0)).ok()
        });
        window = found;
        if let Some(window) = window {
            picture.notes.push(format!(
                "no window is given: shown between this picture's percentiles {low} and {high}, \
                 {window}"
            ));
        }
    }
    let preprocessing = Preprocessing { height, width, channels, resize, window };
    let pixels = preprocessing.apply(picture)?;
    Ok(Display { size: [height, width, channels], pixels, window })
}

impl Display {
    fn numbers(&self) -> (u8, u8, f64) {
        let (min, max) = (self.pixels.iter().min(), self.pixels.iter().max());
        let sum: u64 = self.pixels.iter().map(|&pixel| u64::from(pixel)).sum();
        let mean = sum as f64 / self.pixels.len() as f64;
        (min.copied().unwrap_or(0), max.copied().unwrap_or(0), mean)
    }
}

fn document(picture: &Picture, display: &Display) -> serde_json::Value {
    let values = picture.summary();
    let (min, max, mean) = display.numbers();
    json!({
        "format": picture.format.name(),
        "frames": picture.frames,
        "height": picture.height,
        "width": picture.width,
        "channels": picture.channels,
        "bits": picture.bits,
        "values": {
            "min": values.min, "max": values.max, "mean": values.mean,
            "sha256_f32": values.sha256_f32,
        },
        "display": { "min": min, "max": max, "mean": mean },
        "groups": {},
        "notes": picture.notes,
    })
}

fn text(name: &str, arguments: &Arguments, picture: &Picture, display: &Display) -> String {
    let Picture { height, width, frames, bits, .. } = picture;
    let colour = if picture.channels == 1 { "grey" } else { "colour" };
    let mut text = format!("{name}: {}, {height}x{width}, {colour}, ", picture.format.name());
    let _ = write!(text, "{bits} bits");
    if *frames > 1 {
        let _ = write!(text, ", image {} of {frames} (the first is 0)", arguments.frame);
    }
    let values = picture.summary();
    let (min, max, mean) = display.numbers();
    let rows = [
        [
            "stored",
            &values.min.to_string(),
            &values.max.to_string(),
            &format!("{:.3}", values.mean),
        ]
        .map(str::to_owned),
        ["shown", &min.to_string(), &max.to_string(), &format!("{mean:.3}")].map(str::to_owned),
    ];
    let _ = writeln!(text, "\n\n{}\n", screen::table(["values", "min", "max", "mean"], rows));
    let _ = write!(text, "shown: {}x{}, ", display.size[0], display.size[1]);
    let _ = match display.window {
        Some(window) => writeln!(text, "stored values {window} become 0:255"),
        None => writeln!(text, "the full range of {bits} bits becomes 0:255"),
    };
    for note in &picture.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}
