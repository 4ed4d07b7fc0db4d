//! The command line: one variant per command, whose arguments stand in that command's file.

use crate::commands;
use crate::options::{Everywhere, JSON, Nothing, OUT, SEED, With};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Trains medical image classifiers from the fewest labels, and compares ways to spend a label
/// budget.
#[derive(Debug, Parser)]
#[command(name = "fewlabel", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line; ends the program where it is wrong or asks for help.
    pub(crate) fn read() -> Self {
        let matches = with_negative_numbers(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Carries out the command that was typed.
    pub(crate) fn carry_out(self) -> anyhow::Result<()> {
        let Self { everywhere, command } = self;
        everywhere.limit_threads()?;
        let everywhere = &everywhere;
        match command {
            Command::Bench(arguments) => arguments.carry_out(everywhere, commands::bench::run),
            Command::Completions(arguments) => {
                let own = Self::command();
                arguments
                    .carry_out(everywhere, |a, common| commands::completions::run(a, own, common))
            }
            Command::Data(arguments) => arguments.carry_out(everywhere, commands::data::run),
            Command::Label(arguments) => {
                arguments.carry_out(everywhere, |own, common| commands::label::run(own, common))
            }
            Command::Labels(arguments) => arguments.carry_out(everywhere, commands::labels::run),
            Command::Learn(arguments) => {
                arguments.carry_out(everywhere, |own, common| commands::learn::run(own, common))
            }
            Command::Man(arguments) => {
                let own = Self::command();
                arguments.carry_out(everywhere, |a, common| commands::man::run(a, own, common))
            }
            Command::Predict(arguments) => arguments.carry_out(everywhere, commands::predict::run),
            Command::Pretrain(arguments) => {
                arguments.carry_out(everywhere, commands::pretrain::run)
            }
            Command::Probe(arguments) => arguments.carry_out(everywhere, commands::probe::run),
            Command::Report(arguments) => arguments.carry_out(everywhere, commands::report::run),
            Command::Reproduce(arguments) => {
                arguments.carry_out(everywhere, commands::reproduce::run)
            }
            Command::Run(arguments) => arguments.carry_out(everywhere, commands::run::run),
            Command::Schema(_) => commands::schema::run(),
            Command::Status(arguments) => arguments.carry_out(everywhere, commands::status::run),
            Command::Submit(arguments) => arguments.carry_out(everywhere, commands::submit::run),
            Command::Query(arguments) => {
                arguments.carry_out(everywhere, |own, common| commands::query::run(own, common))
            }
            Command::Preview(arguments) => arguments.carry_out(everywhere, commands::preview::run),
            Command::Train(arguments) => arguments.carry_out(everywhere, commands::train::run),
        }
    }
}

/// A value such as -1 is a value everywhere: what is wrong with it is said by whoever knows its
/// range.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|own| own.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| {
        let takes_value = argument.get_action().takes_values();
        if takes_value { argument.allow_negative_numbers(true) } else { argument }
    });
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, with_negative_numbers))
}

