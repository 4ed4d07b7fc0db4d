//! What a person takes away from a project, in one folder.
//!
//! The classifier learns from every answer. The estimate that stands beside it belongs to the one
//! that has not learned from the answers that are held out; both say so.

use crate::ask::settings::RunSettings;
use crate::error::StudyError;
use crate::execute::single_model::{self, Trained};
use crate::export::predictions_csv::PredictionsCsv;
use crate::labelling::estimate::Estimate;
use crate::labelling::event::{ImageId, Said};
use crate::labelling::labels_table;
use crate::labelling::loaded::Loaded;
use crate::labelling::session::CurvePoint;
use crate::labelling::state::{Image, State};
use crate::model_files::{read_classifier, read_encoder};
use crate::store::atomic_file;
use fewlabel_learn::data::{Dataset, UNLABELLED};
use fewlabel_learn::model::predict::argmax;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::plan::{Plan, Selection};
use fewlabel_learn::run::transfer::{EncoderFile, EncoderSource};
use fewlabel_learn::{Context, LearnError, counted};
use std::path::Path;

/// The classifier's file.
pub const MODEL: &str = "classifier.safetensors";
/// What it says of all images that have no class.
const PREDICTIONS: &str = "predictions.csv";
/// The answers.
const LABELS: &str = "labels.csv";
const LABELS_JSON: &str = "labels.jsonl";

/// What there is to hand over.
pub struct Handover<'a> {
    /// The project.
    pub state: &'a State,
    /// Its images.
    pub loaded: &'a Loaded,
    /// The file of its encoder; without one a network learns from nothing.
    pub encoder: Option<&'a Path>,
    /// What the classifier without the held-out answers is worth.
    pub estimate: Option<Estimate>,
    /// What it was worth with fewer labels.
    pub curve: Vec<CurvePoint>,
    /// Threads; never changes a bit.
    pub threads: usize,
}

impl Handover<'_> {
    /// The images with the labels that they were given.
    ///
    /// # Errors
    /// If there are not labels of two classes.
    pub fn labelled(&self) -> Result<Dataset, StudyError> {
        let places = self.state.class_places();
        let label = |id: &ImageId| {
            let class = self.state.image(*id)?.said()?.class()?;
            places.get(&class).copied()
        };
        let labels: Vec<u16> =
            self.loaded.ids.iter().map(|id| label(id).unwrap_or(UNLABELLED)).collect();
        let mut seen: Vec<u16> = labels.iter().copied().filter(|l| *l != UNLABELLED).collect();
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() < 2 {
            let (labels, classes) = (counted(count, "label"), counted(seen.len(), "class"));
            return Err(StudyError::Setting(format!(
                "{labels} of {classes}: a classifier needs labels of two classes or more"
            )));
        }
        let open = self.state.open_classes();
        let names = open.iter().map(|class| class.name.clone()).collect();
        Ok(self.loaded.data.clone().relabelled([labels, Vec::new(), Vec::new()], names))
    }

    /// Makes the classifier of all answers and writes it to `path`.
    ///
    /// # Errors
    /// If there are too few labels, training fails, or the file cannot be written.
    pub fn write_classifier(
        &self,
        path: &Path,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<(Trained, Dataset), StudyError> {
        let data = self.labelled()?;
        let context = Context::cancelled_by(self.threads, is_ending);
        let trained = of_labels(&data, self.encoder, self.state.seed(), context, path)?;
        Ok((trained, data))
    }

    /// Images whose answer is a class, and those that are held out among them.
    fn counts(&self) -> (usize, usize) {
        let with = |image: &&Image| image.said().and_then(Said::class).is_some();
        let labelled = self.state.images.iter().filter(with);
        let held = labelled.clone().filter(|image| image.is_held_out()).count();
        (labelled.count(), held)
    }
}

