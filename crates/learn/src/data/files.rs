//! Where the images of a data set lie, if each has a file of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of a data set's images, by split (training, validation, test) and row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The folder that paths are relative to.
    pub root: PathBuf,
    /// Paths with `/` between their parts; `#3` stands behind the path of a file's third page.
    pub paths: [Vec<String>; 3],
    /// What no two splits may share, such as the patient, where it is known.
    pub groups: [Vec<Option<String>>; 3],
    /// Whether the source itself says which images are held out.
    pub has_splits: bool,
    /// Files that could not be used, and why.
    pub unusable: Vec<(String, String)>,
    /// Files that are no images, counted by the reason.
    pub passed_over: BTreeMap<String, usize>,
    /// What was done on the way from the files to the pixels, one line each.
    pub notes: Vec<String>,
}
