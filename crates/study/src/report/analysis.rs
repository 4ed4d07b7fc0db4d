//! The numbers of a report: everything that the page shows, as plain data. `report --format json`
//! prints it.

use rayon::prelude::*;
use serde::Serialize;

use super::cell::{Cell, METRICS, Metric, key};
use super::load::{Data, Loaded, Run, Trouble};
use crate::ask::settings::RunSettings;
use crate::evaluate::chance::{AT_CHANCE, are_at_chance};
use crate::evaluate::claims::{self, Claim, ClassCounts, Evidence, Scores, Verdict};
use crate::evaluate::metrics::recalls;
use crate::evaluate::stats::{
    Paired, Summary, area_under_budget_curve, holm, labels_needed, seeds_for_power,
};
use fewlabel_learn::augment::Policy;
use std::collections::BTreeMap;

/// Up to so many cells of a data set every pair is compared; above, each with the baseline.
const ALL_PAIRS: usize = 16;
/// The regime that others are compared with.
const BASELINE: &str = "random";

/// All numbers of a report.
#[derive(Debug, Serialize)]
pub(crate) struct Analysis {
    pub(crate) runs: usize,
    /// Data sets on which every model is at chance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) at_chance: Vec<AtChance>,
    pub(crate) cells: Vec<CellNumbers>,
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) savings: Vec<Saving>,
    pub(crate) claims: Vec<DataClaims>,
    pub(crate) troubles: Vec<Trouble>,
}

/// A cell's numbers; in per cent, NLL in nats.
#[derive(Debug, Serialize)]
pub(crate) struct CellNumbers {
    pub(crate) name: String,
    pub(crate) data: String,
    /// SHA-256 of the data.
    pub(crate) checksum: String,
    pub(crate) regime: String,
    pub(crate) labels: usize,
    pub(crate) seeds: Vec<u64>,
    /// `None` where a figure is not defined, as AUC where the test split has one class.
    pub(crate) metrics: BTreeMap<&'static str, Option<Summary>>,
    /// Classes that AUC is a mean over, where it is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auc_classes: Option<usize>,
    /// Best validation minus test accuracy in points.
    pub(crate) drop: Summary,
    /// Mean recall of each class over the seeds in per cent.
    pub(crate) recall: Vec<Option<f64>>,
    /// Its standard deviation over the seeds.
    pub(crate) recall_deviation: Vec<Option<f64>>,
    /// The cell that this one is measured against: `random` with the same labels, else with the
    /// nearest number; where the study has no `random`, the cell that differs only in having the
    /// paper's policy.
    pub(crate) baseline: Option<usize>,
    /// Share of the errors on classes with sides that swap left and right; `None` without sides or
    /// errors.
    pub(crate) side_swaps: Option<f64>,
    /// Test images of all seeds together, `confusion[label][predicted]`.
    pub(crate) confusion: Vec<Vec<u64>>,
}

/// Two cells, paired by seed, on one metric.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) metric: Metric,
    pub(crate) first: usize,
    pub(crate) second: usize,
    #[serde(flatten)]
    pub(crate) paired: Paired,
    /// The t-test's p after Holm over the comparisons of this data set and metric.
    pub(crate) holm_p: Option<f64>,
    /// Seeds that would find a difference of one unit with 80 % probability.
    pub(crate) seeds_needed: Option<usize>,
}

/// Test accuracy against labels.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    pub(crate) name: String,
    /// Labels, mean test accuracy in per cent, deviation.
    pub(crate) points: Vec<(f64, f64, Option<f64>)>,
    /// Area under the curve of the means, in per cent.
    pub(crate) area: Option<f64>,
    /// Area over the seeds that have every budget.
    pub(crate) areas: Option<Summary>,
}

/// How many labels random sampling needs for a cell's accuracy.
#[derive(Debug, Serialize)]
pub(crate) struct Saving {
    pub(crate) cell: usize,
    pub(crate) labels: usize,
    /// `None` where random sampling does not reach it at the budgets run.
    pub(crate) random_labels: Option<f64>,
    /// Mean test accuracy of random sampling with as many labels, in per cent; `None` where it was
    /// not run with them.
    pub(crate) random_accuracy: Option<f64>,
    /// Labels at which the cell's own curve reaches that accuracy; `None` where it does not.
    pub(crate) own_labels: Option<f64>,
}

