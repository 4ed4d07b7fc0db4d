//! The folder of a project, `FOLDER.fewlabel` beside the images unless a person says another.
//!
//! | in it | is |
//! |---|---|
//! | `project.sqlite` | every answer, and what led to it ([`Store`]) |
//! | `encoder-<id>.safetensors` | what was learned without labels; it can be made again |
//! | `results/` | what was handed over last |
//! | `lock` | whose turn it is; one program at a time |
//!
//! The images stay where they are and as they are.

use crate::error::{AtPath, StudyError};
use crate::labelling::event::{ClassId, Event, Given, Said};
use crate::labelling::loaded::Pooled;
use crate::labelling::network_disk;
use crate::labelling::state::State;
use crate::labelling::store::Store;
use crate::store::atomic_file;
use crate::store::image_cache::ImageCache;
use fewlabel_learn::data::source::{Import, Keeper, Source, Watch};
use fewlabel_learn::data::{self, Dataset};
use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// Where the images are, in the store's facts.
const DATA: &str = "data";
/// The seed, in the store's facts.
const SEED: &str = "seed";
/// The version that made the project.
const MADE_BY: &str = "made_by";

/// An open project. Nobody else has it while this lives.
#[derive(Debug)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    /// What is kept.
    pub store: Store,
    /// What that comes to.
    pub state: State,
    /// Where its images are.
    pub data: PathBuf,
    /// The folder that images' names are relative to, once it is known.
    pub root: Option<PathBuf>,
    /// Nobody else may open the project while this is open.
    pub(crate) lock: Option<File>,
}

/// The project's folder of images at `data`: beside these, with `.fewlabel` behind the name.
///
/// # Errors
/// If `data` has no name of its own, such as `/`.
pub fn folder_of(data: &Path) -> Result<PathBuf, StudyError> {
    let whole = std::path::absolute(data).at("find", data)?;
    let name = whole.file_name().ok_or_else(|| {
        StudyError::Setting(format!("{}: give --project DIR, it has no name", data.display()))
    })?;
    let mut name = name.to_owned();
    name.push(".fewlabel");
    Ok(whole.with_file_name(name))
}

impl Project {
    /// Opens the project in `folder`, or makes one. `data` is where the images are; an older
    /// project knows that itself.
    ///
    /// # Errors
    /// If another program has it open, it is damaged, there is none and no images are named, or it
    /// lies on a network's disk and nobody said that it may (`store_anyway`).
    pub fn open(
        folder: &Path,
        data: Option<&Path>,
        seed: u64,
        store_anyway: bool,
    ) -> Result<Self, StudyError> {
        let is_new = !Store::is_in(folder);
        if is_new {
            refuse_other(folder)?;
        }
        let data = match data {
            Some(data) => Some(std::path::absolute(data).at("find", data)?),
            None if is_new => {
                let what = format!(
                    "{} holds no project: name the folder of images, as in `fewlabel label FOLDER`",
                    folder.display()
                );
                return Err(StudyError::Setting(what));
            }
            None => None,
        };
        atomic_file::make_folder(folder)?;
        if let (Some(kind), false) = (network_disk::kind(folder), store_anyway) {
            let what = format!(
                "lies on a network's disk ({kind}), where answers could be lost: give --project on \
                 a disk of this machine, or --store-anyway"
            );
            return Err(StudyError::damaged(folder, what));
        }
        let lock = lock(folder)?;
        let mut store = if is_new { Store::create(folder)? } else { Store::open(folder)? };
        if is_new {
            store.set(SEED, &seed.to_string())?;
            store.set(MADE_BY, env!("CARGO_PKG_VERSION"))?;
        }
        let data = match data {
            Some(data) => {
                store.set(DATA, &data.to_string_lossy())?;
                data
            }
            None => place(folder, &store)?,
        };
        let state = read(&mut store)?;
        let folder = folder.to_owned();
        Ok(Self { folder, store, state, data, root: None, lock: Some(lock) })
    }

