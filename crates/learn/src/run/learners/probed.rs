//! A linear classifier on an encoder that stays as it is, or several such encoders that answer
//! together.

use fewlabel_engine::Model;

use super::{Asked, HeldOut, Learner};
use crate::data::Labelled;
use crate::error::LearnError;
use crate::pretrain::views;
use crate::probe::{Encoded, Probe};
use crate::run::events::Phase;
use crate::run::plan::Plan;
use crate::run::pool_scores::{PoolScores, mean};
use crate::run::resources::Resources;
use crate::run::test_views;

/// A classifier on each encoder. Its solution is found at once, so that it has no epochs to speak
/// of: the one that it tells is that of the classifier which is judged.
pub(crate) struct Probed<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
    phase: Phase,
    probes: Vec<(&'a Encoded, Probe)>,
}

impl<'a> Probed<'a> {
    /// Fits classifiers to what is labelled. In the loop the first encoder alone chooses, and none
    /// listens to itself.
    pub(crate) fn new(
        plan: &'a Plan,
        resources: &'a Resources<'a>,
        phase: Phase,
        labelled: &Labelled,
    ) -> Result<Self, LearnError> {
        let (count, self_training) = match (phase, &plan.transfer) {
            (Phase::Final, Some(transfer)) => (resources.encoders.len(), transfer.self_training),
            _ => (1, None),
        };
        let encoders = resources.encoders[..count].iter();
        let probes =
            encoders.map(|encoded| (*encoded, encoded.pool.fit(labelled, self_training))).collect();
        Ok(Self { plan, resources, phase, probes })
    }
}

impl Learner for Probed<'_> {
    fn epochs(&self, _labels: usize) -> u32 {
        u32::from(self.phase == Phase::Final)
    }

    fn epoch(&mut self, _number: u64, labelled: &Labelled) -> Result<f32, LearnError> {
        let (encoded, probe) = &self.probes[0];
        Ok(encoded.pool.loss(probe, labelled) as f32)
    }

    fn score<'s>(&self, asked: &Asked<'s>) -> Result<(PoolScores<'s>, Vec<f64>), LearnError> {
        let (encoded, probe) = &self.probes[0];
        let probs_nc = asked.needs.probs.then(|| encoded.pool.own_probs_nc(probe));
        Ok((PoolScores::of_arrays(&self.resources.pool, probs_nc, asked.given), Vec::new()))
    }

    fn predict(&self, held_out: HeldOut<'_>) -> Result<Vec<f32>, LearnError> {
        let probs = |(encoded, probe): &(&Encoded, Probe)| {
            let judged =
                encoded.judged.as_ref().ok_or(LearnError::NoBenchmark { what: "judging" })?;
            Ok(encoded.pool.probs_nc(probe, judged[held_out.number as usize].clone()))
        };
        let each = self.probes.iter().map(probs).collect::<Result<Vec<_>, LearnError>>()?;
        Ok(mean(&each))
    }

    fn predict_views(
        &self,
        held_out: HeldOut<'_>,
        _plain: Vec<f32>,
    ) -> Result<Vec<f32>, LearnError> {
        let (policy, views) = (views::for_pool(&self.resources.pool), self.plan.test_time_views);
        let probs = |(encoded, probe): &(&Encoded, Probe)| {
            let model = encoded.pool.network(&encoded.encoder, probe)?;
            test_views::of_network(
                &model,
                encoded.encoder.mean(),
                &policy,
                held_out,
                views,
                (self.plan, self.resources),
            )
        };
        let each = self.probes.iter().map(probs).collect::<Result<Vec<_>, LearnError>>()?;
        Ok(mean(&each))
    }

    fn states(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn restore(&mut self, _states: &[Vec<u8>]) -> Result<(), LearnError> {
        Ok(())
    }

    fn into_model(self: Box<Self>) -> Result<Model, LearnError> {
        let (encoded, probe) = &self.probes[0];
        encoded.pool.network(&encoded.encoder, probe)
    }
}