/// The classifier of every label that the training images of `data` have, on the encoder of a file
/// where there is one.
///
/// # Errors
/// If the encoder does not fit, training fails, or the file cannot be written.
pub fn of_labels(
    data: &Dataset,
    encoder: Option<&Path>,
    seed: u64,
    context: Context<'_>,
    path: &Path,
) -> Result<Trained, StudyError> {
    let rows = data.train.labelled_rows();
    let selection = match rows.len() == data.train.len() {
        true => Selection::All,
        false => Selection::Given { rows },
    };
    let source = encoder.map(EncoderFile::at).transpose()?.map(EncoderSource::File);
    let plan = Plan::few_labels(selection, source, seed);
    let encoded = match encoder {
        Some(file) => {
            let made = read_encoder(file)?;
            let wrong =
                |error: fewlabel_learn::LearnError| StudyError::damaged(file, error.to_string());
            made.encoder.check(&data.train.images).map_err(wrong)?;
            let benchmark = single_model::has_benchmark(data).then(|| data.benchmark());
            let pool = data.pool();
            Some(Encoded::new(made.encoder, &pool, benchmark.as_ref(), context.threads)?)
        }
        None => None,
    };
    // A checkpoint of other answers is of no use.
    let settings = RunSettings::of_plan(plan.clone(), "train", data);
    single_model::forget_other(path, &settings)?;
    let encoders: Vec<&Encoded> = encoded.iter().collect();
    single_model::train(&plan, data, &encoders, context, path, &mut |_| {})
}

/// A prediction below this probability is "don't know".
const SURE: f32 = 0.5;

impl Handover<'_> {
    /// Writes what the classifier says of every image that has no class yet, those of doubt first,
    /// with its probabilities; below [`SURE`] it says "don't know".
    ///
    /// # Errors
    /// If the classifier cannot be read or the table not be written.
    pub fn write_predictions(&self, model: &Path, path: &Path) -> Result<usize, StudyError> {
        let classifier = read_classifier(model)?;
        let names = classifier.class_names.clone().unwrap_or_default();
        let is_open = |id: &ImageId| {
            let said = self.state.image(*id).and_then(Image::said);
            !matches!(said, Some(Said::Class(_) | Said::Unusable))
        };
        let rows: Vec<u32> =
            (0..).zip(&self.loaded.ids).filter(|(_, id)| is_open(id)).map(|(row, _)| row).collect();
        let images = self.loaded.data.train.images.select(&rows);
        let mut probs = Vec::with_capacity(rows.len() * names.len());
        if !rows.is_empty() {
            classifier.each_block(&images, Vec::new, self.threads, |block, _| {
                probs.extend_from_slice(block);
                Ok::<_, LearnError>(())
            })?;
        }
        let calibrated = |row: &[f32]| match &classifier.calibration {
            Some(calibration) => calibration.apply(row),
            None => row.to_vec(),
        };
        let mut all: Vec<(u32, Vec<f32>)> =
            rows.iter().copied().zip(probs.chunks_exact(names.len()).map(calibrated)).collect();
        let sureness = |probs: &[f32]| probs[argmax(probs)];
        all.sort_by(|a, b| sureness(&a.1).total_cmp(&sureness(&b.1)).then(a.0.cmp(&b.0)));
        let mut table = PredictionsCsv::create(path, &names, false)?;
        for (row, probs) in &all {
            let image = self.state.image(self.loaded.ids[*row as usize]);
            let name = image.map(|image| image.name.as_str()).unwrap_or_default();
            let class = argmax(probs);
            let is_sure = probs[class] >= SURE;
            table.row(name, is_sure.then(|| names[class].as_str()), probs, None)?;
        }
        table.finish()?;
        Ok(all.len())
    }
}

/// Writes everything.
///
/// # Errors
/// tmp
pub fn write(
    handover: &Handover<'_>,
    folder: &Path,
    told: &dyn Fn(&str, f64),
    is_ending: &dyn Fn() -> bool,
) -> Result<Vec<(String, String)>, StudyError> {
    atomic_file::make_folder(folder)?;
    let (labelled, held_out) = handover.counts();
    let labels = format!(
        "every answer, one a line: {}, {held_out} of them held out",
        counted(labelled, "label")
    );
    labels_table::write_csv(handover.state, &folder.join(LABELS))?;
    labels_table::write_jsonl(handover.state, &folder.join(LABELS_JSON))?;
    told("learning from every answer", 0.6);
    let model = folder.join(MODEL);
    handover.write_classifier(&model, is_ending)?;
    told("predicting the rest", 0.8);
    let rest = handover.write_predictions(&model, &folder.join(PREDICTIONS))?;
    let rest = format!("what the classifier says of the other {}", counted(rest, "image"));
    let files = [
        (LABELS, labels),
        (LABELS_JSON, "the same as JSON Lines".to_owned()),
        (MODEL, "the classifier of all answers, for fewlabel predict and PyTorch".to_owned()),
        (PREDICTIONS, rest),
    ];
    Ok(files.map(|(name, what)| (name.to_owned(), what)).into())
}
