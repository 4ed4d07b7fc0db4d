//! The command line: one variant per command, whose arguments stand in that command's file.

use crate::commands;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, Error, FromArgMatches, Parser, Subcommand};
use std::path::{Path, PathBuf};

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

/// Options that act in every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Everywhere {
    /// Threads to use; results do not depend on it [default: every core].
    #[arg(long, global = true, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print no progress.
    #[arg(long, short, global = true)]
    quiet: bool,
}

impl Everywhere {
    /// Holds what is spread over every core by itself, such as making `phantom` or reading a
    /// study's records, to `--threads`.
    pub(crate) fn limit_threads(&self) -> anyhow::Result<()> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
        }
        Ok(())
    }
}

/// `--json` is known to a command.
const JSON: u8 = 1;
/// `--seed` is known to a command.
const SEED: u8 = 2;
/// `--out` is known to a command.
const OUT: u8 = 4;

/// A command's own arguments, and those of the `SHARED` options that mean something there: clap
/// knows no others.
#[derive(Debug)]
pub(crate) struct With<A, const SHARED: u8> {
    own: A,
    shared: Shared,
}

#[derive(Debug, Default)]
struct Shared {
    json: bool,
    seed: u64,
    out: Option<PathBuf>,
}

/// See [`Common::json`]. Global, so that it stands behind `data info` as well as behind `data`.
#[derive(Args)]
struct Json {
    /// Print one JSON document instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Args)]
struct Seed {
    /// Seed of everything random; the first one, where there are several.
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = seed)]
    seed: u64,
}

#[derive(Args)]
struct Out {
    /// Where the results go.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// A number of things, for options of which none would mean nothing.
pub(crate) fn count<T: std::str::FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number != T::default());
    number.ok_or_else(|| "expected a whole number of at least 1".to_owned())
}

/// A number with or without a fraction.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a number".to_owned())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// An option that means nothing beside another one: a mistake in what was typed, as clap's own are.
pub(crate) fn means_nothing(option: &str, to: &str) -> anyhow::Error {
    Error::raw(ErrorKind::ArgumentConflict, format!("{option} means nothing to {to}\n")).into()
}

/// Nothing, for a command without arguments of its own.
#[derive(Args, Debug)]
pub(crate) struct Nothing {}

impl<A: Args, const SHARED: u8> Args for With<A, SHARED> {
    fn augment_args(command: clap::Command) -> clap::Command {
        let mut command = A::augment_args(command);
        for (bit, augment) in [
            (JSON, Json::augment_args as fn(_) -> _),
            (SEED, Seed::augment_args),
            (OUT, Out::augment_args),
        ] {
            if SHARED & bit != 0 {
                command = augment(command);
            }
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<A: FromArgMatches, const SHARED: u8> FromArgMatches for With<A, SHARED> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut shared = Shared::default();
        if SHARED & JSON != 0 {
            shared.json = Json::from_arg_matches(matches)?.json;
        }
        if SHARED & SEED != 0 {
            shared.seed = Seed::from_arg_matches(matches)?.seed;
        }
        if SHARED & OUT != 0 {
            shared.out = Out::from_arg_matches(matches)?.out;
        }
        Ok(Self { own: A::from_arg_matches(matches)?, shared })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<A, const SHARED: u8> With<A, SHARED> {
    /// Lets `run` carry the command out with its own arguments and the shared options.
    pub(crate) fn carry_out<T>(
        self,
        everywhere: &Everywhere,
        run: impl FnOnce(&A, &Common) -> T,
    ) -> T {
        let Everywhere { threads, quiet } = *everywhere;
        let Shared { json, seed, out } = self.shared;
        run(&self.own, &Common { json, threads, seed, out, quiet })
    }
}

/// The options that commands share, as typed; those that a command does not know have their
/// defaults.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    /// Whether one JSON document is printed instead of a table.
    pub(crate) json: bool,
    threads: Option<u16>,
    /// Seed of everything random; the first one, where there are several.
    pub(crate) seed: u64,
    out: Option<PathBuf>,
    /// Whether no progress is printed.
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

/// What the program can do, and which of the shared options mean something to it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Repeat the paper's experiment: six ways to spend a label budget, over several seeds.
    Reproduce(With<commands::reproduce::Arguments, { JSON | SEED | OUT }>),
    /// Carry out a study: a whole grid of runs from one file.
    Run(With<commands::run::Arguments, { JSON | OUT }>),
    /// Submit the missing runs of a study to a cluster.
    Submit(With<commands::submit::Arguments, { JSON | OUT }>),
    /// Print the JSON Schema of a study file, for editors.
    Schema(With<Nothing, JSON>),
    /// Say which runs of a study are done, running, failed or missing.
    Status(With<commands::status::Arguments, JSON>),
    /// Draw tables, figures and a page from the records of a study.
    Report(With<commands::report::Arguments, { JSON | OUT }>),
    /// Learn an encoder from images without labels.
    Pretrain(With<commands::pretrain::Arguments, { JSON | SEED | OUT }>),
    /// Say what a few labels are worth on such an encoder.
    Probe(With<commands::probe::Arguments, { JSON | SEED }>),
    /// Train one model.
    Train(With<commands::train::Arguments, { JSON | SEED }>),
    /// Predict images with a trained model.
    Predict(With<commands::predict::Arguments, { JSON | SEED }>),
    /// Measure how fast this machine trains, scores, augments and chooses.
    Bench(With<commands::bench::Arguments, JSON>),
    /// Print the manual page.
    Man(With<commands::man::Arguments, 0>),
    /// Print the completions of a shell.
    Completions(With<commands::completions::Arguments, 0>),
    /// List, show, fetch and export data sets.
    Data(With<commands::data::Arguments, JSON>),
    /// Choose what to label next from the arrays of a model of your own.
    Query(With<Box<commands::query::Arguments>, { JSON | SEED }>),
    /// Show what an augmentation policy does, as a picture.
    Preview(With<commands::preview::Arguments, { JSON | SEED | OUT }>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        with_negative_numbers(Cli::command()).debug_assert();
    }

    /// Every command, the least that it can be typed with, and the shared options that mean
    /// something to it.
    const KNOWN: [(&str, &[&str]); 20] = [
        ("reproduce", &["--json", "--seed 1", "--out x"]),
        ("run s.toml", &["--json", "--out x"]),
        ("submit s.toml --slurm", &["--json", "--out x"]),
        ("schema", &["--json"]),
        ("status x", &["--json"]),
        ("report x", &["--json", "--out x"]),
        ("pretrain --data d", &["--json", "--seed 1", "--out x"]),
        ("probe --data d --encoder e", &["--json", "--seed 1"]),
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
