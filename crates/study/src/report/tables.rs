//! The report as Markdown and CSV.

use super::analysis::Analysis;
use super::cell::{METRICS, Metric};
use super::gain::gain;
use super::html::{digits, plain, signed};
use crate::evaluate::claims::p_value;
use fewlabel_learn::counted;
use std::fmt::Write;

/// Below so many seeds a reader is warned.
const FEW_SEEDS: usize = 6;

/// CSV in progress.
pub(crate) struct Csv(String);

impl Csv {
    /// A table with these columns.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self(head.join(",") + "\n")
    }

    /// Adds a row, quoting what needs it.
    pub(crate) fn row(&mut self, fields: &[String]) {
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            if field.contains([',', '"', '\n', '\r']) {
                let _ = write!(self.0, "\"{}\"", field.replace('"', "\"\""));
            } else {
                self.0.push_str(field);
            }
        }
        self.0.push('\n');
    }

    /// The table.
    pub(crate) fn text(self) -> String {
        self.0
    }
}

/// Every comparison, one a line.
pub(crate) fn csv(analysis: &Analysis) -> String {
    let head = [
        "data",
        "metric",
        "first",
        "second",
        "n",
        "difference",
        "t_low",
        "t_high",
        "bootstrap_low",
        "bootstrap_high",
        "t_p",
        "wilcoxon_p",
        "holm_p",
        "effect_size",
        "win_rate",
        "seeds_needed",
    ];
    let mut csv = Csv::new(&head);
    for comparison in &analysis.comparisons {
        let paired = &comparison.paired;
        let or_empty =
            |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let cell = |index: usize| &analysis.cells[index];
        csv.row(&[
            cell(comparison.first).data.clone(),
            comparison.metric.key().to_owned(),
            cell(comparison.first).name.clone(),
            cell(comparison.second).name.clone(),
            paired.n.to_string(),
            paired.mean.to_string(),
            or_empty(paired.interval.map(|i| i.low)),
            or_empty(paired.interval.map(|i| i.high)),
            or_empty(paired.bootstrap.map(|i| i.low)),
            or_empty(paired.bootstrap.map(|i| i.high)),
            or_empty(paired.t_p),
            or_empty(paired.wilcoxon_p),
            or_empty(comparison.holm_p),
            or_empty(paired.effect_size),
            paired.win_rate.to_string(),
            comparison.seeds_needed.map_or_else(String::new, |n| n.to_string()),
        ]);
    }
    csv.text()
}

/// The cells' means and the claims.
pub(crate) fn markdown(analysis: &Analysis) -> String {
    let runs = counted(analysis.runs, "finished run");
    let mut out = "# Fewlabel report\n\n".to_owned();
    for said in analysis.chance_sentences() {
        let _ = write!(out, "{said}\n\n");
    }
    let _ = write!(out, "{runs}.\n\n| cell | labels | seeds |");
    for metric in METRICS {
        let _ = write!(out, " {} |", metric.title());
    }
    out += &format!("\n|---|---:|---:|{}\n", "---:|".repeat(METRICS.len()));
    for cell in &analysis.cells {
        let _ = write!(out, "| {} | {} | {} |", in_cell(&cell.name), cell.labels, cell.seeds.len());
        for metric in METRICS {
            let Some(summary) = cell.metric(metric) else {
                out += " \u{2013} |";
                continue;
            };
            let places =
                digits(summary.standard_error()).max(if metric == Metric::TestNll { 2 } else { 1 });
            let sd =
                summary.sd.map_or_else(String::new, |sd| format!(" \u{b1} {}", plain(sd, places)));
            let _ = write!(out, " {}{sd} |", plain(summary.mean, places));
        }
        out.push('\n');
    }
    out += &against_baseline(analysis);
    for claims in &analysis.claims {
        let made = if claims.synthetic { " (synthetic images)" } else { "" };
        let _ = write!(
            out,
            "\n## The paper's claims on {}{made}\n\n| | claim | verdict | why |\n\
             |---:|---|---|---|\n",
            in_cell(&claims.data)
        );
        for claim in &claims.claims {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                claim.number,
                claim.text,
                claim.verdict_in_words(),
                in_cell(&claim.sentence)
            );
        }
    }
    if !analysis.troubles.is_empty() {
        out += "\n## Not included\n\n";
        for trouble in &analysis.troubles {
            let _ = writeln!(out, "- {}: {}", trouble.kind, trouble.what);
        }
    }
    out
}

/// What each cell gains over its baseline on test, where there is one.
fn against_baseline(analysis: &Analysis) -> String {
    let mut out = String::new();
    for (i, cell) in analysis.cells.iter().enumerate().filter(|(_, cell)| cell.regime != "random") {
        let Some(baseline) = cell.baseline else { continue };
        let Some(gain) = gain(analysis, Metric::TestAccuracy, i, baseline) else { continue };
        let names =
            format!("{} \u{2212} {}", in_cell(&cell.name), in_cell(&analysis.cells[baseline].name));
        let few = if gain.n < FEW_SEEDS { " (few)" } else { "" };
        let (n, difference, span) = (gain.n, signed(gain.mean, 1), gain.span(1));
        let holm = gain.holm_p.map_or_else(|| "\u{2013}".to_owned(), p_value);
        let is_at_chance = analysis.is_at_chance(&cell.checksum);
        let verdict =
            if is_at_chance { "undecided (at chance)".to_owned() } else { gain.told().words() };
        let _ =
            writeln!(out, "| {names} | {n}{few} | {difference} | {span} | {holm} | {verdict} |");
    }
    if out.is_empty() {
        return out;
    }
    format!(
        "\n## Differences from {}, test accuracy\n\nPoints, paired by seed. With fewer than \
         {FEW_SEEDS} seeds most differences of a few points stay undecided.\n\n\
         | cell | seeds | difference | 95 % t interval | Holm p | verdict |\n\
         |---|---:|---:|---:|---:|---|\n{out}",
        analysis.reference()
    )
}

pub(crate) fn in_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_a_comma_is_quoted() {
        let mut csv = Csv::new(&["a", "b"]);
        csv.row(&["x,\"y\"".into(), "z".into()]);
        assert_eq!(csv.text(), "a,b\n\"x,\"\"y\"\"\",z\n");
    }
}
