//! The whole grid: every core busy, the longest run first, side by side with other processes on the
//! same folder.

use crate::ask::job::Job;
use crate::ask::varying::Varying;
use crate::error::StudyError;
use crate::execute::encoder_cache::Encoders;
use crate::execute::reuse;
use crate::execute::run::{Outcome, Run};
use crate::export::tensorboard::Board;
use crate::store::record::RunResult;
use crate::store::study_dir::Folder;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, RunObserver};
use fewlabel_learn::{Context, LearnError};
use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long to wait before looking again at runs that another process is at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How to go about it; nothing here changes a result.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads in all.
    pub threads: usize,
    /// Whether models are kept.
    pub keep_models: bool,
    /// Whether the other runs go on after one has failed.
    pub keep_going: bool,
    /// Whether event files for TensorBoard are written into the folder `tensorboard`.
    pub tensorboard: bool,
}

/// What happens, as it happens. Several threads report at the same time.
pub enum Event<'a> {
    /// A run has been started or taken up again.
    Started(&'a Job),
    /// So much of a run's cost is done.
    Progress(&'a Job, f64),
    /// A run is finished; the seconds are `None` where it had been before.
    Finished(&'a Job, &'a RunResult, Option<f64>),
    /// A run has failed.
    Failed(&'a Job, &'a str),
    /// Another process is at this run.
    Elsewhere(&'a Job),
    /// Something a person should know.
    Notice(&'a str),
}

/// Watches a grid of runs.
pub trait Watch: Sync {
    /// Hears what happens.
    fn event(&self, event: Event<'_>);
    /// Whether to stop: runs write a checkpoint and end.
    fn should_stop(&self) -> bool;
}

/// Carries out every job that is not finished yet.
///
/// # Errors
/// If a run failed, or the watcher asked to stop.
pub fn carry_out(
    mut jobs: Vec<Job>,
    folder: &Folder,
    options: Options,
    watch: &dyn Watch,
) -> Result<(), StudyError> {
    jobs.sort_by(Job::order);
    jobs.dedup_by(|a, b| a.id == b.id);
    let takers = reuse::takers_of_models(&jobs);
    let workers = options.threads.min(jobs.len()).max(1);
    let grid = Grid {
        folder,
        options,
        watch,
        total: jobs.len(),
        varying: Varying::of_jobs(&jobs),
        models_from: takers.keys().cloned().collect(),
        unfinished: Mutex::new(jobs.iter().map(|job| job.id.clone()).collect()),
        encoders: Encoders::new(folder.encoders(), folder.locks()),
        waiting: Mutex::new(jobs.into_iter().map(|job| (job, false)).collect()),
        failures: Mutex::new(Vec::new()),
        spare: AtomicUsize::new(options.threads - workers),
        has_failed: AtomicBool::new(false),
        is_gone: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| grid.work());
        }
    });
    reuse::forget_models(&takers, folder)?;
    grid.end()
}

/// What the workers share.
struct Grid<'a> {
    folder: &'a Folder,
    options: Options,
    watch: &'a dyn Watch,
    total: usize,
    /// What tells the jobs apart.
    varying: Varying,
    encoders: Encoders,
    /// Jobs to do, and whether another process was at them when they were last looked at.
    waiting: Mutex<VecDeque<(Job, bool)>>,
    /// Ids of the jobs whose models others take over.
    models_from: BTreeSet<String>,
    /// Ids of the jobs that wait or are under way.
    unfinished: Mutex<BTreeSet<String>>,
    failures: Mutex<Vec<String>>,
    /// Threads without a run: a run that is under way may take them.
    spare: AtomicUsize,
    has_failed: AtomicBool,
    /// Whether the study's folder is no longer there.
    is_gone: AtomicBool,
}

