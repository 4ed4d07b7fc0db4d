//! What a run tells while it goes on, and who hears it.

use serde::{Deserialize, Serialize};

use crate::acquire::Ties;
use crate::augment::{Applied, Kind};
use crate::error::LearnError;
use crate::run::answers::Answered;

/// Hears what a run does; keeps records and checkpoints if it likes.
pub trait RunObserver {
    /// An epoch has ended.
    ///
    /// # Errors
    /// If the event cannot be recorded; the run ends with that error.
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError>;

    /// A query has been answered.
    ///
    /// # Errors
    /// If the event cannot be recorded; the run ends with that error.
    fn query(&mut self, event: &QueryEvent) -> Result<(), LearnError>;

    /// The oracle has answered. Of this alone is known later what was answered: a run that goes on
    /// is given it again.
    ///
    /// # Errors
    /// If the answers cannot be recorded; the run ends with that error.
    fn answers(&mut self, _answers: &[Answered]) -> Result<(), LearnError> {
        Ok(())
    }

    /// A moment at which the run could go on later: `snapshot` makes the bytes for it. The run
    /// `ends` here if it was asked to.
    ///
    /// # Errors
    /// If the snapshot cannot be kept; the run ends with that error.
    fn checkpoint(
        &mut self,
        _snapshot: &dyn Fn() -> Vec<u8>,
        _ends: bool,
    ) -> Result<(), LearnError> {
        Ok(())
    }

    /// Work of a kind begins, and lasts until another kind does.
    fn phase(&mut self, _work: Work) {}

    /// Something a person should know, such as a damaged checkpoint.
    fn notice(&mut self, _text: &str) {}
}

/// Which model an epoch belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The small model inside the loop.
    Loop,
    /// The model that is judged.
    Final,
}

/// What a run is at, for those who keep its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Training the small model inside the loop.
    LoopTraining,
    /// Scoring the pool and choosing from it.
    Scoring,
    /// Choosing the final model's policy.
    PolicySearch,
    /// Training the final model.
    FinalTraining,
    /// Scoring the validation split, after epochs, for stopping rules and in the end.
    Validation,
    /// Scoring the test split.
    Test,
}

/// An epoch has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochEvent {
    /// Which model.
    pub phase: Phase,
    /// The query that follows (loop), or the number of queries made (final).
    pub round: u32,
    /// Epoch within the round (loop) or the training (final), from 1.
    pub epoch: u32,
    /// Labels trained on.
    pub labels: usize,
    /// Mean training loss in nats; absent in records of version 0.1.0 whose training diverged.
    pub train_loss: Option<f32>,
    /// Accuracy on the validation split, where it was scored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub val_accuracy: Option<f64>,
}

/// A query has been answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryEvent {
    /// Number of the query, from 0.
    pub round: u32,
    /// What was asked for, best first.
    pub picks: Vec<Pick>,
    /// The temperature that each loop model's logits were divided by, where it was fitted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub temperatures: Vec<f64>,
    /// The kinds of augmentation in the pool that was scored, where it was augmented.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pool: Vec<PoolKind>,
    /// How ties were broken where every image had the same score, so that they alone chose; absent
    /// where it was by the lower row, as always in the first records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ties: Option<Ties>,
}

/// One labelled image of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// Row of the training split.
    pub index: u32,
    /// The oracle's answer; none until it is given.
    pub label: Option<u16>,
    /// The strategy's score, in its own unit; absent where it is no finite number.
    pub score: Option<f64>,
    /// Entropy of the loop model's softmax, in bits, where probabilities were computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entropy: Option<f64>,
    /// How the image was augmented when it was scored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub augmentation: Option<Applied>,
}

/// How one kind of augmentation stood in the pool at a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolKind {
    /// Which kind.
    pub kind: Kind,
    /// Unlabelled images that carry it.
    pub images: usize,
    /// Their mean entropy in bits, where probabilities were computed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mean_entropy: Option<f64>,
}
