//! What can be wrong with an architecture or a model file.

/// Errors of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The architecture cannot be built.
    #[error("network: {0}")]
    Architecture(String),
    /// A tensor is missing, unknown or of another shape.
    #[error("tensor {name}: {problem}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// The bytes are no model file.
    #[error("model file: {0}")]
    File(String),
    /// The bytes are no state of this trainer.
    #[error("training state: {0}")]
    State(String),
    /// The worker threads could not be started.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}
