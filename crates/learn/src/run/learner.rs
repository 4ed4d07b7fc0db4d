//! The model in training, or the members of an ensemble trained side by side.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;
use rayon::prelude::*;

use crate::augment::Policy;
use crate::data::Dataset;
use crate::error::LearnError;
use crate::model::view::View;
use crate::purpose;
use crate::run::plan::{Phase, Placement, Plan, Selection};
use crate::training::fit::{EpochKeys, Fit, Recipe, TrainSettings};

/// Models of one phase, in training on the same rows and the same augmented images.
///
/// The first member is the model that a learner of one would train; the others differ in their initial weights, in the
/// order of their batches and in their dropout masks.
pub(crate) struct Learner<'a> {
    seed: u64,
    phase: Phase,
    is_fresh: bool,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    fit: Fit,
    view: View<'a>,
}

impl<'a> Learner<'a> {
    /// Fresh models of `phase`; `start` tells the initial weights of one start from those of another. Images are mixed where they are
    /// augmented afresh at every epoch.
    pub(crate) fn new(
        plan: &Plan,
        policy: &Policy,
        data: &'a Dataset,
        (phase, start): (Phase, u64),
        threads: usize,
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
        let policy = (plan.placement == Placement::BeforeQuery || is_fresh).then_some(policy);
        // The loop's models grow with every query: there is no last step that a schedule could lead to.
        let recipe = if phase == Phase::Final { plan.training.recipe } else { Recipe::default() };
        let training = TrainSettings { mixing: plan.training.mixing.filter(|_| is_fresh), recipe, ..plan.training };
        let architecture = network.architecture(&data.train.images, data.classes())?;
        let threads_each = (threads / count).max(1);
        let mean = data.mean();
        let member = |number: u64| -> Result<Member<'a>, LearnError> {
            let weights = Key::new(plan.seed, purpose::WEIGHTS).at(start, number).child();
            let model = Model::new(architecture.clone(), weights)?;
            let view = View::new(&data.train.images, &mean, policy).threads(threads_each);
            Ok(Member { fit: Fit::new(model, &training, threads_each)?, view })
        };
        let members = (0..count as u64).map(member).collect::<Result<_, _>>()?;
        Ok(Self { seed: plan.seed, phase, is_fresh, members })
    }

    /// Trains every member once over `rows`; returns the members' mean loss. `epoch` counts over all rounds of the phase.
    pub(crate) fn epoch(&mut self, epoch: u64, rows: &[u32], labels: &[u16]) -> f32 {
        let (order, augment, dropout, mixing) = match self.phase {
            Phase::Loop => (purpose::LOOP_ORDER, purpose::LOOP_AUGMENT, purpose::LOOP_DROPOUT, purpose::LOOP_MIXING),
            Phase::Final => (purpose::ORDER, purpose::AUGMENT, purpose::DROPOUT, purpose::MIXING),
        };
        let (augment, augment_epoch) = if self.is_fresh { (augment, epoch) } else { (purpose::AUGMENT_ONCE, 0) };
        let key = |purpose| Key::new(self.seed, purpose);
        let keys = |member| EpochKeys {
            order: key(order).at(epoch, member),
            augment: key(augment),
            augment_epoch,
            dropout: key(dropout).at(epoch, member).child(),
            mixing: key(mixing).at(epoch, member).child(),
        };
        let train = |(number, member): (usize, &mut Member<'_>)| {
            member.fit.epoch(&mut member.view, rows, labels, keys(number as u64))
        };
        let losses: Vec<f32> = match &mut self.members[..] {
            [member] => vec![train((0, member))],
            members => members.par_iter_mut().enumerate().map(train).collect(),
        };
        losses.iter().sum::<f32>() / losses.len() as f32
    }

    /// The models as trained so far.
    pub(crate) fn models(&self) -> Vec<&Model> {
        self.members.iter().map(|member| member.fit.model()).collect()
    }

    /// The first model, training ended.
    pub(crate) fn into_model(self) -> Model {
        self.members.into_iter().next().expect("a learner has a member").fit.into_model()
    }

    /// What each member's training goes on from.
    pub(crate) fn states(&self) -> Vec<Vec<u8>> {
        self.members.iter().map(|member| member.fit.state()).collect()
    }

    /// Goes back to [`Learner::states`].
    pub(crate) fn restore(&mut self, states: &[Vec<u8>]) -> Result<(), LearnError> {
        if states.len() != self.members.len() {
            let (held, wanted) = (states.len(), self.members.len());
            return Err(LearnError::Snapshot(format!("it holds {held} models where the plan has {wanted}")));
        }
        self.members.iter_mut().zip(states).try_for_each(|(member, state)| member.fit.restore(state))
    }
}
