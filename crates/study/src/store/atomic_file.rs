//! Files that are either whole or absent, and files that only grow.

use crate::error::{AtPath, StudyError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), StudyError> {
    fs::create_dir_all(path).at("make the folder", path)
}

/// Writes a whole file: beside its place first, synced, then renamed into it. A reader sees the old bytes or the new.
///
/// # Errors
/// If the folder cannot be written; nothing half-written is left.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StudyError> {
    let mut file = WholeFile::create(path)?;
    file.write(bytes)?;
    file.finish()
}

/// A file that is written piece by piece and appears in its place whole, with [`WholeFile::finish`], or not at all.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    beside: PathBuf,
    file: File,
}

impl WholeFile {
    /// Begins the file that will be `path`.
    pub(crate) fn create(path: &Path) -> Result<Self, StudyError> {
        let beside = temporary_name(path);
        let file = File::create(&beside).at("write", path)?;
        Ok(Self { path: path.to_owned(), beside, file })
    }

    /// Adds `bytes`, unbuffered.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StudyError> {
        self.file.write_all(bytes).at("write", &self.path)
    }

    /// Syncs it and puts it in its place.
    pub(crate) fn finish(self) -> Result<(), StudyError> {
        self.file.sync_all().and_then(|()| fs::rename(&self.beside, &self.path)).at("write", &self.path)?;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Where it has been renamed there is nothing left beside it.
        let _ = fs::remove_file(&self.beside);
    }
}

/// [`write_whole`] where the bytes are not there already: the time of a file says when it last changed.
pub(crate) fn write_if_other(path: &Path, bytes: &[u8]) -> Result<(), StudyError> {
    match read_if_there(path) {
        Ok(Some(present)) if present == bytes => Ok(()),
        _ => write_whole(path, bytes),
    }
}

/// A name that no other process or thread uses: two may write the same file at the same time.
fn temporary_name(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}.{unique}.part", std::process::id()))
}

/// Learning takes minutes; that its result cannot be written is said before, not after.
pub(crate) fn refuse_unwritable(path: &Path) -> Result<(), StudyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || path.file_name().is_none() {
        return Err(StudyError::damaged(path, "is a folder; a file is expected"));
    }
    let probe = folder.join(format!(".fewlabel-{}.part", std::process::id()));
    fs::write(&probe, b"").at("write into", folder)?;
    remove_if_there(&probe)
}

/// Makes a rename last through a power cut, where the system lets a folder be synced.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

/// Writes `value` as indented JSON with a final line end.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StudyError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| StudyError::damaged(path, error.to_string()))?;
    text.push('\n');
    write_whole(path, text.as_bytes())
}

/// Reads a file of JSON; `None` if there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudyError> {
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes).map_err(|error| StudyError::damaged(path, error.to_string()))?;
    Ok(Some(value))
}

/// The bytes of a file; `None` if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StudyError> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => Ok(Some(bytes.at("read", path)?)),
    }
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), StudyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// A file that only grows. Lines wait in memory until [`Appended::sync`], so that what lies on disk fits the checkpoint.
#[derive(Debug)]
pub(crate) struct Appended {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    length: u64,
}

impl Appended {
    /// Opens the file for going on after its first `length` bytes; what stands behind them, such as a line torn by a
    /// kill, is cut off.
    pub(crate) fn open(path: &Path, length: u64) -> Result<Self, StudyError> {
        let file = OpenOptions::new().create(true).append(true).open(path).at("open", path)?;
        let present = file.metadata().at("read", path)?.len();
        if present < length {
            return Err(StudyError::damaged(
                path,
                format!("has {present} bytes where its checkpoint expects {length}"),
            ));
        }
        file.set_len(length).at("write", path)?;
        Ok(Self { path: path.to_owned(), file, waiting: Vec::new(), length })
    }

    /// Adds `value` as one line of JSON.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<(), StudyError> {
        serde_json::to_writer(&mut self.waiting, value).map_err(|e| StudyError::damaged(&self.path, e.to_string()))?;
        self.waiting.push(b'\n');
        Ok(())
    }

    /// Puts every line on disk for good and returns the file's length.
    pub(crate) fn sync(&mut self) -> Result<u64, StudyError> {
        if !self.waiting.is_empty() {
            self.file.write_all(&self.waiting).and_then(|()| self.file.sync_data()).at("write", &self.path)?;
            self.length += self.waiting.len() as u64;
            self.waiting.clear();
        }
        Ok(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.jsonl");
        fs::write(&path, "1\n2\n{\"to").expect("written");
        let mut file = Appended::open(&path, 4).expect("opened");
        file.line(&3).expect("a line");
        assert_eq!(file.sync().expect("synced"), 6);
        assert_eq!(fs::read_to_string(&path).expect("read"), "1\n2\n3\n");
    }

    #[test]
    fn a_file_shorter_than_its_checkpoint_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Appended::open(&folder.path().join("a.jsonl"), 4).expect_err("too short");
        assert!(error.to_string().ends_with("has 0 bytes where its checkpoint expects 4"), "{error}");
    }

    #[test]
    fn a_whole_file_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        write_whole(&folder.path().join("a"), b"x").expect("written");
        assert!(write_whole(&folder.path().join("missing/a"), b"x").is_err());
        let mut given_up = WholeFile::create(&folder.path().join("b")).expect("begun");
        given_up.write(b"half").expect("written");
        drop(given_up);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
