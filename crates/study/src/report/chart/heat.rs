//! Tables of numbers as tiles.

use super::svg::{Anchor, Ink, SMALL, Svg, TEXT, text_width};
use super::{WIDTH, fit, label_room};

/// What a tile's colour means.
#[derive(Clone, Copy)]
pub(crate) enum Ramp {
    /// From none (white) to `1.0` (dark blue).
    Share,
    /// Orange below zero, blue above; the ends at `-1.0` and `1.0`.
    Signed,
}

/// A table: for each row and column a text, a place on the ramp and what it is.
pub(crate) struct Heat<'a> {
    pub(crate) title: &'a str,
    pub(crate) row_axis: &'a str,
    pub(crate) column_axis: &'a str,
    pub(crate) rows: Vec<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) ramp: Ramp,
    /// Rows, first and last, that belong together: their square with the same columns is framed.
    pub(crate) frames: Vec<(usize, usize)>,
    /// Text and value; `None` is left empty.
    pub(crate) tiles: Vec<Vec<Option<(String, f64)>>>,
}

/// Draws the table. Columns are numbered and the numbers are explained by the rows' labels where names would not fit.
pub(crate) fn heat_map(heat: &Heat<'_>) -> Svg {
    let left = label_room(heat.rows.iter().map(String::as_str), 210.0) + 26.0;
    let width = ((WIDTH - left - 8.0) / heat.columns.len().max(1) as f64).min(92.0);
    let height = 28.0;
    let fits = heat.columns.iter().all(|name| text_width(name, SMALL) <= width - 6.0);
    let top = 48.0;
    let same = heat.rows == heat.columns;
    let notes: Vec<String> = if fits || same { Vec::new() } else { number(&heat.columns) };
    let bottom = top + height * heat.rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 12.0 + 18.0 * notes.len() as f64, heat.title);
    svg.text(left, 16.0, Anchor::Start, TEXT, Ink::Text, heat.column_axis);
    svg.text(4.0, 40.0, Anchor::Start, TEXT, Ink::Text, &fit(heat.row_axis, TEXT, left - 10.0));
    for (c, name) in heat.columns.iter().enumerate() {
        let text = if fits { name.clone() } else { (c + 1).to_string() };
        svg.text(left + (c as f64 + 0.5) * width, 40.0, Anchor::Middle, SMALL, Ink::Text, &text);
    }
    for (r, (name, tiles)) in heat.rows.iter().zip(&heat.tiles).enumerate() {
        let y = top + r as f64 * height;
        let name = if same && !fits { format!("{}  {}", name, r + 1) } else { name.clone() };
        svg.text(left - 8.0, y + height / 2.0 + 4.0, Anchor::End, TEXT, Ink::Text, &fit(&name, TEXT, left - 10.0));
        for (c, tile) in tiles.iter().enumerate() {
            let Some((text, value)) = tile else { continue };
            let x = left + c as f64 * width;
            let (colour, dark) = colour(heat.ramp, *value);
            svg.tile((x, y), (width - 1.5, height - 1.5), &colour);
            if !text.is_empty() && text_width(text, SMALL) <= width {
                let ink = if dark { Ink::OnDark } else { Ink::Text };
                tile_text(&mut svg, x + width / 2.0, y + height / 2.0 + 4.0, ink, text);
            }
        }
    }
    for &(first, last) in &heat.frames {
        let (x, y) = (left + first as f64 * width - 1.0, top + first as f64 * height - 1.0);
        let count = (last - first + 1) as f64;
        svg.frame((x, y), (count * width + 0.5, count * height + 0.5), Ink::Series(2));
    }
    for (i, note) in notes.iter().enumerate() {
        let y = bottom + 18.0 + 18.0 * i as f64;
        svg.text(left, y, Anchor::Start, SMALL, Ink::Muted, &fit(note, SMALL, WIDTH - left));
    }
    svg
}

/// Text on a tile keeps its colour in both themes, as the tile does.
fn tile_text(svg: &mut Svg, x: f64, y: f64, ink: Ink, text: &str) {
    let ink = if matches!(ink, Ink::OnDark) { Ink::OnDark } else { Ink::OnLight };
    svg.text(x, y, Anchor::Middle, SMALL, ink, text);
}

/// The columns' numbers with their names, several to a line.
fn number(columns: &[String]) -> Vec<String> {
    let named: Vec<String> = columns.iter().enumerate().map(|(i, name)| format!("{} {name}", i + 1)).collect();
    named.chunks(3).map(|chunk| chunk.join("   ")).collect()
}

/// The colour of a value and whether it is dark.
fn colour(ramp: Ramp, value: f64) -> (String, bool) {
    const WHITE: [f64; 3] = [246.0, 248.0, 250.0];
    const BLUE: [f64; 3] = [8.0, 69.0, 128.0];
    const ORANGE: [f64; 3] = [178.0, 76.0, 0.0];
    // White text only where it reads better than ink: the orange is lighter than the blue for long.
    let (end, white_from) = match ramp {
        Ramp::Signed if value < 0.0 => (ORANGE, 0.8),
        Ramp::Share | Ramp::Signed => (BLUE, 0.65),
    };
    let t = if value.is_finite() { value.abs().min(1.0) } else { 0.0 };
    let mix: Vec<u8> = WHITE.iter().zip(end).map(|(a, b)| (a + t * (b - a)).round() as u8).collect();
    (format!("#{:02x}{:02x}{:02x}", mix[0], mix[1], mix[2]), t > white_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_is_white_at_zero_and_turns_dark() {
        assert_eq!(colour(Ramp::Share, 0.0), ("#f6f8fa".to_owned(), false));
        assert_eq!(colour(Ramp::Share, 9.0), ("#084580".to_owned(), true));
        assert_ne!(colour(Ramp::Signed, -1.0).0, colour(Ramp::Signed, 1.0).0);
    }

    #[test]
    fn long_column_names_become_numbers_with_a_key() {
        let columns: Vec<String> = (0..11).map(|i| format!("a-rather-long-name-{i}")).collect();
        let tiles = vec![vec![Some(("0.5".to_owned(), 0.5)); 11]];
        let heat = Heat {
            title: "t",
            row_axis: "r",
            column_axis: "c",
            rows: vec!["one".into()],
            columns,
            ramp: Ramp::Share,
            frames: Vec::new(),
            tiles,
        };
        let text = heat_map(&heat).finish(true);
        assert!(text.contains(">11<") && text.contains("11 a-rather-long-name-10"), "{text}");
    }
}
