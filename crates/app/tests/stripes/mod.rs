//! A small data set for studies of the tests: three classes, a bright stripe whose place is the
//! class.

use fewlabel_learn::data::{Dataset, Images, Split, npz};
use std::path::{Path, PathBuf};

/// Writes the data and a study of them, with the settings in `text`, into `folder`; returns the
/// study file's path.
pub(crate) fn study_in(folder: &Path, text: &str) -> String {
    let archive = archive_in(folder, [60, 20, 20]);
    let path = folder.join("grid.toml");
    std::fs::write(&path, format!("data = {:?}\n{text}", archive.display().to_string()))
        .expect("written");
    path.display().to_string()
}

/// Writes the data alone, with so many training, validation and test images.
pub(crate) fn archive_in(folder: &Path, sizes: [usize; 3]) -> PathBuf {
    let split = |n: usize, salt: usize| {
        let labels: Vec<u16> = (0..n).map(|i| ((i * 7 + salt) % 3) as u16).collect();
        let pixel = |label: u16, i: usize, place: usize| {
            ((place * 31 + i * 17) % 64) as u8
                + if place % 28 / 9 == usize::from(label) { 120 } else { 0 }
        };
        let image = |(i, &label): (usize, &u16)| {
            (0..784).map(move |place| pixel(label, i, place)).collect::<Vec<u8>>()
        };
        let pixels = labels.iter().enumerate().flat_map(image).collect();
        Split { images: Images { height: 28, width: 28, channels: 1, pixels }, labels }
    };
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let splits = [split(sizes[0], 0), split(sizes[1], 1), split(sizes[2], 2)];
    let data = Dataset::new("stripes".into(), splits, names);
    let archive = folder.join("stripes.npz");
    npz::write(&data, std::fs::File::create(&archive).expect("made")).expect("written");
    archive
}
