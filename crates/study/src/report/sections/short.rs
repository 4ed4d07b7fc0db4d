//! What the runs show and what they do not, in plain words, before any table.

use super::comparisons::WILCOXON_SEEDS;
use super::sentence_case;
use crate::evaluate::chance::AT_CHANCE;
use crate::evaluate::claims::{FEWEST_SEEDS, SIGNIFICANT, p_value};
use crate::report::analysis::{Analysis, CellNumbers};
use crate::report::cell::Metric;
use crate::report::gain::{Told, gain};
use crate::report::html::{escape, plain, signed};
use crate::report::load::{Data, Loaded};
use fewlabel_learn::counted;
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
    let _ =
        write!(out, "<h3>What these runs do not show</h3><ul>{}</ul>", limits(loaded, analysis));
    out
}

fn findings(analysis: &Analysis, data: &Data) -> String {
    if analysis.is_at_chance(&data.checksum) {
        let said = sentence_case(AT_CHANCE);
        return format!(
            "<li><strong>{said}.</strong> There is nothing to compare, and no winner.</li>"
        );
    }
    let of_data =
        || (0..analysis.cells.len()).filter(|&i| analysis.cells[i].checksum == data.checksum);
    let few = || of_data().filter(|&i| analysis.cells[i].regime != "full");
    let test = |i: usize| accuracy(&analysis.cells[i]);
    let mut out = String::new();
    if let Some(best) = few().max_by(|&a, &b| test(a).total_cmp(&test(b))) {
        out += &leader(analysis, best, of_data().find(|&i| analysis.cells[i].regime == "full"));
    }
    let against: Vec<usize> = few()
        .filter(|&i| analysis.cells[i].regime != "random" && analysis.cells[i].baseline.is_some())
        .collect();
    for &cell in against.iter().take(SAID) {
        out += &against_baseline(analysis, cell).unwrap_or_default();
    }
    if against.len() > SAID {
        let _ = write!(
            out,
            "<li>{}: see the figures.</li>",
            counted(against.len() - SAID, "more cell")
        );
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
        "<li>With few labels <strong>{}</strong> has the highest mean test accuracy: {}\u{a0}% \
         with {}, {}",
        escape(&cell.name),
        mean(cell),
        counted(cell.labels, "label"),
        counted(cell.seeds.len(), "seed")
    );
    if let Some(full) = full.map(|full| &analysis.cells[full]) {
        let _ = write!(out, "; all {} give {}\u{a0}%", counted(full.labels, "label"), mean(full));
    }
    out + ".</li>"
}

fn against_baseline(analysis: &Analysis, cell: usize) -> Option<String> {
    let baseline = analysis.cells[cell].baseline?;
    let gain = gain(analysis, Metric::TestAccuracy, cell, baseline)?;
    let (name, other) =
        (escape(&analysis.cells[cell].name), escape(&analysis.cells[baseline].name));
    let points = format!("{} points", signed(gain.mean, 1));
    let told = gain.told();
    let verdict = match told {
        Told::Better => "is <strong>better</strong> than",
        Told::Worse => "is <strong>worse</strong> than",
        Told::Undecided | Told::NoSpread => "cannot be told from",
        Told::TooFew(_) => {
            let interval = gain
                .interval
                .map_or_else(String::new, |_| format!(" (95 % interval {})", gain.span(1)));
            let verdict = told.words();
            let names = format!("<strong>{name}</strong> and {other} on test");
            return Some(format!("<li>{names}: {verdict}; {points} apart{interval}.</li>"));
        }
    };
    let seeds = counted(gain.n, "seed");
    let figures = match (gain.interval, gain.p, gain.holm_p) {
        (None, ..) => {
            format!("the same in each of {seeds}, so there is no spread, no interval and no test")
        }
        (_, Some(p), Some(holm)) if p < SIGNIFICANT && holm >= SIGNIFICANT => {
            format!(
                "95 % interval {}, {seeds}; p = {} after Holm\u{2019}s correction",
                gain.span(1),
                p_value(holm)
            )
        }
        _ => format!("95 % interval {}, {seeds}", gain.span(1)),
    };
    Some(format!(
        "<li><strong>{name}</strong> {verdict} {other} on test: {points} ({figures}).</li>"
    ))
}

fn limits(loaded: &Loaded, analysis: &Analysis) -> String {
    let mut items = Vec::new();
    let of_test = || analysis.comparisons.iter().filter(|c| c.metric == Metric::TestAccuracy);
    let seeds = of_test().map(|c| c.paired.n).min();
    if let Some(seeds) = seeds.filter(|&seeds| seeds < WILCOXON_SEEDS) {
        items.push(format!(
            "<strong>{}</strong> a comparison {} few: {}.",
            counted(seeds, "seed"),
            if seeds == 1 { "is" } else { "are" },
            if seeds < FEWEST_SEEDS {
                format!("below {FEWEST_SEEDS} nothing is decided")
            } else {
                "most differences of a few points stay undecided".to_owned()
            }
        ));
    }
    let needed = || of_test().filter_map(|c| c.seeds_needed);
    if let (Some(fewest), Some(most)) = (needed().min(), needed().max()) {
        items.push(format!(
            "A true difference of 1 point of test accuracy would need {fewest} to {most} seeds, \
             at the spread seen here, to be detected with 80 % power."
        ));
    }
    if loaded.subjects.iter().any(|data| data.synthetic) {
        items.push(
            "The images are synthetic: nothing here says anything about patients.".to_owned(),
        );
    }
    if loaded.subjects.len() == 1 {
        items.push("One data set: the order of the regimes may differ on other data.".to_owned());
    }
    items.push("The highest of several means is biased upwards by selection.".to_owned());
    items.push(
        "The intervals hold for new seeds on the same images. They say nothing about new \
         hospitals or scanners, and slices of one patient are counted as if they were independent."
            .to_owned(),
    );
    items.push(
        "The best epoch is chosen on the validation split, whose labels are not part of the \
         budget; the test split is used once per run, after the last epoch."
            .to_owned(),
    );
    items.iter().map(|item| format!("<li>{item}</li>")).collect()
}
