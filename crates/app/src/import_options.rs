//! How images of one's own become a data set, as the command line says it.

use crate::options::Common;
use clap::Args;
use clap::builder::PossibleValuesParser;
use fewlabel_learn::data::preprocessing::{Preprocessing, Resize};
use fewlabel_learn::data::source::{Import, Keeper, LONGEST_SIDE, Watch, WindowChoice};
use fewlabel_learn::data::{self, DataError, Dataset};
use fewlabel_study::store::image_cache::ImageCache;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::path::Path;

/// Options of every command that reads data.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Images of your own, and splits")]
pub(crate) struct ImportOptions {
    /// Resize images to N x N [default: their own size where all agree and are at most 64, else
    /// 64].
    #[arg(long, value_name = "N", value_parser = size)]
    size: Option<usize>,
    /// How images of another shape are made to fit: with a border, cut, or stretched.
    #[arg(long, value_name = "HOW", default_value = "letterbox", hide_default_value = true,
        value_parser = PossibleValuesParser::new(["letterbox", "crop", "stretch"]))]
    resize: String,
    /// 1 for grey, 3 for colour [default: grey where every image has red = green = blue].
    #[arg(long, value_name = "N", value_parser = channels)]
    channels: Option<usize>,
    /// Which values of images of more than 8 bits are black and white: `low:high`, or
    /// `percentiles` for 0.5 and 99.5 % of the values of all images [default: the file's window,
    /// else all that its bits can hold].
    #[arg(long, value_name = "LOW:HIGH", allow_hyphen_values = true,
        value_parser = str::parse::<WindowChoice>)]
    window: Option<WindowChoice>,
    /// Take this part of the training images for validation, such as 10% or 0.1.
    #[arg(long, value_name = "SHARE", default_value = "0", hide_default_value = true,
        value_parser = share)]
    val_share: f64,
    /// Take this part of the training images for the test.
    #[arg(long, value_name = "SHARE", default_value = "0", hide_default_value = true,
        value_parser = share)]
    test_share: f64,
    /// Seed of the splits that are made [default: 0].
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    split_seed: u64,
    /// What names the patient in a path: a regular expression whose first ( ) is the group. No
    /// group is in two splits that are made.
    #[arg(long, value_name = "REGEX")]
    group_from: Option<String>,
    /// Take no folder for a class, such as folders of patients; a column of labels is passed over.
    #[arg(long)]
    unlabelled: bool,
    /// Decode files anew, and keep nothing of them for the next time (`data cache list` shows what
    /// is kept).
    #[arg(long)]
    no_cache: bool,
    /// End at the first file that cannot be used.
    #[arg(long)]
    strict: bool,
}

impl ImportOptions {
    /// What was asked for.
    pub(crate) fn import(&self) -> Import {
        Import {
            size: self.size,
            resize: match self.resize.as_str() {
                "crop" => Resize::Crop,
                "stretch" => Resize::Stretch,
                _ => Resize::Letterbox,
            },
            channels: self.channels,
            window: self.window.unwrap_or_default(),
            val_share: self.val_share,
            test_share: self.test_share,
            split_seed: self.split_seed,
            group_from: self.group_from.clone(),
            unlabelled: self.unlabelled,
            no_cache: self.no_cache,
            strict: self.strict,
            like: None,
        }
    }

    /// Opens a data set so, with these names for its classes; shows how far reading is where files
    /// take their time and a person looks on.
    pub(crate) fn open(
        &self,
        data: &Path,
        names: Option<&[String]>,
        like: Option<Preprocessing>,
        common: &Common,
    ) -> Result<Dataset, DataError> {
        let import = Import { like, ..self.import() };
        let is_watched = stderr().is_terminal() && !common.quiet;
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("reading {bar:30} {pos} of {len} files") {
            bar.set_style(style);
        }
        let progress = |done: usize, all: usize| {
            if is_watched && all > 1 {
                if done == 1 {
                    bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                }
                bar.set_length(all as u64);
                bar.set_position(done as u64);
            }
        };
        // Nothing is written while reading: a signal may end the program as it does everywhere.
        let cache = ImageCache::of_user().filter(|_| !import.no_cache);
        let keeper = cache.as_ref().map(|cache| cache as &dyn Keeper);
        let watch = Watch::new(&progress, &|| false).with_keeper(keeper);
        let opened = data::open_with(data, names, &import, &watch);
        bar.finish_and_clear();
        opened
    }
}

fn size(text: &str) -> Result<usize, String> {
    let size = text.parse().ok().filter(|size| (1..=LONGEST_SIDE).contains(size));
    size.ok_or_else(|| format!("expected a whole number from 1 to {LONGEST_SIDE}"))
}

fn channels(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("expected 1 (grey) or 3 (colour)".to_owned()),
    }
}

/// A part of a whole: `10%` or `0.1`.
fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    share
        .ok()
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| "expected a part of the images, such as 10% or 0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_or_so_many_per_cent() {
        assert_eq!((share("10%"), share("0.25"), share("0")), (Ok(0.1), Ok(0.25), Ok(0.0)));
        for wrong in ["10", "1", "100%", "-1%", "x", "", "nan", "%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
