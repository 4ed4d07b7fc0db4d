//! Every comparison of two cells, with all that the statistics say of it.

use super::{MOST_ROWS, choice, cut, figure, panel};
use crate::evaluate::claims::p_value;
use crate::report::analysis::{Analysis, Comparison};
use crate::report::cell::{METRICS, Metric};
use crate::report::figures::Figure;
use crate::report::html::{Entry, Table, digits, interval, number, plain, signed, span};
use std::fmt::Write;

/// Below so many seeds Wilcoxon's test cannot reach 0.05.
pub(super) const WILCOXON_SEEDS: usize = 6;
/// Below so many seeds bootstrap intervals are too narrow.
pub(super) const BOOTSTRAP_SEEDS: usize = 10;

/// The comparisons, metric by metric.
pub(crate) fn comparisons(analysis: &Analysis, figures: &[Figure]) -> String {
    let metrics: Vec<Metric> = METRICS
        .into_iter()
        .filter(|metric| analysis.comparisons.iter().any(|c| c.metric == *metric))
        .collect();
    if metrics.is_empty() {
        return "<p>There are no two cells that share a seed: nothing to compare.</p>".to_owned();
    }
    let mut out = warnings(analysis) + HOW_TO_READ;
    let first = metrics.iter().position(|metric| *metric == Metric::TestAccuracy).unwrap_or(0);
    let titles: Vec<String> = metrics.iter().map(|metric| metric.title().to_owned()).collect();
    out += &choice("metric", "Metric", &titles, first);
    for (i, metric) in metrics.iter().enumerate() {
        let body: String = figures
            .iter()
            .filter(|f| f.section == "matrix" && f.choice == metric.title())
            .map(figure)
            .collect();
        out += &panel(
            "metric",
            &i.to_string(),
            i == first,
            &format!("{body}{}", table(analysis, *metric)),
        );
    }
    out
}

const HOW_TO_READ: &str = "<details><summary>How to read the table</summary><p>Every difference \
                           is the first cell minus the second, taken seed by seed. \
    The t interval leads; the others stand beside it. Holm\u{2019}s correction runs over all \
    comparisons of one data set and metric. \
    The effect size is the mean difference over the deviation of the differences, with \
    Hedges\u{2019} correction. \
    Where every seed has the same difference (\u{201c}the same in every seed\u{201d}) there is no \
    spread, and so no interval, no test and no effect size. \
    The win rate is the share of seeds in which the first is better than the second (ECE and NLL: \
    smaller); a tie counts half. \
    The last column is the number of seeds at which a true difference of that size would be \
    detected with 80 % power, at the spread seen here. \
    \u{2020} fewer than 6 seeds: Wilcoxon\u{2019}s test cannot reach 0.05. \u{2021} fewer than 10 \
    seeds: the bootstrap interval is too narrow.</p></details>";

fn warnings(analysis: &Analysis) -> String {
    let fewest =
        analysis.comparisons.iter().map(|comparison| comparison.paired.n).min().unwrap_or(0);
    let mut out = String::new();
    if fewest > 0 && fewest < WILCOXON_SEEDS {
        let _ = write!(
            out,
            "<p class=\"warning\"><strong>Few seeds.</strong> With fewer than {WILCOXON_SEEDS} \
             seeds (here {fewest}) Wilcoxon\u{2019}s test cannot reach 0.05, whatever the data.</p>"
        );
    }
    if fewest > 0 && fewest < BOOTSTRAP_SEEDS {
        let _ = write!(
            out,
            "<p class=\"warning\"><strong>Narrow bootstrap.</strong> Below {BOOTSTRAP_SEEDS} \
             seeds (here {fewest}) bootstrap intervals are too narrow; read the t interval.</p>"
        );
    }
    out
}

fn table(analysis: &Analysis, metric: Metric) -> String {
    let caption = format!("{}: first minus second, paired by seed", metric.title());
    let head = [
        "first \u{2212} second",
        "seeds",
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
    let error = |comparison: &&Comparison| {
        comparison.paired.sd.map(|sd| sd / (comparison.paired.n as f64).sqrt())
    };
    let places =
        of_metric.iter().map(|one| digits(error(one))).fold(metric.least_digits(), usize::max);
    for comparison in of_metric.iter().take(MOST_ROWS) {
        table.row(row(analysis, comparison, places));
    }
    table.markup() + &cut(of_metric.len())
}

fn row(analysis: &Analysis, comparison: &Comparison, places: usize) -> Vec<Entry> {
    let paired = &comparison.paired;
    let name = |cell: usize| &analysis.cells[cell].name;
    let dagger = if paired.n < WILCOXON_SEEDS { "\u{2020}" } else { "" };
    let double =
        if paired.n < BOOTSTRAP_SEEDS && paired.bootstrap.is_some() { "\u{2021}" } else { "" };
    vec![
        Entry::Text(format!("{} \u{2212} {}", name(comparison.first), name(comparison.second))),
        number(Some(paired.n as f64), |n| plain(n, 0)),
        number(Some(paired.mean), |mean| signed(mean, places)),
        Entry::Figures(interval(paired, places)),
        Entry::Figures(span(paired.bootstrap, places) + double),
        number(paired.t_p, p_value),
        number(paired.wilcoxon_p, |p| p_value(p) + dagger),
        number(comparison.holm_p, p_value),
        number(paired.effect_size, |d| signed(d, 1)),
        number(Some(100.0 * paired.win_rate), |rate| plain(rate, 0)),
        number(comparison.seeds_needed.map(|n| n as f64), |n| plain(n, 0)),
    ]
}
