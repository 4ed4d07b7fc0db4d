//! `fewlabel query`: what it answers, and how it refuses.

use assert_cmd::Command;
use std::path::Path;

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn write(folder: &Path, name: &str, shape: &str, values: &[f32]) {
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join(name), npy("<f4", shape, &data)).unwrap();
}

/// Five images, two classes, three passes, two features, one target.
fn arrays() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "p.npy", "(5, 2)", &[0.9, 0.1, 0.6, 0.4, 0.5, 0.5, 0.2, 0.8, 0.45, 0.55]);
    write(at, "short.npy", "(4, 2)", &[0.5; 8]);
    write(at, "nan.npy", "(5, 2)", &[0.9, 0.1, 0.6, 0.4, f32::NAN, 0.5, 0.2, 0.8, 0.45, 0.55]);
    write(at, "sum.npy", "(5, 2)", &[0.9, 0.1, 0.6, 0.4, 0.5, 0.5, 0.2, 0.9, 0.45, 0.65]);
    let pass = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3];
    write(at, "m.npy", "(5, 3, 2)", &pass.repeat(5));
    write(at, "t.npy", "(1, 3, 2)", &pass);
    write(at, "h.npy", "(5, 2)", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    write(at, "inf.npy", "(5, 2)", &[0.0, 1.0, 2.0, f32::INFINITY, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    std::fs::write(at.join("i8.npy"), npy("<i8", "(5, 2)", &[0; 80])).unwrap();
    std::fs::write(at.join("text.npy"), "not an array").unwrap();
    for (name, text) in [("l.json", "[2]"), ("twice.json", "[2, 2]"), ("far.json", "[9]"), ("bad.json", "{}")] {
        std::fs::write(at.join(name), text).unwrap();
    }
    folder
}

fn query(folder: &Path, arguments: &str) -> assert_cmd::assert::Assert {
    let arguments = arguments.split_whitespace();
    Command::cargo_bin("fewlabel").unwrap().arg("query").args(arguments).current_dir(folder).assert()
}

#[test]
fn the_answer_is_json_with_the_picks_in_order() {
    let folder = arrays();
    let arguments = "--strategy entropy --batch 2 --probs p.npy --labelled l.json --seed 3 --threads 1 --json";
    let output = query(folder.path(), arguments).success().get_output().stdout.clone();
    let answer: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(answer["indices"], serde_json::json!([4, 1]));
    assert_eq!((&answer["score_unit"], &answer["strategy"]), (&"bits".into(), &"entropy".into()));
    assert_eq!((&answer["seed"], &answer["batch"], &answer["threads"]), (&3.into(), &2.into(), &1.into()));
    let first = answer["scores"][0].as_f64().unwrap();
    let by_hand = -(0.45_f64 * 0.45_f64.log2() + 0.55 * 0.55_f64.log2());
    assert!((first - by_hand).abs() < 1e-6, "{first}");
    assert!(answer["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn every_strategy_answers_from_the_arrays_it_needs() {
    let folder = arrays();
    for name in fewlabel_learn::acquire::names() {
        let arrays = "--probs p.npy --mc-probs m.npy --features h.npy --target-mc-probs t.npy --view-probs m.npy";
        let arguments = format!("--strategy {name} --batch 2 {arrays} --labelled l.json --json");
        let output = query(folder.path(), &arguments).success().get_output().stdout.clone();
        let answer: serde_json::Value = serde_json::from_slice(&output).unwrap();
        let picks = answer["indices"].as_array().unwrap();
        assert!(picks.len() == 2 && !picks.contains(&2.into()), "{name}: {answer}");
    }
}

#[test]
fn what_is_wrong_is_one_sentence() {
    let folder = arrays();
    let cases = [
        ("--strategy entropi --batch 1 --probs p.npy", "entropi"),
        ("--strategy entropy --batch 1", "give at least one of --probs"),
        ("--strategy entropy --batch 1 --features h.npy", "probs"),
        ("--strategy bald --batch 1 --probs p.npy", "mc-probs"),
        ("--strategy entropy --batch 6 --probs p.npy", "6"),
        ("--strategy entropy --batch 5 --probs p.npy --labelled l.json", "4"),
        ("--strategy badge --batch 1 --probs short.npy --features h.npy", "4"),
        ("--strategy entropy --batch 1 --probs nan.npy", "row 2"),
        ("--strategy entropy --batch 1 --probs sum.npy", "row 3"),
        ("--strategy core-set --batch 1 --features inf.npy", "row 1"),
        ("--strategy entropy --batch 1 --probs i8.npy", "type <i8, expected float32 or float64"),
        ("--strategy entropy --batch 1 --probs text.npy", "text.npy"),
        ("--strategy entropy --batch 1 --probs m.npy", "has the shape [5, 3, 2], expected 2 axes"),
        ("--strategy entropy --batch 1 --probs none.npy", "cannot read none.npy"),
        ("--strategy entropy --batch 1 --probs p.npy --labelled twice.json", "2"),
        ("--strategy entropy --batch 1 --probs p.npy --labelled far.json", "9"),
        ("--strategy entropy --batch 1 --probs p.npy --labelled bad.json", "bad.json: expected a JSON array"),
        ("--strategy probcover --batch 1 --features h.npy --delta=-1", "delta"),
    ];
    for (arguments, message) in cases {
        let assert = query(folder.path(), arguments).code(1);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.contains(message) && stderr.trim_end().lines().count() == 1, "{arguments}: {stderr}");
        assert!(assert.get_output().stdout.is_empty(), "{arguments}");
    }
}