impl Grid<'_> {
    fn work(&self) {
        let mut threads = 1;
        while !self.should_stop() {
            let Some((job, was_elsewhere)) = self.next() else { break };
            if was_elsewhere {
                std::thread::sleep(LOOK_AGAIN);
            }
            if self.attend(&job, &mut threads) {
                if !was_elsewhere {
                    self.watch.event(Event::Elsewhere(&job));
                }
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((job, true));
            } else {
                self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.id);
            }
        }
        self.spare.fetch_add(threads, Ordering::Relaxed);
    }

    /// The first job that waits for no other; where all wait, the shortest computes all by itself.
    fn next(&self) -> Option<(Job, bool)> {
        let unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free =
            |job: &Job| job.source.as_ref().is_none_or(|(source, _)| !unfinished.contains(source));
        let last = waiting.len().checked_sub(1)?;
        let place = waiting.iter().position(|(job, _)| is_free(job)).unwrap_or(last);
        waiting.remove(place)
    }

    /// Carries one job out; `true` if another process is at it.
    fn attend(&self, job: &Job, threads: &mut usize) -> bool {
        let folder = self.folder.run(&job.id);
        let source = job.source.as_ref().map(|(id, part)| (self.folder.run(id), *part));
        let locks = self.folder.locks();
        let run = Run {
            settings: &job.settings,
            data: &job.data,
            folder: &folder,
            keep_model: self.options.keep_models,
            locks: &locks,
            source: source.as_ref().map(|(path, part)| (path.as_path(), *part)),
            keep_checkpoint: self.models_from.contains(&job.id),
            encoders: &self.encoders,
        };
        if let Err(error) = self.folder.check() {
            self.is_gone.store(true, Ordering::Relaxed);
            self.fail(job, &error.to_string());
            return false;
        }
        loop {
            *threads += self.spare.swap(0, Ordering::Relaxed);
            let board = self.options.tensorboard.then(|| Board::new(self.folder, job));
            let done = Cell::new(0.0);
            let is_cancelled = || self.should_pause(job, done.get());
            let context = Context::cancelled_by(*threads, &is_cancelled);
            let mut observer =
                JobObserver { grid: self, job, done: &done, is_started: false, board };
            let outcome = catch_unwind(AssertUnwindSafe(|| run.carry_out(context, &mut observer)));
            match outcome {
                Ok(Ok(Outcome::Finished(result, seconds))) => {
                    self.watch.event(Event::Finished(job, &result, Some(seconds)));
                }
                Ok(Ok(Outcome::WasFinished(result))) => {
                    self.watch.event(Event::Finished(job, &result, None))
                }
                Ok(Ok(Outcome::Busy)) => return true,
                // Asked to stop for the sake of spare threads: go on with them at once.
                Ok(Ok(Outcome::Stopped)) if !self.should_stop() => continue,
                Ok(Ok(Outcome::Stopped)) => {}
                Ok(Err(error)) => self.fail(job, &error.to_string()),
                Err(_) => self.fail(job, "internal error; please report it with the lines above"),
            }
            return false;
        }
    }

    fn fail(&self, job: &Job, reason: &str) {
        self.watch.event(Event::Failed(job, reason));
        let text = format!("{}: {reason}", self.varying.label(&job.settings));
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        self.has_failed.store(true, Ordering::Relaxed);
    }

    /// Whether a run should end here, for good or to go on with the threads that are spare.
    fn should_pause(&self, job: &Job, done: f64) -> bool {
        let worth_it = done < 0.9 * job.cost.total();
        self.should_stop() || (worth_it && self.spare.load(Ordering::Relaxed) > 0)
    }

    fn should_stop(&self) -> bool {
        let is_over = self.has_failed.load(Ordering::Relaxed) && !self.options.keep_going;
        self.watch.should_stop() || is_over || self.is_gone.load(Ordering::Relaxed)
    }

    fn end(self) -> Result<(), StudyError> {
        let failures = self.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failures.first() {
            Some(first) => Err(StudyError::Runs {
                failed: failures.len(),
                total: self.total,
                first: first.clone(),
            }),
            None => Ok(Context::cancelled_by(1, &|| self.watch.should_stop()).check()?),
        }
    }
}

