//! Slurm: job arrays over runs, and what the queue says of them. Nothing here asks `sacct`, which
//! many clusters lack.
//!
//! The folder `slurm/` of a study holds, for each array that was submitted, `array-K.tasks` (one
//! task a line: the ids of its runs), `array-K.sh` (what was submitted), `array-K.job` (the job's
//! number) and the logs.

use anyhow::{Context as _, bail};
use fewlabel_study::ask::job::Job;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Slurm's own default of `MaxArraySize` (slurm.conf), where it cannot be asked.
const MAX_ARRAY_SIZE: usize = 1001;

/// Options of sbatch that a script of [`script`] sets itself: a task that was stopped must find its
/// runs and its log again.
pub(crate) const OWN: [&str; 10] = [
    "array",
    "cpus-per-task",
    "error",
    "job-name",
    "ntasks",
    "open-mode",
    "output",
    "requeue",
    "signal",
    "wrap",
];

/// What is asked of Slurm.
pub(crate) struct Request {
    /// What the queue shows.
    pub(crate) name: String,
    /// Tasks that may run at the same time.
    pub(crate) array_limit: Option<usize>,
    /// Further options of sbatch, such as `--time=10`.
    pub(crate) options: Vec<String>,
    /// Cores, and threads, of a task.
    pub(crate) threads: usize,
    /// This program.
    pub(crate) program: PathBuf,
    /// The folder of the study, absolute.
    pub(crate) folder: PathBuf,
    /// Where paths of data sets start.
    pub(crate) directory: PathBuf,
}

/// A task of an array in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The job's number.
    pub(crate) job: String,
    /// Its place in the array.
    pub(crate) task: usize,
    /// As `squeue` names it, such as `PENDING`.
    pub(crate) state: String,
    /// Why it waits, or where it runs.
    pub(crate) reason: String,
    /// Its runs.
    pub(crate) runs: Vec<String>,
}

impl Task {
    /// Whether it will still compute something.
    pub(crate) fn is_alive(&self) -> bool {
        ![
            "COMPLETED",
            "FAILED",
            "CANCELLED",
            "TIMEOUT",
            "OUT_OF_MEMORY",
            "BOOT_FAIL",
            "DEADLINE",
            "NODE_FAIL",
        ]
        .contains(&self.state.as_str())
    }

    /// Whether it is on a node now.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "COMPLETING" | "CONFIGURING" | "SUSPENDED")
    }
}

/// The most tasks of one array.
pub(crate) fn max_array_size() -> usize {
    let said = output(Command::new("scontrol").args(["show", "config"]));
    let line = |text: &String| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"))?;
        line.trim_start_matches([' ', '=']).trim().parse().ok()
    };
    said.ok().as_ref().and_then(line).unwrap_or(MAX_ARRAY_SIZE)
}

/// Runs that take queries or models over from each other, the givers first, and their cost.
struct Group {
    runs: Vec<String>,
    cost: f64,
}

/// Deals jobs out to tasks of about `minutes`, the longest first; at most `most` tasks. Runs that
/// take something over from each other stay in one task. `rate` is cost a second.
pub(crate) fn tasks(mut jobs: Vec<Job>, minutes: f64, rate: f64, most: usize) -> Vec<Vec<String>> {
    jobs.sort_by(Job::order);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for job in jobs {
        let group =
            groups.entry(job.group.clone()).or_insert(Group { runs: Vec::new(), cost: 0.0 });
        group.cost += job.cost.total();
        group.runs.push(job.id);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| b.cost.total_cmp(&a.cost).then_with(|| a.runs.cmp(&b.runs)));
    let mut target = minutes * 60.0 * rate;
    loop {
        let tasks = chunks(&groups, target);
        if tasks.len() <= most.max(1) {
            return tasks;
        }
        // A target of zero is one group a task: then as many as fit begin with the longest.
        target = (2.0 * target).max(groups[0].cost);
    }
}

fn chunks(groups: &[Group], target: f64) -> Vec<Vec<String>> {
    let mut tasks: Vec<Vec<String>> = Vec::new();
    let mut filled = f64::INFINITY;
    for group in groups {
        if filled + group.cost > target {
            tasks.push(Vec::new());
            filled = 0.0;
        }
        tasks.last_mut().expect("one was pushed").extend(group.runs.iter().cloned());
        filled += group.cost;
    }
    tasks
}

