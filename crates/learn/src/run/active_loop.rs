//! The main path: train a small model, score the pool, pick, ask, and again; then train the final model.
//!
//! [`run`] reads as the paper's method section. It writes no files: an [`Observer`] hears of every epoch and
//! query and may take a snapshot, from which the same run goes on to the same bits.

use std::collections::BTreeMap;

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::acquire::{self, Inputs, Rows};
use crate::augment::{Applied, Kind, Learned, Policy};
use crate::data::{Dataset, Split};
use crate::error::LearnError;
use crate::features::FeatureSource;
use crate::model::predict::{Predictor, accuracy};
use crate::model::view::View;
use crate::purpose;
use crate::run::initial::{self, Initial};
use crate::run::learner::Learner;
use crate::run::oracle::Oracle;
use crate::run::plan::{
    ActiveSettings, EpochEvent, Phase, Pick, Placement, Plan, PoolKind, QueryEvent, Selection, Work,
};
use crate::run::pool_scores::{Pool, PoolScores};
use crate::run::snapshot::{Place, Snapshot};
use crate::run::stopping::{Reason, Round, Rule, Stopping};
use crate::training::policy_search;

pub use crate::run::snapshot::after_loop;

/// Hears what a run does; keeps records and checkpoints if it likes.
pub trait Observer {
    /// An epoch has ended.
    ///
    /// # Errors
    /// If the event cannot be recorded; the run ends with that error.
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError>;
    /// A query has been answered.
    ///
    /// # Errors
    /// If the event cannot be recorded; the run ends with that error.
    fn query(&mut self, event: &QueryEvent) -> Result<(), LearnError>;
    /// A moment at which the run could go on later: `snapshot` makes the bytes for it.
    ///
    /// # Errors
    /// If the snapshot cannot be kept; the run ends with that error.
    fn checkpoint(&mut self, snapshot: &dyn Fn() -> Vec<u8>) -> Result<(), LearnError>;
    /// Work of a kind begins, and lasts until another kind does.
    fn begins(&mut self, _work: Work) {}
    /// Whether the run should end now with [`LearnError::Interrupted`]; asked after each checkpoint.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// What a run leaves.
pub struct Finished {
    /// The final model after its last epoch.
    pub model: Model,
    /// Labelled rows of the training split, in the order in which their labels came.
    pub labelled: Vec<u32>,
    /// Best validation accuracy over the final model's epochs (over the last epoch alone where they were not scored).
    pub val_accuracy_best: f64,
    /// Validation probabilities of the final model, [n, classes].
    pub val_probs_nc: Vec<f32>,
    /// Test probabilities of the final model, [n, classes].
    pub test_probs_nc: Vec<f32>,
    /// Why the loop ended before its budget, if it did.
    pub stopped: Option<Reason>,
    /// The search that chose the final model's policy, if there was one.
    pub learned: Option<Learned>,
}

/// Carries `plan` out on `data`, from the beginning or from a snapshot that an earlier call gave its observer.
///
/// `threads` speeds a run up and never changes a bit of it.
///
/// # Errors
/// If the plan does not fit the data, the snapshot does not fit the plan, oracle or observer fail, or the observer asks to stop.
pub fn run(
    plan: &Plan,
    data: &Dataset,
    threads: usize,
    snapshot: Option<&[u8]>,
    oracle: &mut dyn Oracle,
    observer: &mut dyn Observer,
) -> Result<Finished, LearnError> {
    plan.check(data.train.labels.len())?;
    let mut run = Run::start(plan, data, threads, snapshot, oracle)?;
    if let Selection::Active(active) = &plan.selection {
        while run.labelled.len() < active.labels && run.stopped.is_none() {
            if active.needs_model()? {
                run.train_loop_model(active, observer)?;
            }
            observer.begins(Work::Scoring);
            let (mut event, predictions) = run.choose(active)?;
            run.ask(&mut event, oracle)?;
            run.consider_stopping(active, &event, predictions.as_deref(), observer)?;
            observer.query(&event)?;
            run.checkpoint(observer)?;
        }
    }
    run.learn_policy(observer)?;
    run.train_final_model(observer)?;
    run.judge(observer)
}

struct Run<'a> {
    plan: &'a Plan,
    data: &'a Dataset,
    threads: usize,
    mean: Vec<f32>,
    /// The training images as the pool is scored: augmented once under `alda`, else untouched.
    pool_view: View<'a>,
    place: Place,
    labelled: Vec<u32>,
    labels: Vec<u16>,
    /// Epochs the loop's models have trained, over all rounds: names fresh augmentations.
    loop_epochs: u64,
    val_accuracy_best: f64,
    learner: Option<Learner<'a>>,
    stopping: Stopping,
    stopped: Option<Reason>,
    learned: Option<Learned>,
    /// Features of a file, read once.
    features: Option<Vec<f32>>,
    /// How each training row was augmented once and for all (`alda`).
    applied: Option<Vec<Applied>>,
    /// Validation probabilities after the last epoch, where they were computed in this process.
    last_val_probs_nc: Option<Vec<f32>>,
}

