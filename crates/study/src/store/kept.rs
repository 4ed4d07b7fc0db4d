//! What lies on disk of one run, and whether it is to be believed: the one notion of a valid run
//! that computing, status, submitting and reporting share.
//!
//! A run is valid if the hash of its settings is the name of its folder and its records read back;
//! a finished one, if its result belongs to these settings and agrees with itself. What is not
//! valid is damaged: never counted, and computed again.

use crate::ask::settings::RunSettings;
use crate::error::{AtPath, StudyError};
use crate::evaluate::metrics::{self, Metrics};
use crate::store::atomic_file;
use crate::store::record::{self, Failure, RunResult, Timing};
use fewlabel_learn::run::events::Phase;
use fewlabel_learn::run::plan::Selection;
use std::fs;
use std::path::{Path, PathBuf};

/// More images or labels than a data set has; counts stay far from overflow.
const MOST_IMAGES: u64 = (1 << 31) - 1;

/// What shares that were summed in another order may differ by.
const ROUNDING: f64 = 1e-9;

/// Between a run's id and a number in the name of a folder that was set aside.
const SET_ASIDE: &str = ".damaged-";

/// What lies on disk of one valid run.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The name of its folder: the run's id, as the version that computed it made it.
    pub id: String,
    /// Its settings.
    pub settings: RunSettings,
    /// Its result, if it is finished.
    pub result: Option<RunResult>,
    /// Its time, if it is finished.
    pub timing: Option<Timing>,
    /// Why the last try failed.
    pub failure: Option<String>,
}

impl Kept {
    /// The run in the folder `path`; `None` if it is none, or was set aside.
    ///
    /// # Errors
    /// Names the record that is damaged and what is wrong with it.
    pub fn read(path: &Path) -> Result<Option<Self>, StudyError> {
        let id =
            path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if id.starts_with('.') || id.contains(SET_ASIDE) || !path.is_dir() {
            return Ok(None);
        }
        let settings = read_settings(path, &id)?;
        let result: Option<RunResult> = atomic_file::read_json(&path.join(record::RESULT))?;
        if let Some(result) = &result {
            record::check_format(&path.join(record::RESULT), result.format)?;
            check(&id, &settings, result)
                .map_err(|what| StudyError::damaged(&path.join(record::RESULT), what))?;
            check_epochs(path, &settings, result)?;
            record::read_queries(path)?;
        }
        let failure = match atomic_file::read_json::<Failure>(&path.join(record::FAILED)) {
            Ok(failure) => failure.map(|failure| failure.reason),
            Err(error) => Some(error.to_string()),
        };
        Ok(Some(Self {
            timing: atomic_file::read_json(&path.join(record::TIMING))?,
            result,
            failure,
            id,
            settings,
        }))
    }
}

/// Whether something in the folder of a run would be lost where it is begun anew.
pub(crate) fn holds_records(path: &Path) -> bool {
    [record::SETTINGS, record::RESULT, record::CHECKPOINT]
        .iter()
        .any(|name| path.join(name).symlink_metadata().is_ok())
}

/// Moves the folder of a damaged run out of the way, to the first free name, which it returns.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, StudyError> {
    let name = path.file_name().unwrap_or_default().to_os_string();
    let mut number = 1u32;
    let place = loop {
        let mut place = name.clone();
        place.push(format!("{SET_ASIDE}{number}"));
        let place = path.with_file_name(place);
        if place.symlink_metadata().is_err() {
            break place;
        }
        number += 1;
    };
    fs::rename(path, &place).at("set aside", path)?;
    Ok(place)
}

fn read_settings(path: &Path, id: &str) -> Result<RunSettings, StudyError> {
    let file = path.join(record::SETTINGS);
    let Some(json) = atomic_file::read_if_there(&file)? else {
        return Err(StudyError::damaged(
            path,
            format!("is no run, or has lost it: it has no {}", record::SETTINGS),
        ));
    };
    let settings: RunSettings = serde_json::from_slice(&json)
        .map_err(|error| StudyError::damaged(&file, error.to_string()))?;
    record::check_format(&file, settings.format)?;
    if !settings.have_id(&json, id) {
        return Err(StudyError::damaged(
            &file,
            format!("does not belong to run {id}: it was changed or swapped"),
        ));
    }
    Ok(settings)
}

