//! A run on a pretrained encoder: its features choose the labels, a linear classifier learns them, and where asked for the
//! whole network goes on from there.
//!
//! The encoder never sees a label before the classifier does, and never an image outside the training split.

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::path::{Path, PathBuf};

use crate::augment::Policy;
use crate::data::cache::file_digest;
use crate::data::{DataError, Dataset, Split};
use crate::error::LearnError;
use crate::model::predict::{Predictor, accuracy};
use crate::model::view::View;
use crate::pretrain::{Encoder, PretrainSettings, views};
use crate::probe::Probe;
use crate::probe::feature_pool::{Labelled, Pool};
use crate::probe::self_training::SelfTraining;
use crate::purpose;
use crate::run::active_loop::{Finished, Observer};
use crate::run::oracle::Oracle;
use crate::run::plan::{EpochEvent, Phase, Plan, Selection, Work};
use crate::run::pool_scores::mean;
use crate::run::snapshot::{Place, Snapshot};
use crate::training::fine_tuning::{FineTuning, Tuner};

/// What a plan says of a run on an encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// Which encoder.
    pub encoder: EncoderSource,
    /// Further encoders whose classifiers learn the same labels and answer with its own, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<Ensemble>,
    /// What learns the labels.
    pub classifier: Classifier,
    /// How the classifier listens to itself on the rest of the pool, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_training: Option<SelfTraining>,
    /// How the whole network goes on, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuning>,
}

/// Encoders that answer together, by the mean of their classifiers' probabilities: those of `size` seeds on from the encoder's own,
/// the first again after number `of` - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// How many.
    pub size: u64,
    /// How many there are.
    pub of: u64,
}

/// What learns the labels on an encoder's features. A record says it, so that runs of another classifier are other runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Classifier {
    /// [`crate::probe::Probe`].
    #[default]
    Ridge,
}

impl Transfer {
    /// Refuses settings out of their ranges.
    ///
    /// # Errors
    /// Names the setting.
    pub fn check(&self) -> Result<(), LearnError> {
        if let Some(Ensemble { size, of }) = self.ensemble {
            let wrong = |what: String| Err(LearnError::Setting(what));
            if !(1..=of).contains(&size) {
                return wrong(format!("ensemble = {size} of encoders = {of}: give 1 to all of them"));
            }
            if self.fine_tuning.is_some() {
                return wrong("encoders of an ensemble stay as they are: give fine_tuning or ensemble".to_owned());
            }
            if matches!(self.encoder, EncoderSource::File(_)) {
                return wrong("an ensemble needs encoders of the study, not `encoder`, a single file".to_owned());
            }
        }
        self.self_training.iter().try_for_each(SelfTraining::check)?;
        self.fine_tuning.iter().try_for_each(FineTuning::check)
    }

    /// Every encoder, the one that chooses first.
    pub fn encoders(&self) -> Vec<EncoderSource> {
        match (&self.encoder, self.ensemble) {
            (EncoderSource::Pretraining { settings, seed }, Some(Ensemble { size, of })) => (0..size)
                .map(|at| EncoderSource::Pretraining { settings: settings.clone(), seed: (seed + at) % of.max(1) })
                .collect(),
            (encoder, _) => vec![encoder.clone()],
        }
    }

    /// The views that fine-tuning shows.
    fn policy(&self, tuning: &FineTuning, data: &Dataset) -> Policy {
        let of_encoder = match &self.encoder {
            EncoderSource::Pretraining { settings, .. } => settings.views.clone(),
            EncoderSource::File(_) => None,
        };
        tuning.views.clone().or(of_encoder).unwrap_or_else(|| views::for_data(data))
    }
}

/// Where an encoder comes from: everything that its bits depend on beside the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncoderSource {
    /// It is trained on the run's own training images.
    Pretraining {
        /// How.
        settings: PretrainSettings,
        /// Names every random number of that.
        seed: u64,
    },
    /// It lies in a file.
    File(EncoderFile),
}

/// A file with an encoder, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderFile {
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Where it lies on this machine.
    #[serde(skip)]
    pub path: PathBuf,
}

impl EncoderFile {
    /// Names the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn at(path: &Path) -> Result<Self, DataError> {
        Ok(Self { sha256: file_digest::<Sha256>(path)?, path: path.to_owned() })
    }
}

/// An encoder and what it makes of a data set's images; runs share it.
pub struct Encoded {
    encoder: Encoder,
    pool: Pool,
    /// Features of the validation and of the test images.
    judged: [Vec<f32>; 2],
}

