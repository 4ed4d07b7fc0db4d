//! A grid whose processes are killed again and again, two at a time on one folder.

mod stripes;

use fewlabel_study::store::study_dir::{Folder, State};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// 18 runs over all regimes.
const STUDY: &str = "regime = [\"full\", \"random\", \"da\", \"al\", \"alda\", \"alpa\"]\n\
                     seeds = 3\nlabels = 20\ninitial = 4\nepochs = 40\n\
                     first_epochs = 2\nwidth = 4\nloop_width = 2\n";

const KILLS: usize = 6;

/// One process on the study, on one thread; what it says is added to `log`.
fn start(study: &str, out: &Path, log: &Path) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log).expect("opened");
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewlabel"));
    command
        .args(["run", study, "--threads", "1", "--out"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(log);
    command.spawn().expect("started")
}

/// How often each run was said to be finished.
fn finished(logs: &[&Path]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for log in logs {
        let text = fs::read_to_string(log).expect("read");
        for line in text.lines().filter_map(|line| line.strip_prefix("finished ")) {
            *counts.entry(line.split(':').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn two_processes_killed_at_any_moment_leave_the_tables_of_an_undisturbed_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), STUDY);
    let path = |name: &str| folder.path().join(name);
    let (whole, broken, calm) = (path("whole"), path("broken"), path("calm.log"));
    let begun = std::time::Instant::now();
    assert!(start(&study, &whole, &calm).wait().expect("ended").success());
    let length = begun.elapsed();
    assert_eq!(finished(&[&calm]).len(), 18);

    let logs = [path("one.log"), path("two.log")];
    let mut children = logs.each_ref().map(|log| start(&study, &broken, log));
    for kill in 0..KILLS {
        // Uneven pauses within the length of the grid; which moment of a run they hit is left to
        // the machine.
        std::thread::sleep(
            length * (1 + kill as u32 * 5 % 7) / 28 + Duration::from_millis(7 * kill as u64),
        );
        let doomed = kill * 3 % 4 / 2;
        children[doomed].kill().expect("killed or ended");
        children[doomed].wait().expect("ended");
        children[doomed] = start(&study, &broken, &logs[doomed]);
    }
    for child in &mut children {
        assert!(child.wait().expect("ended").success());
    }

    let states = Folder::open(&broken).expect("a study").states().expect("listed");
    assert!(
        states.len() == 18 && states.iter().all(|(_, state)| *state == State::Done),
        "{states:?}"
    );
    let twice: Vec<_> =
        finished(&[&logs[0], &logs[1]]).into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(twice.is_empty(), "computed more than once: {twice:?}");
    for table in ["results.csv", "epochs.csv", "queries.csv"] {
        let read = |folder: &Path| fs::read(folder.join(table)).expect("a table");
        assert!(read(&whole) == read(&broken), "{table} depends on the kills");
    }
    assert!(File::open(broken.join("report.html")).is_ok());
}
