//! `fewlabel query`: any strategy, on the arrays of any model.

mod pool;

use crate::cli::Common;
use crate::screen;
use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use fewlabel_learn::acquire::{Options, Picks};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Arguments of `query`. Row i of every array is image i of the whole data set.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How to choose, for example entropy, bald, badge, core-set or power-bald.
    #[arg(long, value_name = "NAME")]
    strategy: String,
    /// How many images to choose.
    #[arg(long, value_name = "K")]
    batch: usize,
    /// Class probabilities [n, classes]: a .npy, or a .npz with one array (FILE.npz:NAME of several).
    #[arg(long, value_name = "FILE")]
    probs: Option<PathBuf>,
    /// Probabilities of several passes [n, samples, classes].
    #[arg(long, value_name = "FILE")]
    mc_probs: Option<PathBuf>,
    /// Features [n, dim].
    #[arg(long, value_name = "FILE")]
    features: Option<PathBuf>,
    /// Rows already labelled, never chosen: a JSON array.
    #[arg(long, value_name = "FILE")]
    labelled: Option<PathBuf>,
    /// Probabilities of several passes on the target images [targets, samples, classes].
    #[arg(long, value_name = "FILE")]
    target_mc_probs: Option<PathBuf>,
    /// Probabilities under augmented views [n, views, classes], the image itself first.
    #[arg(long, value_name = "FILE")]
    view_probs: Option<PathBuf>,
    /// Sharpness of power-, softmax- and softrank- batches.
    #[arg(long, value_name = "B", default_value_t = Options::default().beta)]
    beta: f64,
    /// Draws of batchbald, which is exact while its classes have no more combinations.
    #[arg(long, value_name = "M", default_value_t = Options::default().draws, value_parser = positive)]
    draws: usize,
    /// Radius of probcover [default: by purity].
    #[arg(long, value_name = "R")]
    delta: Option<f64>,
    /// Share of the images that are to have one cluster within the radius of probcover.
    #[arg(long, value_name = "P", default_value_t = Options::default().purity)]
    purity: f64,
    /// Number of classes, for the radius of probcover [default: as many as the probabilities have].
    #[arg(long, value_name = "C", value_parser = positive)]
    classes: Option<usize>,
    /// Go on where the work on all pairs of images would take too long or too much memory.
    #[arg(long)]
    force: bool,
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
    /// Of choosing, without reading files.
    seconds: f64,
}

/// A number above 0.
fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a whole number".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let labelled = match &arguments.labelled {
        Some(path) => read_labelled(path)?,
        None => Vec::new(),
    };
    let (picks, seconds) = pool::pick(arguments, &labelled, common)?;
    let Picks { indices, scores, unit } = &picks;
    if common.json {
        return screen::print_json(&Answer {
            strategy: &arguments.strategy,
            seed: common.seed,
            batch: arguments.batch,
            threads: common.threads(),
            indices,
            scores,
            score_unit: unit,
            seconds,
        });
    }
    let mut table = Table::new();
    table.set_header(["rank".to_owned(), "image".to_owned(), format!("score ({unit})")]);
    for (rank, (image, score)) in indices.iter().zip(scores).enumerate() {
        table.add_row([(rank + 1).to_string(), image.to_string(), format!("{score:.6}")]);
    }
    screen::print(&format!("{table}\n"))
}

/// A JSON array of row numbers.
fn read_labelled(path: &Path) -> anyhow::Result<Vec<u32>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: expected a JSON array of row numbers", path.display()))
}