impl<'a> Run<'a> {
    fn start(
        plan: &'a Plan,
        data: &'a Dataset,
        threads: usize,
        snapshot: Option<&[u8]>,
        oracle: &mut dyn Oracle,
    ) -> Result<Self, LearnError> {
        let (images, mean) = (&data.train.images, data.mean());
        let pool_policy = (plan.placement == Placement::BeforeQuery).then_some(&plan.policy);
        let pool_view = View::new(images, &mean, pool_policy).threads(threads);
        let mut run = Self {
            plan,
            data,
            threads,
            applied: pool_view.applied(images.len(), Key::new(plan.seed, purpose::AUGMENT_ONCE), 0),
            pool_view,
            mean,
            place: Place::Loop { round: 0, epoch: 0 },
            labelled: Vec::new(),
            labels: Vec::new(),
            loop_epochs: 0,
            val_accuracy_best: 0.0,
            learner: None,
            stopping: Stopping::default(),
            stopped: None,
            learned: None,
            features: None,
            last_val_probs_nc: None,
        };
        if let Selection::Active(active) = &plan.selection
            && let FeatureSource::File(file) = active.source()
        {
            run.features = Some(file.read(data.train.len())?);
        }
        match snapshot {
            Some(bytes) => run.restore(Snapshot::from_bytes(bytes)?)?,
            None => {
                run.labelled = run.initial_rows()?;
                run.labels = oracle.label(&run.labelled)?;
            }
        }
        Ok(run)
    }

    fn key(&self, purpose: u64) -> Key {
        Key::new(self.plan.seed, purpose)
    }

    fn train_loop_model(&mut self, active: &ActiveSettings, observer: &mut dyn Observer) -> Result<(), LearnError> {
        let Place::Loop { round, epoch: done } = self.place else { return Ok(()) };
        observer.begins(Work::LoopTraining);
        let resets = active.schedule.resets_before(round);
        let starts_anew = done == 0 && (round == 0 || resets > active.schedule.resets_before(round - 1));
        if self.learner.is_none() || starts_anew {
            self.learner = Some(self.new_learner(Phase::Loop)?);
        }
        for epoch in done + 1..=active.schedule.epochs(round) {
            let train_loss = self.train_epoch(self.loop_epochs);
            self.loop_epochs += 1;
            self.place = Place::Loop { round, epoch };
            let labels = self.labelled.len();
            observer.epoch(&EpochEvent { phase: Phase::Loop, round, epoch, labels, train_loss, val_accuracy: None })?;
            self.checkpoint(observer)?;
        }
        Ok(())
    }

    /// Scores the pool with the loop's model and lets the strategy pick; the pool's predicted classes are for the stopping rules.
    fn choose(&mut self, active: &ActiveSettings) -> Result<(QueryEvent, Option<Vec<u16>>), LearnError> {
        let Place::Loop { round, .. } = self.place else { unreachable!("a query belongs to the loop") };
        let at_round = |purpose| Key::new(self.plan.seed, purpose).at(u64::from(round), 0);
        let strategy = active.strategy(self.data.classes())?;
        let (mut members, temperatures) = self.members(active)?;
        let (images, rows) = (&self.data.train.images, self.data.train.labels.len());
        let given = match active.source() {
            FeatureSource::Penultimate => None,
            FeatureSource::PixelsPca => strategy.needs().features.then(|| self.data.pixels_pca()),
            FeatureSource::File(_) => self.features.as_deref(),
        };
        let mut pool = Pool {
            classes: self.data.classes(),
            view: &mut self.pool_view,
            augmented: View::new(images, &self.mean, Some(&self.plan.policy)).threads(self.threads),
            rows,
            labelled: &self.labelled,
            once: Key::new(self.plan.seed, purpose::AUGMENT_ONCE),
            masks: at_round(purpose::MONTE_CARLO).child(),
            mc_samples: active.mc_samples,
            view_key: at_round(purpose::VIEWS).child(),
            views: active.views,
            target_key: at_round(purpose::TARGETS),
            threads: self.threads,
        };
        let scores = PoolScores::compute(strategy.as_ref(), active.needs()?, &mut members, given, &mut pool)?;
        let size = active.query_size.min(active.labels - self.labelled.len());
        let chosen = scores.pick(strategy.as_ref(), &pool, size, at_round(purpose::STRATEGY))?;
        let entropies = scores.entropies(self.threads)?;
        let picks = chosen.indices.iter().zip(&chosen.scores).map(|(&index, &score)| Pick {
            index,
            label: None,
            score,
            entropy: entropies.as_ref().map(|entropies| entropies[index as usize]),
            augmentation: self.applied.as_ref().map(|applied| applied[index as usize]),
        });
        let picks = picks.collect();
        let predictions = scores.predictions();
        let event = QueryEvent { round, picks, temperatures, pool: self.pool_kinds(entropies.as_deref()) };
        Ok((event, predictions))
    }

