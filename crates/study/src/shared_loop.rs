//! Queries that one run takes over from another.
//!
//! Runs that differ in nothing but the budget or the final model make the same queries: the shorter loop is the beginning of
//! the longer one, to the bit. So a grid over budgets computes its longest loop once; a run of a smaller budget begins
//! with the records of that loop and trains its final model. Its own records are the same bytes as if it had queried itself.

use crate::checkpoint::{Checkpoint, Lengths};
use crate::error::StudyError;
use crate::files;
use crate::record::{self, RunResult};
use crate::runner::Job;
use crate::settings::RunSettings;
use fewlabel_learn::active_loop;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::plan::{ActiveSettings, EpochEvent, Phase, Plan, QueryEvent, Selection};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// Says of each job whose queries are the first ones of another's which one that is: the longest, and the first by its id.
pub(crate) fn find(jobs: &mut [Job]) {
    let mut longest: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let of_loops = |job: &Job| Some((key(&job.settings)?, active(&job.settings.plan)?.labels));
    for job in jobs.iter() {
        let Some((key, labels)) = of_loops(job) else { continue };
        let best = longest.entry(key).or_insert((labels, job.id.clone()));
        if labels > best.0 || (labels == best.0 && job.id < best.1) {
            *best = (labels, job.id.clone());
        }
    }
    for job in jobs {
        let Some((key, labels)) = of_loops(job) else { continue };
        let (most, source) = &longest[&key];
        let is_beginning = labels == *most || active(&job.settings.plan).is_some_and(ActiveSettings::has_whole_queries);
        if *source != job.id && is_beginning {
            job.take_queries_from(source);
        }
    }
}

fn active(plan: &Plan) -> Option<&ActiveSettings> {
    match &plan.selection {
        Selection::Active(active) => Some(active),
        _ => None,
    }
}

/// What jobs with the same loop have in common.
fn key(settings: &RunSettings) -> Option<String> {
    let plan = settings.plan.loop_alone()?;
    let of = (settings.numeric_version, &settings.data.checksum, plan);
    Some(serde_json::to_string(&of).expect("settings are plain data"))
}

/// The records of a loop's beginning, byte for byte, and what goes on from there.
struct Beginning {
    epochs: Vec<u8>,
    queries: Vec<u8>,
    loop_epochs: u64,
    labelled: Vec<u32>,
}

/// Begins the run in `folder` with the queries of the run in `source`: writes both records and a checkpoint behind them.
/// `None`, and nothing written, where the source is not finished or its records do not fit.
///
/// # Errors
/// If the run's own files cannot be written.
pub(crate) fn take_over(
    settings: &RunSettings,
    data: &Dataset,
    folder: &Path,
    source: &Path,
) -> Result<Option<Checkpoint>, StudyError> {
    let Some(active) = active(&settings.plan) else { return Ok(None) };
    let Some((name, beginning)) = read(settings, active, source) else { return Ok(None) };
    let rows = data.train.labels.len();
    if beginning.labelled.iter().any(|&row| row as usize >= rows) {
        return Ok(None);
    }
    let labels = beginning.labelled.iter().map(|&row| data.train.labels[row as usize]).collect();
    let lengths = Lengths {
        epochs: beginning.epochs.len() as u64,
        queries: beginning.queries.len() as u64,
        queries_from: Some(name),
        ..Lengths::default()
    };
    files::write_whole(&folder.join(record::EPOCHS), &beginning.epochs)?;
    files::write_whole(&folder.join(record::QUERIES), &beginning.queries)?;
    let rounds = active.queries() as u32;
    let snapshot = active_loop::after_loop(rounds, beginning.loop_epochs, beginning.labelled, labels);
    let checkpoint = Checkpoint { lengths, snapshot };
    checkpoint.write(&folder.join(record::CHECKPOINT))?;
    Ok(Some(checkpoint))
}

/// What the run in `source` has of this loop, and that run's id.
fn read(settings: &RunSettings, active: &ActiveSettings, source: &Path) -> Option<(String, Beginning)> {
    let result: RunResult = record::read_result(source).ok()??;
    let theirs: RunSettings = files::read_json(&source.join(record::SETTINGS)).ok()??;
    if key(settings)? != key(&theirs)? || result.id != theirs.id() {
        return None;
    }
    let labelled = result.labelled.get(..active.labels)?.to_vec();
    let rounds = active.queries();
    let (queries, events) =
        beginning::<QueryEvent>(&source.join(record::QUERIES), |event| (event.round as usize) < rounds)?;
    let picked = events.iter().flat_map(|event| event.picks.iter().map(|pick| pick.index));
    if events.len() != rounds || !picked.eq(labelled[active.initial..].iter().copied()) {
        return None;
    }
    let is_before = |event: &EpochEvent| event.phase == Phase::Loop && (event.round as usize) < rounds;
    let (epochs, events) = beginning(&source.join(record::EPOCHS), is_before)?;
    let planned: u64 = (0..rounds as u32).map(|round| u64::from(active.schedule.epochs(round))).sum();
    let loop_epochs = events.len() as u64;
    let fits = loop_epochs == planned || loop_epochs == 0;
    fits.then(|| (result.id, Beginning { epochs, queries, loop_epochs, labelled }))
}

