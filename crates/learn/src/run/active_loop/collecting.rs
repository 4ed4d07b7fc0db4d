//! The loop without a final model: answers are all that is wanted.

use super::Run;
use crate::error::LearnError;
use crate::run::answers::{Answered, Answers};
use crate::run::events::{EpochEvent, QueryEvent, RunObserver};
use crate::run::oracle::Oracle;
use crate::run::plan::Plan;
use crate::run::resources::Resources;

/// The first half of [`run`](super::run) alone: asks the oracle until the budget is spent. `known`
/// was answered before, by a person who comes back.
///
/// # Errors
/// As [`run`](super::run), or if `known` does not fit the pool.
pub fn collect(
    plan: &Plan,
    resources: &Resources<'_>,
    known: &[Answered],
    oracle: &mut dyn Oracle,
    observer: &mut dyn RunObserver,
) -> Result<Answers, LearnError> {
    let mut run = Run::start(plan, resources, None)?;
    run.answers = Answers::of(known, resources.pool.len(), resources.pool.classes)?;
    run.collect_answers(oracle, observer)?;
    Ok(run.answers)
}

/// [`collect`] on features: lets a strategy spend `labels` labels on those of the resources' one
/// encoder. One that looks at features alone chooses at once; others after a cold
/// start, in a few queries, each of which sees a classifier on the labels so far.
///
/// # Errors
/// If the strategy needs what features and a classifier do not give, the budget does not fit the
/// pool, or the oracle fails.
pub fn choose_on_features(
    strategy: &str,
    labels: usize,
    seed: u64,
    resources: &Resources<'_>,
    oracle: &mut dyn Oracle,
) -> Result<Answers, LearnError> {
    let plan = Plan::on_features(strategy, labels, seed);
    collect(&plan, resources, &[], oracle, &mut Unobserved)
}

/// Hears nothing.
struct Unobserved;

impl RunObserver for Unobserved {
    fn epoch(&mut self, _event: &EpochEvent) -> Result<(), LearnError> {
        Ok(())
    }

    fn query(&mut self, _event: &QueryEvent) -> Result<(), LearnError> {
        Ok(())
    }
}
