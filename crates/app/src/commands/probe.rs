//! `fewlabel probe`: what a few labels are worth on a pretrained encoder.

use crate::data_set::{self, DataOptions};
use crate::options::{Common, count, number};
use crate::screen;
use anyhow::ensure;
use clap::{Args, ValueEnum};
use comfy_table::Table;
use fewlabel_learn::pretrain::Encoder;
use fewlabel_learn::probe::self_training::SelfTraining;
use fewlabel_learn::{Context, counted};
use fewlabel_study::ask::settings::Budget;
use fewlabel_study::evaluate::probe_grid::{self, Cell, Grid, Together};
use fewlabel_study::model_files::read_encoder;
use std::path::PathBuf;

/// Arguments of `probe`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path.
    #[arg(long, value_name = "D")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// Encoder written by `pretrain`; several count as repetitions unless --together says else.
    #[arg(long, value_name = "E.safetensors", required = true)]
    encoder: Vec<PathBuf>,
    /// Labels to spend: numbers or shares such as 1%.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1%")]
    labels: Vec<String>,
    /// Who chooses them.
    #[arg(long, value_name = "S", value_delimiter = ',', default_value = "random,typiclust")]
    strategy: Vec<String>,
    /// Choices of labels for every encoder; their seeds count up from --seed.
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    draws: u16,
    /// Let a second classifier also learn from its own confident answers on the pool.
    #[arg(long)]
    semi: bool,
    /// Rounds of that.
    #[arg(long, value_name = "R", default_value_t = SelfTraining::default().rounds,
        value_parser = count::<u32>, requires = "semi")]
    semi_rounds: u32,
    /// Share of the pool whose answers are taken in the last round.
    #[arg(long, value_name = "S", default_value_t = SelfTraining::default().share,
        value_parser = number::<f64>, requires = "semi")]
    semi_share: f64,
    /// Weight of all answers together; all labels together weigh 1.
    #[arg(long, value_name = "W", default_value_t = SelfTraining::default().weight,
        value_parser = number::<f64>, requires = "semi")]
    semi_weight: f64,
    /// Views of an image whose features are averaged, the image itself included.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count::<usize>)]
    views: usize,
    /// What several encoders do together, on labels chosen by the features of the first: `choose`
    /// lets the one serve that answers labels left out best, `average` averages their classifiers'
    /// probabilities.
    #[arg(long, value_name = "HOW")]
    together: Option<How>,
    /// Judge the test split; look at it once, when every choice stands [default: the validation
    /// split].
    #[arg(long)]
    test: bool,
}

/// See [`Together`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    Choose,
    Average,
}

impl From<How> for Together {
    fn from(how: How) -> Self {
        match how {
            How::Choose => Self::Choose,
            How::Average => Self::Average,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let read = |path: &PathBuf| read_encoder(path);
    let encoders = arguments.encoder.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let data = match encoders.first() {
        Some(first) => arguments.options.open_like(&arguments.data, first.like(), common)?,
        None => arguments.options.open(&arguments.data, common)?,
    };
    data.require_benchmark("probe")?;
    data_set::warn([&data]);
    let budget = |text: &String| -> anyhow::Result<usize> {
        Ok(Budget::parse(text)?.count(data.train.len()))
    };
    let budgets = arguments.labels.iter().map(budget).collect::<Result<Vec<_>, _>>()?;
    ensure!(budgets.iter().all(|&n| n >= 2), "a budget must be at least 2 labels");
    let encoders: Vec<Encoder> = encoders.into_iter().map(|encoder| encoder.encoder).collect();
    let semi = SelfTraining {
        rounds: arguments.semi_rounds,
        share: arguments.semi_share,
        weight: arguments.semi_weight,
        ..SelfTraining::default()
    };
    let grid = Grid {
        strategies: arguments.strategy.clone(),
        budgets,
        draws: (0..u64::from(arguments.draws)).map(|draw| common.seed.wrapping_add(draw)).collect(),
        semi: arguments.semi.then_some(semi),
        views: arguments.views,
        together: arguments.together.map(Together::from),
        test: arguments.test,
    };
    let mut heard = |cell: &Cell| {
        if !common.quiet {
            screen::note(&format!("{} {}: {:.2} %", cell.strategy, cell.labels, 100.0 * cell.mean));
        }
    };
    let cells =
        probe_grid::measure(&encoders, &data, &grid, Context::new(common.threads()), &mut heard)?;
    let split = if grid.test { "test" } else { "val" };
    if common.json {
        let document = serde_json::json!({
            "data": data.name, "synthetic_data": data.synthetic, "split": split,
            "encoders": encoders.len(),
            "draws": grid.draws, "views": grid.views, "semi": grid.semi, "together": grid.together,
            "cells": cells,
        });
        return screen::print_json(&document);
    }
    let synthetic = if data.synthetic { " (synthetic data)" } else { "" };
    let runs = if grid.together.is_some() { 1 } else { encoders.len() } * grid.draws.len();
    let runs = counted(runs, "run");
    screen::print(&format!("{}{synthetic}, {split} split, {runs}\n{}\n", data.name, table(&cells)))
}

fn table(cells: &[Cell]) -> Table {
    let head = [
        "labels",
        "strategy",
        "classifier",
        "accuracy %",
        "n",
        "95 % t interval",
        "balanced %",
        "choose s",
        "fit s",
    ];
    let row = |cell: &Cell| {
        let interval = cell.interval.map_or_else(
            || if cell.n > 1 { "none: all the same" } else { "none: one run" }.to_owned(),
            |(low, high)| format!("{:.1} to {:.1}", 100.0 * low, 100.0 * high),
        );
        [
            cell.labels.to_string(),
            cell.strategy.clone(),
            if cell.semi { "self-trained" } else { "probe" }.to_owned(),
            format!("{:.2}", 100.0 * cell.mean),
            cell.n.to_string(),
            interval,
            format!("{:.2}", 100.0 * cell.balanced_accuracy),
            format!("{:.2}", cell.seconds.0),
            format!("{:.2}", cell.seconds.1),
        ]
    };
    screen::table(head, cells.iter().map(row))
}
