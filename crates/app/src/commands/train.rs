//! `fewlabel train`: one model into one file.

use crate::data_set::{self, DataOptions};
use crate::interrupt::Interrupt;
use crate::options::{Common, count};
use crate::screen::{self, Exit};
use crate::{policy, rows};
use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use fewlabel_learn::data::{Dataset, UNLABELLED};
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::pretrain::Encoder;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::plan::{Placement, Plan, Selection};
use fewlabel_learn::run::transfer::{EncoderFile, EncoderSource, Head, Transfer};
use fewlabel_learn::training::fit::{Recipe, TrainSettings};
use fewlabel_learn::{Context, counted};
use fewlabel_study::ask::settings::Budget;
use fewlabel_study::evaluate::metrics::Metrics;
use fewlabel_study::execute::single_model::{self, Trained};
use fewlabel_study::model_files::read_encoder;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `train`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path.
    #[arg(long, value_name = "D")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// Label only so many training rows, drawn at random: a number or a share such as 1%.
    #[arg(long, value_name = "N", conflicts_with = "indices")]
    labels: Option<String>,
    /// Train on these rows of the training split: a file with a JSON array.
    #[arg(long, value_name = "F.json")]
    indices: Option<PathBuf>,
    /// Learn the labels that a person wrote into this table: columns path and label, as `query
    /// --out` makes it. Several add up.
    #[arg(long, value_name = "L.csv", conflicts_with_all = ["labels", "indices"])]
    answers: Vec<PathBuf>,
    /// Learn a classifier on this encoder of `pretrain` instead of a network from scratch.
    #[arg(long, value_name = "E",
        conflicts_with_all = ["width", "recipe", "epochs", "augmentation"])]
    encoder: Option<PathBuf>,
    /// Width f of the network C(f) [default: 16 for all labels, else 32].
    #[arg(long, value_name = "F", value_parser = count::<usize>)]
    width: Option<usize>,
    /// How the network learns [default: few-labels for up to 1,000 labels, paper for more or with
    /// --epochs].
    #[arg(long, value_name = "R", value_enum, conflicts_with = "epochs")]
    recipe: Option<RecipeName>,
    /// Epochs of the paper's recipe [default: 40].
    #[arg(long, value_name = "E", value_parser = count::<u32>)]
    epochs: Option<u32>,
    /// Augmentation policy, drawn afresh at every epoch [default: paper with the recipe for few
    /// labels, else none].
    #[arg(long, value_name = "P")]
    augmentation: Option<OsString>,
    /// Where the model goes.
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
}

/// Up to so many labels are few.
const FEW: usize = 1_000;

/// How a network from scratch learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RecipeName {
    /// As the paper has it, in epochs.
    Paper,
    /// With what helps few labels by validation.
    FewLabels,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let encoder = arguments.encoder.as_deref().map(read_encoder).transpose()?;
    let names = &arguments.options;
    let data = match &encoder {
        Some(encoder) => names.open_like(&arguments.data, encoder.like(), common)?,
        None => names.open(&arguments.data, common)?,
    };
    let data = data_set::answered(data, &arguments.answers, common)?;
    let plan = arguments.plan(&data, common.seed)?;
    plan.check(data.train.len())?;
    let encoded = encoder.map(|encoder| arguments.encoded(encoder.encoder, &data, common));
    let encoded = encoded.transpose()?;
    let encoders: Vec<&Encoded> = encoded.iter().collect();
    screen::warn_of_mirrors(&plan.policy, &data);
    data_set::warn([&data]);
    let interrupt = Interrupt::listen()?;
    let epochs = plan.training.epochs_over(plan.selection.labels(data.train.len()));
    let mut epoch = |event: &fewlabel_learn::run::events::EpochEvent| {
        // Forty lines say enough of hundreds of epochs.
        if !common.quiet
            && (event.epoch.is_multiple_of(epochs.div_ceil(40)) || event.epoch == epochs)
        {
            let validation = event
                .val_accuracy
                .map_or_else(String::new, |a| format!(", validation {:.1} %", 100.0 * a));
            let loss =
                event.train_loss.map_or_else(String::new, |loss| format!(": loss {loss:.4}"));
            screen::note(&format!("epoch {} of {epochs}{loss}{validation}", event.epoch));
        }
    };
    let stop = || interrupt.exit_code().is_some();
    let context = Context::cancelled_by(common.threads(), &stop);
    let path = &arguments.model;
    let trained = match single_model::train(&plan, &data, &encoders, context, path, &mut epoch) {
        Err(error) if error.is_interrupted() => {
            screen::note(&format!(
                "stopped; the same command goes on from {}.checkpoint",
                path.display()
            ));
            return Err(Exit(interrupt.exit_code().unwrap_or(1)).into());
        }
        trained => trained?,
    };
    report(&trained, &arguments.model, (&data.name, data.synthetic), common)
}

