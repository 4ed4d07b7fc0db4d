//! One file per command. A new one is a file here, a line in the list below, in [`run()`], and in
//! `cli::Command`.

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
pub(crate) fn run(Cli { everywhere, command }: Cli) -> anyhow::Result<()> {
    everywhere.limit_threads()?;
    let everywhere = &everywhere;
    match command {
        Command::Bench(arguments) => arguments.carry_out(everywhere, bench::run),
        Command::Completions(arguments) => arguments.carry_out(everywhere, completions::run),
        Command::Data(arguments) => arguments.carry_out(everywhere, data::run),
        Command::Man(arguments) => arguments.carry_out(everywhere, man::run),
        Command::Predict(arguments) => arguments.carry_out(everywhere, predict::run),
        Command::Pretrain(arguments) => arguments.carry_out(everywhere, pretrain::run),
        Command::Probe(arguments) => arguments.carry_out(everywhere, probe::run),
        Command::Report(arguments) => arguments.carry_out(everywhere, report::run),
        Command::Reproduce(arguments) => arguments.carry_out(everywhere, reproduce::run),
        Command::Run(arguments) => arguments.carry_out(everywhere, run::run),
        Command::Schema(_) => schema::run(),
        Command::Status(arguments) => arguments.carry_out(everywhere, status::run),
        Command::Submit(arguments) => arguments.carry_out(everywhere, submit::run),
        Command::Query(arguments) => {
            arguments.carry_out(everywhere, |own, common| query::run(own, common))
        }
        Command::Preview(arguments) => arguments.carry_out(everywhere, preview::run),
        Command::Train(arguments) => arguments.carry_out(everywhere, train::run),
    }
}