    /// Reads the project in `folder` beside a program that may have it open.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn read(folder: &Path) -> Result<Self, StudyError> {
        if !Store::is_in(folder) {
            let what = "holds no project (`fewlabel label FOLDER` makes one)";
            return Err(StudyError::damaged(folder, what));
        }
        let mut store = Store::open(folder)?;
        let (state, data) = (read(&mut store)?, place(folder, &store)?);
        let folder = folder.to_owned();
        Ok(Self { folder, store, state, data, root: None, lock: None })
    }
}

/// What came of labels from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Answers that are new.
    pub answers: usize,
    /// Answers that were there already.
    pub known: usize,
    /// Classes that there were not.
    pub classes: Vec<String>,
    /// Names that are of no image of the project.
    pub unknown: Vec<String>,
}

impl Project {
    /// Takes up labels from elsewhere: a class's name, or what was said in place of one. They count
    /// as answers, and are never held out: nobody drew their images at random.
    ///
    /// # Errors
    /// If they cannot be written; then none is.
    pub fn take<'a>(
        &mut self,
        annotator: &str,
        answers: impl IntoIterator<Item = (&'a str, Result<&'a str, Said>)>,
    ) -> Result<Taken, StudyError> {
        let mut taken = Taken::default();
        let (mut events, mut added) = (Vec::new(), Vec::new());
        let mut numbers: HashMap<String, ClassId> = HashMap::new();
        for class in self.state.open_classes() {
            numbers.insert(class.name.clone(), class.id);
        }
        for (name, said) in answers {
            let Some(image) = self.state.named(name) else {
                taken.unknown.push(name.to_owned());
                continue;
            };
            let said = match said {
                Err(said) => said,
                Ok(label) => Said::Class(*numbers.entry(label.to_owned()).or_insert_with(|| {
                    let class = (self.state.classes.len() + added.len()) as ClassId;
                    added.push(Event::ClassAdded { class, name: label.to_owned() });
                    taken.classes.push(label.to_owned());
                    class
                })),
            };
            if image.said() == Some(said) {
                taken.known += 1;
                continue;
            }
            taken.answers += 1;
            let given = Given { imported: true, ..Given::new(said) };
            events.push(Event::Answer { image: image.id, given });
        }
        let all = added.iter().chain(&events).map(|event| (None, annotator, event));
        let kept = self.store.append_all(all)?;
        kept.iter().for_each(|kept| self.state.apply(kept));
        Ok(taken)
    }
}

impl Project {
    /// The images, read as they are by default, with classes of these names; and the row of each
    /// name.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read_images(
        &self,
        classes: &[String],
    ) -> Result<(Dataset, impl Fn(&str) -> Option<u32>), StudyError> {
        let cache = ImageCache::of_user();
        let keeper = cache.as_ref().map(|cache| cache as &dyn Keeper);
        let watch = Watch::nobody().with_keeper(keeper);
        let data = data::open_with(&self.data, None, &Import::default(), &watch)?;
        let Pooled { data, names, .. } = Pooled::of(&data);
        let rows: HashMap<String, u32> = names.into_iter().zip(0..).collect();
        let labels = [data.train.labels.clone(), Vec::new(), Vec::new()];
        let data = data.relabelled(labels, classes.to_vec());
        Ok((data, move |name: &str| rows.get(name).copied()))
    }

    /// The folder that images' names are relative to; none where they are rows of an array.
    ///
    /// # Errors
    /// If the images cannot be found.
    pub fn images_root(&self) -> Result<Option<PathBuf>, StudyError> {
        let Some(source) = Source::recognise(&self.data)? else { return Ok(None) };
        Ok(Some(source.listed(&Import::default())?.root))
    }
}

fn read(store: &mut Store) -> Result<State, StudyError> {
    let seed = store.get(SEED)?.and_then(|seed| seed.parse().ok()).unwrap_or_default();
    let mut state = State::new(seed);
    state.add_images(store.images()?);
    store.events()?.iter().for_each(|kept| state.apply(kept));
    Ok(state)
}

