//! Models in files: where they go, what is believed of them, and what they are judged on.

mod stripes;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with data in three classes, and its path.
fn folder_with_data() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    stripes::study_in(folder.path(), "");
    let data = folder.path().join("stripes.npz");
    (folder, data)
}

fn fewlabel<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fewlabel"))
        .args(arguments)
        .arg("--threads")
        .arg("1")
        .output()
        .expect("started")
}

/// Standard output of a command that must succeed.
fn said(words: &[&str], paths: &[(&str, &Path)]) -> String {
    let output = call(words, paths);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The one line on standard error of a command that must fail.
fn failure(words: &[&str], paths: &[(&str, &Path)]) -> String {
    let output = call(words, paths);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{words:?}: {text}");
    text
}

fn call(words: &[&str], paths: &[(&str, &Path)]) -> Output {
    let paths = paths.iter().flat_map(|(option, path)| [OsStr::new(*option), path.as_os_str()]);
    fewlabel(words.iter().map(OsStr::new).chain(paths))
}

/// Trains in a moment.
const TRAIN: [&str; 6] = ["train", "--epochs", "1", "--width", "2", "--quiet"];

#[test]
fn class_names_travel_in_a_model_and_hold_it_to_data_of_the_same_classes() {
    let (folder, data) = folder_with_data();
    let model = folder.path().join("m.safetensors");
    said(
        &[&TRAIN[..], &["--class-names", "cyst,stone,tumour"]].concat(),
        &[("--data", &data), ("--model", &model)],
    );
    let given = [("--data", &*data), ("--model", &*model)];
    let sentence = failure(&["predict"], &given);
    let lists = "the model's classes are cyst, stone, tumour; those of stripes are a, b, c\n";
    assert!(sentence.ends_with(lists), "{sentence}");
    let features = folder.path().join("h.npy");
    let more = [&given[..], &[("--features", &*features)]].concat();
    let text = said(&["predict", "--class-names", "cyst,stone,tumour"], &more);
    assert!(
        text.contains("accuracy") && text.contains("4 features an image, the output of head.fc2\n"),
        "{text}"
    );
    let json = said(&["predict", "--class-names", "cyst,stone,tumour", "--json"], &given);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["features"], serde_json::json!({ "layer": "head.fc2", "length": 4 }));
    let text = said(&["predict", "--class-names", "cyst,stone,tumour,other"], &given);
    let lists = "not judged: the model's classes are cyst, stone, tumour; those of the data are \
                 cyst, stone, tumour, other";
    assert!(text.contains(lists), "{text}");
}

#[test]
fn an_encoder_has_no_classes_to_predict() {
    let (folder, data) = folder_with_data();
    let encoder = folder.path().join("e.safetensors");
    let pretrain = ["pretrain", "--width", "2", "--epochs", "1", "--batch-size", "20", "--quiet"];
    said(&pretrain, &[("--data", &data), ("--out", &encoder)]);
    let probs = folder.path().join("p.npy");
    let sentence =
        failure(&["predict"], &[("--data", &data), ("--model", &encoder), ("--probs", &probs)]);
    assert!(sentence.contains("e.safetensors: is an encoder, which has no classes"), "{sentence}");
    assert!(!probs.exists());
    // One number of the file's last tensor is none, then one of its running variances is negative.
    let sound = std::fs::read(&encoder).expect("read");
    let damaged = folder.path().join("d.safetensors");
    for (tensor, value, problem) in [
        ("head.fc2.bias", f32::NAN, "holds NaN, expected finite numbers"),
        ("block1.norm1.running_var", -1.0, "holds -1, expected finite numbers from 0 on"),
    ] {
        std::fs::write(&damaged, with_last_value(&sound, tensor, value)).expect("written");
        let sentence =
            failure(&["probe", "--labels", "6"], &[("--data", &data), ("--encoder", &damaged)]);
        assert!(
            sentence.ends_with(&format!("d.safetensors: tensor {tensor}: {problem}\n")),
            "{sentence}"
        );
    }
}

