//! What happened inside the runs: queries and training.

use super::{Figure, IMAGE_BYTES, QUERIED, data_of, encode, share_of, slug};
use crate::evaluate::stats::Summary;
use crate::report::cell::Cell;
use crate::report::chart::{Axis, Group, Line, Tile, grouped_bars, image_strip, line_chart};
use crate::report::load::{Data, FinalEpoch, Loaded, Run};
use crate::report::tables::Csv;
use std::collections::BTreeMap;

/// What was queried: how the class mix drifts, and the images, as long as the page has room for
/// them.
pub(super) fn queries(cells: &[Cell<'_>], loaded: &Loaded) -> Vec<Figure> {
    let active: Vec<&Cell<'_>> = cells
        .iter()
        .filter(|cell| cell.runs.values().any(|run| !run.queries.classes.is_empty()))
        .collect();
    let mut figures: Vec<Figure> =
        active.iter().map(|cell| mix(cell, data_of(loaded, cell))).collect();
    let mut shown = Shown::default();
    // The lowest seed of every cell first, then the next, while there is room; a cell may not take
    // the others' room.
    let seeds = active.iter().map(|cell| with_picks(cell).count()).max().unwrap_or(0);
    for nth in 0..seeds {
        for (place, cell) in active.iter().enumerate() {
            let Some((seed, run)) = with_picks(cell).nth(nth) else { continue };
            shown.limit =
                if nth == 0 { IMAGE_BYTES * (place + 1) / active.len() } else { IMAGE_BYTES };
            if nth == 0 || shown.has_room() {
                figures.extend(gallery(cell, *seed, run, data_of(loaded, cell), &mut shown));
            }
        }
    }
    figures
}

/// The cell's runs whose picks are kept.
fn with_picks<'a>(cell: &'a Cell<'_>) -> impl Iterator<Item = (&'a u64, &'a Run)> {
    cell.runs
        .iter()
        .map(|(seed, run)| (seed, *run))
        .filter(|(_, run)| !run.queries.picks.is_empty())
}

/// The images that the page holds so far: each once, however often it was queried.
#[derive(Default)]
struct Shown {
    images: BTreeMap<(String, u32), String>,
    bytes: usize,
    limit: usize,
}

impl Shown {
    /// Whether a gallery would find room for most of its images.
    fn has_room(&self) -> bool {
        self.bytes < self.limit * 9 / 10
    }

    /// The image as PNG in base64, if it is kept and the page has room for it.
    fn image(&mut self, data: &Data, row: u32) -> Option<String> {
        let key = (data.checksum.clone(), row);
        if let Some(image) = self.images.get(&key) {
            return Some(image.clone());
        }
        let pictures = data.pictures.as_ref()?;
        let image = encode(&pictures.png(pictures.place(row)?)?);
        if self.bytes + image.len() > self.limit {
            return None;
        }
        self.bytes += image.len();
        self.images.insert(key, image.clone());
        Some(image)
    }
}

fn mix(cell: &Cell<'_>, data: &Data) -> Figure {
    let classes = cell.first().result.test.confusion.len();
    let third = |run: &Run, part: usize| {
        let picks = &run.queries.classes;
        picks[picks.len() * part / 3..picks.len() * (part + 1) / 3].to_vec()
    };
    let share = |picks: &[u16], class: usize| {
        100.0 * picks.iter().filter(|&&c| usize::from(c) == class).count() as f64
            / picks.len().max(1) as f64
    };
    let thirds: Vec<Vec<u16>> =
        (0..3).map(|part| cell.runs.values().flat_map(|run| third(run, part)).collect()).collect();
    let mut csv = Csv::new(&[
        "class",
        "pool_percent",
        "first_third_percent",
        "second_third_percent",
        "last_third_percent",
    ]);
    let groups = data
        .order(classes)
        .into_iter()
        .map(|class| {
            let pool = data.pictures.as_ref().map_or(0.0, |p| share_of(&p.class_counts[0], class));
            let values: Vec<f64> = std::iter::once(pool)
                .chain(thirds.iter().map(|picks| share(picks, class)))
                .collect();
            let mut fields = vec![data.class(class)];
            fields.extend(values.iter().map(f64::to_string));
            csv.row(&fields);
            Group { label: data.class(class), values }
        })
        .collect::<Vec<_>>();
    let svg = grouped_bars(
        "Classes queried",
        "share (%)",
        &["pool", "first third of the picks", "second third", "last third"],
        0,
        &groups,
    );
    let drift: Vec<String> =
        (1..=3).map(|third| format!("{:.0}", distance(&groups, third))).collect();
    let caption = format!(
        "{}: classes of the images queried in the first, second and last third of the picks (all \
         seeds) against the pool. \
         Total variation distance from the pool: {} and {} points.",
        cell.name,
        drift[..2].join(", "),
        drift[2]
    );
    Figure {
        id: format!("queried-{}", slug(&cell.name)),
        section: "queries",
        choice: cell.name.clone(),
        second: String::new(),
        caption,
        svg,
        csv: csv.text(),
    }
}

/// Total variation distance, in points, between the pool's class mix and that of a third of the
/// picks.
fn distance(groups: &[Group], third: usize) -> f64 {
    groups.iter().map(|group| (group.values[third] - group.values[0]).abs()).sum::<f64>() / 2.0
}

