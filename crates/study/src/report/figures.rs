//! The paper's four figures.

use super::Figure;
use super::images::Pictures;
use super::svg::{Anchor, FAINT, INK, PALETTE, Svg, text_width};
use crate::stats::Summary;
use crate::tables::Cell;

const FONT: f64 = 13.0;
const SMALL: f64 = 11.0;

/// All figures that can be drawn from what there is.
pub(crate) fn all(pictures: &[Pictures], cells: &[Cell]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (number, data) in pictures.iter().enumerate() {
        let suffix = if number == 0 { String::new() } else { format!("-{}", number + 1) };
        let origin = if data.synthetic { format!("{} (synthetic data)", data.name) } else { data.name.clone() };
        let mut add = |name: &str, caption: String, svg: String| {
            figures.push(Figure { name: format!("{name}{suffix}"), caption, svg });
        };
        add("fig1", format!("Fig. 1. Examples of {origin} with their labels."), examples(data));
        add(
            "fig2",
            format!("Fig. 2. One image of {origin}, unaugmented, rotated, blurred and deformed."),
            transforms(data),
        );
        add("fig3", format!("Fig. 3. Share of each class in the three splits of {origin}."), classes(data));
    }
    if !cells.is_empty() {
        let caption = "Fig. 4. Accuracy of every seed (dots), mean (bar) and standard deviation (line): best epoch on \
                       validation, last epoch on test.";
        figures.push(Figure { name: "fig4".into(), caption: caption.into(), svg: accuracies(cells) });
    }
    figures
}

/// A row a class: its name and some images.
fn examples(data: &Pictures) -> String {
    const SIDE: f64 = 56.0;
    const GAP: f64 = 6.0;
    let left = name_width(data.class_names.iter().map(String::as_str)) + 20.0;
    let of_class = |class: usize| {
        let images = data.images.iter().enumerate();
        let fitting =
            images.filter(move |(_, image)| usize::from(image.label) == class && image.augmentation.is_none());
        fitting.map(|(place, _)| place).take(6).collect::<Vec<_>>()
    };
    let height = data.class_names.len() as f64 * (SIDE + GAP) + GAP;
    let mut svg = Svg::new(left + 6.0 * (SIDE + GAP) + GAP, height, &format!("Examples of {}", data.name));
    for (class, name) in data.class_names.iter().enumerate() {
        let y = GAP + class as f64 * (SIDE + GAP);
        svg.text((left - 10.0, y + SIDE / 2.0 + FONT / 3.0), FONT, Anchor::End, name);
        for (column, picture) in of_class(class).into_iter().enumerate() {
            let shape = [data.height, data.width, data.channels];
            svg.image((left + column as f64 * (SIDE + GAP), y), SIDE, shape, data.pixels(picture));
        }
    }
    svg.note_synthetic(data.synthetic);
    svg.finish()
}

/// One image, plain and under each transform.
fn transforms(data: &Pictures) -> String {
    const SIDE: f64 = 140.0;
    const GAP: f64 = 16.0;
    let shape = [data.height, data.width, data.channels];
    let changed = || data.images.iter().enumerate().filter(|(_, image)| image.augmentation.is_some());
    let row = changed().next().map(|(_, image)| image.row);
    let plain = data.images.iter().position(|image| Some(image.row) == row && image.augmentation.is_none());
    let mut shown: Vec<(usize, String)> = plain.map(|place| (place, "unaugmented".to_owned())).into_iter().collect();
    let mut transformed: Vec<_> = changed()
        .filter_map(|(place, image)| image.augmentation.map(|applied| (applied.kind, place, applied.strength)))
        .collect();
    transformed.sort_by_key(|(kind, ..)| *kind);
    for (kind, place, strength) in transformed {
        let unit = match kind.name() {
            "rotation" => format!("rotated {strength:.0} degrees"),
            "blur" => format!("blurred, sigma {strength:.1} px"),
            "elastic" => "deformed".to_owned(),
            other => format!("{other} {strength:.1}"),
        };
        shown.push((place, unit));
    }
    let width = GAP + shown.len() as f64 * (SIDE + GAP);
    let mut svg = Svg::new(width.max(100.0), SIDE + 2.0 * GAP + 20.0, &format!("Augmentations of {}", data.name));
    for (column, (picture, caption)) in shown.iter().enumerate() {
        let x = GAP + column as f64 * (SIDE + GAP);
        svg.image((x, GAP), SIDE, shape, data.pixels(*picture));
        svg.text((x + SIDE / 2.0, GAP + SIDE + 18.0), SMALL, Anchor::Middle, caption);
    }
    svg.note_synthetic(data.synthetic);
    svg.finish()
}

