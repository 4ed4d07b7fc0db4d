//! Options that commands share.

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Error, FromArgMatches};
use std::path::{Path, PathBuf};

/// Options that act in every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Everywhere {
    /// Threads to use; results do not depend on it [default: every core].
    #[arg(long, global = true, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
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
pub(crate) const JSON: u8 = 1;
/// `--seed` is known to a command.
pub(crate) const SEED: u8 = 2;
/// `--out` is known to a command.
pub(crate) const OUT: u8 = 4;

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