struct JobObserver<'a> {
    grid: &'a Grid<'a>,
    job: &'a Job,
    /// Work done so far, in the unit of its cost.
    done: &'a Cell<f64>,
    is_started: bool,
    /// Whether it was said that all scores of a query were equal; once a run is enough.
    board: Option<Board>,
}

impl JobObserver<'_> {
    /// A board that cannot be written is said once and left; the run goes on.
    fn tell_board(&mut self, tell: impl FnOnce(&mut Board) -> Result<(), StudyError>) {
        if let Some(Err(error)) = self.board.as_mut().map(tell) {
            self.board = None;
            self.grid
                .watch
                .event(Event::Notice(&format!("no more events for TensorBoard: {error}")));
        }
    }
}

impl RunObserver for JobObserver<'_> {
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError> {
        if !self.is_started {
            self.is_started = true;
            self.grid.watch.event(Event::Started(self.job));
        }
        self.tell_board(|board| board.epoch(event));
        self.done.set(self.job.cost.until(event));
        self.grid.watch.event(Event::Progress(self.job, self.done.get()));
        Ok(())
    }

    fn query(&mut self, event: &QueryEvent) -> Result<(), LearnError> {
        self.tell_board(|board| board.query(event));
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        self.grid.watch.event(Event::Notice(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settings::RunSettings;
    use crate::ask::settings::{Budget, Point};
    use crate::store::atomic_file;
    use crate::store::record::{self, Failure};
    use crate::testing::{self, changed};
    use fewlabel_learn::augment::Policy;
    use fewlabel_learn::training::fine_tuning::FineTuning;
    use fewlabel_learn::training::fit::Recipe;
    use fewlabel_learn::training::fix_match::FixMatch;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Arc;

    /// Stops after so many epochs.
    struct After(AtomicUsize, Mutex<Vec<String>>);

    impl After {
        fn epochs(n: usize) -> Self {
            Self(AtomicUsize::new(n), Mutex::default())
        }
    }

    impl Watch for After {
        fn event(&self, event: Event<'_>) {
            match event {
                Event::Progress(..) => {
                    let _ = self
                        .0
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                }
                Event::Finished(job, _, Some(_)) => {
                    self.1.lock().expect("not poisoned").push(job.id.clone())
                }
                Event::Notice(text) => self.1.lock().expect("not poisoned").push(text.to_owned()),
                _ => {}
            }
        }

        fn should_stop(&self) -> bool {
            self.0.load(Ordering::Relaxed) == 0
        }
    }

    fn jobs(regimes: &[&str]) -> Vec<Job> {
        let data = Arc::new(testing::dataset(60));
        let job = |regime: &&str| {
            let point = Point { regime: regime.to_string(), ..testing::quick_point() };
            Job::new(RunSettings::new(&point, &data).expect("valid"), Arc::clone(&data))
        };
        regimes.iter().map(job).collect()
    }

    fn options(threads: usize) -> Options {
        Options { threads, keep_models: true, keep_going: true, tensorboard: false }
    }

    /// Every file of the runs but the timings.
    fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let runs = std::fs::read_dir(folder.join("runs"))
            .expect("listed")
            .map(|run| run.expect("an entry").path());
        for part in runs.chain([folder.join("encoders")]) {
            for file in std::fs::read_dir(part).expect("listed") {
                let path = file.expect("an entry").path();
                if !path.ends_with("timing.json") {
                    files.insert(
                        path.strip_prefix(folder).expect("below").display().to_string(),
                        std::fs::read(&path).expect("read"),
                    );
                }
            }
        }
        files
    }

    #[test]
    fn stopping_and_going_on_ends_with_the_same_bytes() {
        let regimes = ["random", "al", "alda", "alpa", "pretrained-random", "pretrained-typiclust"];
        let whole = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(whole.path(), "").expect("claimed");
        carry_out(jobs(&regimes), &folder, options(1), &After::epochs(usize::MAX))
            .expect("finished");

        let broken = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(broken.path(), "").expect("claimed");
        let mut stops = 0;
        while carry_out(jobs(&regimes), &folder, options(2), &After::epochs(2)).is_err() {
            stops += 1;
            assert!(stops < 100, "never ends");
        }
        assert!(stops > 3);
        assert_eq!(bytes(whole.path()), bytes(broken.path()));
        for path in [whole.path(), broken.path()] {
            for run in Folder::open(path).expect("a study").contents().expect("read").runs {
                let timing = run.timing.expect("finished");
                let phases = timing.phases;
                let sum: f64 = phases.named().iter().map(|(_, seconds)| seconds).sum();
                assert!(sum <= timing.seconds + 1e-6, "{timing:?}");
                assert_eq!(phases.scoring > 0.0, run.settings.strategy() != "random", "{timing:?}");
                assert!(
                    phases.final_training > 0.0 && phases.test > 0.0 && phases.validation > 0.0,
                    "{timing:?}"
                );
            }
        }
    }

    #[test]
    fn two_at_once_compute_every_run_once() {
        let regimes =
            ["full", "random", "da", "al", "alda", "alpa", "pretrained-random", "pretrained-semi"];
        let path = tempfile::tempdir().expect("a folder");
        let watches = [After::epochs(usize::MAX), After::epochs(usize::MAX)];
        std::thread::scope(|scope| {
            for watch in &watches {
                let folder = Folder::claim(path.path(), "").expect("claimed");
                let jobs = jobs(&regimes);
                scope.spawn(move || carry_out(jobs, &folder, options(1), watch).expect("finished"));
            }
        });
        let heard = watches.into_iter().flat_map(|w| w.1.into_inner().expect("whole"));
        let heard = heard.filter(|text| !text.contains("all scores are equal"));
        let (trained, computed): (Vec<String>, Vec<String>) =
            heard.partition(|text| text.starts_with("training encoder"));
        assert_eq!((trained.len(), computed.len()), (1, 8), "{trained:?}");
        assert_eq!(std::fs::read_dir(path.path().join("runs")).expect("listed").count(), 8);
        let encoders: Vec<_> =
            std::fs::read_dir(path.path().join("encoders")).expect("listed").collect();
        assert_eq!(encoders.len(), 1, "one encoder serves both regimes: {encoders:?}");
    }

    #[test]
    fn encoders_are_shared_by_the_means_over_them_and_by_ensembles() {
        let data = Arc::new(testing::dataset(60));
        let regime = "pretrained-typiclust".to_owned();
        let point = |seed, ensemble| {
            changed(testing::quick_point(), |point| {
                (point.regime, point.seed) = (regime.clone(), seed);
                (point.encoder.count, point.encoder.ensemble) = (2, ensemble);
            })
        };
        let points = [(0, 1), (1, 1), (0, 2), (1, 2)].map(|(seed, ensemble)| point(seed, ensemble));
        let settings =
            points.each_ref().map(|point| RunSettings::new(point, &data).expect("valid"));
        let jobs = settings.map(|settings| Job::new(settings, Arc::clone(&data))).to_vec();
        let path = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let mut options = options(2);
        let watch = After::epochs(usize::MAX);
        assert!(carry_out(jobs.clone(), &folder, options, &watch).is_err());
        let failed =
            std::fs::read_to_string(folder.run(&jobs[2].id).join("failed.json")).expect("a reason");
        assert!(
            failed.contains("keep_models keeps one network a run: here 2 encoders answer together"),
            "{failed}"
        );
        options.keep_models = false;
        carry_out(jobs, &folder, options, &watch).expect("finished");
        assert_eq!(std::fs::read_dir(path.path().join("encoders")).expect("listed").count(), 2);
        let contents = folder.contents().expect("read");
        let cells = crate::export::results_csv::cells(&contents);
        assert_eq!(
            cells.iter().map(|cell| cell.seeds.as_slice()).collect::<Vec<_>>(),
            [[0, 1], [0, 1]]
        );
        let table = crate::export::results_csv::results(&contents);
        assert!(table.starts_with("regime,") && table.contains(",encoder.ensemble\n"), "{table}");
    }

    #[test]
    fn every_road_of_training_ends_where_it_diverges() {
        let data = Arc::new(testing::dataset(60));
        let fast = |regime: &str| {
            changed(testing::quick_point(), |point| {
                point.regime = regime.to_owned();
                point.final_model.training.learning_rate = 1e30;
            })
        };
        let on_encoder = || {
            let point = fast("pretrained-random");
            changed(point, |point| point.final_model.training.learning_rate = 1e-3)
        };
        let tuned = |fix_match| {
            let tuning =
                FineTuning { steps: 9, learning_rate: 1e30, fix_match, ..FineTuning::default() };
            changed(on_encoder(), |point| point.encoder.fine_tuning = Some(tuning))
        };
        let averaged = Recipe { average: 0.9, steps: 4, ..Recipe::default() };
        let points = [
            fast("full"),
            fast("al"),
            fast("alda"),
            fast("alpa"),
            changed(fast("da"), |point| point.final_model.training.recipe = averaged),
            changed(fast("al"), |point| {
                (point.strategy, point.queries.members) = ("bald".into(), 2);
            }),
            Point {
                augmentation: Policy::from_name("learned").expect("a policy"),
                labels: Budget::Count(30),
                ..fast("da")
            },
            tuned(None),
            tuned(Some(FixMatch::default())),
            changed(on_encoder(), |point| point.encoder.pretrain.learning_rate = 1e30),
        ];
        let job = |point: &Point| {
            Job::new(RunSettings::new(point, &data).expect("valid"), Arc::clone(&data))
        };
        let jobs: Vec<Job> = points.iter().map(job).collect();
        let path = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let options = Options { keep_models: false, ..options(2) };
        let error = carry_out(jobs.clone(), &folder, options, &After::epochs(usize::MAX))
            .expect_err("they diverge");
        assert!(error.to_string().starts_with("10 of 10 runs failed"), "{error}");
        for job in jobs {
            let run = folder.run(&job.id);
            let failed: Failure =
                atomic_file::read_json(&run.join(record::FAILED)).expect("read").expect("a reason");
            let Failure { reason } = failed;
            let is_said = reason.starts_with("training diverged at ")
                && reason.ends_with("): lower the learning rate");
            assert!(is_said, "{}: {reason}", job.settings.label());
            assert!(!run.join(record::RESULT).exists() && record::read_epochs(&run).is_ok());
        }
        assert_eq!(
            std::fs::read_dir(folder.encoders()).expect("listed").count(),
            1,
            "the encoder that was fine-tuned"
        );
    }

    #[test]
    fn a_damaged_checkpoint_is_said_and_the_run_starts_over() {
        let whole = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(whole.path(), "").expect("claimed");
        let job = jobs(&["al"]);
        carry_out(job.clone(), &folder, options(1), &After::epochs(2)).expect_err("stopped");
        let checkpoint = folder.run(&job[0].id).join("checkpoint.bin");
        let mut content = std::fs::read(&checkpoint).expect("a checkpoint");
        content[100] ^= 1;
        std::fs::write(&checkpoint, content).expect("written");
        let watch = After::epochs(usize::MAX);
        carry_out(job, &folder, options(1), &watch).expect("finished");
        let said = watch.1.into_inner().expect("whole");
        assert!(
            said[0].contains("the checkpoint is damaged: starting this run from its beginning"),
            "{said:?}"
        );
    }
}