/// Three bars a class: its share of the training, validation and test split.
fn classes(data: &Pictures) -> String {
    const ROW: f64 = 40.0;
    const PLOT: f64 = 420.0;
    let left = name_width(data.class_names.iter().map(String::as_str)) + 20.0;
    let share = |split: usize, class: usize| {
        let counts = &data.class_counts[split];
        100.0 * counts[class] as f64 / counts.iter().sum::<usize>().max(1) as f64
    };
    let classes = data.class_names.len();
    let most = (0..classes).flat_map(|class| (0..3).map(move |split| share(split, class))).fold(1.0, f64::max);
    let axis = Axis::new(0.0, most, left, PLOT);
    let bottom = 34.0 + classes as f64 * ROW;
    let mut svg = Svg::new(left + PLOT + 30.0, bottom + 44.0, &format!("Classes of {}", data.name));
    axis.draw(&mut svg, 30.0, bottom, "share of the split in %");
    legend(&mut svg, left, &["training", "validation", "test"]);
    for (class, name) in data.class_names.iter().enumerate() {
        let y = 34.0 + class as f64 * ROW;
        svg.text((left - 10.0, y + ROW / 2.0 + FONT / 3.0), FONT, Anchor::End, name);
        for (split, colour) in PALETTE.iter().take(3).enumerate() {
            let width = axis.x(share(split, class)) - left;
            svg.bar((left, y + 5.0 + split as f64 * 10.0), (width, 9.0), colour);
        }
    }
    svg.note_synthetic(data.synthetic);
    svg.finish()
}

/// Two lines a cell: validation and test, every seed as a dot.
fn accuracies(cells: &[Cell]) -> String {
    const ROW: f64 = 46.0;
    const PLOT: f64 = 480.0;
    let names = names(cells);
    let left = name_width(names.iter().map(String::as_str)) + 20.0;
    let values = || cells.iter().flat_map(|cell| cell.val_accuracy_best.iter().chain(&cell.test_accuracy));
    let low = 100.0 * values().copied().fold(1.0, f64::min);
    let high = 100.0 * values().copied().fold(0.0, f64::max);
    let axis = Axis::new(low - 2.0, high + 2.0, left, PLOT);
    let bottom = 34.0 + cells.len() as f64 * ROW;
    let mut svg = Svg::new(left + PLOT + 30.0, bottom + 44.0, "Accuracy of the regimes on validation and test");
    axis.draw(&mut svg, 30.0, bottom, "accuracy in %");
    legend(&mut svg, left, &["validation, best epoch", "test, last epoch"]);
    for (place, (cell, name)) in cells.iter().zip(&names).enumerate() {
        let y = 34.0 + place as f64 * ROW;
        svg.text((left - 10.0, y + ROW / 2.0 + FONT / 3.0), FONT, Anchor::End, name);
        for (line, values) in [&cell.val_accuracy_best, &cell.test_accuracy].into_iter().enumerate() {
            let y = y + 15.0 + 17.0 * line as f64;
            draw_spread(&mut svg, &axis, y, values, PALETTE[line]);
        }
    }
    svg.note_synthetic(cells.iter().any(|cell| cell.synthetic));
    svg.finish()
}

fn draw_spread(svg: &mut Svg, axis: &Axis, y: f64, values: &[f64], colour: &str) {
    let Some(summary) = Summary::of(values) else { return };
    let (mean, sd) = (100.0 * summary.mean, 100.0 * summary.sd.unwrap_or(0.0));
    svg.line((axis.x(mean - sd), y), (axis.x(mean + sd), y), colour, 2.0);
    for value in values {
        svg.dot((axis.x(100.0 * value), y), 3.5, colour, 0.45);
    }
    svg.line((axis.x(mean), y - 7.0), (axis.x(mean), y + 7.0), colour, 3.0);
}

