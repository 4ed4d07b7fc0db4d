//! What is kept of a run: the types of its files, and reading them back.
//!
//! | file | holds | written |
//! |---|---|---|
//! | `settings.json` | everything the result depends on | at the start |
//! | `epochs.jsonl` | a header, then a line an epoch | with each checkpoint |
//! | `queries.jsonl` | a header, then a line a query | with each checkpoint |
//! | `answers.jsonl` | a header, then a line an answer of the oracle | with each checkpoint |
//! | `result.json` | the figures; its presence means the run is finished | at the end, last |
//! | `timing.json` | seconds by phase, threads and machine | at the end |
//! | `model.safetensors` | the final model, if it is kept | at the end |
//! | `failed.json` | why the last try failed | then |
//! | `checkpoint.bin` | where an unfinished run stands | every five seconds at most |
//!
//! A run that labels all images has no `answers.jsonl`. `timing.json` alone differs between
//! machines.

use crate::ask::settings::FORMAT;
use crate::error::StudyError;
use crate::evaluate::metrics::Metrics;
use crate::store::atomic_file;
use fewlabel_learn::augment::Learned;
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, Work};
use fewlabel_learn::run::stopping::Reason;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const SETTINGS: &str = "settings.json";
pub(crate) const EPOCHS: &str = "epochs.jsonl";
pub(crate) const QUERIES: &str = "queries.jsonl";
pub(crate) const ANSWERS: &str = "answers.jsonl";
pub(crate) const RESULT: &str = "result.json";
pub(crate) const TIMING: &str = "timing.json";
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const FAILED: &str = "failed.json";
pub(crate) const CHECKPOINT: &str = "checkpoint.bin";

/// The first line of a file of JSON lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// `epochs`, `queries` or `answers`.
    pub(crate) records: String,
    pub(crate) format: u32,
}

/// `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of the records' format.
    pub format: u32,
    /// The run's id.
    pub id: String,
    /// Labels spent.
    pub labels: usize,
    /// Rows of the training split in the order in which they were labelled; left out where all
    /// were.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub labelled: Vec<u32>,
    /// Why the loop ended before its budget, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<Reason>,
    /// The search that chose the final model's augmentation, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub learned: Option<Learned>,
    /// Best validation accuracy over the final model's epochs.
    pub val_accuracy_best: f64,
    /// The final model on the validation split.
    pub validation: Metrics,
    /// The final model on the test split.
    pub test: Metrics,
}

impl RunResult {
    /// Its figures on the validation and on the test split.
    pub fn judged(&self) -> [&Metrics; 2] {
        [&self.validation, &self.test]
    }
}

/// `timing.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds of computing, over all starts.
    pub seconds: f64,
    /// Threads in the end.
    pub threads: usize,
    /// How often the run was started; starts that ended before their first checkpoint leave no
    /// trace.
    pub starts: u32,
    /// Where the seconds went.
    #[serde(default)]
    pub phases: Phases,
    /// The run whose queries or model were taken over; their seconds count there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub taken_from: Option<String>,
    /// The machine that ended it; runs of version 0.1.0 before 2026-11-24 have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine: Option<String>,
}

/// Seconds of the kinds of work in a run, its records and checkpoints included; what is left of the
/// whole is the preparation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    /// Training the small model inside the loop.
    pub loop_training: f64,
    /// Scoring the pool and choosing from it.
    pub scoring: f64,
    /// Choosing the final model's policy.
    pub policy_search: f64,
    /// Training the final model.
    pub final_training: f64,
    /// Scoring the validation split.
    pub validation: f64,
    /// Scoring the test split.
    pub test: f64,
}

impl Phases {
    /// The names and seconds, in the order of a run.
    pub(crate) fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("loop_training", self.loop_training),
            ("scoring", self.scoring),
            ("policy_search", self.policy_search),
            ("final_training", self.final_training),
            ("validation", self.validation),
            ("test", self.test),
        ]
    }

    /// The seconds of one kind of work.
    pub(crate) fn of(&mut self, work: Work) -> &mut f64 {
        match work {
            Work::LoopTraining => &mut self.loop_training,
            Work::Scoring => &mut self.scoring,
            Work::PolicySearch => &mut self.policy_search,
            Work::FinalTraining => &mut self.final_training,
            Work::Validation => &mut self.validation,
            Work::Test => &mut self.test,
        }
    }
}

