//! How accurate the cells are: Fig. 4, the matrix of differences, accuracy against labels.

use super::{Figure, SHOWN};
use crate::report::analysis::{Analysis, Comparison};
use crate::report::cell::{Cell, METRICS, Metric};
use crate::report::chart::{DotRow, Heat, Line, Ramp, dot_plot, heat_map, line_chart};
use crate::report::html::signed;
use crate::report::load::{Data, Loaded};
use crate::report::tables::Csv;

pub(super) fn accuracy(cells: &[Cell<'_>]) -> Figure {
    let mut csv = Csv::new(&["cell", "seed", "val_accuracy_best", "test_accuracy"]);
    let rows: Vec<DotRow> = cells
        .iter()
        .map(|cell| {
            let dots = |metric: Metric| {
                cell.runs.iter().map(|(seed, run)| (format!("{}, seed {seed}", cell.name), metric.of(run))).collect()
            };
            for (seed, run) in &cell.runs {
                let figures = [Metric::ValAccuracyBest, Metric::TestAccuracy].map(|metric| metric.of(run).to_string());
                csv.row(&[cell.name.clone(), seed.to_string(), figures[0].clone(), figures[1].clone()]);
            }
            DotRow { label: cell.name.clone(), series: vec![dots(Metric::ValAccuracyBest), dots(Metric::TestAccuracy)] }
        })
        .collect();
    let svg = dot_plot(
        "Accuracy on validation and test",
        "accuracy (%)",
        &["validation, best epoch", "test, last epoch"],
        &rows,
    );
    let caption = "Fig. 4. Accuracy on validation (best epoch) and test (last epoch): every seed a dot, the upright bar their mean, the line one standard deviation to each side.";
    Figure {
        id: "fig4".into(),
        section: "accuracy",
        choice: String::new(),
        caption: caption.into(),
        svg,
        csv: csv.text(),
    }
}

/// A matrix of differences for each data set and metric.
pub(super) fn matrices(cells: &[Cell<'_>], analysis: &Analysis, loaded: &Loaded) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (number, data) in loaded.subjects.iter().enumerate() {
        let members: Vec<usize> = (0..cells.len()).filter(|&i| cells[i].checksum() == data.checksum).collect();
        if members.len() < 2 || members.len() > SHOWN {
            continue;
        }
        for metric in METRICS {
            figures.extend(matrix(cells, &members, analysis, metric, number, data));
        }
    }
    figures
}

fn matrix(
    cells: &[Cell<'_>],
    members: &[usize],
    analysis: &Analysis,
    metric: Metric,
    number: usize,
    data: &Data,
) -> Option<Figure> {
    let found = |first: usize, second: usize| {
        let same = |c: &&Comparison| {
            c.metric == metric && ((c.first, c.second) == (first, second) || (c.second, c.first) == (first, second))
        };
        let comparison = analysis.comparisons.iter().find(same)?;
        let sign = if comparison.first == first { 1.0 } else { -1.0 };
        Some((sign * comparison.paired.mean, comparison.holm_p.is_some_and(|p| p < 0.05)))
    };
    let mut csv = Csv::new(&["row", "column", "row_minus_column", "significant_after_holm"]);
    let mut largest = 0.0f64;
    let mut values = Vec::new();
    for &row in members {
        let mut line = Vec::new();
        for &column in members {
            let value = if row == column { None } else { found(row, column) };
            if let Some((difference, significant)) = value {
                largest = largest.max(difference.abs());
                csv.row(&[
                    cells[row].name.clone(),
                    cells[column].name.clone(),
                    difference.to_string(),
                    significant.to_string(),
                ]);
            }
            line.push(value);
        }
        values.push(line);
    }
    if values.iter().flatten().all(Option::is_none) {
        return None;
    }
    let better = if metric.is_loss() { -1.0 } else { 1.0 };
    let digits = if metric == Metric::TestNll { 2 } else { 1 };
    let tile = |value: Option<(f64, bool)>| {
        value.map(|(d, significant)| {
            let star = if significant { "*" } else { "" };
            (signed(d, digits) + star, better * d / largest.max(1e-9))
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
        tiles: values.into_iter().map(|line| line.into_iter().map(tile).collect()).collect(),
    };
    let caption = format!(
        "{} on {}: mean difference, row minus column, paired by seed. Blue: the row is better; orange: the row is worse. * p < 0.05 after Holm (paired t-test).",
        metric.title(),
        data.name
    );
    let id = format!(
        "matrix-{}{}",
        metric.key().replace('_', "-"),
        if number == 0 { String::new() } else { format!("-{}", number + 1) }
    );
    Some(Figure {
        id,
        section: "matrix",
        choice: metric.title().into(),
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
            let points = curve.points.iter().map(|(labels, mean, sd)| (*labels, *mean, sd.unwrap_or(0.0))).collect();
            Line { name: curve.name.clone(), points }
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let svg = line_chart("Test accuracy against labels", "labels", "test accuracy (%)", &lines);
    let caption = "Test accuracy against labels: means over the seeds, bands one standard deviation to each side.";
    Some(Figure {
        id: "budget".into(),
        section: "budget",
        choice: String::new(),
        caption: caption.into(),
        svg,
        csv: csv.text(),
    })
}
