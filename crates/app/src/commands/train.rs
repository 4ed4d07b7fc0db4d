//! `fewlabel train`: one model into one file.

use crate::cli::Common;
use crate::interrupt::Interrupt;
use crate::policy;
use crate::screen::{self, Exit};
use anyhow::{Context as _, ensure};
use clap::Args;
use fewlabel_learn::data::{self, Dataset};
use fewlabel_learn::network::NetworkSettings;
use fewlabel_learn::plan::{Placement, Plan, Selection};
use fewlabel_learn::train::TrainSettings;
use fewlabel_study::settings::Budget;
use fewlabel_study::{StudyError, single};
use std::path::PathBuf;

/// Arguments of `train`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path.
    #[arg(long, value_name = "D")]
    data: String,
    /// Label only so many training rows, drawn at random: a number or a share such as 1%.
    #[arg(long, value_name = "N", conflicts_with = "indices")]
    labels: Option<String>,
    /// Train on these rows of the training split: a file with a JSON array.
    #[arg(long, value_name = "F.json")]
    indices: Option<PathBuf>,
    /// Width f of the network C(f) [default: 16 for all labels, else 32].
    #[arg(long, value_name = "F")]
    width: Option<usize>,
    /// Epochs.
    #[arg(long, value_name = "E", default_value_t = 40)]
    epochs: u32,
    /// Augmentation policy, drawn afresh at every epoch.
    #[arg(long, value_name = "P", default_value = "none")]
    augmentation: String,
    /// Where the model goes.
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let data = data::open(&arguments.data)?;
    let plan = arguments.plan(&data, common.seed)?;
    plan.check(data.train.len())?;
    screen::warn_of_mirrors(&plan.policy, &data);
    let interrupt = Interrupt::listen()?;
    let mut epoch = |event: &fewlabel_learn::plan::EpochEvent| {
        if !common.quiet {
            let validation =
                event.val_accuracy.map_or_else(String::new, |a| format!(", validation {:.1} %", 100.0 * a));
            let (number, all, loss) = (event.epoch, plan.training.epochs, event.train_loss);
            screen::note(&format!("epoch {number} of {all}: loss {loss:.4}{validation}"));
        }
        interrupt.exit_code().is_none()
    };
    let trained = match single::train(&plan, &data, common.threads(), &arguments.model, &mut epoch) {
        Err(StudyError::Interrupted) => {
            screen::note("stopped; no model was written");
            return Err(Exit(interrupt.exit_code().unwrap_or(1)).into());
        }
        trained => trained?,
    };
    let model = arguments.model.display().to_string();
    if common.json {
        let mut document = serde_json::to_value(&trained)?;
        document["model"] = model.into();
        document["data"] = data.name.clone().into();
        document["synthetic_data"] = data.synthetic.into();
        document["seed"] = common.seed.into();
        return screen::print_json(&document);
    }
    let (best, last) = (100.0 * trained.val_accuracy_best, 100.0 * trained.val_accuracy_last);
    let synthetic = if data.synthetic { " (synthetic data)" } else { "" };
    screen::print(&format!(
        "{model}: {} labels of {}{synthetic}\nvalidation accuracy {best:.2} % at best, {last:.2} % at the end\n\
         test accuracy {:.2} %, balanced {:.2} %, macro-F1 {:.4}, AUC {:.4}\n",
        trained.labels,
        data.name,
        100.0 * trained.test_accuracy,
        100.0 * trained.test_balanced_accuracy,
        trained.test_macro_f1,
        trained.test_auc
    ))
}

impl Arguments {
    fn plan(&self, data: &Dataset, seed: u64) -> anyhow::Result<Plan> {
        let selection = match (&self.labels, &self.indices) {
            (Some(labels), _) => Selection::Random { labels: Budget::parse(labels)?.count(data.train.len()) },
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                let rows = serde_json::from_str(&text)
                    .with_context(|| format!("{}: a JSON array of row numbers is expected", path.display()))?;
                Selection::Given { rows }
            }
            (None, None) => Selection::All,
        };
        let policy = policy::read(&self.augmentation)?;
        let width = self.width.unwrap_or(if selection == Selection::All { 16 } else { 32 });
        ensure!(width > 0, "--width must be at least 1");
        Ok(Plan {
            seed,
            selection,
            placement: if policy.is_none() { Placement::Never } else { Placement::FinalOnly },
            policy,
            network: NetworkSettings::paper(width),
            training: TrainSettings { epochs: self.epochs, ..TrainSettings::default() },
            validate_every_epoch: true,
            test_time_views: 0,
            validation_labels: 0,
            transfer: None,
        })
    }
}