/// The script of an array of so many tasks, whose runs stand in the file `lines`.
pub(crate) fn script(request: &Request, tasks: usize, lines: &Path) -> String {
    // Slurm reads its own lines as they stand: a folder that is no text is where `submit` calls it
    // from.
    let log = match request.folder.to_str() {
        Some(folder) => quoted(format!("{}/slurm/%A_%a.log", folder.replace('%', "%%"))),
        None => "slurm/%A_%a.log".to_owned(),
    };
    let limit = request.array_limit.map_or_else(String::new, |limit| format!("%{limit}"));
    let mut text = format!(
        "#!/bin/bash\n#SBATCH --job-name={}\n#SBATCH --array=0-{}{limit}\n#SBATCH --ntasks=1\n\
         #SBATCH --cpus-per-task={}\n#SBATCH --requeue\n#SBATCH --open-mode=append\n\
         #SBATCH --signal=B:USR1@120\n\
         #SBATCH --output={log}\n",
        request.name,
        tasks - 1,
        request.threads,
    );
    for option in &request.options {
        let _ = writeln!(text, "#SBATCH {option}");
    }
    let _ = write!(
        text,
        "\n# Near the time limit: a checkpoint, and this task, never the whole array, goes back \
         to the queue.\n\
         go_on() {{\n    trap '' TERM USR1\n    kill -TERM \"$child\"\n    wait \"$child\"\n    \
         scontrol requeue \"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}\"\n    exit 0\n}}\n\
         trap go_on USR1\n\
         # Preempted or cancelled: a checkpoint; a preempted task is put back by Slurm itself.\n\
         trap 'kill -TERM \"$child\"; wait \"$child\"; exit 143' TERM\n\n\
         cd {} || exit 1\n\
         runs=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {})\n\
         {} run {} --out {} --runs \"$runs\" --threads {} --keep-going --quiet &\n\
         child=$!\nwait \"$child\"\n",
        quoted(&request.directory),
        quoted(lines),
        quoted(&request.program),
        quoted(request.folder.join("study.toml")),
        quoted(&request.folder),
        request.threads,
    );
    text
}

/// Submits a script from the study's `folder` and returns the job's number.
pub(crate) fn submit(script: &Path, folder: &Path) -> anyhow::Result<String> {
    let said = output(Command::new("sbatch").current_dir(folder).arg("--parsable").arg(script))?;
    let job = said.trim().split(';').next().unwrap_or_default();
    if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("sbatch printed `{}` instead of a job's number", said.trim());
    }
    Ok(job.to_owned())
}

