//! `fewlabel pretrain`: an encoder from images without labels.

use crate::data_set::DataOptions;
use crate::interrupt::Interrupt;
use crate::options::{Common, count, means_nothing, number};
use crate::policy;
use crate::screen::{self, Exit};
use clap::Args;
use fewlabel_learn::pretrain::Pretrained;
use fewlabel_learn::pretrain::{Method, PretrainSettings};
use fewlabel_learn::{Context, counted};
use fewlabel_study::execute::encoder_file;
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `pretrain`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path. Its training images are seen, its labels are not.
    #[arg(long, value_name = "D")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// What the encoder is held to: simclr (views alike, images apart) or vicreg (views alike, no
    /// number idle).
    #[arg(long, value_name = "M", default_value = "simclr")]
    method: String,
    /// Width f of the encoder, whose blocks have f, 2f and 3f channels.
    #[arg(long, value_name = "F", default_value_t = PretrainSettings::default().width,
        value_parser = count::<usize>)]
    width: usize,
    /// Passes over the images.
    #[arg(long, value_name = "E", default_value_t = PretrainSettings::default().epochs,
        value_parser = count::<u32>)]
    epochs: u32,
    /// Images in a step, two views each.
    #[arg(long, value_name = "N", default_value_t = PretrainSettings::default().batch_size,
        value_parser = count::<usize>)]
    batch_size: usize,
    /// Highest learning rate.
    #[arg(long, value_name = "R", default_value_t = PretrainSettings::default().learning_rate,
        value_parser = number::<f32>)]
    learning_rate: f32,
    /// What similarities are divided by with simclr, 0.03 to 10 [default: 0.5].
    #[arg(long, value_name = "T", value_parser = number::<f32>)]
    temperature: Option<f32>,
    /// What a view may change: an augmentation policy's name, or a TOML file with its settings
    /// [default: made for the data set, without flips where left and right are classes].
    #[arg(long, value_name = "P")]
    views: Option<OsString>,
    /// Write the features of the training images here, for `features` in a study and for `query
    /// --features`.
    #[arg(long, value_name = "F.npy")]
    features: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let method = Method::from_name(&arguments.method)?;
    if method != Method::SimClr && arguments.temperature.is_some() {
        return Err(means_nothing("--temperature", &format!("--method {}", arguments.method)));
    }
    let data = arguments.options.open(&arguments.data, common)?;
    let settings = PretrainSettings {
        method,
        width: arguments.width,
        epochs: arguments.epochs,
        batch_size: arguments.batch_size,
        learning_rate: arguments.learning_rate,
        temperature: arguments.temperature.unwrap_or(PretrainSettings::default().temperature),
        views: arguments.views.as_deref().map(policy::read).transpose()?,
        ..PretrainSettings::default()
    };
    let path = common.out("encoder.safetensors");
    let interrupt = Interrupt::listen()?;
    let mut heard = |epoch: usize, loss: f64| {
        if !common.quiet {
            screen::note(&format!("epoch {epoch} of {}: loss {loss:.4}", settings.epochs));
        }
    };
    let stop = || interrupt.exit_code().is_some();
    let context = Context::cancelled_by(common.threads(), &stop);
    let made = match encoder_file::make(&data, &settings, common.seed, context, &path, &mut heard) {
        Err(error) if error.is_interrupted() => {
            screen::note("stopped; the same command goes on from here");
            return Err(Exit(interrupt.exit_code().unwrap_or(1)).into());
        }
        made => made?,
    };
    if let Some(features) = &arguments.features {
        encoder_file::write_features(&made, &data, features, context.threads)?;
    }
    report(&made, &path.display().to_string(), &data.name, common)
}

fn report(made: &Pretrained, path: &str, data: &str, common: &Common) -> anyhow::Result<()> {
    if common.json {
        let document = serde_json::json!({
            "encoder": path, "data": data, "seed": common.seed, "settings": made.settings,
            "losses": made.losses,
            "feature_len": made.encoder.feature_len(),
        });
        return screen::print_json(&document);
    }
    let last = made.losses.last().map_or_else(String::new, |loss| format!("loss {loss:.4} after "));
    screen::print(&format!(
        "{path}: encoder of {data}, {} features an image, {last}{}\n",
        made.encoder.feature_len(),
        counted(made.losses.len(), "epoch")
    ))
}
