//! `fewlabel completions SHELL`.

use crate::cli::{Cli, Common};
use crate::screen;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The shell to write them for.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, _common: &Common) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut Cli::command(), "fewlabel", &mut script);
    screen::print(&String::from_utf8(script)?)
}
