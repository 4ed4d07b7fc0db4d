//! Differences with their intervals against a line of no difference.

use super::scale::Scale;
use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit, label_room, legend_from};
use crate::evaluate::stats::Interval;

/// One row: its name, and for each series a difference with its interval and the words beside it.
pub(crate) struct ForestRow {
    pub(crate) label: String,
    pub(crate) series: Vec<Option<Estimate>>,
}

/// A difference.
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) text: String,
}

const LANE: f64 = 22.0;
const GAP: f64 = 10.0;
/// Room for the figures beside the plot.
const FIGURES: f64 = 176.0;

/// Draws a dot for each difference and a line over its interval.
pub(crate) fn forest_plot(title: &str, axis: &str, series: &[&str], rows: &[ForestRow]) -> Svg {
    let left = label_room(rows.iter().map(|row| row.label.as_str()), 200.0);
    let right = WIDTH - FIGURES;
    let row_height = LANE * series.len() as f64 + GAP;
    let (top, bottom) = (8.0, 8.0 + row_height * rows.len() as f64);
    let mut svg = Svg::new(WIDTH, bottom + 72.0, title);
    let estimates = || rows.iter().flat_map(|row| row.series.iter().flatten());
    let ends = estimates().flat_map(|e| e.interval.map_or([e.mean; 2], |i| [i.low, i.high]));
    let scale = Scale::over(ends.chain([0.0]), 7, left + 8.0, right - 8.0);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        svg.line((x, top), (x, bottom), Ink::Grid, 1.0);
        svg.text(x, bottom + 16.0, Anchor::Middle, SMALL, Ink::Muted, &scale.label(tick));
    }
    svg.line((scale.at(0.0), top), (scale.at(0.0), bottom), Ink::Text, 1.5);
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
        for (s, estimate) in row.series.iter().enumerate() {
            let Some(estimate) = estimate else { continue };
            let (y, ink) = (y + LANE * (s as f64 + 0.5), Ink::Series(s + 1));
            if let Some(Interval { low, high }) = estimate.interval {
                svg.line((scale.at(low), y), (scale.at(high), y), ink, 2.0);
                for end in [low, high] {
                    svg.line((scale.at(end), y - 4.0), (scale.at(end), y + 4.0), ink, 2.0);
                }
            }
            svg.dot(
                (scale.at(estimate.mean), y),
                4.5,
                ink,
                1.0,
                &format!("{}: {}", row.label, estimate.text),
            );
            svg.text(
                right + 6.0,
                y + 4.0,
                Anchor::Start,
                SMALL,
                Ink::Text,
                &fit(&estimate.text, SMALL, FIGURES),
            );
        }
    }
    legend_from(&mut svg, 1, series, (left, bottom + 62.0), WIDTH - left, false);
    svg
}
