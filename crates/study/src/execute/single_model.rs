//! One model outside a study: training it into a file, and predicting with a file.

use crate::ask::settings::RunSettings;
use crate::error::StudyError;
use crate::evaluate::metrics::{Judge, Metrics};
use crate::execute::run;
use crate::model_file::ModelFile;
use crate::store::atomic_file;
use crate::store::npy_writer::RowsFile;
use fewlabel_engine::Architecture;
use fewlabel_engine::rng::Key;
use fewlabel_learn::data::{Dataset, Split, class_names};
use fewlabel_learn::model::predict::Predictor;
use fewlabel_learn::model::view::View;
use fewlabel_learn::run::active_loop;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, RunObserver};
use fewlabel_learn::run::oracle::Simulated;
use fewlabel_learn::run::plan::Plan;
use fewlabel_learn::run::plan_memory;
use fewlabel_learn::run::resources::Resources;
use fewlabel_learn::{Context, LearnError, counted};
use serde::Serialize;
use std::path::Path;

/// What a trained model is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trained {
    /// Labels trained on.
    pub labels: usize,
    /// Best validation accuracy over the epochs.
    pub val_accuracy_best: f64,
    /// Validation accuracy after the last epoch.
    pub val_accuracy_last: f64,
    /// Test accuracy after the last epoch.
    pub test_accuracy: f64,
    /// Balanced test accuracy.
    pub test_balanced_accuracy: f64,
    /// Test macro-F1.
    pub test_macro_f1: f64,
    /// Test AUC; absent where it is not defined for any class.
    pub test_auc: Option<f64>,
    /// Classes that it is a mean over, where that is not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_auc_classes: Option<usize>,
    /// Loss of the last epoch's training, in nats.
    pub train_loss: Option<f32>,
}

/// Carries `plan` out and writes the final model to `path`; `epoch` hears of every epoch.
///
/// # Errors
/// If the plan does not fit the data, training diverges, the file cannot be written, or the context
/// ends it.
pub fn train(
    plan: &Plan,
    data: &Dataset,
    context: Context<'_>,
    path: &Path,
    epoch: &mut dyn FnMut(&EpochEvent),
) -> Result<Trained, StudyError> {
    atomic_file::refuse_unwritable(path)?;
    plan_memory::check_plan(plan, &data.pool())?;
    let mut listener = Listener { epoch, train_loss: None };
    let mut oracle = Simulated::new(&data.train.labels);
    let benchmark = Some(data.benchmark());
    let resources = Resources { pool: data.pool(), benchmark, encoders: Vec::new(), context };
    let finished = active_loop::run(plan, &resources, None, &mut oracle, &mut listener)?;
    let judged = finished.judged.ok_or(LearnError::NoBenchmark { what: "judging" })?;
    let settings = RunSettings::of_plan(plan.clone(), "train", data);
    atomic_file::write_named(
        path,
        &finished.model.to_safetensors(&run::metadata(&settings, data)),
    )?;
    let test = Metrics::of(&judged.test_probs_nc, &data.test.labels);
    Ok(Trained {
        labels: finished.answers.labels(),
        val_accuracy_best: judged.val_accuracy_best,
        val_accuracy_last: Metrics::of(&judged.val_probs_nc, &data.val.labels).accuracy,
        test_accuracy: test.accuracy,
        test_balanced_accuracy: test.balanced_accuracy,
        test_macro_f1: test.macro_f1,
        test_auc: test.auc,
        test_auc_classes: test.auc_classes,
        train_loss: listener.train_loss,
    })
}

struct Listener<'a> {
    epoch: &'a mut dyn FnMut(&EpochEvent),
    train_loss: Option<f32>,
}

impl RunObserver for Listener<'_> {
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError> {
        self.train_loss = event.train_loss;
        (self.epoch)(event);
        Ok(())
    }

    fn query(&mut self, _event: &QueryEvent) -> Result<(), LearnError> {
        Ok(())
    }
}

/// Where the arrays of [`predict`] go, as .npy of f32 in the split's order; nowhere where no path
/// is given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outputs<'a> {
    /// Class probabilities, [n, classes].
    pub probs: Option<&'a Path>,
    /// Features before the last layer, [n, dim].
    pub features: Option<&'a Path>,
}

/// What a prediction was worth.
pub struct Prediction {
    /// Number of classes.
    pub classes: usize,
    /// What the model's classes are called, where its file says so.
    pub class_names: Option<Vec<String>>,
    /// The layer whose output the features are, by its name in the file, and its numbers an image.
    pub features: (String, usize),
    /// How well it fits the labels, where the model has the data's number of classes.
    pub metrics: Option<Metrics>,
}

/// What the features of [`predict`] are the output of: the last hidden layer, else the last block.
fn feature_layer(shape: &Architecture) -> String {
    match shape.hidden.len() {
        0 => format!("block{}", shape.block_widths.len()),
        layers => format!("head.fc{layers}"),
    }
}

