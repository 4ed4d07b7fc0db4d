//! Images of one's own: where they lie, what they are called, and how they become a data set.
//!
//! ```text
//! path -> recognise -> list (files, labels, splits, groups) -> read -> pixels -> splits -> checks
//! ```
//!
//! A source is told by its content, not by its extension. A new kind of source is a file of this
//! folder and a line in `KINDS`.

mod classes;
mod decode;
mod duplicates;
mod folder;
mod import;
mod kept;
mod listing;
mod manifest;
mod one_file;
mod reading;
mod settings;
mod split_names;
mod splits;
mod walk;

use super::error::DataError;
use super::picture::Picture;
use listing::Listing;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

pub use duplicates::{Duplicates, NEAR_BITS, NEAR_LEVELS, Pair, Place};
pub(super) use import::import;
pub use kept::Keeper;
pub use settings::{Import, LONGEST_SIDE, Percentiles, Watch, WindowChoice};
pub(super) use splits::divide;
pub use splits::groups_across;

/// Bytes from which a kind is told.
const HEAD: u64 = 4096;

/// A kind of source.
#[derive(Clone, Copy)]
struct Kind {
    /// What it is called.
    name: &'static str,
    /// Whether a path with these first bytes (none for a folder) is of this kind.
    is: fn(&Path, &[u8]) -> bool,
    /// The files that belong to it.
    list: fn(&Path, &Import) -> Result<Listing, DataError>,
}

/// Every kind of source, the first that fits counts.
const KINDS: [Kind; 3] = [folder::KIND, one_file::KIND, manifest::KIND];

/// Files of the folder `root` by their paths from there, each with the class whose subfolder it
/// lies in; none is read, so some may be no images.
///
/// # Errors
/// If the folder cannot be listed, or its subfolders are no classes.
pub fn folder_labels(root: &Path) -> Result<Vec<(String, Option<String>)>, DataError> {
    let listing = (folder::KIND.list)(root, &Import::default())?;
    Ok(listing.entries.into_iter().map(|entry| (entry.path, entry.label)).collect())
}

/// Images that lie as files: a folder, a manifest or one picture.
pub struct Source {
    path: PathBuf,
    kind: Kind,
}

impl Source {
    /// Tells what lies at `path`; none where it is nothing that lists files, such as an archive of
    /// arrays.
    ///
    /// # Errors
    /// If the path cannot be read.
    pub fn recognise(path: &Path) -> Result<Option<Self>, DataError> {
        let failed = |source| DataError::Read { path: path.to_owned(), source };
        let mut head = Vec::new();
        let there = std::fs::metadata(path).map_err(failed)?;
        if there.is_file() {
            let file = File::open(path).map_err(failed)?;
            file.take(HEAD).read_to_end(&mut head).map_err(failed)?;
        } else if !there.is_dir() {
            return Ok(None);
        }
        let kind = KINDS.into_iter().find(|kind| (kind.is)(path, &head));
        Ok(kind.map(|kind| Self { path: path.to_owned(), kind }))
    }

    /// What kind of source it is: a folder, a manifest or one picture.
    pub fn kind(&self) -> &'static str {
        self.kind.name
    }

    /// The names and groups of what belongs to it, before any file is read. A file that turns out
    /// to be no picture, or one of several pages, is among these too.
    ///
    /// # Errors
    /// If the source cannot be listed.
    pub fn listed(&self, settings: &Import) -> Result<Listed, DataError> {
        let wrong = |what: String| problem(&self.path, what);
        settings.check().map_err(wrong)?;
        let mut listing = self.list(settings)?;
        import::group_from(&mut listing, settings).map_err(wrong)?;
        let named = listing
            .entries
            .into_iter()
            .map(|entry| (reading::with_page(&entry.path, entry.frame), entry.group));
        Ok(Listed { names: named.collect(), root: listing.root })
    }

    /// The files that belong to it.
    fn list(&self, settings: &Import) -> Result<Listing, DataError> {
        (self.kind.list)(&self.path, settings)
    }
}

/// What a source lists.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The folder that names are relative to.
    pub root: PathBuf,
    /// Each image's name, `path` or `path#page`, and its group where that is known.
    pub names: Vec<(String, Option<String>)>,
}

/// The image called `name` as it is stored: `path` or, for a page counted from 1, `path#page`,
/// below `root`.
///
/// # Errors
/// The end of a sentence that begins with the name: the file cannot be read, or is no picture.
pub fn picture(root: &Path, name: &str) -> Result<Picture, String> {
    let whole = listing::on_disk(root, name);
    let (path, page) = match name.rsplit_once('#') {
        Some((path, page)) if !whole.is_file() => match page.parse::<usize>() {
            Ok(page) if page > 0 => (listing::on_disk(root, path), page - 1),
            _ => (whole, 0),
        },
        _ => (whole, 0),
    };
    match decode::bytes(&path) {
        Ok(bytes) => super::picture::read(&bytes, page),
        Err(decode::Outcome::Unusable(reason)) => Err(reason),
        Err(_) => Err("is no picture".to_owned()),
    }
}

/// A sentence about a source.
fn problem(path: &Path, problem: impl Into<String>) -> DataError {
    DataError::Source { path: path.to_owned(), problem: problem.into() }
}
