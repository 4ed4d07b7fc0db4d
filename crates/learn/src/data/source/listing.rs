//! What a source lists: one entry for every file that may hold images.

use super::split_names::Place;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file, or one page of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path from the root, with `/` between the parts.
    pub(super) path: String,
    /// The page meant, counted from 1; all of them where none is said.
    pub(super) frame: Option<usize>,
    /// Its class.
    pub(super) label: Option<String>,
    /// The split that the source puts it in; training where it says none.
    pub(super) split: Place,
    /// What no two splits may share, such as the patient.
    pub(super) group: Option<String>,
}

/// All entries of a source, in the order that its rows will have.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The folder that paths are relative to.
    pub(super) root: PathBuf,
    /// The entries.
    pub(super) entries: Vec<Entry>,
    /// Whether the source says which images are held out.
    pub(super) has_splits: bool,
    /// Whether each entry was named by a person: what is no picture is a mistake then.
    pub(super) is_named: bool,
    /// Classes that the source promises, with or without images.
    pub(super) promised: Vec<String>,
    /// Files that cannot be used, and why.
    pub(super) unusable: Vec<(String, String)>,
    /// What was not looked at, counted by the reason.
    pub(super) passed_over: BTreeMap<String, usize>,
    /// What a person should know of how the source was understood.
    pub(super) notes: Vec<String>,
}

impl Listing {
    /// Counts something that is not looked at.
    pub(super) fn pass_over(&mut self, reason: &str) {
        *self.passed_over.entry(reason.to_owned()).or_default() += 1;
    }
}

/// Where the entry with this path lies on disk.
pub(super) fn on_disk(root: &Path, relative: &str) -> PathBuf {
    relative.split('/').fold(root.to_owned(), |path, part| path.join(part))
}
