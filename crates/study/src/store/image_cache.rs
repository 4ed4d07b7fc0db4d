//! Images of one's own as they were decoded and resized, so that it is done once.
//!
//! They lie in the folder of fetched data, below `imported/`: a folder for each source, which names
//! it in `source.txt`, with a file for each block. These are copies of people's images.

use crate::error::{AtPath, StudyError};
use crate::store::atomic_file::{self, WholeFile};
use fewlabel_learn::data::cache;
use fewlabel_learn::data::source::Keeper;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// The file that says what a folder's images come from.
const SOURCE: &str = "source.txt";
/// No block is longer.
const LONGEST: u64 = 1 << 30;

/// The cache of this user.
#[derive(Clone, Debug)]
pub struct ImageCache {
    folder: PathBuf,
}

/// What is kept of one source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// The folder of the images.
    pub source: String,
    /// Files of the cache.
    pub blocks: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl ImageCache {
    /// The cache below `FEWLABEL_DATA`, or in the platform's cache folder; none where there is no
    /// such folder.
    pub fn of_user() -> Option<Self> {
        Some(Self::at(&cache::folder().ok()?))
    }

    /// The cache below `folder`.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.join("imported") }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn of_source(&self, root: &Path) -> (PathBuf, PathBuf) {
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
        let name: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        (self.folder.join(name), root)
    }

    /// What is kept, by source.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub fn list(&self) -> Result<Vec<Kept>, StudyError> {
        let mut all = Vec::new();
        for folder in folders(&self.folder)? {
            let source = fs::read_to_string(folder.join(SOURCE)).unwrap_or_default();
            let mut kept = Kept { source: source.trim_end().to_owned(), blocks: 0, bytes: 0 };
            for entry in fs::read_dir(&folder).at("read", &folder)? {
                let metadata = entry.and_then(|entry| entry.metadata()).at("read", &folder)?;
                kept.blocks += 1;
                kept.bytes += metadata.len();
            }
            kept.blocks = kept.blocks.saturating_sub(1);
            all.push(kept);
        }
        all.sort_by(|a, b| a.source.cmp(&b.source));
        Ok(all)
    }

    /// Removes all that is kept, or what is kept of the images in `root`; returns the bytes.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn clear(&self, root: Option<&Path>) -> Result<u64, StudyError> {
        let only = root.map(|root| self.of_source(root).0);
        let mut bytes = 0;
        for folder in folders(&self.folder)? {
            if only.as_ref().is_some_and(|only| *only != folder) {
                continue;
            }
            for entry in fs::read_dir(&folder).at("read", &folder)? {
                let metadata = entry.and_then(|entry| entry.metadata()).at("read", &folder)?;
                bytes += metadata.len();
            }
            fs::remove_dir_all(&folder).at("remove", &folder)?;
        }
        Ok(bytes)
    }
}

/// The folders in a folder; none where it is not there.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", folder)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.at("read", folder)?.path();
        // A link is not followed.
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            found.push(path);
        }
    }
    Ok(found)
}

impl Keeper for ImageCache {
    fn load(&self, root: &Path, name: &str) -> Option<Vec<u8>> {
        let (folder, _) = self.of_source(root);
        atomic_file::read_at_most(&folder.join(name), LONGEST).ok()?
    }

    fn keep(&self, root: &Path, name: &str, bytes: &[u8]) {
        let (folder, root) = self.of_source(root);
        // What cannot be kept is made again the next time.
        let _ = atomic_file::make_folder(&folder).and_then(|()| {
            let source = folder.join(SOURCE);
            if !source.exists() {
                atomic_file::write_whole(&source, format!("{}\n", root.display()).as_bytes())?;
            }
            let mut file = WholeFile::create(&folder.join(name))?;
            file.write(bytes)?;
            file.finish_unsynced()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_listed_by_source_and_cleared() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = ImageCache::at(folder.path());
        assert_eq!(cache.list().expect("none"), []);
        let roots = ["a", "b"].map(|name| folder.path().join(name));
        roots.iter().for_each(|root| fs::create_dir(root).expect("made"));
        cache.keep(&roots[0], "x", b"one");
        cache.keep(&roots[0], "y", b"two");
        cache.keep(&roots[1], "x", b"three");
        assert_eq!(cache.load(&roots[0], "x").as_deref(), Some(&b"one"[..]));
        assert_eq!(cache.load(&roots[1], "y"), None);
        let listed = cache.list().expect("listed");
        assert_eq!(listed.iter().map(|kept| kept.blocks).collect::<Vec<_>>(), [2, 1]);
        assert!(cache.clear(Some(&roots[0])).expect("cleared") > 6);
        assert_eq!(cache.list().expect("listed").len(), 1);
        cache.clear(None).expect("cleared");
        assert_eq!(cache.load(&roots[1], "x"), None);
    }
}