/// What the program can do, and which of the shared options mean something to it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Repeat the paper's experiment: six ways to spend a label budget, over several seeds.
    #[command(after_help = "Example:\n  fewlabel reproduce --quick --out quick")]
    Reproduce(With<commands::reproduce::Arguments, { JSON | SEED | OUT }>),
    /// Carry out a study: a whole grid of runs from one file.
    #[command(after_help = "Example:\n  fewlabel run studies/paper.toml --dry-run")]
    Run(With<commands::run::Arguments, { JSON | OUT }>),
    /// Submit the missing runs of a study to a cluster.
    #[command(
        after_help = "Example:\n  fewlabel submit studies/paper.toml --slurm --partition short \
        --time \
        01:00:00 --out /shared/paper"
    )]
    Submit(With<commands::submit::Arguments, { JSON | OUT }>),
    /// Print the JSON Schema of a study file, for editors.
    #[command(after_help = "Example:\n  fewlabel schema > study.schema.json")]
    Schema(With<Nothing, JSON>),
    /// Say which runs of a study are done, running, failed or missing.
    #[command(after_help = "Example:\n  fewlabel status fewlabel-out")]
    Status(With<commands::status::Arguments, JSON>),
    /// Draw tables, figures and a page from the records of a study.
    #[command(after_help = "Example:\n  fewlabel report fewlabel-out")]
    Report(With<commands::report::Arguments, { JSON | OUT }>),
    /// Learn an encoder from images without labels.
    #[command(after_help = "Example:\n  fewlabel pretrain --data scans --out scans.encoder")]
    Pretrain(With<commands::pretrain::Arguments, { JSON | SEED | OUT }>),
    /// Say what a few labels are worth on such an encoder.
    #[command(
        after_help = "Example:\n  fewlabel probe --data organsmnist --encoder organs.encoder \
        --labels 1% \
        --strategy random,typiclust"
    )]
    Probe(With<commands::probe::Arguments, { JSON | SEED }>),
    /// Label images in the browser, those that teach the most first, while a classifier learns.
    #[command(after_help = "Example:\n  fewlabel label scans --classes cyst,stone,tumor")]
    Label(With<Box<commands::label::Arguments>, SEED>),
    /// Take a project's answers out of it, or labels that exist into it.
    #[command(after_help = "Examples:\n  fewlabel labels export --project scans.fewlabel --out \
        labels.csv\n  fewlabel labels import --project scans.fewlabel labels.csv")]
    Labels(With<commands::labels::Arguments, JSON>),
    /// Make a classifier of labels: encoder, classifier and calibration in one.
    #[command(after_help = "Examples:\n  fewlabel learn --project scans.fewlabel --model \
        scans.safetensors\n  fewlabel learn --data scans --answers labels.csv --model \
        scans.safetensors")]
    Learn(With<Box<commands::learn::Arguments>, { JSON | SEED }>),
    /// Train one model: from scratch, or on an encoder.
    #[command(
        after_help = "Example:\n  fewlabel train --data scans --encoder scans.encoder --answers \
        labels.csv --model scans.safetensors"
    )]
    Train(With<commands::train::Arguments, { JSON | SEED }>),
    /// Predict images with a trained model.
    #[command(
        after_help = "Example:\n  fewlabel predict --data new --model scans.safetensors --out \
        predictions.csv"
    )]
    Predict(With<commands::predict::Arguments, { JSON | SEED }>),
    /// Measure how fast this machine trains, scores, augments and chooses.
    #[command(after_help = "Example:\n  fewlabel bench train --width 32")]
    Bench(With<commands::bench::Arguments, JSON>),
    /// Print the manual page.
    #[command(after_help = "Example:\n  fewlabel man | man -l -")]
    Man(With<commands::man::Arguments, 0>),
    /// Print the completions of a shell.
    #[command(after_help = "Example:\n  fewlabel completions bash > \
        ~/.local/share/bash-completion/completions/fewlabel")]
    Completions(With<commands::completions::Arguments, 0>),
    /// Show, draw, fetch and export data sets.
    #[command(after_help = "Example:\n  fewlabel data info scans")]
    Data(With<commands::data::Arguments, JSON>),
    /// Choose what to label next: among images, or from the arrays of a model of your own.
    #[command(
        after_help = "Examples:\n  fewlabel query --data scans --encoder scans.encoder --strategy \
        typiclust --batch 24 --out todo.csv --sheet todo.png\n  fewlabel query --strategy \
        badge --batch 10 --probs P.npy --features H.npy"
    )]
    Query(With<Box<commands::query::Arguments>, { JSON | SEED }>),
    /// Show what an augmentation policy does, as a picture.
    #[command(
        after_help = "Example:\n  fewlabel preview --data phantom --policy paper --out sheet.png"
    )]
    Preview(With<commands::preview::Arguments, { JSON | SEED | OUT }>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Error;
    use clap::error::ErrorKind;
    use std::path::PathBuf;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        with_negative_numbers(Cli::command()).debug_assert();
    }

    /// Every command, the least that it can be typed with, and the shared options that mean
    /// something to it.
    const KNOWN: [(&str, &[&str]); 28] = [
        ("reproduce", &["--json", "--seed 1", "--out x"]),
        ("run s.toml", &["--json", "--out x"]),
        ("submit s.toml --slurm", &["--json", "--out x"]),
        ("schema", &["--json"]),
        ("status x", &["--json"]),
        ("report x", &["--json", "--out x"]),
        ("pretrain --data d", &["--json", "--seed 1", "--out x"]),
        ("probe --data d --encoder e", &["--json", "--seed 1"]),
        ("label d", &["--seed 1"]),
        ("labels export --project p", &["--json", "--out x"]),
        ("labels import --project p x", &["--json"]),
        ("learn --data d --model m", &["--json", "--seed 1"]),
        ("train --data d --model m", &["--json", "--seed 1"]),
        ("predict --data d --model m", &["--json", "--seed 1", "--out x"]),
        ("bench train", &["--json"]),
        ("man", &[]),
        ("completions bash", &[]),
        ("data list", &["--json"]),
        ("data info d", &["--json"]),
        ("data fetch n", &["--json"]),
        ("data export d f.npz", &["--json"]),
        ("query --strategy s --batch 1 --data d", &["--json", "--seed 1", "--out x"]),
        ("data inspect f", &["--json"]),
        ("data import d", &["--json"]),
        ("data cache list", &["--json"]),
        ("data cache clear", &["--json"]),
        ("data sheet d", &["--json", "--out x"]),
        ("preview", &["--json", "--seed 1", "--out x"]),
    ];

    fn parse(line: &str) -> Result<Cli, Error> {
        Cli::try_parse_from(["fewlabel"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn options_that_mean_nothing_to_a_command_are_unknown_there() {
        for (line, known) in KNOWN {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            for option in ["--json", "--seed 1", "--out x"] {
                match (parse(&format!("{line} {option}")), known.contains(&option)) {
                    (Ok(_), true) => {}
                    (Err(error), false) => {
                        assert_eq!(error.kind(), ErrorKind::UnknownArgument, "{line} {option}")
                    }
                    (outcome, _) => panic!("{line} {option}: {outcome:?}"),
                }
            }
        }
    }

    #[test]
    fn every_command_s_help_ends_with_an_example_that_can_be_typed() {
        for mut command in Cli::command().get_subcommands().cloned() {
            let help = command.render_long_help().to_string();
            let (_, examples) =
                help.rsplit_once("Example").unwrap_or_else(|| panic!("{}", command.get_name()));
            for line in examples.lines().filter_map(|line| line.trim().strip_prefix("fewlabel ")) {
                let line = line.split(['|', '>']).next().unwrap_or_default();
                parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }

    #[test]
    fn no_command_is_left_out_of_that_list() {
        let listed = |path: &str| {
            KNOWN.iter().any(|(line, _)| format!("{line} ").starts_with(&format!("{path} ")))
        };
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(listed(name), "{name}");
            for own in command.get_subcommands() {
                assert!(listed(&format!("{name} {}", own.get_name())), "{name} {}", own.get_name());
            }
        }
    }

    #[test]
    fn threads_and_quiet_stand_before_or_after_every_command() {
        for (line, _) in KNOWN {
            for line in [format!("--threads 2 -q {line}"), format!("{line} --threads 2 --quiet")] {
                let Everywhere { threads, quiet } =
                    parse(&line).unwrap_or_else(|e| panic!("{line}: {e}")).everywhere;
                assert_eq!((threads, quiet), (Some(2), true), "{line}");
            }
        }
    }

    #[test]
    fn what_was_typed_reaches_the_command() {
        let Command::Pretrain(with) =
            parse("pretrain --data d --seed 7 --json --out e").expect("a line").command
        else {
            panic!("another command");
        };
        with.carry_out(&Everywhere { threads: Some(3), quiet: true }, |_, common| {
            assert!(common.json && common.quiet);
            assert_eq!(
                (common.seed, common.threads(), common.out("f")),
                (7, 3, PathBuf::from("e"))
            );
        });
        let Command::Data(with) = parse("data info d --json").expect("a line").command else {
            panic!("another")
        };
        assert!(
            with.carry_out(&Everywhere { threads: None, quiet: false }, |_, common| common.json)
        );
    }

    #[test]
    fn a_negative_number_is_a_value() {
        let line = "fewlabel query --strategy power-bald --batch 1 --beta -1.5 --delta -2";
        let matches = with_negative_numbers(Cli::command())
            .try_get_matches_from(line.split(' '))
            .expect("values");
        let (_, query) = matches.subcommand().expect("a command");
        assert_eq!(query.get_one::<f64>("beta"), Some(&-1.5));
        let error = with_negative_numbers(Cli::command())
            .try_get_matches_from("fewlabel train --data d --model m --epochs -1".split(' '));
        let error = error.expect_err("no number of epochs").to_string();
        assert!(
            error.contains(
                "invalid value '-1' for '--epochs <E>': expected a whole number of at least 1"
            ),
            "{error}"
        );
    }

    #[test]
    fn zero_threads_are_a_usage_error() {
        let error = parse("completions bash --threads 0").expect_err("zero");
        assert_eq!(error.exit_code(), 2);
    }
}