/// A safetensors file in which the last value of `tensor` is another.
fn with_last_value(file: &[u8], tensor: &str, value: f32) -> Vec<u8> {
    let header = 8 + u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&file[8..header]).expect("a header");
    assert_eq!(tensors["__metadata__"]["format"], "pt");
    let end = tensors[tensor]["data_offsets"][1].as_u64().expect("a place") as usize;
    let mut file = file.to_vec();
    file[header + end - 4..header + end].copy_from_slice(&value.to_le_bytes());
    file
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_model_leads_to_it() {
    let (folder, data) = folder_with_data();
    let (link, model) = (folder.path().join("latest"), folder.path().join("m.safetensors"));
    std::os::unix::fs::symlink("m.safetensors", &link).expect("linked");
    for _ in 0..2 {
        said(&TRAIN, &[("--data", &data), ("--model", &link)]);
        assert!(link.is_symlink() && model.is_file());
    }
    said(&["predict"], &[("--data", &data), ("--model", &link)]);
    said(&TRAIN, &[("--data", &data), ("--model", Path::new("/dev/null"))]);
    assert!(!std::fs::metadata("/dev/null").expect("there").is_file());
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_text_work_in_every_option() {
    let (folder, data) = folder_with_data();
    let path = |name: &[u8]| -> PathBuf {
        let name: OsString = std::os::unix::ffi::OsStringExt::from_vec(name.to_vec());
        folder.path().join(name)
    };
    let own = path(b"caf\xe9.npz");
    std::fs::rename(&data, &own).expect("renamed");
    let (model, probs, features) =
        (path(b"m\xe9.safetensors"), path(b"p\xe9.npy"), path(b"h\xe9.npy"));
    let policy = path(b"p\xe9.toml");
    std::fs::write(&policy, "policy = \"one_of\"\ntransforms = [{ kind = \"gaussian_noise\" }]\n")
        .expect("written");
    said(
        &[&TRAIN[..], &["--json"]].concat(),
        &[("--data", &own), ("--model", &model), ("--augmentation", &policy)],
    );
    let outputs =
        [("--data", &*own), ("--model", &*model), ("--probs", &*probs), ("--features", &*features)];
    said(&["predict"], &outputs);
    assert!(probs.is_file() && features.is_file());
    said(&["query", "--strategy", "core-set", "--batch", "2"], &[("--features", &features)]);
    let info = call(&["data", "info", "--json"], &[]);
    assert_eq!(info.status.code(), Some(2), "a data set is needed");
    for words in [&["data", "info"][..], &["data", "info", "--json"]] {
        let words = words.iter().map(OsStr::new).chain([own.as_os_str()]);
        assert!(fewlabel(words).status.success());
    }
    let copy = path(b"copy\xff.npz");
    let words = ["data", "export", "--json"].map(OsString::from);
    assert!(
        fewlabel(words.iter().map(AsRef::as_ref).chain([own.as_os_str(), copy.as_os_str()]))
            .status
            .success()
    );
    assert!(std::fs::read(&own).expect("read") == std::fs::read(&copy).expect("read"));
    let sheet = path(b"s\xe9.png");
    said(&["preview", "--json"], &[("--data", &own), ("--policy", &policy), ("--out", &sheet)]);
    let encoder = path(b"e\xe9.safetensors");
    let pretrain =
        ["pretrain", "--width", "2", "--epochs", "1", "--batch-size", "20", "--quiet", "--json"];
    said(&pretrain, &[("--data", &own), ("--out", &encoder), ("--views", &policy)]);
    let out = path(b"out\xe9");
    let reproduce =
        ["reproduce", "--regimes", "pretrained-random", "--seeds", "1", "--labels", "6", "--quiet"];
    said(&reproduce, &[("--data", &own), ("--encoder", &encoder), ("--out", &out)]);
    // The folder's own study file names the same files.
    let study = out.join("study.toml");
    let again = ["run", "--dry-run", "--json"].map(OsString::from);
    let again = again.iter().map(AsRef::as_ref).chain([
        study.as_os_str(),
        OsStr::new("--out"),
        out.as_os_str(),
    ]);
    let again: serde_json::Value = serde_json::from_slice(&fewlabel(again).stdout).expect("JSON");
    assert_eq!((&again["done"], again["runs"].as_array().map(Vec::len)), (&1.into(), Some(1)));
}

#[test]
fn what_is_likely_to_be_a_mistake_is_said_before_learning() {
    let (folder, data) = folder_with_data();
    let model = folder.path().join("m.safetensors");
    let words = [&TRAIN[..], &["--class-names", "a,b,c,d"]].concat();
    let warning = "warning: stripes: the training split has no image of class d\n";
    let output = call(&words, &[("--data", &data), ("--model", &model)]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), warning);
    let study = folder.path().join("grid.toml");
    let text = std::fs::read_to_string(&study).expect("a study");
    let settings = "regime = [\"random\", \"da\"]\nseeds = 2\nlabels = 6\nfinal.epochs = 1\n\
                    final.width = 2\n";
    std::fs::write(&study, format!("class_names = [\"a\", \"b\", \"c\", \"d\"]\n{text}{settings}"))
        .expect("written");
    let out = folder.path().join("out");
    let output = call(&["run", study.to_str().expect("text"), "--quiet"], &[("--out", &out)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), warning);
    let encoder = folder.path().join("e.safetensors");
    let pretrain = ["pretrain", "--width", "2", "--epochs", "1", "--batch-size", "20", "--quiet"];
    said(&pretrain, &[("--data", &data), ("--out", &encoder)]);
    let probe = ["probe", "--labels", "6", "--draws", "1", "--quiet", "--class-names", "a,b,c,d"];
    let output = call(&probe, &[("--data", &data), ("--encoder", &encoder)]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), warning);
}