    /// The loop's models, ready to score the pool, and their temperatures where these are asked for; none where no strategy
    /// or rule looks at a model.
    fn members(&self, active: &ActiveSettings) -> Result<(Vec<Predictor>, Vec<f64>), LearnError> {
        let Some(learner) = &self.learner else { return Ok((Vec::new(), Vec::new())) };
        let models = learner.models();
        let mut members = models.iter().map(|m| Predictor::new(m, self.threads)).collect::<Result<Vec<_>, _>>()?;
        let mut temperatures = Vec::new();
        if active.temperature_scaling {
            let mut view = View::new(&self.data.val.images, &self.mean, None).threads(self.threads);
            let mut fit = |m: &mut Predictor| m.calibrate(&mut view, &self.data.val.labels, Key::new(0, 0)).value;
            temperatures = members.iter_mut().map(&mut fit).collect();
        }
        Ok((members, temperatures))
    }

    fn ask(&mut self, event: &mut QueryEvent, oracle: &mut dyn Oracle) -> Result<(), LearnError> {
        let rows: Vec<u32> = event.picks.iter().map(|pick| pick.index).collect();
        let labels = oracle.label(&rows)?;
        for (pick, &label) in event.picks.iter_mut().zip(&labels) {
            pick.label = Some(label);
        }
        self.labelled.extend(rows);
        self.labels.extend(labels);
        self.place = Place::Loop { round: event.round + 1, epoch: 0 };
        Ok(())
    }

    fn consider_stopping(
        &mut self,
        active: &ActiveSettings,
        event: &QueryEvent,
        predictions: Option<&[u16]>,
        observer: &mut dyn Observer,
    ) -> Result<(), LearnError> {
        let validated = active.stopping.iter().any(Rule::needs_validation);
        if validated {
            observer.begins(Work::Validation);
        }
        let asked: Option<Vec<f64>> = event.picks.iter().map(|pick| pick.entropy).collect();
        let round = Round {
            labels: self.labelled.len(),
            validation_accuracy: match validated {
                true => Some(accuracy(&self.score(&self.data.val)?, &self.data.val.labels)),
                false => None,
            },
            asked_entropy: asked.map(|asked| asked.iter().sum::<f64>() / asked.len() as f64),
            predictions,
        };
        self.stopped = self.stopping.after(&active.stopping, &round);
        Ok(())
    }

    /// Chooses the final model's policy on the labelled images, if the plan leaves it open.
    fn learn_policy(&mut self, observer: &mut dyn Observer) -> Result<(), LearnError> {
        if let (Some(search), None) = (self.plan.policy.search(), &self.learned) {
            observer.begins(Work::PolicySearch);
            let labelled = (&self.labelled[..], &self.labels[..]);
            let stop = || observer.stop_requested();
            self.learned = Some(policy_search::policy(search, self.plan, self.data, labelled, self.threads, &stop)?);
        }
        Ok(())
    }

    /// The policy that acts: the plan's, or the one that was learned.
    fn policy(&self) -> &Policy {
        self.learned.as_ref().map_or(&self.plan.policy, |learned| &learned.policy)
    }

