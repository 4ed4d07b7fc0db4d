//! Lines with bands.

use super::scale::Scale;
use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, dashes, fit, legend, legend_places};

/// One line: (x, mean, half width of the band).
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// How the values are laid out upwards.
#[derive(Clone, Copy)]
pub(crate) enum Axis {
    Linear,
    Logarithmic,
}

impl Axis {
    /// Whether so many lines have bands: of more they hide each other, and a band to zero has no
    /// place on a logarithm.
    pub(crate) fn has_bands(self, lines: usize) -> bool {
        lines <= MOST_BANDS && matches!(self, Self::Linear)
    }
}

const LEFT: f64 = 60.0;
const TOP: f64 = 10.0;
const PLOT: f64 = 300.0;
/// Bands of more lines than this hide each other.
const MOST_BANDS: usize = 8;

/// Draws lines over a common pair of axes.
pub(crate) fn line_chart(
    title: &str,
    x_axis: &str,
    y_axis: &str,
    axis: Axis,
    lines: &[Line],
) -> Svg {
    let short: Vec<String> = lines.iter().map(|line| fit(&line.name, SMALL, 260.0)).collect();
    let names: Vec<&str> = short.iter().map(String::as_str).collect();
    let (rows, _) = legend_places(&names, WIDTH - LEFT);
    let bottom = TOP + PLOT + 22.0;
    let mut svg = Svg::new(WIDTH, bottom + 56.0 + 18.0 * rows as f64, title);
    svg.text(LEFT, TOP + 12.0, Anchor::Start, TEXT, Ink::Text, y_axis);
    let xs = Scale::over(
        lines.iter().flat_map(|line| line.points.iter().map(|p| p.0)),
        8,
        LEFT,
        WIDTH - 24.0,
    );
    // What is drawn is never below zero, and neither is its band.
    let low = |p: &(f64, f64, f64)| (p.1 - p.2).max(p.1.min(0.0));
    let has_bands = axis.has_bands(lines.len());
    let low = move |p: &(f64, f64, f64)| if has_bands { low(p) } else { p.1 };
    let high = move |p: &(f64, f64, f64)| if has_bands { p.1 + p.2 } else { p.1 };
    let spread = lines.iter().flat_map(|line| line.points.iter().flat_map(|p| [low(p), high(p)]));
    let ys = match axis {
        Axis::Linear => Scale::over(spread, 6, bottom, TOP + 28.0),
        Axis::Logarithmic => Scale::log_over(spread, bottom, TOP + 28.0),
    };
    for tick in ys.ticks() {
        let y = ys.at(tick);
        svg.line((LEFT, y), (WIDTH - 24.0, y), Ink::Grid, 1.0);
        svg.text(LEFT - 8.0, y + 4.0, Anchor::End, SMALL, Ink::Muted, &ys.label(tick));
    }
    for tick in xs.ticks() {
        svg.text(xs.at(tick), bottom + 18.0, Anchor::Middle, SMALL, Ink::Muted, &xs.label(tick));
    }
    svg.text((LEFT + WIDTH) / 2.0, bottom + 38.0, Anchor::Middle, TEXT, Ink::Text, x_axis);
    let banded = if has_bands { lines } else { &[] };
    for (i, line) in
        banded.iter().enumerate().filter(|(_, line)| line.points.iter().any(|p| p.2 > 0.0))
    {
        let upper = line.points.iter().map(|p| (xs.at(p.0), ys.at(p.1 + p.2)));
        let lower = line.points.iter().rev().map(|p| (xs.at(p.0), ys.at(low(p))));
        svg.area(&upper.chain(lower).collect::<Vec<_>>(), Ink::Series(i));
    }
    for (i, line) in lines.iter().enumerate() {
        let points: Vec<(f64, f64)> =
            line.points.iter().map(|p| (xs.at(p.0), ys.at(p.1))).collect();
        svg.path(&points, Ink::Series(i), dashes(i));
        if points.len() <= 12 {
            for (place, p) in points.iter().zip(&line.points) {
                svg.dot(
                    *place,
                    3.0,
                    Ink::Series(i),
                    1.0,
                    &format!("{}: {:.0}, {:.2}", line.name, p.0, p.1),
                );
            }
        }
    }
    legend(&mut svg, &names, (LEFT, bottom + 62.0), WIDTH - LEFT, true);
    svg
}
