//! What one run takes over from another: queries, or a whole model.
//!
//! Runs that differ in nothing but the budget or the final model make the same queries: the shorter
//! loop is the beginning of the longer one, to the bit. Runs that differ in nothing but their test
//! images train the same model. So a grid over budgets computes its longest loop once, and a grid
//! over shifts of the test split trains each model once; the other runs begin with the records of
//! the first. Their own records are the same bytes as if they had computed everything themselves.

use crate::ask::job::Job;
use crate::ask::settings::RunSettings;
use crate::ask::sharing::{Part, active};
use crate::error::StudyError;
use crate::store::atomic_file;
use crate::store::checkpoint::{Checkpoint, Lengths};
use crate::store::kept::Kept;
use crate::store::record;
use crate::store::study_dir::Folder;
use fewlabel_learn::run::active_loop;
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::events::{EpochEvent, Phase, QueryEvent};
use fewlabel_learn::run::plan::ActiveSettings;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;

/// The jobs whose models others take over, and those others.
pub(crate) fn takers_of_models(jobs: &[Job]) -> BTreeMap<String, Vec<String>> {
    let mut takers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in jobs {
        if let Some((source, Part::Model)) = &job.source {
            takers.entry(source.clone()).or_default().push(job.id.clone());
        }
    }
    takers
}

/// Removes the checkpoints that were kept for others, where these are finished.
pub(crate) fn forget_models(
    takers: &BTreeMap<String, Vec<String>>,
    folder: &Folder,
) -> Result<(), StudyError> {
    let is_finished = |id: &String| folder.run(id).join(record::RESULT).is_file();
    for (source, takers) in takers {
        if is_finished(source) && takers.iter().all(is_finished) {
            atomic_file::remove_if_there(&folder.run(source).join(record::CHECKPOINT))?;
        }
    }
    Ok(())
}

/// Begins the run in `folder` with what it takes over from the run in `source`: writes both records
/// and a checkpoint behind them. `None`, and nothing written, where the source is not finished or
/// its records do not fit.
///
/// # Errors
/// If the run's own files cannot be written.
pub(crate) fn take_over(
    part: Part,
    settings: &RunSettings,
    folder: &Path,
    source: &Path,
) -> Result<Option<Checkpoint>, StudyError> {
    let read = || {
        let Kept { settings: theirs, result, id, .. } = Kept::read(source).ok()??;
        result?;
        let is_whole = settings.numeric_version == theirs.numeric_version;
        let taken = match part {
            Part::Model if settings.plan == theirs.plan => model(source),
            Part::Queries if settings.plan.loop_alone()? == theirs.plan.loop_alone()? => {
                queries(active(&settings.plan)?, source)
            }
            _ => None,
        };
        taken.filter(|_| is_whole).map(|taken| (id, taken))
    };
    let Some((id, Taken { epochs, queries, answers, snapshot })) = read() else { return Ok(None) };
    let lengths = Lengths {
        epochs: epochs.len() as u64,
        queries: queries.len() as u64,
        answers: answers.len() as u64,
        taken_from: Some(id),
        ..Lengths::default()
    };
    atomic_file::write_whole(&folder.join(record::EPOCHS), &epochs)?;
    atomic_file::write_whole(&folder.join(record::QUERIES), &queries)?;
    atomic_file::write_whole(&folder.join(record::ANSWERS), &answers)?;
    let checkpoint = Checkpoint { beside: lengths, snapshot };
    checkpoint.write(&folder.join(record::CHECKPOINT))?;
    Ok(Some(checkpoint))
}

/// Records, byte for byte, and the snapshot that goes on from there.
struct Taken {
    epochs: Vec<u8>,
    queries: Vec<u8>,
    answers: Vec<u8>,
    snapshot: Vec<u8>,
}

/// All that the run in `source` had before it was judged.
fn model(source: &Path) -> Option<Taken> {
    let checkpoint: Checkpoint = Checkpoint::read(&source.join(record::CHECKPOINT)).ok()??;
    let whole = |name: &str, length: u64| {
        let bytes = atomic_file::read_if_there(&source.join(name)).ok()??;
        (bytes.len() as u64 == length).then_some(bytes)
    };
    let epochs = whole(record::EPOCHS, checkpoint.beside.epochs)?;
    let queries = whole(record::QUERIES, checkpoint.beside.queries)?;
    let answers = whole(record::ANSWERS, checkpoint.beside.answers)?;
    Some(Taken { epochs, queries, answers, snapshot: checkpoint.snapshot })
}

