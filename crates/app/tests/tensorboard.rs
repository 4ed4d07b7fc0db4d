//! Event files as TensorBoard's own reader sees them; skipped, and said so, without Python or its
//! package tensorboard.

mod stripes;

use std::process::Command;

const STUDY: &str = "regime = [\"random\", \"al\"]\nseeds = 2\nlabels = 12\ninitial = 4\n\
                     epochs = 3\nfirst_epochs = 2\nwidth = 2\nloop_width = 2\n";

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn tensorboard_reads_what_the_records_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), STUDY);
    let out = folder.path().join("out");
    let run = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .args(["run", &study, "--tensorboard", "--quiet", "--out"])
        .arg(&out)
        .output()
        .expect("started");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let python = std::env::var("FEWLABEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/check_tensorboard.py");
    let Ok(check) = Command::new(&python).arg(script).arg(&out).output() else {
        eprintln!("SKIPPED: {python} cannot be started");
        return;
    };
    let said = [check.stdout, check.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    if check.status.code() == Some(77) {
        eprintln!("{}: set FEWLABEL_PYTHON to a Python that has it", said.trim());
        return;
    }
    assert!(check.status.success(), "{said}");
}
