//! What strategies and the classifier look at: the pixels at first, and an encoder once it is
//! there. One that was learned before is read again.

use super::asker::Features;
use super::{Inner, Options, Progress, Shared};
use crate::error::StudyError;
use crate::execute::{encoder_cache, encoder_file};
use crate::labelling::loaded::Loaded;
use crate::model_files::read_encoder;
use fewlabel_learn::data::{Pool, sides};
use fewlabel_learn::pretrain::{Encoder, PretrainSettings, views};
use fewlabel_learn::probe::{Encoded, FeaturePool};
use fewlabel_learn::run::transfer::EncoderSource;
use fewlabel_learn::{Context, LearnError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// An encoder that learns from fewer images is worth less than their pixels.
const LEAST_IMAGES: usize = 50;

pub(super) fn run(shared: &Arc<Shared>) {
    if let Some(loaded) = loaded(shared)
        && let Err(error) = provide(shared, &loaded)
        && !error.is_interrupted()
    {
        shared.note(format!("no encoder: {error}; images are compared by their pixels"));
    }
    let mut inner = shared.lock();
    inner.is_providing = false;
    inner.progress = None;
    drop(inner);
    shared.changed.notify_all();
}

/// Waits for the images.
fn loaded(shared: &Shared) -> Option<Arc<Loaded>> {
    let mut inner = shared.lock();
    loop {
        if shared.is_ending() || (!inner.is_reading && inner.loaded.is_none()) {
            return None;
        }
        if let Some(loaded) = &inner.loaded {
            return Some(Arc::clone(loaded)).filter(|loaded| !loaded.is_empty());
        }
        inner = shared.wait(inner);
    }
}

fn provide(shared: &Shared, loaded: &Arc<Loaded>) -> Result<(), StudyError> {
    let options = &shared.options;
    if let Some(path) = &options.encoder {
        return of_file(shared, loaded, path);
    }
    let settings = settings(shared, loaded);
    let seed = shared.lock().state.seed();
    let path = path_of(&shared.folder, loaded, &settings, seed);
    shared.lock().own_encoder = Some(path.clone());
    if path.is_file() && of_file(shared, loaded, &path).is_ok() {
        return Ok(());
    }
    let pool = pool(shared, loaded);
    set(shared, Features::Pixels(FeaturePool::of_pixels(&pool)));
    if loaded.len() < LEAST_IMAGES {
        return Ok(());
    }
    learn(shared, loaded, &settings, &path)
}

impl Inner {
    /// The file of the encoder that is at work, if one is.
    pub(super) fn encoder_file(&self, options: &Options) -> Option<PathBuf> {
        self.features.as_ref()?.encoded()?;
        options.encoder.clone().or_else(|| self.own_encoder.clone())
    }
}

/// Takes the encoder of a file.
fn of_file(shared: &Shared, loaded: &Loaded, path: &Path) -> Result<(), StudyError> {
    let encoder = read_encoder(path)?.encoder;
    let wrong = |error: LearnError| StudyError::damaged(path, error.to_string());
    encoder.check(&loaded.data.train.images).map_err(wrong)?;
    set_encoder(shared, loaded, encoder)
}

fn set_encoder(shared: &Shared, loaded: &Loaded, encoder: Encoder) -> Result<(), StudyError> {
    let pool = pool(shared, loaded);
    let encoded = Encoded::new(encoder, &pool, None, shared.options.threads)?;
    set(shared, Features::Encoder(Box::new(encoded)));
    Ok(())
}

fn set(shared: &Shared, features: Features) {
    let mut inner = shared.lock();
    inner.features = Some(Arc::new(features));
    inner.generation += 1;
    inner.version += 1;
    drop(inner);
    shared.changed.notify_all();
}

/// The images, mirrored in views only where no class is of one side.
fn pool<'a>(shared: &Shared, loaded: &'a Loaded) -> Pool<'a> {
    let inner = shared.lock();
    let open = inner.state.open_classes();
    let names: Vec<String> = open.iter().map(|class| class.name.clone()).collect();
    let mut pool = loaded.data.pool().with_classes(names.len().max(2));
    pool.flips_keep_labels &= sides(&names).is_empty();
    pool
}

fn settings(shared: &Shared, loaded: &Loaded) -> PretrainSettings {
    let views = views::for_pool(&pool(shared, loaded));
    let settings = &shared.options.pretraining;
    let batch_size = settings.batch_size.min(loaded.len());
    PretrainSettings { views: Some(views), batch_size, ..settings.clone() }
}

/// The file of an encoder: named by what its bits depend on.
fn path_of(folder: &Path, loaded: &Loaded, settings: &PretrainSettings, seed: u64) -> PathBuf {
    let source = EncoderSource::Pretraining { settings: settings.clone(), seed };
    let id = encoder_cache::id(&source, &loaded.data);
    folder.join(format!("encoder-{id}.safetensors"))
}

fn learn(
    shared: &Shared,
    loaded: &Loaded,
    settings: &PretrainSettings,
    path: &Path,
) -> Result<(), StudyError> {
    let begun = Instant::now();
    let what = "learning from the images without labels".to_owned();
    let mut inner = shared.lock();
    inner.progress = Some(Progress { what: what.clone(), done: 0.0, seconds_left: None });
    let seed = inner.state.seed();
    drop(inner);
    let epochs = f64::from(settings.epochs);
    // A checkpoint may have been found: only what was done since tells how fast it goes.
    let mut first = None;
    let mut heard = |epoch: usize, _loss: f64| {
        let epoch = epoch as f64;
        let (start, at) = *first.get_or_insert((epoch - 1.0, begun));
        let pace = at.elapsed().as_secs_f64() / (epoch - start).max(1.0);
        let seconds_left = Some(pace * (epochs - epoch));
        let progress = Progress { what: what.clone(), done: epoch / epochs, seconds_left };
        shared.lock().progress = Some(progress);
    };
    let is_ending = || shared.is_ending();
    let context = Context::cancelled_by(shared.options.threads, &is_ending);
    let made = encoder_file::make(&loaded.data, settings, seed, context, path, &mut heard)?;
    set_encoder(shared, loaded, made.encoder)
}
