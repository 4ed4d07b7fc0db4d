//! The folder of a study: whose it is, which runs lie in it, and the tables drawn from them.

use crate::ask::settings::RunSettings;
use crate::error::{AtPath, StudyError};
use crate::execute::grid::Job;
use crate::export::results_csv::quoted;
use crate::export::varying::{Sizes, Varying};
use crate::store::atomic_file;
use crate::store::record::{self, Failure, RunResult, Timing};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The folder of a study.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// The runs of a grid, one a line: id and what a person calls it. `status` counts what is missing by it.
const PLAN: &str = "runs.csv";

/// The list of a study's runs; the same whichever part of them is computed.
pub fn plan(jobs: &[Job]) -> String {
    let varying = Varying::of_jobs(jobs);
    let line = |job: &Job| format!("{},{}\n", job.id, quoted(&varying.label(&job.settings)));
    let mut lines: Vec<String> = jobs.iter().map(line).collect();
    lines.sort();
    lines.insert(0, "id,run\n".to_owned());
    lines.concat()
}

/// What lies on disk of one run.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The name of its folder: the run's id.
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

/// The runs of a folder, and what could not be read.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Runs in the order of the tables.
    pub runs: Vec<Kept>,
    /// One sentence for each damaged file.
    pub damaged: Vec<String>,
    /// What tells the runs apart.
    pub varying: Varying,
}

/// Of what is kept of a data set, the images of each class in each split.
#[derive(Deserialize)]
struct Counts {
    class_counts: [Vec<usize>; 3],
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Finished.
    Done,
    /// Some process holds its lock.
    Running,
    /// The last try failed for this reason.
    Failed(String),
    /// Begun and not finished.
    Stopped,
}

impl Folder {
    /// The study in `path`, for reading.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        if !path.join("study.toml").is_file() {
            let what = if path.is_dir() { "holds no study: it has no study.toml" } else { "is not a folder" };
            return Err(StudyError::damaged(path, what));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Makes `path` the folder of the study that `resolved` describes, or goes on with it, or with what is the same but for further
    /// seeds: the runs that are there are a part of it.
    ///
    /// # Errors
    /// If the folder cannot be written or holds another study.
    pub fn claim(path: &Path, resolved: &str) -> Result<Self, StudyError> {
        atomic_file::make_folder(path)?;
        let file = path.join("study.toml");
        let folder = Self { path: path.to_owned() };
        let _lock = folder.lock()?;
        match atomic_file::read_if_there(&file)? {
            None => atomic_file::write_whole(&file, resolved.as_bytes())?,
            Some(present) if present == resolved.as_bytes() => {}
            Some(present) => {
                let present = String::from_utf8_lossy(&present);
                if !adds_seeds(&present, resolved) {
                    let key = first_difference(&present, resolved);
                    return Err(StudyError::OtherStudy { path: path.to_owned(), key });
                }
                atomic_file::write_whole(&file, resolved.as_bytes())?;
            }
        }
        Ok(folder)
    }

    /// Keeps the list of all runs that the study comes to on its data, as [`plan`] makes it.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn keep_plan(&self, plan: &str) -> Result<(), StudyError> {
        atomic_file::write_if_other(&self.path.join(PLAN), plan.as_bytes())
    }

    /// The ids of all runs that the study comes to; `None` where no list was kept.
    ///
    /// # Errors
    /// If the list cannot be read.
    pub fn planned(&self) -> Result<Option<BTreeSet<String>>, StudyError> {
        let Some(bytes) = atomic_file::read_if_there(&self.path.join(PLAN))? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        Ok(Some(text.lines().skip(1).filter_map(|line| line.split(',').next()).map(str::to_owned).collect()))
    }

    /// Refuses to go on where the folder was removed or its disk went away: nothing would put its study back.
    pub(crate) fn check(&self) -> Result<(), StudyError> {
        if self.path.join("study.toml").is_file() {
            return Ok(());
        }
        Err(StudyError::damaged(&self.path, "the study's folder has gone away"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of one run.
    pub fn run(&self, id: &str) -> PathBuf {
        self.path.join("runs").join(id)
    }

    /// The encoders that runs share.
    pub fn encoders(&self) -> PathBuf {
        self.path.join("encoders")
    }

    /// What is kept of the data set with this checksum.
    pub(crate) fn data(&self, checksum: &str) -> PathBuf {
        self.path.join("data").join(checksum.get(..16).unwrap_or(checksum))
    }

    /// The files of locks.
    pub fn locks(&self) -> PathBuf {
        self.path.join(".locks")
    }

    /// Waits until no other process writes what all runs share.
    pub(crate) fn lock(&self) -> Result<File, StudyError> {
        if !self.path.is_dir() {
            self.check()?;
        }
        atomic_file::make_folder(&self.locks())?;
        let path = self.locks().join("study");
        let file = File::create(&path).at("make the lock", &path)?;
        file.lock().at("lock", &path)?;
        Ok(file)
    }

    /// How every run stands that was ever begun, by its id; looks at names and locks only.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn states(&self) -> Result<Vec<(String, State)>, StudyError> {
        let path = self.path.join("runs");
        let mut states = Vec::new();
        if !path.is_dir() {
            return Ok(states);
        }
        for entry in fs::read_dir(&path).at("list", &path)? {
            let run = entry.at("list", &path)?.path();
            if run.is_dir() {
                let id = run.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                let state = self.state(&run, &id);
                states.push((id, state));
            }
        }
        states.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(states)
    }

    fn state(&self, run: &Path, id: &str) -> State {
        if run.join(record::RESULT).is_file() {
            return State::Done;
        }
        let lock = File::open(self.locks().join(id));
        if lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))) {
            return State::Running;
        }
        match atomic_file::read_json::<Failure>(&run.join(record::FAILED)) {
            Ok(Some(failure)) => State::Failed(failure.reason),
            _ => State::Stopped,
        }
    }

    /// Reads settings, results and times of every run.
    ///
    /// # Errors
    /// If the folder cannot be listed; damaged files are named in [`Contents::damaged`].
    pub fn contents(&self) -> Result<Contents, StudyError> {
        let path = self.path.join("runs");
        let mut contents = Contents::default();
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(contents),
            entries => entries.at("list", &path)?,
        };
        let paths = entries.map(|entry| Ok(entry.at("list", &path)?.path())).collect::<Result<Vec<_>, StudyError>>()?;
        let read: Vec<_> = paths.par_iter().map(|path| read_run(path)).collect();
        for run in read {
            match run {
                Ok(run) => contents.runs.extend(run),
                Err(error) => contents.damaged.push(error.to_string()),
            }
        }
        let settings: Vec<&RunSettings> = contents.runs.iter().map(|run| &run.settings).collect();
        contents.varying = Varying::of(&settings, self.sizes(&settings));
        let labels = |run: &Kept| run.result.as_ref().map_or(0, |result| result.labels);
        let varying = &contents.varying;
        contents.runs.sort_by_cached_key(|run| (varying.order(&run.settings, labels(run)), run.id.clone()));
        contents.damaged.sort();
        Ok(contents)
    }
}

