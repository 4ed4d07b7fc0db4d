//! One file per command. A new one is a file here, a line in the list below, in [`run()`], and in `cli::Command`.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod man;
pub(crate) mod predict;
pub(crate) mod pretrain;
pub(crate) mod preview;
pub(crate) mod probe;
pub(crate) mod query;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod train;

use crate::cli::{Cli, Command};

/// Carries out the command that was typed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let common = &cli.common;
    match cli.command {
        Command::Bench(arguments) => bench::run(&arguments, common),
        Command::Completions(arguments) => completions::run(&arguments, common),
        Command::Data(arguments) => data::run(&arguments, common),
        Command::Man(arguments) => man::run(&arguments, common),
        Command::Predict(arguments) => predict::run(&arguments, common),
        Command::Pretrain(arguments) => pretrain::run(&arguments, common),
        Command::Probe(arguments) => probe::run(&arguments, common),
        Command::Report(arguments) => report::run(&arguments, common),
        Command::Reproduce(arguments) => reproduce::run(&arguments, common),
        Command::Run(arguments) => run::run(&arguments, common),
        Command::Schema => schema::run(),
        Command::Status(arguments) => status::run(&arguments, common),
        Command::Submit(arguments) => submit::run(&arguments, common),
        Command::Query(arguments) => query::run(&arguments, common),
        Command::Preview(arguments) => preview::run(&arguments, common),
        Command::Train(arguments) => train::run(&arguments, common),
    }
}
