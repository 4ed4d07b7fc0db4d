//! Runs that differ in nothing but their seed: a cell of the study's grid.

use std::collections::{BTreeMap, BTreeSet};

use super::load::Run;
use crate::ask::regimes;
use crate::ask::settings::RunSettings;
use crate::ask::varying::{Sizes, Varying};
use crate::evaluate::metrics::Metrics;
use crate::evaluate::stats::Paired;
use fewlabel_learn::run::plan::Selection;
use fewlabel_learn::training::fit::Recipe;

/// A cell and its runs.
pub(crate) struct Cell<'a> {
    /// What a reader calls it; unique in the study.
    pub(crate) name: String,
    /// The runs, by seed.
    pub(crate) runs: BTreeMap<u64, &'a Run>,
    /// Cells that differ only in their label budget share this number: points of one budget curve.
    pub(crate) curve: usize,
}

/// A figure of merit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    ValAccuracyBest,
    ValAccuracyLast,
    TestAccuracy,
    TestBalancedAccuracy,
    TestMacroF1,
    TestAuc,
    TestEce,
    TestNll,
}

/// All of them, in the order of the tables.
pub(crate) const METRICS: [Metric; 8] = [
    Metric::ValAccuracyBest,
    Metric::ValAccuracyLast,
    Metric::TestAccuracy,
    Metric::TestBalancedAccuracy,
    Metric::TestMacroF1,
    Metric::TestAuc,
    Metric::TestEce,
    Metric::TestNll,
];

impl Metric {
    /// As `results.csv` names it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::ValAccuracyBest => "val_accuracy_best",
            Self::ValAccuracyLast => "val_accuracy_last",
            Self::TestAccuracy => "test_accuracy",
            Self::TestBalancedAccuracy => "test_balanced_accuracy",
            Self::TestMacroF1 => "test_macro_f1",
            Self::TestAuc => "test_auc",
            Self::TestEce => "test_ece",
            Self::TestNll => "test_nll",
        }
    }

    /// As a reader calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ValAccuracyBest => "Validation accuracy, best epoch (%)",
            Self::ValAccuracyLast => "Validation accuracy, last epoch (%)",
            Self::TestAccuracy => "Test accuracy (%)",
            Self::TestBalancedAccuracy => "Test balanced accuracy (%)",
            Self::TestMacroF1 => "Test macro-F1 (%)",
            Self::TestAuc => "Test AUC (%)",
            Self::TestEce => "Test calibration error, ECE (%)",
            Self::TestNll => "Test negative log-likelihood, NLL (nats)",
        }
    }

    /// As the head of a column that has little room.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::ValAccuracyBest => "validation, best (%)",
            Self::ValAccuracyLast => "validation, last (%)",
            Self::TestAccuracy => "test (%)",
            Self::TestBalancedAccuracy => "balanced (%)",
            Self::TestMacroF1 => "macro-F1 (%)",
            Self::TestAuc => "AUC (%)",
            Self::TestEce => "ECE (%)",
            Self::TestNll => "NLL (nats)",
        }
    }

    /// Digits after the point that are always shown.
    pub(crate) fn least_digits(self) -> usize {
        if self == Self::TestNll { 2 } else { 1 }
    }

    /// Whether less is better.
    pub(crate) fn is_loss(self) -> bool {
        matches!(self, Self::TestEce | Self::TestNll)
    }

    /// The run's figure: in per cent, NLL in nats; `None` where it is not defined.
    pub(crate) fn of(self, run: &Run) -> Option<f64> {
        let test: &Metrics = &run.result.test;
        Some(match self {
            Self::ValAccuracyBest => 100.0 * run.result.val_accuracy_best,
            Self::ValAccuracyLast => 100.0 * run.result.validation.accuracy,
            Self::TestAccuracy => 100.0 * test.accuracy,
            Self::TestBalancedAccuracy => 100.0 * test.balanced_accuracy,
            Self::TestMacroF1 => 100.0 * test.macro_f1,
            Self::TestAuc => 100.0 * test.auc?,
            Self::TestEce => 100.0 * test.ece,
            Self::TestNll => test.nll,
        })
    }
}

