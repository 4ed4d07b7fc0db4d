//! Two studies: what changed.

use super::cell::{Cell, METRICS, Metric, group};
use super::html::{digits, signed};
use super::load::{Loaded, load};
use super::tables::Csv;
use crate::error::StudyError;
use crate::folder::Folder;
use crate::stats::{Paired, Summary};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

use super::Format;

/// The difference of two studies: the second minus the first.
#[derive(Debug, Serialize)]
struct Changes {
    first: String,
    second: String,
    /// Cells that only one study has.
    only_first: Vec<String>,
    only_second: Vec<String>,
    /// Runs of both that are the same to the bit.
    identical_runs: usize,
    changes: Vec<Change>,
}

/// What changed in a cell of both.
#[derive(Debug, Serialize)]
struct Change {
    cell: String,
    metric: Metric,
    /// Second minus first over the shared seeds, paired; in points, NLL in nats.
    #[serde(flatten)]
    paired: Paired,
}

/// Compares the studies in two folders cell by cell, the second minus the first, and says it as `format`
/// ([`Format::Html`] as Markdown is for people).
///
/// # Errors
/// If a folder holds no study.
pub fn compare(first: &Path, second: &Path, format: Format) -> Result<String, StudyError> {
    let (one, two) = (load(&Folder::open(first)?)?, load(&Folder::open(second)?)?);
    let name = |path: &Path| {
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let changes = changes(&one, &two, name(first), name(second));
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(&changes).expect("plain data") + "\n",
        Format::Csv => csv(&changes),
        Format::Markdown | Format::Html => markdown(&changes),
    })
}

fn changes(one: &Loaded, two: &Loaded, first: String, second: String) -> Changes {
    let (cells_one, cells_two) = (group(&one.runs), group(&two.runs));
    let twin = |cell: &Cell<'_>, others: &'_ [Cell<'_>]| others.iter().position(|other| other.name == cell.name);
    let names = |cells: &[Cell<'_>], others: &[Cell<'_>]| -> Vec<String> {
        cells.iter().filter(|cell| twin(cell, others).is_none()).map(|cell| cell.name.clone()).collect()
    };
    let mut list = Vec::new();
    for cell in &cells_two {
        let Some(at) = twin(cell, &cells_one) else { continue };
        for metric in METRICS {
            if let Some(paired) = Paired::of(&cell.pairs(&cells_one[at], metric)) {
                list.push(Change { cell: cell.name.clone(), metric, paired });
            }
        }
    }
    let identical =
        two.runs.iter().filter(|run| one.runs.iter().any(|other| other.id == run.id && other.result == run.result));
    Changes {
        only_first: names(&cells_one, &cells_two),
        only_second: names(&cells_two, &cells_one),
        identical_runs: identical.count(),
        changes: list,
        first,
        second,
    }
}

fn csv(changes: &Changes) -> String {
    let mut csv = Csv::new(&["cell", "metric", "n", "difference", "t_low", "t_high", "t_p"]);
    for change in &changes.changes {
        let or_empty = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let paired = &change.paired;
        csv.row(&[
            change.cell.clone(),
            change.metric.key().to_owned(),
            paired.n.to_string(),
            paired.mean.to_string(),
            or_empty(paired.interval.map(|i| i.low)),
            or_empty(paired.interval.map(|i| i.high)),
            or_empty(paired.t_p),
        ]);
    }
    csv.text()
}

fn markdown(changes: &Changes) -> String {
    let mut out = format!(
        "# {} minus {}\n\n{} runs are the same to the bit.\n",
        changes.second, changes.first, changes.identical_runs
    );
    for (study, cells) in [(&changes.first, &changes.only_first), (&changes.second, &changes.only_second)] {
        if !cells.is_empty() {
            let _ = writeln!(out, "\nOnly in {study}: {}.", cells.join(", "));
        }
    }
    out += "\n| cell | metric | seeds | difference | 95 % t interval |\n|---|---|---:|---:|---|\n";
    for change in &changes.changes {
        let paired = &change.paired;
        let error = Summary { n: paired.n, mean: paired.mean, sd: paired.sd }.standard_error();
        let places = digits(error);
        let interval = paired.interval.map_or_else(
            || "\u{2013}".to_owned(),
            |i| format!("{} to {}", signed(i.low, places), signed(i.high, places)),
        );
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {interval} |",
            change.cell,
            change.metric.title(),
            paired.n,
            signed(paired.mean, places)
        );
    }
    out
}
