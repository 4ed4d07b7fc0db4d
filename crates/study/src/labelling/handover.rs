//! What a person takes away from a project, in one folder.
//!
//! The classifier learns from every answer. The estimate that stands beside it belongs to the one
//! that has not learned from the answers that are held out; both say so.

use crate::ask::settings::RunSettings;
use crate::error::StudyError;
use crate::execute::single_model::{self, Trained};
use crate::labelling::curve::CurvePoint;
use crate::labelling::estimate::Estimate;
use crate::labelling::event::{ImageId, Said};
use crate::labelling::exports::labels_table;
use crate::labelling::exports::predictions::{self, Remaining};
use crate::labelling::exports::project_report::{self, Example, ExamplePage, ProjectReport};
use crate::labelling::loaded::Loaded;
use crate::labelling::pictures;
use crate::labelling::rows;
use crate::labelling::state::{Class, Image, State};
use crate::model_files::{read_classifier, read_encoder};
use crate::store::atomic_file;
use fewlabel_learn::data::{Dataset, UNLABELLED};
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
/// The project on one page.
const REPORT: &str = "report.html";

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
const SURE: f64 = 0.5;
/// Examples of each class on the report's page, and their longest side.
const EXAMPLES: usize = 12;
const EXAMPLE_SIDE: usize = 128;

impl Handover<'_> {
    /// Writes what the classifier says of every image that has no class yet, those of doubt first,
    /// with its calibrated probabilities; below one half it says "don't know". Returns how many
    /// images there are.
    ///
    /// # Errors
    /// If the classifier cannot be read or the table not be written.
    pub fn write_predictions(&self, model: &Path, path: &Path) -> Result<usize, StudyError> {
        let classifier = read_classifier(model)?;
        let names = classifier.class_names.clone().unwrap_or_default();
        let open = |id: &ImageId| {
            let image = self.state.image(*id)?;
            let is_open = !matches!(image.said(), Some(Said::Class(_) | Said::Unusable));
            is_open.then_some(image.name.as_str())
        };
        let rows = (0..).zip(&self.loaded.ids).filter_map(|(row, id)| Some((row, open(id)?)));
        let (rows, paths): (Vec<u32>, Vec<&str>) = rows.unzip();
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
        let probs: Vec<Vec<f32>> = probs.chunks_exact(names.len()).map(calibrated).collect();
        let remaining = paths.iter().zip(&probs).map(|(path, probs)| Remaining { path, probs });
        let remaining: Vec<Remaining<'_>> = remaining.collect();
        predictions::write(path, &names, &remaining, Some(SURE))?;
        Ok(remaining.len())
    }

    /// The project as a page to keep.
    fn report(&self, told: &Told) -> ProjectReport {
        let rows = self.state.rows();
        let count = |state: rows::State| rows.iter().filter(|row| row.state == state).count();
        let mut classes: Vec<(String, usize)> =
            self.state.open_classes().iter().map(|class| (class.name.clone(), 0)).collect();
        for label in rows.iter().filter_map(|row| row.label.as_ref()) {
            if let Some(class) = classes.iter_mut().find(|(name, _)| name == label) {
                class.1 += 1;
            }
        }
        let mut annotators: Vec<String> = rows.iter().map(|row| row.annotator.clone()).collect();
        annotators.sort_unstable();
        annotators.dedup();
        let rate = told.labels_per_minute;
        ProjectReport {
            name: self.loaded.data.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: rows.last().map(|row| row.time.clone()).unwrap_or_default(),
            images: self.loaded.len(),
            classes,
            held_out: self.counts().1,
            unsure: count(rows::State::Unsure),
            unusable: count(rows::State::Unusable),
            skipped: count(rows::State::Skip),
            flagged: self.state.images.iter().filter(|image| image.flag.is_some()).count(),
            annotators,
            minutes: rate.map(|rate| self.state.course.len() as f64 / rate),
            labels_per_minute: rate,
            estimate: self.estimate.clone(),
            curve: self.curve.clone(),
            advice: told.advice.clone(),
            notes: told.notes.clone(),
            examples: self.examples(),
        }
    }

    /// Some images of each class, as the network sees them.
    fn examples(&self) -> Vec<ExamplePage> {
        let page = |class: &&Class| {
            let is_of_class = |image: &&Image| {
                let said = image.said().and_then(Said::class);
                said.is_some_and(|said| self.state.class_now(said) == class.id)
            };
            let images = self.state.images.iter().filter(is_of_class).filter_map(|image| {
                let images = &self.loaded.data.train.images;
                let pixels = images.image(self.loaded.row(image.id)? as usize).to_vec();
                let picture = pictures::of_pixels(images, pixels);
                let png = pictures::png(&picture, Some(EXAMPLE_SIDE)).ok()?;
                let caption = image.flag.clone().unwrap_or_default();
                Some(Example { path: image.name.clone(), caption, png })
            });
            let images: Vec<Example> = images.take(EXAMPLES).collect();
            ExamplePage { title: class.name.clone(), images }
        };
        let pages = self.state.open_classes();
        pages.iter().map(page).filter(|page| !page.images.is_empty()).collect()
    }
}

/// What a report says that only a project at work knows.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The sentence that says where labelling stands.
    pub advice: String,
    /// What a reader should know beside.
    pub notes: Vec<String>,
    /// Answers a minute.
    pub labels_per_minute: Option<f64>,
}

/// Writes everything into `folder`; `progress` hears what is done and how far it is. Returns the
/// files' names, and what each is.
///
/// # Errors
/// If there are too few labels, training fails, a file cannot be written, or `is_ending` asks for
/// the end.
pub fn write(
    handover: &Handover<'_>,
    folder: &Path,
    told: &Told,
    progress: &dyn Fn(&str, f64),
    is_ending: &dyn Fn() -> bool,
) -> Result<Vec<(String, String)>, StudyError> {
    atomic_file::make_folder(folder)?;
    let (labelled, held_out) = handover.counts();
    let rows = handover.state.rows();
    labels_table::write_csv(&folder.join(LABELS), &rows)?;
    labels_table::write_json_lines(&folder.join(LABELS_JSON), &rows)?;
    progress("learning from every answer", 0.6);
    let model = folder.join(MODEL);
    handover.write_classifier(&model, is_ending)?;
    progress("predicting the rest", 0.8);
    let rest = handover.write_predictions(&model, &folder.join(PREDICTIONS))?;
    progress("writing the report", 0.9);
    project_report::write(&folder.join(REPORT), &handover.report(told))?;
    let labels = counted(labelled, "label");
    let files = [
        (LABELS, format!("every answer, one a line: {labels}, {held_out} of them held out")),
        (LABELS_JSON, "the same as JSON Lines".to_owned()),
        (MODEL, "the classifier of all answers, for fewlabel predict and PyTorch".to_owned()),
        (PREDICTIONS, format!("what it says of the other {}", counted(rest, "image"))),
        (REPORT, "the project on one page; it holds some of the images".to_owned()),
    ];
    Ok(files.map(|(name, what)| (name.to_owned(), what)).into())
}
