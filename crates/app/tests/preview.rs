//! `fewlabel preview`.

use assert_cmd::Command;
use std::path::Path;

fn preview(folder: &Path, arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("fewlabel")
        .unwrap()
        .arg("preview")
        .args(arguments)
        .current_dir(folder)
        .assert()
}

#[test]
fn writes_a_png_and_an_svg() {
    let folder = tempfile::tempdir().unwrap();
    preview(folder.path(), &["--images", "3", "--variants", "2"]).success();
    let png = std::fs::read(folder.path().join("preview.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    preview(folder.path(), &["--out", "sheet.svg", "--policy", "trivialaugment"]).success();
    let svg = std::fs::read_to_string(folder.path().join("sheet.svg")).unwrap();
    assert!(svg.contains("<svg") && svg.ends_with("</svg>\n"));
}

#[test]
fn a_policy_may_be_a_file_and_warns_where_mirroring_changes_labels() {
    let folder = tempfile::tempdir().unwrap();
    let text = "policy = 'chain'\n[[transforms]]\nkind = 'horizontal_flip'\nprobability = 0.5\n";
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    let assert = preview(folder.path(), &["--policy", "p.toml"]).success();
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("on phantom that changes labels"), "{stderr}");
}

#[test]
fn what_is_wrong_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), "policy = 'paper'\nangle = 3\n").unwrap();
    let cases = [
        (&["--policy", "papper"][..], "no augmentation policy is called `papper`"),
        (&["--policy", "p.toml"][..], "p.toml"),
        (&["--policy", "none.toml"][..], "cannot read none.toml"),
        (&["--out", "sheet.gif"][..], "a preview is a .png or .svg file"),
        (&["--out", "nowhere/sheet.png"][..], "nowhere"),
    ];
    for (arguments, message) in cases {
        let assert = preview(folder.path(), arguments).code(1);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}
