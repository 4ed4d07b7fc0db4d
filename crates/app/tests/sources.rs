//! Images of one's own through the command line: folders, manifests, splits, and looking at them.

#[path = "stripes/mod.rs"]
mod stripes;

use assert_cmd::Command;
use fewlabel_learn::data::{self, Dataset};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use tempfile::TempDir;

fn fewlabel(folder: &Path, line: &str) -> std::process::Output {
    let mut command = Command::cargo_bin("fewlabel").expect("built");
    let command = command.current_dir(folder).args(line.split_whitespace());
    let command = command.env("FEWLABEL_DATA", folder.join("kept"));
    command.output().expect("run")
}

fn said(folder: &Path, line: &str) -> String {
    let output = fewlabel(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(folder: &Path, line: &str) -> serde_json::Value {
    serde_json::from_str(&said(folder, &format!("{line} --json"))).expect("a document")
}

/// The one sentence of a command that fails with exit code 1.
fn failure(folder: &Path, line: &str) -> String {
    let output = fewlabel(folder, line);
    let sentence = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{line}: {sentence}");
    assert!(output.stdout.is_empty() && sentence.lines().count() == 1, "{line}: {sentence}");
    sentence
}

/// A folder with the stripes as `stripes.npz` and, written by the program, as the tree `tree`.
fn tree(sizes: [usize; 3]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    stripes::archive_in(folder.path(), sizes);
    said(folder.path(), "data export stripes.npz tree/");
    folder
}

/// Every image with its label, and how often it is there, by split.
fn contents(data: &Dataset) -> [BTreeMap<(Vec<u8>, String), usize>; 3] {
    data.splits().map(|(_, split)| {
        let mut counts = BTreeMap::new();
        for (row, &label) in split.labels.iter().enumerate() {
            let name = data.class_names.get(usize::from(label)).cloned().unwrap_or_default();
            *counts.entry((split.images.image(row).to_vec(), name)).or_default() += 1;
        }
        counts
    })
}

#[test]
fn a_tree_trains_to_the_bits_of_the_array_that_it_was_exported_from() {
    let folder = tree([60, 20, 20]);
    let checksum =
        |data: &str| json(folder.path(), &format!("data info {data}"))["checksum"].clone();
    assert_eq!(checksum("stripes.npz"), checksum("tree/manifest.csv"));
    for (data, model) in [("stripes.npz", "a"), ("tree/manifest.csv", "b")] {
        let options = "--labels 30 --width 4 --epochs 1 --quiet";
        said(folder.path(), &format!("train --data {data} --model {model}.safetensors {options}"));
    }
    let tensors = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).expect("a model");
        let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        bytes[8 + header..].to_vec()
    };
    assert_eq!(tensors("a.safetensors"), tensors("b.safetensors"));
}

#[test]
fn a_tree_read_as_a_folder_is_the_same_images_and_labels() {
    let folder = tree([30, 10, 12]);
    let open = |name: &str| data::open(folder.path().join(name)).expect("a data set");
    assert_eq!(contents(&open("stripes.npz")), contents(&open("tree")));
    let again = failure(folder.path(), "data export stripes.npz tree");
    assert!(again.ends_with("tree: is a folder that is not empty\n"), "{again}");
}

/// Makes all files a minute old: what has only just changed is not kept.
fn settle(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            settle(&path);
        } else {
            let file = fs::File::options().write(true).open(&path).expect("opened");
            let before = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
            file.set_modified(before).expect("set");
        }
    }
}

