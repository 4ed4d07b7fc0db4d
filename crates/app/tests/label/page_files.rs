//! The page's built files are those of its sources. Skipped with a message where the page's own
//! packages are not installed.
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_page_is_built_from_its_sources() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
    let npm = Command::new("npm").arg("--version").output();
    if !npm.is_ok_and(|npm| npm.status.success()) || !page.join("node_modules/esbuild").is_dir() {
        println!("skipped: needs npm, and `npm ci` in crates/app/page");
        return;
    }
    let output = Command::new("npm")
        .args(["run", "--silent", "check"])
        .current_dir(&page)
        .output()
        .expect("npm runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
