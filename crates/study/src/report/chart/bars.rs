//! Grouped bars, lying, so that names stand beside them.

use super::scale::Scale;
use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit, label_room, legend_from};

/// One group: its name and a value for each series.
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) values: Vec<f64>,
}

const BAR: f64 = 9.0;

/// Draws groups of bars, values from zero on; `first` is the colour of the first series.
pub(crate) fn grouped_bars(
    title: &str,
    axis: &str,
    series: &[&str],
    first: usize,
    groups: &[Group],
) -> Svg {
    let left = label_room(groups.iter().map(|group| group.label.as_str()), 200.0);
    let row = BAR * series.len() as f64 + 8.0;
    let (top, bottom) = (6.0, 6.0 + row * groups.len() as f64);
    let mut svg = Svg::new(WIDTH, bottom + 72.0, title);
    let values = groups.iter().flat_map(|group| group.values.iter().copied()).chain([0.0]);
    let scale = Scale::over(values, 7, left, WIDTH - 24.0);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        svg.line((x, top), (x, bottom), Ink::Grid, 1.0);
        svg.text(x, bottom + 16.0, Anchor::Middle, SMALL, Ink::Muted, &scale.label(tick));
    }
    svg.text((left + WIDTH) / 2.0, bottom + 36.0, Anchor::Middle, TEXT, Ink::Text, axis);
    for (i, group) in groups.iter().enumerate() {
        let y = top + i as f64 * row + 4.0;
        let middle = y + BAR * series.len() as f64 / 2.0 + 4.0;
        svg.text(
            left - 8.0,
            middle,
            Anchor::End,
            TEXT,
            Ink::Text,
            &fit(&group.label, TEXT, left - 10.0),
        );
        for (s, value) in group.values.iter().enumerate() {
            let size = (scale.at(*value) - scale.at(0.0), BAR - 1.0);
            svg.rect((scale.at(0.0), y + s as f64 * BAR), size, Ink::Series(first + s), 1.0);
        }
    }
    legend_from(&mut svg, first, series, (left, bottom + 60.0), WIDTH - left, false);
    svg
}
