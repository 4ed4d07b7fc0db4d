//! `fewlabel data list`.

use crate::options::Common;
use crate::screen;
use fewlabel_learn::data::{cache, catalogue};
use serde::Serialize;

/// A line of the list.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    about: &'static str,
    classes: usize,
    channels: usize,
    train: usize,
    val: usize,
    test: usize,
    licence: &'static str,
    /// `built in`, `here`, `not fetched`, or `unusable` (several labels an image).
    state: &'static str,
    address: Option<String>,
    md5: Option<&'static str>,
}

pub(super) fn run(common: &Common) -> anyhow::Result<()> {
    let folder = cache::folder().ok();
    let mut lines = vec![phantom()];
    for entry in &catalogue::ENTRIES {
        let here = folder.as_ref().is_some_and(|folder| folder.join(entry.file_name()).exists());
        let state = match entry.task {
            catalogue::Task::Findings => "unusable",
            _ if here => "here",
            _ => "not fetched",
        };
        let [train, val, test] = entry.samples;
        lines.push(Line {
            name: entry.name,
            about: entry.about,
            classes: entry.class_names.len(),
            channels: entry.channels,
            train,
            val,
            test,
            licence: entry.licence,
            state,
            address: Some(entry.address()),
            md5: Some(entry.md5),
        });
    }
    if common.json {
        return screen::print_json(&serde_json::json!({
            "folder": folder.map(|folder| folder.display().to_string()),
            "data_sets": lines,
        }));
    }
    let row = |line: Line| {
        let [classes, channels, train, val, test] =
            [line.classes, line.channels, line.train, line.val, line.test].map(|n| n.to_string());
        let [name, about, licence, state] =
            [line.name, line.about, line.licence, line.state].map(str::to_owned);
        [name, about, classes, channels, train, val, test, licence, state]
    };
    let head =
        ["name", "images", "classes", "channels", "train", "val", "test", "licence", "state"];
    let table = screen::table(head, lines.into_iter().map(row));
    let folder = folder.map_or_else(|| "unknown".to_owned(), |folder| folder.display().to_string());
    let note = "`unusable`: several labels an image. Published sets: 28x28 of";
    screen::print(&format!(
        "{}\n\nfolder of fetched data: {folder}\n{note} {}\n",
        table,
        catalogue::SOURCE
    ))
}

fn phantom() -> Line {
    let [train, val, test] = catalogue::PHANTOM_SAMPLES;
    Line {
        name: catalogue::PHANTOM,
        about: "synthetic CT, sagittal",
        classes: catalogue::ORGANS.len(),
        channels: 1,
        train,
        val,
        test,
        licence: "MIT OR Apache-2.0",
        state: "built in",
        address: None,
        md5: None,
    }
}
