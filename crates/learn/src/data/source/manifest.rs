//! A manifest: a table that names files, their labels, splits, groups and pages.

use super::super::error::DataError;
use super::super::table::{PATH, Table};
use super::listing::{Entry, Listing, on_disk};
use super::one_file::folder_of;
use super::settings::Import;
use super::split_names::{self, Place};
use super::{Kind, problem};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

pub(super) const KIND: Kind = Kind { name: "manifest", is: |_, head| is_text(head), list };

/// Names of the column of groups.
const GROUP: [&str; 2] = ["group", "patient"];
/// A manifest is no longer than this.
const MOST_BYTES: u64 = 1 << 30;
/// Mistakes that are named before the others are only counted.
const LISTED: usize = 5;

/// Whether these are the first bytes of a table: text of several columns, or a column of paths.
fn is_text(head: &[u8]) -> bool {
    let is_utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    !head.is_empty() && (is_utf16 || !head.contains(&0)) && !head.starts_with(b"PK")
}

fn list(path: &Path, _: &Import) -> Result<Listing, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(problem(path, format!("has {length} bytes, too many for a manifest")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let table = Table::read(&bytes, &PATH);
    let table = table.map_err(|what| problem(path, without_path(&bytes).unwrap_or(what)))?;
    let rows = Rows::of(&table).map_err(|what| problem(path, what))?;
    let entries = rows.entries(&table).map_err(|what| problem(path, what))?;
    let root = folder_of(path);
    refuse_missing(&entries, &root).map_err(|what| problem(path, what))?;
    let mut listing = Listing {
        root,
        has_splits: rows.split.is_some(),
        is_named: true,
        notes: rows.notes(&table),
        ..Listing::default()
    };
    let repeated = entries.len();
    listing.entries = once(entries).map_err(|what| problem(path, what))?;
    match repeated - listing.entries.len() {
        0 => {}
        1 => listing.notes.push("1 line names an image again: it is taken once".to_owned()),
        n => listing.notes.push(format!("{n} lines name an image again: each is taken once")),
    }
    Ok(listing)
}

/// What is said of another text, whatever else is wrong with it as a table.
fn without_path(bytes: &[u8]) -> Option<String> {
    let first = bytes.split(|&byte| byte == b'\n').next()?;
    let columns = Table::read(first, &PATH).ok()?.columns;
    let is_path = |column: &String| PATH.contains(&column.to_lowercase().as_str());
    (!first.starts_with(b"sep=") && !columns.iter().any(is_path)).then(|| no_path(&columns))
}

fn no_path(columns: &[String]) -> String {
    format!(
        "has no column path; its columns are {} (a manifest is a table with a column path and any \
         of label, split, group, patient, frame)",
        shown(columns)
    )
}

/// Which column holds what.
struct Rows {
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
    group: Option<usize>,
    frame: Option<usize>,
}

impl Rows {
    fn of(table: &Table) -> Result<Self, String> {
        let first = |names: &[&str]| {
            let mut found = None;
            for name in names {
                found = found.or(table.column(name)?);
            }
            Ok::<_, String>(found)
        };
        let Some(path) = first(&PATH)? else {
            return Err(no_path(&table.columns));
        };
        if table.rows.is_empty() {
            return Err("names no file: there is no line below its first".to_owned());
        }
        Ok(Self {
            path,
            label: table.column("label")?,
            split: table.column("split")?,
            group: first(&GROUP)?,
            frame: table.column("frame")?,
        })
    }

    /// The columns that mean nothing here.
    fn notes(&self, table: &Table) -> Vec<String> {
        let used = [Some(self.path), self.label, self.split, self.group, self.frame]
            .map(Option::into_iter);
        let used: BTreeSet<usize> = used.into_iter().flatten().collect();
        let kept_out: Vec<String> = (0..table.columns.len())
            .filter(|place| !used.contains(place) && !table.columns[*place].is_empty())
            .map(|place| table.columns[place].clone())
            .collect();
        match kept_out.is_empty() {
            true => Vec::new(),
            false => vec![format!("columns that are not used: {}", shown(&kept_out))],
        }
    }

    fn entries(&self, table: &Table) -> Result<Vec<(u64, Entry)>, String> {
        let entry = |(line, values): &(u64, Vec<String>)| {
            let entry = self.entry(values).map_err(|what| format!("line {line}: {what}"))?;
            Ok((*line, entry))
        };
        table.rows.iter().map(entry).collect()
    }

    fn entry(&self, values: &[String]) -> Result<Entry, String> {
        let value = |column: Option<usize>| {
            column.map(|column| values[column].clone()).filter(|value| !value.is_empty())
        };
        let (path, page) = plain(&values[self.path])?;
        let frame = match value(self.frame) {
            None => page,
            Some(_) if page.is_some() => {
                return Err("the page stands in the path and in the column frame".to_owned());
            }
            Some(text) => Some(frame(&text)?),
        };
        let split = match value(self.split) {
            Some(name) => Place::named(&name).ok_or_else(|| unknown_split(&name))?,
            None if self.split.is_some() => {
                return Err("has no split, expected train, val or test".to_owned());
            }
            None => Place::Train,
        };
        Ok(Entry { path, frame, split, label: value(self.label), group: value(self.group) })
    }
}

fn frame(text: &str) -> Result<usize, String> {
    // A spreadsheet or pandas may make 3.0 of 3.
    let digits = text.strip_suffix(".0").unwrap_or(text);
    let number = digits.parse().ok().filter(|&number: &usize| number > 0);
    number.ok_or_else(|| format!("frame is {text:?}, expected a number from 1"))
}

fn unknown_split(name: &str) -> String {
    let meant = split_names::nearest(name).map(|near| format!(" (did you mean {near}?)"));
    format!("split is {name:?}, expected train, val or test{}", meant.unwrap_or_default())
}

/// A path as this program writes it, and the page that stands behind it.
fn plain(text: &str) -> Result<(String, Option<usize>), String> {
    let text = text.replace('\\', "/");
    if text.is_empty() {
        return Err("has no path".to_owned());
    }
    let is_drive = |text: &str| {
        let mut letters = text.chars();
        letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
            && letters.next() == Some(':')
    };
    if text.starts_with('/') || is_drive(&text) || text.contains("://") {
        return Err(format!(
            "{text:?} is an absolute path, expected one from the manifest's own folder"
        ));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(format!(
            "{text:?} leads out of the manifest's folder by \"..\", expected a path below it"
        ));
    }
    let parts: Vec<&str> =
        text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() {
        return Err(format!("{text:?} is a folder, expected a file"));
    }
    let path = parts.join("/");
    let page = path.rsplit_once('#').and_then(|(before, page)| {
        let number = page.parse().ok().filter(|number: &usize| *number > 0)?;
        Some((before.to_owned(), Some(number))).filter(|(before, _)| !before.is_empty())
    });
    Ok(page.unwrap_or((path, None)))
}

/// Refuses files that are not there: folders are listed, files are not looked up one by one.
fn refuse_missing(entries: &[(u64, Entry)], root: &Path) -> Result<(), String> {
    let parts = |path: &str| match path.rsplit_once('/') {
        Some((folder, name)) => (folder.to_owned(), name.to_owned()),
        None => (String::new(), path.to_owned()),
    };
    let mut folders: BTreeMap<String, HashMap<OsString, bool>> = BTreeMap::new();
    for (_, entry) in entries {
        let folder = entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folders.contains_key(folder) {
            folders.insert(folder.to_owned(), HashMap::new());
        }
    }
    let names = |(folder, names): (&String, &mut HashMap<OsString, bool>)| {
        let path = if folder.is_empty() { root.to_owned() } else { on_disk(root, folder) };
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(()),
            Err(error) => return Err(format!("cannot read the folder {folder:?}: {error}")),
        };
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {folder:?}: {error}"))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            names.insert(entry.file_name(), is_folder);
        }
        Ok(())
    };
    folders.iter_mut().par_bridge().map(names).collect::<Result<(), String>>()?;
    let mut missing = Vec::new();
    for (line, entry) in entries {
        let (folder, name) = parts(&entry.path);
        match folders.get(&folder).and_then(|names| names.get(&OsString::from(&name))) {
            Some(true) => return Err(format!("line {line}: {} is a folder", entry.path)),
            Some(false) => {}
            None => missing.push(format!("{} (line {line})", entry.path)),
        }
    }
    match missing.len() {
        0 => Ok(()),
        1 => Err(format!("names a file that is not there: {}", missing[0])),
        count => Err(format!("names {count} files that are not there: {}", shown(&missing))),
    }
}

