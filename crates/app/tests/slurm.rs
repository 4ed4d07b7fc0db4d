//! A grid through a real Slurm of two nodes on the loopback address; skipped, and said so, where
//! Slurm is not installed.

mod stripes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longest wait for anything the cluster does.
const PATIENCE: Duration = Duration::from_secs(60);

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/slurm");

/// 60 runs that take a moment each, but for their data.
const STUDY: &str = "regime = [\"random\", \"da\", \"al\"]\nseeds = 20\nlabels = 12\ninitial = 4\n\
                     epochs = 30\nfirst_epochs = 2\n\
                     width = 4\nloop_width = 2\n";

/// The cluster, ended in any case.
struct Cluster(tempfile::TempDir);

impl Cluster {
    /// Starts one, if Slurm is installed and may be started by this user.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let found = Command::new("sh")
            .args(["-c", "command -v slurmctld && command -v slurmd"])
            .output()
            .expect("a shell");
        let user = Command::new("id").arg("-u").output().expect("id");
        if !found.status.success() || user.stdout != b"0\n" {
            eprintln!(
                "SKIPPED: slurmctld is not installed (Debian: slurm-wlm), or this is not root"
            );
            return None;
        }
        let cluster = Self(folder);
        let up = Command::new(format!("{SCRIPTS}/up.sh"))
            .arg(cluster.0.path())
            .output()
            .expect("started");
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        Some(cluster)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Output {
        let conf = self.0.path().join("slurm.conf");
        Command::new(program).args(arguments).env("SLURM_CONF", conf).output().expect("started")
    }