    fn train_final_model(&mut self, observer: &mut dyn Observer) -> Result<(), LearnError> {
        observer.begins(Work::FinalTraining);
        let (round, done) = match self.place {
            Place::Final { round, epoch } => (round, epoch),
            Place::Loop { round, .. } => {
                self.learner = Some(self.new_learner(Phase::Final)?);
                (round, 0)
            }
        };
        let epochs = self.plan.training.epochs_over(self.labelled.len());
        for epoch in done + 1..=epochs {
            observer.begins(Work::FinalTraining);
            let train_loss = self.train_epoch(u64::from(epoch));
            let is_last = epoch == epochs;
            let val_accuracy = match self.plan.validate_every_epoch {
                true => Some(self.validate(is_last, observer)?),
                false => None,
            };
            self.val_accuracy_best = self.val_accuracy_best.max(val_accuracy.unwrap_or(0.0));
            self.place = Place::Final { round, epoch };
            let labels = self.labelled.len();
            observer.epoch(&EpochEvent { phase: Phase::Final, round, epoch, labels, train_loss, val_accuracy })?;
            self.checkpoint(observer)?;
        }
        Ok(())
    }

    /// Accuracy on the validation split after an epoch of the final model; after the last, [`Run::judge`] finds the probabilities.
    fn validate(&mut self, is_last: bool, observer: &mut dyn Observer) -> Result<f64, LearnError> {
        observer.begins(Work::Validation);
        let probs_nc = self.score(&self.data.val)?;
        let accuracy = accuracy(&probs_nc, &self.data.val.labels);
        self.last_val_probs_nc = is_last.then_some(probs_nc);
        Ok(accuracy)
    }

    fn judge(mut self, observer: &mut dyn Observer) -> Result<Finished, LearnError> {
        observer.begins(Work::Validation);
        let val_probs_nc = match self.last_val_probs_nc.take() {
            Some(probs_nc) => probs_nc,
            None => self.score(&self.data.val)?,
        };
        let val_last = accuracy(&val_probs_nc, &self.data.val.labels);
        let val_probs_nc = self.with_views(val_probs_nc, &self.data.val, 0)?;
        observer.begins(Work::Test);
        let test_probs_nc = self.with_views(self.score(&self.data.test)?, &self.data.test, 1)?;
        Ok(Finished {
            val_accuracy_best: self.val_accuracy_best.max(val_last),
            model: self.learner.expect("the final model was trained").into_model(),
            labelled: self.labelled,
            val_probs_nc,
            test_probs_nc,
            stopped: self.stopped,
            learned: self.learned,
        })
    }

    /// Probabilities of an unaugmented split under the model in training.
    fn score(&self, split: &Split) -> Result<Vec<f32>, LearnError> {
        self.predict(split, None, self.key(purpose::AUGMENT_ONCE))
    }

    /// The `probs_nc` of a split, averaged with those of augmented views where the plan asks for them.
    fn with_views(&self, probs_nc: Vec<f32>, split: &Split, number: u64) -> Result<Vec<f32>, LearnError> {
        let mut sums = probs_nc;
        for view in 1..self.plan.test_time_views.max(1) as u64 {
            let key = self.key(purpose::TEST_VIEWS).at(number, view).child();
            let probs = self.predict(split, Some(self.policy()), key)?;
            sums.iter_mut().zip(probs).for_each(|(sum, p)| *sum += p);
        }
        let views = self.plan.test_time_views.max(1) as f32;
        sums.iter_mut().for_each(|sum| *sum /= views);
        Ok(sums)
    }

    fn predict(&self, split: &Split, policy: Option<&Policy>, key: Key) -> Result<Vec<f32>, LearnError> {
        let models = self.learner.as_ref().expect("a model is in training").models();
        let mut view = View::new(&split.images, &self.mean, policy).threads(self.threads);
        Ok(Predictor::new(models[0], self.threads)?.probs_nc(&mut view, split.labels.len(), key))
    }

