//! `fewlabel data info D`.

use crate::cli::Common;
use crate::screen;
use fewlabel_learn::data::{self, Dataset, catalogue};
use serde_json::json;
use std::fmt::Write as _;

pub(super) fn run(spec: &str, common: &Common) -> anyhow::Result<()> {
    let dataset = data::open(spec)?;
    match common.json {
        true => screen::print_json(&document(&dataset)),
        false => screen::print(&text(&dataset)),
    }
}

fn document(dataset: &Dataset) -> serde_json::Value {
    let images = &dataset.train.images;
    let splits: serde_json::Map<_, _> = dataset
        .splits()
        .iter()
        .map(|(name, split)| {
            let counts = split.class_counts(dataset.classes());
            ((*name).to_owned(), json!({ "images": split.len(), "class_counts": counts }))
        })
        .collect();
    json!({
        "name": dataset.name,
        "synthetic": dataset.synthetic,
        "height": images.height,
        "width": images.width,
        "channels": images.channels,
        "class_names": dataset.class_names,
        "sides": dataset.sides,
        "flips_keep_labels": dataset.flips_keep_labels,
        "mean": dataset.mean(),
        "checksum": dataset.checksum,
        "licence": catalogue::find(&dataset.name).map(|entry| entry.licence),
        "splits": splits,
    })
}

fn text(dataset: &Dataset) -> String {
    let images = &dataset.train.images;
    let mut text = format!("{}: {}x{}, ", dataset.name, images.height, images.width);
    text += if images.channels == 1 { "grey" } else { "colour" };
    text += if dataset.synthetic { ", synthetic (made by this program, no patient's images)\n" } else { "\n" };
    if let Some(entry) = catalogue::find(&dataset.name) {
        let _ = writeln!(text, "{}, licence {}", catalogue::SOURCE, entry.licence);
    }
    let _ = writeln!(text, "checksum {}\n", dataset.checksum);
    let counts = dataset.splits().map(|(_, split)| split.class_counts(dataset.classes()));
    let of_class = |(label, name): (usize, &String)| {
        let [train, val, test] = counts.each_ref().map(|split| split[label].to_string());
        [label.to_string(), name.clone(), train, val, test]
    };
    let [train, val, test] = dataset.splits().map(|(_, split)| split.len().to_string());
    let all = [String::new(), "all".to_owned(), train, val, test];
    let rows = dataset.class_names.iter().enumerate().map(of_class).chain([all]);
    let table = screen::table(["label", "class", "train", "val", "test"], rows);
    text + &format!("{table}\n")
}
