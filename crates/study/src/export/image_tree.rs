//! A data set as a tree of PNGs, with a manifest that has its original order.
//!
//! Read by `manifest.csv` the tree is the same data set: pixels, labels, order and checksum. Read
//! as a folder it is the same images and labels in another order.

use crate::error::StudyError;
use crate::store::whole_folder::WholeFolder;
use fewlabel_learn::augment::image_png;
use fewlabel_learn::data::{Dataset, UNLABELLED, class_names};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// The manifest's name.
pub const MANIFEST: &str = "manifest.csv";
/// What a name of a folder cannot hold on every system.
const FORBIDDEN: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];
/// Images whose files are made before they are written.
const BLOCK: usize = 1024;

/// Writes `data` as `folder`, which is there whole in the end or not at all, and returns the
/// number of images. The same data give the same bytes.
///
/// # Errors
/// If `folder` is there and not empty, or cannot be written.
pub fn write(data: &Dataset, folder: &Path) -> Result<usize, StudyError> {
    let out = WholeFolder::create(folder)?;
    let folders = folder_names(&data.class_names);
    let groups = data.files.as_ref().map(|files| &files.groups);
    let has_groups = groups.is_some_and(|groups| groups.iter().flatten().any(Option::is_some));
    let mut manifest = String::from("path,label,split");
    manifest += if has_groups { ",group\n" } else { "\n" };
    let mut count = 0;
    for (number, (name, split)) in data.splits().into_iter().enumerate() {
        let digits = split.len().saturating_sub(1).to_string().len().max(5);
        let path = |row: usize| match split.labels[row] {
            UNLABELLED => format!("{name}/{row:0digits$}.png"),
            label => format!("{name}/{}/{row:0digits$}.png", folders[usize::from(label)]),
        };
        for first in (0..split.len()).step_by(BLOCK) {
            let rows: Vec<usize> = (first..split.len().min(first + BLOCK)).collect();
            rows.par_iter()
                .try_for_each(|&row| out.file(&path(row), &image_png(&split.images, row)))?;
        }
        for row in 0..split.len() {
            let label = data.class_names.get(usize::from(split.labels[row]));
            let label = label.map_or("", String::as_str);
            let _ = write!(manifest, "{},{},{name}", cell(&path(row)), cell(label));
            if let Some(groups) = groups.filter(|_| has_groups) {
                let group = groups[number][row].as_deref().unwrap_or_default();
                let _ = write!(manifest, ",{}", cell(group));
            }
            manifest.push('\n');
        }
        count += split.len();
    }
    out.file(MANIFEST, manifest.as_bytes())?;
    // The order of the labels, where it is not that of the names, and classes without an image.
    if data.classes() > 1 {
        let names = class_names::file_beside(Path::new(MANIFEST)).display().to_string();
        out.file(&names, format!("{}\n", data.class_names.join("\n")).as_bytes())?;
    }
    out.finish()?;
    Ok(count)
}

/// A value of a table.
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r', ';', '\t']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// A folder for every class, called as it where a system takes that, each another one.
pub(crate) fn folder_names(classes: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |(label, class): (usize, &String)| {
        let plain = |c: char| if c.is_control() || FORBIDDEN.contains(&c) { '_' } else { c };
        let mut name: String = class.chars().map(plain).collect();
        // Names with a dot first are hidden, and Windows cuts dots and spaces off the end.
        name = name.trim_end_matches(['.', ' ']).trim_start().to_owned();
        if name.is_empty() || name.starts_with('.') {
            name.insert(0, '_');
        }
        if !taken.insert(name.to_lowercase()) {
            name = format!("{name}_{label}");
            taken.insert(name.to_lowercase());
        }
        name
    };
    classes.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_learn::data::{Images, Split, open};

    fn split(first: usize, labels: &[u16], channels: usize) -> Split {
        let image = |row: usize| (0..12 * channels).map(move |i| (i * 7 + row * 13) as u8);
        let pixels = (first..first + labels.len()).flat_map(image).collect();
        let images = Images { height: 4, width: 3, channels, pixels };
        Split { images, labels: labels.to_vec() }
    }

    #[test]
    fn a_tree_read_by_its_manifest_is_the_same_data_set() {
        let place = tempfile::tempdir().expect("a folder");
        for channels in [1, 3] {
            let splits = [
                split(0, &[2, 0, UNLABELLED, 1, 0], channels),
                split(9, &[], channels),
                split(20, &[1, 3], channels),
            ];
            let names = ["z, \"quoted\"", "a", "../up", "unused"].map(str::to_owned).to_vec();
            let mut data = Dataset::new("d".into(), splits, names);
            if channels == 3 {
                // Colour that is seen.
                data.train.images.pixels[0] ^= 0x80;
            }
            let data = Dataset::new(
                "d".into(),
                [data.train.clone(), data.val.clone(), data.test.clone()],
                data.class_names.clone(),
            );
            let folder = place.path().join(channels.to_string());
            assert_eq!(write(&data, &folder).expect("written"), 7);
            let again = open(folder.join(MANIFEST)).expect("read");
            assert_eq!(again.checksum, data.checksum);
            assert_eq!(again.class_names, data.class_names);
            let bare = open(&folder).expect("read");
            assert_eq!(bare.splits().map(|(_, split)| split.len()), [5, 0, 2]);
            let second = place.path().join(format!("{channels}-again"));
            write(&again, &second).expect("written");
            for name in [MANIFEST, "train/a/00003.png", "train/00002.png"] {
                let bytes = |folder: &Path| std::fs::read(folder.join(name)).expect(name);
                assert_eq!(bytes(&folder), bytes(&second));
            }
        }
    }

    #[test]
    fn folders_can_be_made_on_every_system_and_told_apart() {
        let names = ["a/b", "a?b", ".x", "A", "a", "dots..", " "].map(str::to_owned);
        let folders = folder_names(&names);
        assert_eq!(folders, ["a_b", "a_b_1", "_.x", "A", "a_4", "dots", "_"]);
    }
}
