//! The `fewlabel` command: reads the command line, calls the crate that does the work, prints what
//! it returns.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod data_set;
mod grid;
mod import_options;
mod interrupt;
mod labelling;
mod options;
mod policy;
mod progress;
mod rows;
mod screen;
mod slurm;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::read();
    screen::exit_code(cli.carry_out())
}
