//! What a person takes away: labels, the classifier, predictions of everything else, a report.

use super::{Present, Progress, Session, Shared};
use crate::error::{AtPath, StudyError};
use crate::execute::single_model::Trained;
use crate::labelling::handover::{self, Handover};
use crate::labelling::loaded::Loaded;
use crate::labelling::state::State;
use fewlabel_learn::LearnError;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder in the project.
const RESULTS: &str = "results";

/// How far the handing over is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finish {
    /// Whether it goes on.
    pub state: FinishState,
    /// What is being done.
    pub what: String,
    /// From 0 to 1.
    pub done: f64,
    /// What there is to take away.
    pub files: Vec<ResultFile>,
    /// Where it lies.
    pub folder: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// Whether the handing over goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishState {
    /// It does.
    Running,
    /// Everything is there.
    Done,
    /// It could not be done.
    Failed,
}

/// A file to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultFile {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// How long it is.
    pub bytes: u64,
    /// Where the page finds it.
    pub href: String,
}

impl Session {
    /// Begins to put everything together that a person takes away; nothing where that is going on.
    pub fn finish(&self) {
        let shared = Arc::clone(&self.shared);
        let folder = shared.folder.join(RESULTS);
        let mut inner = shared.lock();
        if inner.finish.as_ref().is_some_and(|finish| finish.state == FinishState::Running) {
            return;
        }
        inner.finish = Some(Finish {
            state: FinishState::Running,
            what: "waiting for the images".to_owned(),
            done: 0.0,
            files: Vec::new(),
            folder: folder.display().to_string(),
            error: None,
        });
        drop(inner);
        std::thread::spawn(move || {
            (shared.options.give_way)();
            let outcome = hand_over(&shared, &folder);
            let mut inner = shared.lock();
            let Some(finish) = &mut inner.finish else { return };
            match outcome {
                Ok(files) => (finish.state, finish.files) = (FinishState::Done, files),
                Err(error) => {
                    finish.state = FinishState::Failed;
                    finish.error = Some(error.to_string());
                }
            }
            finish.done = 1.0;
        });
    }

    /// Makes the classifier of all answers and writes it to `path`, once the images are read and
    /// the encoder is learned; `told` hears of what is waited for.
    ///
    /// # Errors
    /// If there are too few labels, training fails, the file cannot be written, or `is_ending` asks
    /// for the end.
    pub fn write_classifier(
        &self,
        path: &Path,
        is_ending: &dyn Fn() -> bool,
        told: &dyn Fn(&str, f64),
    ) -> Result<Trained, StudyError> {
        let ready = ready(&self.shared, is_ending, told)?;
        told("learning from every answer", 1.0);
        ready.handover(self.shared.options.threads).write_classifier(path, is_ending).map(|t| t.0)
    }

    /// The file of the results called so.
    pub fn result(&self, name: &str) -> Option<PathBuf> {
        let inner = self.shared.lock();
        let files = &inner.finish.as_ref()?.files;
        let file = files.iter().find(|file| file.name == name)?;
        Some(self.shared.folder.join(RESULTS).join(&file.name))
    }
}

/// A project whose images are read and whose encoder is learned.
struct Ready {
    state: State,
    loaded: Arc<Loaded>,
    present: Option<Arc<Present>>,
    encoder: Option<PathBuf>,
}

impl Ready {
    fn handover(&self, threads: usize) -> Handover<'_> {
        let present = self.present.as_deref();
        Handover {
            state: &self.state,
            loaded: &self.loaded,
            encoder: self.encoder.as_deref(),
            estimate: present.and_then(|present| present.estimate.clone()),
            curve: present.map(|present| present.curve.clone()).unwrap_or_default(),
            threads,
        }
    }
}

/// Waits for the images and the encoder; `told` hears of what is waited for.
fn ready(
    shared: &Shared,
    is_ending: &dyn Fn() -> bool,
    told: &dyn Fn(&str, f64),
) -> Result<Ready, StudyError> {
    let mut inner = shared.lock();
    while inner.is_reading || inner.is_providing || inner.loaded.is_none() {
        if is_ending() {
            return Err(LearnError::Interrupted.into());
        }
        if !inner.is_reading && inner.loaded.is_none() {
            return Err(StudyError::Setting(inner.problem.clone().unwrap_or_default()));
        }
        let progress = inner.progress.clone();
        drop(inner);
        match progress {
            Some(Progress { what, done, .. }) => told(&format!("first: {what}"), done),
            None => told("first: the images", 0.0),
        }
        inner = shared.wait(shared.lock());
    }
    let loaded = inner.loaded.clone().expect("it was waited for");
    let encoder = inner.encoder_file(&shared.options);
    let (state, present) = (inner.state.clone(), inner.present.clone());
    Ok(Ready { state, loaded, present, encoder })
}

fn hand_over(shared: &Shared, folder: &Path) -> Result<Vec<ResultFile>, StudyError> {
    let told = |what: &str, done: f64| {
        if let Some(finish) = &mut shared.lock().finish {
            (finish.what, finish.done) = (what.to_owned(), done);
        }
    };
    let is_ending = || shared.is_ending();
    let ready = ready(shared, &is_ending, &|what, done| told(what, 0.5 * done))?;
    let handover = ready.handover(shared.options.threads);
    let files = handover::write(&handover, folder, &shared.told(), &told, &is_ending)?;
    let of_file = |(name, what): (String, String)| {
        let path = folder.join(&name);
        let bytes = std::fs::metadata(&path).at("read", &path)?.len();
        Ok(ResultFile { href: format!("/api/results/{name}"), name, what, bytes })
    };
    files.into_iter().map(of_file).collect()
}
