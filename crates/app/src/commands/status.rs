//! `fewlabel status DIR`: what is done, running, failed and missing, from the records and, where
//! runs were submitted, from the queue.

use crate::options::Common;
use crate::{grid, screen, slurm};
use anyhow::Context as _;
use clap::Args;
use fewlabel_learn::counted;
use fewlabel_study::ask::study_file::Study;
use fewlabel_study::store::study_dir::{Folder, State};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Folder of the study.
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let folder = Folder::open(&arguments.folder)?;
    let runs = folder.states()?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::from([
        ("done", 0),
        ("running", 0),
        ("failed", 0),
        ("stopped", 0),
        ("damaged", 0),
    ]);
    for (_, state) in &runs {
        *counts.entry(name(state)).or_default() += 1;
    }
    let begun: BTreeSet<&str> = runs.iter().map(|(id, _)| id.as_str()).collect();
    let planned = planned(&folder)?;
    let missing = planned.iter().filter(|id| !begun.contains(id.as_str())).count();
    let planned = planned.len();
    let failed: Vec<_> = runs
        .iter()
        .filter_map(|(id, state)| match state {
            State::Failed(reason) => Some((id, reason)),
            _ => None,
        })
        .collect();
    let damaged: Vec<_> = runs
        .iter()
        .filter_map(|(id, state)| match state {
            State::Damaged(what) => Some((id, what)),
            _ => None,
        })
        .collect();
    let tasks: Vec<slurm::Task> =
        slurm::queue(folder.path())?.into_iter().filter(slurm::Task::is_alive).collect();
    let done: BTreeSet<&str> =
        runs.iter().filter(|(_, state)| *state == State::Done).map(|(id, _)| id.as_str()).collect();
    let left =
        |task: &slurm::Task| task.runs.iter().filter(|id| !done.contains(id.as_str())).count();
    if common.json {
        let failed: Vec<_> = failed
            .iter()
            .map(|(id, reason)| serde_json::json!({"id": id, "reason": reason}))
            .collect();
        let damages: Vec<_> =
            damaged.iter().map(|(id, what)| serde_json::json!({"id": id, "what": what})).collect();
        let mut document = serde_json::json!({
            "planned": planned, "missing": missing, "failures": failed, "damages": damages,
        });
        for (state, count) in counts {
            document[state] = count.into();
        }
        let task = |task: &slurm::Task| {
            serde_json::json!({
                "job": task.job, "task": task.task, "state": task.state, "reason": task.reason,
                "runs_left": left(task),
            })
        };
        document["slurm"] = tasks.iter().map(task).collect();
        return screen::print_json(&document);
    }
    let of_damaged =
        if damaged.is_empty() { String::new() } else { format!(", damaged {}", damaged.len()) };
    let mut text = format!(
        "{} planned: done {}, running {}, stopped {}, failed {}, not started \
         {missing}{of_damaged}\n",
        counted(planned, "run"),
        counts["done"],
        counts["running"],
        counts["stopped"],
        counts["failed"]
    );
    for (id, reason) in failed {
        text.push_str(&format!("failed {id}: {reason}\n"));
    }
    for (_, what) in damaged {
        text.push_str(&format!("damaged: {what}\n"));
    }
    for is_running in [true, false] {
        let chosen: Vec<_> = tasks.iter().filter(|task| task.is_running() == is_running).collect();
        if let Some(first) = chosen.first() {
            let runs = counted(chosen.iter().map(|task| left(task)).sum(), "run");
            let state = if is_running { "running" } else { "waiting" };
            let (count, job, why) = (counted(chosen.len(), "task"), &first.job, &first.reason);
            text.push_str(&format!(
                "slurm: {count} {state} with {runs} to do (first: job {job}, {why})\n"
            ));
        }
    }
    screen::print(&text)
}

/// The ids of all runs of the study: from its list, or, in a folder of an earlier version, from the
/// study and its data.
fn planned(folder: &Folder) -> anyhow::Result<BTreeSet<String>> {
    if let Some(planned) = folder.planned()? {
        return Ok(planned);
    }
    let path = folder.path().join("study.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let jobs = grid::jobs(&Study::parse(&text, &path.display().to_string(), &[])?, folder.path())?;
    Ok(jobs.into_iter().map(|job| job.id).collect())
}

fn name(state: &State) -> &'static str {
    match state {
        State::Done => "done",
        State::Running => "running",
        State::Failed(_) => "failed",
        State::Stopped => "stopped",
        State::Damaged(_) => "damaged",
    }
}
