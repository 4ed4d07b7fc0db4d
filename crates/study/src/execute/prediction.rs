//! What a classifier in a file says of images, and how right it is where their labels are known.

use crate::error::StudyError;
use crate::evaluate::metrics::{Judge, Metrics};
use crate::evaluate::per_class::{self, ClassFigures};
use crate::export::predictions_csv::PredictionsCsv;
use crate::model_files::read_classifier;
use crate::store::atomic_file;
use crate::store::npy_writer::{RowsFile, npy_f32};
use fewlabel_engine::Architecture;
use fewlabel_engine::rng::Key;
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::{Dataset, Split, UNLABELLED, class_names};
use fewlabel_learn::model::classifier::{Calibration, Classifier};
use fewlabel_learn::model::predict::{Predictor, argmax};
use fewlabel_learn::model::view::View;
use fewlabel_learn::{counted, memory};
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::Path;

/// Names the Monte-Carlo masks, and the augmented views.
const MASKS: u64 = 0x6d61_736b;
const VIEWS: u64 = 0x7669_6577;

/// What is to be predicted, and where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The images.
    pub data: &'a Dataset,
    /// Which splits of them, by number: 0 training, 1 validation, 2 test.
    pub splits: &'a [usize],
    /// Threads; never changes a bit.
    pub threads: usize,
    /// A prediction is withheld where its probability is below this.
    pub abstain: Option<f64>,
    /// Whether [`Prediction::rows`] are kept.
    pub keep_rows: bool,
    /// Where arrays and tables go; nowhere where no path is given.
    pub outputs: Outputs<'a>,
}

/// Files of a prediction, their rows in the order of the splits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outputs<'a> {
    /// Class probabilities as the network gives them, float32 [n, classes].
    pub probs: Option<&'a Path>,
    /// Features before the last layer, float32 [n, dim].
    pub features: Option<&'a Path>,
    /// A table for people: file, predicted class, the probability of each class, calibrated where
    /// the classifier is.
    pub table: Option<&'a Path>,
}

/// What was predicted, and what it was worth.
pub struct Prediction {
    /// The classifier.
    pub classifier: Classifier,
    /// What its classes are called; their numbers where its file does not say.
    pub class_names: Vec<String>,
    /// Images.
    pub images: usize,
    /// Predictions that were withheld.
    pub withheld: usize,
    /// The layer whose output the features are, by its name in the file, and its numbers an image.
    pub features: (String, usize),
    /// How well it fits the labels, where there are some that it can be held against.
    pub judged: Option<Judged>,
    /// Labels that it cannot be held against: their classes are not its own.
    pub strange: Option<String>,
    /// What was said of each image, if that was to be kept.
    pub rows: Vec<Row>,
}

/// How well predictions fit labels.
pub struct Judged {
    /// Over all classes.
    pub metrics: Metrics,
    /// Of each class.
    pub classes: Vec<ClassFigures>,
}

/// What is said of one image.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its file, or split and row of an array.
    pub file: String,
    /// The class; none where the prediction is withheld.
    pub predicted: Option<String>,
    /// The probability of each class by its name, calibrated where the classifier is.
    pub probabilities: Map<String, Value>,
    /// The label, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Predicts images with the classifier in `path`.
