//! One model outside a study, trained into a file.

use crate::ask::settings::RunSettings;
use crate::error::StudyError;
use crate::evaluate::metrics::Metrics;
use crate::execute::classifier_file;
use crate::store::atomic_file;
use crate::store::checkpoint::Checkpoint;
use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;
use fewlabel_learn::data::{Dataset, Split};
use fewlabel_learn::model::classifier::{Calibration, Classifier};
use fewlabel_learn::model::predict::Predictor;
use fewlabel_learn::model::view::View;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::active_loop::{self, Finished};
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, RunObserver};
use fewlabel_learn::run::oracle::Simulated;
use fewlabel_learn::run::plan::{Plan, Selection};
use fewlabel_learn::run::plan_memory;
use fewlabel_learn::run::resources::{Resources, Resume};
use fewlabel_learn::{Context, LearnError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A checkpoint is written when so much time has passed since the last.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// Fewer labels do not say what probabilities are worth.
const LEAST_TO_CALIBRATE: usize = 20;

/// What a trained model is worth; what there are no labels for is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trained {
    /// Labels trained on.
    pub labels: usize,
    /// Best validation accuracy over the epochs.
    pub val_accuracy_best: Option<f64>,
    /// Validation accuracy after the last epoch.
    pub val_accuracy_last: Option<f64>,
    /// Test accuracy after the last epoch.
    pub test_accuracy: Option<f64>,
    /// Balanced test accuracy.
    pub test_balanced_accuracy: Option<f64>,
    /// Test macro-F1.
    pub test_macro_f1: Option<f64>,
    /// Test AUC; absent also where it is not defined for any class.
    pub test_auc: Option<f64>,
    /// Classes that it is a mean over, where that is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_auc_classes: Option<usize>,
    /// Loss of the last epoch's training, in nats.
    pub train_loss: Option<f32>,
    /// What the probabilities of `predict --out` are calibrated on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// Whether both held-out splits are there and all their labels known, so that a plan can be carried
/// out as in a study, with the validation split watched.
pub fn has_benchmark(data: &Dataset) -> bool {
    [&data.val, &data.test].iter().all(|split| !split.is_empty() && split.unlabelled() == 0)
}

/// Carries `plan` out, on the encoders that it names, and writes the final model to `path`; `epoch`
/// hears of every epoch. When the context ends it or the process is killed, a checkpoint is left
/// beside `path`, from which the same call goes on to the same bytes.
///
/// # Errors
/// If the plan does not fit the data, training diverges, the file cannot be written, or the context
/// ends it.
pub fn train(
    plan: &Plan,
    data: &Dataset,
    encoders: &[&Encoded],
    context: Context<'_>,
    path: &Path,
    epoch: &mut dyn FnMut(&EpochEvent),
) -> Result<Trained, StudyError> {
    atomic_file::refuse_unwritable(path)?;
    plan_memory::check_plan(plan, &data.pool())?;
    let settings = RunSettings::of_plan(plan.clone(), "train", data);
    let mut keeper = Keeper::open(path, &settings, epoch);
    let before = keeper.read()?;
    let resume =
        before.as_ref().map(|b| Resume { snapshot: &b.snapshot, answers: &b.beside.answers });
    let mut oracle = Simulated::new(&data.train.labels);
    let benchmark = has_benchmark(data).then(|| data.benchmark());
    let resources =
        Resources { pool: data.pool(), benchmark, encoders: encoders.to_vec(), context };
    let finished = match active_loop::run(plan, &resources, resume, &mut oracle, &mut keeper) {
        // From the checkpoint of a training that diverged nothing goes on.
        Err(error @ LearnError::Diverged { .. }) => {
            atomic_file::remove_if_there(&keeper.checkpoint)?;
            return Err(error.into());
        }
        finished => finished?,
    };
    let (judged, labels) = (finished.judged.as_ref(), finished.answers.labels());
    let of_judged = judged.map(|judged| {
        let val = Metrics::of(&judged.val_probs_nc, &data.val.labels);
        (judged.val_accuracy_best, val, Metrics::of(&judged.test_probs_nc, &data.test.labels))
    });
    let (classifier, [own_val, own_test]) = classifier_of(finished, &settings, data, context)?;
    let (best, val, test) = match of_judged {
        Some((best, val, test)) => (Some(best), Some(val), Some(test)),
        None => (own_val.as_ref().map(|val| val.accuracy), own_val, own_test),
    };
    atomic_file::write_named(path, &classifier.to_bytes())?;
    atomic_file::remove_if_there(&keeper.checkpoint)?;
    let of_test = |figure: fn(&Metrics) -> f64| test.as_ref().map(figure);
    Ok(Trained {
        labels,
        val_accuracy_best: best,
        val_accuracy_last: val.map(|val| val.accuracy),
        test_accuracy: of_test(|test| test.accuracy),
        test_balanced_accuracy: of_test(|test| test.balanced_accuracy),
        test_macro_f1: of_test(|test| test.macro_f1),
        test_auc: test.as_ref().and_then(|test| test.auc),
        test_auc_classes: test.as_ref().and_then(|test| test.auc_classes),
        train_loss: keeper.train_loss,
        calibration: classifier.calibration,
    })
}

/// Removes what another training left beside `path`, so that one of `settings` may begin there.
///
/// # Errors
/// If the checkpoint cannot be read or removed.
pub(crate) fn forget_other(path: &Path, settings: &RunSettings) -> Result<(), StudyError> {
    let checkpoint = atomic_file::checkpoint_beside(path);
    let found = Checkpoint::<Begun>::read(&checkpoint);
    match found {
        Ok(Some(found)) if found.beside.settings == settings.id() => Ok(()),
        Ok(None) => Ok(()),
        _ => atomic_file::remove_if_there(&checkpoint),
    }
}

/// The classifier that a run leaves, calibrated where labels are held out, and, where the run was
/// not judged, what it is worth on the held-out labels that there are.
fn classifier_of(
    finished: Finished,
    settings: &RunSettings,
    data: &Dataset,
    context: Context<'_>,
) -> Result<(Classifier, [Option<Metrics>; 2]), StudyError> {
    let (was_judged, labels) = (finished.judged.is_some(), finished.answers.labels());
    let calibration = match calibrate(&finished.model, data, context.threads)? {
        Some(calibration) => Some(calibration),
        // The sharpness of ridge regression is chosen on each label in turn, left out.
        None if settings.plan.transfer.is_some() && labels >= LEAST_TO_CALIBRATE => {
            let split = "train, each left out in turn".to_owned();
            Some(Calibration { temperature: 1.0, labels, split })
        }
        None => None,
    };
    let classifier = classifier_file::of_run(finished.model, settings, data, calibration);
    if was_judged {
        return Ok((classifier, [None, None]));
    }
    let judge = |split| judge(&classifier, split, context.threads);
    let judged = [judge(&data.val)?, judge(&data.test)?];
    Ok((classifier, judged))
}

/// The temperature that makes the network's probabilities fit the validation labels, if there are
/// enough.
fn calibrate(
    network: &Model,
    data: &Dataset,
    threads: usize,
) -> Result<Option<Calibration>, StudyError> {
    let rows = data.val.labelled_rows();
    if rows.len() < LEAST_TO_CALIBRATE {
        return Ok(None);
    }
    let known = data.val.select(&rows);
    let mut view = View::new(&known.images, &data.mean(), None).threads(threads);
    let mut predictor = Predictor::new(network, threads)?;
    let temperature = predictor.calibrate(&mut view, &known.labels, Key::new(0, 0))?.value;
    Ok(Some(Calibration { temperature, labels: rows.len(), split: "val".to_owned() }))
}

/// What a classifier is worth on the labels that a split has.
fn judge(
    classifier: &Classifier,
    split: &Split,
    threads: usize,
) -> Result<Option<Metrics>, StudyError> {
    let known = split.select(&split.labelled_rows());
    if known.is_empty() {
        return Ok(None);
    }
    let mut probs = Vec::with_capacity(known.len() * classifier.classes());
    classifier.each_block(&known.images, Vec::new, threads, |block, _| {
        probs.extend_from_slice(block);
        Ok::<_, LearnError>(())
    })?;
    Ok(Some(Metrics::of(&probs, &known.labels)))
}

/// What stands in a checkpoint beside the snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Begun {
    /// The id of the settings, which everything depends on.
    settings: String,
    /// The answers before it.
    answers: Vec<Answered>,
}