/// The header and the first lines of a record as long as they are `wanted`, as bytes and as events.
fn beginning<T: DeserializeOwned>(path: &Path, wanted: impl Fn(&T) -> bool) -> Option<(Vec<u8>, Vec<T>)> {
    let bytes = files::read_if_there(path).ok()??;
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let mut kept = lines.next()?.to_vec();
    let mut events = Vec::new();
    for line in lines {
        let event: T = serde_json::from_slice(line).ok()?;
        if !wanted(&event) {
            break;
        }
        kept.extend_from_slice(line);
        events.push(event);
    }
    Some((kept, events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use crate::record::Timing;
    use crate::runner::{self, Event, Options, Watch};
    use crate::settings::{Budget, Point};
    use crate::testing;
    use std::sync::Arc;

    struct Silent;

    impl Watch for Silent {
        fn event(&self, _event: Event<'_>) {}
        fn should_stop(&self) -> bool {
            false
        }
    }

    fn jobs(points: &[Point]) -> Vec<Job> {
        let data = Arc::new(testing::dataset(60));
        let job = |point| Job::new(RunSettings::new(point, &data).expect("valid"), Arc::clone(&data));
        points.iter().map(job).collect()
    }

    fn point(regime: &str, labels: usize) -> Point {
        Point { regime: regime.into(), labels: Budget::Count(labels), ..testing::quick_point() }
    }

    /// Every file of every run but the times.
    fn carried_out(jobs: Vec<Job>, path: &Path) -> BTreeMap<String, Vec<u8>> {
        let folder = Folder::claim(path, "").expect("claimed");
        let options = Options { threads: 2, keep_models: true, keep_going: false, tensorboard: false };
        let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
        runner::carry_out(jobs, &folder, options, &Silent).expect("finished");
        let mut files = BTreeMap::new();
        for id in ids {
            for file in std::fs::read_dir(folder.run(&id)).expect("listed") {
                let path = file.expect("an entry").path();
                if !path.ends_with(record::TIMING) {
                    let name = format!("{id}/{}", path.file_name().expect("a name").display());
                    files.insert(name, std::fs::read(&path).expect("read"));
                }
            }
        }
        files
    }

    #[test]
    fn queries_taken_over_give_the_bytes_of_queries_made() {
        // Budgets from 4 by 4: 8 and 12 are whole, 14 is the longest and cut short.
        let mut points: Vec<Point> =
            ["al", "alda", "alpa"].iter().flat_map(|regime| [8, 12, 14].map(|labels| point(regime, labels))).collect();
        points.push(Point { strategy: "stratified-random".into(), ..point("al", 8) });
        points.push(Point { strategy: "stratified-random".into(), ..point("al", 12) });
        points.push(Point { epochs: 2, width: Some(3), validate_every_epoch: false, ..point("al", 8) });
        let [alone, shared] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let own = carried_out(jobs(&points), alone.path());
        let mut jobs = jobs(&points);
        find(&mut jobs);
        let taking: Vec<String> =
            jobs.iter().filter(|job| job.queries_from.is_some()).map(|job| job.id.clone()).collect();
        assert_eq!(taking.len(), 8);
        let taken = carried_out(jobs, shared.path());
        assert_eq!(own.keys().collect::<Vec<_>>(), taken.keys().collect::<Vec<_>>());
        for (name, bytes) in &own {
            assert!(taken[name] == *bytes, "{name} depends on who made the queries");
        }
        let timing = |id: &String| -> Timing {
            let path = shared.path().join("runs").join(id).join(record::TIMING);
            files::read_json(&path).expect("read").expect("there")
        };
        let said = taking.iter().filter(|id| timing(id).queries_from.is_some()).count();
        // With two workers the last to wait may make its own queries.
        assert!(said >= taking.len() - 1, "{said} of {}", taking.len());
    }

    #[test]
    fn only_the_same_loop_is_shared() {
        let base = point("al", 12);
        let mut jobs = jobs(&[
            base.clone(),
            point("al", 8),
            point("al", 10),
            point("alpa", 8),
            Point { seed: 1, ..point("al", 8) },
            Point { query_size: 2, ..point("al", 8) },
            Point { loop_width: 3, ..point("al", 8) },
            Point { first_epochs: 2, ..point("al", 8) },
            Point { learning_rate: 0.01, ..point("al", 8) },
            Point { temperature_scaling: true, ..point("al", 8) },
            point("random", 8),
        ]);
        find(&mut jobs);
        let taking: Vec<usize> = (0..jobs.len()).filter(|&i| jobs[i].queries_from.is_some()).collect();
        assert_eq!(taking, [1], "a smaller budget in whole queries, and nothing else");
        assert_eq!(jobs[1].source(), jobs[0].id);
        assert!(jobs[1].cost.total() < Job::new(jobs[1].settings.clone(), jobs[1].data.clone()).cost.total());
    }

    #[test]
    fn records_that_do_not_fit_are_not_taken_over() {
        let path = tempfile::tempdir().expect("a folder");
        let jobs = jobs(&[point("al", 12), point("al", 8)]);
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let (source, own) = (folder.run(&jobs[0].id), folder.run(&jobs[1].id));
        files::make_folder(&own).expect("made");
        let take = || take_over(&jobs[1].settings, &jobs[1].data, &own, &source).expect("writable");
        assert_eq!(take(), None, "not finished");
        carried_out(vec![jobs[0].clone()], path.path());
        let queries = std::fs::read_to_string(source.join(record::QUERIES)).expect("read");
        std::fs::write(source.join(record::QUERIES), queries.replacen("\"index\":", "\"index\":1", 1))
            .expect("written");
        assert_eq!(take(), None, "other rows than the result names");
        assert!(!own.join(record::EPOCHS).exists(), "nothing half-written");
        std::fs::write(source.join(record::QUERIES), queries).expect("written");
        let taken = take().expect("whole");
        assert_eq!(taken.lengths.queries_from.as_deref(), Some(jobs[0].id.as_str()));
    }
}
