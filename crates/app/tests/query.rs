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
    for (name, text) in
        [("l.json", "[2]"), ("twice.json", "[2, 2]"), ("far.json", "[9]"), ("bad.json", "{}")]
    {
        std::fs::write(at.join(name), text).unwrap();
    }
    folder
}

fn query(folder: &Path, arguments: &str) -> assert_cmd::assert::Assert {
    let arguments = arguments.split_whitespace();
    Command::cargo_bin("fewlabel")
        .unwrap()
        .arg("query")
        .args(arguments)
        .current_dir(folder)
        .assert()
}

#[test]
fn the_answer_is_json_with_the_picks_in_order() {
    let folder = arrays();
    let arguments =
        "--strategy entropy --batch 2 --probs p.npy --labelled l.json --seed 3 --threads 1 --json";
    let output = query(folder.path(), arguments).success().get_output().stdout.clone();
    let answer: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(answer["indices"], serde_json::json!([4, 1]));
    assert_eq!((&answer["score_unit"], &answer["strategy"]), (&"bits".into(), &"entropy".into()));
    assert_eq!(
        (&answer["seed"], &answer["batch"], &answer["threads"]),
        (&3.into(), &2.into(), &1.into())
    );
    let first = answer["scores"][0].as_f64().unwrap();
    let by_hand = -(0.45_f64 * 0.45_f64.log2() + 0.55 * 0.55_f64.log2());
    assert!((first - by_hand).abs() < 1e-6, "{first}");
    assert!(answer["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn every_strategy_answers_from_the_arrays_it_needs() {
    let folder = arrays();
    for name in fewlabel_learn::acquire::names() {
        let arrays = "--probs p.npy --mc-probs m.npy --features h.npy --target-mc-probs t.npy \
                      --view-probs m.npy";
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
        (
            "--strategy entropy --batch 1 --probs i8.npy",
            "type <i8, expected float16, float32 or float64",
        ),
        ("--strategy entropy --batch 1 --probs text.npy", "text.npy"),
        ("--strategy entropy --batch 1 --probs m.npy", "has the shape [5, 3, 2], expected 2 axes"),
        ("--strategy entropy --batch 1 --probs none.npy", "cannot read none.npy"),
        ("--strategy entropy --batch 1 --probs p.npy --labelled twice.json", "2"),
        ("--strategy entropy --batch 1 --probs p.npy --labelled far.json", "9"),
        (
            "--strategy entropy --batch 1 --probs p.npy --labelled bad.json",
            "bad.json: expected a JSON array",
        ),
        (
            "--strategy probcover --batch 1 --features h.npy --classes 2 --delta -1",
            "delta is -1, expected a number above 0",
        ),
        (
            "--strategy power-entropy --batch 1 --probs p.npy --beta -1",
            "beta is -1, expected a number above 0",
        ),
    ];
    for (arguments, message) in cases {
        let assert = query(folder.path(), arguments).code(1);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(
            stderr.contains(message) && stderr.trim_end().lines().count() == 1,
            "{arguments}: {stderr}"
        );
        assert!(assert.get_output().stdout.is_empty(), "{arguments}");
    }
}

/// The answer of a query as JSON, and what it said beside.
fn answer(folder: &Path, arguments: &str) -> (serde_json::Value, String) {
    let assert = query(folder, &format!("{arguments} --json")).success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    (serde_json::from_slice(&assert.get_output().stdout).unwrap(), said)
}

/// Forty images of which three are in doubt, with three passes, as [n, t, c] and as [t, n, c].
fn passes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let p = |image: usize, pass: usize| match image {
        7 | 19 | 33 => [0.5 + 0.1 * pass as f32, 0.5 - 0.1 * pass as f32],
        _ => [0.99, 0.01],
    };
    let ntc: Vec<f32> =
        (0..40).flat_map(|image| (0..3).flat_map(move |pass| p(image, pass))).collect();
    let tnc: Vec<f32> =
        (0..3).flat_map(|pass| (0..40).flat_map(move |image| p(image, pass))).collect();
    write(folder.path(), "ntc.npy", "(40, 3, 2)", &ntc);
    write(folder.path(), "tnc.npy", "(3, 40, 2)", &tnc);
    write(folder.path(), "h.npy", "(40, 1)", &[1.0; 40]);
    std::fs::write(folder.path().join("l.json"), "[38, 1]").unwrap();
    folder
}

#[test]
fn passes_come_in_either_order_of_axes() {
    let folder = passes();
    let (by_image, said) = answer(folder.path(), "--strategy entropy --batch 3 --mc-probs ntc.npy");
    assert!(said.is_empty(), "{said}");
    let (by_pass, said) =
        answer(folder.path(), "--strategy entropy --batch 3 --mc-probs tnc.npy --mc-order tnc");
    assert!(said.is_empty(), "{said}");
    let mut rows: Vec<u64> =
        by_image["indices"].as_array().unwrap().iter().filter_map(|row| row.as_u64()).collect();
    assert_eq!(
        (&by_image["indices"], &by_image["scores"]),
        (&by_pass["indices"], &by_pass["scores"])
    );
    rows.sort_unstable();
    assert_eq!(rows, [7, 19, 33]);
}

#[test]
fn passes_in_the_wrong_order_are_refused_where_anything_contradicts() {
    let folder = passes();
    for (arguments, expected) in [
        (
            "--mc-probs tnc.npy --features h.npy",
            "--mc-probs has 3 images and --features 40, expected as many; in the order --mc-order \
             tnc there are 40 images",
        ),
        (
            "--mc-probs ntc.npy --features h.npy --mc-order tnc",
            "--mc-probs has 3 images and --features 40, expected as many; in the order --mc-order \
             ntc there are 40 images",
        ),
        (
            "--mc-probs tnc.npy --labelled l.json",
            "holds image 38, but there are only 3 images; in the order --mc-order tnc there are \
             40 images",
        ),
    ] {
        let assert =
            query(folder.path(), &format!("--strategy bald --batch 1 {arguments}")).code(1);
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(said.contains(expected), "{arguments}: {said}");
    }
}

#[test]
fn more_passes_than_images_are_warned_of_where_nothing_contradicts() {
    let folder = passes();
    let (_, said) = answer(folder.path(), "--strategy bald --batch 1 --mc-probs tnc.npy");
    let expected = "warning: --mc-probs [3, 40, 2] is read as 3 images with 40 passes each \
                    (--mc-order ntc); 3 passes over 40 \
                    images are --mc-order tnc\n";
    assert!(said.contains(expected), "{said}");
    let (_, said) =
        answer(folder.path(), "--strategy bald --batch 1 --mc-probs tnc.npy --mc-order ntc");
    assert!(!said.contains("is read as"), "who names the order is believed: {said}");
}

#[test]
fn ties_are_drawn_by_the_seed_unless_the_lower_rows_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "p.npy", "(90, 2)", &[0.5; 180]);
    let rows = |more: &str| {
        let (answer, said) =
            answer(folder.path(), &format!("--strategy entropy --batch 5 --probs p.npy {more}"));
        assert_eq!(answer["all_equal"], true);
        assert!(said.starts_with("warning: all scores are equal: "), "{said}");
        (answer["indices"].clone(), answer["ties"].as_str().unwrap().to_owned(), said)
    };
    let (lower, ties, said) = rows("--ties lower-index");
    assert_eq!((lower, ties.as_str()), (serde_json::json!([0, 1, 2, 3, 4]), "lower-index"));
    assert!(said.contains("the lowest rows were taken"), "{said}");
    let (seeded, ties, said) = rows("");
    assert_eq!(ties, "seeded");
    assert!(said.contains("the seed drew the rows"), "{said}");
    assert!(seeded.as_array().unwrap().iter().any(|row| row.as_u64() > Some(20)), "{seeded}");
    assert_eq!(seeded, rows("--threads 1").0);
    assert_ne!(seeded, rows("--seed 1").0);
}

#[test]
fn numbers_that_no_machine_can_hold_are_refused_with_the_estimate() {
    let folder = passes();
    let arguments = "--strategy batchbald --batch 40 --mc-probs ntc.npy --draws 4000000000000000";
    let assert = query(folder.path(), arguments).code(1);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("draws = 4000000000000000: the joint distribution")
            && said.contains("TB of memory"),
        "{said}"
    );
}
