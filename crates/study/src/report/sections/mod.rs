//! The sections of the page.

mod budget;
mod classes;
mod comparisons;
mod short;

pub(crate) use budget::budget;
pub(crate) use classes::classes;
pub(crate) use comparisons::comparisons;
pub(crate) use short::in_short;

use super::analysis::{Analysis, CellNumbers, DataClaims};
use super::cell::{Cell, METRICS, Metric};
use super::figures::{Figure, SHOWN, slug};
use super::html::{Entry, Table, digits, escape, number, plain, signed};
use super::load::Loaded;
use crate::ask::regimes::{Backbone, Chooser, Regime, by_name};
use crate::evaluate::claims::{
    BY_FAR, Claim, FEWEST_SEEDS, LEVEL, Part, SIGNIFICANT, Verdict, p_value,
};
use crate::evaluate::stats::Summary;
use crate::store::study_dir::mixture;
use fewlabel_learn::counted;
use fewlabel_learn::run::plan::Placement;
use std::collections::BTreeSet;
use std::fmt::Write;

/// More rows than a person scrolls through; all are in `results.csv`.
const MOST_ROWS: usize = 400;

/// What was run.
pub(crate) fn what_was_run(loaded: &Loaded, cells: &[Cell<'_>]) -> String {
    let mut table = Table::new(
        "t-data",
        "Data sets",
        &["data set", "kind", "training", "validation", "test", "checksum (SHA-256)"],
    );
    for data in &loaded.subjects {
        let count = |split: usize| {
            let sum = data
                .pictures
                .as_ref()
                .map(|pictures| pictures.class_counts[split].iter().sum::<usize>() as f64);
            number(sum, |sum| plain(sum, 0))
        };
        let kind = if data.synthetic {
            "synthetic: made by the program, not patients"
        } else {
            "images read from a file"
        };
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
    let numeric: BTreeSet<u32> =
        loaded.runs.iter().map(|run| run.settings.numeric_version).collect();
    let mixture = mixture(loaded.runs.iter().map(|run| run.settings.numeric_version));
    let mut out = format!(
        "<p>{} in {}; {}; a cell is one setting of everything but the seed. For one seed all \
         cells share the order of the data and, where shapes agree, the initial weights, so \
         differences are taken seed by seed. \
         Report by fewlabel {}, numeric version of the runs {}{}. Computed on {}; results do not \
         depend on the machine or its threads. Computing times are in \
         <code>timings.csv</code>.</p>",
        counted(loaded.runs.len(), "finished run"),
        counted(cells.len(), "cell"),
        seeds_in_words(&seeds),
        env!("CARGO_PKG_VERSION"),
        numeric.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        mixture.map_or_else(String::new, |mixture| format!(" ({mixture})")),
        machines(&loaded.machines)
    );
    out += &table.markup();
    out += &regimes(cells);
    out += "<details><summary>Settings of every cell</summary>";
    for cell in cells.iter().take(SHOWN) {
        let settings =
            serde_json::to_string_pretty(&cell.first().settings.plan).expect("plain data");
        let _ = write!(
            out,
            "<h4>{}</h4><pre tabindex=\"0\">{}</pre>",
            escape(&cell.name),
            escape(&settings)
        );
    }
    if cells.len() > SHOWN {
        let _ = write!(
            out,
            "<p>{} more cells: see the runs' <code>settings.json</code>.</p>",
            cells.len() - SHOWN
        );
    }
    out + "</details>"
}

/// The paper, and the regimes of this study.
fn regimes(cells: &[Cell<'_>]) -> String {
    let head = ["regime", "labels", "augmentation", "network"];
    let mut table =
        Table::new("t-regimes", "Regimes of this study: ways to spend a budget of labels", &head);
    let mut listed = BTreeSet::new();
    for cell in cells {
        let Ok(regime) = by_name(cell.regime()) else { continue };
        if listed.insert(cell.regime()) {
            let words = [
                cell.regime(),
                labels_in_words(regime),
                augmentation_in_words(regime),
                network_in_words(regime),
            ];
            table.row(words.map(|text| Entry::Text(text.into())).into());
        }
    }
    format!(
        "<p>\u{201c}The paper\u{201d} is <cite>Active Learning with Data Augmentation for Organ \
         Classification in Medical Images</cite> (author withheld), \
         which compares <em>full</em>, <em>random</em>, <em>da</em>, <em>al</em>, <em>alda</em> \
         and <em>alpa</em>.</p>{}",
        table.markup()
    )
}

fn labels_in_words(regime: &Regime) -> &'static str {
    match (regime.chooser, regime.backbone) {
        (Chooser::All, _) => "all training images",
        (Chooser::Chance, _) => "drawn at random",
        (Chooser::Strategy, Backbone::Scratch) => {
            "queried by a model trained on the labels so far (the paper: by entropy)"
        }
        (Chooser::Strategy, Backbone::Encoder) => {
            "chosen by the strategy of its name on the encoder\u{2019}s features"
        }
        (Chooser::Strategy, Backbone::EncoderSemi) => {
            "chosen by typiclust, or the strategy of its name, on the encoder\u{2019}s features; \
             then self-training"
        }
    }
}

fn augmentation_in_words(regime: &Regime) -> &'static str {
    match regime.augment {
        Placement::Never => "none",
        Placement::FinalOnly => "of the labelled images, fresh at every epoch",
        Placement::BeforeQuery => "of every training image once, before the first query",
        Placement::AfterQuery => {
            "of the labelled images, fresh at every epoch; queries see plain images"
        }
    }
}

fn network_in_words(regime: &Regime) -> &'static str {
    if regime.is_on_encoder() {
        "encoder pretrained without labels"
    } else {
        "trained from scratch"
    }
}

