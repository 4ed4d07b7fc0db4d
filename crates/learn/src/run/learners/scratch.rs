//! A network that starts from nothing, or the members of an ensemble of such networks, trained side
//! by side.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;
use rayon::prelude::*;

use super::{Asked, HeldOut, Learner};
use crate::augment::Policy;
use crate::data::Labelled;
use crate::error::LearnError;
use crate::model::predict::Predictor;
use crate::model::view::View;
use crate::purpose;
use crate::run::events::Phase;
use crate::run::plan::{ActiveSettings, Placement, Plan, Selection};
use crate::run::pool_scores::{PoolScores, Scored};
use crate::run::resources::Resources;
use crate::training::fit::{EpochKeys, Fit, Recipe, TrainSettings};

/// Models of one phase, in training on the same rows and the same augmented images.
///
/// The first member is the model that a learner of one would train. The others differ in their
/// initial weights, in the order of their batches and in their dropout masks.
pub(crate) struct Scratch<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
    policy: Policy,
    phase: Phase,
    is_fresh: bool,
    mean: Vec<f32>,
    training: TrainSettings,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    fit: Fit,
    view: View<'a>,
}

impl<'a> Scratch<'a> {
    /// Fresh models of `phase`. `start` tells the initial weights of one start from those of
    /// another. Images are mixed where they are augmented afresh at every epoch.
    pub(crate) fn new(
        plan: &'a Plan,
        policy: &Policy,
        resources: &'a Resources<'a>,
        phase: Phase,
        start: u64,
    ) -> Result<Self, LearnError> {
        let (network, count) = match (&plan.selection, phase) {
            (Selection::Active(active), Phase::Loop) => (&active.network, active.members),
            _ => (&plan.network, 1),
        };
        let is_fresh = match plan.placement {
            Placement::AfterQuery => true,
            Placement::FinalOnly => phase == Phase::Final,
            Placement::Never | Placement::BeforeQuery => false,
        };
        let seen = (plan.placement == Placement::BeforeQuery || is_fresh).then_some(policy);
        // The loop's models grow with every query: there is no last step that a schedule could lead
        // to.
        let recipe = if phase == Phase::Final { plan.training.recipe } else { Recipe::default() };
        let training = TrainSettings {
            mixing: plan.training.mixing.filter(|_| is_fresh),
            recipe,
            ..plan.training
        };
        let pool = &resources.pool;
        let architecture = network.architecture(pool.images, pool.classes)?;
        let threads_each = (resources.context.threads / count).max(1);
        let mean = pool.mean();
        let member = |number: u64| -> Result<Member<'a>, LearnError> {
            let weights = Key::new(plan.seed, purpose::WEIGHTS).at(start, number).child();
            let model = Model::new(architecture.clone(), weights)?;
            let view = View::new(pool.images, &mean, seen).threads(threads_each);
            Ok(Member { fit: Fit::new(model, &training, threads_each)?, view })
        };
        let members = (0..count as u64).map(member).collect::<Result<_, _>>()?;
        Ok(Self {
            plan,
            resources,
            policy: policy.clone(),
            phase,
            is_fresh,
            mean,
            training,
            members,
        })
    }

    fn key(&self, purpose: u64) -> Key {
        Key::new(self.plan.seed, purpose)
    }

    fn epoch_keys(&self, epoch: u64) -> impl Fn(u64) -> EpochKeys + Sync + use<> {
        let (order, augment, dropout, mixing) = match self.phase {
            Phase::Loop => (
                purpose::LOOP_ORDER,
                purpose::LOOP_AUGMENT,
                purpose::LOOP_DROPOUT,
                purpose::LOOP_MIXING,
            ),
            Phase::Final => (purpose::ORDER, purpose::AUGMENT, purpose::DROPOUT, purpose::MIXING),
        };
        let (augment, augment_epoch) =
            if self.is_fresh { (augment, epoch) } else { (purpose::AUGMENT_ONCE, 0) };
        let seed = self.plan.seed;
        let key = move |purpose| Key::new(seed, purpose);
        move |member| EpochKeys {
            order: key(order).at(epoch, member),
            augment: key(augment),
            augment_epoch,
            dropout: key(dropout).at(epoch, member).child(),
            mixing: key(mixing).at(epoch, member).child(),
        }
    }

    /// The loop's models, ready to score the pool, and their temperatures where these are asked
    /// for.
    fn predictors(
        &self,
        active: &ActiveSettings,
    ) -> Result<(Vec<Predictor>, Vec<f64>), LearnError> {
        let threads = self.resources.context.threads;
        let models = self.members.iter().map(|member| member.fit.model());
        let mut members =
            models.map(|m| Predictor::new(m, threads)).collect::<Result<Vec<_>, _>>()?;
        let mut temperatures = Vec::new();
        if active.temperature_scaling {
            let val = self.resources.benchmark("temperature_scaling")?.val;
            let mut view = View::new(&val.images, &self.mean, None).threads(threads);
            let mut fit = |m: &mut Predictor| m.calibrate(&mut view, &val.labels, Key::new(0, 0));
            let fitted = members.iter_mut().map(|m| Ok(fit(m)?.value));
            temperatures = fitted.collect::<Result<_, LearnError>>()?;
        }
        Ok((members, temperatures))
    }

    fn probs_nc(
        &self,
        held_out: HeldOut<'_>,
        policy: Option<&Policy>,
        key: Key,
    ) -> Result<Vec<f32>, LearnError> {
        let threads = self.resources.context.threads;
        let mut view = View::new(&held_out.split.images, &self.mean, policy).threads(threads);
        let model = self.members[0].fit.model();
        Predictor::new(model, threads)?.probs_nc(&mut view, held_out.split.len(), key)
    }
}

