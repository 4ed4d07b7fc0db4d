//! Who answers a query.

use crate::error::LearnError;

/// Names the class of each queried row.
pub trait Oracle {
    /// The labels of `rows`, in their order.
    ///
    /// # Errors
    /// Whatever keeps the oracle from answering.
    fn label(&mut self, rows: &[u32]) -> Result<Vec<u16>, LearnError>;
}

/// An oracle that reads the labels a data set came with (paper, section 2.2).
pub struct Simulated<'a> {
    labels: &'a [u16],
}

impl<'a> Simulated<'a> {
    /// Answers from `labels`, one for each row of the training split.
    pub fn new(labels: &'a [u16]) -> Self {
        Self { labels }
    }
}

impl Oracle for Simulated<'_> {
    fn label(&mut self, rows: &[u32]) -> Result<Vec<u16>, LearnError> {
        Ok(rows.iter().map(|&row| self.labels[row as usize]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulated_oracle_knows_every_label() {
        let labels = [4, 0, 2];
        assert_eq!(Simulated::new(&labels).label(&[2, 0]).unwrap(), [2, 4]);
    }
}