impl<'a> Cell<'a> {
    /// Any of its runs: they share everything but the seed.
    pub(crate) fn first(&self) -> &'a Run {
        self.runs.values().next().expect("a cell has runs")
    }

    pub(crate) fn regime(&self) -> &'a str {
        &self.first().settings.regime
    }

    pub(crate) fn labels(&self) -> usize {
        self.first().result.labels
    }

    pub(crate) fn width(&self) -> usize {
        self.first().settings.plan.network.width
    }

    pub(crate) fn checksum(&self) -> &'a str {
        &self.first().settings.data.checksum
    }

    /// A figure of every run that has it, by seed.
    pub(crate) fn values(&self, metric: Metric) -> Vec<f64> {
        self.runs.values().filter_map(|run| metric.of(run)).collect()
    }

    /// This cell minus another over the seeds that both have; a win is the better value, for a loss
    /// the smaller.
    pub(crate) fn minus(&self, other: &Cell<'_>, metric: Metric) -> Option<Paired> {
        let both = self
            .runs
            .iter()
            .filter_map(|(seed, run)| Some((metric.of(run)?, metric.of(other.runs.get(seed)?)?)));
        let paired = Paired::of(&both.collect::<Vec<_>>())?;
        let win_rate = if metric.is_loss() { 1.0 - paired.win_rate } else { paired.win_rate };
        Some(Paired { win_rate, ..paired })
    }

    /// Whether this cell is one of the paper's own: its width, entropy, its augmentation.
    pub(crate) fn is_the_paper_s(&self) -> bool {
        let settings = &self.first().settings;
        let width = regimes::by_name(&settings.regime).map_or(0, |regime| regime.width);
        let strategy = matches!(settings.strategy(), "all" | "random" | "entropy");
        let policy = matches!(settings.plan.policy.name(), "none" | "paper");
        let scratch = settings.plan.transfer.is_none();
        scratch
            && strategy
            && policy
            && settings.plan.training.recipe == Recipe::default()
            && settings.plan.test_time_views <= 1
            && settings.plan.network.dropout == 0.0
            && settings.plan.network.width == width
            && settings.plan.network.block_widths.is_none()
    }
}

/// Groups runs by everything but the seed, in the order of the runs, and names the groups.
pub(crate) fn group(runs: &[Run]) -> Vec<Cell<'_>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut curves: BTreeMap<String, usize> = BTreeMap::new();
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for run in runs {
        let count = cells.len();
        let place = *places.entry(key(&run.settings, false)).or_insert(count);
        if place == count {
            let next = curves.len();
            let curve = *curves.entry(key(&run.settings, true)).or_insert(next);
            cells.push(Cell { name: String::new(), runs: BTreeMap::new(), curve });
        }
        cells[place].runs.insert(run.seed(), run);
    }
    name(&mut cells);
    cells
}

/// What the settings come to without the seed and, if asked, without the budget: what runs of a
/// cell, or of a curve, share.
pub(crate) fn key(settings: &RunSettings, without_budget: bool) -> String {
    let mut settings = settings.without_seed();
    if without_budget {
        match &mut settings.plan.selection {
            Selection::Random { labels } => *labels = 0,
            Selection::Active(active) => active.labels = 0,
            Selection::OnFeatures { labels, .. } => *labels = 0,
            Selection::All | Selection::Given { .. } => {}
        }
    }
    settings.identity()
}

