//! What is kept of a run: the types of its files, and reading them back.
//!
//! | file | holds | written |
//! |---|---|---|
//! | `settings.json` | everything the result depends on | at the start |
//! | `epochs.jsonl` | a header, then a line an epoch | with each checkpoint |
//! | `queries.jsonl` | a header, then a line a query | with each checkpoint |
//! | `answers.jsonl` | a header, then a line an answer of the oracle; not where all images are labelled | with each checkpoint |
//! | `result.json` | the figures; its presence means the run is finished | at the end, last |
//! | `timing.json` | seconds by phase, threads and machine, the only file that differs between machines | at the end |
//! | `model.safetensors` | the final model, if it is kept | at the end |
//! | `failed.json` | why the last try failed | then |
//! | `checkpoint.bin` | where an unfinished run stands | every five seconds at most |

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
    /// Rows of the training split in the order in which they were labelled; left out where all were.
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

/// `timing.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds of computing, over all starts.
    pub seconds: f64,
    /// Threads in the end.
    pub threads: usize,
    /// How often the run was started; starts that ended before their first checkpoint leave no trace.
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

/// Seconds of the kinds of work in a run, its records and checkpoints included; what is left of the whole is the preparation.
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

/// The result in a run's folder, if it is finished.
///
/// # Errors
/// If the file is damaged.
pub fn read_result(run: &Path) -> Result<Option<RunResult>, StudyError> {
    atomic_file::read_json(&run.join(RESULT))
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
    let damaged =
        |line: usize, error: serde_json::Error| StudyError::damaged(path, format!("line {}: {error}", line + 1));
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")).enumerate();
    if let Some((_, first)) = lines.next() {
        let header: Header = serde_json::from_slice(first).map_err(|error| damaged(0, error))?;
        if header.format > crate::ask::settings::FORMAT {
            let what =
                format!("is of format {}; this program reads up to {}", header.format, crate::ask::settings::FORMAT);
            return Err(StudyError::damaged(path, what));
        }
    }
    lines.map(|(number, line)| serde_json::from_slice(line).map_err(|error| damaged(number, error))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(EPOCHS), text).expect("written");
        folder
    }

    const LINE: &str = "{\"phase\":\"final\",\"round\":0,\"epoch\":1,\"labels\":2,\"train_loss\":0.5}\n";

    #[test]
    fn a_torn_last_line_is_left_out() {
        let folder = folder_with(&format!("{{\"records\":\"epochs\",\"format\":1}}\n{LINE}{}", &LINE[..20]));
        assert_eq!(read_epochs(folder.path()).expect("read").len(), 1);
    }

    #[test]
    fn a_loss_that_is_no_number_reads_back() {
        let folder = folder_with("{\"records\":\"epochs\",\"format\":1}\n");
        let event = EpochEvent { train_loss: f32::NAN, ..serde_json::from_str(LINE).expect("an epoch") };
        let mut file = atomic_file::Appended::open(&folder.path().join(EPOCHS), 32).expect("opened");
        file.line(&event).expect("a line");
        file.sync().expect("synced");
        let epochs = read_epochs(folder.path()).expect("read");
        assert!(epochs.len() == 1 && epochs[0].train_loss.is_nan(), "{epochs:?}");
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
        assert!(read_epochs(folder.path()).expect_err("later").to_string().contains("is of format 99"));
    }
}
