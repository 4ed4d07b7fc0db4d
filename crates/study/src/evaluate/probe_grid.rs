//! What a few labels are worth on a pretrained encoder: strategies by budgets, over encoders and
//! draws.

use crate::error::StudyError;
use crate::evaluate::metrics::Metrics;
use crate::evaluate::stats::{Interval, Summary};
use fewlabel_learn::Context;
use fewlabel_learn::data::{Dataset, Images, Labelled, Split};
use fewlabel_learn::pretrain::{Encoder, views};
use fewlabel_learn::probe::self_training::SelfTraining;
use fewlabel_learn::probe::{Encoded, FeaturePool, Probe};
use fewlabel_learn::run::active_loop::choose_on_features;
use fewlabel_learn::run::oracle::Simulated;
use fewlabel_learn::run::resources::Resources;
use serde::Serialize;
use std::time::Instant;

/// What several encoders do together, on labels chosen by the features of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Together {
    /// One of them serves: the one whose classifier answers labels left out best.
    Choose,
    /// Their classifiers' probabilities are averaged.
    Average,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Names of strategies.
    pub strategies: Vec<String>,
    /// Labels to spend.
    pub budgets: Vec<usize>,
    /// Seeds of the draws: one choice of labels each.
    pub draws: Vec<u64>,
    /// Whether the classifier also listens to itself on the rest of the pool.
    pub semi: Option<SelfTraining>,
    /// Views whose features are averaged.
    pub views: usize,
    /// What the encoders do together; without it each stands for itself.
    pub together: Option<Together>,
    /// Whether the test split is judged, else the validation split.
    pub test: bool,
}

/// One strategy at one budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The strategy.
    pub strategy: String,
    /// Labels spent.
    pub labels: usize,
    /// Whether the classifier listened to itself.
    pub semi: bool,
    /// Accuracy of every encoder (outer) and draw (inner); of every draw where the encoders work
    /// together.
    pub accuracies: Vec<f64>,
    /// Mean of the accuracies.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: Option<f64>,
    /// How many accuracies there are.
    pub n: usize,
    /// Student's 95 % interval of the mean over these; none of one, or where all are equal.
    pub interval: Option<(f64, f64)>,
    /// Mean balanced accuracy.
    pub balanced_accuracy: f64,
    /// Median seconds of choosing, classifiers on the way included, and of the last classifier.
    pub seconds: (f64, f64),
}

/// One encoder's features of the pool and of the images that are judged.
struct Seen {
    encoded: Encoded,
    judged: Vec<f32>,
}

/// Measures the grid on all encoders; `heard` is told of every cell.
///
/// # Errors
/// If images do not fit an encoder, a strategy is unknown or needs more than features and a
/// classifier, or a budget does not fit the pool.
pub fn measure(
    encoders: &[Encoder],
    data: &Dataset,
    grid: &Grid,
    context: Context<'_>,
    heard: &mut dyn FnMut(&Cell),
) -> Result<Vec<Cell>, StudyError> {
    if let Some(semi) = &grid.semi {
        semi.check()?;
    }
    let policy = views::for_pool(&data.pool());
    let judged = if grid.test { &data.test } else { &data.val };
    let see = |encoder: &Encoder| -> Result<Seen, StudyError> {
        let features =
            |images: &Images| encoder.features(images, grid.views, &policy, 0, context.threads);
        let pool =
            FeaturePool::new(features(&data.train.images)?, encoder.feature_len(), data.classes());
        let encoded = Encoded { encoder: encoder.clone(), pool, judged: None };
        Ok(Seen { encoded, judged: features(&judged.images)? })
    };
    let seen = encoders.iter().map(see).collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::new();
    for strategy in &grid.strategies {
        for &budget in &grid.budgets {
            for cell in measure_cell(&seen, (strategy, budget), (data, judged), grid, context)? {
                heard(&cell);
                cells.push(cell);
            }
        }
    }
    Ok(cells)
}

/// One draw of labels on one encoder.
#[derive(Clone)]
struct Found {
    accuracy: f64,
    balanced: f64,
    seconds: (f64, f64),
}

/// The classifier on its own, and where asked for the one that listens to itself, on the same
/// labels.
fn measure_cell(
    seen: &[Seen],
    (strategy, budget): (&str, usize),
    (data, judged): (&Dataset, &Split),
    grid: &Grid,
    context: Context<'_>,
) -> Result<Vec<Cell>, StudyError> {
    let ways: Vec<Option<SelfTraining>> = [None].into_iter().chain(grid.semi.map(Some)).collect();
    let mut found: Vec<Vec<Found>> = vec![Vec::new(); ways.len()];
    let groups = seen.chunks(if grid.together.is_some() { seen.len().max(1) } else { 1 });
    for group in groups {
        let (pool, encoders) = (data.pool(), vec![&group[0].encoded]);
        let resources = Resources { pool, benchmark: Some(data.benchmark()), encoders, context };
        for &draw in &grid.draws {
            let start = Instant::now();
            let mut oracle = Simulated::new(&data.train.labels);
            let answers = choose_on_features(strategy, budget, draw, &resources, &mut oracle)?;
            let labelled = answers.labelled();
            let chosen = start.elapsed().as_secs_f64();
            for (way, found) in ways.iter().zip(&mut found) {
                let start = Instant::now();
                let serving = match grid.together {
                    Some(Together::Choose) => best(group, labelled),
                    Some(Together::Average) | None => group,
                };
                let probes: Vec<Probe> =
                    serving.iter().map(|seen| seen.encoded.pool.fit(labelled, *way)).collect();
                let fitted = start.elapsed().as_secs_f64();
                let mut probs = vec![0.0; judged.len() * data.classes()];
                for (Seen { encoded, judged }, probe) in serving.iter().zip(&probes) {
                    let of_one = encoded.pool.probs_nc(probe, judged.clone());
                    probs
                        .iter_mut()
                        .zip(of_one)
                        .for_each(|(sum, p)| *sum += p / serving.len() as f32);
                }
                let metrics = Metrics::of(&probs, &judged.labels);
                found.push(Found {
                    accuracy: metrics.accuracy,
                    balanced: metrics.balanced_accuracy,
                    seconds: (chosen, fitted),
                });
            }
        }
    }
    let cell = |(way, found): (&Option<SelfTraining>, &Vec<Found>)| {
        let accuracies: Vec<f64> = found.iter().map(|f| f.accuracy).collect();
        let summary = Summary::of(&accuracies)?;
        Some(Cell {
            strategy: strategy.to_owned(),
            labels: budget,
            semi: way.is_some(),
            mean: summary.mean,
            sd: summary.sd,
            n: summary.n,
            interval: summary.t_interval().map(|Interval { low, high }| (low, high)),
            balanced_accuracy: found.iter().map(|f| f.balanced).sum::<f64>() / found.len() as f64,
            seconds: (
                median(found.iter().map(|f| f.seconds.0)),
                median(found.iter().map(|f| f.seconds.1)),
            ),
            accuracies,
        })
    };
    Ok(ways.iter().zip(&found).filter_map(cell).collect())
}

/// The one that answers labels left out best.
fn best<'a>(seen: &'a [Seen], labelled: &Labelled) -> &'a [Seen] {
    let losses: Vec<f64> =
        seen.iter().map(|one| one.encoded.pool.loss_left_out(labelled)).collect();
    let best = (0..losses.len()).fold(0, |best, i| if losses[i] < losses[best] { i } else { best });
    &seen[best..=best]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