///
/// Arrays and tables are written as they come. In memory are the images and, where the prediction
/// is judged, four bytes an image and class, which an exact area under the curve takes.
///
/// # Errors
/// If the file is no classifier, expects images of another shape or has classes of other names,
/// there is no image, or an output cannot be written.
pub fn predict(path: &Path, asked: &Asked<'_>) -> Result<Prediction, StudyError> {
    let classifier = read_classifier(path)?;
    let wrong = |what: String| StudyError::damaged(path, what);
    let Asked { data, splits, outputs, .. } = *asked;
    let splits: Vec<(usize, &Split)> =
        splits.iter().map(|&number| (number, data.splits()[number].1)).collect();
    let images: usize = splits.iter().map(|(_, split)| split.len()).sum();
    if images == 0 {
        return Err(StudyError::Setting(format!("{} has no image to predict there", data.name)));
    }
    for (_, split) in &splits {
        classifier.check(&split.images, &data.name).map_err(wrong)?;
    }
    let own = labels_of(&classifier, data);
    let own = own.map_err(|what| wrong(format!("the model's classes are {what}")))?;
    let (map, strange) = match own {
        Known::As(map) => (Some(map), None),
        Known::None => (None, None),
        Known::Strange(why) => (None, Some(why)),
    };
    let known = |label: u16| match &map {
        Some(map) if label != UNLABELLED => Some(map[usize::from(label)]),
        _ => None,
    };
    let labels: Vec<u16> =
        splits.iter().flat_map(|(_, split)| &split.labels).filter_map(|&l| known(l)).collect();
    let shape = classifier.network.architecture();
    let (classes, dim) = (shape.classes, shape.feature_len());
    let names = classifier.class_names.clone();
    let names = names.unwrap_or_else(|| class_names::placeholders(classes));
    let create =
        |path: Option<&Path>, width| path.map(|p| RowsFile::create(p, images, width)).transpose();
    let mut arrays = [create(outputs.probs, classes)?, create(outputs.features, dim)?];
    let table = outputs.table.map(|path| PredictionsCsv::create(path, &names, !labels.is_empty()));
    let mut table = table.transpose()?;
    let mut judge = (!labels.is_empty()).then(|| Judge::new(&labels, classes));
    let (mut rows, mut withheld) = (Vec::new(), 0);
    for &(number, split) in &splits {
        let mut row = 0;
        classifier.each_block(
            &split.images,
            || data.mean(),
            asked.threads,
            |probs, features| {
                for probs in probs.chunks_exact(classes) {
                    let label = known(split.labels[row]);
                    if let (Some(judge), Some(_)) = (&mut judge, label) {
                        judge.add(probs);
                    }
                    let told = Told {
                        file: data.image_name(number, row),
                        probs: calibrated(classifier.calibration.as_ref(), probs),
                        label: label.map(|label| names[usize::from(label)].as_str()),
                    };
                    withheld += usize::from(told.predicted(asked.abstain).is_none());
                    if let Some(table) = &mut table {
                        let predicted = told.predicted(asked.abstain).map(|class| &*names[class]);
                        table.row(&told.file, predicted, &told.probs, told.label)?;
                    }
                    if asked.keep_rows {
                        rows.push(told.row(&names, asked.abstain));
                    }
                    row += 1;
                }
                let written = arrays.iter_mut().zip([probs, features]);
                written
                    .filter_map(|(file, rows)| Some((file.as_mut()?, rows)))
                    .try_for_each(|(file, rows)| file.write(rows))
            },
        )?;
    }
    arrays.into_iter().flatten().try_for_each(RowsFile::finish)?;
    table.map(PredictionsCsv::finish).transpose()?;
    let judged = judge.map(|judge| {
        let (metrics, areas) = judge.figures();
        let classes = per_class::figures(&names, &metrics.confusion, &areas);
        Judged { metrics, classes }
    });
    let features = (feature_layer(shape), dim);
    Ok(Prediction {
        class_names: names,
        images,
        withheld,
        features,
        judged,
        strange,
        rows,
        classifier,
    })
}

/// How the data's labels stand to the classifier's classes.
enum Known {
    /// Label i of the data is this class of the classifier.
    As(Vec<u16>),
    /// The data has no classes.
    None,
    /// They are other classes, which the sentence names.
    Strange(String),
}

/// Where all classes of the data are among the classifier's, which is which.
///
/// # Errors
/// If the data's classes are as many and have other names: whoever gave these files together has
/// mistaken one for another.
fn labels_of(classifier: &Classifier, data: &Dataset) -> Result<Known, String> {
    let theirs = &data.class_names;
    if theirs.is_empty() {
        return Ok(Known::None);
    }
    let classes = classifier.classes();
    let same = || Ok(Known::As((0..classes as u16).collect()));
    let Some(own) = &classifier.class_names else {
        return match theirs.len() == classes {
            true => same(),
            false => Ok(Known::Strange(format!(
                "the model has {}, and the data are of {}",
                counted(classes, "class"),
                theirs.join(", ")
            ))),
        };
    };
    if theirs.len() == classes {
        let both =
            || format!("{}; those of {} are {}", own.join(", "), data.name, theirs.join(", "));
        return if class_names::agree(own, theirs) { same() } else { Err(both()) };
    }
    let place = |name: &String| own.iter().position(|other| other == name).map(|at| at as u16);
    Ok(match theirs.iter().map(place).collect::<Option<Vec<u16>>>() {
        Some(map) => Known::As(map),
        None => Known::Strange(format!(
            "the model's classes are {}; those of the data are {}",
            own.join(", "),
            theirs.join(", ")
        )),
    })
}

fn calibrated(calibration: Option<&Calibration>, probs: &[f32]) -> Vec<f32> {
    calibration.map_or_else(|| probs.to_vec(), |calibration| calibration.apply(probs))
}

/// What is said of an image.
struct Told<'a> {
    file: String,
    probs: Vec<f32>,
    label: Option<&'a str>,
}

impl Told<'_> {
    /// The most probable class, unless its probability is below `abstain`.
    fn predicted(&self, abstain: Option<f64>) -> Option<usize> {
        let class = argmax(&self.probs);
        abstain.is_none_or(|least| f64::from(self.probs[class]) >= least).then_some(class)
    }

    fn row(&self, names: &[String], abstain: Option<f64>) -> Row {
        let probabilities = names.iter().cloned().zip(self.probs.iter().map(|&p| p.into()));
        Row {
            file: self.file.clone(),
            predicted: self.predicted(abstain).map(|class| names[class].clone()),
            probabilities: probabilities.collect(),
            label: self.label.map(str::to_owned),
        }
    }
}

/// What the features of [`predict`] are the output of: the last hidden layer, else the last block.
fn feature_layer(shape: &Architecture) -> String {
    match shape.hidden.len() {
        0 => format!("block{}", shape.block_widths.len()),
        layers => format!("head.fc{layers}"),
    }
}

