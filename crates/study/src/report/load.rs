//! What a report is drawn from: the records of a study, read once and kept small.

use rayon::prelude::*;

use super::images::Pictures;
use crate::ask::settings::RunSettings;
use crate::ask::varying::Varying;
use crate::error::StudyError;
use crate::evaluate::claims::AugmentedQueries;
use crate::store::record::{self, RunResult};
use crate::store::study_dir::{Folder, Kept};
use fewlabel_learn::run::events::{Phase, Pick, QueryEvent};
use std::collections::{BTreeMap, BTreeSet};

/// Up to so many runs every pick is kept; above, the picks of one seed a cell.
const ALL_PICKS: usize = 50;

/// A study as read.
pub(crate) struct Loaded {
    /// Finished runs in the order of the tables.
    pub(crate) runs: Vec<Run>,
    /// Runs that are not finished, have failed or cannot be read.
    pub(crate) troubles: Vec<Trouble>,
    /// The data sets that the runs name, by checksum, with what the folder holds of them.
    pub(crate) subjects: Vec<Data>,
    /// What finished runs were computed on, where they say so.
    pub(crate) machines: BTreeSet<String>,
}

/// A finished run.
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) settings: RunSettings,
    pub(crate) result: RunResult,
    pub(crate) epochs: Vec<FinalEpoch>,
    pub(crate) queries: Queries,
}

/// A data set that runs name.
pub(crate) struct Data {
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) synthetic: bool,
    /// What the folder keeps of it.
    pub(crate) pictures: Option<Pictures>,
}

impl Data {
    /// The class's name, or its number where names are not kept.
    pub(crate) fn class(&self, class: usize) -> String {
        let name = self.pictures.as_ref().and_then(|pictures| pictures.class_names.get(class));
        name.cloned().unwrap_or_else(|| format!("class {class}"))
    }

    /// First and last place, in `order`, of the classes that differ only in the side of the body.
    pub(crate) fn frames(&self, order: &[usize]) -> Vec<(usize, usize)> {
        let sides = self.pictures.as_ref().map_or(&[][..], |pictures| &pictures.sides);
        let place = |class: u16| order.iter().position(|&other| other == usize::from(class));
        let frame = |&(left, right): &(u16, u16)| {
            let (left, right) = (place(left)?, place(right)?);
            (left.abs_diff(right) == 1).then(|| (left.min(right), left.max(right)))
        };
        sides.iter().filter_map(frame).collect()
    }

    /// Classes in an order that puts left and right organs side by side.
    pub(crate) fn order(&self, classes: usize) -> Vec<usize> {
        let sides = self.pictures.as_ref().map_or(&[][..], |pictures| &pictures.sides);
        let mut order = Vec::with_capacity(classes);
        for class in 0..classes {
            let pair = sides.iter().map(|&(left, right)| (usize::from(left), usize::from(right)));
            let mut twins = pair.filter(|pair| pair.0 == class || pair.1 == class);
            let twin = twins.next().map(|(left, right)| if left == class { right } else { left });
            for class in [Some(class), twin].into_iter().flatten() {
                if class < classes && !order.contains(&class) {
                    order.push(class);
                }
            }
        }
        order
    }
}

/// One epoch of the final model.
#[derive(Clone, Copy)]
pub(crate) struct FinalEpoch {
    pub(crate) epoch: u32,
    pub(crate) train_loss: Option<f64>,
    pub(crate) val_accuracy: Option<f64>,
}

/// What a run queried.
#[derive(Default)]
pub(crate) struct Queries {
    /// Class of every pick, in order.
    pub(crate) classes: Vec<u16>,
    /// The picks of each query, where they are kept.
    pub(crate) picks: Vec<Vec<Pick>>,
    /// Picked and expected kinds of augmentation, where the pool was augmented.
    pub(crate) augmented: Option<AugmentedQueries>,
}

/// A run that is not in the figures.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Trouble {
    /// `damaged`, `failed` or `unfinished`.
    pub(crate) kind: &'static str,
    /// Which run or file, and why.
    pub(crate) what: String,
}

impl Run {
    pub(crate) fn seed(&self) -> u64 {
        self.settings.plan.seed
    }
}

/// Reads the study in `folder`; damaged runs become [`Trouble`]s.
pub(crate) fn load(folder: &Folder) -> Result<Loaded, StudyError> {
    let contents = folder.contents()?;
    let mut troubles: Vec<Trouble> = contents
        .damaged
        .iter()
        .map(|what| Trouble { kind: "damaged", what: shorten(folder, what) })
        .collect();
    let has_all_picks = contents.runs.len() <= ALL_PICKS;
    let timings = contents
        .runs
        .iter()
        .filter(|run| run.result.is_some())
        .filter_map(|run| run.timing.as_ref());
    let machines = timings.filter_map(|timing| timing.machine.clone()).collect();
    let chosen = chosen_seeds(&contents.runs);
    let varying = &contents.varying;
    let read: Vec<Result<Run, Trouble>> = contents
        .runs
        .into_par_iter()
        .map(|kept| {
            let keeps = has_all_picks || chosen.contains(&kept.id);
            read_run(folder, kept, keeps, varying)
        })
        .collect();
    let mut runs = Vec::with_capacity(read.len());
    for run in read {
        match run {
            Ok(run) => runs.push(run),
            Err(trouble) => troubles.push(trouble),
        }
    }
    let subjects = read_subjects(folder, &runs, &mut troubles)?;
    Ok(Loaded { runs, troubles, subjects, machines })
}

