//! What can go wrong while learning.

use fewlabel_engine::EngineError;

/// An error of this crate. Messages are lower-case and fit after "failed to ...: ".
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The data could not be read or are not what was promised.
    #[error(transparent)]
    Data(crate::data::DataError),
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
    /// What only a finished data set has is asked for where images have no labels.
    #[error("{what} needs validation and test images with labels, and there are none")]
    NoBenchmark {
        /// What asks for it.
        what: &'static str,
    },
    /// A plan that stands on encoders was not given as many as it names.
    #[error("the plan names other encoders than it was given")]
    NoEncoder,
    /// The oracle did not answer each image once.
    #[error("the oracle gave {given} answer{} to {asked} image{}", plural(*given), plural(*asked))]
    Answers {
        /// Images asked about.
        asked: usize,
        /// Answers given.
        given: usize,
    },
    /// Too many images got no label.
    #[error("{labels} labelled image{} cannot train a model: at least 2 are \
             needed", plural(*labels))]
    TooFewLabels {
        /// Labels there are.
        labels: usize,
    },
    /// An answer that makes no sense.
    #[error("image {row} {what}")]
    Answer {
        /// Row of the pool.
        row: u32,
        /// What is wrong with the answer.
        what: String,
    },
    /// Training has left the numbers.
    #[error("training diverged at {place} ({found}): lower the learning rate")]
    Diverged {
        /// The epoch or step.
        place: String,
        /// What is not a finite number, and what it is instead.
        found: String,
    },
    /// A network gives something that is not a finite number.
    #[error(
        "the network gives what is no number ({0}): its training diverged, or its file is damaged"
    )]
    NotFinite(String),
    /// More memory than this machine has.
    #[error(transparent)]
    Memory(#[from] crate::memory::Excess),
    /// A snapshot does not belong to this plan, or its bytes are damaged.
    #[error("the checkpoint does not fit this run: {0}")]
    Snapshot(String),
    /// The observer could not keep a record.
    #[error("{0}")]
    Observer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whoever started the computation asked for its end; it can be resumed from its last
    /// checkpoint.
    #[error("stopped on request")]
    Interrupted,
}

impl From<crate::data::DataError> for LearnError {
    /// Reading that was asked to end is a computation that was.
    fn from(error: crate::data::DataError) -> Self {
        match error {
            crate::data::DataError::Interrupted => Self::Interrupted,
            error => Self::Data(error),
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl LearnError {
    /// Says of what is not a finite number at which place of a training it was found.
    #[must_use]
    pub(crate) fn at(self, place: impl FnOnce() -> String) -> Self {
        match self {
            Self::NotFinite(found) => Self::Diverged { place: place(), found },
            error => error,
        }
    }
}
