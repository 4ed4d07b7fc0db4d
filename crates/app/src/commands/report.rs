//! `fewlabel report DIR`: tables, figures and page from the records alone.

use crate::cli::Common;
use crate::{grid, screen};
use clap::Args;
use fewlabel_study::folder::Folder;
use fewlabel_study::{report, tables};
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Folder of the study.
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let folder = Folder::open(&arguments.folder)?;
    let contents = tables::write(&folder)?;
    let written = report::write(&folder)?;
    grid::show(&contents, folder.path(), common)?;
    screen::note(&format!("report: {}", written.display()));
    Ok(())
}