/// The ids of the runs with the lowest seed of each cell that is finished.
fn chosen_seeds(runs: &[Kept]) -> BTreeSet<String> {
    let mut lowest: BTreeMap<String, &Kept> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.result.is_some()) {
        let cell = lowest.entry(super::cell::key(&run.settings, false)).or_insert(run);
        if run.settings.plan.seed < cell.settings.plan.seed {
            *cell = run;
        }
    }
    lowest.into_values().map(|run| run.id.clone()).collect()
}

/// The data sets in the order in which the runs name them.
fn read_subjects(
    folder: &Folder,
    runs: &[Run],
    troubles: &mut Vec<Trouble>,
) -> Result<Vec<Data>, StudyError> {
    let (mut kept, damaged) = Pictures::read_all(folder)?;
    troubles.extend(
        damaged.iter().map(|what| Trouble { kind: "damaged", what: shorten(folder, what) }),
    );
    let mut subjects: Vec<Data> = Vec::new();
    for run in runs {
        let data = &run.settings.data;
        if subjects.iter().any(|subject| subject.checksum == data.checksum) {
            continue;
        }
        let place = kept.iter().position(|pictures| pictures.checksum == data.checksum);
        let pictures = place.map(|place| kept.swap_remove(place));
        let (name, checksum) = (data.name.clone(), data.checksum.clone());
        subjects.push(Data { name, checksum, synthetic: data.synthetic, pictures });
    }
    Ok(subjects)
}

fn read_run(
    folder: &Folder,
    kept: Kept,
    keeps_picks: bool,
    varying: &Varying,
) -> Result<Run, Trouble> {
    let name = format!("{} ({})", varying.label(&kept.settings), kept.id);
    let Some(result) = kept.result else {
        return Err(match kept.failure {
            Some(reason) => Trouble { kind: "failed", what: format!("{name}: {reason}") },
            None => Trouble { kind: "unfinished", what: name },
        });
    };
    let path = folder.run(&kept.id);
    let damaged =
        |error: StudyError| Trouble { kind: "damaged", what: shorten(folder, &error.to_string()) };
    let epochs = record::read_epochs(&path).map_err(damaged)?;
    let epochs =
        epochs.into_iter().filter(|epoch| epoch.phase == Phase::Final).map(|epoch| FinalEpoch {
            epoch: epoch.epoch,
            train_loss: epoch.train_loss.map(f64::from),
            val_accuracy: epoch.val_accuracy,
        });
    let queries = record::read_queries(&path).map_err(damaged)?;
    let queries = Queries::of(queries, keeps_picks);
    Ok(Run { id: kept.id, settings: kept.settings, result, epochs: epochs.collect(), queries })
}

/// Leaves the study's own path out of a message: the page may travel.
fn shorten(folder: &Folder, message: &str) -> String {
    message.replace(&format!("{}/", folder.path().display()), "")
}

impl Queries {
    fn of(events: Vec<QueryEvent>, keep_picks: bool) -> Self {
        let classes = events
            .iter()
            .flat_map(|event| event.picks.iter().filter_map(|pick| pick.label))
            .collect();
        let augmented =
            events.iter().any(|event| !event.pool.is_empty()).then(|| augmented(&events));
        let picks = if keep_picks {
            events.into_iter().map(|event| event.picks).collect()
        } else {
            Vec::new()
        };
        Self { classes, picks, augmented }
    }
}

/// Sums over the queries what the claim about `alda` needs.
fn augmented(events: &[QueryEvent]) -> AugmentedQueries {
    let mut sums = AugmentedQueries::default();
    for event in events {
        let pool: f64 = event.pool.iter().map(|kind| kind.images as f64).sum();
        for kind in &event.pool {
            let (name, images) = (kind.kind.name(), kind.images as f64);
            *sums.expected.entry(name.to_owned()).or_default() +=
                event.picks.len() as f64 * images / pool.max(1.0);
            if let Some(entropy) = kind.mean_entropy {
                *sums.entropy.entry(name.to_owned()).or_default() += images * entropy;
                *sums.images.entry(name.to_owned()).or_default() += images;
            }
        }
        for applied in event.picks.iter().filter_map(|pick| pick.augmentation.as_ref()) {
            *sums.picked.entry(applied.kind.name().to_owned()).or_default() += 1.0;
        }
    }
    sums
}
