//! One picture file: a data set of its images, none with a label.

use super::super::error::DataError;
use super::super::picture::{Recognised, recognise};
use super::listing::{Entry, Listing};
use super::settings::Import;
use super::split_names::Place;
use super::{Kind, problem};
use std::path::{Path, PathBuf};

pub(super) const KIND: Kind =
    Kind { name: "picture", is: |_, head| matches!(recognise(head), Recognised::Picture(_)), list };

fn list(path: &Path, _: &Import) -> Result<Listing, DataError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| problem(path, "its name is not UTF-8: rename it"))?;
    let entry =
        Entry { path: name.to_owned(), frame: None, label: None, split: Place::Train, group: None };
    Ok(Listing {
        root: folder_of(path),
        entries: vec![entry],
        is_named: true,
        ..Listing::default()
    })
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
