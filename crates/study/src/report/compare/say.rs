//! What changed, as CSV, Markdown and a page.

use super::{Change, Changes};
use crate::evaluate::stats::Summary;
use crate::report::cell::Metric;
use crate::report::chart::{Estimate, ForestRow, forest_plot};
use crate::report::html::{Entry, Table, digits, escape, interval, number, plain, signed};
use crate::report::page;
use crate::report::tables::{Csv, in_cell};
use fewlabel_learn::counted;
use std::fmt::Write;

pub(super) fn csv(changes: &Changes) -> String {
    let mut csv = Csv::new(&["cell", "metric", "n", "difference", "t_low", "t_high", "t_p"]);
    for change in &changes.changes {
        let or_empty =
            |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let paired = &change.paired;
        csv.row(&[
            change.cell.clone(),
            change.metric.key().to_owned(),
            paired.n.to_string(),
            paired.mean.to_string(),
            or_empty(paired.interval.map(|i| i.low)),
            or_empty(paired.interval.map(|i| i.high)),
            or_empty(paired.t_p),
        ]);
    }
    csv.text()
}

/// Digits that the error of a change justifies.
fn places(change: &Change) -> usize {
    let paired = &change.paired;
    let error = Summary { n: paired.n, mean: paired.mean, sd: paired.sd }.standard_error();
    digits(error).max(change.metric.least_digits())
}

/// What has no number, in sentences.
fn sentences(changes: &Changes) -> Vec<String> {
    let verb = if changes.identical_runs == 1 { "is" } else { "are" };
    let mut said =
        vec![format!("{} {verb} the same to the bit.", counted(changes.identical_runs, "run"))];
    for (study, cells) in
        [(&changes.first, &changes.only_first), (&changes.second, &changes.only_second)]
    {
        if !cells.is_empty() {
            said.push(format!("Only in {study}: {}.", cells.join(", ")));
        }
    }
    if !changes.unpaired.is_empty() {
        said.push(format!(
            "In both, but with no seed in common, so that nothing can be paired: {}.",
            changes.unpaired.join(", ")
        ));
    }
    for (study, count) in [&changes.first, &changes.second].into_iter().zip(changes.not_included) {
        if count > 0 {
            said.push(format!(
                "Not included of {study}: {count} damaged, failed or unfinished; its own report \
                 lists them."
            ));
        }
    }
    said
}

pub(super) fn markdown(changes: &Changes) -> String {
    let (first, second) = (&changes.first, &changes.second);
    let mut out = format!("# {second} minus {first}\n\n{}\n", sentences(changes).join("\n\n"));
    if !changes.settings.is_empty() {
        let _ = write!(
            out,
            "\n## Settings that differ\n\n| setting | {first} | {second} |\n|---|---|---|\n"
        );
        for change in &changes.settings {
            let (one, two) = (in_cell(&change.first), in_cell(&change.second));
            let _ = writeln!(out, "| {} | {one} | {two} |", in_cell(&change.setting));
        }
    }
    if !changes.verdicts.is_empty() {
        let _ = write!(
            out,
            "\n## Verdicts that differ\n\n| data | claim | {first} | {second} |\n\
             |---|---|---|---|\n"
        );
        for change in &changes.verdicts {
            let (data, number, text) = (in_cell(&change.data), change.claim, change.text);
            let _ = writeln!(
                out,
                "| {data} | {number}. {text} | {} | {} |",
                change.first, change.second
            );
        }
    }
    out += "\n## Differences\n\n| cell | metric | seeds | difference | 95 % t interval |\n\
            |---|---|---:|---:|---:|\n";
    for change in &changes.changes {
        let (paired, places) = (&change.paired, places(change));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            in_cell(&change.cell),
            change.metric.title(),
            paired.n,
            signed(paired.mean, places),
            interval(paired, places)
        );
    }
    out
}

