//! The folder of a study: whose it is, which runs lie in it, and the tables drawn from them.

use crate::ask::job::Job;
use crate::ask::same_study::{self, Relation};
use crate::ask::settings::RunSettings;
use crate::ask::varying::{Sizes, Varying};
use crate::error::{AtPath, StudyError};
use crate::store::atomic_file;
pub use crate::store::kept::Kept;
use crate::store::record;
use crate::words::quoted;
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

/// The runs of a grid, one a line: id and what a person calls it. `status` counts what is missing
/// by it.
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
    /// A record is damaged: which, and why.
    Damaged(String),
}

impl Folder {
    /// The study in `path`, for reading.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(path: &Path) -> Result<Self, StudyError> {
        if !path.join("study.toml").is_file() {
            let what = if path.is_dir() {
                "holds no study: it has no study.toml"
            } else {
                "is not a folder"
            };
            return Err(StudyError::damaged(path, what));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Makes `path` the folder of the study that `resolved` describes, or goes on with it, or with
    /// what is the same but for further seeds: the runs that are there are a part of it. Settings
    /// that the folder's study leaves out have their defaults.
    ///
    /// # Errors
    /// If the folder cannot be written or holds another study.
    pub fn claim(path: &Path, resolved: &str) -> Result<Self, StudyError> {
        Self::claim_for(path, resolved, &BTreeSet::new())
    }

    /// As [`Folder::claim`], for a study all of whose runs have these `identities`: data, encoders
    /// and features that have moved are the same if their bytes are, so that every run in the
    /// folder is one of these.
    ///
    /// # Errors
    /// As [`Folder::claim`].
    pub fn claim_for(
        path: &Path,
        resolved: &str,
        identities: &BTreeSet<String>,
    ) -> Result<Self, StudyError> {
        atomic_file::make_folder(path)?;
        let file = path.join("study.toml");
        let folder = Self { path: path.to_owned() };
        let _lock = folder.lock()?;
        let Some(present) = atomic_file::read_if_there(&file)? else {
            atomic_file::write_whole(&file, resolved.as_bytes())?;
            return Ok(folder);
        };
        let key = match same_study::relation(&file, &String::from_utf8_lossy(&present), resolved)? {
            Relation::Same => return Ok(folder),
            Relation::MoreSeeds => None,
            Relation::OtherNames(_) if folder.holds_only(identities)? => None,
            Relation::OtherNames(key) => Some(key.to_owned()),
            Relation::Other(key) => Some(key),
        };
        if let Some(key) = key {
            return Err(StudyError::OtherStudy { path: path.to_owned(), key });
        }
        atomic_file::write_whole(&file, resolved.as_bytes())?;
        Ok(folder)
    }

    /// Whether every run in the folder has one of the `identities`, whatever its files are called.
    fn holds_only(&self, identities: &BTreeSet<String>) -> Result<bool, StudyError> {
        let is_known = |run: &Kept| identities.contains(&run.settings.identity());
        Ok(!identities.is_empty() && self.read_runs(|_| true)?.iter().flatten().all(is_known))
    }

    /// Lets jobs that an earlier version finished, or that lie here under another name of the same
    /// data, be found under the ids that they have here: they count, and are not computed again.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn adopt(&self, jobs: &mut [Job]) -> Result<(), StudyError> {
        let known: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
        let mut finished: BTreeMap<String, (u32, String)> = BTreeMap::new();
        for run in self.read_runs(|id| !known.contains(id))?.into_iter().flatten() {
            if run.result.is_some() {
                let found = (run.settings.numeric_version, run.id);
                let best = finished.entry(run.settings.identity()).or_insert_with(|| found.clone());
                *best = found.max(best.clone());
            }
        }
        if finished.is_empty() {
            return Ok(());
        }
        let is_here = |job: &Job| self.run(&job.id).join(record::RESULT).symlink_metadata().is_ok();
        let of_job =
            |job: &Job| Some((job.id.clone(), finished.get(&job.settings.identity())?.1.clone()));
        let ids: BTreeMap<String, String> =
            jobs.iter().filter(|job| !is_here(job)).filter_map(of_job).collect();
        for job in jobs {
            let source = job.source.as_mut().map(|(id, _)| id);
            for id in [Some(&mut job.id), Some(&mut job.group), source].into_iter().flatten() {
                if let Some(here) = ids.get(id) {
                    id.clone_from(here);
                }
            }
        }
        Ok(())
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
        let Some(bytes) = atomic_file::read_if_there(&self.path.join(PLAN))? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        Ok(Some(
            text.lines()
                .skip(1)
                .filter_map(|line| line.split(',').next())
                .map(str::to_owned)
                .collect(),
        ))
    }

