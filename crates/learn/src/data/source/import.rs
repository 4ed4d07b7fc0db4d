//! The way from a source to a data set.

use super::super::class_names;
use super::super::dataset::{self, Dataset, Split, UNLABELLED};
use super::super::error::DataError;
use super::super::files::Files;
use super::super::preprocessing::Preprocessing;
use super::decode::{LONGEST_OWN_SIDE, Way};
use super::duplicates::{Duplicates, Pair};
use super::listing::Listing;
use super::reading::{self, Images, Part, Stop};
use super::settings::{Import, Watch, WindowChoice};
use super::{Source, classes, problem, splits};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names in a sentence before it says "and more".
const LISTED: usize = 5;

/// Reads all images of `source`. `names` are the classes' names in the order that a person gave.
///
/// # Errors
/// If nothing can be listed, no file can be used, or what was asked for does not fit.
pub(in super::super) fn import(
    source: &Source,
    settings: &Import,
    names: Option<&[String]>,
    watch: &Watch<'_>,
) -> Result<Dataset, DataError> {
    let wrong = |what: String| problem(&source.path, what);
    settings.check().map_err(wrong)?;
    let mut listing = source.list(settings)?;
    if let Some((path, reason)) = listing.unusable.first().filter(|_| settings.strict) {
        return Err(wrong(format!("{path} {reason} (strict)")));
    }
    if settings.unlabelled {
        listing.entries.iter_mut().for_each(|entry| entry.label = None);
        listing.promised.clear();
    }
    let groups = group_from(&mut listing, settings).map_err(wrong)?;
    let way = way(source, &listing, settings, watch)?;
    let images = match reading::read(&listing, way, watch) {
        Err(Stop::OtherSizes) => {
            let size = Some([LONGEST_OWN_SIDE; 2]);
            reading::read(&listing, Way { size, ..way }, watch)
        }
        outcome => outcome,
    };
    let images = images.map_err(|stop| stopped(source, stop))?;
    refuse_empty(&listing, &images).map_err(wrong)?;
    let beside = match names {
        Some(_) => None,
        None if source.path.is_file() => class_names::beside(&source.path)?,
        None => None,
    };
    let origin = class_names::file_beside(&source.path).display().to_string();
    let given = names.map(|names| (names, "the class names given"));
    let given = given.or(beside.as_deref().map(|names| (names, origin.as_str())));
    let data = assemble(&source.path, listing, images, way, given)?;
    let data = splits::divide(data, settings).map_err(wrong)?;
    Ok(checked(data, groups))
}

fn stopped(source: &Source, stop: Stop) -> DataError {
    match stop {
        Stop::Cancelled => DataError::Interrupted,
        Stop::Problem(what) => problem(&source.path, what),
        // Only images that keep their own sizes can differ in them.
        Stop::OtherSizes => problem(&source.path, "holds images of several sizes"),
    }
}

/// How images are read, with the window that the settings ask for.
fn way(
    source: &Source,
    listing: &Listing,
    settings: &Import,
    watch: &Watch<'_>,
) -> Result<Way, DataError> {
    let mut way = Way::of(settings);
    if let Some(like) = &settings.like {
        return Ok(Way { window: like.window, ..way });
    }
    way.window = match settings.window {
        WindowChoice::OfFile => None,
        WindowChoice::Given(window) => Some(window),
        WindowChoice::Percentiles(percentiles) => {
            let window = reading::percentiles(listing, percentiles, watch);
            window.map_err(|stop| stopped(source, stop))?
        }
    };
    Ok(way)
}

