//! Two studies: what changed in their settings, their figures and their verdicts.

mod say;

use super::analysis::{Analysis, analyse};
use super::cell::{Cell, METRICS, Metric, group};
use super::load::{Loaded, load};
use crate::error::StudyError;
use crate::evaluate::stats::Paired;
use crate::store::atomic_file;
use crate::store::study_dir::Folder;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Format;

/// The difference of two studies: the second minus the first.
#[derive(Debug, Serialize)]
struct Changes {
    first: String,
    second: String,
    /// Settings of `study.toml` that differ.
    settings: Vec<SettingChange>,
    /// Cells that only one study has.
    only_first: Vec<String>,
    only_second: Vec<String>,
    /// Cells of both that share no seed: there is nothing to pair.
    unpaired: Vec<String>,
    /// Runs of both that are the same to the bit.
    identical_runs: usize,
    /// Runs and files of each that could not be included.
    not_included: [usize; 2],
    /// Claims whose verdict is another.
    verdicts: Vec<VerdictChange>,
    changes: Vec<Change>,
}

/// A setting that differs; empty where a study does not have it.
#[derive(Debug, Serialize)]
struct SettingChange {
    setting: String,
    first: String,
    second: String,
}

/// A claim that is judged otherwise.
#[derive(Debug, Serialize)]
struct VerdictChange {
    data: String,
    claim: u8,
    text: &'static str,
    first: &'static str,
    second: &'static str,
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

/// Compares the studies in two folders cell by cell, the second minus the first, and says it as
/// `format`.
///
/// # Errors
/// If a folder holds no study.
pub fn compare(first: &Path, second: &Path, format: Format) -> Result<String, StudyError> {
    let (mut one, mut two) = (Study::read(first)?, Study::read(second)?);
    if one.name == two.name {
        (one.name, two.name) = (first.display().to_string(), second.display().to_string());
    }
    let changes = changes(&one, &two);
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(&changes).expect("plain data") + "\n",
        Format::Csv => say::csv(&changes),
        Format::Markdown => say::markdown(&changes),
        Format::Html => say::html(&changes),
    })
}

/// One of the two.
struct Study {
    name: String,
    settings: BTreeMap<String, String>,
    loaded: Loaded,
}

impl Study {
    fn read(path: &Path) -> Result<Self, StudyError> {
        let folder = Folder::open(path)?;
        let file = path.join("study.toml");
        let text = atomic_file::read_if_there(&file)?.unwrap_or_default();
        let table: toml::Table = toml::from_str(&String::from_utf8_lossy(&text))
            .map_err(|error| StudyError::damaged(&file, error.message().to_owned()))?;
        let mut settings = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut settings);
        let name = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Ok(Self { name, settings, loaded: load(&folder)? })
    }
}

/// Every setting by its path, as text.
fn flatten(path: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, into);
            }
        }
        value => {
            into.insert(path.to_owned(), value.to_string());
        }
    }
}

fn changes(one: &Study, two: &Study) -> Changes {
    let (cells_one, cells_two) = (group(&one.loaded.runs), group(&two.loaded.runs));
    let twin = |cell: &Cell<'_>, others: &'_ [Cell<'_>]| {
        others.iter().position(|other| other.name == cell.name)
    };
    let names = |cells: &[Cell<'_>], others: &[Cell<'_>]| -> Vec<String> {
        cells
            .iter()
            .filter(|cell| twin(cell, others).is_none())
            .map(|cell| cell.name.clone())
            .collect()
    };
    let (mut list, mut unpaired) = (Vec::new(), Vec::new());
    for cell in &cells_two {
        let Some(at) = twin(cell, &cells_one) else { continue };
        let before = list.len();
        for metric in METRICS {
            if let Some(paired) = cell.minus(&cells_one[at], metric) {
                list.push(Change { cell: cell.name.clone(), metric, paired });
            }
        }
        if list.len() == before {
            unpaired.push(cell.name.clone());
        }
    }
    let results: BTreeMap<&str, _> =
        one.loaded.runs.iter().map(|run| (run.id.as_str(), &run.result)).collect();
    let identical =
        two.loaded.runs.iter().filter(|run| results.get(run.id.as_str()) == Some(&&run.result));
    Changes {
        settings: setting_changes(one, two),
        only_first: names(&cells_one, &cells_two),
        only_second: names(&cells_two, &cells_one),
        unpaired,
        identical_runs: identical.count(),
        not_included: [one, two].map(|study| study.loaded.troubles.len()),
        verdicts: verdict_changes(
            &analyse(&one.loaded, &cells_one),
            &analyse(&two.loaded, &cells_two),
        ),
        changes: list,
        first: one.name.clone(),
        second: two.name.clone(),
    }
}

fn setting_changes(one: &Study, two: &Study) -> Vec<SettingChange> {
    let keys: BTreeSet<&String> = one.settings.keys().chain(two.settings.keys()).collect();
    let value = |study: &Study, key: &String| study.settings.get(key).cloned().unwrap_or_default();
    let change = |key: &String| SettingChange {
        setting: key.clone(),
        first: value(one, key),
        second: value(two, key),
    };
    keys.into_iter().map(change).filter(|change| change.first != change.second).collect()
}

/// Claims on data sets of both whose verdicts differ.
fn verdict_changes(one: &Analysis, two: &Analysis) -> Vec<VerdictChange> {
    let mut list = Vec::new();
    for after in &two.claims {
        let Some(before) = one.claims.iter().find(|before| before.data == after.data) else {
            continue;
        };
        for (old, new) in
            before.claims.iter().zip(&after.claims).filter(|(old, new)| old.verdict != new.verdict)
        {
            list.push(VerdictChange {
                data: after.data.clone(),
                claim: new.number,
                text: new.text,
                first: old.verdict.word(),
                second: new.verdict.word(),
            });
        }
    }
    list
}
