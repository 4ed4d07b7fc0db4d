//! `fewlabel data export D FILE.npz` and `fewlabel data export D FOLDER/`.

use crate::options::Common;
use crate::screen;
use anyhow::anyhow;
use fewlabel_learn::counted;
use fewlabel_learn::data::{DataError, Dataset, npz};
use fewlabel_study::WholeFile;
use fewlabel_study::export::image_tree;
use std::io::BufWriter;
use std::path::Path;

pub(super) fn run(dataset: &Dataset, out: &Path, common: &Common) -> anyhow::Result<()> {
    let name = out.display().to_string();
    let manifest = match is_folder(out) {
        true => {
            image_tree::write(dataset, out)?;
            Some(out.join(image_tree::MANIFEST).display().to_string())
        }
        false => {
            write_archive(dataset, out)?;
            None
        }
    };
    if common.json {
        let images = dataset.splits().map(|(_, split)| split.len());
        return screen::print_json(&serde_json::json!({
            "name": dataset.name, "file": name, "images": images, "checksum": dataset.checksum,
            "synthetic": dataset.synthetic, "manifest": manifest,
        }));
    }
    let images: usize = dataset.splits().iter().map(|(_, split)| split.len()).sum();
    let manifest = manifest.map(|path| format!("; {path} has their order"));
    screen::print(&format!(
        "{name}: {} of {}{}\n",
        counted(images, "image"),
        dataset.name,
        manifest.unwrap_or_default()
    ))
}

/// Whether a tree of PNGs is meant: a folder, or a name without an ending that is not taken.
fn is_folder(out: &Path) -> bool {
    if out.exists() {
        return out.is_dir();
    }
    let text = out.as_os_str().to_string_lossy();
    text.ends_with(std::path::is_separator) || out.extension().is_none()
}

fn write_archive(dataset: &Dataset, file: &Path) -> anyhow::Result<()> {
    let mut whole = WholeFile::named(file)?;
    npz::write(dataset, BufWriter::new(whole.file())).map_err(|error| match error {
        DataError::Write { reason } => anyhow!("cannot write {}: {reason}", file.display()),
        other => other.into(),
    })?;
    Ok(whole.finish()?)
}
