//! The report as a whole, on a study whose results are made up.
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

#[expect(dead_code, reason = "its main is the example's")]
#[path = "../examples/made_up_study.rs"]
mod made_up_study;

use fewlabel_study::report::{self, Format};
use fewlabel_study::store::study_dir::Folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn study(seeds: u64, budgets: &[usize]) -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().expect("a folder");
    made_up_study::write(place.path(), seeds, budgets).expect("written");
    let folder = Folder::open(place.path()).expect("a study");
    (place, folder)
}

fn page(folder: &Folder) -> String {
    fs::read_to_string(report::write(folder, folder.path()).expect("a report")).expect("a page")
}

fn runs(folder: &Folder) -> Vec<PathBuf> {
    let mut runs: Vec<PathBuf> = fs::read_dir(folder.path().join("runs"))
        .expect("runs")
        .map(|entry| entry.expect("a run").path())
        .collect();
    runs.sort();
    runs
}

fn remove(folder: &Folder, run: &Path, file: &str) {
    assert!(run.starts_with(folder.path()));
    fs::remove_file(run.join(file)).expect("removed");
}

#[test]
fn every_section_and_figure_is_there() {
    let (_place, folder) = study(3, &[24, 40]);
    let page = page(&folder);
    for section in [
        "claims",
        "accuracy",
        "comparisons",
        "budget",
        "confusion",
        "recall",
        "calibration",
        "queries",
        "training",
        "data",
        "runs",
        "failures",
    ] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    assert!(page.contains("Synthetic data"));
    for figure in [
        "fig1",
        "fig2",
        "fig3",
        "fig4",
        "matrix-test-accuracy",
        "budget",
        "confusion-full",
        "recall",
        "calibration",
        "training-loss",
    ] {
        for ending in ["svg", "png", "csv"] {
            let file = folder.path().join("figures").join(format!("{figure}.{ending}"));
            assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 10), "{}", file.display());
        }
    }
}

#[test]
fn the_page_names_no_address_and_is_the_same_twice() {
    let (_place, folder) = study(2, &[24]);
    let first = page(&folder);
    let addresses = first.matches("http").count();
    // `http-equiv` of the content policy, nothing else.
    assert_eq!(addresses, 1, "an address on the page");
    assert_eq!(first, page(&folder));
}

#[test]
fn an_empty_study_is_a_page_and_no_study_one_sentence() {
    let place = tempfile::tempdir().expect("a folder");
    let error = Folder::open(place.path()).expect_err("none").to_string();
    assert!(error.contains("no study.toml") && !error.contains('\n'), "{error}");
    fs::write(place.path().join("study.toml"), "").expect("written");
    let page = page(&Folder::open(place.path()).expect("a study"));
    assert!(page.contains("0 finished runs"));
}

#[test]
fn damaged_and_unfinished_runs_are_listed_and_the_rest_is_drawn() {
    let (_place, folder) = study(2, &[24]);
    let runs = runs(&folder);
    fs::write(runs[0].join("settings.json"), "{\"form").expect("written");
    remove(&folder, &runs[1], "result.json");
    let epochs = fs::read_to_string(runs[2].join("epochs.jsonl")).expect("read");
    fs::write(runs[2].join("epochs.jsonl"), epochs.replacen("\"epoch\":1,", "\"epoch\":x,", 1))
        .expect("written");
    let result = fs::read_to_string(runs[3].join("result.json")).expect("read");
    fs::write(
        runs[3].join("result.json"),
        result.replacen("\"confusion\": [", "\"confusion\": [[1],", 1),
    )
    .expect("written");
    fs::write(runs[4].join("failed.json"), "{\"reason\": \"disk <full>\"}").expect("written");
    remove(&folder, &runs[4], "result.json");
    fs::write(folder.path().join("runs/alien.txt"), "hello").expect("written");
    fs::create_dir(folder.path().join("runs/alien")).expect("made");
    for entry in fs::read_dir(folder.path().join("data")).expect("data") {
        fs::write(entry.expect("one").path().join("images.npy"), "cut").expect("written");
    }
    let page = page(&folder);
    assert!(
        page.contains("7 finished runs") && page.contains("7 not included"),
        "{}",
        &page[..2000.min(page.len())]
    );
    assert!(page.contains("disk &lt;full&gt;") && page.contains("epochs.jsonl: line 2"));
    assert!(
        !page.contains(&folder.path().display().to_string()),
        "the page may travel: it names no path of this machine"
    );
}

#[test]
fn every_format_and_a_comparison_can_be_printed() {
    let (one, folder) = study(3, &[24]);
    let (two, _) = study(4, &[24]);
    let markdown = report::text(&folder, Format::Markdown).expect("text");
    assert!(markdown.contains("| alpa | 24 | 3 |") && markdown.contains("undecided"), "{markdown}");
    let json: serde_json::Value =
        serde_json::from_str(&report::text(&folder, Format::Json).expect("text")).expect("json");
    assert_eq!(json["claims"][0]["claims"].as_array().map(Vec::len), Some(12));
    assert!(report::text(&folder, Format::Csv).expect("text").lines().count() > 15 * 8);
    let changes = report::compare(one.path(), two.path(), Format::Markdown).expect("compared");
    assert!(changes.contains("18 runs are the same to the bit"), "{changes}");
}

