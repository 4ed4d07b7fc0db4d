//! What must never change unnoticed: the ids of the ready studies' runs, the bits of small runs of
//! every kind, and the fields of every `--json` document. The files in `golden/` hold what is
//! right; a change on purpose is written there by `FEWLABEL_GOLDEN=write cargo test --test golden`,
//! and its commit says why.

mod stripes;

use assert_cmd::Command;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every small run has in common.
const SMALL: &str = "seeds = 1\nlabels = 12\ninitial = 4\nquery_size = 3\nepochs = 3\n\
                     first_epochs = 1\nwidth = 3\n\
                     loop_width = 2\nbatch_size = 16\nmc_samples = 4\nviews = 3\n\
                     keep_models = true\n\
                     pretrain = { width = 4, epochs = 2, batch_size = 20 }\n";

/// Every regime, and every setting that may be added to one.
#[rustfmt::skip]
const RUNS: &[(&str, &str)] = &[
    ("full", "regime = \"full\""),
    ("random", "regime = \"random\""),
    ("da", "regime = \"da\""),
    ("al", "regime = \"al\""),
    ("alda", "regime = \"alda\""),
    ("alpa", "regime = \"alpa\""),
    ("al bald", "regime = \"al\"\nstrategy = \"bald\"\nloop_dropout = 0.25"),
    ("al bald ensemble", "regime = \"al\"\nstrategy = \"bald\"\nmembers = 2"),
    ("alpa view-mi", "regime = \"alpa\"\nstrategy = \"view-mi\""),
    ("al badge cold", "regime = \"al\"\nstrategy = \"badge\"\ninitial_choice = \"typiclust\""),
    ("al typiclust \
      stratified", "regime = \"al\"\nstrategy = \"typiclust\"\ninitial_choice = \"stratified\""),
    ("al \
      probcover", "regime = \"al\"\nstrategy = \"probcover\"\nstrategy_options = { purity = 0.9 }"),
    ("al epig", "regime = \"al\"\nstrategy = \"epig\"\nloop_dropout = 0.25"),
    ("al stopping", "regime = \"al\"\nstopping = { rule = \"budget\", labels = 8 }"),
    ("al \
      plateau", "regime = \"al\"\nstopping = \
                 { rule = \"validation-plateau\", rounds = 1, gain = 0.5 }"),
    ("al temperature", "regime = \"al\"\ntemperature_scaling = true"),
    ("al fresh", "regime = \"al\"\nreset_every_queries = 1\nepochs_growth = 2"),
    ("da mixup views", "regime = \"da\"\nmixing = { kind = \"mixup\" }\ntest_time_views = 3"),
    ("alpa cutmix", "regime = \"alpa\"\nmixing = { kind = \"cutmix\" }"),
    ("da \
      recipe", "regime = \"da\"\nrecipe = \
                { steps = 6, cosine = true, label_smoothing = 0.1, average = 0.9 }"),
    ("da \
      learned", "regime = \"da\"\naugmentation = \
                 { policy = \"learned\", budget = 4, folds = 2, width = 2 }"),
    ("da \
      randaugment", "regime = \"da\"\naugmentation = \"randaugment\"\ndropout = 0.2\n\
                     block_multiples = [1, 2, 4]"),
    ("random unvalidated", "regime = \"random\"\nvalidate_every_epoch = false"),
    ("random in budget", "regime = \"random\"\nvalidation_in_budget = true\nval_images = 6"),
    ("random \
      shifted", "regime = \"random\"\nshift = { corruption = \"gaussian_noise\", severity = 3 }"),
    ("random small pool", "regime = \"random\"\ntrain_images = 40\ntest_images = 10"),
    ("encoder random", "regime = \"pretrained-random\""),
    ("encoder typiclust", "regime = \"pretrained-typiclust\""),
    ("encoder badge", "regime = \"pretrained-badge\""),
    ("encoder semi", "regime = \"pretrained-semi\""),
    ("encoder views", "regime = \"pretrained-random\"\ntest_time_views = 2"),
    ("encoder \
      vicreg", "regime = \"pretrained-random\"\npretrain = \
                { method = \"vicreg\", width = 4, epochs = 2, batch_size = 20 }"),
    ("encoder \
      ensemble", "regime = \"pretrained-random\"\nencoders = 2\nensemble = 2\nkeep_models = false"),
    ("encoder tuned", "regime = \"pretrained-random\"\nfine_tuning = { steps = 60 }"),
    ("encoder \
      matched", "regime = \"pretrained-random\"\nfine_tuning = \
                 { steps = 6, fix_match = { threshold = 0.5 } }"),
];