/// What the run in `source` has of the loop of `active`: none where an image got no label, for then
/// its queries are others.
fn queries(active: &ActiveSettings, source: &Path) -> Option<Taken> {
    let mut labels = 0;
    let is_wanted = |answered: &Answered| {
        labels += usize::from(answered.answer.label().is_some());
        labels <= active.labels
    };
    let (answers, answered) = beginning(&source.join(record::ANSWERS), is_wanted)?;
    if answered.len() != active.labels {
        return None;
    }
    let rounds = active.queries();
    let (queries, events) = beginning::<QueryEvent>(&source.join(record::QUERIES), |event| {
        (event.round as usize) < rounds
    })?;
    let picked = events.iter().flat_map(|event| event.picks.iter().map(|pick| pick.index));
    if events.len() != rounds
        || !picked.eq(answered[active.initial..].iter().map(|answered| answered.row))
    {
        return None;
    }
    let is_before =
        |event: &EpochEvent| event.phase == Phase::Loop && (event.round as usize) < rounds;
    let (epochs, events) = beginning(&source.join(record::EPOCHS), is_before)?;
    let planned: u64 =
        (0..rounds as u32).map(|round| u64::from(active.schedule.epochs(round))).sum();
    let loop_epochs = events.len() as u64;
    let fits = loop_epochs == planned || loop_epochs == 0;
    let snapshot = active_loop::after_loop(rounds as u32, loop_epochs, answered.len());
    fits.then_some(Taken { epochs, queries, answers, snapshot })
}