/// The claims judged on one data set.
#[derive(Debug, Serialize)]
pub(crate) struct DataClaims {
    pub(crate) data: String,
    pub(crate) synthetic: bool,
    pub(crate) claims: Vec<Claim>,
}

/// A data set on which every model is at chance.
#[derive(Debug, Serialize)]
pub(crate) struct AtChance {
    pub(crate) data: String,
    pub(crate) checksum: String,
}

impl AtChance {
    fn of(data: &Data) -> Self {
        Self { data: data.name.clone(), checksum: data.checksum.clone() }
    }
}

impl Analysis {
    /// Whether every model on the data with this checksum is at chance.
    pub(crate) fn is_at_chance(&self, checksum: &str) -> bool {
        self.at_chance.iter().any(|data| data.checksum == checksum)
    }

    /// What is said of data sets on which every model is at chance: one sentence for each, or one
    /// for all.
    pub(crate) fn chance_sentences(&self) -> Vec<String> {
        if !self.at_chance.is_empty() && self.at_chance.len() == self.claims.len() {
            return vec![AT_CHANCE.to_owned()];
        }
        self.at_chance.iter().map(|data| format!("on {} {AT_CHANCE}", data.data)).collect()
    }

    /// What differences are taken from, as a title names it.
    pub(crate) fn reference(&self) -> &'static str {
        if self.has_random() { BASELINE } else { "the paper\u{2019}s augmentation" }
    }

    pub(crate) fn has_random(&self) -> bool {
        has_random(self.cells.iter().map(|cell| &*cell.regime))
    }
}

impl CellNumbers {
    pub(crate) fn metric(&self, metric: Metric) -> Option<Summary> {
        self.metrics[metric.key()]
    }
}

impl DataClaims {
    /// How many claims have that verdict.
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.claims.iter().filter(|claim| claim.verdict == verdict).count()
    }

    /// The undecided in words, with those that have too few seeds and those that nothing was run
    /// for.
    pub(crate) fn undecided(&self) -> String {
        let not_run = self.claims.iter().filter(|claim| claim.is_not_run()).count();
        let few = self.claims.iter().filter(|claim| claim.too_few_seeds.is_some()).count();
        let kinds = [(few, "for too few seeds"), (not_run, "not run")]
            .into_iter()
            .filter(|(count, _)| *count > 0);
        let of_them: String =
            kinds.map(|(count, why)| format!(", {count} of them {why}")).collect();
        format!("{} undecided{of_them}", self.count(Verdict::Undecided))
    }
}

