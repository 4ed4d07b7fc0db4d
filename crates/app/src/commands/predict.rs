//! `fewlabel predict`: what a model says of images, as a table for people and as arrays.

use crate::data_set::DataOptions;
use crate::options::{Common, count, number};
use crate::{policy, screen};
use anyhow::bail;
use clap::{Args, ValueEnum};
use fewlabel_learn::counted;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::pretrain::views;
use fewlabel_study::evaluate::metrics::Metrics;
use fewlabel_study::evaluate::per_class::{ClassFigures, Share};
use fewlabel_study::execute::prediction::{self, Asked, Outputs, Prediction, Several};
use fewlabel_study::model_files::read_classifier;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `predict`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Model file.
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
    /// Data set: a catalogue name or a path.
    #[arg(long, value_name = "D")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// Which split [default: test; all where the data has no splits].
    #[arg(long, value_enum)]
    split: Option<Split>,
    /// Where a table for people goes: each image's file, its predicted class and the probability of
    /// every class.
    #[arg(long, value_name = "P.csv")]
    out: Option<PathBuf>,
    /// Say "don't know" in place of a class whose probability is below this, from 0 to 1.
    #[arg(long, value_name = "P", value_parser = number::<f64>)]
    abstain: Option<f64>,
    /// Where the probabilities go as the network gives them: float32 [images, classes], in the
    /// split's order.
    #[arg(long, value_name = "P.npy")]
    probs: Option<PathBuf>,
    /// Where the features go, the output of the last hidden layer after its ReLU: float32 [images,
    /// features].
    #[arg(long, value_name = "H.npy")]
    features: Option<PathBuf>,
    /// Where the probabilities of several dropout passes go, for `query`: float32 [images, passes,
    /// classes].
    #[arg(long, value_name = "M.npy")]
    mc_probs: Option<PathBuf>,
    /// Dropout passes.
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = count::<usize>,
        requires = "mc_probs")]
    mc_samples: usize,
    /// Where the probabilities under changed views go, for `query`: float32 [images, views,
    /// classes], the image itself first.
    #[arg(long, value_name = "V.npy")]
    view_probs: Option<PathBuf>,
    /// Views of an image, itself included.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count::<usize>,
        requires = "view_probs")]
    views: usize,
    /// What changes a view: an augmentation policy [default: made for the data set].
    #[arg(long, value_name = "P", requires = "view_probs")]
    augmentation: Option<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Split {
    Train,
    Val,
    Test,
    All,
}

impl Arguments {
    /// Numbers of the splits to predict.
    fn splits(&self, data: &Dataset) -> &'static [usize] {
        let has_splits = data.files.as_ref().is_none_or(|files| files.has_splits);
        match self.split {
            Some(Split::Train) => &[0],
            Some(Split::Val) => &[1],
            Some(Split::Test) => &[2],
            None if has_splits => &[2],
            Some(Split::All) | None => &[0, 1, 2],
        }
    }
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    if let Some(least) = arguments.abstain
        && !(0.0..=1.0).contains(&least)
    {
        bail!("--abstain {least}: expected a probability from 0 to 1");
    }
    let classifier = read_classifier(&arguments.model)?;
    let data = arguments.options.open_like(&arguments.data, classifier.like(), common)?;
    let outputs = Outputs {
        probs: arguments.probs.as_deref(),
        features: arguments.features.as_deref(),
        table: arguments.out.as_deref(),
    };
    let splits = arguments.splits(&data);
    let asked = Asked {
        data: &data,
        splits,
        threads: common.threads(),
        abstain: arguments.abstain,
        keep_rows: common.json,
        outputs,
    };
    let prediction = prediction::predict(&arguments.model, &asked)?;
    write_several(arguments, &data, splits, common)?;
    match common.json {
        true => screen::print_json(&document(&prediction, &data)),
        false => screen::print(&text(&prediction, &data, arguments)),
    }
}

