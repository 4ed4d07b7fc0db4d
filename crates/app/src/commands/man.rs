//! `fewlabel man`: the manual page.

use crate::cli::{Cli, Common};
use crate::screen;
use clap::{Args, Command, CommandFactory};

/// Arguments of `man`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Page of this command alone.
    command: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, _common: &Common) -> anyhow::Result<()> {
    let mut all = Cli::command();
    all.build();
    let page: Command = match &arguments.command {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
            let unknown =
                || anyhow::anyhow!(fewlabel_study::ask::spelling::unknown("command", name, &names));
            found.ok_or_else(unknown)?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    screen::print(&String::from_utf8(text)?)
}
