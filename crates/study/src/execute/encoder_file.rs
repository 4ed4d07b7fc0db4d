//! An encoder in a file: made from images without labels, kept whole or absent, gone on with after
//! an interruption.

use crate::error::StudyError;
use crate::store::atomic_file;
use crate::store::npy_writer::npy_f32;
use fewlabel_engine::NUMERIC_VERSION;
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::pretrain::Pretrained;
use fewlabel_learn::pretrain::{Encoder, PretrainSettings, Pretraining, views};
use fewlabel_learn::{Context, LearnError};
use std::path::Path;

/// Images that a new encoder is tried on.
const LOOKED_AT: usize = 256;

/// Trains an encoder on the training images of `data` and writes it to `path`. `heard` is told
/// every epoch's number and loss; when the context ends it, a checkpoint is left beside `path`,
/// from which the same call goes on to the same bytes.
///
/// # Errors
/// If a setting is out of its range, a file cannot be written, the training diverges, or the
/// context ends it.
pub fn make(
    data: &Dataset,
    settings: &PretrainSettings,
    seed: u64,
    context: Context<'_>,
    path: &Path,
    heard: &mut dyn FnMut(usize, f64),
) -> Result<Pretrained, StudyError> {
    atomic_file::refuse_unwritable(path)?;
    let mut training = Pretraining::new(&data.pool(), settings, seed, context.threads)?;
    let checkpoint = atomic_file::checkpoint_beside(path);
    let identity = identity(data);
    if let Some(bytes) = atomic_file::read_if_there(&checkpoint)? {
        match bytes.strip_prefix(identity.as_bytes()) {
            Some(snapshot) => training.restore(snapshot)?,
            None => {
                return Err(StudyError::damaged(
                    &checkpoint,
                    "is a checkpoint of other data; remove it",
                ));
            }
        }
    }
    let keep = |training: &Pretraining<'_>| {
        atomic_file::write_whole(&checkpoint, &[identity.as_bytes(), &training.snapshot()].concat())
    };
    let mut told = training.losses().len();
    while training.step().or_else(|error| given_up(error, &checkpoint))? {
        if training.losses().len() > told {
            told += 1;
            heard(told, training.losses()[told - 1]);
            keep(&training)?;
        }
        context.rest(|ends| if ends { Ok(keep(&training)?) } else { Ok(()) })?;
    }
    let losses = training.losses().to_vec();
    let encoder = Encoder::new(training.model().clone(), data.mean());
    check_features(&encoder, data, losses.len(), context.threads)
        .or_else(|error| given_up(error, &checkpoint))?;
    let preprocessing = data.files.as_ref().map(|files| files.preprocessing.clone());
    let made = Pretrained { encoder, settings: settings.clone(), losses, preprocessing };
    let origin = [("data", &data.name), ("data.checksum", &data.checksum)];
    atomic_file::write_named(path, &made.to_bytes(seed, &origin))?;
    atomic_file::remove_if_there(&checkpoint)?;
    Ok(made)
}

/// From the checkpoint of a training that diverged nothing goes on: it is removed, so that the same
/// file may be made with another learning rate.
fn given_up<T>(error: LearnError, checkpoint: &Path) -> Result<T, StudyError> {
    if matches!(error, LearnError::Diverged { .. }) {
        atomic_file::remove_if_there(checkpoint)?;
    }
    Err(error.into())
}

/// Refuses an encoder of finite weights that still gives no numbers, by some of the images that it
/// was trained on.
fn check_features(
    encoder: &Encoder,
    data: &Dataset,
    epochs: usize,
    threads: usize,
) -> Result<(), LearnError> {
    let rows: Vec<u32> = (0..data.train.len().min(LOOKED_AT) as u32).collect();
    let images = data.train.select(&rows).images;
    match encoder.features(&images, 1, &Policy::none(), 0, threads) {
        Err(LearnError::NotFinite(found)) => {
            Err(LearnError::Diverged { place: format!("epoch {epochs}"), found })
        }
        features => features.map(|_| ()),
    }
}

/// What bits depend on beside settings and seed.
fn identity(data: &Dataset) -> String {
    format!("fewlabel encoder {NUMERIC_VERSION} {}\n", data.checksum)
}

/// Writes the features of the training images, `[n, dim]`, as .npy.
///
/// # Errors
/// If the images do not fit the encoder or the file cannot be written.
pub fn write_features(
    made: &Pretrained,
    data: &Dataset,
    path: &Path,
    threads: usize,
) -> Result<(), StudyError> {
    let images = &data.train.images;
    let features = made.encoder.features(images, 1, &views::for_pool(&data.pool()), 0, threads)?;
    let bytes = npy_f32(&[images.len(), made.encoder.feature_len()], &features);
    atomic_file::write_named(path, &bytes)
}
