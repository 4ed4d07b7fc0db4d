//! Where the models err and how sure they are: confusions, recall, calibration.

use super::{Figure, data_of, slug};
use crate::evaluate::stats::Summary;
use crate::report::analysis::Analysis;
use crate::report::cell::{Cell, Metric};
use crate::report::chart::{Calibration, FEW_IMAGES, Heat, Ramp, heat_map, reliability_plot};
use crate::report::load::{Data, Loaded};
use crate::report::tables::Csv;

/// More columns than this have no room for deviations.
const MOST_WITH_DEVIATION: usize = 7;

pub(super) fn confusion(
    index: usize,
    cell: &Cell<'_>,
    analysis: &Analysis,
    loaded: &Loaded,
) -> Figure {
    let data = data_of(loaded, cell);
    let counts = &analysis.cells[index].confusion;
    let order = data.order(counts.len());
    let mut csv = Csv::new(&["class", "predicted", "images"]);
    let tiles = order
        .iter()
        .map(|&class| {
            let total = counts[class].iter().sum::<u64>().max(1) as f64;
            order
                .iter()
                .map(|&predicted| {
                    csv.row(&[
                        data.class(class),
                        data.class(predicted),
                        counts[class][predicted].to_string(),
                    ]);
                    let share = counts[class][predicted] as f64 / total;
                    let text =
                        if share < 0.005 { String::new() } else { format!("{:.0}", 100.0 * share) };
                    Some((text, share))
                })
                .collect()
        })
        .collect();
    let names: Vec<String> = order.iter().map(|&class| data.class(class)).collect();
    let frames = data.frames(&order);
    let framed =
        if frames.is_empty() { "" } else { " A frame holds the left and the right of one organ." };
    let heat = Heat {
        title: "Confusion matrix",
        row_axis: "true class",
        column_axis: "predicted class (numbered as the rows), % of the true class",
        rows: names.clone(),
        columns: names,
        ramp: Ramp::Share,
        frames,
        tiles,
    };
    let swaps = analysis.cells[index].side_swaps.map_or_else(String::new, |swaps| {
        format!(" Of the errors on organs with a left and a right, {swaps:.0} % swap the sides.")
    });
    let caption = format!(
        "{}: test images of all seeds together, in per cent of the true class; blank: below 0.5 \
         %.{framed}{swaps}",
        cell.name
    );
    let id = format!("confusion-{}", slug(&cell.name));
    Figure {
        id,
        section: "confusion",
        choice: cell.name.clone(),
        second: String::new(),
        caption,
        svg: heat_map(&heat),
        csv: csv.text(),
    }
}

pub(super) fn recall(
    number: usize,
    data: &Data,
    cells: &[Cell<'_>],
    analysis: &Analysis,
) -> Option<Figure> {
    let of_data: Vec<usize> =
        (0..cells.len()).filter(|&i| cells[i].checksum() == data.checksum).collect();
    let classes = of_data.iter().map(|&i| analysis.cells[i].recall.len()).max()?;
    let mut csv = Csv::new(&["class", "cell", "recall_percent", "deviation"]);
    let order = data.order(classes);
    let mut lowest: Option<(f64, String)> = None;
    let mut tile = |class: usize, i: usize| {
        let recall = (*analysis.cells[i].recall.get(class)?)?;
        let deviation = analysis.cells[i].recall_deviation[class];
        let deviation_text = deviation.map_or_else(String::new, |deviation| deviation.to_string());
        csv.row(&[data.class(class), cells[i].name.clone(), recall.to_string(), deviation_text]);
        if lowest.as_ref().is_none_or(|(value, _)| recall < *value) {
            lowest = Some((recall, format!("{} by {}", data.class(class), cells[i].name)));
        }
        let text = match deviation.filter(|_| of_data.len() <= MOST_WITH_DEVIATION) {
            Some(deviation) => format!("{recall:.0} \u{b1} {deviation:.0}"),
            None => format!("{recall:.0}"),
        };
        Some((text, recall / 100.0))
    };
    let tiles =
        order.iter().map(|&class| of_data.iter().map(|&i| tile(class, i)).collect()).collect();
    let heat = Heat {
        title: "Recall of each class",
        row_axis: "class",
        column_axis: "test recall (%), mean \u{b1} deviation over the seeds",
        rows: order.iter().map(|&class| data.class(class)).collect(),
        columns: of_data.iter().map(|&i| cells[i].name.clone()).collect(),
        ramp: Ramp::Share,
        frames: Vec::new(),
        tiles,
    };
    let lowest = lowest
        .map_or_else(String::new, |(recall, who)| format!(" Found least: {who}, {recall:.0} %."));
    let caption = format!(
        "Recall of each class on the test split of {}: of its images, the share that is found; \
         mean over the seeds.{lowest}",
        data.name
    );
    Some(Figure {
        id: if number == 0 { "recall".into() } else { format!("recall-{}", number + 1) },
        section: "recall",
        choice: data.name.clone(),
        second: String::new(),
        caption,
        svg: heat_map(&heat),
        csv: csv.text(),
    })
}

pub(super) fn calibration(cells: &[Cell<'_>]) -> Figure {
    let mut csv = Csv::new(&["cell", "bin", "images", "confidence", "accuracy"]);
    let models: Vec<Calibration> = cells
        .iter()
        .map(|cell| {
            let count =
                cell.runs.values().map(|run| run.result.test.reliability.len()).max().unwrap_or(0);
            let mut bins = Vec::new();
            for bin in 0..count {
                let (mut images, mut confidence, mut right) = (0.0, 0.0, 0.0);
                for bin in cell.runs.values().filter_map(|run| run.result.test.reliability.get(bin))
                {
                    images += f64::from(bin.images);
                    confidence += f64::from(bin.images) * bin.confidence;
                    right += f64::from(bin.images) * bin.accuracy;
                }
                if images > 0.0 {
                    bins.push((confidence / images, right / images, images));
                    csv.row(&[
                        cell.name.clone(),
                        bin.to_string(),
                        images.to_string(),
                        (confidence / images).to_string(),
                        (right / images).to_string(),
                    ]);
                }
            }
            let ece = Summary::of(&cell.values(Metric::TestEce)).expect("a cell has runs").mean;
            Calibration { name: cell.name.clone(), note: format!("ECE {ece:.1} %"), bins }
        })
        .collect();
    let svg = reliability_plot("Reliability of the predicted probabilities", &models);
    let caption = format!(
        "Reliability on the test images of all seeds together: below the diagonal a model is \
         surer than it is right. The area of a dot grows with its images; hollow: fewer than \
         {FEW_IMAGES}. ECE is the mean over the seeds, 15 bins."
    );
    Figure {
        id: "calibration".into(),
        section: "calibration",
        choice: String::new(),
        second: String::new(),
        caption,
        svg,
        csv: csv.text(),
    }
}
