//! What happened inside the runs: queries and training.

use super::{Figure, QUERIED, data_of, encode, share_of, slug};
use crate::report::cell::Cell;
use crate::report::chart::{Group, Line, Tile, grouped_bars, image_strip, line_chart};
use crate::report::load::{Data, FinalEpoch, Loaded, Run};
use crate::report::tables::Csv;
use crate::stats::Summary;

/// What was queried: how the class mix drifts, and the images of one seed a cell.
pub(super) fn queries(cells: &[Cell<'_>], loaded: &Loaded) -> Vec<Figure> {
    let mut figures = Vec::new();
    for cell in cells.iter().filter(|cell| cell.runs.values().any(|run| !run.queries.classes.is_empty())) {
        let data = data_of(loaded, cell);
        figures.push(mix(cell, data));
        figures.extend(gallery(cell, data));
    }
    figures
}

fn mix(cell: &Cell<'_>, data: &Data) -> Figure {
    let classes = cell.first().result.test.confusion.len();
    let third = |run: &Run, part: usize| {
        let picks = &run.queries.classes;
        picks[picks.len() * part / 3..picks.len() * (part + 1) / 3].to_vec()
    };
    let share = |picks: &[u16], class: usize| {
        100.0 * picks.iter().filter(|&&c| usize::from(c) == class).count() as f64 / picks.len().max(1) as f64
    };
    let thirds: Vec<Vec<u16>> =
        (0..3).map(|part| cell.runs.values().flat_map(|run| third(run, part)).collect()).collect();
    let mut csv =
        Csv::new(&["class", "pool_percent", "first_third_percent", "second_third_percent", "last_third_percent"]);
    let groups = data
        .order(classes)
        .into_iter()
        .map(|class| {
            let pool = data.pictures.as_ref().map_or(0.0, |p| share_of(&p.class_counts[0], class));
            let values: Vec<f64> =
                std::iter::once(pool).chain(thirds.iter().map(|picks| share(picks, class))).collect();
            let mut fields = vec![data.class(class)];
            fields.extend(values.iter().map(f64::to_string));
            csv.row(&fields);
            Group { label: data.class(class), values }
        })
        .collect::<Vec<_>>();
    let svg =
        grouped_bars("Classes queried", "share (%)", &["pool", "first third of the picks", "second", "last"], &groups);
    let caption = format!(
        "{}: classes of the images queried in the first, second and last third of the picks (all seeds) against the pool.",
        cell.name
    );
    Figure {
        id: format!("queried-{}", slug(&cell.name)),
        section: "queries",
        choice: cell.name.clone(),
        caption,
        svg,
        csv: csv.text(),
    }
}

fn gallery(cell: &Cell<'_>, data: &Data) -> Option<Figure> {
    let (seed, run) = cell.runs.iter().find(|(_, run)| !run.queries.picks.is_empty())?;
    let mut csv = Csv::new(&["seed", "query", "row", "class", "score"]);
    let mut tiles = Vec::new();
    for (query, picks) in run.queries.picks.iter().enumerate() {
        for pick in picks {
            let class = pick.label.map_or_else(|| "?".to_owned(), |label| data.class(label.into()));
            csv.row(&[
                seed.to_string(),
                (query + 1).to_string(),
                pick.index.to_string(),
                class.clone(),
                pick.score.to_string(),
            ]);
            let png =
                data.pictures.as_ref().filter(|_| tiles.len() < QUERIED).and_then(|p| p.png(p.place(pick.index)?));
            if let Some(png) = png {
                let caption = format!("{} {class} {:.2}", query + 1, pick.score);
                tiles.push(Tile { png: encode(&png), caption });
            }
        }
    }
    if tiles.is_empty() {
        return None;
    }
    let svg = image_strip("Images queried, in order", 76.0, &tiles);
    let caption = format!(
        "{}, seed {seed}: the images queried, in order, with query number, class and score (the images as they are in the data set).",
        cell.name
    );
    Some(Figure {
        id: format!("queried-images-{}", slug(&cell.name)),
        section: "queries",
        choice: cell.name.clone(),
        caption,
        svg,
        csv: csv.text(),
    })
}

/// Validation accuracy and training loss over the final model's epochs.
pub(super) fn training(cells: &[Cell<'_>]) -> Vec<Figure> {
    type Pick = fn(&FinalEpoch) -> Option<f64>;
    let kinds: [(&str, &str, Pick); 2] = [
        ("training-validation", "validation accuracy (%)", |epoch| epoch.val_accuracy.map(|value| 100.0 * value)),
        ("training-loss", "training loss (nats)", |epoch| Some(epoch.train_loss)),
    ];
    let figure = |(id, axis, pick): (&str, &str, Pick)| {
        let mut csv = Csv::new(&["cell", "epoch", "mean", "sd"]);
        let lines: Vec<Line> = cells
            .iter()
            .map(|cell| {
                let epochs =
                    cell.runs.values().flat_map(|run| run.epochs.iter().map(|epoch| epoch.epoch)).max().unwrap_or(0);
                let point = |epoch: u32| {
                    let values: Vec<f64> = cell
                        .runs
                        .values()
                        .filter_map(|run| pick(run.epochs.iter().find(|e| e.epoch == epoch)?))
                        .collect();
                    Summary::of(&values).map(|summary| (f64::from(epoch), summary.mean, summary.sd.unwrap_or(0.0)))
                };
                let points: Vec<(f64, f64, f64)> = (1..=epochs.min(2000)).filter_map(point).collect();
                for (epoch, mean, sd) in &points {
                    csv.row(&[cell.name.clone(), epoch.to_string(), mean.to_string(), sd.to_string()]);
                }
                Line { name: cell.name.clone(), points }
            })
            .filter(|line| !line.points.is_empty())
            .collect();
        if lines.is_empty() {
            return None;
        }
        let caption = format!(
            "Training of the final model: {axis}, mean over the seeds, bands one standard deviation to each side."
        );
        let svg = line_chart(&format!("Training: {axis}"), "epoch", axis, &lines);
        Some(Figure { id: id.into(), section: "training", choice: String::new(), caption, svg, csv: csv.text() })
    };
    kinds.into_iter().filter_map(figure).collect()
}
