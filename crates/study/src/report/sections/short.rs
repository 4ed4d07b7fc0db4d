//! What the runs show and what they do not, in plain words, before any table.

use super::comparisons::WILCOXON_SEEDS;
use crate::evaluate::claims::p_value;
use crate::report::analysis::{Analysis, CellNumbers};
use crate::report::cell::Metric;
use crate::report::figures::accuracy::{Gain, gain};
use crate::report::html::{escape, plain, signed, span};
use crate::report::load::{Data, Loaded};
use std::fmt::Write;

/// Cells beyond this many are left to the figures.
const SAID: usize = 12;

/// A list of findings for each data set, and a list of what they do not reach.
pub(crate) fn in_short(loaded: &Loaded, analysis: &Analysis) -> String {
    let mut out = String::new();
    for data in &loaded.subjects {
        let items = findings(analysis, data);
        if items.is_empty() {
            continue;
        }
        if loaded.subjects.len() > 1 {
            let _ = write!(out, "<h3>On {}</h3>", escape(&data.name));
        }
        let _ = write!(out, "<ul class=\"findings\">{items}</ul>");
    }
    let _ = write!(out, "<h3>What these runs do not show</h3><ul>{}</ul>", limits(loaded, analysis));
    out
}

fn findings(analysis: &Analysis, data: &Data) -> String {
    let of_data = || (0..analysis.cells.len()).filter(|&i| analysis.cells[i].checksum == data.checksum);
    let few = || of_data().filter(|&i| analysis.cells[i].regime != "full");
    let test = |i: usize| accuracy(&analysis.cells[i]);
    let mut out = String::new();
    if let Some(best) = few().max_by(|&a, &b| test(a).total_cmp(&test(b))) {
        out += &leader(analysis, best, of_data().find(|&i| analysis.cells[i].regime == "full"));
    }
    let against: Vec<usize> =
        few().filter(|&i| analysis.cells[i].regime != "random" && analysis.cells[i].baseline.is_some()).collect();
    for &cell in against.iter().take(SAID) {
        out += &against_baseline(analysis, cell).unwrap_or_default();
    }
    if against.len() > SAID {
        let _ = write!(out, "<li>{} more cells: see the figures.</li>", against.len() - SAID);
    }
    out
}

/// Mean test accuracy in per cent.
fn accuracy(cell: &CellNumbers) -> f64 {
    cell.metric(Metric::TestAccuracy).map_or(0.0, |summary| summary.mean)
}

/// The cell with the highest mean, and how far it is from all labels.
fn leader(analysis: &Analysis, best: usize, full: Option<usize>) -> String {
    let mean = |cell: &CellNumbers| plain(accuracy(cell), 1);
    let cell = &analysis.cells[best];
    let mut out = format!(
        "<li>With few labels <strong>{}</strong> has the highest mean test accuracy: {}\u{a0}% with {} labels, {} seed{}",
        escape(&cell.name),
        mean(cell),
        cell.labels,
        cell.seeds.len(),
        if cell.seeds.len() == 1 { "" } else { "s" }
    );
    if let Some(full) = full.map(|full| &analysis.cells[full]) {
        let _ = write!(out, "; all {} labels give {}\u{a0}%", full.labels, mean(full));
    }
    out + ".</li>"
}

fn against_baseline(analysis: &Analysis, cell: usize) -> Option<String> {
    let baseline = analysis.cells[cell].baseline?;
    let Gain { mean, interval, n, holm_p } = gain(analysis, Metric::TestAccuracy, cell, baseline)?;
    let (name, other) = (escape(&analysis.cells[cell].name), escape(&analysis.cells[baseline].name));
    let Some(interval) = interval else {
        return Some(format!(
            "<li><strong>{name}</strong> and {other}: {} points apart with one seed, which says nothing yet.</li>",
            signed(mean, 1)
        ));
    };
    // Shown by its own interval, but not among so many comparisons.
    let doubt = holm_p.filter(|&p| p >= 0.05 && (interval.low > 0.0 || interval.high < 0.0));
    let verdict = match (interval.low > 0.0, interval.high < 0.0, doubt) {
        (true, _, None) => "is <strong>better</strong> than",
        (true, _, Some(_)) => "seems <strong>better</strong> than",
        (_, true, None) => "is <strong>worse</strong> than",
        (_, true, Some(_)) => "seems <strong>worse</strong> than",
        _ => "cannot be told from",
    };
    let doubt = doubt
        .map_or_else(String::new, |p| format!("; p = {} after Holm\u{2019}s correction: not beyond doubt", p_value(p)));
    Some(format!(
        "<li><strong>{name}</strong> {verdict} {other} on test: {} points (95 % interval {}, {n} seeds{doubt}).</li>",
        signed(mean, 1),
        span(Some(interval), 1)
    ))
}

fn limits(loaded: &Loaded, analysis: &Analysis) -> String {
    let mut items = Vec::new();
    let of_test = || analysis.comparisons.iter().filter(|c| c.metric == Metric::TestAccuracy);
    let seeds = of_test().map(|c| c.paired.n).min();
    if let Some(seeds) = seeds.filter(|&seeds| seeds < WILCOXON_SEEDS) {
        items.push(format!(
            "<strong>{seeds} seeds</strong> a comparison are few: most differences of a few points stay undecided."
        ));
    }
    let needed = || of_test().filter_map(|c| c.seeds_needed);
    if let (Some(fewest), Some(most)) = (needed().min(), needed().max()) {
        items.push(format!(
            "A true difference of 1 point of test accuracy would need {fewest} to {most} seeds, at the spread seen here, to be detected with 80 % power."
        ));
    }
    if loaded.subjects.iter().any(|data| data.synthetic) {
        items.push("The images are synthetic: nothing here says anything about patients.".to_owned());
    }
    if loaded.subjects.len() == 1 {
        items.push("One data set: the order of the regimes may differ on other data.".to_owned());
    }
    items.push("The highest of several means is biased upwards by selection.".to_owned());
    items.push(
        "The intervals hold for new seeds on the same images. They say nothing about new hospitals or scanners, and slices of one patient are counted as if they were independent."
            .to_owned(),
    );
    items.push(
        "The best epoch is chosen on the validation split, whose labels are not part of the budget; the test split is used once per run, after the last epoch.".to_owned(),
    );
    items.iter().map(|item| format!("<li>{item}</li>")).collect()
}
