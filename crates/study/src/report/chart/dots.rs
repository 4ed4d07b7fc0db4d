//! A row for each category: every value as a dot, mean and deviation above them.

use super::scale::Scale;
use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit, label_room};
use crate::evaluate::stats::Summary;

/// One row; `series` are drawn beneath each other.
pub(crate) struct DotRow {
    pub(crate) label: String,
    /// For each series: what each dot is, and its value.
    pub(crate) series: Vec<Vec<(String, f64)>>,
}

const LANE: f64 = 22.0;
const GAP: f64 = 10.0;

/// Draws rows of dots with mean (tall bar) and standard deviation (whisker).
pub(crate) fn dot_plot(title: &str, axis: &str, series: &[&str], rows: &[DotRow]) -> Svg {
    let left = label_room(rows.iter().map(|row| row.label.as_str()), 200.0);
    let right = WIDTH - 130.0;
    let row_height = LANE * series.len() as f64 + GAP;
    let (top, bottom) = (8.0, 8.0 + row_height * rows.len() as f64);
    let legend_y = bottom + 62.0;
    let mut svg = Svg::new(WIDTH, legend_y + 10.0, title);
    let values = rows.iter().flat_map(|row| row.series.iter().flatten().map(|(_, value)| *value));
    let scale = Scale::over(values, 7, left + 8.0, right - 8.0);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        svg.line((x, top), (x, bottom), Ink::Grid, 1.0);
        svg.text(x, bottom + 16.0, Anchor::Middle, SMALL, Ink::Muted, &scale.label(tick));
    }
    svg.text((left + right) / 2.0, bottom + 36.0, Anchor::Middle, TEXT, Ink::Text, axis);
    for (i, row) in rows.iter().enumerate() {
        let y = top + i as f64 * row_height + GAP / 2.0;
        let middle = y + (row_height - GAP) / 2.0;
        svg.text(
            left - 8.0,
            middle + 4.0,
            Anchor::End,
            TEXT,
            Ink::Text,
            &fit(&row.label, TEXT, left - 10.0),
        );
        for (s, values) in row.series.iter().enumerate() {
            lane(&mut svg, &scale, y + LANE * (s as f64 + 0.5), right + 6.0, s, values);
        }
    }
    let names: Vec<&str> = series.to_vec();
    super::legend_from(&mut svg, 1, &names, (left, legend_y), WIDTH - left, false);
    svg
}

fn lane(svg: &mut Svg, scale: &Scale, y: f64, text_x: f64, s: usize, values: &[(String, f64)]) {
    let ink = Ink::Series(s + 1);
    let plain: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let Some(summary) = Summary::of(&plain) else {
        svg.text(text_x, y + 4.0, Anchor::Start, SMALL, Ink::Muted, "no runs");
        return;
    };
    if let Some(sd) = summary.sd {
        svg.line((scale.at(summary.mean - sd), y), (scale.at(summary.mean + sd), y), ink, 2.0);
    }
    for (name, value) in values {
        svg.dot((scale.at(*value), y), 3.5, ink, 0.55, &format!("{name}: {value:.2}"));
    }
    let x = scale.at(summary.mean);
    svg.line((x, y - 8.0), (x, y + 8.0), ink, 3.0);
    let text = match summary.sd {
        Some(sd) => format!("{:.1} \u{b1} {sd:.1}", summary.mean),
        None => format!("{:.1}", summary.mean),
    };
    svg.text(text_x, y + 4.0, Anchor::Start, SMALL, Ink::Text, &text);
}
