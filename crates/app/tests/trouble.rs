//! What may happen to a grid: signals, runs that fail, a full disk, a folder that goes away.

mod stripes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// One run that takes many seconds, so that a signal meets it.
const LONG: &str = "regime = \"al\"\nseeds = 1\nlabels = 30\ninitial = 4\nepochs = 800\n\
                    first_epochs = 2\nwidth = 4\nloop_width = 2\n";

/// Three runs that take a moment each.
const SHORT: &str = "regime = \"random\"\nseeds = 3\nlabels = 12\ninitial = 4\nepochs = 2\n\
                     width = 2\nloop_width = 2\n";

fn command(arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewlabel"));
    command.args(arguments).arg("--out").arg(out);
    command
}

fn run(study: &str, more: &[&str], out: &Path) -> Output {
    command(&[&["run", study, "--quiet", "--threads", "1"], more].concat(), out)
        .output()
        .expect("started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A process whose words go into a file, and that file.
fn start(study: &str, out: &Path) -> (Child, PathBuf) {
    let log = out.with_extension("log");
    let file = fs::File::create(&log).expect("made");
    let mut command = command(&["run", study, "--threads", "1"], out);
    (command.stdout(Stdio::null()).stderr(file).spawn().expect("started"), log)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folders of the runs, sorted.
fn runs(out: &Path) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = fs::read_dir(out.join("runs"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    runs.sort();
    runs
}

#[test]
fn a_signal_leaves_a_checkpoint_and_a_code_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), LONG);
    let whole = folder.path().join("whole");
    assert!(run(&study, &[], &whole).status.success());
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = folder.path().join(signal);
        let (mut child, log) = start(&study, &out);
        until("the run to start", || {
            fs::read_to_string(&log).expect("read").contains("started al seed=0")
        });
        assert!(
            Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .expect("sent")
                .success()
        );
        assert_eq!(child.wait().expect("ended").code(), Some(code));
        let text = fs::read_to_string(&log).expect("read");
        assert!(text.ends_with("stopped; the same command goes on from here\n"), "{text}");
        assert!(runs(&out)[0].join("checkpoint.bin").is_file());
        assert!(run(&study, &[], &out).status.success());
        let [a, b] =
            [&whole, &out].map(|out| fs::read(runs(out)[0].join("epochs.jsonl")).expect("read"));
        assert!(a == b, "{signal} changed a run");
    }
}

#[test]
fn a_failed_run_is_recorded_and_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let [whole, out] = ["whole", "out"].map(|name| folder.path().join(name));
    assert!(run(&study, &[], &whole).status.success());
    // A folder where a record belongs.
    let id = runs(&whole)[0].file_name().expect("a name").to_owned();
    let obstacle = out.join("runs").join(&id).join("epochs.jsonl");
    fs::create_dir_all(&obstacle).expect("made");
    let output = run(&study, &["--keep-going"], &out);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("error: 1 of 3 runs failed; the first: random seed"),
        "{}",
        said(&output)
    );
    let status = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .arg("status")
        .arg(&out)
        .output()
        .expect("started");
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        status
            .starts_with("3 runs planned: done 2, running 0, stopped 0, failed 1, not started 0\n"),
        "{status}"
    );
    let reason = "epochs.jsonl: is a folder, expected a file\n";
    assert!(
        status.contains(&format!("failed {}: ", id.display())) && status.ends_with(reason),
        "{status}"
    );
    fs::remove_dir(&obstacle).expect("removed");
    assert!(run(&study, &[], &out).status.success());
    let [a, b] = [&whole, &out].map(|out| fs::read(out.join("results.csv")).expect("a table"));
    assert!(a == b && !out.join("runs").join(&id).join("failed.json").exists());
}

#[test]
fn the_first_failure_ends_a_grid_that_does_not_keep_going() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let [whole, out] = ["whole", "out"].map(|name| folder.path().join(name));
    assert!(run(&study, &[], &whole).status.success());
    // The runs cost the same: they are taken in the order of their ids.
    let id = runs(&whole)[0].file_name().expect("a name").to_owned();
    fs::create_dir_all(out.join("runs").join(id).join("epochs.jsonl")).expect("made");
    assert_eq!(run(&study, &[], &out).status.code(), Some(1));
    assert_eq!(
        fs::read_to_string(out.join("results.csv")).expect("a table").lines().count(),
        1,
        "the header alone"
    );
}

#[test]
fn a_folder_that_goes_away_is_said_and_not_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), &LONG.replace("seeds = 1", "seeds = 2"));
    let out = folder.path().join("out");
    let (mut child, log) = start(&study, &out);
    until("the run to start", || {
        fs::read_to_string(&log).expect("read").contains("started al seed")
    });
    // A file that is made meanwhile may be in the way of the first try.
    until("the folder to go", || fs::remove_dir_all(&out).is_ok());
    assert_eq!(child.wait().expect("ended").code(), Some(1));
    let text = fs::read_to_string(&log).expect("read");
    let last = text.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("error: ") && last.contains("runs failed; the first: al seed"),
        "{text}"
    );
    assert!(!out.exists(), "half a study was put back");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_full_disk_is_said_and_what_was_recorded_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), &SHORT.replace("seeds = 3", "seeds = 12"));
    let [whole, small] = ["whole", "small"].map(|name| folder.path().join(name));
    assert!(run(&study, &[], &whole).status.success());
    fs::create_dir(&small).expect("made");
    let mount = |size: &str| {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(&small)
            .output()
            .is_ok_and(|done| done.status.success())
    };
    if !mount("size=96k") {
        eprintln!("SKIPPED: a small disk cannot be mounted here");
        return;
    }
    let out = small.join("out");
    let full = run(&study, &["--keep-going"], &out);
    let states = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .arg("status")
        .arg(&out)
        .output()
        .expect("started");
    let is_larger = mount("remount,size=64m");
    let end = run(&study, &[], &out);
    let tables = [&whole, &out].map(|out| fs::read(out.join("results.csv")));
    let _ = Command::new("umount").arg(&small).output();
    assert!(is_larger);
    assert_eq!(full.status.code(), Some(1));
    assert!(said(&full).contains("No space left on device"), "{}", said(&full));
    assert!(
        said(&full).lines().last().is_some_and(|line| line.starts_with("error: ")),
        "{}",
        said(&full)
    );
    assert!(
        String::from_utf8_lossy(&states.stdout).starts_with("12 runs planned: done "),
        "{states:?}"
    );
    assert!(end.status.success(), "{}", said(&end));
    let [a, b] = tables.map(|table| table.expect("a table"));
    assert!(a == b, "results.csv depends on the disk");
}
