//! Folders that earlier versions left go on: what they finished counts and is not computed again,
//! what is missing is added.

mod stripes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// See `earlier/README.md`: the folder, its runs, and whether its arithmetic was another.
const FOLDERS: [(&str, usize, bool); 3] =
    [("before-mixing", 2, true), ("before-pretrain", 2, true), ("before-ensemble", 3, false)];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let place = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, &place).expect("copied");
        }
    }
}

/// The records of every run, by folder and name.
fn records(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for run in fs::read_dir(out.join("runs")).expect("listed") {
        for file in fs::read_dir(run.expect("a run").path()).expect("listed") {
            let path = file.expect("a record").path();
            found.insert(
                path.strip_prefix(out).expect("below").to_owned(),
                fs::read(&path).expect("read"),
            );
        }
    }
    found
}

/// Runs the program where the data lie under the name that the earlier version was given.
fn fewlabel(place: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fewlabel"));
    let output = command.args(arguments).current_dir(place).output().expect("started");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn folders_of_earlier_versions_go_on() {
    for (name, runs, is_other_arithmetic) in FOLDERS {
        let place = tempfile::tempdir().expect("a folder");
        let (place, out) = (place.path(), place.path().join("out"));
        let _study = stripes::study_in(place, "");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier").join(name), &out);
        let (before, table) = (records(&out), fs::read(out.join("results.csv")).expect("a table"));

        let status = |place: &Path| {
            String::from_utf8(fewlabel(place, &["status", "out"]).stdout).expect("text")
        };
        let all_done = format!(
            "{runs} runs planned: done {runs}, running 0, stopped 0, failed 0, not started 0\n"
        );
        assert_eq!(status(place), all_done, "{name}");
        let submit =
            fewlabel(place, &["submit", "out/study.toml", "--slurm", "--dry-run", "--out", "out"]);
        assert_eq!(
            said(&submit),
            format!("nothing to submit: {runs} runs done or in the queue\n"),
            "{name}"
        );
        let ran = fewlabel(place, &["run", "out/study.toml", "--out", "out"]);
        assert!(!said(&ran).contains("finished "), "{name}: {}", said(&ran));
        assert!(records(&out) == before, "{name}: a record changed");
        assert!(
            fs::read(out.join("results.csv")).expect("a table") == table,
            "{name}: the table changed"
        );
        assert_eq!(status(place), all_done, "{name}: the list of runs names those that are there");

        // The same bytes elsewhere and under another name are the same data.
        fs::create_dir(place.join("moved")).expect("made");
        fs::rename(place.join("stripes.npz"), place.join("moved/bands.npz")).expect("moved");
        let moved = ["run", "out/study.toml", "--out", "out", "--set", "data=moved/bands.npz"];
        let ran = fewlabel(place, &moved);
        assert!(
            !said(&ran).contains("finished ") && records(&out) == before,
            "{name}: {}",
            said(&ran)
        );

        let part = fewlabel(place, &[&moved[..], &["--shard", "0/2", "--quiet"]].concat());
        assert!(records(&out) == before, "{name}: {}", said(&part));

        // A further seed is computed; means are over both, and the mixture is said.
        let ran = fewlabel(place, &[&moved[..], &["--set", "seeds=2", "--json"]].concat());
        assert_eq!(said(&ran).matches("\nfinished ").count(), runs, "{name}: {}", said(&ran));
        let all = 2 * runs;
        assert!(
            status(place)
                .starts_with(&format!("{all} runs planned: done {all}, running 0, stopped 0, ")),
            "{name}"
        );
        let document: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("a document");
        let cells = document["cells"].as_array().expect("cells");
        assert_eq!(cells.len(), runs, "{name}: {document}");
        assert!(
            cells.iter().all(|cell| cell["seeds"] == serde_json::json!([0, 1])),
            "{name}: {document}"
        );
        let mixture = "note: runs of several numeric versions stand side by side";
        assert_eq!(said(&ran).contains(mixture), is_other_arithmetic, "{name}: {}", said(&ran));
        let page = fs::read_to_string(out.join("report.html")).expect("a page");
        assert_eq!(
            page.contains("runs of several numeric versions"),
            is_other_arithmetic,
            "{name}"
        );
        assert!(
            before.iter().all(|(path, bytes)| records(&out).get(path) == Some(bytes)),
            "{name}: a record changed"
        );
    }
}

#[test]
fn other_bytes_are_another_study() {
    let place = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(
        place.path(),
        "regime = \"random\"\nseeds = 1\nlabels = 12\nepochs = 1\nwidth = 2\n",
    );
    let out = place.path().join("out").display().to_string();
    fewlabel(place.path(), &["run", &study, "--quiet", "--out", &out]);
    let elsewhere = place.path().join("elsewhere.npz");
    fs::copy(place.path().join("stripes.npz"), &elsewhere).expect("copied");
    let run = |more: &[&str]| {
        let fixed = ["run", &study, "--quiet", "--out", &out];
        Command::new(env!("CARGO_BIN_EXE_fewlabel"))
            .args([&fixed[..], more].concat())
            .output()
            .expect("started")
    };
    let moved = format!("data={:?}", elsewhere.display().to_string());
    assert!(run(&["--set", &moved]).status.success(), "the same bytes");
    let output = run(&["--set", "data=phantom"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("holds another study (its study.toml differs in data)"),
        "{}",
        said(&output)
    );
}

/// The study that the repository keeps is begun under today's version by its own file.
#[test]
fn the_committed_study_goes_on_with_its_own_file() {
    let place = tempfile::tempdir().expect("a folder");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies/results/paper-phantom");
    let out = place.path().join("out");
    copy(&kept, &out);
    let study = fs::read_to_string(out.join("study.toml")).expect("a study");
    let folder = fewlabel_study::store::study_dir::Folder::claim(&out, &{
        let study = fewlabel_study::ask::study_file::Study::parse(&study, "study.toml", &[])
            .expect("a study");
        study.resolved()
    });
    folder.expect("the same study");
    assert_eq!(
        fs::read_to_string(out.join("study.toml")).expect("a study"),
        study,
        "the file stays as it was"
    );
}