fn machines(machines: &BTreeSet<String>) -> String {
    let shown: Vec<String> = machines.iter().take(3).map(|machine| escape(machine)).collect();
    match machines.len() {
        0 => "a machine that the records do not name".to_owned(),
        1..=3 => shown.join(" and on "),
        more => format!("{} and {} more machines", shown.join(", "), more - 3),
    }
}

fn seeds_in_words(seeds: &BTreeSet<u64>) -> String {
    match (seeds.first(), seeds.last()) {
        (Some(first), Some(last)) if seeds.len() > 1 && last - first == seeds.len() as u64 - 1 => {
            format!("seeds {first} to {last}")
        }
        (Some(_), Some(_)) if seeds.len() <= 20 => {
            let word = if seeds.len() == 1 { "seed" } else { "seeds" };
            format!("{word} {}", seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
        }
        (Some(_), Some(_)) => counted(seeds.len(), "seed"),
        _ => "no seeds".to_owned(),
    }
}

/// The claims, data set by data set.
pub(crate) fn all_claims(analysis: &Analysis) -> String {
    let fewest = analysis.cells.iter().map(|cell| cell.seeds.len()).min().unwrap_or(0);
    let mut out = format!(
        "<p>Each claim is judged by the 95 % intervals of its differences, corrected for their \
         number: <em>supported</em> if all of them lie where the claim puts them, \
         <em>contradicted</em> if the opposite of one is shown, <em>undecided</em> else. \
         Undecided is not refuted. \
         An interval lies beyond a bound exactly where the two-sided test against that bound has \
         p &lt; {SIGNIFICANT}; a verdict asks it of the p after Holm\u{2019}s correction over all \
         tests of the claims that compare runs on a data set, and over those of class shares. \
         With fewer than {FEWEST_SEEDS} seeds there is no verdict, and where every seed has the \
         same difference there is nothing to test. \
         Accuracies are compared by paired t intervals, deviations by the Pitman-Morgan test, \
         shares of classes by Newcombe\u{2019}s interval; \
         \u{201c}by far\u{201d} is beyond {BY_FAR} points, \u{201c}level\u{201d} within {LEVEL} \
         points of 0, \u{201c}no improvement\u{201d} below {LEVEL} points. \
         The intervals shown are each difference\u{2019}s own, not corrected.</p>"
    );
    if fewest < comparisons::WILCOXON_SEEDS {
        let _ = write!(
            out,
            "<p class=\"warning\"><strong>Few seeds.</strong> Some regimes have {fewest}: \
             intervals are wide, and {}.</p>",
            if fewest < FEWEST_SEEDS {
                "below five seeds no verdict is given"
            } else {
                "few verdicts are possible"
            }
        );
    }
    out.extend(analysis.claims.iter().map(claims));
    out
}

/// The claims of one data set.
fn claims(of: &DataClaims) -> String {
    let made = if of.synthetic {
        " These images are synthetic: the verdicts are about made-up organs, not patients."
    } else {
        ""
    };
    let mut out = format!(
        "<h3>On {}</h3><p>Of the paper\u{2019}s twelve claims, these runs support {}, contradict \
         {} and leave {}.{made}</p>",
        escape(&of.data),
        of.count(Verdict::Supported),
        of.count(Verdict::Contradicted),
        of.undecided()
    );
    out += "<ol class=\"claims\">";
    for claim in &of.claims {
        out += &one_claim(claim, &of.data);
    }
    out + "</ol>"
}

fn one_claim(claim: &Claim, data: &str) -> String {
    let (word, words) = (claim.verdict.word(), claim.verdict_in_words());
    let mark = match word {
        "supported" => "\u{2713}",
        "contradicted" => "\u{2717}",
        _ => "?",
    };
    let note = claim
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!("<p class=\"note\">{}</p>", escape(note)));
    let caption = format!("What claim {} rests on", claim.number);
    let mut table = Table::new(
        &format!("t-claim-{}-{}", slug(data), claim.number),
        &caption,
        &[
            "comparison",
            "expected",
            "n",
            "difference",
            "95 % interval",
            "p",
            "Holm p",
            "so it is",
            "seeds for \u{b1}1",
        ],
    );
    for part in &claim.parts {
        table.row(claim_row(part));
    }
    format!(
        "<li><p><strong>{}</strong></p><p><span class=\"verdict {word}\"><span \
         aria-hidden=\"true\">{mark}</span> {words}</span> \
         {}</p>{note}<details><summary>{}</summary>{}</details></li>",
        escape(claim.text),
        escape(&claim.sentence),
        counted(claim.parts.len(), "comparison"),
        table.markup()
    )
}

