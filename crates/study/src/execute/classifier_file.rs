//! The classifier that a run leaves.

use crate::ask::settings::RunSettings;
use fewlabel_engine::Model;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::model::classifier::{Calibration, Classifier};
use std::collections::BTreeMap;

/// A network that was trained by `settings` on `data`, with what travels with it.
pub fn of_run(
    network: Model,
    settings: &RunSettings,
    data: &Dataset,
    calibration: Option<Calibration>,
) -> Classifier {
    let settings = serde_json::to_string(settings).expect("plain data");
    Classifier {
        network,
        mean: Some(data.mean()),
        class_names: Some(data.class_names.clone()),
        calibration,
        preprocessing: data.files.as_ref().map(|files| files.preprocessing.clone()),
        provenance: BTreeMap::from([("settings".to_owned(), settings)]),
    }
}
