//! Images in rows, each with its caption.

use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit};

/// An image and what stands under it.
pub(crate) struct Tile {
    /// PNG in base64.
    pub(crate) png: String,
    pub(crate) caption: String,
    /// A second, quieter line; empty for none.
    pub(crate) note: String,
}

/// Draws tiles of `side` pixels, as many in a row as fit.
pub(crate) fn image_strip(title: &str, side: f64, tiles: &[Tile]) -> Svg {
    let step = side + 12.0;
    let columns = ((WIDTH / step) as usize).max(1);
    let text = if tiles.iter().all(|tile| tile.note.is_empty()) { 26.0 } else { 40.0 };
    let rows = tiles.len().div_ceil(columns).max(1);
    let mut svg = Svg::new(WIDTH, rows as f64 * (side + text) + 4.0, title);
    for (i, tile) in tiles.iter().enumerate() {
        let at = ((i % columns) as f64 * step + 6.0, (i / columns) as f64 * (side + text));
        svg.image(at, side, &tile.png, format!("{} {}", tile.caption, tile.note).trim_end());
        let lines = [(&tile.caption, Ink::Text, 15.0), (&tile.note, Ink::Muted, 28.0)];
        for (line, ink, below) in lines.into_iter().filter(|(line, ..)| !line.is_empty()) {
            let line = fit(line, SMALL, step);
            svg.text(at.0 + side / 2.0, at.1 + side + below, Anchor::Middle, SMALL, ink, &line);
        }
    }
    if tiles.is_empty() {
        svg.text(0.0, TEXT, Anchor::Start, TEXT, Ink::Muted, "no images");
    }
    svg
}
