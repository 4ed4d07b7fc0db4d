//! The main path: a learner looks at the pool, a strategy picks, the oracle answers, and again;
//! then the final model learns.
//!
//! [`run`] reads as the paper's method section, whatever learns and whoever answers. It writes no
//! files: a [`RunObserver`] hears of every epoch, query and answer and may take a snapshot, from
//! which the same run goes on to the same bits.

use std::collections::BTreeMap;

use fewlabel_engine::Model;
use fewlabel_engine::rng::Key;

use crate::acquire::{self, Needs};
use crate::augment::{Applied, Kind, Learned, Policy};
use crate::error::LearnError;
use crate::features::{self, FeatureSource};
use crate::finite::finite;
use crate::model::predict::accuracy;
use crate::model::view::View;
use crate::purpose;
use crate::run::answers::{Answered, Answers};
use crate::run::events::{EpochEvent, Phase, Pick, PoolKind, QueryEvent, RunObserver, Work};
use crate::run::first_labels::FirstLabels;
use crate::run::learners::{self, Asked, Learner};
use crate::run::oracle::Oracle;
use crate::run::plan::{ActiveSettings, Placement, Plan, Selection};
use crate::run::policy_search;
use crate::run::pool_scores::{Choice, PoolScores};
use crate::run::queries::{self, Query};
use crate::run::resources::{Resources, Resume};
use crate::run::snapshot::{Place, Snapshot};
use crate::run::stopping::{Reason, Round, Rule, Stopping};

mod collecting;
mod judging;

pub use crate::run::snapshot::after_loop;
pub use collecting::{choose_on_features, collect};

/// What a run leaves.
pub struct Finished {
    /// The final model after its last epoch; of several encoders that answer together the first
    /// one's.
    pub model: Model,
    /// What the oracle said, in the order in which it was asked.
    pub answers: Answers,
    /// How the final model did on what is held out, where there is something.
    pub judged: Option<Judged>,
    /// Why the loop ended before its budget, if it did.
    pub stopped: Option<Reason>,
    /// The search that chose the final model's policy, if there was one.
    pub learned: Option<Learned>,
}

/// The final model on the held-out splits.
pub struct Judged {
    /// Best validation accuracy over the final model's epochs (of the last epoch alone where they
    /// were not scored).
    pub val_accuracy_best: f64,
    /// Validation probabilities, [n, classes].
    pub val_probs_nc: Vec<f32>,
    /// Test probabilities, [n, classes].
    pub test_probs_nc: Vec<f32>,
}

/// Carries `plan` out, from the beginning or from where an earlier call stopped.
///
/// # Errors
/// If the plan does not fit the resources, what is resumed does not fit the plan, oracle or
/// observer fail, or the context ends the run.
pub fn run(
    plan: &Plan,
    resources: &Resources<'_>,
    resume: Option<Resume<'_>>,
    oracle: &mut dyn Oracle,
    observer: &mut dyn RunObserver,
) -> Result<Finished, LearnError> {
    let mut run = Run::start(plan, resources, resume)?;
    run.collect_answers(oracle, observer)?;
    run.learn_policy(observer)?;
    run.train_final_model(observer)?;
    run.judge(observer)
}

struct Run<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
    place: Place,
    answers: Answers,
    /// Epochs the loop's models have trained, over all rounds: names fresh augmentations.
    loop_epochs: u64,
    val_accuracy_best: f64,
    learner: Option<Box<dyn Learner + 'a>>,
    stopping: Stopping,
    stopped: Option<Reason>,
    learned: Option<Learned>,
    has_said_ties: bool,
    /// Features of a file, read once.
    features: Option<Vec<f32>>,
    /// How each image of the pool was augmented once and for all (`alda`).
    applied: Option<Vec<Applied>>,
    /// Validation probabilities after the last epoch, where they were computed in this process.
    last_val_probs_nc: Option<Vec<f32>>,
}