impl Encoded {
    /// Looks at all images of `data`.
    ///
    /// # Errors
    /// If they have another shape than the encoder takes.
    pub fn new(encoder: Encoder, data: &Dataset, threads: usize) -> Result<Self, LearnError> {
        let features = |split: &Split| encoder.features(&split.images, 1, &Policy::none(), 0, threads);
        let pool = Pool::new(features(&data.train)?, encoder.feature_len(), data.classes(), threads);
        Ok(Self { judged: [features(&data.val)?, features(&data.test)?], pool, encoder })
    }
}

/// Steps of fine-tuning between two events.
pub const STEPS_TOLD: u64 = 50;

/// Carries out a plan that names encoders, here in its order, from the beginning or from a snapshot that an earlier call gave its
/// observer. Of an ensemble the model is the first's.
///
/// # Errors
/// If the plan names none or does not fit the data or the encoders, the snapshot does not fit the plan, oracle or observer fail, or
/// the observer asks to stop.
pub fn run(
    plan: &Plan,
    data: &Dataset,
    encoders: &[&Encoded],
    threads: usize,
    snapshot: Option<&[u8]>,
    oracle: &mut dyn Oracle,
    observer: &mut dyn Observer,
) -> Result<Finished, LearnError> {
    plan.check(data.train.len())?;
    let (Some(transfer), [encoded, ..]) = (&plan.transfer, encoders) else {
        return Err(LearnError::Setting("the plan names no encoder".to_owned()));
    };
    if encoders.len() != transfer.encoders().len() {
        return Err(LearnError::Setting("the plan names another number of encoders".to_owned()));
    }
    let snapshot = snapshot.map(Snapshot::from_bytes).transpose()?;
    observer.begins(Work::Scoring);
    let (labelled, round) = match &snapshot {
        Some(held) => taken_up(held, data)?,
        None => label(plan, data, &encoded.pool, oracle, observer)?,
    };
    observer.begins(Work::FinalTraining);
    let runs: Vec<Run<'_>> = encoders.iter().map(|encoded| Run { plan, data, encoded, threads, round }).collect();
    let mut learned =
        runs.iter().map(|run| run.learn(&labelled, transfer.self_training)).collect::<Result<Vec<_>, _>>()?;
    let (model, probs) = match &transfer.fine_tuning {
        None => {
            let loss = encoded.pool.loss(&learned[0].0, &labelled) as f32;
            observer.epoch(&runs[0].event(1, &labelled, loss))?;
            observer.begins(Work::Test);
            let answers = runs.iter().zip(&learned).map(|(run, (probe, network))| run.of_probe(probe, network));
            let answers = answers.collect::<Result<Vec<_>, _>>()?;
            let (val, test): (Vec<_>, Vec<_>) = answers.into_iter().map(|[val, test]| (val, test)).unzip();
            (learned.swap_remove(0).1, [mean(&val), mean(&test)])
        }
        Some(tuning) => {
            let (_, network) = learned.swap_remove(0);
            let policy = transfer.policy(tuning, data);
            let model = runs[0].tune(network, tuning, &policy, &labelled, snapshot.as_ref(), observer)?;
            observer.begins(Work::Test);
            let probs = runs[0].of_model(&model, Some(&policy))?;
            (model, probs)
        }
    };
    let [val_probs_nc, test_probs_nc] = probs;
    Ok(Finished {
        model,
        val_accuracy_best: accuracy(&val_probs_nc, &data.val.labels),
        labelled: labelled.rows,
        val_probs_nc,
        test_probs_nc,
        stopped: None,
        learned: None,
    })
}

/// The labelled rows and the number of queries.
fn label(
    plan: &Plan,
    data: &Dataset,
    pool: &Pool,
    oracle: &mut dyn Oracle,
    observer: &mut dyn Observer,
) -> Result<(Labelled, u32), LearnError> {
    let all = data.train.len();
    let rows: Vec<u32> = match &plan.selection {
        Selection::All => (0..all as u32).collect(),
        Selection::Random { labels } => purpose::row_permutation(plan.seed, all)[..*labels].to_vec(),
        Selection::Given { rows } => rows.clone(),
        Selection::Active(_) => return Err(LearnError::Setting("an encoder needs no loop".to_owned())),
        Selection::OnFeatures { strategy, labels } => {
            let mut round = 0;
            let mut heard = |event: &crate::run::plan::QueryEvent| {
                round = event.round + 1;
                observer.query(event)
            };
            let labelled = pool.choose_aloud(strategy, *labels, plan.seed, oracle, &mut heard)?;
            return Ok((labelled, round));
        }
    };
    let labels = oracle.label(&rows)?;
    Ok((Labelled { rows, labels }, 0))
}

