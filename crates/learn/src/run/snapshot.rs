//! A run's state between two epochs, as bytes.
//!
//! Layout: the length of a JSON header (u64, little endian), the header, then the states of the
//! models in training.

use serde::{Deserialize, Serialize};

use crate::augment::Learned;
use crate::error::LearnError;
use crate::run::answers::Answered;
use crate::run::oracle::Answer;
use crate::run::stopping::{Reason, Stopping};

/// Where in its plan a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In the loop: query number `round` is next, after `epoch` epochs of its training.
    Loop { round: u32, epoch: u32 },
    /// In the final model's training, after `round` queries and `epoch` epochs.
    Final { round: u32, epoch: u32 },
}

impl Default for Place {
    fn default() -> Self {
        Self::Loop { round: 0, epoch: 0 }
    }
}

/// Everything that a run cannot compute again from its plan and the data alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) place: Place,
    /// Answers before it; what they are is in the record of answers.
    #[serde(default)]
    pub(crate) answers: usize,
    /// The labelled rows, in snapshots of runs that had no record of answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labelled: Vec<u32>,
    /// Their labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<u16>,
    pub(crate) loop_epochs: u64,
    pub(crate) val_accuracy_best: f64,
    pub(crate) stopping: Stopping,
    /// Why the loop ended before its budget, if it did.
    pub(crate) stopped: Option<Reason>,
    /// What the search for a policy found, once it is over.
    pub(crate) learned: Option<Learned>,
    /// Lengths of `states`, which follow the header.
    #[serde(default)]
    pub(crate) lengths: Vec<usize>,
    /// One for each model in training.
    #[serde(skip)]
    pub(crate) states: Vec<Vec<u8>>,
}

/// The snapshot of a run at the end of its loop, where that is known from the records of another
/// run: after `rounds` queries, `loop_epochs` epochs of the loop's models and so many `answers`.
pub fn after_loop(rounds: u32, loop_epochs: u64, answers: usize) -> Vec<u8> {
    let place = Place::Loop { round: rounds, epoch: 0 };
    Snapshot { place, answers, loop_epochs, ..Snapshot::default() }.into_bytes()
}

impl Snapshot {
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.lengths = self.states.iter().map(Vec::len).collect();
        let header = serde_json::to_vec(&self).expect("a snapshot's header is plain numbers");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        self.states.iter().for_each(|state| bytes.extend(state));
        bytes
    }

    /// The answers before it: those of the `record`, or what the snapshot of an earlier version
    /// holds itself.
    pub(crate) fn answered(&self, record: &[Answered]) -> Result<Vec<Answered>, LearnError> {
        if !self.labelled.is_empty() {
            let labels = self.labels.iter().map(|&label| Answer::Label(label));
            let answered =
                self.labelled.iter().zip(labels).map(|(&row, answer)| Answered { row, answer });
            return Ok(answered.collect());
        }
        let missing = || {
            LearnError::Snapshot(format!(
                "it follows {} answers, {} are recorded",
                self.answers,
                record.len()
            ))
        };
        record.get(..self.answers).map(<[Answered]>::to_vec).ok_or_else(missing)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, LearnError> {
        let damaged = || LearnError::Snapshot("its bytes are damaged".to_owned());
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (header, mut rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let mut snapshot: Self = serde_json::from_slice(header).map_err(|_| damaged())?;
        for length in std::mem::take(&mut snapshot.lengths) {
            let (state, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
            snapshot.states.push(state.to_vec());
            rest = after;
        }
        if rest.is_empty() { Ok(snapshot) } else { Err(damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            place: Place::Loop { round: 3, epoch: 2 },
            answers: 2,
            loop_epochs: 21,
            val_accuracy_best: 0.1 + 0.2,
            states: vec![vec![1, 2, 3], vec![4]],
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_snapshot_comes_back_as_it_went() {
        assert_eq!(Snapshot::from_bytes(&snapshot().into_bytes()).unwrap(), snapshot());
    }

    #[test]
    fn the_record_of_answers_must_be_long_enough() {
        let answered = Answered { row: 4, answer: Answer::Label(1) };
        assert_eq!(snapshot().answered(&[answered; 3]).unwrap(), [answered; 2]);
        assert!(
            snapshot()
                .answered(&[answered])
                .unwrap_err()
                .to_string()
                .contains("2 answers, 1 are recorded")
        );
        let earlier = Snapshot { labelled: vec![4], labels: vec![1], answers: 0, ..snapshot() };
        assert_eq!(earlier.answered(&[]).unwrap(), [answered]);
    }

    #[test]
    fn damaged_bytes_are_told_apart() {
        let bytes = snapshot().into_bytes();
        for cut in [0, 7, 8, 20, bytes.len() - 1] {
            assert!(Snapshot::from_bytes(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        assert!(Snapshot::from_bytes(&[0xff; 64]).is_err());
    }
}
