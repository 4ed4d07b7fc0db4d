//! `fewlabel man`: the manual page.

use crate::options::Common;
use crate::screen;
use clap::{Args, Command};

/// Arguments of `man`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Page of this command alone.
    command: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, mut all: Command, _common: &Common) -> anyhow::Result<()> {
    all.build();
    let page: Command = match &arguments.command {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
            let unknown =
                || anyhow::anyhow!(fewlabel_study::spelling::unknown("command", name, &names));
            found.ok_or_else(unknown)?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    screen::print(&String::from_utf8(text)?)
}