/// Computes everything.
pub(crate) fn analyse(loaded: &Loaded, cells: &[Cell<'_>]) -> Analysis {
    let curves = curves(cells);
    let baselines = baselines(cells);
    let numbers = |(cell, &baseline)| numbers(cell, baseline, &loaded.subjects);
    let at_chance = loaded.subjects.iter().filter(|data| is_at_chance(loaded, data));
    Analysis {
        runs: loaded.runs.len(),
        at_chance: at_chance.map(AtChance::of).collect(),
        cells: cells.iter().zip(&baselines).map(numbers).collect(),
        comparisons: loaded
            .subjects
            .iter()
            .flat_map(|data| comparisons(cells, &baselines, data))
            .collect(),
        savings: savings(cells, &curves),
        curves: curves.into_iter().map(|(_, curve)| curve).collect(),
        claims: loaded
            .subjects
            .iter()
            .map(|data| data_claims(cells, data, is_at_chance(loaded, data)))
            .collect(),
        troubles: loaded.troubles.clone(),
    }
}

/// Whether no run on `data` has learned anything.
fn is_at_chance(loaded: &Loaded, data: &Data) -> bool {
    let runs = loaded.runs.iter().filter(|run| run.settings.data.checksum == data.checksum);
    are_at_chance(runs.map(|run| run.result.judged()))
}

fn numbers(cell: &Cell<'_>, baseline: Option<usize>, subjects: &[Data]) -> CellNumbers {
    let metrics = METRICS.map(|metric| (metric.key(), Summary::of(&cell.values(metric))));
    let drop = |run: &&Run| Some(Metric::ValAccuracyBest.of(run)? - Metric::TestAccuracy.of(run)?);
    let drops: Vec<f64> = cell.runs.values().filter_map(drop).collect();
    let confusion = confusion(cell);
    let sides = subjects
        .iter()
        .find(|data| data.checksum == cell.checksum())
        .and_then(|data| data.pictures.as_ref())
        .map_or(&[][..], |pictures| &pictures.sides);
    CellNumbers {
        name: cell.name.clone(),
        data: cell.first().settings.data.name.clone(),
        checksum: cell.checksum().to_owned(),
        regime: cell.regime().to_owned(),
        labels: cell.labels(),
        seeds: cell.runs.keys().copied().collect(),
        metrics: metrics.into(),
        auc_classes: cell.first().result.test.auc_classes,
        drop: Summary::of(&drops).expect("a cell has runs"),
        recall: recall(cell, |summary| Some(summary.mean)),
        recall_deviation: recall(cell, |summary| summary.sd),
        baseline,
        side_swaps: side_swaps(&confusion, sides),
        confusion,
    }
}

fn confusion(cell: &Cell<'_>) -> Vec<Vec<u64>> {
    let classes = cell.first().result.test.confusion.len();
    let mut sum = vec![vec![0; classes]; classes];
    for run in cell.runs.values() {
        for (row, counts) in sum.iter_mut().zip(&run.result.test.confusion) {
            row.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(*count));
        }
    }
    sum
}

/// A figure of each class's recall over the seeds, in per cent.
fn recall(cell: &Cell<'_>, figure: impl Fn(Summary) -> Option<f64>) -> Vec<Option<f64>> {
    let of_runs: Vec<Vec<Option<f64>>> =
        cell.runs.values().map(|run| recalls(&run.result.test.confusion)).collect();
    let classes = of_runs.iter().map(Vec::len).max().unwrap_or(0);
    let of_class = |class: usize| {
        let values: Vec<f64> = of_runs.iter().filter_map(|recalls| *recalls.get(class)?).collect();
        Summary::of(&values).and_then(&figure).map(|share| 100.0 * share)
    };
    (0..classes).map(of_class).collect()
}

/// What every cell is measured against.
fn baselines(cells: &[Cell<'_>]) -> Vec<Option<usize>> {
    if has_random(cells.iter().map(Cell::regime)) {
        return (0..cells.len()).map(|index| random(index, cells)).collect();
    }
    let settings = || cells.iter().map(|cell| cell.first().settings.clone());
    let places: BTreeMap<String, usize> =
        settings().map(|settings| key(&settings, false)).zip(0..).collect();
    let twin = |(index, mut settings): (usize, RunSettings)| {
        settings.plan.policy = Policy::paper();
        places.get(&key(&settings, false)).copied().filter(|&twin| twin != index)
    };
    settings().enumerate().map(twin).collect()
}

fn has_random<'a>(mut regimes: impl Iterator<Item = &'a str>) -> bool {
    regimes.any(|regime| regime == BASELINE)
}