fn gallery(
    cell: &Cell<'_>,
    seed: u64,
    run: &Run,
    data: &Data,
    shown: &mut Shown,
) -> Option<Figure> {
    let mut csv = Csv::new(&["seed", "query", "row", "class", "score", "augmentation", "strength"]);
    let mut tiles = Vec::new();
    let mut count = 0;
    for (query, picks) in run.queries.picks.iter().enumerate() {
        for pick in picks {
            count += 1;
            let class = pick.label.map_or_else(|| "?".to_owned(), |label| data.class(label.into()));
            let applied = pick.augmentation.as_ref();
            csv.row(&[
                seed.to_string(),
                (query + 1).to_string(),
                pick.index.to_string(),
                class.clone(),
                pick.score.map_or_else(String::new, |score| score.to_string()),
                applied.map_or_else(String::new, |applied| applied.kind.name().to_owned()),
                applied.map_or_else(String::new, |applied| applied.strength.to_string()),
            ]);
            // In order and without gaps: after the first image that has no place none is shown.
            if tiles.len() + 1 == count
                && tiles.len() < QUERIED
                && let Some(png) = shown.image(data, pick.index)
            {
                let score =
                    pick.score.map_or_else(|| "\u{2013}".to_owned(), |score| format!("{score:.2}"));
                tiles.push(Tile { png, caption: class, note: format!("{}: {score}", query + 1) });
            }
        }
    }
    if tiles.is_empty() {
        return None;
    }
    let svg = image_strip("Images queried, in order", 76.0, &tiles);
    let first = if tiles.len() < count {
        format!("the first {} of {count} images", tiles.len())
    } else {
        "the images".into()
    };
    let as_drawn = if run.queries.augmented.is_some() { ", before their augmentation" } else { "" };
    let caption = format!(
        "{}, seed {seed}: {first} queried, in order{as_drawn}; below each its class, then the \
         query\u{2019}s number and its score ({}).",
        cell.name,
        score_in_words(run)
    );
    Some(Figure {
        id: format!("queried-images-{}-seed-{seed}", slug(&cell.name)),
        section: "queries",
        choice: cell.name.clone(),
        second: format!("seed {seed}"),
        caption,
        svg,
        csv: csv.text(),
    })
}

/// What the scores of a run are.
fn score_in_words(run: &Run) -> String {
    let classes = run.result.test.confusion.len();
    match run.settings.strategy() {
        "entropy" => {
            format!("entropy in bits, at most log2 {classes} = {:.2}", (classes as f64).log2())
        }
        strategy => format!("by {strategy}"),
    }
}

/// The epoch of that number: its place, where none is missing.
fn epoch_of(run: &Run, epoch: u32) -> Option<&FinalEpoch> {
    let place = run.epochs.get(epoch as usize - 1).filter(|found| found.epoch == epoch);
    place.or_else(|| run.epochs.iter().find(|found| found.epoch == epoch))
}

/// Validation accuracy and training loss over the final model's epochs.
pub(super) fn training(cells: &[Cell<'_>]) -> Vec<Figure> {
    type Pick = fn(&FinalEpoch) -> Option<f64>;
    let kinds: [(&str, &str, Axis, Pick); 2] = [
        ("training-validation", "validation accuracy (%)", Axis::Linear, |epoch| {
            epoch.val_accuracy.map(|value| 100.0 * value)
        }),
        ("training-loss", "training loss (nats)", Axis::Logarithmic, |epoch| epoch.train_loss),
    ];
    let figure = |(id, axis, scale, pick): (&str, &str, Axis, Pick)| {
        let mut csv = Csv::new(&["cell", "epoch", "mean", "sd"]);
        let lines: Vec<Line> = cells
            .iter()
            .map(|cell| {
                let epochs = cell
                    .runs
                    .values()
                    .flat_map(|run| run.epochs.iter().map(|epoch| epoch.epoch))
                    .max()
                    .unwrap_or(0);
                let point = |epoch: u32| {
                    let values: Vec<f64> =
                        cell.runs.values().filter_map(|run| pick(epoch_of(run, epoch)?)).collect();
                    Summary::of(&values)
                        .map(|summary| (f64::from(epoch), summary.mean, summary.sd.unwrap_or(0.0)))
                };
                let points: Vec<(f64, f64, f64)> =
                    (1..=epochs.min(2000)).filter_map(point).collect();
                for (epoch, mean, sd) in &points {
                    csv.row(&[
                        cell.name.clone(),
                        epoch.to_string(),
                        mean.to_string(),
                        sd.to_string(),
                    ]);
                }
                Line { name: cell.name.clone(), points }
            })
            .filter(|line| !line.points.is_empty())
            .collect();
        if lines.is_empty() {
            return None;
        }
        let bands = if scale.has_bands(lines.len()) {
            ", bands one standard deviation to each side"
        } else {
            ""
        };
        let caption = format!(
            "Training of the final model: {axis}, mean over the seeds{bands}. An epoch is one \
             pass over all labelled images of a regime: the more of them, the more steps it has."
        );
        let svg = line_chart(&format!("Training: {axis}"), "epoch", axis, scale, &lines);
        Some(Figure {
            id: id.into(),
            section: "training",
            choice: String::new(),
            second: String::new(),
            caption,
            svg,
            csv: csv.text(),
        })
    };
    kinds.into_iter().filter_map(figure).collect()
}
