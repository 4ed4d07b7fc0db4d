//! What can be wrong with a query.

/// Why a query was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AcquireError {
    /// No strategy has this name.
    #[error("unknown strategy `{name}`; known are {known}")]
    UnknownStrategy {
        /// The name asked for.
        name: String,
        /// All names, comma-separated.
        known: String,
    },
    /// The strategy needs an array that was not given.
    #[error("strategy `{strategy}` needs {what}")]
    Missing {
        /// The strategy.
        strategy: String,
        /// The array, as its option is called.
        what: &'static str,
    },
    /// Nothing was asked for.
    #[error("the batch must be at least 1")]
    EmptyBatch,
    /// More was asked for than there is.
    #[error("asked for {batch} images, but only {pool} are unlabelled")]
    BatchAbovePool {
        /// Images asked for.
        batch: usize,
        /// Unlabelled images.
        pool: usize,
    },
    /// An image number beyond the arrays.
    #[error("{list} holds image {image}, but there are only {rows} images")]
    OutOfRange {
        /// The list.
        list: &'static str,
        /// The number in it.
        image: u32,
        /// Rows of the arrays.
        rows: usize,
    },
    /// An image number twice.
    #[error("{list} holds image {image} twice")]
    Duplicate {
        /// The list.
        list: &'static str,
        /// The number in it.
        image: u32,
    },
    /// An image is both labelled and in the pool.
    #[error("image {image} is in the pool and among the labelled")]
    LabelledInPool {
        /// The image.
        image: u32,
    },
    /// An array whose length disagrees with the others.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The array.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What is there.
        found: String,
    },
    /// NaN or infinity.
    #[error("{what}: row {row} holds {value}, expected finite numbers")]
    NotFinite {
        /// The array.
        what: &'static str,
        /// Its first such row.
        row: usize,
        /// The value.
        value: f32,
    },
    /// A row that is no probability distribution.
    #[error(
        "{what}: row {row} sums to {sum:.4}, expected probabilities that sum to 1 within 0.001"
    )]
    NotADistribution {
        /// The array.
        what: &'static str,
        /// Its first such row.
        row: usize,
        /// The sum.
        sum: f64,
    },
    /// A probability outside [0, 1].
    #[error("{what}: row {row} holds {value}, expected probabilities between 0 and 1")]
    NotAProbability {
        /// The array.
        what: &'static str,
        /// Its first such row.
        row: usize,
        /// The value.
        value: f32,
    },
    /// More memory than this machine has.
    #[error(transparent)]
    Memory(#[from] crate::memory::Excess),
    /// A setting outside its range.
    #[error("{what} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Its value.
        value: f64,
        /// Its range.
        expected: &'static str,
    },
    /// Work that grows with the square of the pool, refused without force.
    #[error(
        "strategy `{strategy}` on {rows} images compares {pairs:.1e} pairs, about {seconds:.0} s \
         and {mebibytes:.0} MiB \
         on one thread; force it to go on, or query a random part of the pool"
    )]
    TooExpensive {
        /// The strategy.
        strategy: String,
        /// Images.
        rows: usize,
        /// Pairs of images.
        pairs: f64,
        /// Estimated time.
        seconds: f64,
        /// Estimated memory.
        mebibytes: f64,
    },
}

impl AcquireError {
    /// The same complaint about a row of a block that begins at row `first` of the whole array.
    pub fn in_block(mut self, first: usize) -> Self {
        if let Self::NotFinite { row, .. }
        | Self::NotADistribution { row, .. }
        | Self::NotAProbability { row, .. } = &mut self
        {
            *row += first;
        }
        self
    }
}
