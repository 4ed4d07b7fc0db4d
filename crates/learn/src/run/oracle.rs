//! Who answers a query.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::data::UNLABELLED;
use crate::error::LearnError;

/// What an oracle may say of an image. In records `"label": 3`, or `"no_label": "postponed"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its class.
    Label(u16),
    /// Nothing now: the run goes on without it.
    Postponed,
    /// That it can have no label: it is broken, or belongs to no class.
    Unusable,
}

impl Answer {
    /// The class, if it names one.
    pub fn label(self) -> Option<u16> {
        match self {
            Self::Label(label) => Some(label),
            Self::Postponed | Self::Unusable => None,
        }
    }
}

/// The two forms of an answer in records.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded {
    Label(u16),
    NoLabel(Why),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Why {
    Postponed,
    Unusable,
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let recorded = match self {
            Self::Label(label) => Recorded::Label(*label),
            Self::Postponed => Recorded::NoLabel(Why::Postponed),
            Self::Unusable => Recorded::NoLabel(Why::Unusable),
        };
        recorded.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Recorded::deserialize(deserializer)? {
            Recorded::Label(label) => Self::Label(label),
            Recorded::NoLabel(Why::Postponed) => Self::Postponed,
            Recorded::NoLabel(Why::Unusable) => Self::Unusable,
        })
    }
}

/// One answer, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Row of the pool.
    pub row: u32,
    /// What was said of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// Says of each queried image what it shows.
pub trait Oracle {
    /// The answers to `rows`, in their order.
    ///
    /// # Errors
    /// Whatever keeps the oracle from answering.
    fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError>;

    /// What has been said since the last call of images that were asked about before: a postponed
    /// one has its label now, or somebody has changed their mind. An image that nobody was asked
    /// about may be among these too; it will not be asked about then.
    ///
    /// # Errors
    /// Whatever keeps the oracle from answering.
    fn later(&mut self) -> Result<Vec<Answered>, LearnError> {
        Ok(Vec::new())
    }
}

/// An oracle that reads the labels a data set came with (paper, section 2.2).
pub struct Simulated<'a> {
    labels: &'a [u16],
}

impl<'a> Simulated<'a> {
    /// Answers from `labels`, one for each image of the pool.
    pub fn new(labels: &'a [u16]) -> Self {
        Self { labels }
    }
}

impl Oracle for Simulated<'_> {
    fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
        let answer = |&row: &u32| {
            let answer = |label| match label {
                UNLABELLED => Answer::Unusable,
                label => Answer::Label(label),
            };
            let label = self.labels.get(row as usize).copied().map(answer);
            label.ok_or_else(|| {
                let known = self.labels.len();
                LearnError::Answer { row, what: format!("has no label: {known} are known") }
            })
        };
        rows.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulated_oracle_knows_every_label() {
        let labels = [4, 0, 2];
        let said = Simulated::new(&labels).answer(&[2, 0]).unwrap();
        assert_eq!(said, [Answer::Label(2), Answer::Label(4)]);
        let error = Simulated::new(&labels).answer(&[3]).unwrap_err().to_string();
        assert_eq!(error, "image 3 has no label: 3 are known");
    }
}
