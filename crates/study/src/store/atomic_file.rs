//! Files that are either whole or absent, and files that only grow.

use crate::error::{AtPath, StudyError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// No record is longer; what is is not read.
const LONGEST_RECORD: u64 = 1 << 28;

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), StudyError> {
    fs::create_dir_all(path).at("make the folder", path)
}

/// Where the unfinished state of a file that is long in the making waits.
pub(crate) fn checkpoint_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".checkpoint");
    path.with_file_name(name)
}

/// Writes a whole file: beside its place first, synced, then renamed into it. A reader sees the old
/// bytes or the new.
///
/// # Errors
/// If the folder cannot be written; nothing half-written is left.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StudyError> {
    let mut file = WholeFile::create(path)?;
    file.write(bytes)?;
    file.finish()
}

/// [`write_whole`] to a place that a person named: see [`WholeFile::named`].
///
/// # Errors
/// If the place cannot be written; nothing half-written is left.
pub fn write_named(path: &Path, bytes: &[u8]) -> Result<(), StudyError> {
    let mut file = WholeFile::named(path)?;
    file.write(bytes)?;
    file.finish()
}

/// A file that is written piece by piece and appears in its place whole, with
/// [`WholeFile::finish`], or not at all.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    /// Where its bytes wait; none where they go straight to a device or a pipe.
    beside: Option<PathBuf>,
    file: File,
}

impl WholeFile {
    /// Begins the file that will be `path`. A link in its place is replaced, never followed.
    pub(crate) fn create(path: &Path) -> Result<Self, StudyError> {
        let beside = temporary_name(path);
        // A process of the same number that was killed may have left one; a link there is removed,
        // not followed.
        remove_if_there(&beside)?;
        let file =
            OpenOptions::new().write(true).create_new(true).open(&beside).at("write", path)?;
        Ok(Self { path: path.to_owned(), beside: Some(beside), file })
    }

    /// Begins the file at a place that a person named: links lead to their target, and a device or
    /// pipe takes the bytes as they come.
    ///
    /// # Errors
    /// If the place cannot be written or is a folder.
    pub fn named(path: &Path) -> Result<Self, StudyError> {
        match Place::of(path)? {
            Place::File(path) => Self::create(&path),
            Place::Device => {
                let file = OpenOptions::new().write(true).open(path).at("write", path)?;
                Ok(Self { path: path.to_owned(), beside: None, file })
            }
        }
    }

    /// Adds `bytes`, unbuffered.
    ///
    /// # Errors
    /// If the disk or device takes no more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StudyError> {
        self.file.write_all(bytes).at("write", &self.path)
    }

    /// The file itself, for those who write in places.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts it in its place without waiting for the disk: for what has a checksum and can be made
    /// again.
    pub(crate) fn finish_unsynced(mut self) -> Result<(), StudyError> {
        let Some(beside) = &self.beside else { return Ok(()) };
        fs::rename(beside, &self.path).at("write", &self.path)?;
        self.beside = None;
        Ok(())
    }

    /// Syncs it and puts it in its place.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn finish(mut self) -> Result<(), StudyError> {
        let Some(beside) = &self.beside else { return Ok(()) };
        self.file
            .sync_all()
            .and_then(|()| fs::rename(beside, &self.path))
            .at("write", &self.path)?;
        self.beside = None;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}

/// What a path that a person named leads to.
enum Place {
    /// A file that is there or can be made, links followed.
    File(PathBuf),
    /// Something that takes bytes and is no file, such as `/dev/null`.
    Device,
}

impl Place {
    fn of(path: &Path) -> Result<Self, StudyError> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                Err(StudyError::damaged(path, "is a folder; a file is expected"))
            }
            Ok(found) if !found.is_file() => Ok(Self::Device),
            _ => Ok(Self::File(followed(path)?)),
        }
    }
}

/// Where `path` leads through links, of which the last may lead to a file that is still to be made.
fn followed(path: &Path) -> Result<PathBuf, StudyError> {
    let mut end = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&end) {
            Ok(target) => end = end.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(end),
        }
    }
    Err(StudyError::damaged(path, "is a link that leads in a circle"))
}

/// [`write_whole`] where the bytes are not there already: the time of a file says when it last
/// changed.
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
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}.{unique}.part", std::process::id()))
}

/// Learning takes minutes; that its result cannot be written is said before, not after.
pub(crate) fn refuse_unwritable(path: &Path) -> Result<(), StudyError> {
    let path = match Place::of(path)? {
        Place::Device => return Ok(()),
        Place::File(path) => path,
    };
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() {
        return Err(StudyError::damaged(&path, "is no file's name"));
    }
    let probe = folder.join(format!(".fewlabel-{}.part", std::process::id()));
    remove_if_there(&probe)?;
    OpenOptions::new().write(true).create_new(true).open(&probe).at("write into", folder)?;
    remove_if_there(&probe)
}