/// Says what became of a training on the data set of that name, which may be synthetic.
pub(super) fn report(
    trained: &Trained,
    model: &Path,
    (name, is_synthetic): (&str, bool),
    common: &Common,
) -> anyhow::Result<()> {
    let model = model.display().to_string();
    if common.json {
        let mut document = serde_json::to_value(trained)?;
        document["model"] = model.into();
        document["data"] = name.into();
        document["synthetic_data"] = is_synthetic.into();
        document["seed"] = common.seed.into();
        return screen::print_json(&document);
    }
    let synthetic = if is_synthetic { " (synthetic data)" } else { "" };
    let labels = counted(trained.labels, "label");
    screen::print(&format!("{model}: {labels} of {name}{synthetic}\n{}", worth(trained)))
}

/// What a model is worth on the labels that are held out.
fn worth(trained: &Trained) -> String {
    let mut text = String::new();
    if let (Some(best), Some(last)) = (trained.val_accuracy_best, trained.val_accuracy_last) {
        let (best, last) = (100.0 * best, 100.0 * last);
        let _ = writeln!(text, "validation accuracy {best:.2} % at best, {last:.2} % at the end");
    }
    if let (Some(accuracy), Some(balanced), Some(f1)) =
        (trained.test_accuracy, trained.test_balanced_accuracy, trained.test_macro_f1)
    {
        let _ = writeln!(
            text,
            "test accuracy {:.2} %, balanced {:.2} %, macro-F1 {f1:.4}, {}",
            100.0 * accuracy,
            100.0 * balanced,
            Metrics::auc_in_words(trained.test_auc, trained.test_auc_classes)
        );
    }
    if text.is_empty() {
        text += "not judged: no held-out image has a label\n";
    }
    text
}

/// Refuses data that no classifier can learn from.
pub(super) fn refuse_without_labels(data: &Dataset) -> anyhow::Result<()> {
    if data.train.labelled_rows().is_empty() {
        let name = &data.name;
        bail!("no training image of {name} has a label: give some with --answers L.csv");
    }
    if let [class] = &data.class_names[..] {
        bail!("every label is {class}: a classifier needs two classes or more");
    }
    Ok(())
}

impl Arguments {
    fn plan(&self, data: &Dataset, seed: u64) -> anyhow::Result<Plan> {
        let selection = self.selection(data)?;
        let few = match (self.recipe, self.epochs) {
            (Some(recipe), _) => recipe == RecipeName::FewLabels,
            (None, Some(_)) => false,
            (None, None) => selection.labels(data.train.len()) <= FEW,
        };
        let augments = few && self.encoder.is_none();
        let default = OsStr::new(if augments { "paper" } else { "none" });
        let policy = policy::read(self.augmentation.as_deref().unwrap_or(default))?;
        let training = TrainSettings::default();
        let training = if few {
            TrainSettings { recipe: Recipe::FEW_LABELS, ..training }
        } else {
            TrainSettings { epochs: self.epochs.unwrap_or(training.epochs), ..training }
        };
        let width = self.width.unwrap_or(if selection == Selection::All { 16 } else { 32 });
        let transfer = match &self.encoder {
            Some(path) => Some(Transfer {
                encoder: EncoderSource::File(EncoderFile::at(path)?),
                ensemble: None,
                classifier: Head::Ridge,
                self_training: None,
                fine_tuning: None,
            }),
            None => None,
        };
        Ok(Plan {
            seed,
            selection,
            placement: if policy.is_none() { Placement::Never } else { Placement::FinalOnly },
            policy,
            network: NetworkSettings::paper(width),
            training,
            // Hundreds of short epochs would spend most of the time on validation images.
            validate_every_epoch: !few && single_model::has_benchmark(data),
            test_time_views: 0,
            validation_labels: 0,
            transfer,
        })
    }