/// Gives every entry the group that its path says. Returns whether groups were asked for.
pub(super) fn group_from(listing: &mut Listing, settings: &Import) -> Result<bool, String> {
    let has_column = listing.entries.iter().any(|entry| entry.group.is_some());
    let Some(text) = &settings.group_from else { return Ok(has_column) };
    if has_column {
        return Err("has a column of groups already, --group-from would replace it".to_owned());
    }
    let pattern = Regex::new(text).map_err(|error| {
        let last = error.to_string().lines().last().unwrap_or_default().to_owned();
        format!("--group-from {text:?} is no regular expression: {last}")
    })?;
    if pattern.captures_len() < 2 {
        return Err(format!(
            "--group-from {text:?} captures nothing: put ( ) around what names the group"
        ));
    }
    let (mut without, all) = (None, listing.entries.len());
    let mut with = 0;
    for entry in &mut listing.entries {
        let found = pattern.captures(&entry.path).and_then(|found| found.get(1));
        entry.group =
            found.map(|group| group.as_str().to_owned()).filter(|group| !group.is_empty());
        match &entry.group {
            Some(_) => with += 1,
            None => without = without.or(Some(entry.path.clone())),
        }
    }
    match without {
        Some(path) if with == 0 => Err(format!(
            "--group-from {text:?} fits none of {}, such as {path}",
            crate::counted(all, "path")
        )),
        _ => Ok(true),
    }
}

fn refuse_empty(listing: &Listing, images: &Images) -> Result<(), String> {
    if images.len() > 0 {
        return Ok(());
    }
    let mut reasons = listing.passed_over.clone();
    for (reason, count) in &images.passed_over {
        *reasons.entry(reason.clone()).or_default() += count;
    }
    let mut parts: Vec<String> =
        reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let unusable = listing.unusable.iter().chain(&images.unusable).collect::<Vec<_>>();
    if let Some((path, reason)) = unusable.first() {
        let count = unusable.len();
        parts.push(format!("{count} unusable, the first: {path} {reason}"));
    }
    Err(match parts.is_empty() {
        true => "is empty, expected images".to_owned(),
        false => format!("holds no image that can be used ({})", parts.join(", ")),
    })
}

/// The data set of what was read.
fn assemble(
    path: &Path,
    listing: Listing,
    images: Images,
    way: Way,
    given: Option<(&[String], &str)>,
) -> Result<Dataset, DataError> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for label in images.parts.iter().flat_map(|part| part.labels.iter().flatten()) {
        *counts.entry(label.clone()).or_default() += 1;
    }
    let names = classes::decide(&counts, given).map_err(|what| problem(path, what))?;
    let [height, width] = images.size.unwrap_or_default();
    let channels = images.channels;
    let (resize, window) = (way.resize, way.window);
    let mut files = Files {
        root: listing.root,
        has_splits: listing.has_splits,
        preprocessing: Preprocessing { height, width, channels, resize, window },
        unusable: listing.unusable.into_iter().chain(images.unusable).collect(),
        passed_over: listing.passed_over,
        notes: listing.notes,
        pictures: images.pictures,
        ..Files::default()
    };
    files.unusable.sort();
    for (reason, count) in images.passed_over {
        *files.passed_over.entry(reason).or_default() += count;
    }
    let label_of: BTreeMap<&str, u16> =
        (0u16..).zip(&names).map(|(i, name)| (&**name, i)).collect();
    let mut made = Vec::with_capacity(3);
    for (split, part) in images.parts.into_iter().enumerate() {
        let Part { pixels, labels, paths, groups, digests } = part;
        let label = |label: &Option<String>| {
            label.as_deref().and_then(|label| label_of.get(label).copied()).unwrap_or(UNLABELLED)
        };
        let labels = labels.iter().map(label).collect();
        let images = dataset::Images { height, width, channels, pixels };
        made.push(Split { images, labels });
        files.paths[split] = paths;
        files.groups[split] = groups;
        files.digests[split] = digests;
    }
    let empty: Vec<&str> = listing.promised.iter().map(String::as_str).collect();
    let empty = empty.into_iter().filter(|name| !counts.contains_key(*name));
    let empty: Vec<String> = empty.map(|name| format!("{name:?}")).collect();
    if !empty.is_empty() {
        let what = if empty.len() == 1 { "is no class" } else { "are no classes" };
        files.warnings.push(format!("{} {what}: no image is in the folder", shown(&empty)));
    }
    let mut splits = made.into_iter();
    let splits = [splits.next(), splits.next(), splits.next()];
    let none = || Split {
        images: dataset::Images { height, width, channels, pixels: Vec::new() },
        labels: Vec::new(),
    };
    let mut data = Dataset::new(name_of(path), splits.map(|s| s.unwrap_or_else(none)), names);
    data.files = Some(files);
    Ok(data)
}