/// The cell of `random` on the same data with the same labels, else with the nearest number.
fn random(index: usize, cells: &[Cell<'_>]) -> Option<usize> {
    let cell = &cells[index];
    let fits = |&other: &usize| {
        other != index
            && cells[other].checksum() == cell.checksum()
            && is_baseline(&cells[other], cells)
    };
    (0..cells.len()).filter(fits).min_by_key(|&other| cells[other].labels().abs_diff(cell.labels()))
}

fn side_swaps(confusion: &[Vec<u64>], sides: &[(u16, u16)]) -> Option<f64> {
    let (mut swaps, mut errors) = (0, 0);
    for &(left, right) in sides {
        for (class, twin) in [(left, right), (right, left)] {
            let (class, twin) = (usize::from(class), usize::from(twin));
            let row = confusion.get(class)?;
            errors += row.iter().sum::<u64>() - row.get(class)?;
            swaps += row.get(twin)?;
        }
    }
    (errors > 0).then(|| 100.0 * swaps as f64 / errors as f64)
}

/// All pairs of a data set's cells, the later minus the earlier; or every cell minus the baseline
/// of its budget where pairs are too many.
fn comparisons(cells: &[Cell<'_>], baselines: &[Option<usize>], data: &Data) -> Vec<Comparison> {
    let of_data: Vec<usize> =
        (0..cells.len()).filter(|&i| cells[i].checksum() == data.checksum).collect();
    let is_few = of_data.len() <= ALL_PAIRS;
    let with_baseline =
        |&i: &usize| Some((i, baselines[i].filter(|_| !is_baseline(&cells[i], cells))?));
    let all_pairs = || {
        of_data
            .iter()
            .flat_map(|&second| {
                of_data
                    .iter()
                    .filter(move |&&first| first > second)
                    .map(move |&first| (first, second))
            })
            .collect()
    };
    let pairs: Vec<(usize, usize)> =
        if is_few { all_pairs() } else { of_data.iter().filter_map(with_baseline).collect() };
    let metrics: &[Metric] =
        if is_few { &METRICS } else { &[Metric::ValAccuracyBest, Metric::TestAccuracy] };
    metrics.iter().flat_map(|&metric| family(cells, &pairs, metric)).collect()
}

/// Whether a cell is one of the baseline's: of those that differ in dropout, the ones with the
/// least.
fn is_baseline(cell: &Cell<'_>, cells: &[Cell<'_>]) -> bool {
    let dropout = |cell: &Cell<'_>| cell.first().settings.plan.network.dropout;
    let mut others = cells
        .iter()
        .filter(|other| other.regime() == BASELINE && other.checksum() == cell.checksum());
    cell.regime() == BASELINE && others.all(|other| dropout(other) >= dropout(cell))
}

/// One family of tests: Holm's correction runs over it.
fn family(cells: &[Cell<'_>], pairs: &[(usize, usize)], metric: Metric) -> Vec<Comparison> {
    let mut family: Vec<Comparison> = pairs
        .par_iter()
        .filter_map(|&(first, second)| {
            let paired = cells[first].minus(&cells[second], metric)?;
            let unit = if metric == Metric::TestNll { 0.1 } else { 1.0 };
            let sd = paired.sd.filter(|_| !paired.lacks_spread());
            let seeds_needed = sd.map(|sd| seeds_for_power(sd, unit));
            Some(Comparison { metric, first, second, paired, holm_p: None, seeds_needed })
        })
        .collect();
    let p: Vec<f64> =
        family.iter().map(|comparison| comparison.paired.t_p.unwrap_or(f64::NAN)).collect();
    for (comparison, adjusted) in family.iter_mut().zip(holm(&p)) {
        comparison.holm_p = (!adjusted.is_nan()).then_some(adjusted);
    }
    family
}

/// Budget curves by number: cells that differ in nothing but their budget.
fn curves(cells: &[Cell<'_>]) -> Vec<(usize, Curve)> {
    let mut members: BTreeMap<usize, Vec<&Cell<'_>>> = BTreeMap::new();
    for cell in cells {
        members.entry(cell.curve).or_default().push(cell);
    }
    let curve = |(number, mut cells): (usize, Vec<&Cell<'_>>)| {
        cells.sort_by_key(|cell| cell.labels());
        let points: Vec<(f64, f64, Option<f64>)> = cells
            .iter()
            .filter_map(|cell| {
                Summary::of(&cell.values(Metric::TestAccuracy))
                    .map(|s| (cell.labels() as f64, s.mean, s.sd))
            })
            .collect();
        let means: Vec<(f64, f64)> =
            points.iter().map(|(labels, mean, _)| (*labels, *mean)).collect();
        let of_seed = |seed: &u64| {
            let run = |cell: &&Cell<'_>| {
                Some((cell.labels() as f64, Metric::TestAccuracy.of(cell.runs.get(seed)?)?))
            };
            area_under_budget_curve(&cells.iter().map(run).collect::<Option<Vec<_>>>()?)
        };
        let areas: Vec<f64> = cells[0].runs.keys().filter_map(of_seed).collect();
        let suffix = format!(" {}", cells[0].labels());
        let name = cells[0].name.strip_suffix(&suffix).unwrap_or(&cells[0].name).to_owned();
        (
            number,
            Curve {
                name,
                area: area_under_budget_curve(&means),
                areas: Summary::of(&areas),
                points,
            },
        )
    };
    members.into_iter().map(curve).collect()
}

/// Labels that `random` would need, read off its budget curve on the same data, and those that a
/// cell's own curve needs for `random`'s accuracy.
fn savings(cells: &[Cell<'_>], curves: &[(usize, Curve)]) -> Vec<Saving> {
    let means = |number: usize| -> Vec<(f64, f64)> {
        let curve = curves.iter().find(|(other, _)| *other == number);
        curve.map_or_else(Vec::new, |(_, curve)| {
            curve.points.iter().map(|(x, mean, _)| (*x, *mean)).collect()
        })
    };
    let saving = |(index, cell): (usize, &Cell<'_>)| {
        let twin = random(index, cells)?;
        let random = means(cells[twin].curve);
        if random.len() < 2 {
            return None;
        }
        let accuracy = Summary::of(&cell.values(Metric::TestAccuracy))?.mean;
        let at_same = Summary::of(&cells[twin].values(Metric::TestAccuracy))?.mean;
        let random_accuracy = (cells[twin].labels() == cell.labels()).then_some(at_same);
        Some(Saving {
            cell: index,
            labels: cell.labels(),
            random_labels: labels_needed(&random, accuracy),
            random_accuracy,
            own_labels: random_accuracy
                .and_then(|accuracy| labels_needed(&means(cell.curve), accuracy)),
        })
    };
    let others =
        cells.iter().enumerate().filter(|(_, cell)| !matches!(cell.regime(), "full" | "random"));
    others.filter_map(saving).collect()
}

fn scores(run: &Run) -> Scores {
    let (val_best, result) = (run.result.val_accuracy_best, &run.result);
    Scores { val_best, val_last: result.validation.accuracy, test: result.test.accuracy }
}

/// Judges the claims by the paper's own cells of this data set; where there are several budgets, by
/// the one nearest to 1 % of the labels.
fn data_claims(cells: &[Cell<'_>], data: &Data, at_chance: bool) -> DataClaims {
    let of_data = || cells.iter().filter(|cell| cell.checksum() == data.checksum);
    let one_per_cent = data
        .pictures
        .as_ref()
        .map_or(139.0, |p| p.class_counts[0].iter().sum::<usize>() as f64 / 100.0);
    let distance = |cell: &Cell<'_>| (cell.labels() as f64 - one_per_cent).abs();
    let mut evidence = Evidence { at_chance, ..Evidence::default() };
    for regime in crate::ask::regimes::NAMES {
        let own = of_data().filter(|cell| cell.regime() == regime && cell.is_the_paper_s());
        let Some(cell) = own.min_by(|a, b| distance(a).total_cmp(&distance(b))) else { continue };
        evidence.regimes.insert(
            regime.to_owned(),
            cell.runs.iter().map(|(seed, run)| (*seed, scores(run))).collect(),
        );
        if regime == "alda" {
            let queries = cell
                .runs
                .iter()
                .filter_map(|(seed, run)| Some((*seed, run.queries.augmented.clone()?)));
            evidence.alda_queries = queries.collect();
        }
    }
    let wide = of_data().find(|cell| cell.regime() == "full" && cell.width() == 32);
    evidence.full_wide = wide.map_or_else(BTreeMap::new, |cell| {
        cell.runs.iter().map(|(s, run)| (*s, scores(run))).collect()
    });
    evidence.classes = data.pictures.as_ref().map(|pictures| ClassCounts {
        names: pictures.class_names.clone(),
        train: pictures.class_counts[0].iter().map(|&count| count as u64).collect(),
        test: pictures.class_counts[2].iter().map(|&count| count as u64).collect(),
    });
    DataClaims {
        data: data.name.clone(),
        synthetic: data.synthetic,
        claims: claims::judge(&evidence),
    }
}
