//! `fewlabel learn`: from labels to a classifier in one command, with an encoder that learns from
//! all images first.

use crate::data_set::{self, DataOptions};
use crate::interrupt::Interrupt;
use crate::labelling::give_way::give_way;
use crate::options::{Common, count, means_nothing};
use crate::screen::{self, Exit};
use clap::Args;
use fewlabel_learn::Context;
use fewlabel_learn::data::{Dataset, UNLABELLED};
use fewlabel_learn::pretrain::PretrainSettings;
use fewlabel_learn::run::transfer::EncoderSource;
use fewlabel_study::StudyError;
use fewlabel_study::execute::single_model::Trained;
use fewlabel_study::execute::{encoder_cache, encoder_file};
use fewlabel_study::labelling::handover;
use fewlabel_study::labelling::project::Project;
use fewlabel_study::labelling::session::{self, Options, Session};
use fewlabel_study::model_files::read_encoder;
use std::path::{Path, PathBuf};

/// Arguments of `learn`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Data set: a catalogue name or a path. All of its training images are seen, with a label or
    /// without.
    #[arg(long, value_name = "D", required_unless_present = "project")]
    data: Option<PathBuf>,
    #[command(flatten)]
    options: DataOptions,
    /// Tables of labels: the columns `path` and `label`.
    #[arg(long, value_name = "L.csv")]
    answers: Vec<PathBuf>,
    /// A project of `fewlabel label`, with its images and all of its answers.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "answers"])]
    project: Option<PathBuf>,
    /// An encoder that `pretrain` made, in place of one that is learned now and kept beside the
    /// model.
    #[arg(long, value_name = "E")]
    encoder: Option<PathBuf>,
    /// Passes over the images when an encoder is learned.
    #[arg(long, value_name = "E", default_value_t = PretrainSettings::default().epochs,
        value_parser = count::<u32>, conflicts_with = "encoder")]
    encoder_epochs: u32,
    /// Width f of the encoder that is learned.
    #[arg(long, value_name = "F", default_value_t = PretrainSettings::default().width,
        value_parser = count::<usize>, conflicts_with = "encoder")]
    encoder_width: usize,
    /// Where the classifier goes.
    #[arg(long, value_name = "M.safetensors")]
    model: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let stop = || interrupt.exit_code().is_some();
    let outcome = match (&arguments.project, &arguments.data) {
        (Some(folder), _) => arguments.of_project(folder, common, &stop),
        (None, Some(data)) => arguments.of_data(data, common, &stop),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let (name, trained) = match outcome {
        Err(error)
            if error.downcast_ref::<StudyError>().is_some_and(StudyError::is_interrupted) =>
        {
            screen::note("stopped; the same command goes on from here");
            return Err(Exit(interrupt.exit_code().unwrap_or(1)).into());
        }
        outcome => outcome?,
    };
    super::train::report(&trained, &arguments.model, (&name.0, name.1), common)
}

impl Arguments {
    fn pretraining(&self) -> PretrainSettings {
        PretrainSettings {
            epochs: self.encoder_epochs,
            width: self.encoder_width,
            ..PretrainSettings::default()
        }
    }

    fn of_project(
        &self,
        folder: &Path,
        common: &Common,
        stop: &dyn Fn() -> bool,
    ) -> anyhow::Result<((String, bool), Trained)> {
        if self.options.given().is_some() {
            return Err(means_nothing("--class-names", "learn --project"));
        }
        Project::read(folder)?;
        let project = Project::open(folder, None, common.seed, true)?;
        let import = self.options.import();
        let options = Options {
            listed: session::list(&project.data, &import)?,
            data: project.data.clone(),
            unlabelled: import.unlabelled,
            import,
            classes: Vec::new(),
            encoder: self.encoder.clone(),
            pretraining: self.pretraining(),
            strategy: None,
            annotator: String::new(),
            threads: common.threads(),
            give_way,
        };
        let session = Session::open(project, options)?;
        let name = (session.status().name, false);
        let told = std::cell::RefCell::new(String::new());
        let tell = |what: &str, _: f64| {
            if !common.quiet && *told.borrow() != what {
                screen::note(what);
                what.clone_into(&mut told.borrow_mut());
            }
        };
        let trained = session.write_classifier(&self.model, stop, &tell)?;
        session.close()?;
        Ok((name, trained))
    }

    fn of_data(
        &self,
        data: &Path,
        common: &Common,
        stop: &dyn Fn() -> bool,
    ) -> anyhow::Result<((String, bool), Trained)> {
        let encoder = self.encoder.as_deref().map(read_encoder).transpose()?;
        let data = match &encoder {
            Some(encoder) => self.options.open_like(data, encoder.like(), common)?,
            None => self.options.open(data, common)?,
        };
        let data = data_set::answered(data, &self.answers, common)?;
        super::train::refuse_without_labels(&data)?;
        data_set::warn([&data]);
        let context = Context::cancelled_by(common.threads(), stop);
        let encoder = match &self.encoder {
            Some(path) => path.clone(),
            None => self.learned_encoder(&data, context, common)?,
        };
        let name = (data.name.clone(), data.synthetic);
        let trained =
            handover::of_labels(&data, Some(&encoder), common.seed, context, &self.model)?;
        Ok((name, trained))
    }

    /// The encoder of the images, learned unless it lies beside the model already.
    fn learned_encoder(
        &self,
        data: &Dataset,
        context: Context<'_>,
        common: &Common,
    ) -> anyhow::Result<PathBuf> {
        let settings = self.pretraining();
        // More labels of the same images make no other encoder.
        let none = data.splits().map(|(_, split)| vec![UNLABELLED; split.len()]);
        let images = data.clone().relabelled(none, data.class_names.clone());
        let source = EncoderSource::Pretraining { settings: settings.clone(), seed: common.seed };
        let id = encoder_cache::id(&source, &images);
        let path = self.model.with_file_name(format!("encoder-{id}.safetensors"));
        if path.is_file() && read_encoder(&path).is_ok() {
            if !common.quiet {
                screen::note(&format!("{}: the encoder of these images", path.display()));
            }
            return Ok(path);
        }
        let mut heard = |epoch: usize, loss: f64| {
            if !common.quiet {
                let epochs = settings.epochs;
                screen::note(&format!("encoder: epoch {epoch} of {epochs}, loss {loss:.4}"));
            }
        };
        encoder_file::make(&images, &settings, common.seed, context, &path, &mut heard)?;
        Ok(path)
    }
}
