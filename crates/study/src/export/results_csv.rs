//! `results.csv` and `timings.csv`, and the means over seeds that a person sees first.

use crate::error::StudyError;
use crate::store::atomic_file;
use crate::store::record::{Phases, RunResult};
use crate::store::study_dir::{Contents, Folder, Kept};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const COLUMNS: &str = "regime,strategy,augmentation,seed,labels,val_accuracy_best,val_accuracy_last,test_accuracy,\
                       test_balanced_accuracy,test_macro_f1,test_auc";

/// Writes both tables from the runs in the folder, and returns what lies there.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn write(folder: &Folder) -> Result<Contents, StudyError> {
    // Under the lock, so that the last process to end writes what it and all others have computed.
    let _lock = folder.lock()?;
    let contents = folder.contents()?;
    atomic_file::write_if_other(&folder.path().join("results.csv"), results(&contents.runs).as_bytes())?;
    atomic_file::write_if_other(&folder.path().join("timings.csv"), timings(&contents.runs).as_bytes())?;
    Ok(contents)
}

/// One line a finished run. Settings beyond the usual columns get columns of their own where they tell runs apart.
pub fn results(runs: &[Kept]) -> String {
    let finished: Vec<(&Kept, &RunResult)> = finished(runs).collect();
    let extra = extra_columns(&finished);
    let mut text = COLUMNS.to_owned();
    for column in extra.keys() {
        let _ = write!(text, ",{}", quoted(column));
    }
    text.push('\n');
    for (row, (run, result)) in finished.iter().enumerate() {
        let (validation, test) = (&result.validation, &result.test);
        let _ = write!(text, "{},{},{}", usual_key(run, result), result.val_accuracy_best, validation.accuracy);
        let _ = write!(text, ",{},{},{},{}", test.accuracy, test.balanced_accuracy, test.macro_f1, test.auc);
        for values in extra.values() {
            let _ = write!(text, ",{}", quoted(&values[row]));
        }
        text.push('\n');
    }
    text
}

fn finished(runs: &[Kept]) -> impl Iterator<Item = (&Kept, &RunResult)> {
    runs.iter().filter_map(|run| run.result.as_ref().map(|result| (run, result)))
}

fn usual_key(run: &Kept, result: &RunResult) -> String {
    let settings = &run.settings;
    let (strategy, policy) = (settings.strategy(), settings.plan.policy.name());
    format!("{},{strategy},{policy},{},{}", settings.regime, settings.plan.seed, result.labels)
}

/// The settings that differ between runs with equal usual columns: their names, and a value for every run.
fn extra_columns(finished: &[(&Kept, &RunResult)]) -> BTreeMap<String, Vec<String>> {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut twins = Vec::new();
    for (row, (run, result)) in finished.iter().enumerate() {
        let earlier = *first.entry(usual_key(run, result)).or_insert(row);
        if earlier != row {
            twins.push((earlier, row));
        }
    }
    if twins.is_empty() {
        return BTreeMap::new();
    }
    let flat: Vec<BTreeMap<String, String>> = finished.iter().map(|(run, _)| flattened(run)).collect();
    let mut names = BTreeSet::new();
    for (a, b) in twins {
        let keys = flat[a].keys().chain(flat[b].keys());
        names.extend(keys.filter(|key| flat[a].get(*key) != flat[b].get(*key)).cloned());
    }
    let column = |name: String| {
        let values = flat.iter().map(|run| run.get(&name).cloned().unwrap_or_default()).collect();
        (name, values)
    };
    names.into_iter().map(column).collect()
}

fn flattened(run: &Kept) -> BTreeMap<String, String> {
    fn walk(name: &str, value: &Value, out: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    walk(&name, value, out);
                }
            }
            Value::String(text) => {
                out.insert(name.to_owned(), text.clone());
            }
            other => {
                out.insert(name.to_owned(), other.to_string());
            }
        }
    }
    let mut out = BTreeMap::new();
    walk("", &serde_json::to_value(&run.settings).expect("settings are plain data"), &mut out);
    out.remove("data.checksum");
    out
}

/// `text` as a field of CSV.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn timings(runs: &[Kept]) -> String {
    let mut text = "id,regime,strategy,augmentation,seed,labels,seconds,threads,starts,taken_from".to_owned();
    for (name, _) in Phases::default().named() {
        let _ = write!(text, ",{name}");
    }
    text.push('\n');
    for (run, result) in finished(runs) {
        if let Some(timing) = &run.timing {
            let (key, seconds) = (usual_key(run, result), timing.seconds);
            let from = timing.taken_from.as_deref().unwrap_or_default();
            let _ = write!(text, "{},{key},{seconds:.3},{},{},{from}", run.id, timing.threads, timing.starts);
            for (_, seconds) in timing.phases.named() {
                let _ = write!(text, ",{seconds:.3}");
            }
            text.push('\n');
        }
    }
    text
}

/// The runs that differ in nothing but seeds.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The data set.
    pub data: String,
    /// Whether a program made the data up.
    pub synthetic: bool,
    /// Regime.
    pub regime: String,
    /// Who chose the labels.
    pub strategy: String,
    /// How images were augmented.
    pub augmentation: String,
    /// Labels spent.
    pub labels: usize,
    /// The seeds, ascending.
    pub seeds: Vec<u64>,
    /// Best validation accuracy of each seed.
    pub val_accuracy_best: Vec<f64>,
    /// Validation accuracy after the last epoch, of each seed.
    pub val_accuracy_last: Vec<f64>,
    /// Test accuracy of each seed.
    pub test_accuracy: Vec<f64>,
}

/// Groups the finished runs into cells, in the order of the tables.
pub fn cells(runs: &[Kept]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut places = BTreeMap::new();
    for (run, result) in finished(runs) {
        let at = *places.entry(run.settings.without_seed().id()).or_insert(cells.len());
        if at == cells.len() {
            cells.push(empty_cell(run, result));
        }
        let (cell, seed) = (&mut cells[at], run.settings.plan.seed);
        let place = cell.seeds.partition_point(|&other| other < seed);
        cell.seeds.insert(place, seed);
        cell.val_accuracy_best.insert(place, result.val_accuracy_best);
        cell.val_accuracy_last.insert(place, result.validation.accuracy);
        cell.test_accuracy.insert(place, result.test.accuracy);
    }
    cells
}

fn empty_cell(run: &Kept, result: &RunResult) -> Cell {
    Cell {
        data: run.settings.data.name.clone(),
        synthetic: run.settings.data.synthetic,
        regime: run.settings.regime.clone(),
        strategy: run.settings.strategy().to_owned(),
        augmentation: run.settings.plan.policy.title(),
        labels: result.labels,
        seeds: Vec::new(),
        val_accuracy_best: Vec::new(),
        val_accuracy_last: Vec::new(),
        test_accuracy: Vec::new(),
    }
}
