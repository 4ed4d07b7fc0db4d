//! A folder: classes are its subfolders, below the folders of the splits where there are some.

use super::super::error::DataError;
use super::listing::{Entry, Listing};
use super::settings::Import;
use super::split_names::Place;
use super::walk::{self, Walk};
use super::{Kind, problem};
use std::collections::BTreeSet;
use std::path::Path;

pub(super) const KIND: Kind = Kind { name: "folder", is: |path, _| path.is_dir(), list };

/// What is said of images beside the folders of the splits.
const BESIDE: &str = "stands beside the folders of the splits";
/// Names in a sentence before it says "and more".
const LISTED: usize = 5;

fn list(root: &Path, _: &Import) -> Result<Listing, DataError> {
    let mut found = walk::walk(root)?;
    let has_splits = has_splits(root, &found)?;
    let mut listing = Listing {
        root: root.to_owned(),
        has_splits,
        unusable: std::mem::take(&mut found.unusable),
        passed_over: std::mem::take(&mut found.passed_over),
        ..Listing::default()
    };
    let depth = usize::from(has_splits);
    let promised: BTreeSet<&str> =
        found.folders.iter().filter_map(|path| class_folder(path, depth)).collect();
    listing.promised = promised.into_iter().map(str::to_owned).collect();
    for path in found.files {
        let parts: Vec<&str> = path.split('/').collect();
        let split = match has_splits {
            true if parts.len() > 1 => Place::named(parts[0]),
            true => None,
            false => Some(Place::Train),
        };
        let Some(split) = split else {
            listing.pass_over(BESIDE);
            continue;
        };
        // The file's own name is no class.
        let label = (parts.len() > depth + 1).then(|| parts[depth].to_owned());
        listing.entries.push(Entry { label, split, frame: None, group: None, path });
    }
    Ok(listing)
}

/// The name of a class folder, where `path` is one.
fn class_folder(path: &str, depth: usize) -> Option<&str> {
    let mut parts = path.split('/');
    let name = parts.nth(depth)?;
    parts.next().is_none().then_some(name)
}

/// Whether the folders directly below the root are splits.
fn has_splits(root: &Path, found: &Walk) -> Result<bool, DataError> {
    let top: Vec<&str> =
        found.folders.iter().filter(|path| !path.contains('/')).map(String::as_str).collect();
    let (splits, others): (Vec<&str>, Vec<&str>) =
        top.iter().partition(|name| Place::named(name).is_some());
    if splits.is_empty() {
        refuse_wrapper(root, found, &top)?;
        return Ok(false);
    }
    for place in [Place::Train, Place::Val, Place::Test] {
        let same: Vec<&str> =
            splits.iter().copied().filter(|name| Place::named(name) == Some(place)).collect();
        if let [first, second, ..] = same[..] {
            let what = format!("{first} and {second} are both names of the {} split", place.name());
            return Err(problem(root, what));
        }
    }
    if others.is_empty() {
        return Ok(true);
    }
    // A class may be called "test"; "train", or two names of splits, are no chance.
    let is_meant = splits.len() > 1 || Place::named(splits[0]) == Some(Place::Train);
    if !is_meant {
        return Ok(false);
    }
    let shown: Vec<&str> = others.iter().copied().take(LISTED).collect();
    Err(problem(
        root,
        format!(
            "holds the splits {} and beside them {}{}: move what is no split away, or name the \
             files in a manifest",
            splits.join(", "),
            shown.join(", "),
            more(others.len() - shown.len())
        ),
    ))
}

/// Refuses a folder that only wraps the one with the splits, as many an archive unpacks to.
fn refuse_wrapper(root: &Path, found: &Walk, top: &[&str]) -> Result<(), DataError> {
    let [only] = top else { return Ok(()) };
    let below = found.folders.iter().filter_map(|path| class_folder(path, 1));
    let splits: BTreeSet<&str> = below.filter(|name| Place::named(name).is_some()).collect();
    if !splits.iter().any(|name| Place::named(name) == Some(Place::Train)) {
        return Ok(());
    }
    let splits: Vec<&str> = splits.into_iter().collect();
    let what = format!(
        "its only folder is {only}, with the splits {} in it: use {}",
        splits.join(", "),
        root.join(only).display()
    );
    Err(problem(root, what))
}

fn more(count: usize) -> String {
    if count > 0 { format!(" and {count} more") } else { String::new() }
}