/// Makes a rename last through a power cut, where the system lets a folder be synced.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

/// What can be kept as a record: it reads back as itself. A number that is none would not.
pub(crate) trait Record: Serialize + DeserializeOwned + PartialEq {}

impl<T: Serialize + DeserializeOwned + PartialEq> Record for T {}

/// Refuses `json` of `value` for the file `path` where it reads back as something else: JSON holds
/// a number that is none as null.
fn check_record<T: Record>(path: &Path, json: &[u8], value: &T) -> Result<(), StudyError> {
    let refused = |why: String| {
        let why = io::Error::new(ErrorKind::InvalidData, format!("it would not read back: {why}"));
        Err::<(), _>(why).at("write", path)
    };
    match serde_json::from_slice::<T>(json) {
        Err(error) => refused(error.to_string()),
        Ok(again) if again == *value => Ok(()),
        Ok(_) => refused("a number in it is infinite or none".to_owned()),
    }
}

/// Writes `value` as indented JSON with a final line end.
///
/// # Errors
/// If the file cannot be written, or would not read back as `value`; then nothing is.
pub(crate) fn write_json<T: Record>(path: &Path, value: &T) -> Result<(), StudyError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| StudyError::damaged(path, error.to_string()))?;
    check_record(path, text.as_bytes(), value)?;
    text.push('\n');
    write_whole(path, text.as_bytes())
}

/// Reads a file of JSON; `None` if there is none.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudyError> {
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| StudyError::damaged(path, error.to_string()))?;
    Ok(Some(value))
}

/// The bytes of a record; `None` if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StudyError> {
    read_at_most(path, LONGEST_RECORD)
}

/// The bytes of a file of at most so many; `None` if there is none. A pipe or a device in its place
/// is not waited for.
pub(crate) fn read_at_most(path: &Path, most: u64) -> Result<Option<Vec<u8>>, StudyError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        there => check_kind(path, &there.at("read", path)?)?,
    }
    let file = File::open(path).at("open", path)?;
    let mut bytes = Vec::new();
    let length = file.metadata().at("read", path)?.len();
    if length <= most {
        file.take(most + 1).read_to_end(&mut bytes).at("read", path)?;
    }
    match length.max(bytes.len() as u64) {
        length if length > most => {
            Err(StudyError::damaged(path, format!("has {length} bytes, expected {most} at most")))
        }
        _ => Ok(Some(bytes)),
    }
}

/// Refuses what is no file.
fn check_kind(path: &Path, metadata: &fs::Metadata) -> Result<(), StudyError> {
    match metadata.is_file() {
        true => Ok(()),
        false if metadata.is_dir() => {
            Err(StudyError::damaged(path, "is a folder, expected a file"))
        }
        false => Err(StudyError::damaged(path, "is a pipe or a device, expected a file")),
    }
}

/// Opens a file of the folder's own for writing, made if it is not there. Nothing is written
/// through a link: it goes, and what it leads to stays as it is.
pub(crate) fn open_own(path: &Path) -> Result<File, StudyError> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => remove_if_there(path)?,
        Ok(there) => check_kind(path, &there)?,
        Err(_) => {}
    }
    OpenOptions::new().create(true).append(true).open(path).at("open", path)
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), StudyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// A file that only grows. Lines wait in memory until [`Appended::sync`], so that what lies on disk
/// fits the checkpoint.
#[derive(Debug)]
pub(crate) struct Appended {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    length: u64,
}