/// Several predictions of every image, for strategies that compare them.
#[derive(Clone, Copy, Debug)]
pub struct Several<'a> {
    /// Dropout passes, and where they go: float32 [n, passes, classes].
    pub passes: Option<(usize, &'a Path)>,
    /// Views, the image itself first, what changes them, and where they go: float32 [n, views,
    /// classes].
    pub views: Option<(usize, &'a Policy, &'a Path)>,
    /// Names the random numbers of both.
    pub seed: u64,
}

/// Writes several predictions of every image of `splits`, as `fewlabel query` reads them.
///
/// # Errors
/// If passes are asked of a network without dropout, the arrays are too large for this machine, or
/// cannot be written.
pub fn write_several(
    path: &Path,
    data: &Dataset,
    splits: &[usize],
    several: &Several<'_>,
    threads: usize,
) -> Result<(), StudyError> {
    let classifier = read_classifier(path)?;
    let rows: Vec<&Split> = splits.iter().map(|&number| data.splits()[number].1).collect();
    let images: usize = rows.iter().map(|split| split.len()).sum();
    let classes = classifier.classes();
    let mean = classifier.mean.clone().unwrap_or_else(|| data.mean());
    if let Some((passes, out)) = several.passes {
        if classifier.network.architecture().dropout == 0.0 {
            let what = "has no dropout: every pass gives the same, so that --mc-probs says nothing";
            return Err(StudyError::damaged(path, what));
        }
        room("--mc-samples", images * passes * classes)?;
        let mut all = Vec::with_capacity(images * passes * classes);
        for split in &rows {
            let mut view = View::new(&split.images, &mean, None).threads(threads);
            let masks = Key::new(several.seed, MASKS);
            let mut predictor = Predictor::new(&classifier.network, threads)?;
            all.extend(predictor.probs_nkc(
                &mut view,
                split.len(),
                Key::new(0, 0),
                passes,
                masks,
            )?);
        }
        atomic_file::write_named(out, &npy_f32(&[images, passes, classes], &all))?;
    }
    if let Some((views, policy, out)) = several.views {
        room("--views", 2 * images * views * classes)?;
        let mut all = vec![0.0; images * views * classes];
        let mut first = 0;
        for (number, split) in rows.iter().enumerate() {
            let key = Key::new(several.seed, VIEWS).at(number as u64, 0).child();
            for v in 0..views {
                let policy = (v > 0).then_some(policy);
                let mut view = View::new(&split.images, &mean, policy).threads(threads);
                let mut predictor = Predictor::new(&classifier.network, threads)?;
                let key = key.at(v as u64, 0).child();
                let probs = predictor.probs_nc(&mut view, split.len(), key)?;
                for (row, probs) in probs.chunks_exact(classes).enumerate() {
                    let place = ((first + row) * views + v) * classes;
                    all[place..place + classes].copy_from_slice(probs);
                }
            }
            first += split.len();
        }
        atomic_file::write_named(out, &npy_f32(&[images, views, classes], &all))?;
    }
    Ok(())
}

fn room(option: &'static str, numbers: usize) -> Result<(), StudyError> {
    let what = "several predictions of every image";
    memory::check(option, what, 8.0 * numbers as f64)
        .map_err(|excess| StudyError::Setting(excess.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::regimes;
    use crate::execute::single_model::train;
    use crate::testing;
    use fewlabel_learn::Context;
    use fewlabel_learn::data::Array;

    fn of_test(data: &Dataset) -> Asked<'_> {
        let outputs = Outputs::default();
        Asked { data, splits: &[2], threads: 2, abstain: None, keep_rows: false, outputs }
    }

    #[test]
    fn a_model_file_predicts_what_its_training_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.safetensors");
        let data = testing::dataset(60);
        let plan = regimes::by_name("full")
            .expect("a regime")
            .plan(&testing::quick_point(), 60, 30)
            .expect("a plan");
        let trained =
            train(&plan, &data, &[], Context::new(1), &path, &mut |_| ()).expect("trained");
        let (probs, features) = (folder.path().join("p.npy"), folder.path().join("h.npy"));
        let outputs = Outputs { probs: Some(&probs), features: Some(&features), table: None };
        let asked = Asked { outputs, ..of_test(&data) };
        let prediction = predict(&path, &asked).expect("predicted");
        let judged = prediction.judged.expect("same classes").metrics;
        assert_eq!(Some(judged.accuracy), trained.test_accuracy);
        assert_eq!(prediction.features, ("head.fc2".to_owned(), 4));
        assert_eq!(prediction.class_names, data.class_names);
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
        let point = testing::changed(testing::quick_point(), |point| {
            point.final_model.training.epochs = 1;
        });
        let plan =
            regimes::by_name("full").expect("a regime").plan(&point, 60, 30).expect("a plan");
        train(&plan, &data, &[], Context::new(1), &path, &mut |_| ()).expect("trained");
        let judged = |names: Vec<String>| {
            let splits = [&data.train, &data.val, &data.test].map(Split::clone);
            let data = Dataset::new("other".into(), splits, names);
            let prediction = predict(&path, &of_test(&data));
            prediction.map(|p| p.judged.is_some()).map_err(|error| error.to_string())
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
}
