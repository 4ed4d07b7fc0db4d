//! Charts as plain SVG, drawn so that labels cannot overlap: categories stand in rows of their own,
//! legends below.

mod bars;
mod dots;
mod forest;
mod heat;
mod lines;
#[cfg(test)]
mod palette;
mod reliability;
mod scale;
mod strip;
mod svg;

pub(crate) use bars::{Group, grouped_bars};
pub(crate) use dots::{DotRow, dot_plot};
pub(crate) use forest::{Estimate, ForestRow, forest_plot};
pub(crate) use heat::{Heat, Ramp, heat_map};
pub(crate) use lines::{Axis, Line, line_chart};
pub(crate) use reliability::{Calibration, FEW_IMAGES, reliability_plot};
pub(crate) use strip::{Tile, image_strip};
pub(crate) use svg::{Svg, definitions, escape};

use svg::{Anchor, Ink, SMALL, TEXT, text_width};

/// Width of every chart in its own units.
pub(crate) const WIDTH: f64 = 760.0;

/// Dash patterns beside the colours: one for each.
const DASHES: [&str; svg::SERIES.len()] =
    ["", "7 3", "2 3", "9 3 2 3", "16 4", "9 3 2 3 2 3", "4 7"];

/// Shortens `text` until it fits `room`.
fn fit(text: &str, size: f64, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if text_width(&short, size) + text_width("m\u{2026}", size) > room {
            break;
        }
        short.push(letter);
    }
    short + "\u{2026}"
}

/// Room that row labels need, within bounds.
fn label_room<'a>(labels: impl IntoIterator<Item = &'a str>, most: f64) -> f64 {
    labels.into_iter().map(|label| text_width(label, TEXT)).fold(30.0, f64::max).min(most) + 12.0
}

/// Rows that a legend of these names fills, and the place of each.
fn legend_places(names: &[&str], width: f64) -> (usize, Vec<(f64, usize)>) {
    let (mut x, mut row) = (0.0, 0);
    let places = names
        .iter()
        .map(|name| {
            let room = 34.0 + text_width(name, SMALL) + 10.0;
            if x > 0.0 && x + room > width {
                (x, row) = (0.0, row + 1);
            }
            let place = (x, row);
            x += room;
            place
        })
        .collect();
    (if names.is_empty() { 0 } else { row + 1 }, places)
}

/// Draws a legend of lines with their dashes.
fn legend(svg: &mut Svg, names: &[&str], at: (f64, f64), width: f64, dashed: bool) {
    legend_from(svg, 0, names, at, width, dashed);
}

/// Draws a legend whose first entry is series number `first`.
fn legend_from(
    svg: &mut Svg,
    first: usize,
    names: &[&str],
    at: (f64, f64),
    width: f64,
    dashed: bool,
) {
    let (_, places) = legend_places(names, width);
    for (i, (name, (x, row))) in names.iter().zip(places).enumerate() {
        let (x, y) = (at.0 + x, at.1 + row as f64 * 18.0);
        let dashes = if dashed { dashes(i) } else { "" };
        svg.path(&[(x, y - 4.0), (x + 26.0, y - 4.0)], Ink::Series(first + i), dashes);
        svg.text(x + 32.0, y, Anchor::Start, SMALL, Ink::Text, name);
    }
}

/// The dash pattern of a series: shifts when the colours start over.
fn dashes(series: usize) -> &'static str {
    DASHES[(series / svg::SERIES.len() + series % svg::SERIES.len()) % DASHES.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_shortened_to_its_room() {
        let short = fit("a very long name of a regime with a strategy", TEXT, 100.0);
        assert!(short.ends_with('\u{2026}') && text_width(&short, TEXT) <= 100.0 + TEXT, "{short}");
        assert_eq!(fit("da", TEXT, 100.0), "da");
    }

    #[test]
    fn no_two_lines_share_colour_and_dashes() {
        let looks = |series: usize| (series % svg::SERIES.len(), dashes(series));
        let seen: std::collections::BTreeSet<_> = (0..24).map(looks).collect();
        assert_eq!(seen.len(), 24, "as many as a figure shows");
        let first: std::collections::BTreeSet<_> = (0..svg::SERIES.len()).map(dashes).collect();
        assert_eq!(first.len(), svg::SERIES.len(), "told apart without colour");
    }

    #[test]
    fn legend_entries_never_share_room() {
        let names = ["full", "random", "a longer name", "another one", "al"];
        let (rows, places) = legend_places(&names, 200.0);
        assert!(rows > 1);
        for (i, (x, row)) in places.iter().enumerate() {
            let end = x + 34.0 + text_width(names[i], SMALL);
            let clash = places[i + 1..].iter().any(|(other, r)| r == row && *other < end);
            assert!(!clash, "{places:?}");
        }
    }
}
