//! `fewlabel completions SHELL`.

use crate::options::Common;
use crate::screen;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The shell to write them for.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, mut all: Command, _common: &Common) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut all, "fewlabel", &mut script);
    screen::print(&String::from_utf8(script)?)
}
