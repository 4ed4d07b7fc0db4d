//! Carrying out the search for a learned policy: small models in cross-validation on the labelled images alone.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::augment::{Learned, Policy, Search, folds};
use crate::data::Dataset;
use crate::error::LearnError;
use crate::model::network::NetworkSettings;
use crate::model::predict::{Predictor, accuracy};
use crate::model::view::View;
use crate::purpose;
use crate::run::plan::Plan;
use crate::training::fit::{EpochKeys, Fit};

/// What the trainings of a search have in common.
struct Trainings<'a> {
    plan: &'a Plan,
    data: &'a Dataset,
    mean: Vec<f32>,
    width: usize,
    rows: &'a [u32],
    labels: &'a [u16],
    parts: Vec<u32>,
    threads: usize,
}

/// Chooses a policy for the labelled `rows`; `stop` is asked before every training.
///
/// Of one fold all candidates start from the same weights and see the same order of images, so that they are compared
/// in pairs.
pub(crate) fn policy(
    search: &Search,
    plan: &Plan,
    data: &Dataset,
    (rows, labels): (&[u32], &[u16]),
    threads: usize,
    stop: &dyn Fn() -> bool,
) -> Result<Learned, LearnError> {
    let least = 2 * search.folds as usize;
    if rows.len() < least {
        let text =
            format!("a learned policy with {} folds needs at least {least} labels, not {}", search.folds, rows.len());
        return Err(LearnError::Setting(text));
    }
    let parts = folds(labels, search.folds, Key::new(plan.seed, purpose::FOLDS));
    let trainings = Trainings { plan, data, mean: data.mean(), width: search.width, rows, labels, parts, threads };
    search.run(Key::new(plan.seed, purpose::CANDIDATES), |policy, fold| {
        if stop() { Err(LearnError::Interrupted) } else { trainings.score(policy, fold) }
    })
}

impl Trainings<'_> {
    /// Accuracy on one fold of a model trained on the others.
    fn score(&self, policy: &Policy, fold: u32) -> Result<f64, LearnError> {
        let part = |held_out: bool| -> (Vec<u32>, Vec<u16>) {
            let wanted = self.parts.iter().map(|&part| (part == fold) == held_out);
            let all = self.rows.iter().zip(self.labels).zip(wanted);
            all.filter(|(_, wanted)| *wanted).map(|((&row, &label), _)| (row, label)).unzip()
        };
        let (rows, labels) = part(false);
        let network = NetworkSettings { width: self.width, block_widths: None, ..self.plan.network.clone() };
        let architecture = network.architecture(&self.data.train.images, self.data.classes())?;
        let key = |purpose| Key::new(self.plan.seed, purpose).at(u64::from(fold), 0).child();
        let model = Model::new(architecture, key(purpose::WEIGHTS))?;
        let mut fit = Fit::new(model, &self.plan.training, self.threads)?;
        let mut view = View::new(&self.data.train.images, &self.mean, Some(policy)).threads(self.threads);
        for epoch in 1..=u64::from(self.plan.training.epochs_over(rows.len())) {
            let keys = EpochKeys {
                order: key(purpose::ORDER).at(epoch, 0),
                augment: key(purpose::AUGMENT),
                augment_epoch: epoch,
                dropout: key(purpose::DROPOUT).at(epoch, 0).child(),
                mixing: key(purpose::MIXING).at(epoch, 0).child(),
            };
            fit.epoch(&mut view, &rows, &labels, keys);
        }
        let (held_out, answers) = part(true);
        let split = self.data.train.select(&held_out);
        let mut view = View::new(&split.images, &self.mean, None).threads(self.threads);
        let probs = Predictor::new(fit.model(), self.threads)?.probs_nc(&mut view, answers.len(), Key::new(0, 0));
        Ok(accuracy(&probs, &answers))
    }
}
