//! `fewlabel data import D`: reads images once, so that every later command begins at once.

use crate::data_set;
use crate::options::Common;
use crate::screen;
use anyhow::bail;
use fewlabel_learn::counted;
use fewlabel_learn::data::Dataset;
use fewlabel_study::store::image_cache::ImageCache;
use std::fmt::Write as _;

pub(super) fn run(dataset: &Dataset, common: &Common) -> anyhow::Result<()> {
    let Some(files) = &dataset.files else {
        bail!("{} holds arrays already: there is nothing to import", dataset.name);
    };
    data_set::warn([dataset]);
    let images = dataset.splits().iter().map(|(_, split)| split.len()).sum();
    let folder = ImageCache::of_user().map(|cache| cache.folder().display().to_string());
    if common.json {
        return screen::print_json(&serde_json::json!({
            "data": dataset.name, "images": images, "checksum": dataset.checksum,
            "unusable": files.unusable, "passed_over": files.passed_over, "folder": folder,
        }));
    }
    let mut text = format!("{}: {}", dataset.name, counted(images, "image"));
    if !files.unusable.is_empty() {
        let _ = write!(text, ", {} that cannot be used", counted(files.unusable.len(), "file"));
    }
    if let Some(folder) = folder {
        let _ = write!(text, "; kept decoded in {folder}");
    }
    screen::print(&format!("{text}\n"))
}