fn claim_row(part: &Part) -> Vec<Entry> {
    let places = if part.unit == "bits" { 3 } else { 1 };
    let verdict = if part.rule.is_some() { part.verdict_in_words() } else { "reported".to_owned() };
    vec![
        Entry::Text(part.what.clone()),
        Entry::Text(part.rule.map_or("\u{2013}", |rule| rule.words()).into()),
        number(Some(part.n as f64), |n| plain(n, 0)),
        number(part.difference, |d| format!("{} {}", signed(d, places), part.unit)),
        Entry::Figures(part.span(places)),
        number(part.p, p_value),
        number(part.holm_p, p_value),
        Entry::Text(verdict),
        number(part.seeds_needed.map(|n| n as f64), |n| plain(n, 0)),
    ]
}

const CELLS_CAPTION: &str = "Mean \u{b1} standard deviation over the seeds: validation accuracy \
                             after the best and the last epoch; \
    on the test split: accuracy, balanced accuracy, macro-F1, AUC, calibration error (ECE) and \
    negative log-likelihood (NLL); \
    the drop from the best validation to test accuracy";

/// Means and deviations of every cell.
pub(crate) fn table(analysis: &Analysis) -> String {
    let mut head = vec!["cell", "labels", "seeds"];
    head.extend(METRICS.iter().map(|metric| metric.head()));
    head.push("drop (points)");
    let mut table = Table::new("t-cells", CELLS_CAPTION, &head);
    let places = |least: usize, of: &dyn Fn(&CellNumbers) -> Option<Summary>| {
        let error = |cell| of(cell).and_then(|summary| summary.standard_error());
        analysis.cells.iter().map(|cell| digits(error(cell))).fold(least, usize::max)
    };
    let of_metric = METRICS
        .each_ref()
        .map(|metric| places(metric.least_digits(), &|cell| cell.metric(*metric)));
    let of_drop = places(1, &|cell| Some(cell.drop));
    for cell in analysis.cells.iter().take(MOST_ROWS) {
        let mut row = vec![
            Entry::Text(cell.name.clone()),
            number(Some(cell.labels as f64), |labels| plain(labels, 0)),
            number(Some(cell.seeds.len() as f64), |seeds| plain(seeds, 0)),
        ];
        let of_metric = METRICS.iter().zip(of_metric);
        row.extend(
            of_metric.map(|(metric, places)| mean_and_deviation(cell.metric(*metric), places)),
        );
        row.push(mean_and_deviation(Some(cell.drop), of_drop));
        table.row(row);
    }
    let fewer: BTreeSet<(usize, usize)> = analysis
        .cells
        .iter()
        .filter_map(|cell| Some((cell.auc_classes?, cell.confusion.len())))
        .collect();
    let note = |(classes, all): &(usize, usize)| match classes {
        0 => "<p class=\"note\">AUC is not defined where the test split has a single class.</p>"
            .to_owned(),
        _ => {
            format!(
                "<p class=\"note\">AUC is a mean over the {classes} of {all} classes that the \
                 test split has.</p>"
            )
        }
    };
    let notes: String = fewer.iter().map(note).collect();
    table.markup() + &notes + &cut(analysis.cells.len())
}

