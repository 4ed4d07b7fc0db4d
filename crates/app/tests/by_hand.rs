//! The loop by hand: a list to label, a table that comes back, a model, predictions by name.

mod stripes;

use fewlabel_learn::data::{Dataset, Split, UNLABELLED, npz};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The small data set without labels for its training images, and what they would be.
fn pool(folder: &Path) -> (PathBuf, Vec<u16>) {
    let archive = stripes::archive_in(folder, [60, 20, 20]);
    let all = fewlabel_learn::data::open(&archive).expect("read");
    let truth = all.train.labels.clone();
    let none = Split { labels: vec![UNLABELLED; truth.len()], images: all.train.images.clone() };
    let test = Split { labels: vec![UNLABELLED; all.test.len()], ..all.test.clone() };
    let empty = Split::none_like(&all.train.images);
    let pool = Dataset::new("pool".into(), [none, empty, test], Vec::new());
    let path = folder.join("pool.npz");
    npz::write(&pool, std::fs::File::create(&path).expect("made")).expect("written");
    (path, truth)
}

fn call(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .args(line.split(' '))
        .env("FEWLABEL_DATA", folder.join("kept"))
        .current_dir(folder)
        .output()
        .expect("started")
}

fn said(folder: &Path, line: &str) -> String {
    let output = call(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(folder: &Path, line: &str) -> String {
    let output = call(folder, line);
    assert_eq!(output.status.code(), Some(1), "{line}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().last().unwrap_or_default().to_owned()
}

/// Fills in the table `todo` as a person does in a spreadsheet.
fn fill_in(folder: &Path, todo: &str, filled: &str, truth: &[u16]) {
    let text = std::fs::read_to_string(folder.join(todo)).expect("a table");
    let mut out = "\u{feff}path;label\r\n".to_owned();
    for line in text.lines().skip(1) {
        let path = line.split(',').next().expect("a path");
        let row: usize = path.trim_start_matches("train/").parse().expect("a row");
        let name = ["left", "middle", "right"][usize::from(truth[row])];
        out += &format!("{path};{name} \r\n");
    }
    std::fs::write(folder.join(filled), out).expect("written");
}

#[test]
fn a_pool_without_labels_becomes_a_classifier() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (_, truth) = pool(at);
    said(at, "pretrain --data pool.npz --width 4 --epochs 2 --batch-size 20 --out e.st --quiet");
    let query = "query --data pool.npz --encoder e.st --batch 9";
    let text = said(at, &format!("{query} --strategy typiclust --out todo.csv --sheet s.png"));
    assert!(text.contains("0 images of 60 have a label") && text.contains("todo.csv"), "{text}");
    assert!(std::fs::read(at.join("s.png")).expect("a sheet").starts_with(b"\x89PNG"));
    let todo = std::fs::read_to_string(at.join("todo.csv")).expect("a table");
    assert!(todo.starts_with("path,label\ntrain/") && todo.lines().count() == 10, "{todo}");
    fill_in(at, "todo.csv", "one.csv", &truth);
    let second = format!("{query} --strategy margin --answers one.csv --out more.csv");
    let text = said(at, &second);
    assert!(text.starts_with("9 images of 60 have a label"), "{text}");
    fill_in(at, "more.csv", "two.csv", &truth);
    let train = "train --data pool.npz --encoder e.st --answers one.csv --answers two.csv";
    let text = said(at, &format!("{train} --model m.st"));
    assert!(text.contains("18 labels") && text.contains("not judged"), "{text}");
    let text = said(at, "predict --data pool.npz --model m.st --out p.csv");
    assert!(!text.contains("accuracy"), "{text}");
    let table = std::fs::read_to_string(at.join("p.csv")).expect("predictions");
    assert!(table.starts_with("file,predicted,left,middle,right\ntest/0,"), "{table}");
    assert_eq!(table.lines().count(), 21);
    let judged =
        said(at, "predict --data stripes.npz --class-names left,middle,right --model m.st");
    assert!(judged.contains("accuracy") && judged.contains("sensitivity"), "{judged}");
}

/// The command lines of docs/folder-to-classifier.md, block by block.
fn documented() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/folder-to-classifier.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = |block: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix("fewlabel "));
        lines.map(|line| line.replace('\'', "")).collect::<Vec<String>>()
    };
    let blocks: Vec<Vec<String>> = blocks.map(lines).collect();
    assert_eq!(blocks.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1, 2, 1]);
    blocks
}

/// 300 PNGs in one folder without labels, 20 new ones, and the classes of all by their names.
fn scans(at: &Path) -> std::collections::BTreeMap<String, &'static str> {
    stripes::archive_in(at, [300, 20, 20]);
    said(at, "data export stripes.npz tree");
    let manifest = std::fs::read_to_string(at.join("tree/manifest.csv")).expect("a manifest");
    let mut classes = std::collections::BTreeMap::new();
    for folder in ["scans", "new"] {
        std::fs::create_dir(at.join(folder)).expect("made");
    }
    for line in manifest.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let name = fields[0].replace('/', "-").replace("-a-", "-").replace("-b-", "-");
        let name = name.replace("-c-", "-");
        let folder = match fields[2] {
            "train" => "scans",
            "test" => "new",
            _ => continue,
        };
        std::fs::copy(at.join("tree").join(fields[0]), at.join(folder).join(&name)).expect("kept");
        let class = match fields[1] {
            "a" => "left",
            "b" => "middle",
            _ => "right",
        };
        classes.insert(name, class);
    }
    std::fs::remove_dir_all(at.join("tree")).expect("removed");
    assert_eq!(classes.len(), 320);
    classes
}

