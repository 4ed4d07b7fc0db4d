//! Images in rows, each with its caption.

use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit};

/// An image and what stands under it.
pub(crate) struct Tile {
    /// PNG in base64.
    pub(crate) png: String,
    pub(crate) caption: String,
}

/// Draws tiles of `side` pixels, as many in a row as fit.
pub(crate) fn image_strip(title: &str, side: f64, tiles: &[Tile]) -> Svg {
    let step = side + 12.0;
    let columns = ((WIDTH / step) as usize).max(1);
    let rows = tiles.len().div_ceil(columns);
    let mut svg = Svg::new(WIDTH, rows as f64 * (side + 26.0) + 4.0, title);
    for (i, tile) in tiles.iter().enumerate() {
        let at = ((i % columns) as f64 * step + 6.0, (i / columns) as f64 * (side + 26.0));
        svg.image(at, side, &tile.png, &tile.caption);
        let caption = fit(&tile.caption, SMALL, step);
        svg.text(at.0 + side / 2.0, at.1 + side + 16.0, Anchor::Middle, SMALL, Ink::Text, &caption);
    }
    if tiles.is_empty() {
        svg.text(0.0, TEXT, Anchor::Start, TEXT, Ink::Muted, "no images");
    }
    svg
}