impl Learner for Scratch<'_> {
    fn epochs(&self, labels: usize) -> u32 {
        self.training.epochs_over(labels)
    }

    fn epoch(&mut self, number: u64, labelled: &Labelled) -> Result<f32, LearnError> {
        let keys = self.epoch_keys(number);
        let train = |(member, Member { fit, view }): (usize, &mut Member<'_>)| {
            fit.epoch(view, &labelled.rows, &labelled.labels, keys(member as u64))
        };
        let losses: Vec<f32> = match &mut self.members[..] {
            [member] => vec![train((0, member))?],
            members => members.par_iter_mut().enumerate().map(train).collect::<Result<_, _>>()?,
        };
        Ok(losses.iter().sum::<f32>() / losses.len() as f32)
    }

    fn score<'s>(&self, asked: &Asked<'s>) -> Result<(PoolScores<'s>, Vec<f64>), LearnError> {
        let Selection::Active(active) = &self.plan.selection else {
            unreachable!("only a loop asks")
        };
        let (mut members, temperatures) = self.predictors(active)?;
        let (pool, threads) = (&self.resources.pool, self.resources.context.threads);
        let at_round = |purpose| self.key(purpose).at(u64::from(asked.round), 0);
        let once = (self.plan.placement == Placement::BeforeQuery).then_some(&self.policy);
        let mut scored = Scored {
            classes: pool.classes,
            view: &mut View::new(pool.images, &self.mean, once).threads(threads),
            augmented: View::new(pool.images, &self.mean, Some(&self.plan.policy)).threads(threads),
            rows: pool.len(),
            open: asked.open,
            once: self.key(purpose::AUGMENT_ONCE),
            masks: at_round(purpose::MONTE_CARLO).child(),
            mc_samples: active.mc_samples,
            view_key: at_round(purpose::VIEWS).child(),
            views: active.views,
            target_key: at_round(purpose::TARGETS),
            threads,
        };
        let scores = PoolScores::compute(
            asked.strategy,
            asked.needs,
            &mut members,
            asked.given,
            &mut scored,
        )?;
        Ok((scores, temperatures))
    }

    fn predict(&self, held_out: HeldOut<'_>) -> Result<Vec<f32>, LearnError> {
        self.probs_nc(held_out, None, self.key(purpose::AUGMENT_ONCE))
    }

    fn predict_views(
        &self,
        held_out: HeldOut<'_>,
        plain: Vec<f32>,
    ) -> Result<Vec<f32>, LearnError> {
        let mut sums = plain;
        let views = self.plan.test_time_views;
        for view in 1..views as u64 {
            let key = self.key(purpose::TEST_VIEWS).at(held_out.number, view).child();
            let probs = self.probs_nc(held_out, Some(&self.policy), key)?;
            sums.iter_mut().zip(probs).for_each(|(sum, p)| *sum += p);
        }
        sums.iter_mut().for_each(|sum| *sum /= views as f32);
        Ok(sums)
    }

    fn states(&self) -> Vec<Vec<u8>> {
        self.members.iter().map(|member| member.fit.state()).collect()
    }

    fn restore(&mut self, states: &[Vec<u8>]) -> Result<(), LearnError> {
        if states.len() != self.members.len() {
            let (held, wanted) = (states.len(), self.members.len());
            return Err(LearnError::Snapshot(format!(
                "it holds {held} models where the plan has {wanted}"
            )));
        }
        self.members
            .iter_mut()
            .zip(states)
            .try_for_each(|(member, state)| member.fit.restore(state))
    }

    fn into_model(self: Box<Self>) -> Result<Model, LearnError> {
        Ok(self.members.into_iter().next().expect("a learner has a member").fit.into_model())
    }
}
