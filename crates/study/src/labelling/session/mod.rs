//! A project at work: a person answers, and behind the person's back images are read, an encoder
//! is learned, a classifier follows every answer, and a strategy chooses what comes next.
//!
//! ```text
//! opening:  list -> read all images -> Loaded                     (once)
//! encoder:  Loaded -> pretrain, or read a file -> features        (once, at low priority)
//! asker:    learn::collect with an oracle that waits -> choices   (until the end)
//! judge:    answers -> classifier, guesses, estimate              (after every answer)
//! ```
//!
//! All of them and every caller meet in `Shared`, under one lock that nobody keeps for longer
//! than it takes to write an answer to disk. An answer is on disk before the caller hears of it.

mod answers;
mod asker;
mod encoder;
mod finishing;
mod judge;
mod opening;
mod review;
mod status;

pub use answers::{About, ClassChange, Reply, SettingsChange, Undone, Wanted};
pub use asker::check_strategy;
pub use finishing::{Finish, FinishState, ResultFile};
pub use judge::Present;
pub use opening::list;
pub use review::{List, Reviewed};
pub use status::{ClassStatus, ModelStatus, Phase, Progress, Status};

use crate::error::StudyError;
use crate::labelling::desk::{Chooser, Desk};
use crate::labelling::event::{Event, ImageId, Kept, Settings};
use crate::labelling::loaded::Loaded;
use crate::labelling::project::Project;
use crate::labelling::state::State;
use crate::labelling::store::Store;
use asker::Features;
use fewlabel_learn::data::source::{Import, Listed};
use fewlabel_learn::pretrain::PretrainSettings;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the first image waits for a strategy's choice after the opening.
const FIRST_PATIENCE: Duration = Duration::from_millis(1500);
/// How long a later one does.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a session is opened with.
pub struct Options {
    /// The images: what `--data` takes.
    pub data: PathBuf,
    /// The names of the images, from [`list`].
    pub listed: Option<Listed>,
    /// How files become pixels.
    pub import: Import,
    /// Whether labels that the images came with are passed over.
    pub unlabelled: bool,
    /// Classes that there are to be from the start.
    pub classes: Vec<String>,
    /// An encoder's file, in place of one that is learned.
    pub encoder: Option<PathBuf>,
    /// How an encoder is learned.
    pub pretraining: PretrainSettings,
    /// The strategy, where it is not the project's own.
    pub strategy: Option<String>,
    /// Whose answers these are.
    pub annotator: String,
    /// Threads for what goes on behind the person's back.
    pub threads: usize,
    /// Makes the calling thread one that gives way to all others.
    pub give_way: fn(),
}

/// An open project with everything that goes on in it.
pub struct Session {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Let go when the session ends.
    _lock: Option<File>,
}

/// What one of its threads does.
type Work = fn(&Arc<Shared>);

/// Where all threads meet.
struct Shared {
    options: Options,
    folder: PathBuf,
    inner: Mutex<Inner>,
    changed: Condvar,
    is_ending: AtomicBool,
    opened: Instant,
}

struct Inner {
    store: Store,
    state: State,
    desk: Desk,
    /// The folder that names are relative to, where images are files.
    root: Option<PathBuf>,
    loaded: Option<Arc<Loaded>>,
    features: Option<Arc<Features>>,
    present: Option<Arc<Present>>,
    /// The file of the encoder that the project learns itself.
    own_encoder: Option<PathBuf>,
    /// Counts everything that the classifier depends on.
    version: u64,
    /// Counts everything that what was chosen depends on but single answers.
    generation: u64,
    /// Images whose answers have changed, in the order in which they did.
    changes: Vec<ImageId>,
    progress: Option<Progress>,
    notes: Vec<String>,
    /// What keeps answers from being kept.
    problem: Option<String>,
    finish: Option<Finish>,
    is_reading: bool,
    /// Whether a strategy is at work.
    is_choosing: bool,
    /// Whether features are still to come: an encoder's, or the pixels' alone.
    is_providing: bool,
}

