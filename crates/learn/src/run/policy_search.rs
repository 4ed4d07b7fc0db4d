//! Carrying out the search for a learned policy: small models in cross-validation on the labelled
//! images alone.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::augment::{Learned, Policy, Search, folds};
use crate::data::Labelled;
use crate::error::LearnError;
use crate::model::network::NetworkSettings;
use crate::model::predict::{Predictor, accuracy};
use crate::model::view::View;
use crate::purpose;
use crate::run::plan::Plan;
use crate::run::resources::Resources;
use crate::training::fit::{EpochKeys, Fit};

/// What the trainings of a search have in common.
struct Trainings<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
    mean: Vec<f32>,
    width: usize,
    labelled: &'a Labelled,
    parts: Vec<u32>,
}

/// Chooses a policy on what is `labelled`; the run may end before every training.
///
/// Of one fold all candidates start from the same weights and see the same order of images, so that
/// they are compared in pairs.
pub(crate) fn policy(
    search: &Search,
    plan: &Plan,
    resources: &Resources<'_>,
    labelled: &Labelled,
) -> Result<Learned, LearnError> {
    let least = 2 * search.folds as usize;
    if labelled.len() < least {
        let (folds, found) = (search.folds, labelled.len());
        let text = format!(
            "a learned policy with {folds} folds needs at least {least} labels, not {found}"
        );
        return Err(LearnError::Setting(text));
    }
    let parts = folds(&labelled.labels, search.folds, Key::new(plan.seed, purpose::FOLDS));
    let mean = resources.pool.mean();
    let trainings = Trainings { plan, resources, mean, width: search.width, labelled, parts };
    search.run(Key::new(plan.seed, purpose::CANDIDATES), |policy, fold| {
        resources.context.check()?;
        trainings.score(policy, fold)
    })
}

impl Trainings<'_> {
    /// Accuracy on one fold of a model trained on the others.
    fn score(&self, policy: &Policy, fold: u32) -> Result<f64, LearnError> {
        let (pool, threads) = (&self.resources.pool, self.resources.context.threads);
        let part = |held_out: bool| -> (Vec<u32>, Vec<u16>) {
            let wanted = self.parts.iter().map(|&part| (part == fold) == held_out);
            let all = self.labelled.rows.iter().zip(&self.labelled.labels).zip(wanted);
            all.filter(|(_, wanted)| *wanted).map(|((&row, &label), _)| (row, label)).unzip()
        };
        let (rows, labels) = part(false);
        let network =
            NetworkSettings { width: self.width, block_widths: None, ..self.plan.network.clone() };
        let architecture = network.architecture(pool.images, pool.classes)?;
        let key = |purpose| Key::new(self.plan.seed, purpose).at(u64::from(fold), 0).child();
        let model = Model::new(architecture, key(purpose::WEIGHTS))?;
        let mut fit = Fit::new(model, &self.plan.training, threads)?;
        let mut view = View::new(pool.images, &self.mean, Some(policy)).threads(threads);
        for epoch in 1..=u64::from(self.plan.training.epochs_over(rows.len())) {
            let keys = EpochKeys {
                order: key(purpose::ORDER).at(epoch, 0),
                augment: key(purpose::AUGMENT),
                augment_epoch: epoch,
                dropout: key(purpose::DROPOUT).at(epoch, 0).child(),
                mixing: key(purpose::MIXING).at(epoch, 0).child(),
            };
            let place = || format!("epoch {epoch} of the search for a policy");
            fit.epoch(&mut view, &rows, &labels, keys).map_err(|error| error.at(place))?;
        }
        let (held_out, answers) = part(true);
        let images = pool.images.select(&held_out);
        let mut view = View::new(&images, &self.mean, None).threads(threads);
        let probs = Predictor::new(fit.model(), threads)?.probs_nc(
            &mut view,
            answers.len(),
            Key::new(0, 0),
        )?;
        Ok(accuracy(&probs, &answers))
    }
}
