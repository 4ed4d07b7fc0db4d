//! `fewlabel data info D`.

use crate::cli::Common;
use crate::screen;
use fewlabel_learn::data::{Dataset, catalogue};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(dataset: &Dataset, common: &Common) -> anyhow::Result<()> {
    match common.json {
        true => screen::print_json(&document(dataset)),
        false => screen::print(&text(dataset)),
    }
}

fn document(dataset: &Dataset) -> serde_json::Value {
    let images = &dataset.train.images;
    let splits: serde_json::Map<_, _> = dataset
        .splits()
        .iter()
        .map(|(name, split)| {
            let counts = split.class_counts(dataset.classes());
            (
                (*name).to_owned(),
                json!({
                    "images": split.len(), "class_counts": counts, "unlabelled": split.unlabelled(),
                }),
            )
        })
        .collect();
    let [val, test] = dataset.identical_to_training();
    json!({
        "name": dataset.name,
        "synthetic": dataset.synthetic,
        "height": images.height,
        "width": images.width,
        "channels": images.channels,
        "class_names": dataset.class_names,
        "sides": dataset.sides,
        "flips_keep_labels": dataset.flips_keep_labels,
        "mean": (!dataset.train.is_empty()).then(|| dataset.mean()),
        "checksum": dataset.checksum,
        "licence": dataset.published.map(|entry| entry.licence),
        "published": dataset.published.map(|entry| entry.name),
        "note": dataset.note,
        "warnings": dataset.warnings(),
        "identical_to_training": { "val": val, "test": test },
        "splits": splits,
    })
}

fn text(dataset: &Dataset) -> String {
    let images = &dataset.train.images;
    let mut text = format!("{}: {}x{}, ", dataset.name, images.height, images.width);
    text += if images.channels == 1 { "grey" } else { "colour" };
    text += if dataset.synthetic {
        ", synthetic (made by this program, no patient's images)\n"
    } else {
        "\n"
    };
    if let Some(entry) = dataset.published {
        let _ = writeln!(text, "{}, licence {}", catalogue::SOURCE, entry.licence);
    }
    if let Some(note) = &dataset.note {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(text, "checksum {}\n", dataset.checksum);
    let counts = dataset.splits().map(|(_, split)| split.class_counts(dataset.classes()));
    let of_class = |(label, name): (usize, &String)| {
        let [train, val, test] = counts.each_ref().map(|split| split[label].to_string());
        [label.to_string(), name.clone(), train, val, test]
    };
    let [train, val, test] = dataset.splits().map(|(_, split)| split.len().to_string());
    let all = [String::new(), "all".to_owned(), train, val, test];
    let without = dataset.splits().map(|(_, split)| split.unlabelled());
    let none = (without != [0; 3]).then(|| {
        let [train, val, test] = without.map(|count| count.to_string());
        [String::new(), "no label".to_owned(), train, val, test]
    });
    let rows = dataset.class_names.iter().enumerate().map(of_class).chain(none).chain([all]);
    let table = screen::table(["label", "class", "train", "val", "test"], rows);
    let _ = writeln!(text, "{table}");
    for warning in dataset.warnings() {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}
