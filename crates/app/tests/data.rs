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
    assert_eq!([state("phantom"), state("organsmnist"), state("chestmnist")], ["built in", "not fetched", "unusable"]);
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
fn a_folder_that_cannot_be_written_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let tiny = tiny(folder.path());
    let nowhere = folder.path().join("no/such/folder/copy.npz");
    assert!(failure(folder.path(), &["data", "export", &tiny, nowhere.to_str().unwrap()]).contains("cannot write"));
    assert!(failure(folder.path(), &["data", "export", &tiny, folder.path().to_str().unwrap()]).contains("folder"));
    assert!(failure(folder.path(), &["data", "info", "phnatom"]).contains("did you mean phantom?"));
}