    fn new_learner(&self, phase: Phase) -> Result<Learner<'a>, LearnError> {
        let start = match (&self.plan.selection, phase, self.place) {
            (Selection::Active(active), Phase::Loop, Place::Loop { round, .. }) => {
                1 + u64::from(active.schedule.resets_before(round))
            }
            _ => 0,
        };
        Learner::new(self.plan, self.policy(), self.data, (phase, start), self.threads)
    }

    fn train_epoch(&mut self, epoch: u64) -> f32 {
        let learner = self.learner.as_mut().expect("a model is in training");
        learner.epoch(epoch, &self.labelled, &self.labels)
    }

    fn checkpoint(&self, observer: &mut dyn Observer) -> Result<(), LearnError> {
        observer.checkpoint(&|| self.snapshot().into_bytes())?;
        if observer.stop_requested() { Err(LearnError::Interrupted) } else { Ok(()) }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            place: self.place,
            labelled: self.labelled.clone(),
            labels: self.labels.clone(),
            loop_epochs: self.loop_epochs,
            val_accuracy_best: self.val_accuracy_best,
            stopping: self.stopping.clone(),
            stopped: self.stopped,
            learned: self.learned.clone(),
            states: self.learner.as_ref().map(Learner::states).unwrap_or_default(),
            ..Snapshot::default()
        }
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), LearnError> {
        let classes = self.data.classes();
        check_labels(&snapshot, self.data.train.labels.len(), classes)?;
        self.place = snapshot.place;
        self.labelled = snapshot.labelled;
        self.labels = snapshot.labels;
        self.loop_epochs = snapshot.loop_epochs;
        self.val_accuracy_best = snapshot.val_accuracy_best;
        (self.stopping, self.stopped, self.learned) = (snapshot.stopping, snapshot.stopped, snapshot.learned);
        if !snapshot.states.is_empty() {
            let phase = if matches!(self.place, Place::Final { .. }) { Phase::Final } else { Phase::Loop };
            let mut learner = self.new_learner(phase)?;
            learner.restore(&snapshot.states)?;
            self.learner = Some(learner);
        }
        Ok(())
    }

    fn initial_rows(&self) -> Result<Vec<u32>, LearnError> {
        let (seed, labels) = (self.plan.seed, &self.data.train.labels);
        let first = |count: usize| purpose::row_permutation(seed, labels.len())[..count].to_vec();
        let active = match &self.plan.selection {
            Selection::All => return Ok((0..labels.len() as u32).collect()),
            Selection::Random { labels } => return Ok(first(*labels)),
            Selection::Given { rows } => return Ok(rows.clone()),
            Selection::OnFeatures { .. } => {
                return Err(LearnError::Setting("a run on an encoder's features has no loop".to_owned()));
            }
            Selection::Active(active) => active,
        };
        match &active.initial_choice {
            Initial::Random => Ok(first(active.initial)),
            Initial::Stratified => Ok(initial::stratified(seed, labels, active.initial)),
            Initial::Strategy(name) => {
                let options = acquire::Options { classes: Some(self.data.classes()), ..active.options.clone() };
                let strategy = acquire::with_options(name, &options)?;
                let features = self.features.as_deref().unwrap_or_else(|| self.data.pixels_pca());
                let features = Some(Rows::new(features, features.len() / labels.len()));
                let pool: Vec<u32> = (0..labels.len() as u32).collect();
                let inputs = Inputs { features, ..Inputs::default() };
                let key = self.key(purpose::INITIAL);
                Ok(strategy.pick(&inputs, &pool, active.initial, key, self.threads)?.indices)
            }
        }
    }

    /// The kinds of augmentation among the unlabelled images, where the pool is augmented.
    fn pool_kinds(&self, entropies: Option<&[f64]>) -> Vec<PoolKind> {
        let Some(applied) = &self.applied else { return Vec::new() };
        let mut is_labelled = vec![false; applied.len()];
        for &row in &self.labelled {
            is_labelled[row as usize] = true;
        }
        let mut kinds: BTreeMap<Kind, (usize, f64)> = BTreeMap::new();
        for (row, applied) in applied.iter().enumerate().filter(|(row, _)| !is_labelled[*row]) {
            let (images, entropy) = kinds.entry(applied.kind).or_default();
            *images += 1;
            *entropy += entropies.map_or(0.0, |entropies| entropies[row]);
        }
        let mean = |sum, images| entropies.map(|_| sum / images as f64);
        kinds
            .into_iter()
            .map(|(kind, (images, sum))| PoolKind { kind, images, mean_entropy: mean(sum, images) })
            .collect()
    }
}

fn check_labels(snapshot: &Snapshot, rows: usize, classes: usize) -> Result<(), LearnError> {
    let fits = snapshot.labelled.len() == snapshot.labels.len()
        && snapshot.labelled.iter().all(|&row| (row as usize) < rows)
        && snapshot.labels.iter().all(|&label| usize::from(label) < classes);
    if fits { Ok(()) } else { Err(LearnError::Snapshot("its labels lie outside the data".to_owned())) }
}
