//! The report: figures and a page, drawn from the records alone.

mod figures;
mod images;
mod page;
mod svg;

pub use images::keep_images;

use crate::error::StudyError;
use crate::files;
use crate::folder::Folder;
use crate::tables;
use images::Pictures;
use std::path::PathBuf;

/// A figure: the stem of its file, its caption, and the drawing.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) caption: String,
    pub(crate) svg: String,
}

/// Draws `figures/*.svg` and `report.html` from what lies in the folder, and returns the page's path.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn write(folder: &Folder) -> Result<PathBuf, StudyError> {
    let contents = folder.contents()?;
    let (pictures, mut damaged) = Pictures::read_all(folder)?;
    let cells = tables::cells(&contents.runs);
    let figures = figures::all(&pictures, &cells);
    let path = folder.path().join("figures");
    files::make_folder(&path)?;
    for figure in &figures {
        files::write_whole(&path.join(format!("{}.svg", figure.name)), figure.svg.as_bytes())?;
    }
    damaged.extend(contents.damaged.iter().cloned());
    let page = folder.path().join("report.html");
    let study = files::read_if_there(&folder.path().join("study.toml"))?.unwrap_or_default();
    let html = page::html(&contents.runs, &cells, &figures, &damaged, &String::from_utf8_lossy(&study));
    files::write_whole(&page, html.as_bytes())?;
    Ok(page)
}
