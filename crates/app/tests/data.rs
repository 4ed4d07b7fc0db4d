//! `fewlabel data` as a person and a pipe see it.

use assert_cmd::Command;
use fewlabel_learn::data::{Dataset, Images, Split, npz};
use std::path::Path;
use tempfile::TempDir;

fn fewlabel(cache: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("fewlabel").unwrap();
    command.env("FEWLABEL_DATA", cache).args(arguments).output().unwrap()
}

fn json(cache: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = fewlabel(cache, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The one sentence on standard error of a command that fails with exit code 1.
fn failure(cache: &Path, arguments: &[&str]) -> String {
    let output = fewlabel(cache, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    sentence
}

/// A file of six images in three classes.
fn tiny(folder: &Path) -> String {
    let split = || Split {
        images: Images { height: 2, width: 2, channels: 1, pixels: (0..24).collect() },
        labels: vec![0, 1, 2, 0, 1, 2],
    };
    let names = (0..3).map(|class| format!("class_{class}")).collect();
    let dataset = Dataset::new("tiny".to_owned(), [split(), split(), split()], names);
    let path = folder.join("tiny.npz");
    npz::write(&dataset, std::fs::File::create(&path).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn list_names_every_set_with_its_state() {
    let cache = TempDir::new().unwrap();
    let list = json(cache.path(), &["data", "list", "--json"]);
    let state = |name: &str| {
        let sets = list["data_sets"].as_array().unwrap();
        sets.iter().find(|set| set["name"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(list["data_sets"].as_array().unwrap().len(), 13);
    assert_eq!(
        [state("phantom"), state("organsmnist"), state("chestmnist")],
        ["built in", "not fetched", "unusable"]
    );
    let table = fewlabel(cache.path(), &["data", "list"]).stdout;
    assert!(String::from_utf8(table).unwrap().contains("organsmnist"));
}

#[test]
fn an_export_has_the_same_bytes_and_checksum() {
    let folder = TempDir::new().unwrap();
    let (tiny, copy) = (tiny(folder.path()), folder.path().join("copy.npz"));
    let copy_name = copy.to_str().unwrap();
    json(folder.path(), &["data", "export", &tiny, copy_name, "--json"]);
    assert_eq!(std::fs::read(&tiny).unwrap(), std::fs::read(&copy).unwrap());
    let (first, second) = (
        json(folder.path(), &["data", "info", &tiny, "--json"]),
        json(folder.path(), &["data", "info", copy_name, "--json"]),
    );
    assert_eq!(first["checksum"], second["checksum"]);
    assert_eq!(first["splits"]["train"]["class_counts"], serde_json::json!([2, 2, 2]));
}

#[test]
fn what_cannot_be_fetched_says_what_to_do() {
    let cache = TempDir::new().unwrap();
    // A port of this machine where nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}/organsmnist.npz", listener.local_addr().unwrap());
    drop(listener);
    let sentence = failure(cache.path(), &["data", "fetch", "organsmnist", "--from", &mirror]);
    let place = cache.path().join("organsmnist.npz");
    for part in [&mirror, "9ab87b696fb54e2a387ebe992d6ed5f1", place.to_str().unwrap()] {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
    assert!(failure(cache.path(), &["data", "fetch", "organsmist"]).contains("organsmnist"));
    assert!(failure(cache.path(), &["data", "fetch", "phantom"]).contains("built in"));
}

#[test]
fn names_of_one_s_own_are_shown_and_kept_by_an_export() {
    let folder = TempDir::new().unwrap();
    let (tiny, copy) = (tiny(folder.path()), folder.path().join("copy.npz").display().to_string());
    let names = |data: &str, more: &[&str]| {
        let info = json(folder.path(), &[&["data", "info", data, "--json"], more].concat());
        assert_eq!(
            info["checksum"],
            json(folder.path(), &["data", "info", &tiny, "--json"])["checksum"]
        );
        info["class_names"].clone()
    };
    let own = serde_json::json!(["benign", "malignant", "unclear"]);
    assert_eq!(names(&tiny, &["--class-names", "benign, malignant,unclear"]), own);
    json(
        folder.path(),
        &["data", "export", &tiny, &copy, "--class-names", "benign,malignant,unclear", "--json"],
    );
    assert_eq!(names(&copy, &[]), own);
    std::fs::write(folder.path().join("tiny.classes.txt"), "x\ny\nz\n").unwrap();
    assert_eq!(names(&tiny, &[]), serde_json::json!(["x", "y", "z"]));
    let sentence = failure(folder.path(), &["data", "info", &tiny, "--class-names", "a,b"]);
    assert!(sentence.contains("expected 0 to 1 by its 2 classes"), "{sentence}");
}

#[test]
fn what_a_file_s_name_promises_and_does_not_hold_is_said() {
    let folder = TempDir::new().unwrap();
    let named = folder.path().join("bloodmnist.npz").display().to_string();
    std::fs::rename(tiny(folder.path()), &named).unwrap();
    let text =
        String::from_utf8(fewlabel(folder.path(), &["data", "info", &named]).stdout).unwrap();
    assert!(text.contains("is not the published bloodmnist (3 classes, images 2x2x1"), "{text}");
    assert!(text.contains("class_2") && !text.contains("licence"), "{text}");
    let copy = folder.path().join("copy.npz").display().to_string();
    let said = fewlabel(folder.path(), &["data", "export", &named, &copy]).stderr;
    assert_eq!(String::from_utf8(said).unwrap().lines().count(), 1);
}

#[test]
fn what_is_likely_to_be_a_mistake_is_shown() {
    let folder = TempDir::new().unwrap();
    let split = |first: u8, labels: &[u16]| Split {
        images: Images {
            height: 1,
            width: 1,
            channels: 1,
            pixels: (first..first + labels.len() as u8).collect(),
        },
        labels: labels.to_vec(),
    };
    let names = (0..5).map(|class| format!("class_{class}")).collect();
    let splits = [split(0, &[1, 2, 1, 2]), split(3, &[1, 3]), split(9, &[4, 2])];
    let path = folder.path().join("odd.npz").display().to_string();
    npz::write(
        &Dataset::new("odd".to_owned(), splits, names),
        std::fs::File::create(&path).unwrap(),
    )
    .unwrap();
    let info = json(folder.path(), &["data", "info", &path, "--json"]);
    assert_eq!(info["identical_to_training"], serde_json::json!({ "val": 1, "test": 0 }));
    let expected = [
        "no image has label 0: labels are counted from 0, and these seem to start at 1",
        "only the test split has images of class class_4",
        "the training split has no image of class class_3",
        "1 validation image is byte-identical to training images",
    ];
    assert_eq!(info["warnings"], serde_json::json!(expected));
    let text = String::from_utf8(fewlabel(folder.path(), &["data", "info", &path]).stdout).unwrap();
    assert!(expected.iter().all(|line| text.contains(&format!("warning: {line}\n"))), "{text}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_one_sentence_of_ours_and_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let program = assert_cmd::cargo::cargo_bin("fewlabel");
    // A limit on the size of files stands for a full disk; without the signal it is an error of
    // `write`.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" data export phantom full.npz";
    let mut command = std::process::Command::new("bash");
    let output =
        command.arg("-c").arg(script).arg(program).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: cannot write full.npz: File too large")
            && said.lines().count() == 1,
        "{said}"
    );
    assert!(!said.contains("ZipWriter"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let tiny = tiny(folder.path());
    let nowhere = folder.path().join("no/such/folder/copy.npz");
    assert!(
        failure(folder.path(), &["data", "export", &tiny, nowhere.to_str().unwrap()])
            .contains("cannot write")
    );
    assert!(
        failure(folder.path(), &["data", "export", &tiny, folder.path().to_str().unwrap()])
            .contains("folder")
    );
    assert!(failure(folder.path(), &["data", "info", "phnatom"]).contains("did you mean phantom?"));
}
