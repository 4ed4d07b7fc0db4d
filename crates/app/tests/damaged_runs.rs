//! Records that were damaged, edited or swapped: one notion of a valid run for `status`, `report`,
//! `submit` and `run`.

mod stripes;

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Three runs that take a moment each.
const SHORT: &str = "regime = \"random\"\nseeds = 3\nlabels = 12\ninitial = 4\nepochs = 2\n\
                     width = 2\nloop_width = 2\n";

/// Nothing here may take long: what is no file is not waited for.
fn fewlabel(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("fewlabel").expect("the program");
    command.args(arguments).timeout(Duration::from_secs(180)).output().expect("ended in time")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The folders of the runs, sorted; those that were set aside are left out.
fn runs(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out.join("runs"))
        .expect("listed")
        .map(|entry| entry.expect("an entry").path());
    let mut runs: Vec<PathBuf> =
        entries.filter(|path| !path.display().to_string().contains(".damaged-")).collect();
    runs.sort();
    runs
}

fn edit(file: &Path, change: impl Fn(&mut serde_json::Value)) {
    let mut value = serde_json::from_slice(&fs::read(file).expect("read")).expect("JSON");
    change(&mut value);
    fs::write(file, serde_json::to_vec_pretty(&value).expect("JSON")).expect("written");
}

fn make_pipe(file: &Path) {
    fs::remove_file(file).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(file).status().expect("started").success());
}

/// What is done to the first run, the file that is named, and why.
type Damage = (fn(&Path), &'static str, &'static str);

const DAMAGES: [Damage; 10] = [
    (
        |run| fs::remove_file(run.join("settings.json")).expect("removed"),
        "",
        "it has no settings.json",
    ),
    (
        |run| fs::write(run.join("settings.json"), "{\"form").expect("written"),
        "settings.json",
        "EOF while parsing",
    ),
    (
        |run| {
            edit(&run.join("settings.json"), |settings| {
                settings["plan"]["training"]["epochs"] = 40.into()
            })
        },
        "settings.json",
        "it was changed or swapped",
    ),
    (
        |run| edit(&run.join("result.json"), |result| result["test"]["accuracy"] = 0.99.into()),
        "result.json",
        "test: accuracy is 0.99, but ",
    ),
    (
        |run| {
            edit(&run.join("result.json"), |result| {
                result["labels"] = 1_000_000_000_000_000u64.into()
            })
        },
        "result.json",
        "says 1000000000000000 labels and lists 12",
    ),
    (
        |run| edit(&run.join("result.json"), |result| result["format"] = 99.into()),
        "result.json",
        "is of format 99; this program reads up to 1",
    ),
    (
        |run| {
            edit(&run.join("result.json"), |result| {
                result["validation"]["nll"] = serde_json::Value::Null
            })
        },
        "result.json",
        "invalid type: null",
    ),
    (
        |run| make_pipe(&run.join("result.json")),
        "result.json",
        "is a pipe or a device, expected a file",
    ),
    (
        |run| {
            fs::File::create(run.join("epochs.jsonl"))
                .and_then(|file| file.set_len(1 << 40))
                .expect("sparse")
        },
        "epochs.jsonl",
        "has 1099511627776 bytes, expected 268435456 at most",
    ),
    (
        |run| make_pipe(&run.join("timing.json")),
        "timing.json",
        "is a pipe or a device, expected a file",
    ),
];

