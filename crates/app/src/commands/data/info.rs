//! `fewlabel data info D`.

use crate::options::Common;
use crate::screen;
use fewlabel_learn::data::preprocessing::Preprocessing;
use fewlabel_learn::data::source::{Duplicates, NEAR_BITS, NEAR_LEVELS, Pair, groups_across};
use fewlabel_learn::data::{Dataset, Files, catalogue};
use fewlabel_study::store::image_cache::ImageCache;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Names in a line before it says "and more".
const LISTED: usize = 5;

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
    let found = Duplicates::of(dataset);
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
        "files": dataset.files.as_ref().map(of_files),
        "copies": copies(dataset, &found),
        "near_duplicates": {
            "bits": NEAR_BITS, "levels": NEAR_LEVELS, "across": found.near_across.len(),
            "pairs": pairs(dataset, &found.near_across),
        },
    })
}

fn copies(dataset: &Dataset, found: &Duplicates) -> serde_json::Value {
    json!({
        "within": found.copies_within, "across": found.copies_across.len(),
        "pairs": pairs(dataset, &found.copies_across),
    })
}

/// The names of the first few pairs, the held-out image first.
fn pairs(dataset: &Dataset, pairs: &[Pair]) -> Vec<[String; 2]> {
    let name = |(split, row): (usize, u32)| dataset.image_name(split, row as usize);
    pairs.iter().take(LISTED).map(|pair| [name(pair.held), name(pair.known)]).collect()
}

/// What is known of the files that the images come from.
fn of_files(files: &Files) -> serde_json::Value {
    let across: Vec<serde_json::Value> = groups_across(files)
        .into_iter()
        .map(|(group, [train, val, test])| {
            json!({ "group": group, "train": train, "val": val, "test": test })
        })
        .collect();
    let pictures = &files.pictures;
    json!({
        "root": files.root.display().to_string(),
        "has_splits": files.has_splits,
        "preprocessing": files.preprocessing,
        "formats": pictures.formats,
        "sizes": pictures.sizes,
        "colours": pictures.channels,
        "bits": pictures.bits,
        "windows": pictures.windows,
        "done": pictures.notes,
        "groups": { "known": groups(files), "across": across },
        "passed_over": files.passed_over,
        "unusable": files.unusable,
        "notes": files.notes,
    })
}

/// How many groups are known.
fn groups(files: &Files) -> usize {
    let names: BTreeSet<&String> = files.groups.iter().flatten().flatten().collect();
    names.len()
}

/// What the files are and what was done with them.
fn about_files(files: &Files) -> String {
    let mut text = String::new();
    let pictures = &files.pictures;
    for (what, counts) in [
        ("files", &pictures.formats),
        ("sizes", &pictures.sizes),
        ("colours", &pictures.channels),
        ("bits", &pictures.bits),
        ("windows", &pictures.windows),
        ("done", &pictures.notes),
        ("passed over", &files.passed_over),
    ] {
        if !counts.is_empty() {
            let _ = writeln!(text, "{what}: {}", counted_kinds(counts));
        }
    }
    let Preprocessing { height, width, channels, resize, window } = &files.preprocessing;
    let colour = if *channels == 1 { "grey" } else { "colour" };
    let resize = format!("{resize:?}").to_lowercase();
    let window = window.map(|window| format!(", window {window}")).unwrap_or_default();
    let _ =
        writeln!(text, "as the network sees them: {height}x{width}, {colour}, {resize}{window}");
    let known = groups(files);
    if known > 0 {
        let across = groups_across(files).len();
        let _ = writeln!(text, "groups: {known}, {across} of them in two splits or more");
    }
    files.notes.iter().for_each(|note| {
        let _ = writeln!(text, "{note}");
    });
    if let Some(cache) = ImageCache::of_user() {
        let place = cache.folder().display().to_string();
        let _ = writeln!(text, "kept decoded in {place} (data cache list|clear, --no-cache)");
    }
    for (path, reason) in files.unusable.iter().take(LISTED) {
        let _ = writeln!(text, "unusable: {path} {reason}");
    }
    if files.unusable.len() > LISTED {
        let _ = writeln!(text, "unusable: {} more", files.unusable.len() - LISTED);
    }
    text
}

/// Kinds and how many there are of each, the most frequent first.
fn counted_kinds(counts: &BTreeMap<String, usize>) -> String {
    let mut kinds: Vec<(&String, &usize)> = counts.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<String> =
        kinds.iter().take(LISTED).map(|(kind, count)| format!("{kind} ({count})")).collect();
    let more = kinds.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Images that arrays hold twice. Those of files are warned of already.
fn about_duplicates(dataset: &Dataset) -> String {
    let found = Duplicates::of(dataset);
    let mut text = String::new();
    if found.copies_within > 0 {
        let _ = writeln!(text, "copies within a split: {}", found.copies_within);
    }
    let near = &found.near_across;
    if !near.is_empty() {
        let names: Vec<String> = pairs(dataset, near)
            .into_iter()
            .map(|[held, known]| format!("{held} and {known}"))
            .collect();
        let _ = writeln!(
            text,
            "nearly the same in two splits: {} held-out, such as {}",
            near.len(),
            names.join("; ")
        );
    }
    text
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
    match &dataset.files {
        Some(files) => text += &about_files(files),
        None => text += &about_duplicates(dataset),
    }
    for warning in dataset.warnings() {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}