/// Keeps the checkpoint of a training.
struct Keeper<'a> {
    checkpoint: PathBuf,
    begun: Begun,
    keeps_answers: bool,
    last: Instant,
    epoch: &'a mut dyn FnMut(&EpochEvent),
    train_loss: Option<f32>,
}

impl<'a> Keeper<'a> {
    fn open(path: &Path, settings: &RunSettings, epoch: &'a mut dyn FnMut(&EpochEvent)) -> Self {
        Self {
            checkpoint: atomic_file::checkpoint_beside(path),
            begun: Begun { settings: settings.id(), answers: Vec::new() },
            keeps_answers: settings.plan.selection != Selection::All,
            last: Instant::now(),
            epoch,
            train_loss: None,
        }
    }

    /// Where an earlier call stopped, if there is one.
    fn read(&mut self) -> Result<Option<Checkpoint<Begun>>, StudyError> {
        let found = Checkpoint::<Begun>::read(&self.checkpoint)?;
        if let Some(found) = &found {
            if found.beside.settings != self.begun.settings {
                let what = "is the checkpoint of another training: give its options and data \
                            again, or remove it";
                return Err(StudyError::damaged(&self.checkpoint, what));
            }
            self.begun.answers.clone_from(&found.beside.answers);
        }
        Ok(found)
    }
}

impl RunObserver for Keeper<'_> {
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError> {
        self.train_loss = event.train_loss;
        (self.epoch)(event);
        Ok(())
    }

    fn query(&mut self, _event: &QueryEvent) -> Result<(), LearnError> {
        Ok(())
    }

    fn answers(&mut self, answers: &[Answered]) -> Result<(), LearnError> {
        if self.keeps_answers {
            self.begun.answers.extend_from_slice(answers);
        }
        Ok(())
    }

    fn checkpoint(&mut self, snapshot: &dyn Fn() -> Vec<u8>, ends: bool) -> Result<(), LearnError> {
        if ends || self.last.elapsed() >= CHECKPOINT_EVERY {
            let checkpoint = Checkpoint { beside: self.begun.clone(), snapshot: snapshot() };
            checkpoint.write(&self.checkpoint)?;
            self.last = Instant::now();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::regimes;
    use crate::testing;

    #[test]
    fn an_unwritable_place_is_said_before_training() {
        let data = testing::dataset(60);
        let plan = regimes::by_name("full")
            .expect("a regime")
            .plan(&testing::quick_point(), 60, 30)
            .expect("a plan");
        let path = Path::new("/proc/no/m.safetensors");
        let error = train(&plan, &data, &[], Context::new(1), path, &mut |_| panic!("trained"))
            .expect_err("no such place");
        assert!(error.to_string().starts_with("cannot write into /proc/no"), "{error}");
    }
}
