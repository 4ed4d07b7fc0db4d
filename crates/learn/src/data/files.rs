//! Where the images of a data set lie, if each has a file of its own.

use super::preprocessing::Preprocessing;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of a data set's images, by split (training, validation, test) and row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    /// The folder that paths are relative to.
    pub root: PathBuf,
    /// Paths with `/` between their parts; `#3` stands behind the path of a file's third page.
    pub paths: [Vec<String>; 3],
    /// What no two splits may share, such as the patient, where it is known.
    pub groups: [Vec<Option<String>>; 3],
    /// BLAKE3 of each picture's shape and values as they are stored.
    pub digests: [Vec<[u8; 32]>; 3],
    /// What was done to every picture, and is to be done to new ones.
    pub preprocessing: Preprocessing,
    /// What the pictures are like, counted.
    pub pictures: Pictures,
    /// Whether the source itself says which images are held out.
    pub has_splits: bool,
    /// Files that could not be used, and why.
    pub unusable: Vec<(String, String)>,
    /// Files that are no images, counted by the reason.
    pub passed_over: BTreeMap<String, usize>,
    /// What was done on the way from the files to the pixels, one line each.
    pub notes: Vec<String>,
    /// What is likely to be a mistake, one line each.
    pub warnings: Vec<String>,
}

/// What the pictures of a data set are like: images of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// By format, such as `png`.
    pub formats: BTreeMap<String, usize>,
    /// By size as they are stored: rows x columns.
    pub sizes: BTreeMap<String, usize>,
    /// By colour: `grey` where red = green = blue, else `colour`.
    pub channels: BTreeMap<String, usize>,
    /// By bits of a value.
    pub bits: BTreeMap<String, usize>,
    /// By the window that the files ask for.
    pub windows: BTreeMap<String, usize>,
    /// By what was done to the stored values, such as turning them upright.
    pub notes: BTreeMap<String, usize>,
}

/// Counts one more of `kind`.
pub(super) fn count_one(counts: &mut BTreeMap<String, usize>, kind: &str) {
    match counts.get_mut(kind) {
        Some(count) => *count += 1,
        None => {
            counts.insert(kind.to_owned(), 1);
        }
    }
}