    fn fewlabel(&self, arguments: &[&str]) -> String {
        let output = self.command(env!("CARGO_BIN_EXE_fewlabel"), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    /// The states of all tasks, `job_task state node`.
    fn queue(&self) -> Vec<String> {
        let output = self.command("squeue", &["-h", "-r", "-t", "all", "-o", "%i %T %N"]);
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Waits until no task waits or runs; tasks put back start at once instead of after Slurm's two
    /// minutes.
    fn wait(&self) {
        let started = Instant::now();
        loop {
            let left: Vec<String> = self
                .queue()
                .into_iter()
                .filter(|task| !["COMPLETED", "FAILED"].iter().any(|end| task.contains(end)))
                .collect();
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "still in the queue: {left:?}");
            for task in left.iter().filter(|task| task.contains("PENDING")) {
                let id = task.split(' ').next().unwrap_or_default();
                self.command("scontrol", &["update", &format!("JobId={id}"), "StartTime=now"]);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Kills a node as a power cut would: its daemon, and every process that holds its spool or
    /// runs its script.
    fn kill_node(&self, node: &str) {
        let daemon = fs::read_to_string(self.0.path().join("run").join(format!("{node}.pid")))
            .expect("a number");
        let mut doomed = vec![daemon.trim().parse::<u32>().expect("a number")];
        let spool = self.0.path().join("spool").join(node).display().to_string();
        for (process, parent, line) in processes() {
            if line.contains(&spool)
                || (line.starts_with("slurmstepd") && self.is_on(process, node))
                || doomed.contains(&parent)
            {
                doomed.push(process);
            }
        }
        for _ in 0..5 {
            let children = processes()
                .into_iter()
                .filter(|(_, parent, _)| doomed.contains(parent))
                .map(|(child, ..)| child);
            let new: Vec<u32> = children.filter(|child| !doomed.contains(child)).collect();
            doomed.extend(new);
        }
        for process in doomed {
            let _ = Command::new("kill").args(["-9", &process.to_string()]).output();
        }
    }

    /// Whether a slurmstepd or one of its children was started on the node of this cluster.
    fn is_on(&self, process: u32, node: &str) -> bool {
        let conf = self.0.path().join("slurm.conf").display().to_string();
        let of = |process: u32| fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let children = processes()
            .into_iter()
            .filter(|(_, parent, _)| *parent == process)
            .map(|(child, ..)| child);
        children.map(of).any(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.contains(&format!("SLURM_CONF={conf}"))
                && text.contains(&format!("SLURMD_NODENAME={node}\0"))
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(format!("{SCRIPTS}/down.sh")).arg(self.0.path()).output();
    }
}

/// Number, parent and command line of every process.
fn processes() -> Vec<(u32, u32, String)> {
    let output = Command::new("ps").args(["-eo", "pid=,ppid=,args="]).output().expect("ps");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let (process, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((process, parent, words.collect::<Vec<_>>().join(" ")))
    };
    text.lines().filter_map(parse).collect()
}

/// Waits for something.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn results(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("results.csv")).expect("a table")
}

#[test]
fn a_grid_through_slurm_has_the_bytes_of_one_machine() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> (PathBuf, String) {
        let path = folder.path().join(name);
        (path.clone(), path.display().to_string())
    };
    let study_name = stripes::study_in(folder.path(), STUDY);
    let ((local, local_name), (out, out_name)) = (path("local"), path("cluster"));
    cluster.fewlabel(&["run", &study_name, "--quiet", "--out", &local_name]);
    let some_run = fs::read_dir(local.join("runs"))
        .expect("listed")
        .next()
        .expect("a run")
        .expect("an entry")
        .file_name();

    // A file where a run's folder belongs makes one task fail.
    fs::create_dir_all(out.join("runs")).expect("made");
    let obstacle = out.join("runs").join(&some_run);
    fs::write(&obstacle, "in the way").expect("written");
    let submit = [
        "submit",
        &study_name,
        "--slurm",
        "--task-minutes",
        "0",
        "--threads",
        "1",
        "--out",
        &out_name,
    ];
    let script = cluster.fewlabel(&[&submit[..], &["--dry-run"]].concat());
    assert!(script.starts_with("#!/bin/bash\n#SBATCH") && !out.join("slurm").exists(), "{script}");
    let job = cluster.fewlabel(&submit);
    assert!(job.trim().parse::<u32>().is_ok(), "{job}");
    let tasks = fs::read_to_string(out.join("slurm/array-0.tasks")).expect("tasks").lines().count();
    assert!((4..=8).contains(&tasks), "{tasks} tasks, with MaxArraySize 8");
    until("a task on each node", || {
        ["n1", "n2"].iter().all(|node| {
            cluster.queue().iter().any(|task| task.ends_with(&format!("RUNNING {node}")))
        })
    });
    let status = cluster.fewlabel(&["status", &out_name]);
    assert!(status.contains("slurm: 2 tasks running"), "{status}");
    cluster.kill_node("n2");
    cluster.wait();

    let failed = cluster.queue().iter().filter(|task| task.contains("FAILED")).count();
    assert_eq!(failed, 1, "{:?}", cluster.queue());
    fs::remove_file(&obstacle).expect("removed");
    cluster.fewlabel(&submit);
    cluster.wait();
    assert!(results(&local) == results(&out), "results.csv depends on where it was computed");
    let status = cluster.fewlabel(&["status", &out_name, "--json"]);
    assert!(status.contains("\"done\": 60"), "{status}");
}

/// One run that takes many seconds, so that a notice meets it.
const LONG: &str = "regime = \"al\"\nseeds = 1\nlabels = 30\ninitial = 4\nepochs = 1200\n\
                    first_epochs = 2\nwidth = 4\nloop_width = 2\n";

#[test]
fn a_task_near_its_time_limit_goes_back_to_the_queue_and_goes_on() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let study_name = stripes::study_in(folder.path(), LONG);
    let [local, out] = ["local", "cluster"].map(|name| folder.path().join(name));
    let [local_name, out_name] = [&local, &out].map(|path| path.display().to_string());
    let submit =
        ["submit", &study_name, "--slurm", "--time", "60", "--threads", "1", "--out", &out_name];
    let script = cluster.fewlabel(&[&submit[..], &["--dry-run"]].concat());
    assert!(script.contains("#SBATCH --signal=B:USR1@120\n"), "{script}");
    let task = format!("{}_0", cluster.fewlabel(&submit).trim());
    let has = |name: &str| {
        let runs = fs::read_dir(out.join("runs")).into_iter().flatten();
        runs.map(|run| run.expect("an entry").path().join(name)).any(|path| path.is_file())
    };
    until("the run to start", || has("epochs.jsonl"));
    // What the controller sends 120 seconds before the limit, to the script alone; now, so that
    // nobody waits for it.
    assert!(cluster.command("scancel", &["--signal=USR1", "--batch", &task]).status.success());
    until("the task to wait again", || cluster.queue().iter().any(|task| task.contains("PENDING")));
    assert!(has("checkpoint.bin") && !has("result.json"));
    // A node refuses a job that comes back within the second; Slurm itself would wait for two
    // minutes.
    std::thread::sleep(Duration::from_secs(3));
    cluster.wait();
    cluster.fewlabel(&["run", &study_name, "--quiet", "--out", &local_name]);
    assert!(
        results(&local) == results(&out),
        "results.csv depends on the notice: {:?}",
        cluster.queue()
    );
    let timings = fs::read_to_string(out.join("timings.csv")).expect("a table");
    let run: Vec<&str> = timings.lines().nth(1).expect("a run").split(',').collect();
    assert_eq!(run[7..9], ["1", "2"], "one thread, two starts: {timings}");
}
