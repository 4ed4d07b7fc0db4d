//! Studies from the command line: bad input, interruption, resuming, threads.

mod stripes;

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::Path;

fn fewlabel(line: &str) -> Command {
    let mut command = Command::cargo_bin("fewlabel").expect("the program is built");
    command.args(line.split_whitespace());
    command
}

/// A study that takes a moment, but for its data.
const TINY: &str = "regime = [\"random\", \"al\", \"alda\"]\nseeds = 1\nlabels = 12\n\
                    keep_models = true\nloop = { initial = 4, epochs = 1, width = 2 }\n\
                    final = { epochs = 2, width = 2 }\n";

fn error_of(line: &str) -> String {
    let output = fewlabel(line).assert().failure().code(1).get_output().clone();
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.lines().count(), 1, "one sentence: {text}");
    text
}

/// Every file of a study but the times and the locks, by its path below `root`.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below").display().to_string();
            if path.is_dir() && name != ".locks" {
                folders.push(path);
            } else if path.is_file() && !name.contains("timing") {
                found.insert(name, std::fs::read(&path).expect("read"));
            }
        }
    }
    found
}

#[test]
fn a_misspelt_regime_is_corrected() {
    let text = error_of("reproduce --regimes full,randon");
    assert_eq!(text, "error: unknown regime `randon`: did you mean `random`?\n");
}

#[test]
fn a_missing_study_file_is_named() {
    assert!(error_of("run /nowhere/a.toml").contains("cannot read /nowhere/a.toml"));
}

#[test]
fn a_folder_without_a_study_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = error_of(&format!("report {}", folder.path().display()));
    assert!(text.contains("holds no study"), "{text}");
}

#[test]
fn usage_errors_end_with_two() {
    for line in [
        "reproduce --seeds 0",
        "run a.toml --shard 4/4",
        "bench",
        "predict --split middle",
        "nonsense",
    ] {
        fewlabel(line).assert().failure().code(2);
    }
}

#[test]
fn a_budget_of_zero_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let text = error_of(&format!(
        "run {study} --set labels=0 --out {}",
        folder.path().join("o").display()
    ));
    assert!(text.contains("budget of 0 labels") || text.contains("more than the budget"), "{text}");
    assert!(!folder.path().join("o").exists(), "nothing half-written");
}

#[test]
fn threads_shards_and_instructions_do_not_change_a_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let out = |name: &str| folder.path().join(name).display().to_string();
    fewlabel(&format!("run {study} --threads 1 --quiet --out {}", out("one"))).assert().success();
    fewlabel(&format!("run {study} --threads 2 --quiet --out {}", out("two"))).assert().success();
    for instructions in ["portable", "avx2"] {
        let run = format!("run {study} --threads 3 --quiet --out {}", out(instructions));
        fewlabel(&run).env("FEWLABEL_SIMD", instructions).assert().success();
    }
    for shard in ["0/2", "1/2"] {
        fewlabel(&format!("run {study} --shard {shard} --quiet --out {}", out("shards")))
            .assert()
            .success();
    }
    let [one, two, portable, avx2, shards] =
        ["one", "two", "portable", "avx2", "shards"].map(|name| files(&folder.path().join(name)));
    assert_eq!(one.keys().filter(|name| name.ends_with("model.safetensors")).count(), 3);
    for (name, bytes) in &one {
        assert!(two.get(name) == Some(bytes), "{name} depends on the threads");
        for other in [&portable, &avx2] {
            assert!(other.get(name) == Some(bytes), "{name} depends on the instructions");
        }
        assert!(shards.get(name) == Some(bytes), "{name} depends on the shards");
    }
    assert_eq!([one.len(); 4], [two.len(), portable.len(), avx2.len(), shards.len()]);
}

#[test]
fn every_ready_study_can_be_planned_in_small() {
    let studies = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies"))
        .expect("the ready studies");
    let files = studies
        .map(|file| file.expect("an entry").path())
        .filter(|path| path.extension() == Some("toml".as_ref()));
    for file in files {
        fewlabel(&format!("run {} --quick --dry-run --quiet", file.display())).assert().success();
    }
}

#[test]
fn another_study_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let out = folder.path().join("out").display().to_string();
    fewlabel(&format!("run {study} --set regime=random --quiet --out {out}")).assert().success();
    let text = error_of(&format!("run {study} --quiet --out {out}"));
    assert!(text.contains("holds another study (its study.toml differs in regime)"), "{text}");
}