/// A sentence's beginning.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn cut(rows: usize) -> String {
    if rows <= MOST_ROWS {
        String::new()
    } else {
        format!(
            "<p class=\"note\">The first {MOST_ROWS} of {rows} rows; all are in \
             <code>results.csv</code>.</p>"
        )
    }
}

fn mean_and_deviation(summary: Option<Summary>, places: usize) -> Entry {
    let sd = summary
        .and_then(|summary| summary.sd)
        .map_or_else(String::new, |sd| format!(" \u{b1} {}", plain(sd, places)));
    number(summary.map(|summary| summary.mean), |mean| format!("{}{sd}", plain(mean, places)))
}

/// Figures of a section among which the reader chooses, or all of them where there is nothing to
/// choose.
pub(crate) fn choosable(section: &str, label: &str, figures: &[Figure]) -> String {
    let of_section: Vec<&Figure> =
        figures.iter().filter(|figure| figure.section == section).collect();
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
        return within(section, &of_section);
    }
    let mut out = choice(section, label, &choices, 0);
    for (i, name) in choices.iter().enumerate() {
        let of_choice: Vec<&Figure> =
            of_section.iter().copied().filter(|f| f.choice == *name).collect();
        out +=
            &panel(section, &i.to_string(), i == 0, &within(&format!("{section}-{i}"), &of_choice));
    }
    out
}

/// Figures of one choice: those without a second choice, then those among which the reader chooses
/// again.
fn within(group: &str, figures: &[&Figure]) -> String {
    let (inner, plain): (Vec<&Figure>, Vec<&Figure>) =
        figures.iter().partition(|figure| !figure.second.is_empty());
    let mut out: String = plain.into_iter().map(figure).collect();
    if inner.len() > 1 {
        out += "<p class=\"note printed\">On paper: the images of the seed that was chosen on the \
                page.</p>";
        let names: Vec<String> = inner.iter().map(|figure| figure.second.clone()).collect();
        out += &choice(group, "Images of", &names, 0);
        out += "<div class=\"galleries\">";
        for (i, one) in inner.iter().enumerate() {
            out += &panel(group, &i.to_string(), i == 0, &figure(one));
        }
        out += "</div>";
    } else {
        out.extend(inner.into_iter().map(figure));
    }
    out
}

fn choice(group: &str, label: &str, options: &[String], chosen: usize) -> String {
    let mut out = format!(
        "<p class=\"choice\"><label for=\"choose-{group}\">{label}</label> <select \
         id=\"choose-{group}\" data-choose=\"{group}\">"
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
        "<figure id=\"figure-{id}\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Figure {id}\">{}</div><figcaption>{} <span \
         class=\"files\">figures/{id}.svg, .png, .csv</span></figcaption></figure>",
        figure.svg.finish(false),
        escape(&figure.caption)
    )
}

/// Every run, one a row.
pub(crate) fn runs(loaded: &Loaded, cells: &[Cell<'_>]) -> String {
    let mut table = Table::new(
        "t-runs",
        "Every finished run",
        &[
            "cell",
            "seed",
            "labels",
            "validation, best (%)",
            "validation, last (%)",
            "test (%)",
            "run",
        ],
    );
    let all = cells.iter().flat_map(|cell| cell.runs.values().map(move |run| (cell, run)));
    for (cell, run) in all.take(MOST_ROWS) {
        let percent = |metric: Metric| number(metric.of(run), |value| plain(value, 2));
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
        "<p class=\"choice\"><label for=\"filter\">Show only rows with</label> <input \
         id=\"filter\" type=\"search\" data-filter=\"t-runs\" autocomplete=\"off\"> <span \
         id=\"filter-count\" role=\"status\"></span></p>{}{}",
        table.markup(),
        cut(loaded.runs.len())
    )
}

/// What is not on the page.
pub(crate) fn troubles(analysis: &Analysis) -> String {
    if analysis.troubles.is_empty() {
        return "<p>None: every run that was begun is finished and could be read.</p>".to_owned();
    }
    let mut table =
        Table::new("t-troubles", "Runs and files that no figure includes", &["kind", "what"]);
    for trouble in analysis.troubles.iter().take(MOST_ROWS) {
        table.row(vec![Entry::Text(trouble.kind.into()), Entry::Text(trouble.what.clone())]);
    }
    table.markup() + &cut(analysis.troubles.len())
}
