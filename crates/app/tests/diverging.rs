//! Training that leaves the numbers: said with its epoch, recorded as failed, and nothing kept that
//! does not read back.

mod stripes;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Twelve runs, of which the two of `da` with 12 labels learn far too fast.
const TWELVE: &str = "regime = [\"random\", \"al\", \"da\"]\nseeds = 2\nlabels = [8, 12]\n\
                      initial = 4\nepochs = 3\nfirst_epochs = 1\n\
    width = 2\nloop_width = 2\n[[conditions]]\nwhen = { regime = \"da\", labels = 12 }\n\
    set = { learning_rate = 1e30 }\n";

fn fewlabel(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fewlabel")).args(arguments).output().expect("started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The number of seeds of every cell that a grid ends with.
fn seeds(output: &Output) -> Vec<usize> {
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    let cells = document["cells"].as_array().expect("cells");
    cells.iter().map(|cell| cell["seeds"].as_array().expect("seeds").len()).collect()
}

fn is_said(text: &str, epoch: &str) -> bool {
    text.contains(&format!("training diverged at {epoch} ("))
        && text.contains("): lower the learning rate")
}

#[test]
fn ten_runs_go_on_and_two_that_diverge_are_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TWELVE);
    let out = folder.path().join("out");
    let place = out.to_str().expect("a path");
    let mut pages = Vec::new();
    for _ in 0..2 {
        let ran =
            fewlabel(&["run", &study, "--keep-going", "--threads", "2", "--json", "--out", place]);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert_eq!(seeds(&ran), [2; 5], "{}", text(&ran.stdout));
        assert!(
            said.contains("error: 2 of 12 runs failed; the first: da final.learning_rate=1e+30 "),
            "{said}"
        );
        assert_eq!(said.matches("\nfailed da final.learning_rate=1e+30 ").count(), 2, "{said}");
        pages.push((
            said.matches("\nfinished ").count(),
            fs::read_to_string(out.join("report.html")).expect("a page"),
        ));
    }
    assert_eq!((pages[0].0, pages[1].0), (10, 0), "only the two are computed again");
    assert!(
        pages
            .iter()
            .all(|(_, page)| page.contains("10 finished runs") && page.contains("2 not included"))
    );

    let status = text(&fewlabel(&["status", place]).stdout);
    let head = "12 runs planned: done 10, running 0, stopped 0, failed 2, not started 0\n";
    assert!(status.starts_with(head), "{status}");
    let failed: Vec<&str> = status.lines().skip(1).collect();
    assert!(failed.len() == 2 && failed.iter().all(|line| is_said(line, "epoch 1")), "{status}");

    let submit = fewlabel(&["submit", &study, "--slurm", "--dry-run", "--out", place]);
    let listed: Vec<String> = text(&submit.stdout)
        .lines()
        .filter(|line| line.contains(" labels=12"))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed.len(), 2, "{}", text(&submit.stdout));
    for line in &failed {
        let id = line.split([' ', ':']).nth(1).expect("an id");
        assert!(
            listed.iter().any(|listed| listed.starts_with(&format!("# {id} "))),
            "{id} in {listed:?}"
        );
    }
    assert_eq!(fs::read_to_string(out.join("results.csv")).expect("a table").lines().count(), 11);
    check_numbers(&out);
}

/// No record, table or document below a folder has a number that is none.
fn check_numbers(folder: &Path) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            check_numbers(&path);
        } else if path
            .extension()
            .is_some_and(|kind| ["json", "jsonl", "csv"].iter().any(|known| kind == *known))
        {
            let text = fs::read_to_string(&path).expect("text");
            // Why a run failed is no number.
            if !path.ends_with("failed.json") {
                assert!(
                    !text.contains("null") && !text.contains("NaN") && !text.contains("inf"),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn an_encoder_that_diverges_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let _study = stripes::study_in(folder.path(), TWELVE);
    let [data, encoder] =
        ["stripes.npz", "e.safetensors"].map(|name| folder.path().join(name).display().to_string());
    let pretrain = |rate: &str| {
        let size = ["--width", "2", "--epochs", "2", "--batch-size", "20", "--quiet"];
        fewlabel(
            &[
                &["pretrain", "--data", &data, "--out", &encoder, "--learning-rate", rate][..],
                &size,
            ]
            .concat(),
        )
    };
    let before = fs::read_dir(folder.path()).expect("listed").count();
    for method_rate in ["1e6", "1e30"] {
        let made = pretrain(method_rate);
        assert!(
            made.status.code() == Some(1) && is_said(&text(&made.stderr), "epoch 1"),
            "{}",
            text(&made.stderr)
        );
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), before, "nothing is left");
    }
    assert!(pretrain("1e-3").status.success(), "no checkpoint of the other rate is in the way");
}