/// Refuses a result that is not of these settings, or that contradicts itself.
fn check(id: &str, settings: &RunSettings, result: &RunResult) -> Result<(), String> {
    if result.id != id {
        return Err(format!("belongs to run {}", result.id));
    }
    check_labels(settings, result)?;
    check_metrics(&result.validation).map_err(|what| format!("validation: {what}"))?;
    check_metrics(&result.test).map_err(|what| format!("test: {what}"))?;
    check_share("val_accuracy_best", result.val_accuracy_best)
}

/// Holds the number of labels against the plan and the rows.
fn check_labels(settings: &RunSettings, result: &RunResult) -> Result<(), String> {
    let plan = &settings.plan;
    let (labels, rows) = (result.labels, result.labelled.len());
    if plan.selection == Selection::All {
        // How many all are, the settings do not say; the epochs do.
        return if labels as u64 <= MOST_IMAGES {
            Ok(())
        } else {
            Err(format!("{labels} labels are out of range"))
        };
    }
    let (spent, planned) =
        (rows + plan.validation_labels, plan.selection.labels(0) + plan.validation_labels);
    if labels != spent {
        return Err(format!("says {labels} labels and lists {spent}"));
    }
    if labels > planned || (labels < planned && result.stopped.is_none()) {
        return Err(format!("says {labels} labels, the settings {planned}"));
    }
    Ok(())
}

/// Holds the number of labels against what the final model was trained on, where its epochs are
/// kept.
fn check_epochs(path: &Path, settings: &RunSettings, result: &RunResult) -> Result<(), StudyError> {
    let epochs = record::read_epochs(path)?;
    let labels = result.labels - settings.plan.validation_labels.min(result.labels);
    match epochs.iter().rev().find(|epoch| epoch.phase == Phase::Final) {
        Some(last) if last.labels != labels => {
            let what = format!(
                "says {labels} training labels where {} has {}",
                record::EPOCHS,
                last.labels
            );
            Err(StudyError::damaged(&path.join(record::RESULT), what))
        }
        _ => Ok(()),
    }
}

/// Computes the figures of a split again from its counts, and refuses others.
fn check_metrics(metrics: &Metrics) -> Result<(), String> {
    let (classes, images) = (metrics.confusion.len(), metrics.images as u64);
    if classes == 0 || metrics.confusion.iter().any(|row| row.len() != classes) {
        return Err("rows and columns of its confusion matrix do not fit together".to_owned());
    }
    let counted: u64 = metrics.confusion.iter().flatten().map(|&count| u64::from(count)).sum();
    let binned: u64 = metrics.reliability.iter().map(|bin| u64::from(bin.images)).sum();
    if images == 0 || images > MOST_IMAGES || counted > MOST_IMAGES {
        return Err(format!("{} images are out of range", images.max(counted)));
    }
    if counted != images || binned != images {
        return Err(format!(
            "{images} images, {counted} in the confusion matrix and {binned} in the reliability \
             bins do not fit together"
        ));
    }
    let shares = metrics.reliability.iter().flat_map(|bin| [bin.confidence, bin.accuracy]);
    shares.chain(metrics.auc).try_for_each(|share| check_share("a share", share))?;
    let again = metrics::of_counts(&metrics.confusion, &metrics.reliability);
    for (name, said, computed) in [
        ("accuracy", metrics.accuracy, again.accuracy),
        ("balanced_accuracy", metrics.balanced_accuracy, again.balanced_accuracy),
        ("macro_f1", metrics.macro_f1, again.macro_f1),
        ("ece", metrics.ece, again.ece),
    ] {
        check_share(name, said)?;
        if (said - computed).abs() > ROUNDING {
            return Err(format!("{name} is {said}, but {computed} by its own counts"));
        }
    }
    if !(0.0..1e6).contains(&metrics.nll) {
        return Err(format!("nll {} is out of range", metrics.nll));
    }
    Ok(())
}

/// Sums of shares may round to a hair outside.
fn check_share(name: &str, share: f64) -> Result<(), String> {
    if (-ROUNDING..=1.0 + ROUNDING).contains(&share) {
        return Ok(());
    }
    Err(format!("{name} {share} is out of range, expected 0 to 1"))
}
