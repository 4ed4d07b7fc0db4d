//! What a study shows: one page, its figures and its numbers, drawn from the records alone.
//!
//! ```text
//! folder -> load (runs, troubles) -> cell (same settings, many seeds)
//!        -> analysis (numbers, claims)
//!        -> figures (SVG, PNG, CSV) -> page (HTML)
//! ```

mod analysis;
mod cell;
pub(crate) mod chart;
mod compare;
mod figures;
mod gain;
pub(crate) mod html;
mod images;
mod load;
mod page;
mod png;
mod sections;
mod tables;

use crate::error::StudyError;
use crate::store::atomic_file;
use crate::store::study_dir::{Contents, Folder};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

pub use compare::compare;
pub use images::keep_images;
pub(crate) use page::STYLE;

/// What a report can be printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `report.html` and its figures, written into the study's folder.
    Html,
    /// Tables and claims as Markdown.
    Markdown,
    /// Every number as one JSON document.
    Json,
    /// The comparisons as CSV.
    Csv,
}

/// Whether page and tables were drawn after the results in `contents` last changed, so that drawing
/// them again would change nothing.
pub fn is_fresh(folder: &Folder, contents: &Contents) -> bool {
    let changed =
        |name: &str| folder.path().join(name).metadata().and_then(|file| file.modified()).ok();
    let results = changed("results.csv");
    let is_after = |name: &&str| changed(name) >= results;
    contents.damaged.is_empty()
        && contents.runs.iter().all(|run| run.result.is_some())
        && results.is_some()
        && ["epochs.csv", "queries.csv", "report.html"].iter().all(is_after)
}

/// Writes `report.html` and `figures/` of the study in `folder` into the folder `out`, the study's
/// own or another, and returns the page's path.
///
/// # Errors
/// If the folder cannot be read or the other written. Damaged runs are listed on the page.
pub fn write(folder: &Folder, out: &Path) -> Result<PathBuf, StudyError> {
    let loaded = load::load(folder)?;
    let cells = cell::group(&loaded.runs);
    let analysis = analysis::analyse(&loaded, &cells);
    let figures = figures::draw(&loaded, &cells, &analysis);
    let place = out.join("figures");
    atomic_file::make_folder(&place)?;
    figures.par_iter().try_for_each(|figure| {
        let svg = figure.svg.finish(true);
        if let Some(png) = png::render(&svg) {
            atomic_file::write_whole(&place.join(format!("{}.png", figure.id)), &png)?;
        }
        atomic_file::write_whole(&place.join(format!("{}.svg", figure.id)), svg.as_bytes())?;
        atomic_file::write_whole(&place.join(format!("{}.csv", figure.id)), figure.csv.as_bytes())
    })?;
    let page = self::page(out);
    atomic_file::write_whole(&page, page::page(&loaded, &cells, &analysis, &figures).as_bytes())?;
    Ok(page)
}

/// Where the page is written in a folder.
pub fn page(out: &Path) -> PathBuf {
    out.join("report.html")
}

/// The report of the study in `folder` as text; for [`Format::Html`] the page.
///
/// # Errors
/// If the folder cannot be read.
pub fn text(folder: &Folder, format: Format) -> Result<String, StudyError> {
    let loaded = load::load(folder)?;
    let cells = cell::group(&loaded.runs);
    let analysis = analysis::analyse(&loaded, &cells);
    Ok(match format {
        Format::Html => {
            page::page(&loaded, &cells, &analysis, &figures::draw(&loaded, &cells, &analysis))
        }
        Format::Markdown => tables::markdown(&analysis),
        Format::Csv => tables::csv(&analysis),
        Format::Json => serde_json::to_string_pretty(&analysis).expect("plain data") + "\n",
    })
}