/// What a snapshot knows of the labels.
fn taken_up(snapshot: &Snapshot, data: &Dataset) -> Result<(Labelled, u32), LearnError> {
    let labelled = Labelled { rows: snapshot.labelled.clone(), labels: snapshot.labels.clone() };
    let fits = labelled.rows.len() == labelled.labels.len()
        && labelled.rows.iter().all(|&row| (row as usize) < data.train.len())
        && labelled.labels.iter().all(|&label| usize::from(label) < data.classes());
    match snapshot.place {
        Place::Final { round, .. } if fits => Ok((labelled, round)),
        _ => Err(LearnError::Snapshot("it is none of a run on an encoder".to_owned())),
    }
}

struct Run<'a> {
    plan: &'a Plan,
    data: &'a Dataset,
    encoded: &'a Encoded,
    threads: usize,
    round: u32,
}

impl Run<'_> {
    /// A classifier on the encoder's features, and both as one network.
    fn learn(&self, labelled: &Labelled, semi: Option<SelfTraining>) -> Result<(Probe, Model), LearnError> {
        let Encoded { encoder, pool, .. } = self.encoded;
        let probe = pool.fit(labelled, semi);
        let network = pool.network(encoder, &probe)?;
        Ok((probe, network))
    }

    fn event(&self, epoch: u32, labelled: &Labelled, train_loss: f32) -> EpochEvent {
        let labels = labelled.rows.len();
        EpochEvent { phase: Phase::Final, round: self.round, epoch, labels, train_loss, val_accuracy: None }
    }

    fn tune(
        &self,
        network: Model,
        tuning: &FineTuning,
        policy: &Policy,
        labelled: &Labelled,
        snapshot: Option<&Snapshot>,
        observer: &mut dyn Observer,
    ) -> Result<Model, LearnError> {
        let images = (&self.data.train.images, self.encoded.encoder.mean());
        let mut tuner = Tuner::new(network, tuning, images, policy, labelled, (self.plan.seed, self.threads))?;
        let mut told = 0;
        if let Some(Snapshot { place: Place::Final { epoch, .. }, states, .. }) = snapshot {
            told = *epoch;
            tuner.restore(states, u64::from(told) * STEPS_TOLD)?;
        }
        let mut losses = Vec::with_capacity(STEPS_TOLD as usize);
        while let Some(loss) = tuner.step()? {
            losses.push(loss);
            if !tuner.steps_made().is_multiple_of(STEPS_TOLD) {
                continue;
            }
            told += 1;
            observer.epoch(&self.event(told, labelled, losses.iter().sum::<f32>() / losses.len() as f32))?;
            losses.clear();
            observer.checkpoint(&|| self.snapshot(told, labelled, tuner.states()).into_bytes())?;
            if observer.stop_requested() {
                return Err(LearnError::Interrupted);
            }
        }
        if !losses.is_empty() {
            observer.epoch(&self.event(told + 1, labelled, losses.iter().sum::<f32>() / losses.len() as f32))?;
        }
        Ok(tuner.model().clone())
    }

    fn snapshot(&self, epoch: u32, labelled: &Labelled, states: Vec<Vec<u8>>) -> Snapshot {
        Snapshot {
            place: Place::Final { round: self.round, epoch },
            labelled: labelled.rows.clone(),
            labels: labelled.labels.clone(),
            states,
            ..Snapshot::default()
        }
    }

    /// Probabilities of validation and test images under a classifier on the encoder's features.
    fn of_probe(&self, probe: &Probe, network: &Model) -> Result<[Vec<f32>; 2], LearnError> {
        if self.plan.test_time_views > 1 {
            return self.of_model(network, None);
        }
        let [val, test] = &self.encoded.judged;
        Ok([val, test].map(|features| self.encoded.pool.probs_nc(probe, features.clone())))
    }

    /// The same under a network, averaged over changed views where the plan asks for them.
    fn of_model(&self, model: &Model, policy: Option<&Policy>) -> Result<[Vec<f32>; 2], LearnError> {
        let by_default = views::for_data(self.data);
        let policy = policy.unwrap_or(&by_default);
        let mut predictor = Predictor::new(model, self.threads)?;
        let mut judged = |number: u64, split: &Split| {
            let views = self.plan.test_time_views.max(1);
            let mut sums = vec![0.0; split.len() * self.data.classes()];
            for view in 0..views as u64 {
                let key = Key::new(self.plan.seed, purpose::TEST_VIEWS).at(number, view).child();
                let policy = (view > 0).then_some(policy);
                let mut images = View::new(&split.images, self.encoded.encoder.mean(), policy).threads(self.threads);
                let probs = predictor.probs_nc(&mut images, split.len(), key);
                sums.iter_mut().zip(probs).for_each(|(sum, p)| *sum += p / views as f32);
            }
            sums
        };
        Ok([judged(0, &self.data.val), judged(1, &self.data.test)])
    }
}