    /// Which rows are learned from: those with a label.
    fn selection(&self, data: &Dataset) -> anyhow::Result<Selection> {
        refuse_without_labels(data)?;
        let (train, known) = (&data.train, data.train.labelled_rows());
        let all = known.len() == train.len();
        Ok(match (&self.labels, &self.indices) {
            (Some(labels), _) => {
                let labels = Budget::parse(labels)?.count(train.len());
                ensure!(
                    labels <= known.len(),
                    "--labels {labels}: {} has {}",
                    data.name,
                    counted(known.len(), "label")
                );
                Selection::Random { labels }
            }
            (None, Some(path)) => {
                let rows = rows::read(path)?;
                let label = |row: u32| train.labels.get(row as usize);
                if let Some(row) = rows.iter().find(|&&row| label(row) == Some(&UNLABELLED)) {
                    bail!("{}: row {row} of {} has no label", path.display(), data.name);
                }
                Selection::Given { rows }
            }
            (None, None) if all => Selection::All,
            (None, None) => Selection::Given { rows: known },
        })
    }

    /// What the encoder makes of the images.
    fn encoded(
        &self,
        encoder: Encoder,
        data: &Dataset,
        common: &Common,
    ) -> anyhow::Result<Encoded> {
        let path = self.encoder.iter().map(|path| path.display().to_string()).collect::<String>();
        encoder.check(&data.train.images).context(path)?;
        let benchmark = single_model::has_benchmark(data).then(|| data.benchmark());
        Ok(Encoded::new(encoder, &data.pool(), benchmark.as_ref(), common.threads())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use fewlabel_learn::data::{Images, Split};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// The plan on 2,000 small images.
    fn plan(line: &str) -> Plan {
        let split = |n: usize| Split {
            images: Images { height: 9, width: 9, channels: 1, pixels: vec![0; 81 * n] },
            labels: vec![0; n],
        };
        let data = Dataset::new(
            "blank".into(),
            [split(2000), split(9), split(9)],
            vec!["nothing".into(), "all".into()],
        );
        let line = format!("train --data blank --model M.safetensors {line}");
        Line::try_parse_from(line.split_whitespace())
            .expect("a line")
            .arguments
            .plan(&data, 0)
            .expect("a plan")
    }

    #[test]
    fn few_labels_have_a_recipe_of_their_own_unless_the_paper_s_is_asked_for() {
        let summary = |line: &str| {
            let plan = plan(line);
            (plan.training.recipe == Recipe::FEW_LABELS, plan.training.epochs, plan.policy.name())
        };
        assert_eq!(summary("--labels 1%"), (true, 40, "paper"));
        assert_eq!(summary("--labels 20 --augmentation none"), (true, 40, "none"));
        assert_eq!(summary("--labels 20 --epochs 7"), (false, 7, "none"));
        assert_eq!(
            summary("--labels 20 --recipe paper --augmentation paper"),
            (false, 40, "paper")
        );
        assert_eq!(summary("--labels 1500"), (false, 40, "none"));
        assert_eq!(summary("--labels 1500 --recipe few-labels"), (true, 40, "paper"));
        assert_eq!(summary(""), (false, 40, "none"));
        assert!(
            Line::try_parse_from([
                "train", "--data", "D", "--model", "M", "--recipe", "paper", "--epochs", "2"
            ])
            .is_err()
        );
    }
}
