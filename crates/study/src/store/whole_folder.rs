//! A folder that appears whole or not at all.

use crate::error::{AtPath, StudyError};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder whose files are written beside its place, where [`WholeFolder::finish`] puts it.
#[derive(Debug)]
pub(crate) struct WholeFolder {
    path: PathBuf,
    /// Where its files wait; none once they are in their place.
    beside: Option<PathBuf>,
}

impl WholeFolder {
    /// Begins the folder that will be `path`.
    ///
    /// # Errors
    /// If there is something in its place that is not an empty folder, or nothing can be written
    /// beside it.
    pub(crate) fn create(path: &Path) -> Result<Self, StudyError> {
        // `out/` has no name of its own to stand beside.
        let path: PathBuf = path.components().collect();
        match fs::read_dir(&path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => {
                return Err(StudyError::damaged(&path, "is a folder that is not empty"));
            }
            Err(_) if path.exists() => {
                return Err(StudyError::damaged(&path, "is a file, expected a folder"));
            }
            Err(_) => {}
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| StudyError::damaged(&path, "is no folder's name"))?;
        let beside = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        // A process of the same number that was killed may have left one.
        if beside.exists() {
            fs::remove_dir_all(&beside).at("remove", &beside)?;
        }
        fs::create_dir(&beside).at("write", &path)?;
        Ok(Self { path, beside: Some(beside) })
    }

    /// Adds a file below it, with the folders that it lies in.
    ///
    /// # Errors
    /// If the disk takes no more.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> Result<(), StudyError> {
        let Some(beside) = &self.beside else { return Ok(()) };
        let path = name.split('/').fold(beside.clone(), |path, part| path.join(part));
        let shown = self.path.join(name);
        match fs::write(&path, bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(beside);
                fs::create_dir_all(folder).at("make the folder", &shown)?;
                fs::write(&path, bytes).at("write", &shown)
            }
            outcome => outcome.at("write", &shown),
        }
    }

    /// Adds a file below it that has the bytes of the file `source`: a second name of it where it
    /// is to be linked and the system can do that, else a copy. Links are followed first, so that
    /// no name of the folder leads elsewhere.
    ///
    /// # Errors
    /// If the source cannot be read, or the disk takes no more.
    pub(crate) fn file_of(
        &self,
        name: &str,
        source: &Path,
        is_linked: bool,
    ) -> Result<(), StudyError> {
        let Some(beside) = &self.beside else { return Ok(()) };
        let path = name.split('/').fold(beside.clone(), |path, part| path.join(part));
        let shown = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap_or(beside)).at("make the folder", &shown)?;
        let source = fs::canonicalize(source).at("read", source)?;
        if is_linked && fs::hard_link(&source, &path).is_ok() {
            return Ok(());
        }
        let mut from = fs::File::open(&source).at("read", &source)?;
        let mut to = fs::File::create_new(&path).at("write", &shown)?;
        std::io::copy(&mut from, &mut to).at("write", &shown)?;
        Ok(())
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// If something else came there meanwhile.
    pub(crate) fn finish(mut self) -> Result<(), StudyError> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        // Where it is there and empty, as `create` saw; not every system renames over a folder.
        let _ = fs::remove_dir(&self.path);
        let moved = fs::rename(&beside, &self.path);
        if moved.is_err() {
            self.beside = Some(beside);
        }
        moved.at("write", &self.path)
    }
}

impl Drop for WholeFolder {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_dir_all(beside);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: Result<fs::DirEntry, _>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_is_there_when_it_is_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let out = place.path().join("out");
        let folder = WholeFolder::create(&out).expect("begun");
        folder.file("a/b/c.txt", b"x").expect("written");
        assert!(!out.exists());
        folder.finish().expect("finished");
        assert_eq!(fs::read(out.join("a/b/c.txt")).expect("read"), b"x");
        assert_eq!(names(place.path()), ["out"]);
        let error = WholeFolder::create(&out).expect_err("not empty").to_string();
        assert!(error.ends_with("out: is a folder that is not empty"), "{error}");
        let error = WholeFolder::create(&out.join("a/b/c.txt")).expect_err("a file").to_string();
        assert!(error.ends_with("is a file, expected a folder"), "{error}");
    }

    #[test]
    fn files_of_elsewhere_are_linked_or_copied() {
        let place = tempfile::tempdir().expect("a folder");
        let source = place.path().join("source.txt");
        fs::write(&source, b"x").expect("written");
        let out = place.path().join("out");
        let folder = WholeFolder::create(&out).expect("begun");
        folder.file_of("a/linked", &source, true).expect("linked");
        folder.file_of("a/copied", &source, false).expect("copied");
        let missing = folder.file_of("a/none", &place.path().join("none"), true);
        assert!(missing.expect_err("missing").to_string().starts_with("cannot read"));
        folder.finish().expect("finished");
        fs::write(&source, b"y").expect("changed");
        assert_eq!(fs::read(out.join("a/copied")).expect("read"), b"x");
        assert!(fs::symlink_metadata(out.join("a/linked")).expect("there").is_file());
    }

    #[test]
    fn what_is_given_up_leaves_nothing_and_an_empty_folder_is_filled() {
        let place = tempfile::tempdir().expect("a folder");
        let out = place.path().join("out");
        let folder = WholeFolder::create(&out).expect("begun");
        folder.file("x", b"x").expect("written");
        drop(folder);
        assert!(names(place.path()).is_empty());
        fs::create_dir(&out).expect("made");
        let folder = WholeFolder::create(&out.join("")).expect("begun");
        folder.file("x", b"x").expect("written");
        folder.finish().expect("finished");
        assert_eq!(names(&out), ["x"]);
    }
}