/// `failed.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub reason: String,
}

/// The epochs recorded in a run's folder; a torn last line is left out.
///
/// # Errors
/// If a line before the last is damaged, or the format is a later one.
pub fn read_epochs(run: &Path) -> Result<Vec<EpochEvent>, StudyError> {
    read_lines(&run.join(EPOCHS))
}

/// The queries recorded in a run's folder; a torn last line is left out.
///
/// # Errors
/// If a line before the last is damaged, or the format is a later one.
pub fn read_queries(run: &Path) -> Result<Vec<QueryEvent>, StudyError> {
    read_lines(&run.join(QUERIES))
}

/// The answers recorded in a run's folder; a torn last line is left out.
///
/// # Errors
/// If a line before the last is damaged, or the format is a later one.
pub fn read_answers(run: &Path) -> Result<Vec<Answered>, StudyError> {
    read_lines(&run.join(ANSWERS))
}

fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, StudyError> {
    let Some(bytes) = atomic_file::read_if_there(path)? else { return Ok(Vec::new()) };
    let damaged = |line: usize, error: serde_json::Error| {
        StudyError::damaged(path, format!("line {}: {error}", line + 1))
    };
    let mut lines = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .enumerate();
    if let Some((_, first)) = lines.next() {
        let header: Header = serde_json::from_slice(first).map_err(|error| damaged(0, error))?;
        check_format(path, header.format)?;
    }
    lines
        .map(|(number, line)| serde_json::from_slice(line).map_err(|error| damaged(number, error)))
        .collect()
}

