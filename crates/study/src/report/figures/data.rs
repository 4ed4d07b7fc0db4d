//! The paper's Figs. 1 to 3: what the data look like.

use super::{Figure, encode, share_of};
use crate::report::chart::{Group, Tile, grouped_bars, image_strip};
use crate::report::images::Pictures;
use crate::report::load::Data;
use crate::report::tables::Csv;

/// The paper's Figs. 1 to 3.
pub(super) fn data_figures(data: &Data, suffix: &str) -> Vec<Figure> {
    let Some(pictures) = &data.pictures else { return Vec::new() };
    let made = if data.synthetic { " Synthetic images, made by the program." } else { "" };
    let mut figures = Vec::new();
    let mut csv = Csv::new(&["row", "class"]);
    let mut tiles = Vec::new();
    for class in 0..pictures.class_names.len() {
        for place in pictures.of_class(class).take(2) {
            if let Some(png) = pictures.png(place) {
                tiles.push(Tile {
                    png: encode(&png),
                    caption: data.class(class),
                    note: String::new(),
                });
                csv.row(&[pictures.images[place].row.to_string(), data.class(class)]);
            }
        }
    }
    if !tiles.is_empty() {
        let svg = image_strip("Training images with their classes", 83.0, &tiles);
        let caption = format!(
            "Examples from {} with their labels (as the paper\u{2019}s Fig. 1).{made}",
            data.name
        );
        figures.push(Figure {
            id: format!("fig1{suffix}"),
            section: "data",
            choice: String::new(),
            second: String::new(),
            caption,
            svg,
            csv: csv.text(),
        });
    }
    let mut csv = Csv::new(&["kind", "strength"]);
    let mut augmented = Vec::new();
    for (place, name, strength) in transforms(pictures) {
        csv.row(&[name.clone(), strength.to_string()]);
        augmented.extend(pictures.png(place).map(|png| Tile {
            png: encode(&png),
            caption: name,
            note: String::new(),
        }));
    }
    if !augmented.is_empty() {
        let svg = image_strip("One image under each kind of augmentation", 140.0, &augmented);
        let caption = format!(
            "One training image of {} under each kind of augmentation (as the paper\u{2019}s Fig. \
             2).{made}",
            data.name
        );
        figures.push(Figure {
            id: format!("fig2{suffix}"),
            section: "data",
            choice: String::new(),
            second: String::new(),
            caption,
            svg,
            csv: csv.text(),
        });
    }
    figures.push(classes(data, suffix, made));
    figures
}

/// One image as it is and under each kind of augmentation: where it is kept, what was done, how
/// strongly.
fn transforms(pictures: &Pictures) -> Vec<(usize, String, f32)> {
    let changed = pictures
        .images
        .iter()
        .enumerate()
        .filter_map(|(place, image)| Some((place, image.row, image.augmentation?)));
    let mut changed: Vec<_> = changed.collect();
    changed.sort_by_key(|(_, _, applied)| applied.kind);
    let plain = changed.first().and_then(|(_, row, _)| pictures.place(*row));
    let mut shown: Vec<(usize, String, f32)> =
        plain.map(|place| (place, "unaugmented".to_owned(), 0.0)).into_iter().collect();
    shown.extend(
        changed
            .into_iter()
            .map(|(place, _, applied)| (place, applied.kind.name().to_owned(), applied.strength)),
    );
    shown
}

fn classes(data: &Data, suffix: &str, made: &str) -> Figure {
    let pictures = data.pictures.as_ref().expect("asked for with pictures");
    let mut csv = Csv::new(&[
        "class",
        "train",
        "val",
        "test",
        "train_percent",
        "val_percent",
        "test_percent",
    ]);
    let splits = &pictures.class_counts;
    let groups: Vec<Group> = data
        .order(pictures.class_names.len())
        .into_iter()
        .map(|class| {
            let share = |counts: &Vec<usize>| share_of(counts, class);
            let values: Vec<f64> = splits.iter().map(share).collect();
            let mut fields = vec![data.class(class)];
            fields.extend(splits.iter().map(|counts| counts[class].to_string()));
            fields.extend(values.iter().map(f64::to_string));
            csv.row(&fields);
            Group { label: data.class(class), values }
        })
        .collect();
    let svg = grouped_bars(
        "Share of each class in the three splits",
        "share of the split (%)",
        &["training", "validation", "test"],
        1,
        &groups,
    );
    let caption = format!(
        "Class distribution of {} in its three splits (as the paper\u{2019}s Fig. 3).{made}",
        data.name
    );
    Figure {
        id: format!("fig3{suffix}"),
        section: "data",
        choice: String::new(),
        second: String::new(),
        caption,
        svg,
        csv: csv.text(),
    }
}
