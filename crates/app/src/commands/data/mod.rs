//! `fewlabel data list|info|inspect|fetch|export|import|sheet|cache`: which data sets there are,
//! and what is in them.

mod cache;
mod download;
mod export;
mod fetch;
mod import;
mod info;
mod inspect;
mod list;
mod sheet;

use crate::data_set::DataOptions;
use crate::options::Common;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `data`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What can be done with data sets.
#[derive(Debug, Subcommand)]
enum Action {
    /// List the data sets known by name, and which are on this machine.
    List,
    /// Show a data set's splits, classes and checksum.
    Info {
        /// A catalogue name or a path.
        #[arg(value_name = "DATA")]
        data: PathBuf,
        #[command(flatten)]
        options: DataOptions,
    },
    /// Show how one picture file is read, and what the network would see of it.
    Inspect(inspect::Arguments),
    /// Download a published data set to the cache folder (FEWLABEL_DATA, or the platform's own).
    Fetch {
        /// A catalogue name.
        #[arg(value_name = "NAME")]
        name: String,
        /// Take the file from a mirror; its MD5 must be the published one all the same.
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
    },
    /// Write a data set as a MedMNIST .npz file with the names of its classes, or as a folder of
    /// PNGs with a manifest that has their order.
    Export {
        /// A catalogue name or a path.
        #[arg(value_name = "DATA")]
        data: PathBuf,
        #[command(flatten)]
        options: DataOptions,
        /// The file or the folder to write; a folder must not be there, or be empty.
        #[arg(value_name = "FILE.npz|FOLDER")]
        file: PathBuf,
    },
    /// Read the images of a folder or manifest once, so that later commands begin at once.
    Import {
        /// A path.
        #[arg(value_name = "DATA")]
        data: PathBuf,
        #[command(flatten)]
        options: DataOptions,
    },
    /// Show what is kept of image files that were read, or remove it. It holds copies of them.
    Cache {
        #[command(subcommand)]
        action: cache::Action,
    },
    /// Show images of every split and class on one picture.
    Sheet {
        /// A catalogue name or a path.
        #[arg(value_name = "DATA")]
        data: PathBuf,
        #[command(flatten)]
        options: DataOptions,
        /// The picture to write, a .png or .svg file.
        #[arg(long, value_name = "FILE", default_value = "sheet.png")]
        out: PathBuf,
        /// Rows of images for every class of every split.
        #[arg(long, value_name = "N", default_value_t = 1,
            value_parser = clap::value_parser!(u16).range(1..=100))]
        rows: u16,
    },
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    match &arguments.action {
        Action::List => list::run(common),
        Action::Info { data, options } => info::run(&options.read(data, common)?, common),
        Action::Inspect(arguments) => inspect::run(arguments, common),
        Action::Fetch { name, from } => fetch::run(name, from.as_deref(), common),
        Action::Import { data, options } => import::run(&options.read(data, common)?, common),
        Action::Cache { action } => cache::run(action, common),
        Action::Export { data, options, file } => {
            export::run(&options.open(data, common)?, file, common)
        }
        Action::Sheet { data, options, out, rows } => {
            sheet::run(&options.open(data, common)?, out, usize::from(*rows), common)
        }
    }
}
