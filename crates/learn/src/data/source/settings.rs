//! How images of one's own are made into a data set. What is chosen here is part of the data.

use super::super::picture::Window;
use super::super::preprocessing::{Preprocessing, Resize};
use super::kept::Keeper;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The longest side that images may be resized to; that of arrays.
pub const LONGEST_SIDE: usize = 4096;

/// How files become a data set.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Import {
    /// Rows and columns of every image. By default the images' own, where all agree and none is
    /// larger than 64, else 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// How an image of another shape is made square.
    pub resize: Resize,
    /// 1 for grey, 3 for colour. By default grey where every image is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Which values are black and white where an image has more than 8 bits.
    pub window: WindowChoice,
    /// The part of the images that validation gets.
    pub val_share: f64,
    /// The part of the images that the test gets.
    pub test_share: f64,
    /// Seed of the splits that are made.
    pub split_seed: u64,
    /// A regular expression on the path whose first capture is the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_from: Option<String>,
    /// Whether folders and columns of labels are passed over, such as folders of patients.
    pub unlabelled: bool,
    /// Whether what is made of files is not kept for the next time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
    /// Whether one file that cannot be used ends the import.
    pub strict: bool,
    /// What a model or encoder has learned from: files become pixels as they did for it, whatever
    /// stands above.
    #[serde(skip)]
    pub like: Option<Preprocessing>,
}

/// Which values are black and white.
#[derive(Clone, Copy, Debug, PartialEq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum WindowChoice {
    /// What the file says, else all values that its bits can hold.
    #[default]
    OfFile,
    /// These two, the same for every image.
    Given(Window),
    /// Two percentiles of the values of all images together.
    Percentiles(Percentiles),
}

/// Two percentiles, the lower first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// What becomes black.
    pub low: f64,
    /// What becomes white.
    pub high: f64,
}

impl Default for Percentiles {
    /// Half a percent at either end: a bright marker or a dead pixel does not decide.
    fn default() -> Self {
        Self { low: 0.5, high: 99.5 }
    }
}

/// What asks for percentiles.
const PERCENTILES: &str = "percentiles";
/// What asks for the file's own window.
const OF_FILE: &str = "file";

impl FromStr for WindowChoice {
    type Err = String;

    /// `low:high`, `percentiles` or `file`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            PERCENTILES => Ok(Self::Percentiles(Percentiles::default())),
            OF_FILE => Ok(Self::OfFile),
            other => other.parse().map(Self::Given).map_err(|error: String| {
                format!("{error}, or {PERCENTILES}, or {OF_FILE} for the file's own")
            }),
        }
    }
}

impl TryFrom<String> for WindowChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<WindowChoice> for String {
    fn from(choice: WindowChoice) -> Self {
        match choice {
            WindowChoice::OfFile => OF_FILE.to_owned(),
            WindowChoice::Given(window) => window.to_string(),
            WindowChoice::Percentiles(_) => PERCENTILES.to_owned(),
        }
    }
}

impl Import {
    /// What is asked for that a model or encoder says itself: it would be passed over.
    pub fn first_of_pixels(&self) -> Option<&'static str> {
        let names = ["--size", "--resize", "--channels", "--window"];
        self.first_of_files().filter(|name| names.contains(name))
    }

    /// Whether anything is asked for that only files can be given: what is stored as arrays has
    /// its size and its channels already.
    pub fn first_of_files(&self) -> Option<&'static str> {
        let usual = Self::default();
        let given = [
            (self.size.is_some(), "--size"),
            (self.resize != usual.resize, "--resize"),
            (self.channels.is_some(), "--channels"),
            (self.window != usual.window, "--window"),
            (self.group_from.is_some(), "--group-from"),
            (self.unlabelled, "--unlabelled"),
            (self.strict, "--strict"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, name)| name)
    }

    /// Refuses settings that no data can be made with.
    ///
    /// # Errors
    /// Names the setting, its value and what was expected.
    pub fn check(&self) -> Result<(), String> {
        if let Some(size) = self.size.filter(|size| !(1..=LONGEST_SIDE).contains(size)) {
            return Err(format!("size is {size}, expected 1 to {LONGEST_SIDE}"));
        }
        if let Some(channels) = self.channels.filter(|channels| ![1, 3].contains(channels)) {
            return Err(format!("channels is {channels}, expected 1 (grey) or 3 (colour)"));
        }
        for (name, share) in [("val_share", self.val_share), ("test_share", self.test_share)] {
            if !(0.0..1.0).contains(&share) {
                return Err(format!("{name} is {share}, expected a part from 0 up to 1"));
            }
        }
        // What a study file can hold.
        if i64::try_from(self.split_seed).is_err() {
            return Err(format!(
                "split_seed is {}, expected at most {}",
                self.split_seed,
                i64::MAX
            ));
        }
        if self.val_share + self.test_share >= 1.0 {
            return Err("val_share and test_share leave nothing to learn from".to_owned());
        }
        Ok(())
    }
}

/// Who is told how far an import is, and asked whether it is to end.
pub struct Watch<'a> {
    done: AtomicUsize,
    progress: &'a (dyn Fn(usize, usize) + Sync),
    is_cancelled: &'a (dyn Fn() -> bool + Sync),
    keeper: Option<&'a dyn Keeper>,
}

impl<'a> Watch<'a> {
    /// `progress` is told of files done and of all; `is_cancelled` is asked now and then.
    pub fn new(
        progress: &'a (dyn Fn(usize, usize) + Sync),
        is_cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Self {
        Self { done: AtomicUsize::new(0), progress, is_cancelled, keeper: None }
    }

    /// The same, with what was made of the files before; none is what it was.
    #[must_use]
    pub fn with_keeper(self, keeper: Option<&'a dyn Keeper>) -> Self {
        Self { keeper, ..self }
    }

    pub(super) fn keeper(&self) -> Option<&'a dyn Keeper> {
        self.keeper
    }

    /// Nobody is told, and nobody ends it.
    pub fn nobody() -> Self {
        Self::new(&|_, _| {}, &|| false)
    }

    pub(super) fn is_cancelled(&self) -> bool {
        (self.is_cancelled)()
    }

    /// One file more is done.
    pub(super) fn one_more(&self, all: usize) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.progress)(done.min(all), all);
    }

    /// The files are read from the first one again.
    pub(super) fn begin(&self) {
        self.done.store(0, Ordering::Relaxed);
    }
}
