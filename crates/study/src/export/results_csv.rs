//! `results.csv` and `timings.csv`, and the means over seeds that a person sees first.

use crate::ask::settings::RunSettings;
use crate::ask::varying::Varying;
use crate::error::StudyError;
use crate::evaluate::chance::are_at_chance;
use crate::store::atomic_file;
use crate::store::record::{Phases, RunResult};
use crate::store::study_dir::{Contents, Folder, Kept};
use crate::words::quoted;
use fewlabel_learn::augment::Policy;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

const COLUMNS: &str = "regime,strategy,augmentation,seed,labels,val_accuracy_best,\
                       val_accuracy_last,test_accuracy,\
                       test_balanced_accuracy,test_macro_f1,test_auc";

/// Of policies made of a list, the list.
const TRANSFORMS: &str = "augmentation.transforms";

/// Writes both tables from the runs in the folder, and returns what lies there.
///
/// # Errors
/// If the folder cannot be read or written.
pub fn write(folder: &Folder) -> Result<Contents, StudyError> {
    // Under the lock, so that the last process to end writes what it and all others have computed.
    let _lock = folder.lock()?;
    let contents = folder.contents()?;
    write_into(folder.path(), &contents)?;
    Ok(contents)
}

/// Writes both tables of `contents` into the folder `out`.
///
/// # Errors
/// If it cannot be written.
pub fn write_into(out: &Path, contents: &Contents) -> Result<(), StudyError> {
    atomic_file::write_if_other(&out.join("results.csv"), results(contents).as_bytes())?;
    atomic_file::write_if_other(&out.join("timings.csv"), timings(contents).as_bytes())
}

/// One line a finished run. What varies beyond the usual columns has columns of its own, by the
/// study file's names.
pub fn results(contents: &Contents) -> String {
    let finished: Vec<(&Kept, &RunResult)> = finished(&contents.runs).collect();
    let (extra, has_partial_auc) =
        (Extra::of(contents, false), finished.iter().any(|(_, r)| r.test.auc_classes.is_some()));
    let mut text = format!(
        "{COLUMNS}{}{}\n",
        extra.head,
        if has_partial_auc { ",test_auc_classes" } else { "" }
    );
    for (run, result) in &finished {
        let (validation, test) = (&result.validation, &result.test);
        let auc = test.auc.map_or_else(String::new, |auc| auc.to_string());
        let _ = write!(
            text,
            "{},{},{}",
            usual_key(run, result),
            result.val_accuracy_best,
            validation.accuracy
        );
        let _ =
            write!(text, ",{},{},{},{auc}", test.accuracy, test.balanced_accuracy, test.macro_f1);
        text.push_str(&extra.line(&run.settings));
        if has_partial_auc {
            let _ = write!(text, ",{}", test.auc_classes.unwrap_or(test.confusion.len()));
        }
        text.push('\n');
    }
    text
}

fn finished(runs: &[Kept]) -> impl Iterator<Item = (&Kept, &RunResult)> {
    runs.iter().filter_map(|run| run.result.as_ref().map(|result| (run, result)))
}

fn usual_key(run: &Kept, result: &RunResult) -> String {
    format!("{},{}", usual_settings(&run.settings), result.labels)
}

fn usual_settings(settings: &RunSettings) -> String {
    let (strategy, policy) = (settings.strategy(), settings.plan.policy.name());
    format!("{},{strategy},{policy},{}", settings.regime, settings.plan.seed)
}

/// The columns of CSV for what varies beyond the usual ones.
pub(crate) struct Extra<'a> {
    /// Their names, each after a comma.
    pub(crate) head: String,
    names: Vec<&'a str>,
    varying: &'a Varying,
}

impl<'a> Extra<'a> {
    /// What a table of the runs in `contents` needs. Where policies of one name differ in their
    /// transforms, these are a column too.
    pub(crate) fn of(contents: &'a Contents, has_data: bool) -> Self {
        let policies = contents.runs.iter().map(|run| &run.settings.plan.policy);
        let titles: BTreeSet<String> = policies.clone().map(Policy::title).collect();
        let has_more_titles =
            titles.len() > policies.map(Policy::name).collect::<BTreeSet<_>>().len();
        let varying = &contents.varying;
        let own = [("data", !has_data && varying.varies("data")), (TRANSFORMS, has_more_titles)];
        let own = own.into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
        let names: Vec<&str> =
            own.chain(varying.columns().into_iter().filter(|name| *name != TRANSFORMS)).collect();
        Self {
            head: names.iter().map(|name| format!(",{}", quoted(name))).collect(),
            names,
            varying,
        }
    }

    /// The values of one run, each after a comma.
    pub(crate) fn line(&self, settings: &RunSettings) -> String {
        self.varying
            .values(settings, &self.names)
            .iter()
            .map(|value| format!(",{}", quoted(value)))
            .collect()
    }
}

fn timings(contents: &Contents) -> String {
    let extra = Extra::of(contents, false);
    let mut text =
        "id,regime,strategy,augmentation,seed,labels,seconds,threads,starts,taken_from".to_owned();
    for (name, _) in Phases::default().named() {
        let _ = write!(text, ",{name}");
    }
    text.push_str(&extra.head);
    text.push('\n');
    for (run, result) in finished(&contents.runs) {
        if let Some(timing) = &run.timing {
            let (key, seconds) = (usual_key(run, result), timing.seconds);
            let from = timing.taken_from.as_deref().unwrap_or_default();
            let _ = write!(
                text,
                "{},{key},{seconds:.3},{},{},{from}",
                run.id, timing.threads, timing.starts
            );
            for (_, seconds) in timing.phases.named() {
                let _ = write!(text, ",{seconds:.3}");
            }
            text.push_str(&extra.line(&run.settings));
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
    /// What else varies in the study, by the study file's names.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub settings: Vec<(String, String)>,
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

fn as_map<S: Serializer>(settings: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|(name, value)| (name, value)))
}

/// The data sets on which every model is at chance, and whether there is no other.
pub fn at_chance(runs: &[Kept]) -> (Vec<&str>, bool) {
    let mut of_data: BTreeMap<(&str, &str), Vec<&RunResult>> = BTreeMap::new();
    for (run, result) in finished(runs) {
        of_data
            .entry((&run.settings.data.name, &run.settings.data.checksum))
            .or_default()
            .push(result);
    }
    let all = of_data.len();
    let found = of_data
        .into_iter()
        .filter(|(_, results)| are_at_chance(results.iter().map(|result| result.judged())));
    let found: Vec<&str> = found.map(|((name, _), _)| name).collect();
    let is_all = all > 0 && found.len() == all;
    (found, is_all)
}

/// Groups the finished runs into cells, in the order of the tables.
pub fn cells(contents: &Contents) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut places = BTreeMap::new();
    for (run, result) in finished(&contents.runs) {
        let at = *places.entry(run.settings.without_seed().identity()).or_insert(cells.len());
        if at == cells.len() {
            cells.push(empty_cell(run, result, &contents.varying));
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

fn empty_cell(run: &Kept, result: &RunResult, varying: &Varying) -> Cell {
    let columns = varying.columns().into_iter().map(str::to_owned);
    Cell {
        settings: columns.zip(varying.values(&run.settings, &varying.columns())).collect(),
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