impl Folder {
    /// Where data sets share a name, the sizes of each, from what is kept of them.
    fn sizes(&self, runs: &[&RunSettings]) -> Sizes {
        let data: BTreeSet<(&str, &str)> = runs.iter().map(|run| (&*run.data.name, &*run.data.checksum)).collect();
        let mut of_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, checksum) in data {
            of_name.entry(name).or_default().push(checksum);
        }
        let shared = of_name.into_values().filter(|checksums| checksums.len() > 1).flatten();
        let sizes = |checksum: &str| {
            let kept = atomic_file::read_json::<Counts>(&self.data(checksum).join("data.json")).ok()??;
            Some((checksum.to_owned(), kept.class_counts.map(|counts| counts.iter().sum())))
        };
        shared.filter_map(sizes).collect()
    }
}

fn read_run(path: &Path) -> Result<Option<Kept>, StudyError> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if name.starts_with('.') || !path.is_dir() {
        return Ok(None);
    }
    let Some(settings) = atomic_file::read_json::<RunSettings>(&path.join(record::SETTINGS))? else {
        return Err(StudyError::damaged(path, format!("is no run, or has lost it: it has no {}", record::SETTINGS)));
    };
    if settings.id() != name {
        return Err(StudyError::damaged(&path.join(record::SETTINGS), format!("does not belong to run {name}")));
    }
    let failure: Option<Failure> = atomic_file::read_json(&path.join(record::FAILED))?;
    Ok(Some(Kept {
        result: record::read_result(path)?,
        timing: atomic_file::read_json(&path.join(record::TIMING))?,
        failure: failure.map(|failure| failure.reason),
        id: name,
        settings,
    }))
}

/// Whether the study `wanted` is the study `present` and further seeds.
fn adds_seeds(present: &str, wanted: &str) -> bool {
    let (Ok(mut present), Ok(mut wanted)) = (present.parse::<toml::Table>(), wanted.parse::<toml::Table>()) else {
        return false;
    };
    match (present.remove("seeds"), wanted.remove("seeds")) {
        (Some(toml::Value::Array(old)), Some(toml::Value::Array(new))) => {
            present == wanted && old.iter().all(|seed| new.contains(seed))
        }
        _ => false,
    }
}

/// The key in the first line that differs.
fn first_difference(present: &str, wanted: &str) -> String {
    let lines = present.lines().chain(std::iter::repeat("")).zip(wanted.lines().chain(["the end"]));
    let differing = lines.filter(|(a, b)| a != b).map(|(a, b)| if b == "the end" { a } else { b }).next();
    differing
        .and_then(|line| line.split(['=', ']']).next())
        .unwrap_or("its settings")
        .trim_matches([' ', '['])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_study_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = |study: &str| Folder::claim(folder.path(), study).map(|_| ());
        claim("a = 1\nseeds = [0, 1]\n").expect("claimed");
        claim("a = 1\nseeds = [0, 1]\n").expect("the same study goes on");
        claim("a = 1\nseeds = [0, 1, 2]\n").expect("so does one with more seeds");
        assert!(claim("a = 2\nseeds = [0, 1, 2, 3]\n").is_err());
        let error = claim("a = 1\nseeds = [0, 1]\n").expect_err("fewer").to_string();
        assert!(error.contains("holds another study (its study.toml differs in seeds)"), "{error}");
    }

    #[test]
    fn a_folder_without_a_study_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Folder::open(folder.path()).expect_err("empty").to_string();
        assert!(error.ends_with("holds no study: it has no study.toml"), "{error}");
    }

    #[test]
    fn a_damaged_run_is_listed_and_the_others_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let study = Folder::claim(folder.path(), "").expect("claimed");
        fs::create_dir_all(study.run("0123")).expect("made");
        fs::write(study.run("0123").join("settings.json"), "{\"form").expect("written");
        fs::write(folder.path().join("runs/alien.txt"), "hello").expect("written");
        let contents = study.contents().expect("read");
        assert!(contents.runs.is_empty());
        assert!(contents.damaged[0].contains("settings.json: EOF while parsing"), "{:?}", contents.damaged);
    }
}