#[test]
fn images_are_kept_until_their_files_change() {
    let folder = tree([30, 10, 12]);
    let at = folder.path();
    let first = json(at, "data info tree");
    assert_eq!(json(at, "data cache list")["sources"], serde_json::json!([]), "too fresh");
    settle(&at.join("tree"));
    assert_eq!(json(at, "data import tree")["images"], 52);
    assert!(failure(at, "data import stripes.npz").contains("holds arrays already"));
    let listed = json(at, "data cache list");
    let source = listed["sources"][0]["source"].as_str().expect("a source").to_owned();
    assert!(source.ends_with("/tree") && listed["sources"].as_array().map(Vec::len) == Some(1));
    assert_eq!(json(at, "data info tree"), first, "from the cache");
    assert_eq!(json(at, "data info tree --no-cache"), first);
    // A damaged block is made again.
    for entry in fs::read_dir(at.join("kept/imported")).expect("kept") {
        for block in fs::read_dir(entry.expect("a folder").path()).expect("blocks") {
            let path = block.expect("a block").path();
            let mut bytes = fs::read(&path).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).expect("written");
        }
    }
    assert_eq!(json(at, "data info tree"), first, "damaged");
    let one = fs::read_dir(at.join("tree/train/a")).expect("a class").next();
    let one = one.expect("an image").expect("an entry").path();
    let other = fs::read_dir(at.join("tree/train/b")).expect("a class").next();
    fs::copy(other.expect("an image").expect("an entry").path(), &one).expect("changed");
    assert_ne!(json(at, "data info tree")["checksum"], first["checksum"]);
    assert!(said(at, "data cache clear tree").contains("removed"));
    assert_eq!(json(at, "data cache list")["sources"], serde_json::json!([]));
}

#[test]
fn real_images_survive_the_way_through_files() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/bloodmnist.npz");
    if !shared.exists() {
        let missing = shared.display();
        writeln!(std::io::stderr(), "skipped: {missing} is not there").expect("said");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let shared = shared.canonicalize().expect("a path");
    said(folder.path(), &format!("data export {} blood", shared.display()));
    let [array, tree, bare] =
        [shared, folder.path().join("blood/manifest.csv"), folder.path().join("blood")]
            .map(|path| data::open(path).expect("a data set"));
    assert_eq!(array.checksum, tree.checksum);
    assert_eq!(array.class_names, tree.class_names);
    assert_eq!(contents(&array), contents(&bare));
}

