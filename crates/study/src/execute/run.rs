//! One run: resumable, never computed twice, the same bytes however often it was interrupted.

use crate::ask::settings::{FORMAT, RunSettings};
use crate::ask::sharing::Part;
use crate::error::{AtPath, StudyError};
use crate::evaluate::metrics::Metrics;
use crate::execute::classifier_file;
use crate::execute::encoder_cache::{Encoders, Fetched};
use crate::execute::machine;
use crate::execute::reuse;
use crate::store::atomic_file::{self, Appended};
use crate::store::checkpoint::{Checkpoint, Lengths};
use crate::store::kept::{self, Kept};
use crate::store::record::{self, Failure, Header, Phases, RunResult, Timing};
use fewlabel_learn::data::Dataset;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::active_loop::{self, Finished};
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::events::{EpochEvent, Phase, QueryEvent, RunObserver, Work};
use fewlabel_learn::run::oracle::Simulated;
use fewlabel_learn::run::plan::Selection;
use fewlabel_learn::run::resources::{Resources, Resume};
use fewlabel_learn::run::transfer::Transfer;
use fewlabel_learn::{Context, LearnError};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A checkpoint is written when so much time has passed since the last.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);

/// One run and the folder it is kept in.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// What to compute.
    pub settings: &'a RunSettings,
    /// On what.
    pub data: &'a Dataset,
    /// Where its records go.
    pub folder: &'a Path,
    /// Whether the model is kept.
    pub keep_model: bool,
    /// The files of locks; the same for every process that works on the study.
    pub locks: &'a Path,
    /// The folder of a run whose queries or model are this one's, and which; they are taken over if
    /// that run is finished.
    pub source: Option<(&'a Path, Part)>,
    /// Whether the last checkpoint stays behind for the runs that take the model over.
    pub keep_checkpoint: bool,
    /// The encoders that runs of the study share.
    pub encoders: &'a Encoders,
}

/// How a call of [`Run::carry_out`] ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Computed to the end.
    Finished(Box<RunResult>, f64),
    /// It had been finished before.
    WasFinished(Box<RunResult>),
    /// Another process is at it.
    Busy,
    /// The context asked for the end; a checkpoint is kept.
    Stopped,
}