/// The tasks of a study's arrays that the queue still knows; empty where nothing was ever
/// submitted.
///
/// # Errors
/// If something was submitted and `squeue` cannot be asked.
pub(crate) fn queue(folder: &Path) -> anyhow::Result<Vec<Task>> {
    let arrays = arrays(folder)?;
    if arrays.is_empty() {
        return Ok(Vec::new());
    }
    let jobs: Vec<&str> = arrays.keys().map(String::as_str).collect();
    let mut command = Command::new("squeue");
    command.args(["-h", "-r", "-t", "all", "-o", "%i|%T|%R", "-j", &jobs.join(",")]);
    match output(&mut command) {
        Ok(said) => Ok(said.lines().filter_map(|line| parse(line, &arrays)).collect()),
        // Slurm forgets jobs some minutes after their end.
        Err(error) if error.to_string().contains("Invalid job id") => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The runs of each task of every array, by the job's number.
fn arrays(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<Vec<String>>>> {
    let mut arrays = BTreeMap::new();
    for number in 0.. {
        let file = |kind: &str| folder.join("slurm").join(format!("array-{number}.{kind}"));
        if !file("tasks").is_file() {
            break;
        }
        if !file("job").is_file() {
            continue;
        }
        let Ok(job) = std::fs::read_to_string(file("job")) else { continue };
        let text = std::fs::read_to_string(file("tasks"))
            .with_context(|| format!("cannot read {}", file("tasks").display()))?;
        let tasks = text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
        arrays.insert(job.trim().to_owned(), tasks);
    }
    Ok(arrays)
}

/// A line of `squeue`: `job_task|state|reason`.
fn parse(line: &str, arrays: &BTreeMap<String, Vec<Vec<String>>>) -> Option<Task> {
    let mut fields = line.splitn(3, '|');
    let (job, task) = fields.next()?.trim().split_once('_')?;
    let task: usize = task.parse().ok()?;
    let state = fields.next()?.trim().to_owned();
    let reason = fields.next().unwrap_or_default().trim().trim_matches(['(', ')']).to_owned();
    let runs = arrays.get(job)?.get(task)?.clone();
    Some(Task { job: job.to_owned(), task, state, reason, runs })
}

/// What a command of Slurm prints.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {name}: is Slurm installed here?"))?;
    if !output.status.success() {
        bail!(
            "{name} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `text` as one word of bash, whatever its bytes.
fn quoted(text: impl AsRef<OsStr>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-%+=:@,".contains(c);
    match text.as_ref().to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) => format!("'{}'", text.replace('\'', "'\\''")),
        None => {
            let bytes = text.as_ref().as_encoded_bytes().iter();
            format!("$'{}'", bytes.map(|byte| format!("\\x{byte:02x}")).collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_learn::data::{Dataset, Images, Split};
    use fewlabel_study::ask::settings::{Budget, Point, RunSettings};
    use std::sync::Arc;

    fn jobs(n: u64) -> Vec<Job> {
        let split = || Split {
            images: Images { height: 28, width: 28, channels: 1, pixels: vec![7; 40 * 784] },
            labels: (0..40).map(|i| i % 2).collect(),
        };
        let data = Arc::new(Dataset::new(
            "d".into(),
            [split(), split(), split()],
            vec!["a".into(), "b".into()],
        ));
        let point = |seed| Point {
            seed,
            regime: "random".into(),
            labels: Budget::Count(10),
            ..Point::default()
        };
        (0..n)
            .map(|seed| {
                Job::new(RunSettings::new(&point(seed), &data).expect("valid"), Arc::clone(&data))
            })
            .collect()
    }

    #[test]
    fn every_run_is_in_one_task_and_arrays_stay_small_enough() {
        let jobs = jobs(25);
        let cost = jobs[0].cost.total();
        for (minutes, most, wanted) in
            [(0.0, 1000, 25), (1.0, 1000, 3), (0.0, 10, 7), (1.0, 2, 2), (1e9, 10, 1)]
        {
            let tasks = tasks(jobs.clone(), minutes, cost / 6.0, most);
            assert_eq!(tasks.len(), wanted, "{minutes} minutes, at most {most}");
            let mut ids: Vec<&String> = tasks.iter().flatten().collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), 25);
        }
    }

    #[test]
    fn a_line_of_the_queue_finds_its_runs() {
        let arrays = BTreeMap::from([(
            "12".to_owned(),
            vec![vec!["aa".to_owned()], vec!["bb".to_owned(), "cc".to_owned()]],
        )]);
        let task = parse("12_1|PENDING|(JobArrayTaskLimit)", &arrays).expect("known");
        assert_eq!((task.task, task.runs.len(), task.reason.as_str()), (1, 2, "JobArrayTaskLimit"));
        assert!(task.is_alive() && !task.is_running());
        assert!(!parse("12_0|COMPLETED|None", &arrays).expect("known").is_alive());
        assert_eq!(parse("12_7|PENDING|None", &arrays), None);
        assert_eq!(parse("slurm_load_jobs error", &arrays), None);
    }

    #[test]
    fn names_with_spaces_and_quotes_survive_the_shell() {
        assert_eq!(quoted("/a/b-c.toml"), "/a/b-c.toml");
        assert_eq!(quoted("it's here"), "'it'\\''s here'");
        assert_eq!(quoted(""), "''");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_no_text_survives_the_shell() {
        let folder = Path::new(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"/caf\xe9"));
        assert_eq!(quoted(folder), r"$'\x2f\x63\x61\x66\xe9'");
        let said = Command::new("bash")
            .arg("-c")
            .arg(format!("printf %s {}", quoted(folder)))
            .output()
            .expect("bash");
        assert_eq!(said.stdout, b"/caf\xe9");
        let request = Request {
            name: "paper".into(),
            options: Vec::new(),
            array_limit: None,
            threads: 1,
            program: "/bin/fewlabel".into(),
            folder: folder.into(),
            directory: "/home".into(),
        };
        let text = script(&request, 3, &folder.join("slurm/array-0.tasks"));
        assert!(text.contains("#SBATCH --output=slurm/%A_%a.log\n"), "{text}");
        assert!(text.contains(&format!("--out {} --runs", quoted(folder))), "{text}");
    }

    #[test]
    fn the_script_puts_back_its_own_task_alone() {
        let request = Request {
            name: "paper".into(),
            options: vec!["--partition=short".into(), "--account=lab".into()],
            array_limit: Some(4),
            threads: 2,
            program: "/bin/fewlabel".into(),
            folder: "/data/my study".into(),
            directory: "/home".into(),
        };
        let text = script(&request, 3, Path::new("/data/my study/slurm/array-0.tasks"));
        for part in [
            "#SBATCH --array=0-2%4\n",
            "#SBATCH --partition=short\n#SBATCH --account=lab\n",
            "scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"",
            "'/data/my study/study.toml'",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("--time"));
    }
}
