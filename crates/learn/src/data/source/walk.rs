//! The files below a folder, and what is not looked at.

use super::super::error::DataError;
use super::problem;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

/// More files than this are no data set but somebody's disk.
const MOST_FILES: usize = 5_000_000;
/// Names that systems leave behind, in small letters.
const LEFT_BEHIND: [&str; 5] =
    ["__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"];

/// What is said of names that begin with a dot.
pub(super) const HIDDEN: &str = "hidden";
/// What is said of what the system left.
pub(super) const SYSTEM: &str = "left by the system";
/// What is said of pipes and devices.
const NO_FILE: &str = "neither a file nor a folder";
/// What is said of links into what is listed.
const AGAIN: &str = "link to a folder that is listed already";

/// What lies below a folder.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Paths of files from the root, with `/` between the parts, in byte order.
    pub(super) files: Vec<String>,
    /// Folders directly below the root, and those directly below them.
    pub(super) folders: Vec<String>,
    /// What cannot be read, and why.
    pub(super) unusable: Vec<(String, String)>,
    /// What was not looked at, counted by the reason.
    pub(super) passed_over: BTreeMap<String, usize>,
    /// Links, to be followed when all real folders are known.
    links: Vec<(PathBuf, String)>,
    /// Folders that were listed, by their one true path.
    seen: HashSet<PathBuf>,
}

/// Why a name is not looked at, if it is not.
pub(super) fn is_passed_over(name: &str) -> Option<&'static str> {
    if LEFT_BEHIND.contains(&name.to_lowercase().as_str()) {
        return Some(SYSTEM);
    }
    name.starts_with('.').then_some(HIDDEN)
}

/// Lists every file below `root`. Links are followed, each folder once, so that circles end.
pub(super) fn walk(root: &Path) -> Result<Walk, DataError> {
    let failed = |source| DataError::Read { path: root.to_owned(), source };
    let real = fs::canonicalize(root).map_err(failed)?;
    if real.parent().is_none() {
        return Err(problem(root, "is the root of a disk, expected a folder of images"));
    }
    // A root that cannot be read is a mistake; a folder below it is one that cannot be used.
    fs::read_dir(root).map_err(failed)?;
    let mut walk = Walk::default();
    walk.folder(real.clone(), String::new(), root)?;
    while !walk.links.is_empty() {
        let mut links = std::mem::take(&mut walk.links);
        links.sort_by(|a, b| a.1.cmp(&b.1));
        for (path, relative) in links {
            walk.link(&path, relative, &real, root)?;
        }
    }
    walk.files.sort_unstable();
    walk.folders.sort_unstable();
    walk.unusable.sort_unstable();
    Ok(walk)
}

impl Walk {
    /// Lists the folder `real` and those below it; `relative` is its path from the root.
    fn folder(&mut self, real: PathBuf, relative: String, root: &Path) -> Result<(), DataError> {
        let mut waiting = vec![(real, relative)];
        while let Some((real, relative)) = waiting.pop() {
            if !self.seen.insert(real.clone()) {
                self.pass_over(AGAIN);
                continue;
            }
            if !relative.is_empty() && relative.matches('/').count() < 2 {
                self.folders.push(relative.clone());
            }
            let entries = match fs::read_dir(&real) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unusable.push((relative, format!("cannot be read: {error}")));
                    continue;
                }
            };
            for entry in entries {
                match entry {
                    Ok(entry) => waiting.extend(self.entry(&entry, &real, &relative)),
                    Err(error) => {
                        self.unusable.push((relative.clone(), format!("cannot be read: {error}")));
                    }
                }
                if self.files.len() > MOST_FILES {
                    let what = "holds more than 5,000,000 files: is it the folder that you mean?";
                    return Err(problem(root, what));
                }
            }
        }
        Ok(())
    }

    /// Takes up one name of a folder; returns it if it is a folder itself.
    fn entry(
        &mut self,
        entry: &DirEntry,
        folder: &Path,
        relative: &str,
    ) -> Option<(PathBuf, String)> {
        let name = entry.file_name();
        let path = folder.join(&name);
        let Some(name) = name.to_str() else {
            let shown = join(relative, &name.to_string_lossy());
            self.unusable.push((shown, "its name is not UTF-8: rename it".to_owned()));
            return None;
        };
        if let Some(reason) = is_passed_over(name) {
            self.pass_over(reason);
            return None;
        }
        let relative = join(relative, name);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => return Some((path, relative)),
            Ok(kind) if kind.is_file() => self.files.push(relative),
            Ok(kind) if kind.is_symlink() => self.links.push((path, relative)),
            Ok(_) => self.pass_over(NO_FILE),
            Err(error) => self.unusable.push((relative, format!("cannot be read: {error}"))),
        }
        None
    }

    /// Follows a link to a file, or to a folder that is not listed yet and does not hold the root.
    fn link(
        &mut self,
        path: &Path,
        relative: String,
        real: &Path,
        root: &Path,
    ) -> Result<(), DataError> {
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(_) => {
                self.unusable.push((relative, "is a link that leads nowhere".to_owned()));
                return Ok(());
            }
        };
        if target.is_file() {
            self.files.push(relative);
        } else if !target.is_dir() {
            self.pass_over(NO_FILE);
        } else if self.seen.contains(&target) || real.starts_with(&target) {
            self.pass_over(AGAIN);
        } else {
            self.folder(target, relative, root)?;
        }
        Ok(())
    }

    fn pass_over(&mut self, reason: &str) {
        *self.passed_over.entry(reason.to_owned()).or_default() += 1;
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