fn fewlabel(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("fewlabel").expect("the program is built");
    command.args(arguments).arg("--quiet");
    command
}

fn document(arguments: &[&str]) -> Value {
    let output =
        fewlabel(&[arguments, &["--json"]].concat()).assert().success().get_output().stdout.clone();
    serde_json::from_slice(&output).expect("a JSON document")
}

/// Holds `found` to the file `name`, or writes it there where that is asked for.
fn hold(name: &str, found: &str, agrees: impl Fn(&str, &str) -> Result<(), String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("FEWLABEL_GOLDEN").is_some_and(|wish| wish == "write") {
        fs::write(&path, found).expect("written");
    }
    let kept = fs::read_to_string(&path).expect("what is right");
    if let Err(what) = agrees(&kept, found) {
        panic!("{name}: {what}");
    }
}

fn same_lines(kept: &str, found: &str) -> Result<(), String> {
    let [kept, found] = [kept, found].map(|text| text.lines().collect::<BTreeSet<_>>());
    let (gone, new): (Vec<_>, Vec<_>) =
        (kept.difference(&found).collect(), found.difference(&kept).collect());
    if gone.is_empty() && new.is_empty() {
        Ok(())
    } else {
        Err(format!("gone: {gone:#?}, new: {new:#?}"))
    }
}

/// Every line that is kept is found; further ones may be.
fn no_line_is_gone(kept: &str, found: &str) -> Result<(), String> {
    let found: BTreeSet<&str> = found.lines().collect();
    let gone: Vec<&str> = kept.lines().filter(|line| !found.contains(line)).collect();
    if gone.is_empty() { Ok(()) } else { Err(format!("gone: {gone:#?}")) }
}

fn digest(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An id is the hash of a run's resolved settings: where ids agree, settings do.
#[test]
fn the_runs_of_the_ready_studies_keep_their_ids() {
    let folder = tempfile::tempdir().expect("a folder");
    stripes::archive_in(folder.path(), [1400, 40, 40]);
    let data = format!("data={:?}", folder.path().join("stripes.npz").display().to_string());
    let studies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies");
    let files = fs::read_dir(studies).expect("listed").map(|file| file.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension() == Some("toml".as_ref())).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let study = file.display().to_string();
        let plan = document(&["run", &study, "--dry-run", "--set", &data]);
        let id = |run: &Value| run["id"].as_str().expect("an id").to_owned();
        let ids: BTreeSet<String> = plan["runs"].as_array().expect("runs").iter().map(id).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let _ = writeln!(text, "{name}: {} runs, together {}", ids.len(), digest(ids.join("\n")));
        ids.iter().take(20).for_each(|id| text.push_str(&format!("{name}: {id}\n")));
    }
    hold("ids.txt", &text, same_lines);
}

/// The tensors of a model without what travels beside them.
fn tensors(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).expect("a model");
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a header");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: BTreeMap<String, Value> = serde_json::from_slice(header).expect("a header");
    header.remove("__metadata__");
    [serde_json::to_vec(&header).expect("plain data"), data.to_vec()].concat()
}

/// What a run left: one line a file with its hash, and the values of its result one by one.
fn records(name: &str, run: &Path, text: &mut String) {
    for file in ["settings.json", "epochs.jsonl", "queries.jsonl", "model.safetensors"] {
        let path = run.join(file);
        let bytes = if file.ends_with(".safetensors") && path.exists() {
            tensors(&path)
        } else {
            fs::read(&path).unwrap_or_default()
        };
        let _ = writeln!(text, "{name}: {file} {}", digest(bytes));
    }
    let result: Value =
        serde_json::from_slice(&fs::read(run.join("result.json")).expect("a result"))
            .expect("JSON");
    for (path, value) in leaves(&result) {
        let _ = writeln!(text, "{name}: {path} = {value}");
    }
}

/// Every value of a document with its path; a list of documents is their hash.
fn leaves(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(map) => {
            let below = |(key, value): (&String, &Value)| {
                let name = |path: String| {
                    if path.is_empty() { key.clone() } else { format!("{key}.{path}") }
                };
                leaves(value).into_iter().map(|(path, leaf)| (name(path), leaf)).collect::<Vec<_>>()
            };
            map.iter().flat_map(below).collect()
        }
        Value::Array(list) if list.iter().any(Value::is_object) => {
            vec![(String::new(), digest(value.to_string()))]
        }
        plain => vec![(String::new(), plain.to_string())],
    }
}

