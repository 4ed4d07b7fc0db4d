//! The sections of the page.

use super::analysis::{Analysis, Comparison, DataClaims};
use super::cell::{Cell, METRICS, Metric};
use super::figures::{Figure, SHOWN, slug};
use super::html::{Entry, Table, digits, escape, number, plain, signed};
use super::load::Loaded;
use crate::claims::{Claim, Part, p_value};
use crate::stats::Summary;
use std::collections::BTreeSet;
use std::fmt::Write;

/// More rows than a person scrolls through; all are in `results.csv`.
const MOST_ROWS: usize = 400;
/// Below so many seeds Wilcoxon's test cannot reach 0.05.
const WILCOXON_SEEDS: usize = 6;
/// Below so many seeds bootstrap intervals are too narrow.
const BOOTSTRAP_SEEDS: usize = 10;

/// What was run.
pub(crate) fn what_was_run(loaded: &Loaded, cells: &[Cell<'_>]) -> String {
    let mut table = Table::new(
        "t-data",
        "Data sets",
        &["data set", "kind", "training", "validation", "test", "checksum (SHA-256)"],
    );
    for data in &loaded.subjects {
        let count = |split: usize| {
            let sum = data.pictures.as_ref().map(|pictures| pictures.class_counts[split].iter().sum::<usize>() as f64);
            number(sum, |sum| plain(sum, 0))
        };
        let kind =
            if data.synthetic { "synthetic: made by the program, not patients" } else { "images read from a file" };
        table.row(vec![
            Entry::Text(data.name.clone()),
            Entry::Text(kind.into()),
            count(0),
            count(1),
            count(2),
            Entry::Markup(format!("<code>{}</code>", escape(&data.checksum))),
        ]);
    }
    let seeds: BTreeSet<u64> = loaded.runs.iter().map(super::load::Run::seed).collect();
    let numeric: BTreeSet<u32> = loaded.runs.iter().map(|run| run.settings.numeric_version).collect();
    let mut out = format!(
        "<p>{} finished runs in {} cells; {}; a cell is one setting of everything but the seed. For one seed all cells share the order of the data and, where shapes agree, the initial weights, so differences are taken seed by seed. \
         Report by fewlabel {}, numeric version {}. Results do not depend on the machine or its threads; computing times are in <code>timings.csv</code>.</p>",
        loaded.runs.len(),
        cells.len(),
        seeds_in_words(&seeds),
        env!("CARGO_PKG_VERSION"),
        numeric.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    );
    out += &table.markup();
    out += "<details><summary>Settings of every cell</summary>";
    for cell in cells.iter().take(SHOWN) {
        let settings = serde_json::to_string_pretty(&cell.first().settings.plan).expect("plain data");
        let _ = write!(out, "<h4>{}</h4><pre tabindex=\"0\">{}</pre>", escape(&cell.name), escape(&settings));
    }
    if cells.len() > SHOWN {
        let _ = write!(out, "<p>{} more cells: see the runs' <code>settings.json</code>.</p>", cells.len() - SHOWN);
    }
    out + "</details>"
}

fn seeds_in_words(seeds: &BTreeSet<u64>) -> String {
    match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if seeds.len() as u64 == last - first + 1 && seeds.len() > 1 => {
            format!("seeds {first} to {last}")
        }
        (Some(_), Some(_)) if seeds.len() <= 20 => {
            format!("seeds {}", seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
        }
        (Some(_), Some(_)) => format!("{} seeds", seeds.len()),
        _ => "no seeds".to_owned(),
    }
}

/// The claims of one data set.
pub(crate) fn claims(of: &DataClaims) -> String {
    let count = |word: &str| of.claims.iter().filter(|claim| claim.verdict.word() == word).count();
    let made = if of.synthetic {
        " These images are synthetic: the verdicts are about made-up organs, not patients."
    } else {
        ""
    };
    let mut out = format!(
        "<h3>On {}</h3><p>Of the paper\u{2019}s twelve claims, these runs support {}, contradict {} and leave {} undecided.{made}</p>",
        escape(&of.data),
        count("supported"),
        count("contradicted"),
        count("undecided")
    );
    out += "<ol class=\"claims\">";
    for claim in &of.claims {
        out += &one_claim(claim, &of.data);
    }
    out + "</ol>"
}

fn one_claim(claim: &Claim, data: &str) -> String {
    let word = claim.verdict.word();
    let mark = match word {
        "supported" => "\u{2713}",
        "contradicted" => "\u{2717}",
        _ => "?",
    };
    let note = claim.note.as_ref().map_or_else(String::new, |note| format!("<p class=\"note\">{}</p>", escape(note)));
    let caption = format!("What claim {} rests on", claim.number);
    let mut table = Table::new(
        &format!("t-claim-{}-{}", slug(data), claim.number),
        &caption,
        &["comparison", "expected", "n", "difference", "95 % interval", "p", "so it is", "seeds for \u{b1}1"],
    );
    for part in &claim.parts {
        table.row(claim_row(part));
    }
    format!(
        "<li><p><strong>{}</strong></p><p><span class=\"verdict {word}\"><span aria-hidden=\"true\">{mark}</span> {word}</span> {}</p>{note}<details><summary>{} comparisons</summary>{}</details></li>",
        escape(claim.text),
        escape(&claim.sentence),
        claim.parts.len(),
        table.markup()
    )
}

fn claim_row(part: &Part) -> Vec<Entry> {
    let places = if part.unit == "bits" { 3 } else { 1 };
    let verdict = if part.rule.is_some() { part.verdict.word() } else { "reported" };
    vec![
        Entry::Text(part.what.clone()),
        Entry::Text(part.rule.map_or("\u{2013}", |rule| rule.words()).into()),
        number(Some(part.n as f64), |n| plain(n, 0)),
        number(part.difference, |d| format!("{} {}", signed(d, places), part.unit)),
        Entry::Text(
            part.interval.map_or_else(
                || "\u{2013}".into(),
                |i| format!("{} to {}", signed(i.low, places), signed(i.high, places)),
            ),
        ),
        number(part.p, p_value),
        Entry::Text(verdict.into()),
        number(part.seeds_needed.map(|n| n as f64), |n| plain(n, 0)),
    ]
}

/// Means and deviations of every cell.
pub(crate) fn table(analysis: &Analysis) -> String {
    let mut head = vec!["cell", "labels", "seeds"];
    head.extend(METRICS.iter().map(|metric| metric.title()));
    head.push("Validation (best) \u{2212} test (points)");
    let mut table = Table::new("t-cells", "Mean \u{b1} standard deviation over the seeds", &head);
    for cell in analysis.cells.iter().take(MOST_ROWS) {
        let mut row = vec![
            Entry::Text(cell.name.clone()),
            number(Some(cell.labels as f64), |labels| plain(labels, 0)),
            number(Some(cell.seeds.len() as f64), |seeds| plain(seeds, 0)),
        ];
        row.extend(
            METRICS.iter().map(|metric| mean_and_deviation(&cell.metrics[metric.key()], *metric == Metric::TestNll)),
        );
        row.push(mean_and_deviation(&cell.drop, false));
        table.row(row);
    }
    table.markup() + &cut(analysis.cells.len())
}

fn cut(rows: usize) -> String {
    if rows <= MOST_ROWS {
        String::new()
    } else {
        format!("<p class=\"note\">The first {MOST_ROWS} of {rows} rows; all are in <code>results.csv</code>.</p>")
    }
}

fn mean_and_deviation(summary: &Summary, is_nll: bool) -> Entry {
    let places = digits(summary.standard_error()).max(if is_nll { 2 } else { 1 });
    let sd = summary.sd.map_or_else(String::new, |sd| format!(" \u{b1} {}", plain(sd, places)));
    number(Some(summary.mean), |mean| format!("{}{sd}", plain(mean, places)))
}

/// The comparisons, metric by metric.
pub(crate) fn comparisons(analysis: &Analysis, figures: &[Figure]) -> String {
    let mut out = warnings(analysis);
    let metrics: Vec<Metric> =
        METRICS.into_iter().filter(|metric| analysis.comparisons.iter().any(|c| c.metric == *metric)).collect();
    if metrics.is_empty() {
        return "<p>There are no two cells that share a seed: nothing to compare.</p>".to_owned();
    }
    let first = metrics.iter().position(|metric| *metric == Metric::TestAccuracy).unwrap_or(0);
    let titles: Vec<String> = metrics.iter().map(|metric| metric.title().to_owned()).collect();
    out += &choice("metric", "Metric", &titles, first);
    for (i, metric) in metrics.iter().enumerate() {
        let body: String =
            figures.iter().filter(|f| f.section == "matrix" && f.choice == metric.title()).map(figure).collect();
        out += &panel("metric", &i.to_string(), i == first, &format!("{body}{}", comparison_table(analysis, *metric)));
    }
    out
}

fn comparison_table(analysis: &Analysis, metric: Metric) -> String {
    let caption = format!("{}: first minus second, paired by seed", metric.title());
    let head = [
        "first \u{2212} second",
        "n",
        "difference",
        "95 % t interval",
        "bootstrap interval",
        "t-test p",
        "Wilcoxon p",
        "Holm p (t)",
        "effect size",
        "win rate (%)",
        if metric == Metric::TestNll { "seeds to find 0.1" } else { "seeds to find 1 point" },
    ];
    let mut table = Table::new(&format!("t-compare-{}", metric.key()), &caption, &head);
    let of_metric: Vec<&Comparison> =
        analysis.comparisons.iter().filter(|comparison| comparison.metric == metric).collect();
    for comparison in of_metric.iter().take(MOST_ROWS) {
        table.row(comparison_row(analysis, comparison, metric));
    }
    table.markup() + &cut(of_metric.len())
}

fn comparison_row(analysis: &Analysis, comparison: &Comparison, metric: Metric) -> Vec<Entry> {
    let paired = &comparison.paired;
    let error = paired.sd.map(|sd| sd / (paired.n as f64).sqrt());
    let places = digits(error).max(if metric == Metric::TestNll { 2 } else { 1 });
    let interval =
        |interval: Option<crate::stats::Interval>| {
            Entry::Text(interval.map_or_else(
                || "\u{2013}".into(),
                |i| format!("{} to {}", signed(i.low, places), signed(i.high, places)),
            ))
        };
    let name = |cell: usize| &analysis.cells[cell].name;
    vec![
        Entry::Text(format!("{} \u{2212} {}", name(comparison.first), name(comparison.second))),
        number(Some(paired.n as f64), |n| plain(n, 0)),
        number(Some(paired.mean), |mean| signed(mean, places)),
        interval(paired.interval),
        interval(paired.bootstrap),
        number(paired.t_p, p_value),
        number(paired.wilcoxon_p, p_value),
        number(comparison.holm_p, p_value),
        number(paired.effect_size, |d| signed(d, 1)),
        number(Some(100.0 * paired.win_rate), |rate| plain(rate, 0)),
        number(comparison.seeds_needed.map(|n| n as f64), |n| plain(n, 0)),
    ]
}

fn warnings(analysis: &Analysis) -> String {
    let fewest = analysis.comparisons.iter().map(|comparison| comparison.paired.n).min().unwrap_or(0);
    let mut out = "<p>The t interval leads; the others stand beside it. Holm\u{2019}s correction runs over all comparisons of one data set and metric. \
                   The effect size is the mean difference over the deviation of the differences, with Hedges\u{2019} correction. \
                   The last column is the number of seeds at which a true difference of that size would be found with 80 % probability.</p>".to_owned();
    if fewest > 0 && fewest < WILCOXON_SEEDS {
        let _ = write!(
            out,
            "<p class=\"warning\"><strong>Few seeds.</strong> With fewer than {WILCOXON_SEEDS} seeds (here {fewest}) Wilcoxon\u{2019}s test cannot reach 0.05, whatever the data.</p>"
        );
    }
    if fewest > 0 && fewest < BOOTSTRAP_SEEDS {
        let _ = write!(
            out,
            "<p class=\"warning\"><strong>Narrow bootstrap.</strong> Below {BOOTSTRAP_SEEDS} seeds (here {fewest}) bootstrap intervals are too narrow; read the t interval.</p>"
        );
    }
    out
}

/// Budget curves, areas and savings.
pub(crate) fn budget(analysis: &Analysis, figures: &[Figure]) -> String {
    if analysis.curves.iter().all(|curve| curve.points.len() < 2) {
        return "<p>Every regime was run at one label budget: there is no curve, no area under it, and no reading of how many labels <em>random</em> would need. \
                A study over several budgets (<code>labels = [70, 139, 279, 557]</code>) shows them here.</p>".to_owned();
    }
    let mut out: String = figures.iter().filter(|f| f.section == "budget").map(figure).collect();
    let mut table = Table::new(
        "t-areas",
        "Area under the budget curve (trapezoid over labels, divided by their range)",
        &["curve", "budgets", "area (%)", "seeds", "mean \u{b1} deviation over the seeds"],
    );
    for curve in analysis.curves.iter().filter(|curve| curve.points.len() > 1) {
        table.row(vec![
            Entry::Text(curve.name.clone()),
            number(Some(curve.points.len() as f64), |n| plain(n, 0)),
            number(curve.area, |area| plain(area, 2)),
            number(Some(curve.areas.map_or(0.0, |areas| areas.n as f64)), |n| plain(n, 0)),
            curve
                .areas
                .as_ref()
                .map_or_else(|| Entry::Text("\u{2013}".into()), |areas| mean_and_deviation(areas, false)),
        ]);
    }
    out += &table.markup();
    let mut table = Table::new(
        "t-savings",
        "Labels that random sampling needs for the same mean test accuracy",
        &["cell", "its labels", "labels of random", "ratio"],
    );
    for saving in &analysis.savings {
        let ratio = saving.random_labels.map(|labels| labels / saving.labels as f64);
        let labels = match saving.random_labels {
            Some(_) => number(saving.random_labels, |labels| plain(labels, 0)),
            None => Entry::Text("more than were run".into()),
        };
        table.row(vec![
            Entry::Text(analysis.cells[saving.cell].name.clone()),
            number(Some(saving.labels as f64), |n| plain(n, 0)),
            labels,
            number(ratio, |ratio| plain(ratio, 2)),
        ]);
    }
    if !analysis.savings.is_empty() {
        out += &table.markup();
    }
    out
}

/// Figures of a section among which the reader chooses, or all of them where there is nothing to choose.
pub(crate) fn choosable(section: &str, label: &str, figures: &[Figure]) -> String {
    let of_section: Vec<&Figure> = figures.iter().filter(|figure| figure.section == section).collect();
    let mut choices: Vec<String> = Vec::new();
    for figure in &of_section {
        if !choices.contains(&figure.choice) {
            choices.push(figure.choice.clone());
        }
    }
    if of_section.is_empty() {
        return "<p>These runs have nothing to show here.</p>".to_owned();
    }
    if choices.len() == 1 {
        return of_section.into_iter().map(figure).collect();
    }
    let mut out = choice(section, label, &choices, 0);
    for (i, name) in choices.iter().enumerate() {
        let body: String = of_section.iter().filter(|f| f.choice == *name).map(|f| figure(f)).collect();
        out += &panel(section, &i.to_string(), i == 0, &body);
    }
    out
}

fn choice(group: &str, label: &str, options: &[String], chosen: usize) -> String {
    let mut out = format!(
        "<p class=\"choice\"><label for=\"choose-{group}\">{label}</label> <select id=\"choose-{group}\" data-choose=\"{group}\">"
    );
    for (i, option) in options.iter().enumerate() {
        let selected = if i == chosen { " selected" } else { "" };
        let _ = write!(out, "<option value=\"{i}\"{selected}>{}</option>", escape(option));
    }
    out + "</select></p>"
}

/// A part of the page that a choice shows. Without scripts every part is shown.
fn panel(group: &str, value: &str, is_chosen: bool, body: &str) -> String {
    let chosen = if is_chosen { " data-chosen" } else { "" };
    format!("<div data-panel=\"{group}\" data-value=\"{value}\"{chosen}>{body}</div>")
}

/// A figure with its caption and the names of its files.
pub(crate) fn figure(figure: &Figure) -> String {
    let id = escape(&figure.id);
    format!(
        "<figure id=\"figure-{id}\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figure {id}\">{}</div><figcaption>{} <span class=\"files\">figures/{id}.svg, .png, .csv</span></figcaption></figure>",
        figure.svg.finish(false),
        escape(&figure.caption)
    )
}

/// Every run, one a row.
pub(crate) fn runs(loaded: &Loaded, cells: &[Cell<'_>]) -> String {
    let mut table = Table::new(
        "t-runs",
        "Every finished run",
        &["cell", "seed", "labels", "validation, best (%)", "validation, last (%)", "test (%)", "run"],
    );
    let all = cells.iter().flat_map(|cell| cell.runs.values().map(move |run| (cell, run)));
    for (cell, run) in all.take(MOST_ROWS) {
        let percent = |metric: Metric| number(Some(metric.of(run)), |value| plain(value, 2));
        table.row(vec![
            Entry::Text(cell.name.clone()),
            number(Some(run.seed() as f64), |seed| plain(seed, 0)),
            number(Some(run.result.labels as f64), |labels| plain(labels, 0)),
            percent(Metric::ValAccuracyBest),
            percent(Metric::ValAccuracyLast),
            percent(Metric::TestAccuracy),
            Entry::Markup(format!("<code>{}</code>", escape(&run.id))),
        ]);
    }
    format!(
        "<p class=\"choice\"><label for=\"filter\">Show only rows with</label> <input id=\"filter\" type=\"search\" data-filter=\"t-runs\" autocomplete=\"off\"> <span id=\"filter-count\" role=\"status\"></span></p>{}{}",
        table.markup(),
        cut(loaded.runs.len())
    )
}

/// What is not on the page.
pub(crate) fn troubles(analysis: &Analysis) -> String {
    if analysis.troubles.is_empty() {
        return "<p>None: every run that was begun is finished and could be read.</p>".to_owned();
    }
    let mut table = Table::new("t-troubles", "Runs and files that no figure includes", &["kind", "what"]);
    for trouble in analysis.troubles.iter().take(MOST_ROWS) {
        table.row(vec![Entry::Text(trouble.kind.into()), Entry::Text(trouble.what.clone())]);
    }
    table.markup() + &cut(analysis.troubles.len())
}
