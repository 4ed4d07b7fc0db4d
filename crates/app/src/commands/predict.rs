//! `fewlabel predict`: class probabilities and features of a split, as .npy.

use crate::cli::Common;
use crate::data_set::ClassNames;
use crate::screen;
use clap::{Args, ValueEnum};
use fewlabel_learn::counted;
use fewlabel_study::evaluate::metrics::Metrics;
use fewlabel_study::execute::single_model::{self, Outputs, Prediction};
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
    class_names: ClassNames,
    /// Which split.
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Where the probabilities go: float32 [images, classes], in the split's order.
    #[arg(long, value_name = "P.npy")]
    probs: Option<PathBuf>,
    /// Where the features go, the output of the last hidden layer after its ReLU: float32 [images,
    /// features].
    #[arg(long, value_name = "H.npy")]
    features: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Split {
    Train,
    Val,
    Test,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let data = arguments.class_names.open(&arguments.data, common)?;
    let split = match arguments.split {
        Split::Train => &data.train,
        Split::Val => &data.val,
        Split::Test => &data.test,
    };
    let outputs =
        Outputs { probs: arguments.probs.as_deref(), features: arguments.features.as_deref() };
    let prediction =
        single_model::predict(&arguments.model, &data, split, common.threads(), outputs)?;
    let n = split.len();
    if common.json {
        let document = serde_json::json!({
            "data": data.name, "synthetic_data": data.synthetic, "images": n,
            "classes": prediction.classes,
            "class_names": prediction.class_names, "metrics": prediction.metrics,
            "features": { "layer": prediction.features.0, "length": prediction.features.1 },
        });
        return screen::print_json(&document);
    }
    let synthetic = if data.synthetic { " (synthetic data)" } else { "" };
    let about = match &prediction.metrics {
        Some(metrics) => {
            let auc = Metrics::auc_in_words(metrics.auc, metrics.auc_classes);
            format!("accuracy {:.2} %, {auc}", 100.0 * metrics.accuracy)
        }
        None => not_judged(&prediction, &data.class_names),
    };
    let features = match (&arguments.features, &prediction.features) {
        (Some(path), (layer, length)) => {
            format!("{}: {length} features an image, the output of {layer}\n", path.display())
        }
        (None, _) => String::new(),
    };
    screen::print(&format!(
        "{} of {}{synthetic}: {about}\n{features}",
        counted(n, "image"),
        data.name
    ))
}

fn not_judged(prediction: &Prediction, names: &[String]) -> String {
    let classes = prediction.classes;
    let own = prediction
        .class_names
        .as_ref()
        .map_or_else(|| classes.to_string(), |names| names.join(", "));
    format!("not judged: the model's classes are {own}; those of the data are {}", names.join(", "))
}
