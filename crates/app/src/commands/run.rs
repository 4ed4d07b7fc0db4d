//! `fewlabel run STUDY.toml`: a grid of runs from a study file.

use crate::grid::{self, Way, Whole};
use crate::options::Common;
use crate::screen;
use anyhow::{Context as _, bail};
use clap::Args;
use fewlabel_learn::counted;
use fewlabel_learn::run::transfer::Transfer;
use fewlabel_study::ask::job::Job;
use fewlabel_study::ask::settings::RunSettings;
use fewlabel_study::ask::study_file::Study;
use fewlabel_study::ask::varying::Varying;
use fewlabel_study::execute::encoder_cache;
use fewlabel_study::execute::speed;
use fewlabel_study::store::study_dir::{Folder, State};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

/// Which grid: a study file and what is changed of it.
#[derive(Args, Debug)]
pub(crate) struct Grid {
    /// The study file.
    study: PathBuf,
    /// Set a key of the study file, for example --set final.epochs=10; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// The same grid in a fraction of the time: one seed, few epochs, a small pool.
    #[arg(long)]
    quick: bool,
}

impl Grid {
    /// The study, changed as asked for.
    pub(crate) fn study(&self) -> anyhow::Result<Study> {
        let quick = QUICK.iter().filter(|_| self.quick).map(|change| (*change).to_owned());
        let changes: Vec<String> = quick.chain(self.changes.iter().cloned()).collect();
        let study = read(&self.study, &changes)?;
        // Nobody has to rewrite what the program itself wrote, the study in its folder.
        let is_kept =
            self.study.ends_with("study.toml") && self.study.with_file_name("runs").is_dir();
        let study = if is_kept { study.without_notes() } else { study };
        Ok(if self.quick { study.quick() } else { study })
    }

    /// `--out`, or the study file's name with `-out`.
    pub(crate) fn out(&self, common: &Common) -> PathBuf {
        let mut name = self.study.file_stem().unwrap_or("study".as_ref()).to_owned();
        name.push("-out");
        common.out(name)
    }
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    grid: Grid,
    /// Say what would be computed, what is done already, and how long it would take.
    #[arg(long)]
    dry_run: bool,
    /// Compute only part I of N, counted from 0: for several machines on one folder or on several.
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    shard: Option<(usize, usize)>,
    /// Compute these runs alone, by their ids as --dry-run prints them; the report is left to
    /// `fewlabel report`.
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "shard")]
    runs: Vec<String>,
    /// Go on with the other runs when one fails.
    #[arg(long)]
    keep_going: bool,
    /// Write event files for TensorBoard into the study's folder tensorboard while computing.
    #[arg(long)]
    tensorboard: bool,
}

/// What `--quick` sets, before `--set` does.
const QUICK: [&str; 10] = [
    "seeds=1",
    "train_images=600",
    "val_images=200",
    "test_images=200",
    "labels=[12, 20]",
    "loop.initial=4",
    "loop.epochs=2",
    "loop.width=4",
    "final.epochs=4",
    "encoder.pretrain={ width = 8, epochs = 1 }",
];

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let study = arguments.grid.study()?;
    let out = arguments.grid.out(common);
    let mut jobs = grid::jobs(&study, &out)?;
    let whole = Whole::new(&study, &jobs);
    grid::say_cuts(&study, &jobs);
    study.check_memory(&jobs)?;
    if !arguments.runs.is_empty() {
        let is = |job: &Job, id: &String| job.id == *id || job.settings.id() == *id;
        if let Some(id) = arguments.runs.iter().find(|id| !jobs.iter().any(|job| is(job, id))) {
            bail!(
                "the study has no run {id}: it was made from other settings, data or another \
                 version"
            );
        }
        jobs.retain(|job| arguments.runs.iter().any(|id| is(job, id)));
    }
    if let Some((part, parts)) = arguments.shard {
        jobs = shard(jobs, part, parts);
    }
    if arguments.dry_run {
        grid::say_former_names(&study);
        return dry_run(jobs, &whole.varying, &out, common);
    }
    let way = Way {
        keep_going: arguments.keep_going,
        tensorboard: arguments.tensorboard,
        report: arguments.runs.is_empty(),
    };
    grid::carry_out(whole, jobs, &out, way, common)
}

/// Part `part` of `parts`, the same on every machine whatever its folder holds; runs that share
/// something stay together.
fn shard(jobs: Vec<Job>, part: usize, parts: usize) -> Vec<Job> {
    let ids: BTreeMap<&String, String> =
        jobs.iter().map(|job| (&job.id, job.settings.id())).collect();
    let groups: BTreeSet<&String> = jobs.iter().filter_map(|job| ids.get(&job.group)).collect();
    let own: BTreeSet<&String> = groups.into_iter().skip(part).step_by(parts).collect();
    let is_own: Vec<bool> =
        jobs.iter().map(|job| ids.get(&job.group).is_some_and(|id| own.contains(id))).collect();
    jobs.into_iter().zip(is_own).filter_map(|(job, is_own)| is_own.then_some(job)).collect()
}

