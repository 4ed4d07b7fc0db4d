//! `fewlabel report DIR`: tables, figures and page from the records alone.

use crate::options::Common;
use crate::{grid, screen};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use fewlabel_study::export::events_csv;
use fewlabel_study::export::results_csv;
use fewlabel_study::store::study_dir::Folder;
use fewlabel_study::{StudyError, report, write_named};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Folder of the study.
    #[arg(value_name = "DIR", required_unless_present = "compare")]
    folder: Option<PathBuf>,
    /// Say what changed from one study to another: the second minus the first, paired by seed.
    #[arg(long, num_args = 2, value_names = ["DIR1", "DIR2"], conflicts_with = "folder")]
    compare: Option<Vec<PathBuf>>,
    /// Print the report in this form, or write it to the file `--out`; without it tables, page and
    /// figures are written into the study's folder, or into the folder `--out`.
    #[arg(long, value_enum, conflicts_with = "json")]
    format: Option<Form>,
}

/// What a report can be printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Means and claims as Markdown.
    Md,
    /// Every number as one JSON document.
    Json,
    /// Every comparison as CSV.
    Csv,
    /// The page.
    Html,
}

impl From<Form> for report::Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Md => Self::Markdown,
            Form::Json => Self::Json,
            Form::Csv => Self::Csv,
            Form::Html => Self::Html,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let json = common.json.then_some(report::Format::Json);
    let format = arguments.format.map(report::Format::from);
    if let Some([first, second]) = arguments.compare.as_deref() {
        let format = format.or(json).unwrap_or(report::Format::Markdown);
        return hand_over(&report::compare(first, second, format)?, common);
    }
    let path = arguments
        .folder
        .as_deref()
        .unwrap_or_else(|| unreachable!("the command line asks for a folder"));
    let folder = Folder::open(path)?;
    if let Some(format) = format {
        return hand_over(&report::text(&folder, format)?, common);
    }
    let out = common.out_given().unwrap_or(folder.path());
    let contents = match common.out_given() {
        None => results_csv::write(&folder).map_err(or_elsewhere)?,
        Some(out) => {
            std::fs::create_dir_all(out)
                .with_context(|| format!("cannot make the folder {}", out.display()))?;
            let contents = folder.contents()?;
            results_csv::write_into(out, &contents)?;
            contents
        }
    };
    events_csv::write(&folder, &contents, out).map_err(or_elsewhere)?;
    let written = report::write(&folder, out).map_err(or_elsewhere)?;
    grid::show(&contents, folder.path(), common)?;
    if !common.quiet {
        screen::note(&format!("report: {}", written.display()));
    }
    Ok(())
}

/// Names the way where a folder may only be read.
fn or_elsewhere(error: StudyError) -> anyhow::Error {
    let is_refused = |source: &std::io::Error| {
        matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
    };
    match &error {
        StudyError::File { source, .. } if is_refused(source) => anyhow::Error::from(error)
            .context("the report cannot be written there; give another folder with --out"),
        _ => error.into(),
    }
}

/// Writes `text` to the file that `--out` names, else to standard output.
fn hand_over(text: &str, common: &Common) -> anyhow::Result<()> {
    match common.out_given() {
        Some(path) => Ok(write_named(path, text.as_bytes())?),
        None => screen::print(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_may_only_be_read_has_another_way() {
        let said = |kind: ErrorKind| {
            let (path, source) = (PathBuf::from("a/results.csv"), kind.into());
            or_elsewhere(StudyError::File { action: "write", path, source }).to_string()
        };
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            assert_eq!(
                said(kind),
                "the report cannot be written there; give another folder with --out"
            );
        }
        assert!(said(ErrorKind::StorageFull).starts_with("cannot write a/results.csv"));
    }
}