fn write_several(
    arguments: &Arguments,
    data: &Dataset,
    splits: &[usize],
    common: &Common,
) -> anyhow::Result<()> {
    let policy = match &arguments.augmentation {
        Some(name) => policy::read(name)?,
        None => views::for_pool(&data.pool()),
    };
    let several = Several {
        passes: arguments.mc_probs.as_deref().map(|path| (arguments.mc_samples, path)),
        views: arguments.view_probs.as_deref().map(|path| (arguments.views, &policy, path)),
        seed: common.seed,
    };
    let threads = common.threads();
    Ok(prediction::write_several(&arguments.model, data, splits, &several, threads)?)
}

fn document(prediction: &Prediction, data: &Dataset) -> serde_json::Value {
    let judged = prediction.judged.as_ref();
    serde_json::json!({
        "data": data.name, "synthetic_data": data.synthetic, "images": prediction.images,
        "classes": prediction.class_names.len(),
        "class_names": prediction.classifier.class_names,
        "calibration": prediction.classifier.calibration,
        "metrics": judged.map(|judged| &judged.metrics),
        "per_class": judged.map(|judged| &judged.classes),
        "not_judged": prediction.strange,
        "withheld": prediction.withheld,
        "features": { "layer": prediction.features.0, "length": prediction.features.1 },
        "predictions": prediction.rows,
    })
}

fn text(prediction: &Prediction, data: &Dataset, arguments: &Arguments) -> String {
    let synthetic = if data.synthetic { " (synthetic data)" } else { "" };
    let mut text = format!("{} of {}{synthetic}", counted(prediction.images, "image"), data.name);
    if let Some(judged) = &prediction.judged {
        let metrics = &judged.metrics;
        let auc = Metrics::auc_in_words(metrics.auc, metrics.auc_classes);
        let of = match metrics.images {
            images if images == prediction.images => String::new(),
            images => format!(" on the {} with a label", counted(images, "image")),
        };
        let _ = write!(text, ": accuracy {:.2} %{of}, {auc}", 100.0 * metrics.accuracy);
    } else if let Some(why) = &prediction.strange {
        let _ = write!(text, ": not judged: {why}");
    }
    text.push('\n');
    if let Some(path) = &arguments.out {
        let _ = writeln!(text, "{}: {}", path.display(), calibrated(prediction));
    }
    if arguments.abstain.is_some() {
        let _ = writeln!(text, "don't know: {}", counted(prediction.withheld, "image"));
    }
    if let (Some(path), (layer, length)) = (&arguments.features, &prediction.features) {
        let _ =
            writeln!(text, "{}: {length} features an image, the output of {layer}", path.display());
    }
    if let Some(judged) = &prediction.judged {
        let _ = writeln!(text, "\n{}\n", of_classes(&judged.classes));
        let _ = writeln!(text, "{}", confusion(&prediction.class_names, &judged.metrics));
    }
    text
}

/// What the probabilities of the table are calibrated on.
fn calibrated(prediction: &Prediction) -> String {
    match &prediction.classifier.calibration {
        Some(calibration) => format!(
            "probabilities are calibrated on {} ({})",
            counted(calibration.labels, "label"),
            calibration.split
        ),
        None => "probabilities are not calibrated: there were too few labels".to_owned(),
    }
}

fn of_classes(classes: &[ClassFigures]) -> String {
    let share = |share: &Option<Share>| share.map_or_else(String::new, |share| share.in_words());
    let row = |figures: &ClassFigures| {
        [
            figures.class.clone(),
            figures.images.to_string(),
            share(&figures.sensitivity),
            share(&figures.specificity),
            share(&figures.ppv),
            figures.auc.map_or_else(String::new, |area| area.area_in_words()),
        ]
    };
    let head = ["class", "images", "sensitivity (95 %)", "specificity", "PPV", "AUC"];
    screen::table(head, classes.iter().map(row)).to_string()
}

/// Rows are labels, columns what was predicted; no more classes than a screen has room for.
fn confusion(names: &[String], metrics: &Metrics) -> String {
    const MOST: usize = 12;
    if names.len() > MOST {
        return format!("the confusion matrix of {} classes is in --json\n", names.len());
    }
    let mut head = vec!["label \\ predicted".to_owned()];
    head.extend(names.iter().cloned());
    let rows = names.iter().zip(&metrics.confusion).map(|(name, counts)| {
        let counts = counts.iter().map(u32::to_string);
        std::iter::once(name.clone()).chain(counts).collect()
    });
    screen::table_of(head, rows).to_string()
}
