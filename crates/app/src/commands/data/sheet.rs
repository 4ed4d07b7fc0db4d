//! `fewlabel data sheet D --out FILE`: images of every split and class, to look at.

use crate::options::Common;
use crate::screen;
use anyhow::bail;
use fewlabel_learn::augment::{ContactSheet, contact_sheet};
use fewlabel_learn::data::Dataset;
use std::path::Path;

/// Images in a row.
const COLUMNS: usize = 12;

pub(super) fn run(
    dataset: &Dataset,
    out: &Path,
    rows: usize,
    common: &Common,
) -> anyhow::Result<()> {
    let svg = match out.extension().and_then(|extension| extension.to_str()) {
        Some("png") => false,
        Some("svg") => true,
        _ => bail!("{}: a sheet is a .png or .svg file", out.display()),
    };
    let ContactSheet { sheet, rows } = contact_sheet(dataset, rows, COLUMNS);
    let bytes = if svg { sheet.to_svg().into_bytes() } else { sheet.to_png() };
    fewlabel_study::write_named(out, &bytes)?;
    if common.json {
        let row = |(split, class, images): &(&str, String, usize)| {
            serde_json::json!({
                "split": split, "class": class, "images": images,
            })
        };
        return screen::print_json(&serde_json::json!({
            "file": out.display().to_string(), "data": dataset.name, "columns": COLUMNS,
            "rows": rows.iter().map(row).collect::<Vec<_>>(),
        }));
    }
    let line = |(row, (split, class, images)): (usize, &(&str, String, usize))| {
        [(row + 1).to_string(), (*split).to_owned(), class.clone(), images.to_string()]
    };
    let table =
        screen::table(["row", "split", "class", "images"], rows.iter().enumerate().map(line));
    screen::print(&format!("{}\n\n{table}\n", out.display()))
}
