//! What can go wrong while learning.

use fewlabel_engine::EngineError;

/// An error of this crate. Messages are lower-case and fit after "failed to ...: ".
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The data could not be read or are not what was promised.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// The network cannot be built, or its file cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A strategy cannot choose from what it was given.
    #[error(transparent)]
    Acquire(#[from] crate::acquire::AcquireError),
    /// A setting of augmentation is out of its range.
    #[error(transparent)]
    Augment(#[from] crate::augment::AugmentError),
    /// A setting is out of its range.
    #[error("{0}")]
    Setting(String),
    /// A snapshot does not belong to this plan, or its bytes are damaged.
    #[error("the checkpoint does not fit this run: {0}")]
    Snapshot(String),
    /// The observer could not keep a record.
    #[error("{0}")]
    Observer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The observer asked to stop; everything up to its last checkpoint can be resumed.
    #[error("stopped on request")]
    Interrupted,
}
