//! Accuracy against labels, and what labels are worth.

use super::{figure, mean_and_deviation};
use crate::report::analysis::Analysis;
use crate::report::figures::Figure;
use crate::report::html::{Entry, Table, digits, number, plain};

/// Budget curves, areas and savings.
pub(crate) fn budget(analysis: &Analysis, figures: &[Figure]) -> String {
    if analysis.curves.iter().all(|curve| curve.points.len() < 2) {
        return "<p>Every regime was run at one label budget: there is no curve, no area under it, \
                and no reading of how many labels <em>random</em> would need. \
                A study over several budgets (<code>labels = [70, 139, 279, 557]</code>) shows \
                them here.</p>".to_owned();
    }
    let mut out: String = figures.iter().filter(|f| f.section == "budget").map(figure).collect();
    let mut table = Table::new(
        "t-areas",
        "Area under the budget curve (trapezoid over labels, divided by their range)",
        &["curve", "budgets", "area (%)", "seeds", "mean \u{b1} deviation over the seeds"],
    );
    let areas = analysis.curves.iter().filter_map(|curve| curve.areas);
    let places = areas.map(|areas| digits(areas.standard_error())).fold(1, usize::max);
    for curve in analysis.curves.iter().filter(|curve| curve.points.len() > 1) {
        table.row(vec![
            Entry::Text(curve.name.clone()),
            number(Some(curve.points.len() as f64), |n| plain(n, 0)),
            number(curve.area, |area| plain(area, 1)),
            number(Some(curve.areas.map_or(0.0, |areas| areas.n as f64)), |n| plain(n, 0)),
            mean_and_deviation(curve.areas, places),
        ]);
    }
    out += &table.markup();
    out + &savings(analysis)
}

/// What labels are worth against random sampling, both ways round.
fn savings(analysis: &Analysis) -> String {
    if analysis.savings.is_empty() {
        return String::new();
    }
    let mut table = Table::new(
        "t-savings",
        "Labels against random sampling: how many random needs for a cell\u{2019}s mean test \
         accuracy, and how many the cell\u{2019}s own curve needs for that of random",
        &[
            "cell",
            "its labels",
            "labels of random",
            "ratio",
            "random with its labels (%)",
            "labels for that",
            "labels saved (%)",
        ],
    );
    for saving in &analysis.savings {
        let labels = saving.labels as f64;
        let not_reached = |value: Option<f64>, what: &str| match value {
            Some(_) => number(value, |labels| plain(labels, 0)),
            None => Entry::Figures(what.to_owned()),
        };
        let is_compared = saving.random_accuracy.is_some();
        table.row(vec![
            Entry::Text(analysis.cells[saving.cell].name.clone()),
            number(Some(labels), |n| plain(n, 0)),
            not_reached(saving.random_labels, "more than were run"),
            number(saving.random_labels.map(|needed| needed / labels), |ratio| plain(ratio, 2)),
            number(saving.random_accuracy, |accuracy| plain(accuracy, 1)),
            not_reached(
                saving.own_labels,
                if is_compared { "more than were run" } else { "\u{2013}" },
            ),
            number(saving.own_labels.map(|own| 100.0 * (1.0 - own / labels)), |saved| {
                plain(saved, 0)
            }),
        ]);
    }
    table.markup()
        + "<p class=\"note\">Read off straight lines between the means, without an interval: \
           where curves are flat or cross, small errors of the means move these numbers far. \
           A number equal to the smallest budget means that or fewer.</p>"
}
