//! An encoder that goes on learning together with the classifier on it.

use fewlabel_engine::Model;

use super::{Asked, HeldOut, Learner};
use crate::augment::Policy;
use crate::data::Labelled;
use crate::error::LearnError;
use crate::model::predict::Predictor;
use crate::model::view::View;
use crate::purpose;
use crate::run::plan::Plan;
use crate::run::pool_scores::PoolScores;
use crate::run::resources::Resources;
use crate::run::test_views;
use crate::training::fine_tuning::{FineTuning, Tuner};
use fewlabel_engine::rng::Key;

/// Steps that are told as one epoch, since a pass over a few labels is hardly a step.
pub const STEPS_TOLD: u64 = 50;

/// The first encoder of a plan in fine-tuning.
pub(crate) struct Tuned<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
    policy: Policy,
    steps: u64,
    tuner: Tuner<'a>,
}

impl<'a> Tuned<'a> {
    /// Starts where the encoder and a classifier fitted to its features stand.
    pub(crate) fn new(
        plan: &'a Plan,
        tuning: &FineTuning,
        resources: &'a Resources<'a>,
        labelled: &Labelled,
    ) -> Result<Self, LearnError> {
        let transfer = plan.transfer.as_ref().ok_or(LearnError::NoEncoder)?;
        let encoded = resources.encoders[0];
        let probe = encoded.pool.fit(labelled, transfer.self_training);
        let network = encoded.pool.network(&encoded.encoder, &probe)?;
        let policy = transfer.tuning_views(tuning, &resources.pool);
        let images = (resources.pool.images, encoded.encoder.mean());
        let tuner = Tuner::new(
            network,
            tuning,
            images,
            &policy,
            labelled,
            (plan.seed, resources.context.threads),
        )?;
        Ok(Self { plan, resources, policy, steps: u64::from(tuning.steps), tuner })
    }

    fn mean(&self) -> &'a [f32] {
        self.resources.encoders[0].encoder.mean()
    }

    fn probs_nc(&self, held_out: HeldOut<'_>, views: usize) -> Result<Vec<f32>, LearnError> {
        let (model, run) = (self.tuner.model(), (self.plan, self.resources));
        test_views::of_network(model, self.mean(), &self.policy, held_out, views, run)
    }
}

impl Learner for Tuned<'_> {
    fn epochs(&self, _labels: usize) -> u32 {
        self.steps.div_ceil(STEPS_TOLD) as u32
    }

    fn epoch(&mut self, _number: u64, _labelled: &Labelled) -> Result<f32, LearnError> {
        let mut losses = Vec::with_capacity(STEPS_TOLD as usize);
        while losses.len() < STEPS_TOLD as usize {
            let Some(loss) = self.tuner.step()? else { break };
            losses.push(loss);
        }
        self.tuner.check()?;
        Ok(losses.iter().sum::<f32>() / losses.len() as f32)
    }

    fn score<'s>(&self, asked: &Asked<'s>) -> Result<(PoolScores<'s>, Vec<f64>), LearnError> {
        let (pool, threads) = (&self.resources.pool, self.resources.context.threads);
        let mut predictor = Predictor::new(self.tuner.model(), threads)?;
        let mut view = View::new(pool.images, self.mean(), None).threads(threads);
        let key = Key::new(self.plan.seed, purpose::AUGMENT_ONCE);
        let probs_nc = asked
            .needs
            .probs
            .then(|| predictor.probs_nc(&mut view, pool.len(), key))
            .transpose()?;
        Ok((PoolScores::of_arrays(pool, probs_nc, asked.given), Vec::new()))
    }

    fn predict(&self, held_out: HeldOut<'_>) -> Result<Vec<f32>, LearnError> {
        self.probs_nc(held_out, 1)
    }

    fn predict_views(
        &self,
        held_out: HeldOut<'_>,
        _plain: Vec<f32>,
    ) -> Result<Vec<f32>, LearnError> {
        self.probs_nc(held_out, self.plan.test_time_views)
    }

    fn states(&self) -> Vec<Vec<u8>> {
        self.tuner.states()
    }

    fn restore(&mut self, states: &[Vec<u8>]) -> Result<(), LearnError> {
        self.tuner.restore(states)
    }

    fn into_model(self: Box<Self>) -> Result<Model, LearnError> {
        Ok(self.tuner.model().clone())
    }
}