/// Kills the command again and again after growing times, until it ends by itself.
fn kill_until_done(arguments: &[&str]) {
    for pause in 1.. {
        let program = assert_cmd::cargo::cargo_bin("fewlabel");
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .arg("--quiet")
            .spawn()
            .expect("started");
        std::thread::sleep(Duration::from_millis(40 * pause));
        match child.try_wait().expect("asked") {
            Some(status) => return assert!(status.success(), "{arguments:?}"),
            None => child.kill().and_then(|()| child.wait().map(|_| ())).expect("killed"),
        }
    }
}

#[test]
fn small_runs_of_every_kind_keep_their_bits_on_any_threads_and_after_kills() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for (number, (name, settings)) in RUNS.iter().enumerate() {
        let key = |line: &str| line.split(" =").next().unwrap_or_default().to_owned();
        let own: BTreeSet<String> = settings.lines().map(key).collect();
        let small: Vec<&str> = SMALL.lines().filter(|line| !own.contains(&key(line))).collect();
        let study =
            stripes::study_in(folder.path(), &format!("{}\n{settings}\n", small.join("\n")));
        let plan = document(&["run", &study, "--dry-run"]);
        let id = plan["runs"][0]["id"].as_str().expect("an id").to_owned();
        let found = ["1", "2", "kills"].map(|way| {
            let out = folder.path().join(format!("{number}-{way}"));
            let place = out.display().to_string();
            let threads = if way == "kills" { "1" } else { way };
            let line = ["run", &study, "--runs", &id, "--threads", threads, "--out", &place];
            match way {
                "kills" => kill_until_done(&line),
                _ => drop(fewlabel(&line).assert().success()),
            }
            let mut text = String::new();
            records(name, &out.join("runs").join(&id), &mut text);
            text
        });
        assert!(
            found.iter().all(|text| *text == found[0]),
            "{name} depends on threads or kills: {found:#?}"
        );
        text.push_str(&found[0]);
    }
    hold("runs.txt", &text, no_line_is_gone);
}

/// The paths of a document's fields; a list of plain values is one, as is what a list of documents
/// holds.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| fields(value, &format!("{path}.{key}"), found))
        }
        Value::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            list.iter().for_each(|value| fields(value, &format!("{path}[]"), found));
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

#[test]
fn no_field_of_a_json_document_is_renamed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!("{SMALL}regime = [\"random\", \"al\"]\nseeds = 2\n");
    let study = stripes::study_in(folder.path(), &settings.replacen("seeds = 1\n", "", 1));
    let (data, out, model, encoder) =
        (path("stripes.npz"), path("out"), path("m.safetensors"), path("e.safetensors"));
    let (probs, features) = (path("p.npy"), path("h.npy"));
    #[rustfmt::skip]
    let lines: &[&[&str]] = &[
        &["data", "list"], &["data", "info", &data],
        &["run", &study, "--dry-run"], &["run", &study, "--out", &out], &["status", &out],
        &["report", &out],
        &["train", "--data", &data, "--labels", "12", "--width", "2", "--epochs", "1", "--model",
        &model],
        &["predict", "--model", &model, "--data", &data, "--split", "train", "--probs", &probs,
        "--features", &features],
        &["query", "--strategy", "badge", "--batch", "3", "--probs", &probs, "--features",
        &features],
        &["pretrain", "--data", &data, "--width", "4", "--epochs", "1", "--batch-size", "20",
        "--out", &encoder],
        &["probe", "--data", &data, "--encoder", &encoder, "--labels", "8", "--draws", "2",
        "--semi", "--test"],
        &["bench", "train", "--width", "2", "--batch", "8"], &["bench", "infer", "--width", "2",
        "--batch", "8"],
        &["bench", "augment"], &["bench", "query", "--batch", "3"],
    ];
    let mut text = String::new();
    for line in lines {
        let mut found = BTreeSet::new();
        fields(&document(line), "", &mut found);
        let name = if line[0] == "bench" || line[0] == "data" {
            line[..2].join(" ")
        } else {
            line[0].to_owned()
        };
        let name = if line.contains(&"--dry-run") { format!("{name} --dry-run") } else { name };
        found.iter().for_each(|field| text.push_str(&format!("{name}: {field}\n")));
    }
    hold("fields.txt", &text, no_line_is_gone);
}
