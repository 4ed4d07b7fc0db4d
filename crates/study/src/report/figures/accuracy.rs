//! How accurate the cells are: Fig. 4, the matrix of differences, accuracy against labels.

use super::{Figure, SHOWN};
use crate::report::analysis::{Analysis, Comparison};
use crate::report::cell::{Cell, METRICS, Metric};
use crate::report::chart::{
    Axis, DotRow, Estimate, ForestRow, Heat, Line, Ramp, dot_plot, forest_plot, heat_map,
    line_chart,
};
use crate::report::gain::{Gain, gain, is_significant};
use crate::report::html::signed;
use crate::report::load::{Data, Loaded};
use crate::report::tables::Csv;

pub(super) fn accuracy(cells: &[Cell<'_>]) -> Figure {
    let mut csv = Csv::new(&["cell", "seed", "val_accuracy_best", "test_accuracy"]);
    let rows: Vec<DotRow> = cells
        .iter()
        .map(|cell| {
            let dots = |metric: Metric| {
                let runs = cell.runs.iter();
                runs.filter_map(|(seed, run)| {
                    Some((format!("{}, seed {seed}", cell.name), metric.of(run)?))
                })
                .collect()
            };
            for (seed, run) in &cell.runs {
                let figures = [Metric::ValAccuracyBest, Metric::TestAccuracy].map(|metric| {
                    metric.of(run).map_or_else(String::new, |share| share.to_string())
                });
                csv.row(&[
                    cell.name.clone(),
                    seed.to_string(),
                    figures[0].clone(),
                    figures[1].clone(),
                ]);
            }
            DotRow {
                label: cell.name.clone(),
                series: vec![dots(Metric::ValAccuracyBest), dots(Metric::TestAccuracy)],
            }
        })
        .collect();
    let svg = dot_plot(
        "Accuracy on validation and test",
        "accuracy (%)",
        &["validation, best epoch", "test, last epoch"],
        &rows,
    );
    let caption = "Accuracy on validation (best epoch) and test (last epoch), as the \
                   paper\u{2019}s Fig. 4: every seed a dot, the upright bar their mean, the line \
                   one standard deviation to each side.";
    Figure {
        id: "fig4".into(),
        section: "accuracy",
        choice: String::new(),
        second: String::new(),
        caption: caption.into(),
        svg,
        csv: csv.text(),
    }
}

/// What each cell gains over its baseline: the comparison that a reader looks for first.
pub(super) fn differences(cells: &[Cell<'_>], analysis: &Analysis) -> Option<Figure> {
    const SHOWN_METRICS: [Metric; 2] = [Metric::ValAccuracyBest, Metric::TestAccuracy];
    let mut csv = Csv::new(&["cell", "baseline", "metric", "n", "difference", "t_low", "t_high"]);
    let row = |(i, cell): (usize, &Cell<'_>)| {
        let baseline = analysis.cells[i].baseline.filter(|_| cell.regime() != "random")?;
        let estimate = |metric: Metric| {
            let gain = gain(analysis, metric, i, baseline)?;
            let Gain { mean, interval, n, .. } = gain;
            let or_empty = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
            csv.row(&[
                cell.name.clone(),
                analysis.cells[baseline].name.clone(),
                metric.key().to_owned(),
                n.to_string(),
                mean.to_string(),
                or_empty(interval.map(|i| i.low)),
                or_empty(interval.map(|i| i.high)),
            ]);
            let text = gain.text();
            Some(Estimate { mean, interval, text })
        };
        let series: Vec<Option<Estimate>> = SHOWN_METRICS.map(estimate).into();
        series.iter().any(Option::is_some).then(|| ForestRow { label: cell.name.clone(), series })
    };
    let rows: Vec<ForestRow> = cells.iter().enumerate().filter_map(row).collect();
    if rows.is_empty() {
        return None;
    }
    let reference = analysis.reference();
    let svg = forest_plot(
        &format!("Differences from {reference}"),
        &format!("difference from {reference} (points)"),
        &["validation, best epoch", "test, last epoch"],
        &rows,
    );
    let over = if analysis.has_random() {
        "random with as many labels (where there is none, with the nearest number)"
    } else {
        "the same regime with the paper\u{2019}s augmentation"
    };
    let caption = format!(
        "What each cell gains over {over}: mean difference, paired by seed, with its 95 % t \
         interval. A difference whose interval includes 0 is compatible with none."
    );
    Some(Figure {
        id: "differences".into(),
        section: "accuracy",
        choice: String::new(),
        second: String::new(),
        caption,
        svg,
        csv: csv.text(),
    })
}

/// A matrix of differences for each data set and metric.
pub(super) fn matrices(cells: &[Cell<'_>], analysis: &Analysis, loaded: &Loaded) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (number, data) in loaded.subjects.iter().enumerate() {
        let members: Vec<usize> =
            (0..cells.len()).filter(|&i| cells[i].checksum() == data.checksum).collect();
        if members.len() < 2 || members.len() > SHOWN {
            continue;
        }
        for metric in METRICS {
            figures.extend(matrix(cells, &members, analysis, metric, number, data));
        }
    }
    figures
}

/// A difference, row minus column, and whether it is significant after Holm.
type Tile = Option<(f64, bool)>;

fn tiles(members: &[usize], analysis: &Analysis, metric: Metric) -> Vec<Vec<Tile>> {
    let found = |first: usize, second: usize| {
        let same = |c: &&Comparison| {
            c.metric == metric
                && ((c.first, c.second) == (first, second)
                    || (c.second, c.first) == (first, second))
        };
        let comparison = analysis.comparisons.iter().find(same)?;
        let sign = if comparison.first == first { 1.0 } else { -1.0 };
        Some((
            sign * comparison.paired.mean,
            is_significant(comparison.paired.n, comparison.holm_p),
        ))
    };
    let line = |&row: &usize| {
        members.iter().map(|&column| found(row, column).filter(|_| row != column)).collect()
    };
    members.iter().map(line).collect()
}

fn matrix(
    cells: &[Cell<'_>],
    members: &[usize],
    analysis: &Analysis,
    metric: Metric,
    number: usize,
    data: &Data,
) -> Option<Figure> {
    let values = tiles(members, analysis, metric);
    let mut csv = Csv::new(&["row", "column", "row_minus_column", "significant_after_holm"]);
    let mut largest: Option<f64> = None;
    for (&row, line) in members.iter().zip(&values) {
        for (&column, tile) in members.iter().zip(line) {
            let Some((difference, significant)) = tile else { continue };
            largest = Some(largest.unwrap_or(0.0).max(difference.abs()));
            let names = [row, column].map(|cell| cells[cell].name.clone());
            csv.row(&[&names[..], &[difference.to_string(), significant.to_string()]].concat());
        }
    }
    let largest = largest?.max(1e-9);
    let better = if metric.is_loss() { -1.0 } else { 1.0 };
    let tile = |value: Tile| {
        value.map(|(difference, significant)| {
            let star = if significant { "*" } else { "" };
            (signed(difference, metric.least_digits()) + star, better * difference / largest)
        })
    };
    let names: Vec<String> = members.iter().map(|&i| cells[i].name.clone()).collect();
    let heat = Heat {
        title: "Differences of the means, row minus column",
        row_axis: "row minus",
        column_axis: "column",
        rows: names.clone(),
        columns: names,
        ramp: Ramp::Signed,
        frames: Vec::new(),
        tiles: values.into_iter().map(|line| line.into_iter().map(tile).collect()).collect(),
    };
    let caption = format!(
        "{} on {}: mean difference, row minus column, paired by seed. Blue: the row is better; \
         orange: the row is worse. * p < 0.05 after Holm (paired t-test), with five seeds or more.",
        metric.title(),
        data.name
    );
    let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
    Some(Figure {
        id: format!("matrix-{}{suffix}", metric.key().replace('_', "-")),
        section: "matrix",
        choice: metric.title().into(),
        second: String::new(),
        caption,
        svg: heat_map(&heat),
        csv: csv.text(),
    })
}

/// Accuracy against labels, where anything was run at more than one budget.
pub(super) fn budget(analysis: &Analysis) -> Option<Figure> {
    let mut csv = Csv::new(&["curve", "labels", "test_accuracy_mean", "test_accuracy_sd"]);
    let curves = analysis.curves.iter().filter(|curve| curve.points.len() > 1).take(SHOWN);
    let lines: Vec<Line> = curves
        .map(|curve| {
            for (labels, mean, sd) in &curve.points {
                csv.row(&[
                    curve.name.clone(),
                    labels.to_string(),
                    mean.to_string(),
                    sd.map_or_else(String::new, |sd| sd.to_string()),
                ]);
            }
            let points = curve
                .points
                .iter()
                .map(|(labels, mean, sd)| (*labels, *mean, sd.unwrap_or(0.0)))
                .collect();
            Line { name: curve.name.clone(), points }
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let svg = line_chart(
        "Test accuracy against labels",
        "labels",
        "test accuracy (%)",
        Axis::Linear,
        &lines,
    );
    let bands = if Axis::Linear.has_bands(lines.len()) {
        ", bands one standard deviation to each side"
    } else {
        ""
    };
    let caption = format!("Test accuracy against labels: means over the seeds{bands}.");
    Some(Figure {
        id: "budget".into(),
        section: "budget",
        choice: String::new(),
        second: String::new(),
        caption,
        svg,
        csv: csv.text(),
    })
}