    /// Refuses to go on where the folder was removed or its disk went away: nothing would put its
    /// study back.
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
        let file = atomic_file::open_own(&path)?;
        file.lock().at("lock", &path)?;
        Ok(file)
    }

    /// How every run stands that was ever begun, by its id: what is done, by the same notion as the
    /// report's.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn states(&self) -> Result<Vec<(String, State)>, StudyError> {
        let paths = self.run_paths()?;
        let states = paths.par_iter().filter_map(|path| {
            let id = path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let state = match Kept::read(path) {
                Ok(None) => return None,
                Ok(Some(Kept { result: Some(_), .. })) => State::Done,
                _ if self.is_running(&id) => State::Running,
                Ok(Some(Kept { failure: Some(reason), .. })) => State::Failed(reason),
                Ok(Some(_)) => State::Stopped,
                Err(error) => State::Damaged(error.to_string()),
            };
            Some((id, state))
        });
        let mut states: Vec<(String, State)> = states.collect();
        states.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(states)
    }

    /// Whether some process holds the lock of a run.
    fn is_running(&self, id: &str) -> bool {
        let lock = self.locks().join(id);
        let lock = lock.is_file().then(|| File::open(lock));
        lock.is_some_and(|lock| {
            lock.is_ok_and(|file| {
                matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
            })
        })
    }

    /// Everything under `runs/`.
    fn run_paths(&self) -> Result<Vec<PathBuf>, StudyError> {
        let path = self.path.join("runs");
        match fs::read_dir(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries
                .at("list", &path)?
                .map(|entry| Ok(entry.at("list", &path)?.path()))
                .collect(),
        }
    }

    /// Reads the runs whose ids are `wanted`, or what is wrong with them.
    fn read_runs(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Result<Kept, StudyError>>, StudyError> {
        let is_wanted =
            |path: &PathBuf| path.file_name().is_some_and(|name| wanted(&name.to_string_lossy()));
        let paths: Vec<PathBuf> = self.run_paths()?.into_iter().filter(is_wanted).collect();
        Ok(paths.par_iter().filter_map(|path| Kept::read(path).transpose()).collect())
    }

    /// Reads settings, results and times of every run. Of runs that are the same but for the
    /// version that computed them the latest counts.
    ///
    /// # Errors
    /// If the folder cannot be listed; damaged files are named in [`Contents::damaged`].
    pub fn contents(&self) -> Result<Contents, StudyError> {
        let mut contents = Contents::default();
        for run in self.read_runs(|_| true)? {
            match run {
                Ok(run) => contents.runs.push(run),
                Err(error) => contents.damaged.push(error.to_string()),
            }
        }
        leave_latest(&mut contents.runs);
        let settings: Vec<&RunSettings> = contents.runs.iter().map(|run| &run.settings).collect();
        contents.varying = Varying::of(&settings, self.sizes(&settings));
        let labels = |run: &Kept| run.result.as_ref().map_or(0, |result| result.labels);
        let varying = &contents.varying;
        contents
            .runs
            .sort_by_cached_key(|run| (varying.order(&run.settings, labels(run)), run.id.clone()));
        contents.damaged.sort();
        Ok(contents)
    }
}

impl Folder {
    /// Where data sets share a name, the sizes of each, from what is kept of them.
    fn sizes(&self, runs: &[&RunSettings]) -> Sizes {
        let data: BTreeSet<(&str, &str)> =
            runs.iter().map(|run| (&*run.data.name, &*run.data.checksum)).collect();
        let mut of_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, checksum) in data {
            of_name.entry(name).or_default().push(checksum);
        }
        let shared = of_name.into_values().filter(|checksums| checksums.len() > 1).flatten();
        let sizes = |checksum: &str| {
            let kept =
                atomic_file::read_json::<Counts>(&self.data(checksum).join("data.json")).ok()??;
            Some((checksum.to_owned(), kept.class_counts.map(|counts| counts.iter().sum())))
        };
        shared.filter_map(sizes).collect()
    }
}

/// Leaves out runs that a later version computed too, or that lie here under two names of their
/// data.
fn leave_latest(runs: &mut Vec<Kept>) {
    let mut latest: BTreeMap<String, (bool, u32, String)> = BTreeMap::new();
    let rank = |run: &Kept| (run.result.is_some(), run.settings.numeric_version, run.id.clone());
    let identities: Vec<String> = runs.par_iter().map(|run| run.settings.identity()).collect();
    for (run, identity) in runs.iter().zip(&identities) {
        let best = latest.entry(identity.clone()).or_insert_with(|| rank(run));
        *best = rank(run).max(best.clone());
    }
    let mut identities = identities.into_iter();
    runs.retain(|run| identities.next().is_some_and(|identity| latest[&identity].2 == run.id));
}

impl Contents {
    /// A sentence where finished runs were computed under several versions of the arithmetic.
    pub fn mixture(&self) -> Option<String> {
        mixture(
            self.runs
                .iter()
                .filter(|run| run.result.is_some())
                .map(|run| run.settings.numeric_version),
        )
    }
}

/// Says which versions of the arithmetic computed how many runs, where there are several.
pub(crate) fn mixture(versions: impl Iterator<Item = u32>) -> Option<String> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    versions.for_each(|version| *counts.entry(version).or_default() += 1);
    let parts: Vec<String> =
        counts.iter().map(|(version, runs)| format!("{runs} of version {version}")).collect();
    (parts.len() > 1).then(|| {
        format!(
            "runs of several numeric versions stand side by side: {}; they differ by rounding",
            parts.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_study_is_refused_in_one_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = |study: &str| Folder::claim(folder.path(), study).map(|_| ());
        claim("epochs = 1\nseeds = [0, 1]\n").expect("claimed");
        claim("epochs = 1\nseeds = [0, 1]\n").expect("the same study goes on");
        claim("epochs = 1\nseeds = [0, 1, 2]\n").expect("so does one with more seeds");
        assert!(claim("epochs = 2\nseeds = [0, 1, 2, 3]\n").is_err());
        let error = claim("epochs = 1\nseeds = [0, 1]\n").expect_err("fewer").to_string();
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
        assert!(
            contents.damaged[0].contains("settings.json: EOF while parsing"),
            "{:?}",
            contents.damaged
        );
    }
}