/// What a cell has beyond the paper's settings, as its name says it.
fn extras(cell: &Cell<'_>) -> BTreeSet<String> {
    let plan = &cell.first().settings.plan;
    let Recipe { steps, cosine, label_smoothing, average } = plan.training.recipe;
    let ensemble = plan
        .transfer
        .as_ref()
        .and_then(|transfer| transfer.ensemble)
        .map_or(1, |ensemble| ensemble.size);
    let extras = [
        (plan.network.dropout > 0.0, format!("dropout={}", plan.network.dropout)),
        (steps > 0, format!("steps={steps}")),
        (cosine, "cosine".to_owned()),
        (label_smoothing > 0.0, format!("label_smoothing={label_smoothing}")),
        (average > 0.0, format!("average={average}")),
        (plan.test_time_views > 1, format!("views={}", plan.test_time_views)),
        (ensemble > 1, format!("ensemble={ensemble}")),
    ];
    extras.into_iter().filter(|(has, _)| *has).map(|(_, text)| text).collect()
}

/// Adds, to names that several cells have, the settings in which these differ.
fn tell_apart(cells: &[Cell<'_>], mut names: Vec<String>) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, name) in names.iter().enumerate() {
        places.entry(name.clone()).or_default().push(place);
    }
    for places in places.into_values().filter(|places| places.len() > 1) {
        let settings: Vec<&RunSettings> =
            places.iter().map(|&place| &cells[place].first().settings).collect();
        let varying = Varying::of(&settings, Sizes::new());
        let columns: Vec<&str> =
            varying.columns().into_iter().filter(|name| *name != "encoder_seed").collect();
        for (place, settings) in places.into_iter().zip(settings) {
            for (name, value) in columns.iter().zip(varying.values(settings, &columns)) {
                let value =
                    if *name == "checksum" { value.chars().take(8).collect() } else { value };
                names[place] += &format!(" {name}={value}");
            }
        }
    }
    names
}

fn query_size(cell: &Cell<'_>) -> Option<usize> {
    match &cell.first().settings.plan.selection {
        Selection::Active(active) => Some(active.query_size),
        _ => None,
    }
}

/// Says as much as tells the cells of this study apart, and no more.
fn name(cells: &mut [Cell<'_>]) {
    let sizes: BTreeSet<usize> = cells.iter().filter_map(query_size).collect();
    let all_extras: Vec<BTreeSet<String>> = cells.iter().map(extras).collect();
    let of_all = all_extras.iter().cloned().reduce(|a, b| &a & &b).unwrap_or_default();
    let data: BTreeSet<&str> = cells.iter().map(Cell::checksum).collect();
    let budgets: BTreeSet<usize> =
        cells.iter().filter(|cell| cell.regime() != "full").map(Cell::labels).collect();
    let names: Vec<String> = cells
        .iter()
        .zip(&all_extras)
        .map(|(cell, extras)| {
            let settings = &cell.first().settings;
            let mut name = settings.regime.clone();
            if matches!(settings.plan.selection, Selection::Active(_))
                && settings.strategy() != "entropy"
            {
                name += &format!(" {}", settings.strategy());
            }
            if !matches!(settings.plan.policy.name(), "none" | "paper") {
                name += &format!(" {}", settings.plan.policy.title());
            }
            if regimes::by_name(&settings.regime).is_ok_and(|regime| regime.width != cell.width()) {
                name += &format!(" f={}", cell.width());
            }
            if let Some(size) = query_size(cell).filter(|_| sizes.len() > 1) {
                name += &format!(" q={size}");
            }
            name.extend(extras.difference(&of_all).map(|extra| format!(" {extra}")));
            if budgets.len() > 1 && settings.regime != "full" {
                name += &format!(" {}", cell.labels());
            }
            if data.len() > 1 { format!("{}: {name}", settings.data.name) } else { name }
        })
        .collect();
    let names = tell_apart(cells, names);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (cell, name) in cells.iter_mut().zip(&names) {
        let count = seen.entry(name).or_default();
        *count += 1;
        cell.name = if *count > 1 { format!("{name} #{count}") } else { name.clone() };
    }
}
