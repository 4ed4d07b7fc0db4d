//! What each class comes to: sensitivity, specificity and positive predictive value.

use crate::evaluate::per_class::{Share, figures};
use crate::evaluate::stats::Summary;
use crate::report::cell::Cell;
use crate::report::html::{Entry, Table, escape};
use crate::report::load::Loaded;

/// Cells whose classes are shown.
const SHOWN: usize = 12;
/// What a figure of a class is called and how it is read from one run's figures.
type Kind = (&'static str, fn(&crate::evaluate::per_class::ClassFigures) -> Option<Share>);
const KINDS: [Kind; 3] = [
    ("sensitivity (%)", |figures| figures.sensitivity),
    ("specificity (%)", |figures| figures.specificity),
    ("PPV (%)", |figures| figures.ppv),
];

/// One table a cell, folded up: the mean over the seeds, with Student's 95 % interval where there
/// are several seeds that differ, else Wilson's of the one run.
pub(crate) fn classes(loaded: &Loaded, cells: &[Cell<'_>]) -> String {
    let mut out = String::new();
    for (number, cell) in cells.iter().take(SHOWN).enumerate() {
        let data = loaded.subjects.iter().find(|data| data.checksum == cell.checksum());
        let classes = cell.first().result.test.confusion.len();
        let name = |class: usize| data.map_or_else(|| class.to_string(), |data| data.class(class));
        let names: Vec<String> = (0..classes).map(name).collect();
        let none = vec![None; classes];
        let of_runs: Vec<_> = cell
            .runs
            .values()
            .map(|run| figures(&names, &run.result.test.confusion, &none))
            .collect();
        let id = format!("t-classes-{}", number + 1);
        let caption = format!(
            "{}: each class of the test split, with its 95 % interval over {}",
            cell.name,
            if of_runs.len() > 1 { "the seeds" } else { "the images (Wilson)" }
        );
        let mut head = vec!["class", "images"];
        head.extend(KINDS.iter().map(|(name, _)| *name));
        let mut table = Table::new(&id, &caption, &head);
        for class in 0..classes {
            let mut row = vec![
                Entry::Text(names[class].clone()),
                Entry::Figures(of_runs[0][class].images.to_string()),
            ];
            for (_, figure) in KINDS {
                let shares: Vec<Share> =
                    of_runs.iter().filter_map(|figures| figure(&figures[class])).collect();
                row.push(Entry::Figures(in_words(&shares)));
            }
            table.row(row);
        }
        let name = escape(&cell.name);
        out += &format!(
            "<details><summary>Each class of {name}</summary>{}</details>",
            table.markup()
        );
    }
    out
}

/// The mean of the shares that there are, in per cent, and its interval.
fn in_words(shares: &[Share]) -> String {
    let values: Vec<f64> = shares.iter().map(|share| 100.0 * share.value).collect();
    let (Some(summary), Some(first)) = (Summary::of(&values), shares.first()) else {
        return String::new();
    };
    let interval = match summary.t_interval() {
        Some(interval) => Some((interval.low.max(0.0), interval.high.min(100.0))),
        None if shares.len() == 1 => Some((100.0 * first.low, 100.0 * first.high)),
        None => None,
    };
    match interval {
        Some((low, high)) => format!("{:.1} ({low:.1} to {high:.1})", summary.mean),
        None => format!("{:.1}", summary.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_over_seeds_or_over_the_images_of_one() {
        let share = |hits| Share::of(hits, 10).expect("of ten");
        assert_eq!(in_words(&[]), "");
        assert_eq!(in_words(&[share(8)]), "80.0 (49.0 to 94.3)");
        assert_eq!(in_words(&[share(8), share(8)]), "80.0", "equal values have no spread");
        // from scipy import stats; stats.t.interval(.95, 2, 80, 10 / 3 ** .5)
        assert_eq!(in_words(&[share(7), share(8), share(9)]), "80.0 (55.2 to 100.0)");
    }
}