/// Every image once; two lines about one must say the same.
fn once(entries: Vec<(u64, Entry)>) -> Result<Vec<Entry>, String> {
    let mut first: HashMap<(&str, Option<usize>), (u64, &Entry)> = HashMap::new();
    let mut whole: HashSet<&str> = HashSet::new();
    let mut kept = Vec::with_capacity(entries.len());
    for (line, entry) in &entries {
        let Some((before, other)) = first.get(&(&entry.path, entry.frame)) else {
            first.insert((&entry.path, entry.frame), (*line, entry));
            if entry.frame.is_none() {
                whole.insert(&entry.path);
            }
            kept.push(entry.clone());
            continue;
        };
        let said = |label: &Option<String>| match label {
            Some(label) => format!("{label:?}"),
            None => "none".to_owned(),
        };
        let differs = if other.label != entry.label {
            Some(("labels", said(&other.label), said(&entry.label)))
        } else if other.split != entry.split {
            let name = |entry: &Entry| entry.split.name().to_owned();
            Some(("splits", name(other), name(entry)))
        } else if other.group != entry.group {
            Some(("groups", said(&other.group), said(&entry.group)))
        } else {
            None
        };
        if let Some((what, one, two)) = differs {
            let path = &entry.path;
            return Err(format!(
                "{path} has two {what}: {one} (line {before}) and {two} (line {line})"
            ));
        }
    }
    let both =
        entries.iter().find(|(_, entry)| entry.frame.is_some() && whole.contains(&*entry.path));
    if let Some((line, entry)) = both {
        return Err(format!("line {line}: {} is named both whole and by its pages", entry.path));
    }
    Ok(kept)
}

/// The first few of a list, and how many more there are.
fn shown(items: &[String]) -> String {
    let first: Vec<&str> = items.iter().take(LISTED).map(String::as_str).collect();
    let more = items.len() - first.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", first.join(", "))
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