pub(super) fn html(changes: &Changes) -> String {
    let (first, second) = (escape(&changes.first), escape(&changes.second));
    let summary = format!(
        "<p class=\"lead\">Every difference is <strong>{second}</strong> minus \
         <strong>{first}</strong>, cell by cell, paired by seed.</p>"
    );
    let mut what: String =
        sentences(changes).iter().map(|said| format!("<p>{}</p>", escape(said))).collect();
    what += &settings(changes);
    let parts = [
        ("changed", "What changed", what),
        ("verdicts", "Verdicts that differ", verdicts(changes)),
        ("differences", "Differences", figure(changes) + &differences(changes)),
    ];
    page::assemble(
        &format!("Fewlabel: {} minus {}", changes.second, changes.first),
        &summary,
        &parts,
        "",
    )
}

fn settings(changes: &Changes) -> String {
    if changes.settings.is_empty() {
        return "<p>The settings of both studies are the same.</p>".to_owned();
    }
    let head = ["setting", changes.first.as_str(), changes.second.as_str()];
    let mut table = Table::new("t-settings", "Settings that differ", &head);
    for change in &changes.settings {
        let text = |text: &str| {
            Entry::Text(if text.is_empty() { "\u{2013}".to_owned() } else { text.to_owned() })
        };
        table.row(vec![
            Entry::Text(change.setting.clone()),
            text(&change.first),
            text(&change.second),
        ]);
    }
    table.markup()
}

fn verdicts(changes: &Changes) -> String {
    if changes.verdicts.is_empty() {
        return "<p>None: every claim on a data set of both is judged alike.</p>".to_owned();
    }
    let head = ["claim", "data set", changes.first.as_str(), changes.second.as_str()];
    let mut table =
        Table::new("t-verdicts", "Claims of the paper that are judged otherwise", &head);
    for change in &changes.verdicts {
        table.row(vec![
            Entry::Text(format!("{}. {}", change.claim, change.text)),
            Entry::Text(change.data.clone()),
            Entry::Text(change.first.into()),
            Entry::Text(change.second.into()),
        ]);
    }
    table.markup()
}

fn figure(changes: &Changes) -> String {
    let of = |metric: Metric| changes.changes.iter().filter(move |change| change.metric == metric);
    let row = |change: &Change| {
        let estimate = |metric: Metric| {
            let paired = &of(metric).find(|other| other.cell == change.cell)?.paired;
            let text = format!("{}  ({})", signed(paired.mean, 1), interval(paired, 1));
            Some(Estimate { mean: paired.mean, interval: paired.interval, text })
        };
        let series = vec![estimate(Metric::ValAccuracyBest), estimate(Metric::TestAccuracy)];
        ForestRow { label: change.cell.clone(), series }
    };
    let rows: Vec<ForestRow> =
        of(Metric::TestAccuracy).take(crate::report::figures::SHOWN).map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let series = ["validation, best epoch", "test, last epoch"];
    let svg =
        forest_plot("What changed in accuracy", "second minus first (points)", &series, &rows);
    format!(
        "<figure id=\"figure-changes\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"What changed in accuracy\">{}</div><figcaption>Mean change of accuracy, \
         paired by seed, with its 95 % t interval.</figcaption></figure>",
        svg.finish(false)
    )
}

fn differences(changes: &Changes) -> String {
    let head = ["cell", "metric", "seeds", "difference", "95 % t interval", "t-test p"];
    let mut table = Table::new("t-changes", "Second minus first, paired by seed", &head);
    for change in &changes.changes {
        let (paired, places) = (&change.paired, places(change));
        table.row(vec![
            Entry::Text(change.cell.clone()),
            Entry::Text(change.metric.title().into()),
            number(Some(paired.n as f64), |n| plain(n, 0)),
            number(Some(paired.mean), |mean| signed(mean, places)),
            Entry::Figures(interval(paired, places)),
            number(paired.t_p, crate::evaluate::claims::p_value),
        ]);
    }
    table.markup()
}
