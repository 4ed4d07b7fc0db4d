//! What can go wrong with an experiment on disk.

use fewlabel_learn::LearnError;
use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate. Messages are lower-case, name the file and say what was expected.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is there but does not hold what it should.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The place in it, and what was expected there.
        what: String,
    },
    /// A setting is unknown or out of its range.
    #[error("{0}")]
    Setting(String),
    /// The folder belongs to another study.
    #[error("{} holds another study (its study.toml differs in {key}): choose another folder with --out, or remove it", path.display())]
    OtherStudy {
        /// The folder.
        path: PathBuf,
        /// The first setting that differs.
        key: String,
    },
    /// Learning failed.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// Runs failed while the others went on.
    #[error("{failed} of {total} runs failed; the first: {first}")]
    Runs {
        /// How many failed.
        failed: usize,
        /// Of how many.
        total: usize,
        /// The name of the first and its reason.
        first: String,
    },
    /// A signal asked for the end; what was done is kept.
    #[error("stopped on request")]
    Interrupted,
}

impl From<fewlabel_learn::data::DataError> for StudyError {
    fn from(error: fewlabel_learn::data::DataError) -> Self {
        Self::Learn(error.into())
    }
}

impl StudyError {
    /// Something about `path` as it lies on disk is wrong.
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}

/// Adds the path and what was tried to a system's error.
pub(crate) trait AtPath<T> {
    /// Names `path` and the verb `action` in the error.
    fn at(self, action: &'static str, path: &Path) -> Result<T, StudyError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StudyError> {
        self.map_err(|source| StudyError::File { action, path: path.to_owned(), source })
    }
}