#[test]
fn a_damaged_run_is_named_by_all_and_computed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let out = folder.path().join("out");
    let place = out.to_str().expect("a path");
    assert!(fewlabel(&["run", &study, "--quiet", "--out", place]).status.success());
    let (table, first) =
        (fs::read(out.join("results.csv")).expect("a table"), runs(&out)[0].clone());
    let id = first.file_name().expect("a name").to_str().expect("text").to_owned();
    for (number, (damage, file, why)) in (1..).zip(DAMAGES) {
        damage(&first);
        let named =
            format!("damaged: {}", first.join(file).display().to_string().trim_end_matches('/'));
        let is_named =
            |said: &str| said.lines().any(|line| line.starts_with(&named) && line.contains(why));
        let status = text(&fewlabel(&["status", place]).stdout);
        assert!(
            status.starts_with("3 runs planned: done 2, ") && is_named(&status),
            "{why}: {status}"
        );
        let report = fewlabel(&["report", place, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).expect("a document");
        let trouble = &report["troubles"][0];
        assert_eq!(
            (&report["runs"], &trouble["kind"]),
            (&2.into(), &"damaged".into()),
            "{why}: {report}"
        );
        let what = trouble["what"].as_str().expect("a sentence");
        assert!(what.contains(file) && what.contains(why), "{what}");
        let submit =
            text(&fewlabel(&["submit", &study, "--slurm", "--dry-run", "--out", place]).stdout);
        let listed: Vec<&str> =
            submit.lines().skip_while(|line| *line != "# The runs:").skip(1).collect();
        assert!(
            listed.len() == 1 && listed[0].starts_with(&format!("# {id} ")),
            "{why}: {listed:?}"
        );
        // Naming the run leaves out the figures, which take longest.
        let ran = fewlabel(&["run", &study, "--out", place, "--runs", &id]);
        let said = text(&ran.stderr);
        assert!(ran.status.success() && is_named(&said), "{why}: {said}");
        assert!(
            said.contains(&format!(
                "; moved to runs/{id}.damaged-{number}: computing this run again"
            )),
            "{said}"
        );
        assert_eq!(said.matches("\nfinished ").count(), 1, "{why}: {said}");
        assert!(out.join("runs").join(format!("{id}.damaged-{number}")).is_dir());
        assert!(fs::read(out.join("results.csv")).expect("a table") == table, "{why}");
        let status = text(&fewlabel(&["status", place]).stdout);
        assert_eq!(
            status, "3 runs planned: done 3, running 0, stopped 0, failed 0, not started 0\n",
            "{why}"
        );
    }
}

#[test]
fn settings_that_changed_places_are_two_damaged_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let out = folder.path().join("out");
    let place = out.to_str().expect("a path");
    assert!(fewlabel(&["run", &study, "--quiet", "--out", place]).status.success());
    let table = fs::read(out.join("results.csv")).expect("a table");
    let [a, b] = [0, 1].map(|number| runs(&out)[number].join("settings.json"));
    let other = fs::read(&a).expect("read");
    fs::copy(&b, &a).expect("copied");
    fs::write(&b, other).expect("written");
    let status = text(&fewlabel(&["status", place]).stdout);
    assert!(
        status.starts_with("3 runs planned: done 1, ") && status.contains(", damaged 2\n"),
        "{status}"
    );
    assert!(fewlabel(&["run", &study, "--quiet", "--out", place]).status.success());
    assert!(fs::read(out.join("results.csv")).expect("a table") == table);
}

#[test]
fn a_report_goes_where_out_says_and_leaves_the_study_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let [out, elsewhere] = ["out", "else/where"].map(|name| folder.path().join(name));
    let [place, other] = [&out, &elsewhere].map(|path| path.to_str().expect("a path"));
    assert!(fewlabel(&["run", &study, "--quiet", "--out", place]).status.success());
    let files = || {
        let entries = fs::read_dir(&out).expect("listed").map(|entry| entry.expect("an entry"));
        let mut files: Vec<_> = entries
            .map(|entry| {
                (entry.path(), entry.metadata().and_then(|file| file.modified()).expect("a time"))
            })
            .collect();
        files.sort();
        files
    };
    let before = files();
    let report = fewlabel(&["report", place, "--out", other]);
    assert!(report.status.success(), "{}", text(&report.stderr));
    assert!(files() == before, "the study's folder was written");
    for name in
        ["results.csv", "timings.csv", "epochs.csv", "queries.csv", "report.html", "figures"]
    {
        assert!(elsewhere.join(name).exists(), "{name}");
    }
    assert!(
        fs::read(out.join("results.csv")).expect("a table")
            == fs::read(elsewhere.join("results.csv")).expect("too")
    );
}

#[test]
fn control_characters_of_names_do_not_reach_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), SHORT);
    let hostile = folder.path().join("\u{1b}[31mred\u{7}.npz");
    fs::rename(folder.path().join("stripes.npz"), &hostile).expect("renamed");
    let out = folder.path().join("out");
    let place = out.to_str().expect("a path");
    let data = format!("data=\"{}/\\u001b[31mred\\u0007.npz\"", folder.path().display());
    let set = ["--set", &data, "--set", "labels=[8, 12]"];
    for more in [&["--dry-run"][..], &[], &["--json"]] {
        let ran = fewlabel(&[&["run", &study, "--out", place][..], &set, more].concat());
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let said = text(&ran.stdout) + &text(&ran.stderr);
        assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{said:?}");
    }
    let report = fewlabel(&["report", place, "--format", "md"]);
    assert!(text(&report.stdout).chars().all(|c| c == '\n' || !c.is_control()));
    let status = fewlabel(&["status", place]);
    assert!(text(&status.stdout).starts_with("6 runs planned: done 6"), "{}", text(&status.stdout));
}
