//! An encoder from images without labels: the same file however it was made, and of use.

use assert_cmd::Command;
use fewlabel_learn::data::{Dataset, Images, Split, npz};
use std::path::Path;

fn fewlabel(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("fewlabel").expect("the program");
    command.args(arguments);
    command
}

/// Four bright stripes whose place is the class, as a data set in `folder`.
fn stripes_in(folder: &Path) -> String {
    let split = |n: usize| {
        let labels: Vec<u16> = (0..n).map(|i| (i % 4) as u16).collect();
        let pixel = |i: usize, place: usize| {
            ((place * 31 + i * 17) % 64) as u8 + if place % 16 / 4 == i % 4 { 120 } else { 0 }
        };
        let pixels = (0..n).flat_map(|i| (0..256).map(move |place| pixel(i, place))).collect();
        Split { images: Images { height: 16, width: 16, channels: 1, pixels }, labels }
    };
    let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let data = Dataset::new("stripes".into(), [split(160), split(40), split(40)], names);
    let archive = folder.join("stripes.npz");
    npz::write(&data, std::fs::File::create(&archive).expect("made")).expect("written");
    archive.display().to_string()
}

/// The arguments that make a small encoder.
fn small(data: &str, out: &Path, threads: &str) -> Vec<String> {
    let views = out.with_file_name("views.toml");
    std::fs::write(&views, "policy = \"one_of\"\ntransforms = [{ kind = \"gaussian_noise\" }]\n")
        .expect("a file");
    let (out, views) = (out.to_str().expect("a path"), views.to_str().expect("a path"));
    let fixed = ["pretrain", "--width", "4", "--epochs", "6", "--batch-size", "16", "--quiet"];
    fixed
        .into_iter()
        .chain(["--data", data, "--threads", threads, "--views", views, "--out", out])
        .map(str::to_owned)
        .collect()
}

#[test]
fn an_encoder_is_the_same_for_any_threads_and_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = stripes_in(folder.path());
    let path = |name: &str| folder.path().join(name);
    let make = |name: &str, threads: &str| {
        Command::cargo_bin("fewlabel")
            .expect("the program")
            .args(small(&data, &path(name), threads))
            .assert()
            .success();
        std::fs::read(path(name)).expect("an encoder")
    };
    let expected = make("one", "1");
    assert!(make("two", "2") == expected);
    let program = assert_cmd::cargo::cargo_bin("fewlabel");
    let arguments = small(&data, &path("killed"), "1");
    let mut child = std::process::Command::new(program).args(arguments).spawn().expect("a process");
    while !path("killed.checkpoint").exists() && child.try_wait().expect("a process").is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().expect("a kill");
    child.wait().expect("an end");
    assert!(make("killed", "2") == expected && !path("killed.checkpoint").exists());

    let one = path("one").display().to_string();
    let features =
        ["probe", "--data", &data, "--encoder", &one, "--labels", "8", "--draws", "2", "--semi"];
    let judged = fewlabel(&[&features[..], &["--json", "--quiet"]].concat()).assert().success();
    let document: serde_json::Value =
        serde_json::from_slice(&judged.get_output().stdout).expect("a document");
    assert_eq!(document["split"], "val");
    let cells = document["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 4);
    assert!(
        cells.iter().all(|cell| cell["mean"].as_f64().is_some_and(|mean| mean > 0.5)),
        "{document}"
    );

    let two = path("two").display().to_string();
    for how in ["choose", "average"] {
        let both = [
            "probe",
            "--data",
            &data,
            "--encoder",
            &one,
            "--encoder",
            &two,
            "--draws",
            "2",
            "--labels",
            "8",
        ];
        let together = fewlabel(&[&both[..], &["--together", how, "--json", "--quiet"]].concat())
            .assert()
            .success();
        let together: serde_json::Value =
            serde_json::from_slice(&together.get_output().stdout).expect("a document");
        // An encoder beside its twin is worth what it is worth alone.
        assert_eq!(together["cells"][0]["accuracies"], cells[0]["accuracies"], "{how}");
    }
}