/// A folder is called by its name, a file by its stem; a manifest that is called so alone, by the
/// name of its folder.
fn name_of(path: &Path) -> String {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let stem = path.file_stem();
    let name = match path.is_dir() {
        true => real.file_name(),
        false if stem.is_some_and(|stem| stem == "manifest") => {
            real.parent().and_then(Path::file_name)
        }
        false => stem,
    };
    name.map_or_else(|| "data".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The data set with warnings of what is likely to be a mistake in its splits and files.
fn checked(mut data: Dataset, has_groups: bool) -> Dataset {
    let Some(mut files) = data.files.take() else { return data };
    let mut warnings = std::mem::take(&mut files.warnings);
    if let Some((path, reason)) = files.unusable.first() {
        let count = crate::counted(files.unusable.len(), "file");
        warnings.push(format!("{count} could not be used, the first: {path} {reason}"));
    }
    if files.pictures.bits.len() > 1 {
        let bits: Vec<String> = files.pictures.bits.keys().cloned().collect();
        warnings.push(format!("images of {} bits stand side by side", bits.join(" and ")));
    }
    let is_split = data.splits().iter().filter(|(_, split)| !split.is_empty()).count() > 1;
    let across = splits::groups_across(&files);
    if !across.is_empty() {
        let names: Vec<String> = across.iter().map(|(group, _)| group.clone()).collect();
        let groups = crate::counted(across.len(), "group");
        let have = if across.len() == 1 { "has" } else { "have" };
        warnings.push(format!("{groups} {have} images in two splits: {}", shown(&names)));
    }
    let without = files.groups.iter().flatten().filter(|group| group.is_none()).count();
    if is_split && has_groups && without > 0 {
        let images = crate::counted(without, "image");
        warnings.push(format!("{images} without a group: which patient they are of is not known"));
    }
    if is_split && !has_groups {
        warnings.push(
            "no group is known: whether a patient is in two splits was not checked (a column \
             group or patient, or --group-from, says it)"
                .to_owned(),
        );
    }
    data.files = Some(files);
    warnings.extend(of_duplicates(&data));
    if let Some(files) = &mut data.files {
        files.warnings = warnings;
    }
    data
}

/// Copies and near-duplicates, one line each.
fn of_duplicates(data: &Dataset) -> Vec<String> {
    let found = Duplicates::of(data);
    let pairs = |pairs: &[Pair]| {
        let pair = |pair: &Pair| {
            let name = |(split, row): (usize, u32)| data.image_name(split, row as usize);
            format!("{} and {}", name(pair.held), name(pair.known))
        };
        let first: Vec<String> = pairs.iter().take(LISTED).map(pair).collect();
        let more = pairs.len() - first.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", first.join("; "))
    };
    let mut lines = Vec::new();
    if found.copies_within > 0 {
        let images = crate::counted(found.copies_within, "image");
        let are = if found.copies_within == 1 { "is a copy" } else { "are copies" };
        lines.push(format!("{images} {are} of an earlier one in the same split"));
    }
    for (list, what) in [
        (&found.copies_across, "a copy of one in another split"),
        (&found.near_across, "nearly one in another split"),
    ] {
        if !list.is_empty() {
            let images = crate::counted(list.len(), "held-out image");
            let is = if list.len() == 1 { "is" } else { "are each" };
            lines.push(format!("{images} {is} {what}: {}", pairs(list)));
        }
    }
    lines
}

/// The first few of a list, and how many more there are.
fn shown(items: &[String]) -> String {
    let first: BTreeSet<&str> = items.iter().take(LISTED).map(String::as_str).collect();
    let first: Vec<&str> = first.into_iter().collect();
    let more = items.len() - first.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
