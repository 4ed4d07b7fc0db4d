//! `fewlabel submit STUDY.toml --slurm`: the missing runs of a study as a job array of a cluster.

use super::run::Grid;
use crate::grid::{self, Whole};
use crate::options::{Common, number};
use crate::{screen, slurm};
use anyhow::{Context as _, ensure};
use clap::Args;
use fewlabel_learn::counted;
use fewlabel_study::execute::speed;
use fewlabel_study::store::study_dir::{Folder, State};
use fewlabel_study::write_whole;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

/// Arguments of `submit`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    grid: Grid,
    /// Submit to Slurm; other schedulers are in docs/cluster.md.
    #[arg(long, required = true)]
    slurm: bool,
    /// Partition to submit to [default: the cluster's].
    #[arg(long, value_name = "P")]
    partition: Option<String>,
    /// Most tasks that run at the same time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    array_limit: Option<u32>,
    /// Time limit of a task, as sbatch takes it; a task that needs longer goes on after a requeue.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Account to charge.
    #[arg(long, value_name = "A")]
    account: Option<String>,
    /// Quality of service.
    #[arg(long, value_name = "Q")]
    qos: Option<String>,
    /// Memory of a task, as sbatch takes it, such as 4G.
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// Nodes that a task may run on, as sbatch takes it.
    #[arg(long, value_name = "FEATURES")]
    constraint: Option<String>,
    /// A further option of sbatch, such as --exclude=node7; may be given several times.
    #[arg(long, value_name = "--OPTION=VALUE", allow_hyphen_values = true)]
    sbatch_option: Vec<String>,
    /// Minutes of work in a task: short runs are put together; 0 is one run a task.
    #[arg(long, value_name = "MINUTES", default_value_t = 15.0, value_parser = number::<f64>)]
    task_minutes: f64,
    /// Print the script and the runs, and submit nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    ensure!((0.0..=1e6).contains(&arguments.task_minutes), "--task-minutes is 0 to 1000000");
    let study = arguments.grid.study()?;
    let out = arguments.grid.out(common);
    let mut jobs = grid::jobs(&study, &out)?;
    let total = jobs.len();
    let Whole { plan, varying, identities, .. } = Whole::new(&study, &jobs);
    grid::say_cuts(&study, &jobs);
    let taken = taken(&out)?;
    jobs.retain(|job| !taken.contains(&job.id));
    if jobs.is_empty() {
        screen::note(&format!("nothing to submit: {} done or in the queue", counted(total, "run")));
        return match common.json {
            true => screen::print_json(&serde_json::json!({ "job": null, "runs": 0, "tasks": 0 })),
            false => Ok(()),
        };
    }
    let runs = jobs.len();
    let all = jobs.clone();
    let tasks = slurm::tasks(
        jobs,
        arguments.task_minutes,
        speed::cost_per_second()?,
        slurm::max_array_size(),
    );
    let request = request(arguments, &study.name, &out, common)?;
    grid::say_former_names(&study);
    if arguments.dry_run {
        let script =
            slurm::script(&request, tasks.len(), &request.folder.join("slurm/array-0.tasks"));
        if common.json {
            let listed: Vec<_> = all
                .iter()
                .map(|job| serde_json::json!({ "id": job.id, "run": varying.label(&job.settings) }))
                .collect();
            return screen::print_json(&serde_json::json!({
                "runs": listed, "total": total, "tasks": tasks, "script": script,
            }));
        }
        screen::note(&format!(
            "{runs} of {} in {}",
            counted(total, "run"),
            counted(tasks.len(), "task")
        ));
        let listed: String = all
            .iter()
            .map(|job| format!("# {} {}\n", job.id, varying.label(&job.settings)))
            .collect();
        return screen::print(&format!("{script}\n# The runs:\n{listed}"));
    }
    Folder::claim_for(&out, &study.resolved(), &identities)?.keep_plan(&plan)?;
    let request = slurm::Request { folder: std::path::absolute(&out)?, ..request };
    let (lines, stem) = reserve(&request.folder)?;
    let text: String = tasks.iter().map(|task| task.join(",") + "\n").collect();
    write_whole(&lines, text.as_bytes())?;
    let script = stem.with_extension("sh");
    write_whole(&script, slurm::script(&request, tasks.len(), &lines).as_bytes())?;
    let job = slurm::submit(&script, &request.folder)?;
    write_whole(&stem.with_extension("job"), format!("{job}\n").as_bytes())?;
    if !common.quiet {
        screen::note(&format!(
            "{runs} of {} in {}; fewlabel status {} follows them",
            counted(total, "run"),
            counted(tasks.len(), "task"),
            out.display()
        ));
    }
    if common.json {
        return screen::print_json(
            &serde_json::json!({ "job": job, "runs": runs, "tasks": tasks.len() }),
        );
    }
    screen::print(&format!("{job}\n"))
}

