//! A report on folders that are empty, half finished, damaged or full of other things: a useful
//! page or one clear sentence.

#[expect(dead_code, reason = "its main is the example's")]
#[path = "../examples/made_up_study.rs"]
mod made_up_study;

use fewlabel_study::report::{self, Format};
use fewlabel_study::store::study_dir::Folder;
use std::fs;
use std::path::{Path, PathBuf};

fn study(seeds: u64) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().expect("a folder");
    made_up_study::write(place.path(), seeds, &[24]).expect("written");
    let folder = Folder::open(place.path()).expect("a study");
    (place, folder)
}

/// The folders of the runs; `alpa` has queries, `random` has none.
fn run_of(folder: &Folder, regime: &str) -> PathBuf {
    let runs = fs::read_dir(folder.path().join("runs"))
        .expect("runs")
        .map(|entry| entry.expect("a run").path());
    let mut of_regime: Vec<PathBuf> = runs
        .filter(|run| {
            let settings = fs::read_to_string(run.join("settings.json")).expect("settings");
            settings.contains(&format!("\"regime\": \"{regime}\""))
        })
        .collect();
    of_regime.sort();
    of_regime.swap_remove(0)
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("read");
    assert!(text.contains(from), "{} holds no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).expect("written");
}

/// The page after `damage` to one run of `alpa`, which must list it as `kind` with `said`, and hold
/// all other runs.
fn page_after(damage: impl Fn(&Path), kind: &str, said: &str) {
    let (_place, folder) = study(2);
    damage(&run_of(&folder, "alpa"));
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(
        page.contains("11 finished runs") && page.contains(">1 not included<"),
        "{said}: {}",
        summary(&page)
    );
    let failures = page.split("<section id=\"failures\"").nth(1).expect("the list");
    assert!(failures.contains(kind) && failures.contains(said), "{said}: {failures}");
    assert!(!page.contains("NaN") && !page.contains(">inf"), "{said}: a number that is none");
    for format in [Format::Markdown, Format::Json, Format::Csv] {
        report::text(&folder, format).expect("text");
    }
}

fn summary(page: &str) -> &str {
    let start = page.find("<header>").expect("a header");
    &page[start..page[start..].find("</header>").map_or(page.len(), |end| start + end)]
}

#[test]
fn a_truncated_line_in_the_middle_of_a_record_is_named() {
    let cut = |run: &Path| {
        let file = run.join("epochs.jsonl");
        let lines: Vec<String> =
            fs::read_to_string(&file).expect("read").lines().map(str::to_owned).collect();
        let cut: Vec<&str> = lines
            .iter()
            .enumerate()
            .map(|(i, line)| if i == 3 { &line[..line.len() / 2] } else { line })
            .collect();
        fs::write(&file, cut.join("\n") + "\n").expect("written");
    };
    page_after(cut, "damaged", "epochs.jsonl: line 4");
}

#[test]
fn a_torn_last_line_costs_nothing() {
    let (_place, folder) = study(2);
    let file = run_of(&folder, "alpa").join("queries.jsonl");
    let text = fs::read_to_string(&file).expect("read");
    fs::write(&file, &text[..text.len() - 20]).expect("written");
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(
        page.contains("12 finished runs") && !page.contains("not included"),
        "{}",
        summary(&page)
    );
}

#[test]
fn a_missing_result_is_an_unfinished_run() {
    page_after(
        |run| fs::remove_file(run.join("result.json")).expect("removed"),
        "unfinished",
        "alpa",
    );
}

#[test]
fn missing_settings_are_named() {
    page_after(
        |run| fs::remove_file(run.join("settings.json")).expect("removed"),
        "damaged",
        "settings.json",
    );
}

#[test]
fn a_run_whose_epochs_and_queries_are_gone_still_counts() {
    let (_place, folder) = study(2);
    for file in ["epochs.jsonl", "queries.jsonl", "timing.json"] {
        fs::remove_file(run_of(&folder, "alpa").join(file)).expect("removed");
    }
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(page.contains("12 finished runs"), "{}", summary(&page));
}

#[test]
fn a_failed_run_gives_its_reason() {
    let fail = |run: &Path| {
        fs::remove_file(run.join("result.json")).expect("removed");
        fs::write(run.join("failed.json"), "{\"reason\": \"disk <full>\"}").expect("written");
    };
    page_after(fail, "failed", "disk &lt;full&gt;");
}

#[test]
fn wrong_types_are_named() {
    let accuracy = |run: &Path| {
        replace(
            &run.join("result.json"),
            "\"val_accuracy_best\": ",
            "\"val_accuracy_best\": \"high\", \"x\": ",
        )
    };
    page_after(accuracy, "damaged", "result.json: invalid type");
    page_after(
        |run| fs::write(run.join("result.json"), "[1, 2]").expect("written"),
        "damaged",
        "result.json",
    );
    page_after(
        |run| replace(&run.join("queries.jsonl"), "\"picks\":[", "\"picks\":7,\"y\":["),
        "damaged",
        "queries.jsonl: line 2",
    );
    page_after(
        |run| fs::write(run.join("timing.json"), "\"soon\"").expect("written"),
        "damaged",
        "timing.json",
    );
}

#[test]
fn numbers_out_of_range_are_named() {
    for (from, to) in [
        ("\"val_accuracy_best\": 0", "\"val_accuracy_best\": 1e300, \"z\": 0"),
        ("\"nll\": ", "\"nll\": -1e308, \"z\": "),
        ("\"images\": 300", "\"images\": 18446744073709551615"),
        ("\"confidence\": ", "\"confidence\": 7e99, \"z\": "),
    ] {
        page_after(|run| replace(&run.join("result.json"), from, to), "damaged", "out of range");
    }
    let counts = |run: &Path| {
        let text = fs::read_to_string(run.join("result.json")).expect("read");
        let mut result: serde_json::Value = serde_json::from_str(&text).expect("json");
        for row in result["test"]["confusion"].as_array_mut().expect("rows") {
            row.as_array_mut().expect("a row").fill(serde_json::json!(u32::MAX));
        }
        fs::write(run.join("result.json"), result.to_string()).expect("written");
    };
    page_after(counts, "damaged", "out of range");
}

#[test]
fn what_is_no_number_is_named_or_left_out() {
    let nan =
        |run: &Path| replace(&run.join("result.json"), "\"auc\": 0", "\"auc\": NaN, \"z\": 0");
    page_after(nan, "damaged", "result.json: expected value");
    // A loss and a score that diverged are recorded as null: the run counts, its curve has a gap.
    let (_place, folder) = study(2);
    let run = run_of(&folder, "alpa");
    for file in ["epochs.jsonl", "queries.jsonl"] {
        let text = fs::read_to_string(run.join(file)).expect("read");
        let key = if file == "epochs.jsonl" { "train_loss" } else { "score" };
        let lines = text.lines().map(|line| match line.split_once(&format!("\"{key}\":")) {
            Some((before, after)) => {
                format!(
                    "{before}\"{key}\":null{}\n",
                    &after[after.find([',', '}']).expect("more")..]
                )
            }
            None => format!("{line}\n"),
        });
        fs::write(run.join(file), lines.collect::<String>()).expect("written");
    }
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(page.contains("12 finished runs") && !page.contains("NaN"), "{}", summary(&page));
}

#[test]
fn classes_that_do_not_fit_together_are_named() {
    let smaller = |run: &Path| {
        let text = fs::read_to_string(run.join("result.json")).expect("read");
        let mut result: serde_json::Value = serde_json::from_str(&text).expect("json");
        result["test"]["confusion"] = serde_json::json!([[300, 0], [0]]);
        fs::write(run.join("result.json"), result.to_string()).expect("written");
    };
    page_after(smaller, "damaged", "do not fit together");
}

#[test]
fn a_run_under_another_s_name_is_named() {
    let (_place, folder) = study(2);
    let run = run_of(&folder, "alpa");
    fs::rename(&run, run.with_file_name("0123456789abcdef")).expect("renamed");
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(
        page.contains("11 finished runs")
            && page.contains("does not belong to run 0123456789abcdef")
    );
}

#[test]
fn alien_files_and_folders_are_told_from_runs() {
    let (_place, folder) = study(2);
    let runs = folder.path().join("runs");
    fs::write(runs.join("notes.txt"), "hello").expect("written");
    fs::create_dir_all(runs.join("my pictures/deep")).expect("made");
    fs::write(folder.path().join("data/readme"), "hello").expect("written");
    fs::create_dir_all(folder.path().join("figures/mine")).expect("made");
    let page = fs::read_to_string(report::write(&folder, folder.path()).expect("a report"))
        .expect("a page");
    assert!(page.contains("12 finished runs"), "{}", summary(&page));
    assert!(page.contains("my pictures"), "a folder that is no run is listed");
}

#[test]
fn damaged_pictures_are_listed_and_the_numbers_drawn() {
    for (file, text) in
        [("images.npy", "cut"), ("data.json", "{"), ("data.json", "{\"format\": 1, \"name\": 3}")]
    {
        let (_place, folder) = study(2);
        for entry in fs::read_dir(folder.path().join("data")).expect("data") {
            fs::write(entry.expect("one").path().join(file), text).expect("written");
        }
        let page = report::text(&folder, Format::Html).expect("a page");
        assert!(
            page.contains("12 finished runs") && page.contains("1 not included"),
            "{}",
            summary(&page)
        );
        assert!(page.contains("class 10"), "classes without names have numbers");
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    page_after(
        |run| fs::write(run.join("result.json"), [0xff, 0xfe, 0, 1]).expect("written"),
        "damaged",
        "result.json",
    );
    page_after(
        |run| fs::write(run.join("epochs.jsonl"), [0xff, b'\n']).expect("written"),
        "damaged",
        "epochs.jsonl: line 1",
    );
}

#[test]
fn a_folder_that_cannot_be_compared_is_one_sentence() {
    let (place, _folder) = study(1);
    let empty = tempfile::tempdir().expect("a folder");
    let error = report::compare(place.path(), empty.path(), Format::Markdown)
        .expect_err("none")
        .to_string();
    assert!(error.contains("holds no study") && !error.contains('\n'), "{error}");
    let missing = empty.path().join("nowhere");
    let error =
        report::compare(&missing, place.path(), Format::Html).expect_err("none").to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn nothing_but_unfinished_runs_is_a_page_that_says_so() {
    let (_place, folder) = study(1);
    for entry in fs::read_dir(folder.path().join("runs")).expect("runs") {
        fs::remove_file(entry.expect("a run").path().join("result.json")).expect("removed");
    }
    let page = report::text(&folder, Format::Html).expect("a page");
    assert!(
        page.contains("0 finished runs") && page.contains("6 not included"),
        "{}",
        summary(&page)
    );
    for format in [Format::Markdown, Format::Json, Format::Csv, Format::Html] {
        report::text(&folder, format).expect("text");
    }
}
