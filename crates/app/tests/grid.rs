//! What a person sees of a grid: its plan, its lines and its table tell the runs apart by their
//! settings; numbers that are not defined are absent; models that have learned nothing are said to.

mod stripes;

use assert_cmd::Command;
use fewlabel_learn::data::{self, npz};
use std::fs;
use std::path::Path;

fn fewlabel(line: &str) -> Command {
    let mut command = Command::cargo_bin("fewlabel").expect("the program is built");
    command.args(line.split_whitespace());
    command
}

/// Standard output and standard error.
fn said(line: &str) -> (String, String) {
    let output = fewlabel(line).assert().success().get_output().clone();
    (
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}

const TINY: &str = "regime = \"al\"\nstrategy = [\"entropy\", \"margin\", \"random\"]\n\
                    labels = [12, 8]\nseeds = 2\n\
                    final = { epochs = 2, width = 2 }\n\
                    loop = { initial = 4, epochs = 1, width = 2 }\n";

#[test]
fn a_dry_run_says_the_grid_in_words_and_lists_the_runs_by_their_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let out = folder.path().join("out").display().to_string();
    let plan =
        |more: &str| said(&format!("run {study} --dry-run --threads 2 --out {out} {more}")).0;
    let text = plan("");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 13);
    assert!(lines[0].ends_with(" to do  al strategy=entropy labels=8 seed=0"), "{text}");
    assert!(lines[11].ends_with(" to do  al strategy=random labels=12 seed=1"), "{text}");
    assert!(
        lines[12].starts_with("3 strategies x 2 budgets x 2 seeds = 12 runs, about "),
        "{text}"
    );
    assert!(lines[12].ends_with(" s on 2 threads"), "{text}");
    let one = plan("--set strategy=margin --set labels=8 --set seeds=1");
    assert!(one.ends_with("al seed=0 labels=8\n1 run, about 1 s on 2 threads\n"), "{one}");
    // Random labels are the same whatever the strategy: combinations that come to the same run
    // count once.
    let fewer = plan("--set regime=[\"random\",\"al\"]");
    assert!(
        fewer.contains("\n16 runs of 2 regimes, 3 strategies, 2 budgets, 2 seeds, about "),
        "{fewer}"
    );
    let json: serde_json::Value = serde_json::from_str(&plan("--json")).expect("json");
    assert_eq!(json["runs"][0]["settings"]["labels"], "8");
}

#[test]
fn every_setting_that_varies_is_a_column_and_part_of_every_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = TINY
        .replace("[\"entropy\", \"margin\", \"random\"]", "\"entropy\"")
        .replace("epochs = 2,", "epochs = [10, 9, 2],");
    let study = stripes::study_in(folder.path(), &text);
    let out = folder.path().join("out");
    let (table, lines) = said(&format!("run {study} --threads 1 --out {}", out.display()));
    assert!(lines.contains("finished al final.epochs=9 labels=12 seed=1: validation "), "{lines}");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| al"))
        .map(|l| l.split('|').collect())
        .collect();
    let cells: Vec<(&str, &str)> = rows.iter().map(|row| (row[4].trim(), row[5].trim())).collect();
    assert!(table.contains("| augmentation | final.epochs | labels |"), "{table}");
    assert_eq!(
        cells,
        [("2", "8"), ("2", "12"), ("9", "8"), ("9", "12"), ("10", "8"), ("10", "12")],
        "{table}"
    );
    for name in ["results.csv", "epochs.csv", "queries.csv", "timings.csv"] {
        let csv = fs::read_to_string(out.join(name)).expect("written");
        assert!(csv.lines().next().expect("a head").ends_with(",final.epochs"), "{name}: {csv}");
        assert!(csv.lines().nth(1).expect("a line").ends_with(",2"), "{name}: {csv}");
    }
    let markdown = said(&format!("report {} --format md", out.display())).0;
    assert!(markdown.contains("| al f=2 8 final.epochs=2 | 8 | 2 |"), "{markdown}");
    assert!(!markdown.contains("#2"), "{markdown}");
}

/// Data sets of one name and several sizes are told apart by the settings that made them.
#[test]
fn the_number_of_training_images_is_such_a_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let out = folder.path().join("out");
    let changes = "--set regime=random --set labels=8 --set seeds=1 --set train_images=[40,30]";
    let (table, lines) =
        said(&format!("run {study} {changes} --threads 1 --out {}", out.display()));
    assert!(lines.contains("started random train_images=30 seed=0"), "{lines}");
    assert!(table.contains("| train_images |"), "{table}");
    let csv = fs::read_to_string(out.join("results.csv")).expect("written");
    let last: Vec<&str> =
        csv.lines().map(|line| line.rsplit(',').next().expect("a field")).collect();
    assert_eq!(last, ["train_images", "30", "40"]);
}

