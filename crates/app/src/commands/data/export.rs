//! `fewlabel data export D FILE.npz`.

use crate::cli::Common;
use crate::screen;
use anyhow::anyhow;
use fewlabel_learn::counted;
use fewlabel_learn::data::{DataError, Dataset, npz};
use fewlabel_study::WholeFile;
use std::io::BufWriter;
use std::path::Path;

pub(super) fn run(dataset: &Dataset, file: &Path, common: &Common) -> anyhow::Result<()> {
    let mut whole = WholeFile::named(file)?;
    let name = file.display().to_string();
    npz::write(dataset, BufWriter::new(whole.file())).map_err(|error| match error {
        DataError::Write { reason } => anyhow!("cannot write {name}: {reason}"),
        other => other.into(),
    })?;
    whole.finish()?;
    if common.json {
        let images = dataset.splits().map(|(_, split)| split.len());
        return screen::print_json(&serde_json::json!({
            "name": dataset.name, "file": name, "images": images, "checksum": dataset.checksum,
            "synthetic": dataset.synthetic,
        }));
    }
    let images: usize = dataset.splits().iter().map(|(_, split)| split.len()).sum();
    screen::print(&format!("{name}: {} of {}\n", counted(images, "image"), dataset.name))
}