#[test]
fn the_documented_way_from_a_folder_to_a_classifier_is_as_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let classes = scans(at);
    let fill_in = |todo: &str, filled: &str| {
        let text = std::fs::read_to_string(at.join(todo)).expect("a table");
        let mut out = "\u{feff}path;label;sha256\r\n".to_owned();
        for line in text.lines().skip(1) {
            let [path, "", sha256] = line.split(',').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            out += &format!("{path};{} ;{sha256}\r\n", classes[path]);
        }
        std::fs::write(at.join(filled), out).expect("written");
    };
    let steps = documented();
    let info = said(at, &steps[0][0]);
    assert!(info.contains("no label") && info.contains("300"), "{info}");
    said(at, &steps[0][1]);
    said(at, &format!("{} --quiet --width 8 --epochs 6", steps[1][0]));
    said(at, &steps[2][0]);
    fill_in("todo.csv", "labels.csv");
    let text = said(at, &steps[3][0]);
    assert!(text.contains("24 labels of scans"), "{text}");
    said(at, &steps[4][0]);
    fill_in("more.csv", "more.csv");
    // A file that moves meanwhile is found by its content.
    let moved = classes.keys().find(|name| {
        std::fs::read_to_string(at.join("labels.csv")).expect("a table").contains(name.as_str())
    });
    let moved = moved.expect("one was asked");
    std::fs::create_dir(at.join("scans/later")).expect("made");
    let text = said(at, "data info scans");
    assert!(text.contains("300"), "{text}");
    std::fs::rename(at.join("scans").join(moved), at.join("scans").join(format!("moved-{moved}")))
        .expect("moved");
    let text = said(at, &steps[4][1]);
    assert!(text.contains("36 labels of scans"), "{text}");
    let text = said(at, &steps[5][0]);
    assert!(text.starts_with("20 images of new\n") && text.contains("don't know: "), "{text}");
    let table = std::fs::read_to_string(at.join("predictions.csv")).expect("predictions");
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("file,predicted,left,middle,right"));
    let right = lines.filter(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        classes[fields[0]] == fields[1]
    });
    assert!(right.count() >= 12, "{table}");
    // What is labelled beforehand is not asked again.
    let known: Vec<String> = classes
        .keys()
        .filter(|name| name.starts_with("train"))
        .take(40)
        .map(|name| format!("{name},{}", classes[name]))
        .collect();
    let known = known.into_iter().filter(|line| !line.starts_with(moved.as_str()));
    let known = known.collect::<Vec<_>>().join("\n");
    std::fs::write(at.join("known.csv"), format!("path,label\n{known}\n")).expect("written");
    let text = said(at, &format!("{} --answers known.csv", steps[2][0]));
    assert!(text.contains("40 images of 300") || text.contains("39 images of 300"), "{text}");
    let todo = std::fs::read_to_string(at.join("todo.csv")).expect("a table");
    let asked = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    assert!(!todo.lines().skip(1).any(|line| known.contains(&asked(line))), "{todo}");
}

#[test]
fn what_a_query_or_a_training_lacks_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    pool(at);
    stripes::study_in(at, "");
    said(at, "pretrain --data pool.npz --width 2 --epochs 1 --batch-size 20 --out e.st --quiet");
    for (line, expected) in [
        ("query --data pool.npz --strategy entropy --batch 3", "give --encoder with labels"),
        ("query --data pool.npz --strategy typiclust --batch 61", "61"),
        ("query --data stripes.npz --strategy random --batch 3", "every training image"),
        ("train --data pool.npz --model m.st", "no training image of pool has a label"),
        ("run grid.toml --set data=pool.npz --out o", "without a label; a study needs a label"),
        ("probe --data pool.npz --encoder e.st", "pool has 60 training images without a label"),
    ] {
        let error = refused(at, line);
        assert!(error.contains(expected), "{line}: {error}");
    }
    std::fs::write(at.join("l.csv"), "path,label\ntrain/1,x\ntrain/2,x\n").expect("written");
    let error = refused(at, "train --data pool.npz --answers l.csv --model m.st");
    assert!(error.contains("every label is x: a classifier needs two classes"), "{error}");
}

#[test]
fn a_training_that_was_killed_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    stripes::archive_in(at, [2000, 20, 20]);
    let train = "train --data stripes.npz --width 16 --epochs 40 --model";
    said(at, &format!("{train} whole.st"));
    let checkpoint = at.join("killed.st.checkpoint");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .args(format!("{train} killed.st --quiet").split(' '))
        .current_dir(at)
        .spawn()
        .expect("started");
    while !checkpoint.exists() && child.try_wait().expect("asked").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    if !at.join("killed.st").exists() {
        let other = refused(at, &format!("{train} killed.st --augmentation paper"));
        assert!(other.contains("is the checkpoint of another training"), "{other}");
        let output = call(at, &format!("{train} killed.st"));
        let heard = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && heard.contains("epoch 40 of 40"), "{heard}");
        assert!(!heard.contains("epoch 1 of 40"), "it went on: {heard}");
    }
    let read = |name: &str| std::fs::read(at.join(name)).expect("a model");
    assert!(read("whole.st") == read("killed.st"), "the same bytes");
    assert!(!checkpoint.exists());
}