#[test]
fn completions_and_manual_are_printed() {
    for line in ["completions bash", "completions zsh", "man", "man train"] {
        let output = fewlabel(line).assert().success().get_output().stdout.clone();
        assert!(String::from_utf8(output).expect("text").contains("fewlabel"), "{line}");
    }
}

#[test]
fn without_random_labels_every_policy_is_measured_against_the_papers() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = TINY
        .replace("[\"random\", \"al\", \"alda\"]", "[\"da\", \"alpa\"]")
        .replace("seeds = 1", "seeds = 2");
    let study = stripes::study_in(
        folder.path(),
        &format!("augmentation = [\"paper\", \"randaugment\"]\n{text}"),
    );
    let out = folder.path().join("out");
    fewlabel(&format!("run {study} --out {} --quiet", out.display())).assert().success();
    let printed = fewlabel(&format!("report {} --format md", out.display()))
        .assert()
        .success()
        .get_output()
        .clone();
    let printed = String::from_utf8(printed.stdout).expect("text");
    assert!(
        printed.contains("## Differences from the paper\u{2019}s augmentation, test accuracy"),
        "{printed}"
    );
    for pair in [
        "| da randaugment f=2 \u{2212} da f=2 | 2 (few) |",
        "| alpa randaugment f=2 \u{2212} alpa f=2 | 2 (few) |",
    ] {
        assert_eq!(printed.matches(pair).count(), 1, "{pair} in {printed}");
    }
}

#[test]
fn a_quick_study_fits_itself_to_few_images_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let study = stripes::study_in(folder.path(), TINY);
    let output =
        fewlabel(&format!("run {study} --quick --dry-run")).assert().success().get_output().clone();
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("training images: train_images = 600 is cut to all of them"), "{said}");
    assert!(said.contains("validation images: val_images = 200 is cut to all of them"), "{said}");
}

#[test]
fn a_wrong_number_is_said_with_its_place_in_words_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, expected) in [
        ("epochs = -1", "line 2: `epochs`: found -1, expected a whole number from 0 to 4294967295"),
        (
            "epochs = 1.5",
            "line 2: `epochs`: found 1.5, expected a whole number from 0 to 4294967295",
        ),
        ("dropout = \"much\"", "line 2: `dropout`: found \"much\", expected a number"),
        (
            "recipe = { steps = \"x\" }",
            "line 2: `recipe.steps`: found \"x\", expected a whole number from 0 to 4294967295",
        ),
        ("recipe = { stpes = 1 }", "line 2: `recipe`: unknown key `stpes`: did you mean `steps`?"),
        (
            "validate_every_epoch = 1",
            "line 2: `validate_every_epoch`: found 1, expected true or false",
        ),
        (
            "block_multiples = [1, 2]",
            "line 2: `block_multiples`: found a list of 2, expected a list of 3",
        ),
        ("query_size = 0\nregime = \"al\"", "line 2: query_size must be at least 1"),
        ("ties = \"sedeed\"", "line 2: `ties`: unknown name `sedeed`: did you mean `seeded`?"),
        (
            "strategy = \"bald\"\nloop_dropout = 0.1\nregime = \"al\"\n\
             mc_samples = 400000000000000",
            "line 5: mc_samples = 400000000000000: ",
        ),
    ] {
        let path = stripes::study_in(folder.path(), text);
        let said = error_of(&format!("run {path}"));
        assert!(said.contains(expected), "{text}: {said}");
        for word in ["u32", "usize", "f64", "i128", "struct", "invalid type"] {
            assert!(!said.contains(word), "{text}: {said}");
        }
    }
}

#[test]
fn drawn_ties_are_recorded_and_other_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("{TINY}strategy = \"core-set\"\n");
    let settings = |ties: &str| {
        let study = stripes::study_in(folder.path(), &format!("{text}{ties}"));
        let output = fewlabel(&format!("run {study} --dry-run --json"))
            .assert()
            .success()
            .get_output()
            .clone();
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        plan["runs"].clone()
    };
    let absent = settings("");
    assert_eq!(absent, settings("ties = \"lower-index\"\n"), "an absent key is the paper's rule");
    assert_ne!(absent, settings("ties = \"seeded\"\n"));
}
