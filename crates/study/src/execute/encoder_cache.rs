//! The encoders of a study: each is trained once, lies in the study's folder under the hash of what
//! its bits depend on, and is shared by all runs that name it, in this process and in others.

use crate::ask::settings::short_hash;
use crate::error::{AtPath, StudyError};
use crate::execute::encoder_file;
use crate::model_files::read_encoder;
use crate::store::atomic_file;
use fewlabel_engine::NUMERIC_VERSION;
use fewlabel_learn::data::Dataset;
use fewlabel_learn::pretrain::Encoder;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::events::RunObserver;
use fewlabel_learn::run::transfer::{EncoderFile, EncoderSource};
use fewlabel_learn::{Context, LearnError};
use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Encoders whose features are kept in memory; the one fetched longest ago goes first.
const KEPT: usize = 4;

/// The encoders of one study's folder.
pub struct Encoders {
    folder: PathBuf,
    locks: PathBuf,
    kept: Mutex<Vec<(String, Arc<Encoded>)>>,
    /// Encoders whose training diverged in this process, and where: the next run that needs one
    /// does not train it again.
    diverged: Mutex<BTreeMap<String, (String, String)>>,
}

/// How a call of [`Encoders::fetch`] ended.
pub(crate) enum Fetched {
    /// Here it is.
    Ready(Arc<Encoded>),
    /// Another run is at it.
    Busy,
    /// The context asked for the end; a checkpoint is kept.
    Stopped,
}

impl Encoders {
    /// Those in `folder`; files of locks lie in `locks`.
    pub fn new(folder: PathBuf, locks: PathBuf) -> Self {
        Self { folder, locks, kept: Mutex::default(), diverged: Mutex::default() }
    }

    /// The encoder with its features of the images of `data`; trained, if it was not before.
    pub(crate) fn fetch(
        &self,
        source: &EncoderSource,
        data: &Dataset,
        context: Context<'_>,
        observer: &mut dyn RunObserver,
    ) -> Result<Fetched, StudyError> {
        let id = id(source, data);
        if let Some(encoded) = self.kept(&id) {
            return Ok(Fetched::Ready(encoded));
        }
        atomic_file::make_folder(&self.locks)?;
        let lock = self.locks.join(format!("encoder-{id}"));
        let file = atomic_file::open_own(&lock)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Fetched::Busy),
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &lock),
            Ok(()) => {}
        }
        // Whoever held the lock before may just have made it.
        if let Some(encoded) = self.kept(&id) {
            return Ok(Fetched::Ready(encoded));
        }
        if let Some((place, found)) = self.diverged().get(&id).cloned() {
            return Err(LearnError::Diverged { place, found }.into());
        }
        let encoder = match source {
            EncoderSource::File(file) => read(file)?,
            EncoderSource::Pretraining { .. } => {
                match self.pretrained(source, &id, data, context, observer)? {
                    Some(encoder) => encoder,
                    None => return Ok(Fetched::Stopped),
                }
            }
        };
        let encoded = Arc::new(Encoded::new(
            encoder,
            &data.pool(),
            Some(&data.benchmark()),
            context.threads,
        )?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((id, Arc::clone(&encoded)));
        if kept.len() > KEPT {
            kept.remove(0);
        }
        Ok(Fetched::Ready(encoded))
    }

    fn kept(&self, id: &str) -> Option<Arc<Encoded>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, encoded)| Arc::clone(encoded))
    }

    /// The encoder of the folder, made if it is not there; `None` if the context asked for the end.
    fn pretrained(
        &self,
        source: &EncoderSource,
        id: &str,
        data: &Dataset,
        context: Context<'_>,
        observer: &mut dyn RunObserver,
    ) -> Result<Option<Encoder>, StudyError> {
        let EncoderSource::Pretraining { settings, seed } = source else {
            unreachable!("a file is not trained")
        };
        let path = self.path(id);
        if path.is_file() {
            match read_encoder(&path) {
                Ok(made) => return Ok(Some(made.encoder)),
                Err(error) => observer.notice(&format!("{error}: training this encoder again")),
            }
        }
        atomic_file::make_folder(&self.folder)?;
        // A damaged file, or a link to nowhere that would be followed.
        atomic_file::remove_if_there(&path)?;
        observer.notice(&format!(
            "training encoder {id} on the unlabelled images of {}, seed {seed}",
            data.name
        ));
        match encoder_file::make(data, settings, *seed, context, &path, &mut |_, _| {}) {
            Err(error) if error.is_interrupted() => Ok(None),
            Err(StudyError::Learn(LearnError::Diverged { place, found })) => {
                self.diverged().insert(id.to_owned(), (place.clone(), found.clone()));
                Err(LearnError::Diverged { place, found }.into())
            }
            made => made.map(|made| Some(made.encoder)),
        }
    }

    fn diverged(&self) -> MutexGuard<'_, BTreeMap<String, (String, String)>> {
        self.diverged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of an encoder.
    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.safetensors"))
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of what features depend on: arithmetic, images,
/// settings, seed, or a file's content.
pub fn id(source: &EncoderSource, data: &Dataset) -> String {
    short_hash(
        &serde_json::to_vec(&(NUMERIC_VERSION, &data.checksum, source))
            .expect("settings are plain data"),
    )
}

/// Reads a file that a study names, if it is still what it was.
fn read(file: &EncoderFile) -> Result<Encoder, StudyError> {
    let path: &Path = &file.path;
    if path.as_os_str().is_empty() {
        let what = format!("the run needs the encoder with SHA-256 {}: give its file", file.sha256);
        return Err(StudyError::Setting(what));
    }
    if EncoderFile::at(path)?.sha256 != file.sha256 {
        return Err(StudyError::damaged(path, "has changed since the study began"));
    }
    Ok(read_encoder(path)?.encoder)
}
