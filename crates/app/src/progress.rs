//! How far a grid of runs is: one bar on a terminal, a plain line now and then elsewhere.

use crate::interrupt::Interrupt;
use crate::screen;
use fewlabel_learn::counted;
use fewlabel_study::ask::job::Job;
use fewlabel_study::ask::varying::Varying;
use fewlabel_study::evaluate::chance::are_at_chance;
use fewlabel_study::execute::grid::{Event, Watch};
use fewlabel_study::store::record::RunResult;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Steps of the bar: finer than a screen is wide.
const STEPS: u64 = 10_000;

/// Shows what a grid of runs does.
pub(crate) struct Progress {
    interrupt: Interrupt,
    /// What tells the runs apart.
    varying: Varying,
    bar: Option<ProgressBar>,
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    started: Instant,
    last_line: Option<Instant>,
    total: f64,
    runs: usize,
    finished: usize,
    /// Cost of the runs that are finished.
    done: f64,
    /// Cost that had been done before this start, so that the time left is judged by what was
    /// computed since.
    before: f64,
    under_way: BTreeMap<String, Under>,
    best: Option<(f64, String)>,
}

struct Under {
    first: f64,
    now: f64,
}

impl Progress {
    /// Begins to show the progress of `jobs`, by the settings that vary.
    pub(crate) fn new(jobs: &[Job], varying: Varying, interrupt: Interrupt, quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = (is_terminal && !quiet).then(|| {
            let bar = ProgressBar::new(STEPS);
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}")
                .expect("a valid template");
            bar.set_style(style);
            bar.set_message("starting");
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        });
        let state = State {
            started: Instant::now(),
            last_line: None,
            total: jobs.iter().map(|job| job.cost.total()).sum(),
            runs: jobs.len(),
            finished: 0,
            done: 0.0,
            before: 0.0,
            under_way: BTreeMap::new(),
            best: None,
        };
        Self { interrupt, varying, bar, quiet, state: Mutex::new(state) }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The signal that asked the program to stop, if any.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| screen::note(line)),
            None => screen::note(line),
        }
    }

    fn show(&self, state: &mut State, always: bool) {
        let (share, text) = state.summary();
        if let Some(bar) = &self.bar {
            bar.set_position((share * STEPS as f64) as u64);
            bar.set_message(screen::printable(&text).into_owned());
        } else if !self.quiet
            && (always || state.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY))
        {
            state.last_line = Some(Instant::now());
            screen::note(&format!("{:>3.0}%  {text}", 100.0 * share));
        }
    }
}

impl State {
    /// The share of the work that is done, and a line about it.
    fn summary(&self) -> (f64, String) {
        let under_way: f64 = self.under_way.values().map(|run| run.now).sum();
        let before: f64 = self.before + self.under_way.values().map(|run| run.first).sum::<f64>();
        let done = self.done + under_way;
        let share = if self.total > 0.0 { (done / self.total).clamp(0.0, 1.0) } else { 1.0 };
        let mut text = format!("{} of {}", self.finished, counted(self.runs, "run"));
        let computed = done - before;
        if computed > 0.0 {
            let left =
                self.started.elapsed().as_secs_f64() * (self.total - done).max(0.0) / computed;
            text.push_str(&format!(
                ", about {} left",
                HumanDuration(Duration::from_secs_f64(left.min(1e9)))
            ));
        }
        if let Some((accuracy, label)) = &self.best {
            text.push_str(&format!(", best {:.1} % on validation ({label})", 100.0 * accuracy));
        }
        (share, text)
    }

    fn finish(&mut self, job: &Job, label: &str, result: &RunResult, computed: bool) {
        let under = self.under_way.remove(&job.id);
        self.finished += 1;
        self.done += job.cost.total();
        self.before += match under {
            Some(under) => under.first,
            None if computed => 0.0,
            None => job.cost.total(),
        };
        // A model that has learned nothing is no best one.
        let is_better = self.best.as_ref().is_none_or(|(best, _)| result.val_accuracy_best > *best);
        if is_better && !are_at_chance([result.judged()]) {
            self.best = Some((result.val_accuracy_best, label.to_owned()));
        }
    }
}

impl Watch for Progress {
    fn event(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let label = |job: &Job| self.varying.label(&job.settings);
        match event {
            Event::Started(job) => {
                if !self.quiet && self.bar.is_none() && !state.under_way.contains_key(&job.id) {
                    screen::note(&format!("started {}", label(job)));
                }
            }
            Event::Progress(job, done) => {
                state
                    .under_way
                    .entry(job.id.clone())
                    .or_insert(Under { first: done, now: done })
                    .now = done;
                self.show(&mut state, false);
            }
            Event::Finished(job, result, seconds) => {
                let label = label(job);
                state.finish(job, &label, result, seconds.is_some());
                if let (Some(seconds), false, None) = (seconds, self.quiet, &self.bar) {
                    let (validation, test) =
                        (100.0 * result.val_accuracy_best, 100.0 * result.test.accuracy);
                    let line = format!(
                        "finished {label}: validation {validation:.1} %, test {test:.1} %, \
                         {seconds:.1} s"
                    );
                    screen::note(&line);
                }
                let is_last = state.finished == state.runs;
                self.show(&mut state, is_last);
            }
            Event::Failed(job, reason) => self.say(&format!("failed {}: {reason}", label(job))),
            Event::Elsewhere(job) => {
                if !self.quiet {
                    self.say(&format!(
                        "another run or process is at what this one needs: {}",
                        label(job)
                    ));
                }
            }
            Event::Notice(text) => self.say(text),
        }
    }

    fn should_stop(&self) -> bool {
        self.interrupt.exit_code().is_some()
    }
}