/// Refuses the record `path` of a format that this version does not know.
pub(crate) fn check_format(path: &Path, format: u32) -> Result<(), StudyError> {
    if (1..=FORMAT).contains(&format) {
        return Ok(());
    }
    Err(StudyError::damaged(
        path,
        format!("is of format {format}; this program reads up to {FORMAT}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::Bin;
    use fewlabel_learn::run::events::Pick;
    use proptest::prelude::*;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(EPOCHS), text).expect("written");
        folder
    }

    const LINE: &str =
        "{\"phase\":\"final\",\"round\":0,\"epoch\":1,\"labels\":2,\"train_loss\":0.5}\n";

    #[test]
    fn a_torn_last_line_is_left_out() {
        let folder =
            folder_with(&format!("{{\"records\":\"epochs\",\"format\":1}}\n{LINE}{}", &LINE[..20]));
        assert_eq!(read_epochs(folder.path()).expect("read").len(), 1);
    }

    #[test]
    fn a_loss_that_was_no_number_is_absent() {
        let diverged = LINE.replace("0.5", "null");
        let folder =
            folder_with(&format!("{{\"records\":\"epochs\",\"format\":1}}\n{LINE}{diverged}"));
        let losses =
            read_epochs(folder.path()).expect("read").into_iter().map(|epoch| epoch.train_loss);
        assert_eq!(losses.collect::<Vec<_>>(), [Some(0.5), None]);
    }

    /// Numbers of every kind, one in ten none.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            18 => any::<f64>().prop_filter("finite", |number| number.is_finite()),
            1 => Just(f64::NAN),
            1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
        ]
    }

    fn metrics() -> impl Strategy<Value = (Metrics, bool)> {
        let bins = prop::collection::vec((any::<u32>(), number(), number()), 0..3);
        (prop::array::uniform6(number()), bins, any::<u32>()).prop_map(|(figures, bins, count)| {
            let mut all = figures.to_vec();
            all.extend(bins.iter().flat_map(|(_, confidence, accuracy)| [*confidence, *accuracy]));
            let [accuracy, balanced_accuracy, macro_f1, auc, nll, ece] = figures;
            let bin = |(images, confidence, accuracy)| Bin { images, confidence, accuracy };
            let (confusion, reliability) =
                (vec![vec![count, 1]; 2], bins.into_iter().map(bin).collect());
            let (images, auc, auc_classes) = (count as usize, Some(auc), None);
            let metrics = Metrics {
                images,
                accuracy,
                balanced_accuracy,
                macro_f1,
                auc,
                auc_classes,
                nll,
                ece,
                confusion,
                reliability,
            };
            (metrics, all.iter().all(|number| number.is_finite()))
        })
    }

    fn result() -> impl Strategy<Value = (RunResult, bool)> {
        let labelled = prop::collection::vec(any::<u32>(), 0..3);
        (metrics(), metrics(), number(), labelled).prop_map(|(validation, test, best, labelled)| {
            let is_whole = validation.1 && test.1 && best.is_finite();
            let (validation, test) = (validation.0, test.0);
            let (format, id, labels) = (FORMAT, "0123456789abcdef".to_owned(), labelled.len());
            let (stopped, learned, val_accuracy_best) = (None, None, best);
            (
                RunResult {
                    format,
                    id,
                    labels,
                    labelled,
                    stopped,
                    learned,
                    val_accuracy_best,
                    validation,
                    test,
                },
                is_whole,
            )
        })
    }

    fn epoch() -> impl Strategy<Value = (EpochEvent, bool)> {
        (prop::option::of(number()), prop::option::of(number())).prop_map(|(loss, val_accuracy)| {
            let train_loss = loss.map(|loss| loss as f32);
            let is_whole =
                train_loss.is_none_or(f32::is_finite) && val_accuracy.is_none_or(f64::is_finite);
            (
                EpochEvent {
                    train_loss,
                    val_accuracy,
                    ..serde_json::from_str(LINE).expect("an epoch")
                },
                is_whole,
            )
        })
    }

    fn query() -> impl Strategy<Value = (QueryEvent, bool)> {
        let pick = (any::<u32>(), prop::option::of(number()), prop::option::of(number()));
        let (picks, temperatures) =
            (prop::collection::vec(pick, 0..3), prop::collection::vec(number(), 0..3));
        (picks, temperatures).prop_map(|(picks, temperatures)| {
            let of_picks =
                picks.iter().flat_map(|(_, score, entropy)| [*score, *entropy]).flatten();
            let is_whole = of_picks.chain(temperatures.iter().copied()).all(f64::is_finite);
            let pick = |(index, score, entropy)| Pick {
                index,
                label: Some(1),
                score,
                entropy,
                augmentation: None,
            };
            let picks = picks.into_iter().map(pick).collect();
            (QueryEvent { round: 0, picks, temperatures, pool: Vec::new(), ties: None }, is_whole)
        })
    }

    fn timing() -> impl Strategy<Value = (Timing, bool)> {
        prop::array::uniform2(number()).prop_map(|[seconds, scoring]| {
            let phases = Phases { scoring, ..Phases::default() };
            let timing =
                Timing { seconds, threads: 1, starts: 1, phases, taken_from: None, machine: None };
            (timing, seconds.is_finite() && scoring.is_finite())
        })
    }

    /// A record is written, and then reads back as itself, exactly if all its numbers are some.
    fn check<T: atomic_file::Record + std::fmt::Debug>(record: &T, is_whole: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let [whole, lines] = ["a.json", "a.jsonl"].map(|name| folder.path().join(name));
        assert_eq!(atomic_file::write_json(&whole, record).is_ok(), is_whole, "{record:?}");
        assert_eq!(whole.exists(), is_whole);
        let mut file = atomic_file::Appended::open(&lines, 0).expect("opened");
        file.line(&Header { records: "any".into(), format: FORMAT }).expect("a line");
        assert_eq!(file.line(record).is_ok(), is_whole);
        file.sync().expect("synced");
        let read = read_lines::<T>(&lines).expect("read");
        if is_whole {
            assert_eq!(atomic_file::read_json::<T>(&whole).expect("read").as_ref(), Some(record));
            assert!(read.len() == 1 && read[0] == *record, "{read:?}");
        } else {
            assert!(read.is_empty());
        }
    }

    proptest! {
        #[test]
        fn every_record_comes_back_as_it_is_or_is_refused(
            result in result(), epoch in epoch(), query in query(), timing in timing()
        ) {
            check(&result.0, result.1);
            check(&epoch.0, epoch.1);
            check(&query.0, query.1);
            check(&timing.0, timing.1);
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = folder_with(&format!("{{\"records\":\"epochs\",\"format\":1}}\n{{}}\n{LINE}"));
        let error = read_epochs(folder.path()).expect_err("damaged").to_string();
        assert!(error.contains("epochs.jsonl: line 2: missing field `phase`"), "{error}");
    }

    #[test]
    fn a_later_format_is_refused() {
        let folder = folder_with("{\"records\":\"epochs\",\"format\":99}\n");
        assert!(
            read_epochs(folder.path()).expect_err("later").to_string().contains("is of format 99")
        );
    }
}
