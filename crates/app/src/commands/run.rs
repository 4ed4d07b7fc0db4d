//! `fewlabel run STUDY.toml`: a grid of runs from a study file.

use crate::cli::Common;
use crate::{grid, screen};
use anyhow::Context as _;
use clap::Args;
use fewlabel_study::config::Study;
use fewlabel_study::folder::Folder;
use fewlabel_study::runner::Job;
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The study file.
    study: PathBuf,
    /// Say what would be computed, what is done already, and how long it would take.
    #[arg(long)]
    dry_run: bool,
    /// Compute only part I of N, counted from 0: for several machines on one folder or on several.
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    shard: Option<(usize, usize)>,
    /// Set a key of the study file, for example --set epochs=10; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// The same grid in a fraction of the time: one seed, few epochs, a small pool.
    #[arg(long)]
    quick: bool,
    /// Go on with the other runs when one fails.
    #[arg(long)]
    keep_going: bool,
}

/// What `--quick` sets, before `--set` does.
const QUICK: [&str; 9] = [
    "seeds=1",
    "train_images=600",
    "val_images=200",
    "test_images=200",
    "labels=[12, 20]",
    "initial=8",
    "epochs=4",
    "first_epochs=2",
    "loop_width=4",
];

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let mut changes: Vec<String> = Vec::new();
    if arguments.quick {
        changes.extend(QUICK.map(str::to_owned));
    }
    changes.extend(arguments.changes.iter().cloned());
    let study = read(&arguments.study, &changes)?;
    let mut jobs = study.jobs()?;
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some((part, parts)) = arguments.shard {
        jobs = jobs.into_iter().skip(part).step_by(parts).collect();
    }
    let stem = arguments.study.file_stem().map_or_else(|| "study".into(), |stem| stem.to_string_lossy());
    let out = common.out(&format!("{stem}-out"));
    if arguments.dry_run {
        return dry_run(&jobs, &out, common);
    }
    grid::carry_out(&study, jobs, &out, arguments.keep_going, common)
}

/// Reads a study file.
pub(crate) fn read(path: &std::path::Path, changes: &[String]) -> anyhow::Result<Study> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Study::parse(&text, &path.display().to_string(), changes)?)
}

fn dry_run(jobs: &[Job], out: &std::path::Path, common: &Common) -> anyhow::Result<()> {
    let contents = match Folder::open(out) {
        Ok(folder) => folder.contents()?,
        Err(_) => fewlabel_study::folder::Contents::default(),
    };
    let is_done = |job: &&Job| contents.runs.iter().any(|run| run.id == job.id && run.result.is_some());
    let done = jobs.iter().filter(is_done).count();
    let left: f64 = jobs.iter().filter(|job| !is_done(job)).map(|job| job.cost.total()).sum();
    let hours = left / (COST_PER_SECOND * common.threads() as f64) / 3600.0;
    if common.json {
        let runs: Vec<_> =
            jobs.iter().map(|job| serde_json::json!({ "id": job.id, "run": job.settings.label() })).collect();
        return screen::print_json(&serde_json::json!({ "runs": runs, "done": done, "hours": hours }));
    }
    let mut text = String::new();
    for job in jobs {
        let mark = if is_done(&job) { "done" } else { "to do" };
        let labels = job.settings.labels(job.data.train.len());
        text.push_str(&format!(
            "{} {mark:<6} {} {} labels={labels}\n",
            job.id,
            job.settings.data.name,
            job.settings.label()
        ));
    }
    text.push_str(&format!(
        "{} runs, {done} done, about {hours:.2} hours left on {} threads\n",
        jobs.len(),
        common.threads()
    ));
    screen::print(&text)
}

/// Multiplications a second on one core, for the estimate alone.
const COST_PER_SECOND: f64 = 1.2e10;

fn parse_shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    match parsed {
        Some((part, parts)) if part < parts => Ok((part, parts)),
        _ => Err("expected I/N with I below N, for example 0/4".to_owned()),
    }
}