/// Where the images of a project are: where they were, or beside the project, should both have
/// been moved.
fn place(folder: &Path, store: &Store) -> Result<PathBuf, StudyError> {
    let before = PathBuf::from(store.get(DATA)?.unwrap_or_default());
    if before.exists() {
        return Ok(before);
    }
    let beside = before.file_name().map(|name| {
        let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        whole.with_file_name(name)
    });
    Ok(beside.filter(|beside| beside.exists()).unwrap_or(before))
}

fn lock(folder: &Path) -> Result<File, StudyError> {
    let path = folder.join("lock");
    let file = atomic_file::open_own(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let what = "is open in another `fewlabel` already: use its page, or end it first";
            Err(StudyError::damaged(folder, what))
        }
        Err(TryLockError::Error(source)) => Err(source).at("lock", &path),
    }
}

/// A folder that holds something else is not made a project of.
fn refuse_other(folder: &Path) -> Result<(), StudyError> {
    let Ok(mut entries) = std::fs::read_dir(folder) else {
        return match folder.exists() {
            true => Err(StudyError::damaged(folder, "is no folder: choose another --project")),
            false => Ok(()),
        };
    };
    let other = entries.find_map(|entry| {
        let name = entry.ok()?.file_name();
        (name != "lock").then_some(name)
    });
    match other {
        Some(name) => {
            let what = format!(
                "holds {} and no project: choose another --project",
                name.to_string_lossy()
            );
            Err(StudyError::damaged(folder, what))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::event::Event;

    #[test]
    fn a_project_is_opened_again_elsewhere_by_one_program_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let (scans, folder) = (home.path().join("scans"), home.path().join("scans.fewlabel"));
        std::fs::create_dir(&scans).unwrap();
        assert_eq!(folder_of(&scans).unwrap(), folder);
        let mut project = Project::open(&folder, Some(&scans), 7, false).unwrap();
        let event = Event::ClassAdded { class: 0, name: "cyst".to_owned() };
        project.store.append(None, "ann", &event).unwrap();
        let busy = Project::open(&folder, None, 0, false).unwrap_err().to_string();
        assert!(busy.contains("is open in another"), "{busy}");
        assert_eq!(Project::read(&folder).unwrap().state.classes.len(), 1);
        drop(project);
        let moved = tempfile::tempdir().unwrap();
        for name in ["scans", "scans.fewlabel"] {
            std::fs::rename(home.path().join(name), moved.path().join(name)).unwrap();
        }
        let project = Project::open(&moved.path().join("scans.fewlabel"), None, 0, false).unwrap();
        assert_eq!((project.state.seed(), project.state.class_name(0)), (7, "cyst"));
        assert_eq!(project.data, moved.path().join("scans"));
    }

    #[test]
    fn labels_from_elsewhere_are_answers_with_their_classes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("p.fewlabel");
        let mut project = Project::open(&folder, Some(home.path()), 7, false).unwrap();
        project.store.add_images([("a.png", None), ("b.png", None)]).unwrap();
        let images = project.store.images().unwrap();
        project.state.add_images(images);
        let rows = [("a.png", Ok("cyst")), ("b.png", Err(Said::Unsure)), ("c.png", Ok("cyst"))];
        let taken = project.take("table", rows).unwrap();
        let classes = vec!["cyst".to_owned()];
        let unknown = vec!["c.png".to_owned()];
        assert_eq!(taken, Taken { answers: 2, known: 0, classes, unknown });
        assert_eq!(project.take("table", rows).unwrap().known, 2);
        drop(project);
        let project = Project::open(&folder, None, 0, false).unwrap();
        let image = project.state.named("a.png").unwrap();
        assert_eq!(image.said(), Some(Said::Class(0)));
        assert!(project.state.last_answer().is_none(), "nothing of it is taken back by a key");
    }

    #[test]
    fn another_folder_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("thesis.docx"), "x").unwrap();
        let error =
            Project::open(home.path(), Some(home.path()), 0, false).unwrap_err().to_string();
        assert!(error.ends_with("holds thesis.docx and no project: choose another --project"));
        let nowhere =
            Project::open(&home.path().join("p"), None, 0, false).unwrap_err().to_string();
        assert!(nowhere.contains("name the folder of images") && !home.path().join("p").exists());
    }
}
