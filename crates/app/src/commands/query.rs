//! `fewlabel query`: any strategy, on images or on the arrays of any model.

mod on_data;
mod pool;

use crate::data_set::DataOptions;
use crate::options::{Common, count, number};
use crate::{rows, screen};
use clap::{Args, ValueEnum};
use fewlabel_learn::acquire::{Options, Picks, Ties};
use serde::Serialize;
use std::path::PathBuf;

/// Arguments of `query`: on images with `--data`, else on arrays, row i of which is image i.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How to choose, for example entropy, bald, badge, core-set or power-bald.
    #[arg(long, value_name = "NAME")]
    strategy: String,
    /// How many images to choose.
    #[arg(long, value_name = "K")]
    batch: usize,
    /// Choose among the training images of this data set that have no label: a catalogue name or a
    /// path.
    #[arg(long, value_name = "D", conflicts_with_all = ["probs", "mc_probs", "features",
        "target_mc_probs", "view_probs", "mc_order"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    options: DataOptions,
    /// Labels that a person wrote into a table with the columns path and label.
    #[arg(long, value_name = "L.csv", requires = "data")]
    answers: Vec<PathBuf>,
    /// Look at the features of this encoder of `pretrain` [default: at the pixels].
    #[arg(long, value_name = "E", requires = "data")]
    encoder: Option<PathBuf>,
    /// Look at the predictions of this model.
    #[arg(long, value_name = "M", requires = "data", conflicts_with = "encoder")]
    model: Option<PathBuf>,
    /// Write the table to fill in here: path and label, the labels empty.
    #[arg(long, value_name = "todo.csv", requires = "data")]
    out: Option<PathBuf>,
    /// Write the pictures of the images that were chosen here, a .png or .svg.
    #[arg(long, value_name = "S.png", requires = "data")]
    sheet: Option<PathBuf>,
    /// Class probabilities [n, classes]: a .npy, or a .npz with one array (FILE.npz:NAME of
    /// several).
    #[arg(long, value_name = "FILE")]
    probs: Option<PathBuf>,
    /// Probabilities of several passes [n, samples, classes], or as --mc-order says.
    #[arg(long, value_name = "FILE")]
    mc_probs: Option<PathBuf>,
    /// Features [n, dim].
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// Rows already labelled, never chosen: a JSON array, or what `query --json` printed. Several
    /// files add up.
    #[arg(long, value_name = "FILE")]
    labelled: Vec<PathBuf>,
    /// Probabilities of several passes on the target images [targets, samples, classes].
    #[arg(long, value_name = "FILE")]
    target_mc_probs: Option<PathBuf>,
    /// Probabilities under augmented views [n, views, classes], the image itself first.
    #[arg(long, value_name = "FILE")]
    view_probs: Option<PathBuf>,
    /// Axes of --mc-probs, --target-mc-probs and --view-probs, n images, t passes and c classes:
    /// ntc is read in blocks, tnc as a whole [default: ntc].
    #[arg(long, value_enum, value_name = "ORDER")]
    mc_order: Option<McOrder>,
    /// Which of several images of equal score comes first.
    #[arg(long, value_enum, default_value_t = How::Seeded)]
    ties: How,
    /// Sharpness of power-, softmax- and softrank- batches.
    #[arg(long, value_name = "B", default_value_t = Options::default().beta,
        value_parser = number::<f64>)]
    beta: f64,
    /// Draws of batchbald, which is exact while its classes have no more combinations.
    #[arg(long, value_name = "M", default_value_t = Options::default().draws,
        value_parser = count::<usize>)]
    draws: usize,
    /// Radius of probcover [default: by purity].
    #[arg(long, value_name = "R", value_parser = number::<f64>)]
    delta: Option<f64>,
    /// Share of the images that are to have one cluster within the radius of probcover.
    #[arg(long, value_name = "P", default_value_t = Options::default().purity,
        value_parser = number::<f64>)]
    purity: f64,
    /// Number of classes, for the radius of probcover [default: as many as the probabilities have].
    #[arg(long, value_name = "C", value_parser = count::<usize>)]
    classes: Option<usize>,
    /// Go on where the work on all pairs of images would take too long or too much memory.
    #[arg(long)]
    force: bool,
}

/// The order of three axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum McOrder {
    /// Images, passes, classes.
    #[default]
    Ntc,
    /// Passes, images, classes.
    Tnc,
}

/// See [`Ties`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// The one that comes first in an order named by --seed.
    Seeded,
    /// The one of lower number, as in the paper.
    LowerIndex,
}

impl From<How> for Ties {
    fn from(how: How) -> Self {
        match how {
            How::Seeded => Self::Seeded,
            How::LowerIndex => Self::LowerIndex,
        }
    }
}

/// What is printed.
#[derive(Serialize)]
struct Answer<'a> {
    strategy: &'a str,
    seed: u64,
    batch: usize,
    threads: usize,
    indices: &'a [u32],
    scores: &'a [f64],
    score_unit: &'a str,
    ties: Ties,
    /// Whether every score was the same, so that ties alone chose.
    all_equal: bool,
    /// Of choosing, without reading files.
    seconds: f64,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    if let Some(data) = &arguments.data {
        return on_data::run(arguments, data, common);
    }
    let labelled = rows::read_all(&arguments.labelled)?;
    let (picks, seconds) = pool::pick(arguments, &labelled, common)?;
    let Picks { indices, scores, unit, all_equal } = &picks;
    let (ties, all_equal) = (Ties::from(arguments.ties), *all_equal);
    if all_equal {
        screen::note(&format!("warning: {}", ties.alone_chose()));
    }
    if common.json {
        return screen::print_json(&Answer {
            strategy: &arguments.strategy,
            seed: common.seed,
            batch: arguments.batch,
            threads: common.threads(),
            indices,
            scores,
            score_unit: unit,
            ties,
            all_equal,
            seconds,
        });
    }
    let row = |(rank, (image, score)): (usize, (&u32, &f64))| {
        vec![(rank + 1).to_string(), image.to_string(), format!("{score:.6}")]
    };
    let head = vec!["rank".to_owned(), "image".to_owned(), format!("score ({unit})")];
    let table = screen::table_of(head, indices.iter().zip(scores).enumerate().map(row));
    screen::print(&format!("{table}\n"))
}
