//! `fewlabel reproduce`: the paper's experiment, six regimes over some seeds.

use crate::data_set::DataOptions;
use crate::grid::{self, Way, Whole};
use crate::options::Common;
use anyhow::ensure;
use clap::Args;
use fewlabel_learn::data::location;
use fewlabel_learn::data::source::Import;
use fewlabel_study::ask::regimes;
use fewlabel_study::ask::study_file::Study;
use std::fmt::Write;
use std::path::PathBuf;

/// Arguments of `reproduce`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path.
    #[arg(long, value_name = "D", default_value = "phantom")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// Regimes to compare: the paper's six, pretrained-random, pretrained-STRATEGY, pretrained-semi
    /// [default: the paper's, with --encoder also pretrained-random, pretrained-typiclust and
    /// pretrained-semi].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    regimes: Option<Vec<String>>,
    /// Encoder written by `pretrain` for the regimes on one; without it they train their own.
    #[arg(long, value_name = "E.safetensors")]
    encoder: Option<PathBuf>,
    /// Number of seeds, from --seed on [default: 5, with --quick 2].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// Label budget: a number or a share such as 1% [default: 1% of the training split].
    #[arg(long, value_name = "N")]
    labels: Option<String>,
    /// The same road in under a minute: fewer seeds and epochs, a smaller pool.
    #[arg(long)]
    quick: bool,
    /// Write event files for TensorBoard into the study's folder tensorboard while computing.
    #[arg(long)]
    tensorboard: bool,
}

/// What `--quick` changes: a smaller pool and fewer epochs; few labels need more of them to learn
/// anything.
const QUICK: &str = "train_images = 1500\nval_images = 300\ntest_images = 800\nlabels = 40\n\
                     [loop]\ninitial = 8\nquery_size = 8\nwidth = 4\n\
                     [final]\nepochs = 30\n\
                     [encoder]\npretrain = { width = 8, epochs = 2 }\n\
                     [[conditions]]\nwhen = { regime = \"full\" }\n\
                     set = { final.epochs = 5 }\n";

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let study = arguments.study(common.seed)?;
    let out = common.out("fewlabel-out");
    let jobs = grid::jobs(&study, &out)?;
    grid::say_cuts(&study, &jobs);
    study.check_memory(&jobs)?;
    let way = Way { keep_going: true, tensorboard: arguments.tensorboard, report: true };
    let whole = Whole::new(&study, &jobs);
    grid::carry_out(whole, jobs, &out, way, common)
}

impl Arguments {
    fn regimes(&self) -> Vec<String> {
        let on_encoder: &[&str] = match self.encoder {
            Some(_) => &["pretrained-random", "pretrained-typiclust", "pretrained-semi"],
            None => &[],
        };
        let by_default =
            || regimes::NAMES.iter().chain(on_encoder).map(|name| (*name).to_owned()).collect();
        self.regimes.clone().unwrap_or_else(by_default)
    }

    fn study(&self, first_seed: u64) -> anyhow::Result<Study> {
        let regimes = self.regimes();
        ensure!(!regimes.is_empty(), "--regimes names no regime");
        let known =
            regimes.iter().map(|name| regimes::by_name(name)).collect::<Result<Vec<_>, _>>()?;
        let on_encoder = known.iter().any(|regime| regime.is_on_encoder());
        ensure!(
            self.encoder.is_none() || on_encoder,
            "--encoder is for regimes on an encoder, and --regimes names none"
        );
        let seeds = u64::from(self.seeds.unwrap_or(if self.quick { 2 } else { 5 }));
        let mut text = String::from("name = \"reproduce\"\nkeep_models = true\n");
        let _ = writeln!(text, "seeds = \"{first_seed}..{}\"", first_seed.saturating_add(seeds));
        if self.quick {
            text.push_str(QUICK);
        }
        let mut changes =
            vec![format!("data={}", serde_json::to_string(&location::to_text(&self.data))?)];
        changes.push(format!("regime={}", serde_json::to_string(&regimes)?));
        if let Some(encoder) = &self.encoder {
            changes.push(format!(
                "encoder.file={}",
                serde_json::to_string(&location::to_text(encoder))?
            ));
        }
        if let Some(names) = self.options.given() {
            changes.push(format!("class_names={}", serde_json::to_string(&names)?));
        }
        let import = self.options.import();
        if import != Import::default() {
            changes.push(format!("import={}", toml::Value::try_from(&import)?));
        }
        if let Some(labels) = &self.labels {
            changes.push(format!("labels={}", labels.trim()));
        }
        let study = Study::parse(&text, "reproduce", &changes)?;
        Ok(if self.quick { study.quick() } else { study })
    }
}