impl<'a> Run<'a> {
    fn start(
        plan: &'a Plan,
        resources: &'a Resources<'a>,
        resume: Option<Resume<'_>>,
    ) -> Result<Self, LearnError> {
        let Resources { pool, context, encoders, .. } = resources;
        plan.check(pool.len())?;
        if encoders.len() != plan.transfer.as_ref().map_or(0, |transfer| transfer.encoders().len())
        {
            return Err(LearnError::NoEncoder);
        }
        let mut run = Self {
            plan,
            resources,
            place: Place::Loop { round: 0, epoch: 0 },
            answers: Answers::default(),
            loop_epochs: 0,
            val_accuracy_best: 0.0,
            learner: None,
            stopping: Stopping::default(),
            stopped: None,
            learned: None,
            has_said_ties: false,
            features: None,
            applied: None,
            last_val_probs_nc: None,
        };
        if plan.placement == Placement::BeforeQuery {
            let view =
                View::new(pool.images, &pool.mean(), Some(&plan.policy)).threads(context.threads);
            run.applied = view.applied(pool.len(), run.key(purpose::AUGMENT_ONCE), 0);
        }
        if let Selection::Active(active) = &plan.selection
            && let FeatureSource::File(file) = active.source()
        {
            run.features = Some(file.read(pool.len())?);
        }
        if let Some(resume) = resume {
            run.restore(Snapshot::from_bytes(resume.snapshot)?, resume.answers)?;
        }
        Ok(run)
    }

    fn key(&self, purpose: u64) -> Key {
        Key::new(self.plan.seed, purpose)
    }

    /// The loop: learns, looks at the pool, picks and asks until the budget is spent.
    fn collect_answers(
        &mut self,
        oracle: &mut dyn Oracle,
        observer: &mut dyn RunObserver,
    ) -> Result<(), LearnError> {
        self.ask_first(oracle, observer)?;
        while let Some(query) = self.next_query()? {
            self.fit_loop_learner(&query, observer)?;
            observer.phase(Work::Scoring);
            let (mut event, predictions, all_equal) =
                self.choose(&query).map_err(|error| self.at_place(error))?;
            if all_equal && !std::mem::replace(&mut self.has_said_ties, true) {
                let (seed, alone) = (self.plan.seed, self.plan.ties().alone_chose());
                observer.notice(&format!("seed {seed}: query {}: {alone}", query.round + 1));
            }
            self.ask(&mut event, oracle, observer)?;
            self.consider_stopping(&event, predictions.as_deref(), observer)?;
            observer.query(&event)?;
            self.checkpoint(observer)?;
        }
        Ok(())
    }

    /// Asks for the labels before the first query. Where some images get none, others are asked
    /// about in their place.
    fn ask_first(
        &mut self,
        oracle: &mut dyn Oracle,
        observer: &mut dyn RunObserver,
    ) -> Result<(), LearnError> {
        let wanted = match &self.plan.selection {
            Selection::OnFeatures { .. } => return Ok(()),
            Selection::Active(active) => active.initial,
            passive => passive.labels(self.resources.pool.len()),
        };
        let begins = self.place == Place::Loop { round: 0, epoch: 0 };
        if !begins && self.plan.selection != Selection::All {
            return Ok(());
        }
        while self.answers.labels() < wanted {
            let open = self.answers.open(self.resources.pool.len());
            let first = FirstLabels {
                plan: self.plan,
                resources: self.resources,
                features: self.features.as_deref(),
            };
            let rows =
                first.rows(wanted - self.answers.labels(), &self.answers.covered(), &open)?;
            if rows.is_empty() {
                break;
            }
            self.hear(&rows, oracle, observer)?;
        }
        Ok(())
    }

    /// Asks about `rows` and tells what was answered.
    fn hear(
        &mut self,
        rows: &[u32],
        oracle: &mut dyn Oracle,
        observer: &mut dyn RunObserver,
    ) -> Result<Vec<Answered>, LearnError> {
        let pool = &self.resources.pool;
        let answered = self.answers.ask(rows, pool.classes, oracle)?;
        observer.answers(&answered)?;
        let later = self.answers.hear_later(pool.len(), pool.classes, oracle)?;
        if !later.is_empty() {
            observer.answers(&later)?;
        }
        Ok(answered)
    }

    /// Refuses to train where the oracle left too many images without a label.
    fn check_labels(&self) -> Result<(), LearnError> {
        match self.answers.labels() {
            labels @ (0 | 1) => Err(LearnError::TooFewLabels { labels }),
            _ => Ok(()),
        }
    }