impl Run<'_> {
    /// Computes the run, or goes on with it from its checkpoint.
    ///
    /// # Errors
    /// If it cannot be computed or its records cannot be kept; the reason is recorded in
    /// `failed.json`.
    pub fn carry_out(
        &self,
        context: Context<'_>,
        observer: &mut dyn RunObserver,
    ) -> Result<Outcome, StudyError> {
        if let Ok(Some(result)) = self.result() {
            return Ok(Outcome::WasFinished(Box::new(result)));
        }
        atomic_file::make_folder(self.locks)?;
        let lock = self.locks.join(self.settings.id());
        let file = atomic_file::open_own(&lock)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Outcome::Busy),
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &lock),
            Ok(()) => {}
        }
        // Whoever held the lock before may just have finished.
        match self.result() {
            Ok(Some(result)) => return Ok(Outcome::WasFinished(Box::new(result))),
            Err(error @ StudyError::Damaged { .. }) if kept::holds_records(self.folder) => {
                let place = kept::set_aside(self.folder)?;
                let place = place.file_name().unwrap_or_default().display();
                observer.notice(&format!(
                    "damaged: {error}; moved to runs/{place}: computing this run again"
                ));
            }
            Ok(None) | Err(StudyError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let outcome = self.compute(context, observer);
        match &outcome {
            Err(error) => {
                let failure = Failure { reason: error.to_string() };
                let _ = atomic_file::write_json(&self.folder.join(record::FAILED), &failure);
            }
            // A process that opened this file meanwhile locks a file without a name, and then finds
            // the result.
            Ok(Outcome::Finished(..)) => atomic_file::remove_if_there(&lock)?,
            Ok(_) => {}
        }
        outcome
    }

    /// The result, if the run is finished and valid.
    fn result(&self) -> Result<Option<RunResult>, StudyError> {
        Ok(Kept::read(self.folder)?.and_then(|kept| kept.result))
    }

    fn compute(
        &self,
        context: Context<'_>,
        observer: &mut dyn RunObserver,
    ) -> Result<Outcome, StudyError> {
        atomic_file::make_folder(self.folder)?;
        atomic_file::write_json(&self.folder.join(record::SETTINGS), self.settings)?;
        let sources: Vec<_> =
            self.settings.plan.transfer.iter().flat_map(Transfer::encoders).collect();
        if self.keep_model && sources.len() > 1 {
            let what = format!(
                "keep_models keeps one network a run: here {} encoders answer together",
                sources.len()
            );
            return Err(StudyError::Setting(what));
        }
        let mut fetched = Vec::with_capacity(sources.len());
        for source in &sources {
            match self.encoders.fetch(source, self.data, context, observer)? {
                Fetched::Ready(encoded) => fetched.push(encoded),
                Fetched::Busy => return Ok(Outcome::Busy),
                Fetched::Stopped => return Ok(Outcome::Stopped),
            }
        }
        let encoded: Vec<&Encoded> = fetched.iter().map(|encoded| &**encoded).collect();
        match self.attempt(context, &encoded, true, observer) {
            Err(
                StudyError::Learn(LearnError::Snapshot(why))
                | StudyError::Damaged { what: why, .. },
            ) => {
                let text = format!(
                    "{}: {why}: starting this run from its beginning",
                    self.settings.label()
                );
                observer.notice(&text);
                self.attempt(context, &encoded, false, observer)
            }
            outcome => outcome,
        }
    }

    fn attempt(
        &self,
        context: Context<'_>,
        encoded: &[&Encoded],
        resume: bool,
        observer: &mut dyn RunObserver,
    ) -> Result<Outcome, StudyError> {
        let checkpoint = if resume { self.checkpoint()? } else { None };
        let lengths = checkpoint
            .as_ref()
            .map_or_else(Lengths::default, |checkpoint| checkpoint.beside.clone());
        let answers =
            if checkpoint.is_some() { record::read_answers(self.folder)? } else { Vec::new() };
        let mut keeper = Keeper::open(self.folder, lengths, observer)?;
        keeper.keeps_answers = self.settings.plan.selection != Selection::All;
        keeper.last_epoch = self.keep_checkpoint.then_some(self.settings.plan.training.epochs);
        let resume = checkpoint
            .as_ref()
            .map(|checkpoint| Resume { snapshot: &checkpoint.snapshot, answers: &answers });
        let mut oracle = Simulated::new(&self.data.train.labels);
        let (plan, data) = (&self.settings.plan, self.data);
        let (pool, benchmark) = (data.pool(), Some(data.benchmark()));
        let resources = Resources { pool, benchmark, encoders: encoded.to_vec(), context };
        match active_loop::run(plan, &resources, resume, &mut oracle, &mut keeper) {
            Ok(finished) => {
                let Lengths { seconds, starts, phases, taken_from, .. } = keeper.sync()?;
                let machine = Some(machine::describe());
                let threads = context.threads;
                let timing = Timing { seconds, threads, starts, phases, taken_from, machine };
                let result = self.keep(finished, &timing)?;
                Ok(Outcome::Finished(Box::new(result), seconds))
            }
            Err(LearnError::Interrupted) => Ok(Outcome::Stopped),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the run stands: by its own checkpoint, or by what it takes over from another.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, StudyError> {
        let own = Checkpoint::read(&self.folder.join(record::CHECKPOINT))?;
        match (own, self.source) {
            (None, Some((source, part))) => {
                reuse::take_over(part, self.settings, self.folder, source)
            }
            (own, _) => Ok(own),
        }
    }

    /// Writes what the run leaves, the result last: its presence means that everything else is
    /// there.
    fn keep(&self, finished: Finished, timing: &Timing) -> Result<RunResult, StudyError> {
        let judged = finished.judged.ok_or(LearnError::NoBenchmark { what: "a study" })?;
        let labelled = finished.answers.labelled();
        let result = RunResult {
            format: FORMAT,
            id: self.settings.id(),
            labels: labelled.len() + self.settings.plan.validation_labels,
            labelled: if self.settings.plan.selection == Selection::All {
                Vec::new()
            } else {
                labelled.rows.clone()
            },
            stopped: finished.stopped,
            learned: finished.learned,
            val_accuracy_best: judged.val_accuracy_best,
            validation: Metrics::of(&judged.val_probs_nc, &self.data.val.labels),
            test: Metrics::of(&judged.test_probs_nc, &self.data.test.labels),
        };
        if self.keep_model {
            let classifier =
                classifier_file::of_run(finished.model, self.settings, self.data, None);
            atomic_file::write_whole(&self.folder.join(record::MODEL), &classifier.to_bytes())?;
        }
        atomic_file::write_json(&self.folder.join(record::TIMING), timing)?;
        atomic_file::write_json(&self.folder.join(record::RESULT), &result)?;
        if !self.keep_checkpoint {
            atomic_file::remove_if_there(&self.folder.join(record::CHECKPOINT))?;
        }
        atomic_file::remove_if_there(&self.folder.join(record::FAILED))?;
        Ok(result)
    }
}

/// Keeps a run's records and checkpoints while it is computed.
struct Keeper<'a> {
    checkpoint: PathBuf,
    epochs: Appended,
    queries: Appended,
    observer: &'a mut dyn RunObserver,
    answers: Appended,
    keeps_answers: bool,
    started: Instant,
    seconds_before: f64,
    starts: u32,
    phases: Phases,
    /// What the run is at, and since when that has not been added to its phase.
    work: Option<(Work, Instant)>,
    taken_from: Option<String>,
    last: Instant,
    /// The final epoch after which a checkpoint is written in any case.
    last_epoch: Option<u32>,
    is_last_epoch: bool,
}

impl<'a> Keeper<'a> {
    fn open(
        folder: &Path,
        lengths: Lengths,
        observer: &'a mut dyn RunObserver,
    ) -> Result<Self, StudyError> {
        let open = |name: &str, records: &str, length: u64| {
            let mut file = Appended::open(&folder.join(name), length)?;
            if length == 0 {
                file.line(&Header { records: records.to_owned(), format: FORMAT })?;
            }
            Ok::<_, StudyError>(file)
        };
        Ok(Self {
            checkpoint: folder.join(record::CHECKPOINT),
            epochs: open(record::EPOCHS, "epochs", lengths.epochs)?,
            queries: open(record::QUERIES, "queries", lengths.queries)?,
            observer,
            answers: open(record::ANSWERS, "answers", lengths.answers)?,
            keeps_answers: true,
            started: Instant::now(),
            seconds_before: lengths.seconds,
            starts: lengths.starts + 1,
            phases: lengths.phases,
            work: None,
            taken_from: lengths.taken_from,
            last: Instant::now(),
            last_epoch: None,
            is_last_epoch: false,
        })
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    fn sync(&mut self) -> Result<Lengths, StudyError> {
        let (epochs, queries, answers) =
            (self.epochs.sync()?, self.queries.sync()?, self.answers.sync()?);
        self.settle();
        let (seconds, starts, taken_from) = (self.seconds(), self.starts, self.taken_from.clone());
        Ok(Lengths { epochs, queries, answers, seconds, starts, phases: self.phases, taken_from })
    }

    /// Adds the time since the last call to the phase the run is in.
    fn settle(&mut self) {
        let now = Instant::now();
        if let Some((work, since)) = &mut self.work {
            *self.phases.of(*work) += (now - *since).as_secs_f64();
            *since = now;
        }
    }
}

impl RunObserver for Keeper<'_> {
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError> {
        self.epochs.line(event)?;
        self.is_last_epoch = event.phase == Phase::Final && Some(event.epoch) == self.last_epoch;
        self.observer.epoch(event)
    }

    fn query(&mut self, event: &QueryEvent) -> Result<(), LearnError> {
        self.queries.line(event)?;
        self.observer.query(event)
    }

    fn answers(&mut self, answers: &[Answered]) -> Result<(), LearnError> {
        if self.keeps_answers {
            answers.iter().try_for_each(|answer| self.answers.line(answer))?;
        }
        self.observer.answers(answers)
    }

    fn phase(&mut self, work: Work) {
        self.settle();
        self.work = Some((work, Instant::now()));
    }

    fn checkpoint(&mut self, snapshot: &dyn Fn() -> Vec<u8>, ends: bool) -> Result<(), LearnError> {
        if ends || self.is_last_epoch || self.last.elapsed() >= CHECKPOINT_EVERY {
            let lengths = self.sync()?;
            Checkpoint { beside: lengths, snapshot: snapshot() }.write(&self.checkpoint)?;
            self.last = Instant::now();
        }
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        self.observer.notice(text);
    }
}