#[test]
fn models_that_have_learned_nothing_are_said_to_and_none_is_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let out = folder.path().join("out").display().to_string();
    let (table, lines) =
        said(&format!("run {study} --set epochs=1 --set strategy=margin --threads 1 --out {out}"));
    assert!(table.starts_with("every model is at chance: more epochs or width\n"), "{table}");
    assert!(!lines.contains("best"), "{lines}");
    let json: serde_json::Value =
        serde_json::from_str(&said(&format!("report {out} --json")).0).expect("json");
    assert_eq!(json["at_chance"], serde_json::json!(["stripes"]));
}

/// The stripes, with nothing but the first class in the test split.
fn one_class_in_test(folder: &Path) -> String {
    let study = stripes::study_in(folder, TINY);
    let archive = folder.join("stripes.npz");
    let mut data = data::open(archive.display().to_string()).expect("data");
    data.test.labels.fill(0);
    npz::write(&data, fs::File::create(&archive).expect("made")).expect("written");
    study
}

#[test]
fn an_auc_that_is_not_defined_is_absent_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = one_class_in_test(folder.path());
    let (data, model) = (folder.path().join("stripes.npz"), folder.path().join("m.safetensors"));
    let (data, model) = (data.display(), model.display());
    let train =
        format!("train --data {data} --labels 12 --epochs 1 --width 2 --quiet --model {model}");
    assert!(said(&train).0.contains("AUC not defined (one class alone)"));
    let json: serde_json::Value =
        serde_json::from_str(&said(&format!("{train} --json")).0).expect("json");
    assert_eq!(
        (&json["test_auc"], &json["test_auc_classes"]),
        (&serde_json::Value::Null, &0.into())
    );
    let predicted = said(&format!("predict --data {data} --model {model} --json")).0;
    let json: serde_json::Value = serde_json::from_str(&predicted).expect("json");
    assert_eq!(
        (&json["metrics"]["auc"], &json["metrics"]["auc_classes"]),
        (&serde_json::Value::Null, &0.into())
    );
    let out = folder.path().join("out");
    said(&format!(
        "run {study} --set strategy=margin --set labels=8 --quiet --out {}",
        out.display()
    ));
    let csv = fs::read_to_string(out.join("results.csv")).expect("written");
    assert!(csv.lines().next().expect("a head").ends_with(",test_auc,test_auc_classes"), "{csv}");
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",,0")), "{csv}");
    let page = fs::read_to_string(out.join("report.html")).expect("drawn");
    assert!(page.contains("AUC is not defined where the test split has a single class."));
    assert!(!page.contains("t-compare-test_auc"), "nothing to compare");
}

#[test]
fn the_interval_of_two_draws_is_student_s_and_says_how_many() {
    let folder = tempfile::tempdir().expect("a folder");
    stripes::study_in(folder.path(), TINY);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, encoder) = (path("stripes.npz"), path("e.safetensors"));
    said(&format!("pretrain --data {data} --width 2 --epochs 1 --quiet --out {encoder}"));
    let probe =
        format!("probe --data {data} --encoder {encoder} --labels 6 --strategy random --quiet");
    let json: serde_json::Value =
        serde_json::from_str(&said(&format!("{probe} --draws 2 --json")).0).expect("json");
    let cell = &json["cells"][0];
    let values: Vec<f64> =
        cell["accuracies"].as_array().expect("a list").iter().filter_map(|a| a.as_f64()).collect();
    assert_eq!((cell["n"].as_u64(), values.len()), (Some(2), 2));
    // scipy.stats.t.ppf(.975, 1) = 12.706; the standard error of two values is half their distance.
    let half = 12.706204736174698 * (values[0] - values[1]).abs() / 2.0;
    match cell["interval"].as_array() {
        Some(ends) => {
            assert!(
                (ends[1].as_f64().expect("an end")
                    - ends[0].as_f64().expect("an end")
                    - 2.0 * half)
                    .abs()
                    < 1e-9
            )
        }
        None => assert!(half < 1e-9, "{cell}"),
    }
    let table = said(&format!("{probe} --draws 1")).0;
    assert!(
        table.contains("| n | 95 % t interval |") && table.contains("| none: one run   |"),
        "{table}"
    );
}
