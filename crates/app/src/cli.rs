//! The command line: one variant per command, whose arguments stand in that command's file.

use crate::commands;
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Trains medical image classifiers from the fewest labels, and compares ways to spend a label budget.
#[derive(Debug, Parser)]
#[command(name = "fewlabel", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that mean the same in every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Print one JSON document instead of a table.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Threads to use; results do not depend on it [default: every core].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Seed of everything random; the first one, where there are several.
    #[arg(long, global = true, value_name = "S", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where the results go.
    #[arg(long, global = true, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Print no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl Common {
    /// The number of threads asked for, or one for every core.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        self.threads.map_or_else(cores, usize::from)
    }

    /// The number of threads asked for, or `default`.
    pub(crate) fn threads_or(&self, default: usize) -> usize {
        self.threads.map_or(default, usize::from)
    }

    /// `--out`, where it was given.
    pub(crate) fn out_given(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// `--out`, or the command's own `default`.
    pub(crate) fn out(&self, default: impl Into<PathBuf>) -> PathBuf {
        self.out.clone().unwrap_or_else(|| default.into())
    }
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Repeat the paper's experiment: six ways to spend a label budget, over several seeds.
    Reproduce(commands::reproduce::Arguments),
    /// Carry out a study: a whole grid of runs from one file.
    Run(commands::run::Arguments),
    /// Submit the missing runs of a study to a cluster.
    Submit(commands::submit::Arguments),
    /// Print the JSON Schema of a study file, for editors.
    Schema,
    /// Say which runs of a study are done, running, failed or missing.
    Status(commands::status::Arguments),
    /// Draw tables, figures and a page from the records of a study.
    Report(commands::report::Arguments),
    /// Learn an encoder from images without labels.
    Pretrain(commands::pretrain::Arguments),
    /// Say what a few labels are worth on such an encoder.
    Probe(commands::probe::Arguments),
    /// Train one model.
    Train(commands::train::Arguments),
    /// Predict a split with a trained model.
    Predict(commands::predict::Arguments),
    /// Measure how fast this machine trains, scores, augments and chooses.
    Bench(commands::bench::Arguments),
    /// Print the manual page.
    Man(commands::man::Arguments),
    /// Print the completions of a shell.
    Completions(commands::completions::Arguments),
    /// List, show, fetch and export data sets.
    Data(commands::data::Arguments),
    /// Choose what to label next from the arrays of a model of your own.
    Query(Box<commands::query::Arguments>),
    /// Show what an augmentation policy does, as a picture.
    Preview(commands::preview::Arguments),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_options_stand_before_or_after_the_command() {
        for line in ["fewlabel --seed 7 --json completions bash", "fewlabel completions bash --seed 7 --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect("a valid line");
            assert!(cli.common.json && cli.common.seed == 7, "{line}");
        }
    }

    #[test]
    fn zero_threads_are_a_usage_error() {
        let error = Cli::try_parse_from(["fewlabel", "completions", "bash", "--threads", "0"]).expect_err("zero");
        assert_eq!(error.exit_code(), 2);
    }
}