/// Predicts a split of `data` with the model in `path`, centred as the model was trained.
///
/// Arrays are written as they come. In memory are the images and, where the prediction is judged,
/// four bytes an image and class, which an exact area under the curve takes.
///
/// # Errors
/// If the file is no classifier, expects images of another shape or has classes of other names, or
/// an output cannot be written.
pub fn predict(
    path: &Path,
    data: &Dataset,
    split: &Split,
    threads: usize,
    outputs: Outputs<'_>,
) -> Result<Prediction, StudyError> {
    let file = ModelFile::read(path)?;
    if file.is_encoder() {
        return Err(file.wrong(
            "is an encoder, which has no classes: `fewlabel probe --encoder` says what it is worth",
        ));
    }
    let names = file.class_names()?;
    if let Some(names) = names.as_ref().filter(|names| names.len() == data.classes())
        && !class_names::agree(names, &data.class_names)
    {
        let (own, other) = (names.join(", "), data.class_names.join(", "));
        return Err(file
            .wrong(format!("the model's classes are {own}; those of {} are {other}", data.name)));
    }
    let model = &file.model;
    let (shape, images) = (model.architecture(), &split.images);
    let expected = (shape.height, shape.width, shape.channels);
    if expected != (images.height, images.width, images.channels) {
        let what = format!(
            "the model expects images of {} x {} with {}, {} has {} x {} with {}",
            expected.0,
            expected.1,
            counted(expected.2, "channel"),
            data.name,
            images.height,
            images.width,
            images.channels
        );
        return Err(file.wrong(what));
    }
    let mean = file.mean()?.unwrap_or_else(|| data.mean());
    let (n, classes, dim) = (split.len(), shape.classes, shape.feature_len());
    let create =
        |path: Option<&Path>, width| path.map(|path| RowsFile::create(path, n, width)).transpose();
    let mut files = [create(outputs.probs, classes)?, create(outputs.features, dim)?];
    let mut judge = (classes == data.classes()).then(|| Judge::new(&split.labels, classes));
    let mut predictor = Predictor::new(model, threads)?;
    let mut view = View::new(images, &mean, None).threads(threads);
    predictor.each_block(&mut view, n, Key::new(0, 0), |probs, features| {
        if let Some(judge) = &mut judge {
            judge.add(probs);
        }
        let written = files.iter_mut().zip([probs, features]);
        written
            .filter_map(|(file, rows)| Some((file.as_mut()?, rows)))
            .try_for_each(|(file, rows)| file.write(rows))
    })?;
    files.into_iter().flatten().try_for_each(RowsFile::finish)?;
    let features = (feature_layer(shape), dim);
    Ok(Prediction { classes, class_names: names, features, metrics: judge.map(Judge::metrics) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::regimes;
    use crate::testing;
    use fewlabel_learn::data::Array;

    #[test]
    fn a_model_file_predicts_what_its_training_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.safetensors");
        let data = testing::dataset(60);
        let plan = regimes::by_name("full")
            .expect("a regime")
            .plan(&testing::quick_point(), 60, 30)
            .expect("a plan");
        let trained = train(&plan, &data, Context::new(1), &path, &mut |_| ()).expect("trained");
        let (probs, features) = (folder.path().join("p.npy"), folder.path().join("h.npy"));
        let outputs = Outputs { probs: Some(&probs), features: Some(&features) };
        let prediction = predict(&path, &data, &data.test, 2, outputs).expect("predicted");
        assert_eq!(prediction.metrics.expect("same classes").accuracy, trained.test_accuracy);
        assert_eq!(prediction.features, ("head.fc2".to_owned(), 4));
        assert_eq!(prediction.class_names, Some(data.class_names.clone()));
        let read = |path: &Path| {
            let (mut array, mut values) = (Array::open(path, 2).expect("an array"), Vec::new());
            array.read_rows(30, &mut values).expect("rows");
            (array.shape().to_vec(), values)
        };
        let (shape, values) = read(&probs);
        assert_eq!(shape, [30, 3]);
        assert!(
            values.chunks_exact(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5),
            "{values:?}"
        );
        assert_eq!(read(&features).0, [30, 4]);
    }

    #[test]
    fn a_model_is_not_judged_on_classes_of_other_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.safetensors");
        let data = testing::dataset(60);
        let point = crate::ask::settings::Point { epochs: 1, ..testing::quick_point() };
        let plan =
            regimes::by_name("full").expect("a regime").plan(&point, 60, 30).expect("a plan");
        train(&plan, &data, Context::new(1), &path, &mut |_| ()).expect("trained");
        let judged = |names: Vec<String>| {
            let splits = [&data.train, &data.val, &data.test].map(Split::clone);
            let data = Dataset::new("other".into(), splits, names);
            let prediction = predict(&path, &data, &data.test, 1, Outputs::default());
            prediction.map(|p| p.metrics.is_some()).map_err(|error| error.to_string())
        };
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let error = judged(names(&["left", "right", "middle"])).expect_err("another order");
        let lists =
            "the model's classes are left, middle, right; those of other are left, right, middle";
        assert!(error.ends_with(lists), "{error}");
        assert_eq!(judged(names(&["left", "middle", "right"])), Ok(true));
        assert_eq!(judged(class_names::placeholders(3)), Ok(true), "nothing contradicts");
        assert_eq!(
            judged(names(&["left", "middle", "right", "up"])),
            Ok(false),
            "predicted and not judged"
        );
    }

    #[test]
    fn an_unwritable_place_is_said_before_training() {
        let data = testing::dataset(60);
        let plan = regimes::by_name("full")
            .expect("a regime")
            .plan(&testing::quick_point(), 60, 30)
            .expect("a plan");
        let path = Path::new("/proc/no/m.safetensors");
        let error = train(&plan, &data, Context::new(1), path, &mut |_| panic!("trained"))
            .expect_err("no such place");
        assert!(error.to_string().starts_with("cannot write into /proc/no"), "{error}");
    }
}
