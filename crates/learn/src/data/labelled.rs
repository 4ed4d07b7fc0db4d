//! Rows of a pool and their labels.

/// Images whose class is known, in the order in which it became known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// Rows of the pool.
    pub rows: Vec<u32>,
    /// Their labels.
    pub labels: Vec<u16>,
}

impl Labelled {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
