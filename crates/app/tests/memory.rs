//! What training and scoring hold in memory, as docs/performance.md promises it.
#![cfg(target_os = "linux")]

use fewlabel_learn::data::{Dataset, Images, Split, npz};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const MIB: usize = 1 << 20;
const IMAGE: usize = 28 * 28;

/// A data set of noise with so many training images, in `folder`; returns its path and the bytes of
/// its images.
fn noise_in(folder: &Path, images: usize) -> (String, usize) {
    let split = |n: usize| {
        let pattern: Vec<u8> = (0..IMAGE * 64).map(|i| (i * 37 % 251) as u8).collect();
        let mut pixels = pattern.repeat(n.div_ceil(64));
        pixels.truncate(n * IMAGE);
        let labels = (0..n).map(|i| (i % 11) as u16).collect();
        Split { images: Images { height: 28, width: 28, channels: 1, pixels }, labels }
    };
    let names = (0..11).map(|class| format!("class {class}")).collect();
    let data = Dataset::new("noise".into(), [split(images), split(50), split(50)], names);
    let path = folder.join(format!("{images}.npz"));
    npz::write(&data, std::fs::File::create(&path).expect("made")).expect("written");
    (path.display().to_string(), (images + 100) * IMAGE)
}

/// What the docs allow beside the images, less the 8 MiB of its own code that a release build has
/// in memory: an unoptimised one has more than twice as many, which say nothing of the program, so
/// that code is not counted here.
const BESIDE: usize = (64 - 8) * MIB;

/// Bytes of resident memory at the program's peak, without pages of its file: the last that the
/// kernel tells before the end.
fn peak(arguments: &[&str]) -> usize {
    let program = assert_cmd::cargo::cargo_bin("fewlabel");
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdout(Stdio::null()).spawn().expect("a process");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let end = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kilobytes = |name: &str| {
            let line =
                text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            line.and_then(|number| number.parse::<usize>().ok())
        };
        if let (Some(all), Some(file)) = (kilobytes("VmHWM:"), kilobytes("RssFile:")) {
            peak = all - file;
        }
        match child.try_wait().expect("a process") {
            Some(end) => break end,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    assert!(end.success() && peak > 0, "{arguments:?}: {end}");
    peak * 1024
}

#[test]
fn memory_is_that_of_the_images_and_little_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [small, large] = [4_000, 100_000].map(|images| noise_in(folder.path(), images));
    let model = path("m.safetensors");
    let train =
        ["train", "--width", "16", "--epochs", "1", "--threads", "2", "--quiet", "--model", &model];
    let found = peak(&[&train[..], &["--data", &small.0]].concat());
    assert!(found < 3 * small.1 + BESIDE, "training took {} MiB", found / MIB);

    let (probs, features) = (path("p.npy"), path("h.npy"));
    let predict = ["predict", "--split", "train", "--threads", "2", "--model", &model];
    let arrays = ["--probs", &probs, "--features", &features];
    let score = |data: &str| peak(&[&predict[..], &arrays[..], &["--data", data]].concat());
    // On a busy machine the last look at a short run can come before its peak.
    let few = (0..3).map(|_| score(&small.0)).max().expect("three runs");
    let many = score(&large.0);
    // What a million images would take, on the line through both.
    let an_image = many.saturating_sub(few) as f64 / 96_000.0;
    let million = few as f64 + an_image * 996_000.0;
    let allowed = 1e6 * IMAGE as f64 + BESIDE as f64;
    assert!(
        million < allowed,
        "{few} bytes for 4,000 images, {many} for 100,000: {an_image} more for each"
    );
}
