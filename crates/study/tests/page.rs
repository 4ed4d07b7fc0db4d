//! The page in a real browser. Skipped with a message where there is no Chromium, Node or
//! `tests/page/node_modules`.
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

#[expect(dead_code, reason = "its main is the example's")]
#[path = "../examples/made_up_study.rs"]
mod made_up_study;

use fewlabel_study::report;
use fewlabel_study::store::study_dir::Folder;
use std::path::Path;
use std::process::Command;

#[test]
fn a_browser_finds_nothing_wrong_with_the_page() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/page");
    let there = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    if !there("node") || !there(&browser) || !tests.join("node_modules/playwright-core").is_dir() {
        println!("skipped: needs node, chromium, and `npm install` in tests/page");
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    made_up_study::write(place.path(), 4, &[24, 40]).expect("written");
    let page = report::write(&Folder::open(place.path()).expect("a study"), place.path())
        .expect("a report");
    let output =
        Command::new("node").arg(tests.join("browser.mjs")).arg(page).output().expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