#[test]
fn info_says_what_the_files_are_and_what_was_done() {
    let folder = tree([30, 10, 12]);
    let path = |name: &str| folder.path().join(name);
    fs::write(path("tree/train/a/notes.txt"), "about").expect("written");
    fs::write(path("tree/train/a/._00000.png"), "mac").expect("written");
    fs::write(path("tree/train/a/broken.png"), "no png").expect("written");
    fs::create_dir(path("tree/train/empty")).expect("made");
    let info = json(folder.path(), "data info tree");
    let files = &info["files"];
    assert_eq!(files["sizes"], serde_json::json!({ "28x28": 52 }));
    assert_eq!(files["bits"], serde_json::json!({ "8": 52 }));
    assert_eq!(files["formats"], serde_json::json!({ "png": 52 }));
    assert_eq!(files["preprocessing"]["resize"], "letterbox");
    assert_eq!(
        files["passed_over"],
        serde_json::json!({
            "hidden": 1, "no picture": 1, "stands beside the folders of the splits": 2,
        })
    );
    assert_eq!(files["unusable"][0][0], "train/a/broken.png");
    assert_eq!(files["groups"]["known"], 0);
    assert_eq!(info["splits"]["train"]["images"], 30);
    let text = said(folder.path(), "data info tree");
    for part in [
        "sizes: 28x28 (52)",
        "passed over: stands beside the folders of the splits (2), hidden (1), no picture (1)",
        "unusable: train/a/broken.png is no picture",
        "as the network sees them: 28x28, grey, letterbox",
        "warning: \"empty\" is no class: no image is in the folder",
        "warning: no group is known",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let strict = failure(folder.path(), "data info tree --strict");
    assert!(strict.contains("train/a/broken.png is no picture"), "{strict}");
}

#[test]
fn an_array_without_validation_gets_some_of_its_training_images() {
    let folder = tempfile::tempdir().expect("a folder");
    stripes::archive_in(folder.path(), [60, 0, 20]);
    let info = json(folder.path(), "data info stripes.npz --val-share 20%");
    let images = |split: &str| info["splits"][split]["images"].as_u64().expect("a number");
    assert_eq!([images("train"), images("val"), images("test")], [48, 12, 20]);
    let note = info["note"].as_str().expect("a note");
    assert!(note.contains("validation 12 images (20 %), by seed 0, stratified by label"), "{note}");
    let other = json(folder.path(), "data info stripes.npz --val-share 0.2 --split-seed 1");
    assert_ne!(info["checksum"], other["checksum"]);
    let there = failure(folder.path(), "data info stripes.npz --test-share 20%");
    assert!(there.contains("has 20 test images already"), "{there}");
}

#[test]
fn groups_of_paths_stay_whole_and_are_shown() {
    let folder = tree([60, 0, 0]);
    let folder = folder.path();
    // Patients of five images each, by the tens of their numbers.
    let line = "data info tree/train --val-share 25% --test-share 25% --group-from /(\\d{4})";
    let info = json(folder, line);
    assert_eq!(info["files"]["groups"]["across"], serde_json::json!([]));
    assert!(info["files"]["groups"]["known"].as_u64().expect("a number") > 3);
    let text = said(folder, line);
    assert!(text.contains("0 of them in two splits or more"), "{text}");
}

#[test]
fn a_sheet_shows_every_split_and_class() {
    let folder = tree([30, 10, 12]);
    let text = said(folder.path(), "data sheet tree/manifest.csv --out look.png --rows 2");
    assert!(text.contains("| train | a     |"), "{text}");
    let bytes = fs::read(folder.path().join("look.png")).expect("a picture");
    assert_eq!(&bytes[1..4], b"PNG");
    let rows = json(folder.path(), "data sheet tree --out look.svg")["rows"].clone();
    assert_eq!(rows.as_array().expect("rows").len(), 9);
    assert!(failure(folder.path(), "data sheet tree --out x.jpg").contains("a .png or .svg file"));
}

#[test]
fn every_mistake_is_one_sentence() {
    let folder = tree([12, 0, 0]);
    let (folder, _keep) = (folder.path().to_path_buf(), folder);
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("tree/none.csv", "path,label\ntrain/x.png,a\n");
    write("tree/split.csv", "path,split\ntrain/a/00000.png,trian\n");
    write("tree/column.csv", "name;label\ntrain/a/00000.png;a\n");
    fs::create_dir(folder.join("nothing")).expect("made");
    for (line, expected) in [
        ("data info nothing", "nothing: is empty, expected images"),
        ("data info nowhere/", "cannot read nowhere/"),
        ("data info tree/none.csv", "names a file that is not there: train/x.png (line 2)"),
        ("data info tree/split.csv", "(did you mean train?)"),
        ("data info tree/column.csv", "has no column path; its columns are name, label"),
        ("data info tree --group-from (", "is no regular expression"),
        ("data info phantom --size 32", "--size is for images that lie as files"),
        ("data info tree --val-share 0.01", "no label is left for validation"),
        ("run study.toml", "study.toml"),
    ] {
        let sentence = failure(&folder, line);
        assert!(sentence.contains(expected), "{line}: {sentence}");
    }
    for line in
        ["data info tree --size 0", "data info tree --val-share 10", "data info tree --window 9"]
    {
        assert_eq!(fewlabel(&folder, line).status.code(), Some(2), "{line}");
    }
}

#[test]
fn a_study_of_files_is_that_of_the_arrays_on_any_number_of_threads() {
    let folder = tree([60, 20, 20]);
    settle(&folder.path().join("tree"));
    let settings = "regime = [\"random\", \"al\"]\nseeds = 2\nlabels = [20, 24, 28]\nwidth = 4\n\
                    epochs = 1\n";
    stripes::study_in(folder.path(), settings);
    let of_files = format!("data = \"tree/manifest.csv\"\n{settings}");
    fs::write(folder.path().join("files.toml"), &of_files).expect("written");
    let anew = format!("{of_files}[import]\nno_cache = true\n");
    fs::write(folder.path().join("anew.toml"), anew).expect("written");
    let results = |study: &str, threads: usize| {
        let out = format!("{study}-{threads}");
        let line = format!("run {study}.toml --out {out} --threads {threads} --quiet");
        said(folder.path(), &line);
        fs::read(folder.path().join(out).join("results.csv")).expect("results")
    };
    let one = results("files", 1);
    assert_eq!(one, results("files", 2));
    assert_eq!(String::from_utf8_lossy(&one).lines().count(), 13, "twelve runs");
    assert!(folder.path().join("kept/imported").is_dir(), "the second was taken from there");
    assert_eq!(one, results("anew", 2));
    assert_eq!(one, results("grid", 2));
}