impl Session {
    /// Opens a project and begins to read its images.
    ///
    /// # Errors
    /// If the project cannot be read or the images cannot be listed.
    pub fn open(project: Project, options: Options) -> Result<Self, StudyError> {
        let Project { folder, store, state, root, lock, .. } = project;
        let mut inner = Inner {
            store,
            state,
            desk: Desk::default(),
            root,
            loaded: None,
            features: None,
            present: None,
            own_encoder: None,
            version: 0,
            generation: 0,
            changes: Vec::new(),
            progress: None,
            notes: Vec::new(),
            problem: None,
            finish: None,
            is_reading: true,
            is_choosing: false,
            is_providing: true,
        };
        inner.desk.sort(&inner.state);
        let shared = Arc::new(Shared {
            options,
            folder,
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            is_ending: AtomicBool::new(false),
            opened: Instant::now(),
        });
        shared.begin()?;
        opening::take_up(&shared)?;
        let work: [(&str, Work); 4] = [
            ("opening", opening::run),
            ("encoder", encoder::run),
            ("asker", asker::run),
            ("judge", judge::run),
        ];
        let mut threads = Vec::new();
        for (name, work) in work {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name(name.to_owned());
            let thread = builder.spawn(move || {
                (shared.options.give_way)();
                work(&shared);
            });
            threads.push(thread.map_err(|source| StudyError::File {
                action: "start a thread for",
                path: PathBuf::from(name),
                source,
            })?);
        }
        Ok(Self { shared, threads, _lock: lock })
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// The images to show next, `count` at most, each until it is answered; and how many are left.
    ///
    /// Where the strategy is choosing by an encoder's features and nothing lies ready, this waits
    /// for a moment: its choice is worth more than chance. A person is never so fast.
    pub fn next(&self, count: usize) -> (Vec<(ImageId, String)>, usize) {
        let begun = Instant::now();
        let mut inner = self.shared.lock();
        loop {
            let is_young =
                !inner.desk.has_chosen() && self.shared.opened.elapsed() < FIRST_PATIENCE;
            let is_worth_it = inner.is_choosing
                && inner.features.as_ref().is_some_and(|features| features.encoded().is_some())
                && begun.elapsed() < PATIENCE;
            let is_soon = is_young || is_worth_it;
            let Inner { desk, state, .. } = &mut *inner;
            let chooser = if is_soon { Chooser::Soon } else { Chooser::Absent };
            let (ids, left) = (desk.next(state, count, chooser), desk.left(state));
            if ids.is_empty() && left > 0 && is_soon && !self.shared.is_ending() {
                inner = self.shared.wait(inner);
                continue;
            }
            let named = ids.into_iter().filter_map(|id| Some((id, state.image(id)?.name.clone())));
            let named = named.collect();
            drop(inner);
            // The oracle may hand over more.
            self.shared.changed.notify_all();
            return (named, left);
        }
    }

    /// The folder of the image's file, and its name; or its pixels, where it is a row of an array.
    pub fn place(&self, id: ImageId) -> Option<Place> {
        let inner = self.shared.lock();
        let name = inner.state.image(id)?.name.clone();
        match (&inner.root, &inner.loaded) {
            (Some(root), _) => Some(Place::File { root: root.clone(), name }),
            (None, Some(loaded)) => {
                loaded.row(id).map(|row| Place::Row { loaded: Arc::clone(loaded), row })
            }
            (None, None) => Some(Place::NotRead),
        }
    }

    /// Ends everything; what was answered is kept. It returns when all threads have ended.
    pub fn close(mut self) -> Result<(), StudyError> {
        self.end();
        self.shared.lock().store.settle()
    }

    fn end(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing to hand over.
            let _ = thread.join();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where an image's values are.
pub enum Place {
    /// In a file.
    File {
        /// The folder.
        root: PathBuf,
        /// The name in it.
        name: String,
    },
    /// In memory.
    Row {
        /// The images.
        loaded: Arc<Loaded>,
        /// Which.
        row: u32,
    },
    /// In an array that is not read yet.
    NotRead,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, a tenth of a second at most.
    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let waited = self.changed.wait_timeout(inner, Duration::from_millis(100));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }

    /// What a project needs before its first image is shown.
    fn begin(&self) -> Result<(), StudyError> {
        let mut inner = self.lock();
        for name in &self.options.classes {
            if inner.state.class_called(name).is_none() {
                inner.add_class(None, &self.options.annotator, name)?;
            }
        }
        if let Some(strategy) = &self.options.strategy {
            let settings = Settings { strategy: strategy.clone(), ..inner.state.settings.clone() };
            if settings != inner.state.settings {
                inner.keep(None, &self.options.annotator, &Event::Settings(settings))?;
            }
        }
        Ok(())
    }

    fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let mut inner = self.lock();
        if !inner.notes.contains(&text) {
            inner.notes.push(text);
        }
    }
}

impl Inner {
    /// Writes an event down and takes it up. The store has refused nothing that the state would.
    fn keep(
        &mut self,
        client: Option<&str>,
        annotator: &str,
        event: &Event,
    ) -> Result<Kept, StudyError> {
        use crate::labelling::store::Appended;
        match self.store.append(client, annotator, event) {
            Ok(Appended::Kept(kept)) => {
                self.problem = None;
                self.state.apply(&kept);
                self.version += 1;
                Ok(kept)
            }
            Ok(Appended::Known(kept)) => Ok(kept),
            Err(error) => {
                self.problem = Some(format!("answers are not kept: {error}"));
                Err(error)
            }
        }
    }

    fn add_class(
        &mut self,
        client: Option<&str>,
        annotator: &str,
        name: &str,
    ) -> Result<(), StudyError> {
        let class = self.state.classes.len() as u32;
        let event = Event::ClassAdded { class, name: name.to_owned() };
        self.keep(client, annotator, &event)?;
        self.generation += 1;
        Ok(())
    }
}