/// What tells the cells apart, in as few words as possible.
pub(crate) fn names(cells: &[Cell]) -> Vec<String> {
    let differs = |part: fn(&Cell) -> String| {
        cells.iter().any(|a| cells.iter().any(|b| a.regime == b.regime && part(a) != part(b)))
    };
    let parts: [fn(&Cell) -> String; 4] = [
        |cell| cell.strategy.clone(),
        |cell| cell.augmentation.clone(),
        |cell| format!("{} labels", cell.labels),
        |cell| cell.data.clone(),
    ];
    let telling: Vec<_> = parts.into_iter().filter(|part| differs(*part)).collect();
    let name = |cell: &Cell| {
        std::iter::once(cell.regime.clone()).chain(telling.iter().map(|part| part(cell))).collect::<Vec<_>>().join(", ")
    };
    cells.iter().map(name).collect()
}

fn name_width<'a>(names: impl Iterator<Item = &'a str>) -> f64 {
    names.map(|name| text_width(name, FONT)).fold(60.0, f64::max)
}

fn legend(svg: &mut Svg, left: f64, names: &[&str]) {
    let mut x = left;
    for (name, colour) in names.iter().zip(PALETTE) {
        svg.bar((x, 8.0), (12.0, 12.0), colour);
        svg.text((x + 17.0, 18.5), SMALL, Anchor::Start, name);
        x += 17.0 + text_width(name, SMALL) + 22.0;
    }
}

/// A horizontal axis.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    left: f64,
    length: f64,
}

impl Axis {
    fn new(low: f64, high: f64, left: f64, length: f64) -> Self {
        let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
        let step = steps.into_iter().find(|step| (high - low) / step <= 9.0).unwrap_or(20.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high, step, left, length }
    }

    fn x(&self, value: f64) -> f64 {
        self.left + (value - self.low) / (self.high - self.low) * self.length
    }

    fn draw(&self, svg: &mut Svg, top: f64, bottom: f64, name: &str) {
        let digits = usize::from(self.step < 1.0);
        for tick in 0..=((self.high - self.low) / self.step).round() as usize {
            let value = self.low + tick as f64 * self.step;
            svg.line((self.x(value), top), (self.x(value), bottom), FAINT, 1.0);
            svg.text((self.x(value), bottom + 15.0), SMALL, Anchor::Middle, &format!("{value:.digits$}"));
        }
        svg.line((self.left, bottom), (self.left + self.length, bottom), INK, 1.0);
        svg.text((self.left + self.length / 2.0, bottom + 34.0), FONT, Anchor::Middle, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(regime: &str, strategy: &str) -> Cell {
        Cell {
            data: "phantom".into(),
            synthetic: true,
            regime: regime.into(),
            strategy: strategy.into(),
            augmentation: "none".into(),
            labels: 139,
            seeds: vec![0, 1],
            val_accuracy_best: vec![0.5, 0.6],
            val_accuracy_last: vec![0.5, 0.55],
            test_accuracy: vec![0.4, 0.5],
        }
    }

    #[test]
    fn names_say_only_what_differs() {
        assert_eq!(names(&[cell("random", "random"), cell("al", "entropy")]), ["random", "al"]);
        assert_eq!(names(&[cell("al", "margin"), cell("al", "entropy")]), ["al, margin", "al, entropy"]);
    }

    #[test]
    fn every_seed_is_a_dot() {
        assert_eq!(accuracies(&[cell("random", "random"), cell("al", "entropy")]).matches("<circle").count(), 8);
    }

    #[test]
    fn the_axis_holds_every_value() {
        for (low, high) in [(0.0, 100.0), (31.3, 33.1), (48.0, 82.0)] {
            let axis = Axis::new(low, high, 10.0, 100.0);
            assert!(axis.x(low) >= 10.0 && axis.x(high) <= 110.001);
        }
    }
}
