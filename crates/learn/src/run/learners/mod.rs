//! What learns in a run: a network from nothing, a probe on an encoder, a fine-tuned encoder.
//!
//! A learner that is new is one file here and one line in `for_loop` or `for_final`.

mod probed;
mod scratch;
mod tuned;

pub use tuned::STEPS_TOLD;

use fewlabel_engine::Model;

use crate::acquire::{Needs, Strategy};
use crate::augment::Policy;
use crate::data::{Labelled, Split};
use crate::error::LearnError;
use crate::run::events::Phase;
use crate::run::plan::{Plan, Selection};
use crate::run::pool_scores::PoolScores;
use crate::run::resources::Resources;

/// Learns labels, scores the pool for a strategy, and is judged on what is held out.
pub(crate) trait Learner {
    /// Epochs that it takes to learn `labels` labels.
    fn epochs(&self, labels: usize) -> u32;

    /// Learns for one epoch; returns the mean loss in nats. `number` names the epoch's random
    /// numbers.
    fn epoch(&mut self, number: u64, labelled: &Labelled) -> Result<f32, LearnError>;

    /// What a strategy asked to see of the pool, and the temperature that each model's logits were
    /// divided by, if any.
    fn score<'s>(&self, asked: &Asked<'s>) -> Result<(PoolScores<'s>, Vec<f64>), LearnError>;

    /// Probabilities `[n, classes]` of held-out images.
    fn predict(&self, held_out: HeldOut<'_>) -> Result<Vec<f32>, LearnError>;

    /// The same as a mean over the plan's two or more views of each image; `plain` is what
    /// [`Learner::predict`] gave.
    fn predict_views(&self, held_out: HeldOut<'_>, plain: Vec<f32>)
    -> Result<Vec<f32>, LearnError>;

    /// What learning goes on from, one for each model.
    fn states(&self) -> Vec<Vec<u8>>;

    /// Goes back to [`Learner::states`].
    fn restore(&mut self, states: &[Vec<u8>]) -> Result<(), LearnError>;

    /// The network that was learned.
    fn into_model(self: Box<Self>) -> Result<Model, LearnError>;
}

/// What a strategy wants to see.
pub(crate) struct Asked<'s> {
    /// The strategy.
    pub(crate) strategy: &'s dyn Strategy,
    /// The arrays that it and the stopping rules need.
    pub(crate) needs: Needs,
    /// Number of the query.
    pub(crate) round: u32,
    /// Images that may be asked.
    pub(crate) open: &'s [u32],
    /// Features that were there before the learner; its own are taken where there are none.
    pub(crate) given: Option<&'s [f32]>,
}

/// A split that is held out.
#[derive(Clone, Copy)]
pub(crate) struct HeldOut<'s> {
    /// 0 is the validation split, 1 the test split.
    pub(crate) number: u64,
    /// Its images and labels.
    pub(crate) split: &'s Split,
}

/// The learner inside the loop, fresh. `start` counts its fresh starts from 1.
pub(crate) fn for_loop<'a>(
    plan: &'a Plan,
    policy: &Policy,
    resources: &'a Resources<'a>,
    labelled: &Labelled,
    start: u64,
) -> Result<Box<dyn Learner + 'a>, LearnError> {
    let on_features = matches!(plan.selection, Selection::OnFeatures { .. });
    let tuning = plan.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
    Ok(match tuning {
        Some(tuning) if !on_features => {
            Box::new(tuned::Tuned::new(plan, tuning, resources, labelled)?)
        }
        _ if plan.transfer.is_some() => {
            Box::new(probed::Probed::new(plan, resources, Phase::Loop, labelled)?)
        }
        _ => Box::new(scratch::Scratch::new(plan, policy, resources, Phase::Loop, start)?),
    })
}

/// The learner that is judged, fresh.
pub(crate) fn for_final<'a>(
    plan: &'a Plan,
    policy: &Policy,
    resources: &'a Resources<'a>,
    labelled: &Labelled,
) -> Result<Box<dyn Learner + 'a>, LearnError> {
    let tuning = plan.transfer.as_ref().and_then(|transfer| transfer.fine_tuning.as_ref());
    Ok(match tuning {
        Some(tuning) => Box::new(tuned::Tuned::new(plan, tuning, resources, labelled)?),
        None if plan.transfer.is_some() => {
            Box::new(probed::Probed::new(plan, resources, Phase::Final, labelled)?)
        }
        None => Box::new(scratch::Scratch::new(plan, policy, resources, Phase::Final, 0)?),
    })
}