/// Reads a study file.
fn read(path: &std::path::Path, changes: &[String]) -> anyhow::Result<Study> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Study::parse(&text, &path.display().to_string(), changes)?)
}

fn dry_run(
    mut jobs: Vec<Job>,
    varying: &Varying,
    out: &std::path::Path,
    common: &Common,
) -> anyhow::Result<()> {
    let states = match Folder::open(out) {
        Ok(folder) => folder.states()?,
        Err(_) => Vec::new(),
    };
    let finished: BTreeSet<&str> = states
        .iter()
        .filter(|(_, state)| *state == State::Done)
        .map(|(id, _)| id.as_str())
        .collect();
    let is_done = |job: &&Job| finished.contains(job.id.as_str());
    let labels = |job: &Job| job.settings.labels(job.data.train.len());
    jobs.sort_by_cached_key(|job| varying.order(&job.settings, labels(job)));
    let done = jobs.iter().filter(is_done).count();
    let left: f64 = jobs.iter().filter(|job| !is_done(job)).map(|job| job.cost.total()).sum();
    let left = left + encoders_left(jobs.iter().filter(|job| !is_done(job)), out);
    let seconds = left / (speed::cost_per_second()? * common.threads() as f64);
    if common.json {
        let run = |job: &Job| {
            let settings: BTreeMap<_, _> = varying.settings(&job.settings).into_iter().collect();
            let (label, labels) = (job.settings.label(), labels(job));
            serde_json::json!({
                "id": job.id, "run": label, "labels": labels, "settings": settings,
            })
        };
        let runs: Vec<_> = jobs.iter().map(run).collect();
        return screen::print_json(
            &serde_json::json!({ "runs": runs, "done": done, "hours": seconds / 3600.0 }),
        );
    }
    let mut text = String::new();
    for job in &jobs {
        let (mark, label) =
            (if is_done(&job) { "done" } else { "to do" }, varying.label(&job.settings));
        // What all runs have in common is said too where it is the budget.
        let budget = if varying.varies("labels") {
            String::new()
        } else {
            format!(" labels={}", labels(job))
        };
        let _ = writeln!(text, "{} {mark:<6} {label}{budget}", job.id);
    }
    let runs: Vec<_> = jobs.iter().map(|job| &job.settings).collect();
    text.push_str(&format!(
        "{}{}\n",
        grid_in_words(varying, &runs),
        time_in_words(done, jobs.len(), seconds, common)
    ));
    screen::print(&text)
}

/// "3 strategies x 2 budgets x 2 seeds = 12 runs", or, where combinations are missing or come to
/// the same run, "9 runs of 3 strategies, ...".
fn grid_in_words(varying: &Varying, runs: &[&RunSettings]) -> String {
    let (axes, product) = varying.axes(runs);
    let count = counted(runs.len(), "run");
    match (axes.is_empty(), product == runs.len()) {
        (true, _) => count,
        (false, true) => format!("{} = {count}", axes.join(" x ")),
        (false, false) => format!("{count} of {}", axes.join(", ")),
    }
}

fn time_in_words(done: usize, all: usize, seconds: f64, common: &Common) -> String {
    let threads = counted(common.threads(), "thread");
    let time = match seconds {
        ..90.0 => format!("{} s", seconds.ceil().max(1.0)),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    };
    match done {
        0 => format!(", about {time} on {threads}"),
        done if done == all => ", all done".to_owned(),
        done => format!(", {done} done, about {time} for the others on {threads}"),
    }
}

/// The work of training the encoders that the jobs need and that do not lie in the folder yet.
fn encoders_left<'a>(jobs: impl Iterator<Item = &'a Job>, out: &std::path::Path) -> f64 {
    let of_job = |job: &'a Job| {
        let sources = job.settings.plan.transfer.iter().flat_map(Transfer::encoders);
        sources.map(|source| {
            (encoder_cache::id(&source, &job.data), fewlabel_study::of_encoder(&source, &job.data))
        })
    };
    let needed: BTreeMap<String, f64> = jobs.flat_map(of_job).collect();
    let is_there = |id: &str| out.join("encoders").join(format!("{id}.safetensors")).is_file();
    needed.iter().filter(|(id, _)| !is_there(id)).map(|(_, cost)| cost).sum()
}

fn parse_shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text
        .split_once('/')
        .and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match parsed {
        Some((part, parts)) if part < parts => Ok((part, parts)),
        _ => Err("expected I/N with I below N, for example 0/4".to_owned()),
    }
}