    /// The next query, if there is one: some budget, an image to ask about, and no rule that
    /// stopped the loop.
    fn next_query(&self) -> Result<Option<Query<'a>>, LearnError> {
        let Place::Loop { round, .. } = self.place else { return Ok(None) };
        let needs_probs = match &self.plan.selection {
            Selection::OnFeatures { strategy, .. } => acquire::by_name(strategy)?.needs().probs,
            _ => false,
        };
        let is_over = self.stopped.is_some() || self.answers.count() == self.resources.pool.len();
        Ok(queries::next(self.plan, needs_probs, round, &self.answers).filter(|_| !is_over))
    }

    /// The settings of a loop with a model of its own.
    fn active(&self) -> Option<&'a ActiveSettings> {
        match &self.plan.selection {
            Selection::Active(active) => Some(active),
            _ => None,
        }
    }

    /// The strategy of a query, and what it and the stopping rules need to see.
    fn strategy(
        &self,
        query: &Query<'_>,
    ) -> Result<(Box<dyn acquire::Strategy>, Needs), LearnError> {
        let classes = self.resources.pool.classes;
        if let Some(active) = self.active() {
            return Ok((active.strategy(classes)?, active.needs()?));
        }
        let options = acquire::Options { classes: Some(classes), ..acquire::Options::default() };
        let strategy = acquire::with_options(query.strategy, &options)?;
        let needs = strategy.needs();
        Ok((strategy, needs))
    }

    /// Has the loop's learner learn all answers so far, if the query looks at a learner at all.
    fn fit_loop_learner(
        &mut self,
        query: &Query<'_>,
        observer: &mut dyn RunObserver,
    ) -> Result<(), LearnError> {
        let Place::Loop { epoch: done, .. } = self.place else { return Ok(()) };
        let (round, schedule) = (query.round, self.active().map(|active| active.schedule));
        let needs_learner = match self.active() {
            Some(active) => active.needs_model(self.plan.transfer.is_some())?,
            None => !query.is_first && self.strategy(query)?.1.probs,
        };
        if !needs_learner {
            return Ok(());
        }
        self.check_labels()?;
        observer.phase(Work::LoopTraining);
        let resets = |round| schedule.map_or(0, |schedule| schedule.resets_before(round));
        let grows = self.plan.transfer.is_none() && round > 0 && resets(round) == resets(round - 1);
        if self.learner.is_none() || (done == 0 && !grows) {
            self.learner = Some(self.loop_learner(round)?);
        }
        let epochs = match (self.plan.transfer.is_none(), schedule) {
            (true, Some(schedule)) => schedule.epochs(round),
            _ => self.learner.as_ref().map_or(0, |learner| learner.epochs(self.answers.labels())),
        };
        for epoch in done + 1..=epochs {
            let train_loss =
                Some(self.train_epoch(self.loop_epochs, Place::Loop { round, epoch })?);
            self.loop_epochs += 1;
            let labels = self.answers.labels();
            observer.epoch(&EpochEvent {
                phase: Phase::Loop,
                round,
                epoch,
                labels,
                train_loss,
                val_accuracy: None,
            })?;
            self.checkpoint(observer)?;
        }
        Ok(())
    }

    /// Has the pool scored and lets the strategy pick; the pool's predicted classes are for the
    /// stopping rules. The last says whether all scores were equal.
    fn choose(
        &mut self,
        query: &Query<'_>,
    ) -> Result<(QueryEvent, Option<Vec<u16>>, bool), LearnError> {
        let (pool, threads, round) =
            (&self.resources.pool, self.resources.context.threads, query.round);
        let open = self.answers.open(pool.len());
        let batch = query.size.min(open.len());
        if query.is_first && query.strategy == "random" {
            // The regimes' own random sample, so that one can be compared with the other.
            let pick = |index| Pick {
                index,
                label: None,
                score: Some(0.0),
                entropy: None,
                augmentation: None,
            };
            let permuted = purpose::row_permutation(self.plan.seed, pool.len());
            let picks = permuted.into_iter().take(batch).map(pick).collect();
            return Ok((
                QueryEvent { round, picks, temperatures: Vec::new(), pool: Vec::new(), ties: None },
                None,
                false,
            ));
        }
        let (strategy, needs) = self.strategy(query)?;
        let given = self.given_features(needs, strategy.as_ref());
        let asked = Asked { strategy: strategy.as_ref(), needs, round, open: &open, given };
        let key = self.key(purpose::STRATEGY).at(u64::from(round), 0);
        let (scores, temperatures) = match &self.learner {
            Some(learner) => learner.score(&asked)?,
            None => (PoolScores::of_arrays(pool, None, given), Vec::new()),
        };
        let labelled = &self.answers.covered();
        let ties = self.plan.ties();
        let query = acquire::Query::new(batch, key).with_ties(ties);
        let chosen =
            scores.pick(strategy.as_ref(), &Choice { open: &open, labelled, query, threads })?;
        // A choice on an encoder's features is recorded without entropies.
        let entropies = if self.active().is_some() { scores.entropies(threads)? } else { None };
        let picks = chosen.indices.iter().zip(&chosen.scores).map(|(&index, &score)| Pick {
            index,
            label: None,
            score: finite(score),
            entropy: entropies.as_ref().and_then(|entropies| finite(entropies[index as usize])),
            augmentation: self.applied.as_ref().map(|applied| applied[index as usize]),
        });
        let picks = picks.collect();
        let predictions = scores.predictions();
        let pool = self.pool_kinds(&open, entropies.as_deref());
        let recorded =
            Some(ties).filter(|ties| chosen.all_equal && *ties != acquire::Ties::LowerIndex);
        Ok((
            QueryEvent { round, picks, temperatures, pool, ties: recorded },
            predictions,
            chosen.all_equal,
        ))
    }

    /// Features that are there without the loop's learner, where the strategy looks at some.
    fn given_features(&self, needs: Needs, strategy: &dyn acquire::Strategy) -> Option<&[f32]> {
        let source = self.active().map(ActiveSettings::source);
        match (source, self.resources.encoders.first()) {
            (Some(FeatureSource::File(_)), _) => self.features.as_deref(),
            (Some(FeatureSource::PixelsPca), _) => {
                strategy.needs().features.then(|| features::of_pool(&self.resources.pool))
            }
            (_, Some(encoded)) => Some(encoded.pool.rows().values()),
            (_, None) => None,
        }
        .filter(|_| needs.features)
    }

    fn ask(
        &mut self,
        event: &mut QueryEvent,
        oracle: &mut dyn Oracle,
        observer: &mut dyn RunObserver,
    ) -> Result<(), LearnError> {
        let rows: Vec<u32> = event.picks.iter().map(|pick| pick.index).collect();
        let answered = self.hear(&rows, oracle, observer)?;
        for (pick, answered) in event.picks.iter_mut().zip(answered) {
            pick.label = answered.answer.label();
        }
        self.place = Place::Loop { round: event.round + 1, epoch: 0 };
        Ok(())
    }

    fn consider_stopping(
        &mut self,
        event: &QueryEvent,
        predictions: Option<&[u16]>,
        observer: &mut dyn RunObserver,
    ) -> Result<(), LearnError> {
        let rules = self.active().map_or(&[][..], |active| &active.stopping);
        let mut validation_accuracy = None;
        if rules.iter().any(Rule::needs_validation) {
            observer.phase(Work::Validation);
            let val = self.held_out(0, "a rule over validation accuracy")?;
            validation_accuracy = Some(accuracy(&self.predict(val)?, &val.split.labels));
        }
        let asked: Option<Vec<f64>> = event.picks.iter().map(|pick| pick.entropy).collect();
        let round = Round {
            labels: self.answers.labels(),
            validation_accuracy,
            asked_entropy: asked.map(|asked| asked.iter().sum::<f64>() / asked.len() as f64),
            predictions,
        };
        self.stopped = self.stopping.after(rules, &round);
        Ok(())
    }

    /// Chooses the final model's policy on the labelled images, if the plan leaves it open.
    fn learn_policy(&mut self, observer: &mut dyn RunObserver) -> Result<(), LearnError> {
        if let (Some(search), None) = (self.plan.policy.search(), &self.learned) {
            observer.phase(Work::PolicySearch);
            self.learned = Some(policy_search::policy(
                search,
                self.plan,
                self.resources,
                self.answers.labelled(),
            )?);
        }
        Ok(())
    }

    /// The policy that acts: the plan's, or the one that was learned.
    fn policy(&self) -> &Policy {
        self.learned.as_ref().map_or(&self.plan.policy, |learned| &learned.policy)
    }

    fn train_final_model(&mut self, observer: &mut dyn RunObserver) -> Result<(), LearnError> {
        self.check_labels()?;
        observer.phase(Work::FinalTraining);
        let (round, done) = match self.place {
            Place::Final { round, epoch } => (round, epoch),
            Place::Loop { round, .. } => {
                self.learner = Some(self.final_learner()?);
                (round, 0)
            }
        };
        let labels = self.answers.labels();
        let epochs = self.learner().epochs(labels);
        for epoch in done + 1..=epochs {
            observer.phase(Work::FinalTraining);
            let train_loss =
                Some(self.train_epoch(u64::from(epoch), Place::Final { round, epoch })?);
            let is_validated = self.plan.validate_every_epoch && self.resources.benchmark.is_some();
            let val_accuracy =
                if is_validated { Some(self.validate(epoch == epochs, observer)?) } else { None };
            self.val_accuracy_best = self.val_accuracy_best.max(val_accuracy.unwrap_or(0.0));
            observer.epoch(&EpochEvent {
                phase: Phase::Final,
                round,
                epoch,
                labels,
                train_loss,
                val_accuracy,
            })?;
            self.checkpoint(observer)?;
        }
        Ok(())
    }

    fn learner(&self) -> &dyn Learner {
        self.learner.as_deref().expect("a learner is at work")
    }

    fn loop_learner(&self, round: u32) -> Result<Box<dyn Learner + 'a>, LearnError> {
        let resets = self.active().map_or(0, |active| active.schedule.resets_before(round));
        let start = 1 + u64::from(resets);
        learners::for_loop(self.plan, self.policy(), self.resources, self.answers.labelled(), start)
    }

    fn final_learner(&self) -> Result<Box<dyn Learner + 'a>, LearnError> {
        learners::for_final(self.plan, self.policy(), self.resources, self.answers.labelled())
    }

    /// Learns for one epoch, after which the run is at `place`.
    fn train_epoch(&mut self, epoch: u64, place: Place) -> Result<f32, LearnError> {
        let learner = self.learner.as_mut().expect("a learner is at work");
        self.place = place;
        learner.epoch(epoch, self.answers.labelled()).map_err(|error| self.at_place(error))
    }

    /// Says of numbers that are none where in the run they came up.
    fn at_place(&self, error: LearnError) -> LearnError {
        error.at(|| match self.place {
            Place::Loop { round, epoch } => format!("epoch {epoch} before query {}", round + 1),
            Place::Final { epoch, .. } => format!("epoch {epoch}"),
        })
    }

    fn checkpoint(&self, observer: &mut dyn RunObserver) -> Result<(), LearnError> {
        self.resources
            .context
            .rest(|ends| observer.checkpoint(&|| self.snapshot().into_bytes(), ends))
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            place: self.place,
            answers: self.answers.count(),
            loop_epochs: self.loop_epochs,
            val_accuracy_best: self.val_accuracy_best,
            stopping: self.stopping.clone(),
            stopped: self.stopped,
            learned: self.learned.clone(),
            states: self.learner.as_ref().map(|learner| learner.states()).unwrap_or_default(),
            ..Snapshot::default()
        }
    }

    fn restore(&mut self, snapshot: Snapshot, record: &[Answered]) -> Result<(), LearnError> {
        let Resources { pool, .. } = self.resources;
        let unfit = |error: LearnError| LearnError::Snapshot(error.to_string());
        // Where all images are labelled the record is empty: the oracle is asked for them again.
        if self.plan.selection != Selection::All {
            self.answers = Answers::of(&snapshot.answered(record)?, pool.len(), pool.classes)
                .map_err(unfit)?;
        }
        self.place = snapshot.place;
        self.loop_epochs = snapshot.loop_epochs;
        self.val_accuracy_best = snapshot.val_accuracy_best;
        (self.stopping, self.stopped, self.learned) =
            (snapshot.stopping, snapshot.stopped, snapshot.learned);
        let mut learner = match self.place {
            Place::Final { .. } => self.final_learner()?,
            Place::Loop { .. } if snapshot.states.is_empty() => return Ok(()),
            Place::Loop { round, .. } => self.loop_learner(round)?,
        };
        learner.restore(&snapshot.states)?;
        self.learner = Some(learner);
        Ok(())
    }

    /// The kinds of augmentation among the `open` images, where the pool is augmented.
    fn pool_kinds(&self, open: &[u32], entropies: Option<&[f64]>) -> Vec<PoolKind> {
        let Some(applied) = &self.applied else { return Vec::new() };
        let mut kinds: BTreeMap<Kind, (usize, f64)> = BTreeMap::new();
        for &row in open {
            let (images, entropy) = kinds.entry(applied[row as usize].kind).or_default();
            *images += 1;
            *entropy += entropies.map_or(0.0, |entropies| entropies[row as usize]);
        }
        let mean = |sum, images| entropies.map(|_| sum / images as f64);
        kinds
            .into_iter()
            .map(|(kind, (images, sum))| PoolKind { kind, images, mean_entropy: mean(sum, images) })
            .collect()
    }
}