fn request(
    arguments: &Arguments,
    name: &str,
    out: &Path,
    common: &Common,
) -> anyhow::Result<slurm::Request> {
    let options = options(arguments)?;
    let name: String =
        name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    Ok(slurm::Request {
        name: if name.is_empty() { "fewlabel".into() } else { name },
        array_limit: arguments.array_limit.map(|limit| limit as usize),
        options,
        threads: common.threads_or(1),
        program: std::env::current_exe().context("cannot find this program's own path")?,
        folder: std::path::absolute(out)?,
        directory: std::env::current_dir().context("cannot find the current folder")?,
    })
}

/// The options that are passed on to sbatch as they are.
///
/// # Errors
/// If one is no single word, or is one that `submit` sets itself.
fn options(arguments: &Arguments) -> anyhow::Result<Vec<String>> {
    let named = [
        ("partition", &arguments.partition),
        ("time", &arguments.time),
        ("account", &arguments.account),
        ("qos", &arguments.qos),
        ("mem", &arguments.mem),
        ("constraint", &arguments.constraint),
    ];
    let mut options = Vec::new();
    for (name, value) in named {
        let Some(value) = value else { continue };
        ensure!(
            !value.contains(char::is_whitespace) && !value.is_empty(),
            "`{value}` is not one word for sbatch"
        );
        options.push(format!("--{name}={value}"));
    }
    for option in &arguments.sbatch_option {
        let is_plain = option.starts_with("--") && !option.contains(char::is_whitespace);
        ensure!(is_plain, "--sbatch-option `{option}`: expected one word such as --exclude=node7");
        let name = option.trim_start_matches('-').split('=').next().unwrap_or_default();
        ensure!(
            !slurm::OWN.contains(&name),
            "--sbatch-option `{option}`: --{name} is set by submit itself"
        );
        options.push(option.clone());
    }
    Ok(options)
}

/// The runs that are done, or that a task in the queue will compute.
fn taken(out: &Path) -> anyhow::Result<BTreeSet<String>> {
    let Ok(folder) = Folder::open(out) else { return Ok(BTreeSet::new()) };
    let done =
        folder.states()?.into_iter().filter(|(_, state)| *state == State::Done).map(|(id, _)| id);
    let queued = slurm::queue(folder.path())?
        .into_iter()
        .filter(slurm::Task::is_alive)
        .flat_map(|task| task.runs);
    Ok(done.chain(queued).collect())
}

/// The next free number of an array: its file of tasks, made empty so that no other process takes
/// it, and its stem.
fn reserve(folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let place = folder.join("slurm");
    std::fs::create_dir_all(&place)
        .with_context(|| format!("cannot make the folder {}", place.display()))?;
    for number in 0.. {
        let stem = place.join(format!("array-{number}"));
        let lines = stem.with_extension("tasks");
        match OpenOptions::new().write(true).create_new(true).open(&lines) {
            Ok(_) => return Ok((lines, stem)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", lines.display()));
            }
        }
    }
    unreachable!("numbers do not end")
}