/// Every number on the page, computed again from the records by a script that shares nothing with
/// this program.
#[test]
fn an_independent_script_finds_the_same_numbers() {
    let (_place, folder) = study(7, &[24, 40]);
    check_numbers(&folder);
}

#[test]
fn so_it_does_where_seeds_are_too_few() {
    let (_place, folder) = study(4, &[24]);
    let page = check_numbers(&folder);
    assert!(
        page.contains("undecided (too few seeds: 4)") && page.contains("for too few seeds"),
        "{page}"
    );
    for figure in ["test-accuracy", "val-accuracy-best"] {
        let matrix = fs::read_to_string(folder.path().join(format!("figures/matrix-{figure}.csv")))
            .expect("drawn");
        assert!(!matrix.contains(",true"), "an asterisk of four seeds: {matrix}");
    }
}

/// Two regimes whose runs agree to the last digit: their differences do not spread, and a test
/// would give p = 0 or 1.
#[test]
fn so_it_does_where_every_seed_has_the_same_difference() {
    let (_place, folder) = study(6, &[24]);
    let of = |regime: &str| -> Vec<(u64, PathBuf)> {
        let settings = |run: &PathBuf| -> serde_json::Value {
            serde_json::from_slice(&fs::read(run.join("settings.json")).expect("read"))
                .expect("settings")
        };
        let found = runs(&folder).into_iter().map(|run| (settings(&run), run));
        let found = found.filter(|(settings, _)| settings["regime"] == regime);
        found
            .map(|(settings, run)| (settings["plan"]["seed"].as_u64().expect("a seed"), run))
            .collect()
    };
    for (seed, run) in of("da") {
        let (_, twin) = of("random").into_iter().find(|(other, _)| *other == seed).expect("a twin");
        let [id, twin_id] =
            [&run, &twin].map(|run| run.file_name().expect("an id").to_string_lossy().into_owned());
        let result =
            fs::read_to_string(twin.join("result.json")).expect("read").replace(&twin_id, &id);
        fs::write(run.join("result.json"), result).expect("written");
    }
    let page = check_numbers(&folder);
    assert!(
        page.contains(
            "the same in each of 6 seeds, so there is no spread, no interval and no test"
        ),
        "{page}"
    );
    let csv = report::text(&folder, Format::Csv).expect("text");
    assert!(csv.contains("made-up,test_accuracy,da,random,6,0,,,,,,,,,0.5,\n"), "{csv}");
}

/// A study whose models all answer the same class.
#[test]
fn where_every_model_is_at_chance_nothing_is_crowned() {
    let (_place, folder) = study(6, &[24]);
    for run in runs(&folder) {
        let path = run.join("result.json");
        let mut result: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("read")).expect("json");
        for split in ["validation", "test"] {
            let confusion = result[split]["confusion"].as_array_mut().expect("rows");
            let mut right = 0;
            for (label, row) in confusion.iter_mut().enumerate() {
                let images: u64 = row
                    .as_array()
                    .expect("counts")
                    .iter()
                    .filter_map(serde_json::Value::as_u64)
                    .sum();
                right += if label == 3 { images } else { 0 };
                *row = (0..11).map(|class| if class == 3 { images } else { 0 }).collect();
            }
            let images = result[split]["images"].as_f64().expect("images");
            result[split]["accuracy"] = (right as f64 / images).into();
            result[split]["macro_f1"] =
                (2.0 * right as f64 / (right as f64 + images) / 11.0).into();
            result[split]["balanced_accuracy"] = (1.0 / 11.0).into();
        }
        fs::write(&path, result.to_string()).expect("written");
    }
    let page = report::text(&folder, Format::Html).expect("text");
    assert!(page.contains(
        "<p class=\"warning\"><strong>Every model is at chance: more epochs or width.</strong></p>"
    ));
    assert!(!page.contains("highest mean test accuracy") && !page.contains("better</strong>"));
    assert!(page.contains("Every model is at chance: there is nothing to compare."));
    let markdown = report::text(&folder, Format::Markdown).expect("text");
    assert!(
        markdown
            .starts_with("# Fewlabel report\n\nevery model is at chance: more epochs or width\n"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| undecided (at chance) |") && !markdown.contains("| supported |"),
        "{markdown}"
    );
}

/// Checks every number of the page and gives the page.
fn check_numbers(folder: &Folder) -> String {
    let page = report::write(folder, folder.path()).expect("a report");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/page/check_numbers.py");
    let python = std::env::var("FEWLABEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(&python).arg(&script).arg(folder.path()).arg(&page).output()
    else {
        println!("skipped: no Python");
        return fs::read_to_string(page).expect("a page");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    println!("{said}");
    fs::read_to_string(page).expect("a page")
}
