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

/// Draws the table. Columns are numbered and the numbers are explained by the rows' labels where
/// names would not fit.
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
        svg.text(
            left - 8.0,
            y + height / 2.0 + 4.0,
            Anchor::End,
            TEXT,
            Ink::Text,
            &fit(&name, TEXT, left - 10.0),
        );
        for (c, tile) in tiles.iter().enumerate() {
            let Some((text, value)) = tile else { continue };
            let x = left + c as f64 * width;
            let shade = Shade::of(heat.ramp, *value);
            svg.tile(
                (x, y),
                (width - 1.5, height - 1.5),
                &shade.colour(),
                shade.class,
                100.0 * shade.strength,
            );
            if !text.is_empty() && text_width(text, SMALL) <= width {
                svg.text(
                    x + width / 2.0,
                    y + height / 2.0 + 4.0,
                    Anchor::Middle,
                    SMALL,
                    shade.ink(),
                    text,
                );
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

/// The columns' numbers with their names, several to a line.
fn number(columns: &[String]) -> Vec<String> {
    let named: Vec<String> =
        columns.iter().enumerate().map(|(i, name)| format!("{} {name}", i + 1)).collect();
    named.chunks(3).map(|chunk| chunk.join("   ")).collect()
}

/// A place on a ramp.
struct Shade {
    /// The ramp's name in the style sheet.
    class: &'static str,
    /// The colour at its end.
    end: [f64; 3],
    /// From here on white reads better than black, in either theme.
    white_from: f64,
    /// From 0 to 1.
    strength: f64,
}

impl Shade {
    fn of(ramp: Ramp, value: f64) -> Self {
        let strength = if value.is_finite() { value.abs().min(1.0) } else { 0.0 };
        match ramp {
            Ramp::Signed if value < 0.0 => {
                Self { class: "orange", end: [178.0, 76.0, 0.0], white_from: 0.91, strength }
            }
            Ramp::Share | Ramp::Signed => {
                Self { class: "blue", end: [8.0, 69.0, 128.0], white_from: 0.71, strength }
            }
        }
    }

    fn colour(&self) -> String {
        const WHITE: [f64; 3] = [246.0, 248.0, 250.0];
        let mix = |i: usize| (WHITE[i] + self.strength * (self.end[i] - WHITE[i])).round() as u8;
        format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
    }

    fn ink(&self) -> Ink {
        if self.strength > self.white_from { Ink::OnDark } else { Ink::OnLight }
    }
}

#[cfg(test)]
mod tests {
    use super::super::palette::{contrast, dark_value};
    use super::*;

    #[test]
    fn the_ramp_is_white_at_zero_and_turns_dark() {
        assert_eq!(Shade::of(Ramp::Share, 0.0).colour(), "#f6f8fa");
        assert_eq!(Shade::of(Ramp::Share, 9.0).colour(), "#084580");
        assert_ne!(Shade::of(Ramp::Signed, -1.0).colour(), Shade::of(Ramp::Signed, 1.0).colour());
    }

    #[test]
    fn the_text_of_every_tile_can_be_read_in_both_themes() {
        let rgb = |name: &str| {
            let colour = dark_value(name);
            [1, 3, 5]
                .map(|at| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour")))
        };
        let none = rgb("--none");
        for step in -100..=100 {
            let shade = Shade::of(Ramp::Signed, f64::from(step) / 100.0);
            let is_strong = matches!(shade.ink(), Ink::OnDark);
            let light = contrast(&shade.colour(), if is_strong { "#ffffff" } else { "#000000" });
            assert!(light >= 4.5, "{step} % on light: {light}");
            let end = rgb(&format!("--{}", shade.class));
            let mix = |i: usize| (none[i] + shade.strength * (end[i] - none[i])).round() as u8;
            let colour = format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2));
            let dark = contrast(&colour, if is_strong { "#000000" } else { "#ffffff" });
            assert!(dark >= 4.5, "{step} % on dark: {dark}");
        }
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