impl Appended {
    /// Opens the file for going on after its first `length` bytes; what stands behind them, such as
    /// a line torn by a kill, is cut off.
    pub(crate) fn open(path: &Path, length: u64) -> Result<Self, StudyError> {
        let file = open_own(path)?;
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
    ///
    /// # Errors
    /// If the line would not read back as `value`; then it is not added.
    pub(crate) fn line<T: Record>(&mut self, value: &T) -> Result<(), StudyError> {
        let line = serde_json::to_vec(value)
            .map_err(|error| StudyError::damaged(&self.path, error.to_string()))?;
        check_record(&self.path, &line, value)?;
        self.waiting.extend(line);
        self.waiting.push(b'\n');
        Ok(())
    }

    /// Puts every line on disk for good and returns the file's length.
    pub(crate) fn sync(&mut self) -> Result<u64, StudyError> {
        if !self.waiting.is_empty() {
            self.file
                .write_all(&self.waiting)
                .and_then(|()| self.file.sync_data())
                .at("write", &self.path)?;
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
        assert!(
            error.to_string().ends_with("has 0 bytes where its checkpoint expects 4"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_leads_to_its_target_where_a_person_named_it_and_is_replaced_in_records() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).expect("made");
        symlink("real/m", path("one")).expect("linked");
        symlink("one", path("two")).expect("linked");
        // To a file that is still to be made, then to one that is there.
        for bytes in [b"first", b"other"] {
            refuse_unwritable(&path("two")).expect("a folder that can be written");
            write_named(&path("two"), bytes).expect("written");
            assert_eq!(fs::read(path("real/m")).expect("read"), bytes);
            assert!(path("one").is_symlink() && path("two").is_symlink());
        }
        write_whole(&path("two"), b"record").expect("written");
        assert!(!path("two").is_symlink());
        assert_eq!(fs::read(path("real/m")).expect("read"), b"other");
        symlink("round", path("round")).expect("linked");
        let error = write_named(&path("round"), b"x").expect_err("a circle").to_string();
        assert!(error.ends_with("round: is a link that leads in a circle"), "{error}");
        assert_eq!(fs::read_dir(path("real")).expect("listed").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        write_named(Path::new("/dev/null"), b"nothing").expect("written");
        let is_device =
            |path: &str| fs::metadata(path).expect("there").file_type().is_char_device();
        assert!(is_device("/dev/null"));
        if fs::metadata("/dev/full").is_ok() {
            let error = write_named(Path::new("/dev/full"), b"much").expect_err("full").to_string();
            assert!(
                error.starts_with("cannot write /dev/full: No space left")
                    && is_device("/dev/full"),
                "{error}"
            );
        }
    }

    #[test]
    #[cfg(unix)]
    fn nothing_is_written_through_a_link_to_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (precious, place) = (folder.path().join("precious"), folder.path().join("study"));
        fs::write(&precious, "mine").expect("written");
        fs::create_dir(folder.path().join("scratch")).expect("made");
        std::os::unix::fs::symlink(folder.path().join("scratch"), &place)
            .expect("a folder elsewhere is used");
        let link = |name: &str| {
            std::os::unix::fs::symlink(&precious, place.join(name)).expect("linked");
            place.join(name)
        };
        let mut lines = Appended::open(&link("epochs.jsonl"), 0).expect("opened");
        lines.line(&1).expect("a line");
        lines.sync().expect("synced");
        write_whole(&link("result.json"), b"x").expect("written");
        open_own(&link("lock")).expect("opened").set_len(0).expect("a file of its own");
        let planted = temporary_name(&place.join("a"));
        let next = planted.to_string_lossy().replace(".part", "");
        for number in 1..4u64 {
            let name = next
                .rsplit_once('.')
                .map(|(stem, n)| format!("{stem}.{}.part", n.parse::<u64>().unwrap() + number));
            let _ = std::os::unix::fs::symlink(&precious, name.expect("a name"));
        }
        write_whole(&place.join("a"), b"x").expect("written");
        assert_eq!(fs::read_to_string(&precious).expect("read"), "mine");
        assert_eq!(fs::read_to_string(place.join("epochs.jsonl")).expect("read"), "1\n");
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_a_folder_and_a_file_without_end_are_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let pipe =
            std::process::Command::new("mkfifo").arg(path("pipe")).status().expect("started");
        assert!(pipe.success());
        fs::create_dir(path("folder")).expect("made");
        std::os::unix::fs::symlink("/dev/zero", path("zero")).expect("linked");
        File::create(path("huge")).expect("made").set_len(1 << 40).expect("sparse");
        for (name, what) in [
            ("pipe", "is a pipe or a device, expected a file"),
            ("zero", "is a pipe or a device, expected a file"),
            ("folder", "is a folder, expected a file"),
            ("huge", "has 1099511627776 bytes, expected 268435456 at most"),
        ] {
            let error = read_if_there(&path(name)).expect_err(name).to_string();
            assert!(error.ends_with(&format!("{name}: {what}")), "{error}");
        }
        assert!(open_own(&path("pipe")).is_err());
        assert_eq!(read_if_there(&path("nothing")).expect("none"), None);
    }

    #[test]
    fn a_number_that_is_none_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        let error = write_json(&path, &vec![0.5, f64::NAN]).expect_err("no number").to_string();
        assert!(error.contains("a.json: it would not read back: invalid type: null"), "{error}");
        let error = write_json(&path, &Some(f32::INFINITY)).expect_err("no number").to_string();
        assert!(error.ends_with("a number in it is infinite or none"), "{error}");
        assert!(!path.exists());
        let mut lines = Appended::open(&folder.path().join("a.jsonl"), 0).expect("opened");
        assert!(lines.line(&f64::NAN).is_err());
        assert_eq!(lines.sync().expect("synced"), 0);
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