/// The header and the first lines of a record as long as they are `wanted`, as bytes and as events.
fn beginning<T: DeserializeOwned>(
    path: &Path,
    mut wanted: impl FnMut(&T) -> bool,
) -> Option<(Vec<u8>, Vec<T>)> {
    let bytes = atomic_file::read_if_there(path).ok()??;
    let mut lines =
        bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
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
    use crate::ask::settings::{Budget, Point};
    use crate::ask::sharing::find;
    use crate::execute::grid::{self, Event, Options, Watch};
    use crate::store::record::Timing;
    use crate::store::study_dir::Folder;
    use crate::testing::{self, changed};
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
        let job =
            |point| Job::new(RunSettings::new(point, &data).expect("valid"), Arc::clone(&data));
        points.iter().map(job).collect()
    }

    fn point(regime: &str, labels: usize) -> Point {
        Point { regime: regime.into(), labels: Budget::Count(labels), ..testing::quick_point() }
    }

    /// Every file of every run but the times.
    fn carried_out(jobs: Vec<Job>, path: &Path) -> BTreeMap<String, Vec<u8>> {
        let folder = Folder::claim(path, "").expect("claimed");
        let options =
            Options { threads: 2, keep_models: true, keep_going: false, tensorboard: false };
        let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
        grid::carry_out(jobs, &folder, options, &Silent).expect("finished");
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
        let mut points: Vec<Point> = ["al", "alda", "alpa"]
            .iter()
            .flat_map(|regime| [8, 12, 14].map(|labels| point(regime, labels)))
            .collect();
        points.push(Point { strategy: "stratified-random".into(), ..point("al", 8) });
        points.push(Point { strategy: "stratified-random".into(), ..point("al", 12) });
        points.push(changed(point("al", 8), |point| {
            point.final_model.training.epochs = 2;
            point.final_model.width = Some(3);
            point.final_model.validate_every_epoch = false;
        }));
        let [alone, shared] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let own = carried_out(jobs(&points), alone.path());
        let mut jobs = jobs(&points);
        find(&mut jobs);
        let taking: Vec<String> =
            jobs.iter().filter(|job| job.source.is_some()).map(|job| job.id.clone()).collect();
        assert_eq!(taking.len(), 8);
        let taken = carried_out(jobs, shared.path());
        assert_eq!(own.keys().collect::<Vec<_>>(), taken.keys().collect::<Vec<_>>());
        for (name, bytes) in &own {
            assert!(taken[name] == *bytes, "{name} depends on who made the queries");
        }
        let timing = |id: &String| -> Timing {
            let path = shared.path().join("runs").join(id).join(record::TIMING);
            atomic_file::read_json(&path).expect("read").expect("there")
        };
        let said = taking.iter().filter(|id| timing(id).taken_from.is_some()).count();
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
            changed(point("al", 8), |point| point.queries.query_size = 2),
            changed(point("al", 8), |point| point.queries.width = 3),
            changed(point("al", 8), |point| point.queries.epochs = 2),
            changed(point("al", 8), |point| point.final_model.training.learning_rate = 0.01),
            changed(point("al", 8), |point| point.queries.temperature_scaling = true),
            point("random", 8),
        ]);
        find(&mut jobs);
        let taking: Vec<usize> = (0..jobs.len()).filter(|&i| jobs[i].source.is_some()).collect();
        assert_eq!(taking, [1], "a smaller budget in whole queries, and nothing else");
        assert_eq!(
            (&jobs[1].group, &jobs[1].source),
            (&jobs[0].id, &Some((jobs[0].id.clone(), Part::Queries)))
        );
        assert!(
            jobs[1].cost.total()
                < Job::new(jobs[1].settings.clone(), jobs[1].data.clone()).cost.total()
        );
    }

    #[test]
    fn records_that_do_not_fit_are_not_taken_over() {
        let path = tempfile::tempdir().expect("a folder");
        let jobs = jobs(&[point("al", 12), point("al", 8)]);
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let (source, own) = (folder.run(&jobs[0].id), folder.run(&jobs[1].id));
        atomic_file::make_folder(&own).expect("made");
        let take = || take_over(Part::Queries, &jobs[1].settings, &own, &source).expect("writable");
        assert_eq!(take(), None, "not finished");
        carried_out(vec![jobs[0].clone()], path.path());
        let queries = std::fs::read_to_string(source.join(record::QUERIES)).expect("read");
        std::fs::write(
            source.join(record::QUERIES),
            queries.replacen("\"index\":", "\"index\":1", 1),
        )
        .expect("written");
        assert_eq!(take(), None, "other rows than the result names");
        assert!(!own.join(record::EPOCHS).exists(), "nothing half-written");
        std::fs::write(source.join(record::QUERIES), queries).expect("written");
        let taken = take().expect("whole");
        assert_eq!(taken.beside.taken_from.as_deref(), Some(jobs[0].id.as_str()));
    }

    #[test]
    fn runs_that_differ_in_their_test_images_train_once() {
        let data = Arc::new(testing::dataset(60));
        let changed = |shift: &str| {
            let shift: crate::ask::shift::Shift = serde_json::from_str(shift).expect("a shift");
            Arc::new(
                shift
                    .apply(data.as_ref().clone(), |_| unreachable!("no other data"))
                    .expect("shifted"),
            )
        };
        let noise = changed("{\"corruption\": \"gaussian_noise\", \"severity\": 3}");
        let prior = changed("{\"prior\": 0.0}");
        let pool =
            changed("{\"corruption\": \"gaussian_noise\", \"severity\": 3, \"on\": \"pool\"}");
        let jobs = || -> Vec<Job> {
            let points = [point("full", 12), point("al", 12), point("al", 8)];
            let all = [&data, &noise, &prior, &pool]
                .into_iter()
                .flat_map(|data| points.iter().map(move |p| (p, data)));
            all.map(|(p, data)| {
                Job::new(RunSettings::new(p, data).expect("valid"), Arc::clone(data))
            })
            .collect()
        };
        let [alone, shared] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let own = carried_out(jobs(), alone.path());
        let mut jobs = jobs();
        find(&mut jobs);
        let count = |part: Part| {
            jobs.iter().filter(|job| job.source.as_ref().is_some_and(|s| s.1 == part)).count()
        };
        assert_eq!((count(Part::Model), count(Part::Queries)), (6, 2));
        let groups: std::collections::BTreeSet<_> = jobs.iter().map(|job| &job.group).collect();
        assert_eq!(groups.len(), 4);
        let taken = carried_out(jobs, shared.path());
        assert!(taken.keys().all(|name| !name.ends_with(record::CHECKPOINT)), "{:?}", taken.keys());
        assert_eq!(own.keys().collect::<Vec<_>>(), taken.keys().collect::<Vec<_>>());
        for (name, bytes) in &own {
            assert!(taken[name] == *bytes, "{name} depends on who trained the model");
        }
    }
}
