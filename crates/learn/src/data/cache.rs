//! Where fetched data sets live, and whether a file is the published one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use md5::{Digest, Md5};
use sha2::Sha256;

use super::catalogue::Entry;
use super::dataset::hex;
use super::error::DataError;

/// The folder of fetched data: `FEWLABEL_DATA`, or `fewlabel` in the platform's cache folder.
pub fn folder() -> Result<PathBuf, DataError> {
    match std::env::var_os("FEWLABEL_DATA").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => {
            let base = etcetera::choose_base_strategy().map_err(|_| DataError::NoCacheFolder)?;
            Ok(base.cache_dir().join("fewlabel"))
        }
    }
}

/// The file of a published data set in `folder`, checked against its MD5.
pub(super) fn published(entry: &Entry, folder: &Path) -> Result<PathBuf, DataError> {
    let path = folder.join(entry.file_name());
    if !path.exists() {
        return Err(DataError::NotFetched {
            name: entry.name.to_owned(),
            address: entry.address(),
            md5: entry.md5.to_owned(),
            path,
        });
    }
    let found = file_md5(&path)?;
    if found != entry.md5 {
        let (name, expected) = (entry.name.to_owned(), entry.md5.to_owned());
        return Err(DataError::WrongChecksum { path, name, expected, found });
    }
    Ok(path)
}

/// The MD5 of a file, in hex.
pub fn file_md5(path: &Path) -> Result<String, DataError> {
    file_digest::<Md5>(path)
}

/// The SHA-256 of a file, in hex.
///
/// # Errors
/// If it cannot be read.
pub fn file_sha256(path: &Path) -> Result<String, DataError> {
    file_digest::<Sha256>(path)
}

/// A checksum of a file, in hex, read in blocks.
pub(crate) fn file_digest<D: Digest>(path: &Path) -> Result<String, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut block) = (D::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&block[..n]),
        }
    }
}
