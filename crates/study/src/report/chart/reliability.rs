//! How often a model is right when it says that it is so sure.

use super::scale::Scale;
use super::svg::{Anchor, Ink, SMALL, Svg, TEXT};
use super::{WIDTH, fit};

/// One model's curve: (mean confidence, share right, images) of each bin that holds images.
pub(crate) struct Calibration {
    pub(crate) name: String,
    pub(crate) note: String,
    pub(crate) bins: Vec<(f64, f64, f64)>,
}

const COLUMNS: usize = 3;
const PANEL: f64 = 190.0;
const STEP: f64 = 250.0;

/// Fewer images than this say little: their bins are hollow and off the line.
pub(crate) const FEW_IMAGES: f64 = 100.0;

/// Draws a panel for each model: the diagonal is perfect calibration, larger dots hold more images.
pub(crate) fn reliability_plot(title: &str, models: &[Calibration]) -> Svg {
    let rows = models.len().div_ceil(COLUMNS);
    let mut svg = Svg::new(WIDTH, rows as f64 * (PANEL + 94.0), title);
    for (i, model) in models.iter().enumerate() {
        let (x, y) =
            ((i % COLUMNS) as f64 * STEP + 48.0, (i / COLUMNS) as f64 * (PANEL + 94.0) + 42.0);
        panel(&mut svg, model, x, y);
    }
    svg
}

fn panel(svg: &mut Svg, model: &Calibration, x: f64, y: f64) {
    let xs = Scale::over([0.0, 100.0], 5, x, x + PANEL);
    let ys = Scale::over([0.0, 100.0], 5, y + PANEL, y);
    let head = format!("{} ({})", model.name, model.note);
    svg.text(x - 36.0, y - 28.0, Anchor::Start, TEXT, Ink::Text, &fit(&head, TEXT, STEP - 20.0));
    svg.text(x - 36.0, y - 10.0, Anchor::Start, SMALL, Ink::Text, "accuracy (%)");
    for tick in [0.0, 20.0, 40.0, 60.0, 80.0, 100.0] {
        svg.line((x, ys.at(tick)), (x + PANEL, ys.at(tick)), Ink::Grid, 1.0);
        svg.text(x - 6.0, ys.at(tick) + 4.0, Anchor::End, SMALL, Ink::Muted, &ys.label(tick));
        svg.text(xs.at(tick), y + PANEL + 15.0, Anchor::Middle, SMALL, Ink::Muted, &xs.label(tick));
    }
    svg.text(x + PANEL / 2.0, y + PANEL + 33.0, Anchor::Middle, SMALL, Ink::Text, "confidence (%)");
    svg.line((x, y + PANEL), (x + PANEL, y), Ink::Muted, 1.0);
    let most = model.bins.iter().map(|bin| bin.2).fold(1.0, f64::max);
    let place = |bin: &(f64, f64, f64)| (xs.at(100.0 * bin.0), ys.at(100.0 * bin.1));
    let full = model.bins.iter().filter(|bin| bin.2 >= FEW_IMAGES);
    svg.path(&full.map(place).collect::<Vec<_>>(), Ink::Series(1), "");
    for bin in &model.bins {
        let text = format!(
            "{:.0} images: confidence {:.1} %, right {:.1} %",
            bin.2,
            100.0 * bin.0,
            100.0 * bin.1
        );
        let radius = ((2.0 + 5.0 * (bin.2 / most).sqrt()) * 10.0).round() / 10.0;
        if bin.2 < FEW_IMAGES {
            svg.ring(place(bin), radius, Ink::Series(1), &text);
        } else {
            svg.dot(place(bin), radius, Ink::Series(1), 0.8, &text);
        }
    }
}
