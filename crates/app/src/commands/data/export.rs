//! `fewlabel data export D FILE.npz`.

use super::download::Partial;
use crate::cli::Common;
use crate::screen;
use anyhow::Context;
use fewlabel_learn::counted;
use fewlabel_learn::data::{self, npz};
use std::io::BufWriter;
use std::path::Path;

pub(super) fn run(spec: &str, file: &Path, common: &Common) -> anyhow::Result<()> {
    let dataset = data::open(spec)?;
    let mut partial = Partial::beside(file)?;
    npz::write(&dataset, BufWriter::new(partial.file())).with_context(|| format!("cannot write {}", file.display()))?;
    partial.keep()?;
    if common.json {
        let images = dataset.splits().map(|(_, split)| split.len());
        return screen::print_json(&serde_json::json!({
            "name": dataset.name, "file": file, "images": images, "checksum": dataset.checksum,
            "synthetic": dataset.synthetic,
        }));
    }
    let images: usize = dataset.splits().iter().map(|(_, split)| split.len()).sum();
    screen::print(&format!("{}: {} of {}\n", file.display(), counted(images, "image"), dataset.name))
}