#[test]
fn what_is_no_encoder_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.safetensors");
    std::fs::write(&path, "no encoder").expect("a file");
    let path = path.to_str().expect("a path");
    let data = stripes_in(folder.path());
    let assert = fewlabel(&["probe", "--data", &data, "--encoder", path]).assert().failure();
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(text.contains("text.safetensors") && text.contains("not a safetensors file"), "{text}");
    fewlabel(&["pretrain", "--data", &data, "--batch-size", "1"]).assert().failure();
    fewlabel(&["pretrain", "--data", &data, "--views", "learned"]).assert().failure().code(1);
    fewlabel(&["pretrain", "--data", &data, "--views", "/nowhere/views.toml"])
        .assert()
        .failure()
        .code(1);
}

#[test]
fn regimes_on_an_encoder_stand_beside_the_six() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = stripes_in(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let encoder = folder.path().join("encoder");
    Command::cargo_bin("fewlabel")
        .expect("the program")
        .args(small(&data, &encoder, "1"))
        .assert()
        .success();
    let reproduce = |encoder: &str, out: &str, threads: &str| {
        let regimes = "random,pretrained-random,pretrained-margin,pretrained-semi";
        let fixed =
            ["reproduce", "--seeds", "1", "--labels", "12", "--quiet", "--regimes", regimes];
        let given = ["--data", &data, "--encoder", encoder, "--out", out, "--threads", threads];
        fewlabel(&[&fixed[..], &given[..]].concat()).assert()
    };
    reproduce(&path("encoder"), &path("one"), "1").success();
    reproduce(&path("encoder"), &path("two"), "2").success();
    let table = |out: &str| {
        std::fs::read_to_string(folder.path().join(out).join("results.csv")).expect("a table")
    };
    assert_eq!(table("one"), table("two"));
    let alone =
        ["reproduce", "--data", &data, "--regimes", "random", "--encoder", &path("encoder")];
    let alone = fewlabel(&alone).assert().failure().code(1).get_output().stderr.clone();
    assert!(String::from_utf8_lossy(&alone).contains("--regimes names none"));
    let printed = ["report", &path("one"), "--format", "csv"];
    let printed = fewlabel(&printed).assert().success().get_output().stdout.clone();
    fewlabel(&["report", &path("one"), "--format", "csv", "--out", &path("comparisons.csv")])
        .assert()
        .success();
    assert_eq!(std::fs::read(path("comparisons.csv")).expect("a file"), printed);
    fewlabel(&["report", &path("one"), "--out", &path("page")]).assert().success();
    assert!(folder.path().join("page/report.html").is_file());
    for regime in ["random", "pretrained-random", "pretrained-margin", "pretrained-semi"] {
        assert!(table("one").contains(regime), "{}", table("one"));
    }
    let none = reproduce(&path("absent"), &path("three"), "1").failure().code(1);
    assert!(String::from_utf8_lossy(&none.get_output().stderr).contains("cannot read"));
}

#[test]
fn runs_on_encoders_of_several_seeds_are_one_cell() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = stripes_in(folder.path());
    let (study, out) =
        (folder.path().join("study.toml"), folder.path().join("out").display().to_string());
    let text = "regime = \"pretrained-typiclust\"\nlabels = [8, 16]\nencoders = 2\nseeds = 4\n\
                pretrain = { width = 4, epochs = 2, batch_size = 16 }\n";
    std::fs::write(&study, format!("data = {data:?}\n{text}")).expect("written");
    fewlabel(&["run", &study.display().to_string(), "--quiet", "--out", &out]).assert().success();
    let encoders = std::fs::read_dir(folder.path().join("out/encoders")).expect("listed").count();
    assert_eq!(encoders, 2, "each is trained once and leaves no checkpoint");
    let report = fewlabel(&["report", &out, "--format", "json"]).assert().success();
    let numbers: serde_json::Value =
        serde_json::from_slice(&report.get_output().stdout).expect("JSON");
    let cells = numbers["cells"].as_array().expect("cells");
    let seeds: Vec<usize> =
        cells.iter().map(|cell| cell["seeds"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(seeds, [4, 4], "{numbers}");
    let curves = numbers["curves"].as_array().expect("curves");
    assert_eq!(curves.len(), 1, "two budgets of one curve");
}
