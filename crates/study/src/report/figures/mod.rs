//! The figures of a report, each with the numbers that it shows.

pub(crate) mod accuracy;
mod classes;
mod data;
mod runs;

use super::analysis::Analysis;
use super::cell::Cell;
use super::chart::Svg;
use super::load::{Data, Loaded};
use base64::Engine as _;

/// Up to so many cells a figure shows; all are in `results.csv`.
pub(crate) const SHOWN: usize = 24;
/// Images of one run's queries that a figure shows.
const QUERIED: usize = 140;
/// Bytes of queried images that the page holds, in base64: it stays below 5 MB.
const IMAGE_BYTES: usize = 2_400_000;

/// A figure.
pub(crate) struct Figure {
    /// Its file's name without the ending.
    pub(crate) id: String,
    /// The section of the page that it belongs to.
    pub(crate) section: &'static str,
    /// The choice that shows it, where the section offers one.
    pub(crate) choice: String,
    /// A second choice within the first.
    pub(crate) second: String,
    pub(crate) caption: String,
    pub(crate) svg: Svg,
    pub(crate) csv: String,
}

/// Draws all figures.
pub(crate) fn draw(loaded: &Loaded, cells: &[Cell<'_>], analysis: &Analysis) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (number, data) in loaded.subjects.iter().enumerate() {
        let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        figures.extend(data::data_figures(data, &suffix));
    }
    if cells.is_empty() {
        return figures;
    }
    let shown = &cells[..cells.len().min(SHOWN)];
    figures.push(accuracy::accuracy(shown));
    figures.extend(accuracy::differences(shown, analysis));
    figures.extend(accuracy::matrices(cells, analysis, loaded));
    figures.extend(accuracy::budget(analysis));
    figures.extend(
        shown.iter().enumerate().map(|(i, cell)| classes::confusion(i, cell, analysis, loaded)),
    );
    let of_data = loaded.subjects.iter().enumerate();
    figures.extend(
        of_data.filter_map(|(number, data)| classes::recall(number, data, shown, analysis)),
    );
    figures.push(classes::calibration(shown));
    figures.extend(runs::queries(shown, loaded));
    figures.extend(runs::training(shown));
    figures
}

fn data_of<'a>(loaded: &'a Loaded, cell: &Cell<'_>) -> &'a Data {
    loaded
        .subjects
        .iter()
        .find(|data| data.checksum == cell.checksum())
        .expect("every run's data is listed")
}

fn encode(png: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(png)
}

/// The share of a class in per cent.
fn share_of(counts: &[usize], class: usize) -> f64 {
    100.0 * counts.get(class).copied().unwrap_or(0) as f64
        / counts.iter().sum::<usize>().max(1) as f64
}

/// A name as part of a file name.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_part_of_a_file_name() {
        assert_eq!(slug("alpa badge f=16 #2"), "alpa-badge-f-16-2");
        assert_eq!(slug("../x"), "x");
    }
}
