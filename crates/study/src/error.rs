//! What can go wrong with an experiment on disk.

use fewlabel_learn::{LearnError, counted};
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
    /// A labelling project has no such image.
    #[error("image {0} is no image of this project")]
    NoImage(i64),
    /// The folder belongs to another study.
    #[error("{} holds another study (its study.toml differs in {key}): choose another folder with \
             --out, or remove it", path.display())]
    OtherStudy {
        /// The folder.
        path: PathBuf,
        /// The first setting that differs.
        key: String,
    },
    /// Learning failed, or was asked to end.
    #[error(transparent)]
    Learn(LearnError),
    /// Runs failed while the others went on.
    #[error("{failed} of {} failed; the first: {first}", counted(*total, "run"))]
    Runs {
        /// How many failed.
        failed: usize,
        /// Of how many.
        total: usize,
        /// The name of the first and its reason.
        first: String,
    },
}

impl From<LearnError> for StudyError {
    /// An error of this crate that an observer gave is itself again.
    fn from(error: LearnError) -> Self {
        match error {
            LearnError::Observer(error) => match error.downcast::<Self>() {
                Ok(error) => *error,
                Err(error) => Self::Learn(LearnError::Observer(error)),
            },
            error => Self::Learn(error),
        }
    }
}

impl From<StudyError> for LearnError {
    /// What an observer of this crate answers.
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Learn(error) => error,
            error => Self::Observer(Box::new(error)),
        }
    }
}

impl From<fewlabel_learn::data::DataError> for StudyError {
    fn from(error: fewlabel_learn::data::DataError) -> Self {
        Self::Learn(error.into())
    }
}

impl StudyError {
    /// Whether somebody asked for the end; what was done is kept.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Learn(LearnError::Interrupted))
    }

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
