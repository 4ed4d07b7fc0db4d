//! Reads the images: their names first, so that one can be shown, then all their values.

use super::{Progress, Shared};
use crate::error::StudyError;
use crate::labelling::event::{ClassId, Event, Given, ImageId, Said};
use crate::labelling::loaded::{Loaded, Pooled};
use crate::labelling::store::StoredImage;
use crate::store::image_cache::ImageCache;
use fewlabel_learn::counted;
use fewlabel_learn::data::source::{Import, Keeper, Listed, Source, Watch};
use fewlabel_learn::data::{self, DataError, Dataset};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Whose labels those are that images came with.
const OF_DATA: &str = "data";

pub(super) fn run(shared: &Arc<Shared>) {
    let outcome = read(shared);
    let mut inner = shared.lock();
    inner.is_reading = false;
    inner.progress = None;
    match outcome {
        Err(error) if error.is_interrupted() => {}
        Err(error) => inner.problem = Some(format!("the images cannot be read: {error}")),
        Ok(()) => {}
    }
    drop(inner);
    shared.changed.notify_all();
}

/// The names of the images at `data`, before any of them is read; none where they are rows of an
/// array, which has to be read for that.
///
/// # Errors
/// If the images cannot be listed, or there are none.
pub fn list(data: &Path, import: &Import) -> Result<Option<Listed>, StudyError> {
    let Some(source) = recognised(data)? else { return Ok(None) };
    let listed = source.listed(import)?;
    if listed.names.is_empty() {
        return Err(StudyError::damaged(data, "holds no image"));
    }
    Ok(Some(listed))
}

/// Takes up the names of the images.
pub(super) fn take_up(shared: &Shared) -> Result<(), StudyError> {
    let Some(listed) = &shared.options.listed else { return Ok(()) };
    let mut inner = shared.lock();
    inner.root = Some(listed.root.clone());
    // Names that turn out to be of no picture, or of a file with pages, are put right when the
    // images are read; in a project that was read before nothing is left to find out.
    if inner.state.images.is_empty() {
        let names = listed.names.iter();
        inner.take_names(names.map(|(name, group)| (name.as_str(), group.as_deref())))?;
    }
    Ok(())
}

/// A folder, a manifest or a picture; none where it is a file of arrays or a catalogue's name.
fn recognised(data: &Path) -> Result<Option<Source>, DataError> {
    if data.exists() { Source::recognise(data) } else { Ok(None) }
}

fn read(shared: &Arc<Shared>) -> Result<(), StudyError> {
    let options = &shared.options;
    let pooled = Pooled::of(&open(shared)?);
    let is_array = pooled.root.is_none();
    let mut inner = shared.lock();
    inner.root.clone_from(&pooled.root);
    let moved = inner.find_moved(&pooled)?;
    let names = pooled.names.iter().zip(&pooled.groups);
    inner.take_names(names.map(|(name, group)| (name.as_str(), group.as_deref())))?;
    let of_name = |name: &String| inner.state.named(name).map(|image| image.id);
    let ids: Vec<ImageId> = pooled.names.iter().filter_map(of_name).collect();
    let digests: Vec<_> = ids.iter().copied().zip(pooled.digests.iter().copied()).collect();
    inner.store.set_digests(digests)?;
    inner.withdraw_others(&ids, &pooled);
    if !options.unlabelled {
        let note = match refused_labels(options, &pooled.labels)? {
            Some(why) => Some(why),
            None => match inner.take_labels(&ids, &pooled.labels)? {
                0 => None,
                1 => Some("1 image came with a label, which counts as answered".to_owned()),
                taken => Some(format!("{taken} images came with labels, which count as answered")),
            },
        };
        inner.notes.extend(note);
    }
    if moved > 0 {
        let images = counted(moved, "image");
        inner.notes.push(format!("{images} had another name and were found by their content"));
    }
    if let Some(files) = pooled.data.files.as_ref().filter(|_| !is_array)
        && let Some((path, reason)) = files.unusable.first()
    {
        let count = counted(files.unusable.len(), "file");
        inner.notes.push(format!("{count} could not be used, the first: {path} {reason}"));
    }
    inner.loaded = Some(Arc::new(Loaded::new(pooled.data, ids)));
    inner.version += 1;
    inner.generation += 1;
    let super::Inner { desk, state, .. } = &mut *inner;
    desk.sort(state);
    Ok(())
}

/// Why the labels that images came with are not taken, if they are not. Folders may be of patients
/// as well as of classes: they are classes only where a person said so.
fn refused_labels(
    options: &super::Options,
    labels: &[Option<String>],
) -> Result<Option<String>, StudyError> {
    let found: BTreeSet<&String> = labels.iter().flatten().collect();
    let Some(first) = found.first() else { return Ok(None) };
    let is_folder = recognised(&options.data)?.is_some_and(|source| source.kind() == "folder");
    let strange = found.iter().find(|label| !options.classes.contains(label));
    Ok(match (strange, options.classes.is_empty(), is_folder) {
        (Some(_), true, true) => Some(format!(
            "folders such as {first:?} were not taken for classes; `fewlabel labels import` takes \
             them, if they are some"
        )),
        (Some(label), false, _) => Some(format!(
            "the images came with labels such as {label:?}, which is none of --classes: no label \
             was taken"
        )),
        _ => None,
    })
}

/// Opens the images as any other command does, with progress for the page.
fn open(shared: &Shared) -> Result<Dataset, StudyError> {
    let options = &shared.options;
    let progress = |done: usize, all: usize| {
        // The lock is asked for rarely enough.
        if done.is_multiple_of(64) || done == all {
            let what = "reading images".to_owned();
            let done = done as f64 / all.max(1) as f64;
            shared.lock().progress = Some(Progress { what, done, seconds_left: None });
        }
    };
    let is_ending = || shared.is_ending();
    let is_array = recognised(&options.data)?.is_none();
    let import = Import { unlabelled: false, ..options.import.clone() };
    let import = if is_array { import } else { options.import.clone() };
    let cache = ImageCache::of_user().filter(|_| !import.no_cache);
    let keeper = cache.as_ref().map(|cache| cache as &dyn Keeper);
    let watch = Watch::new(&progress, &is_ending).with_keeper(keeper);
    Ok(data::open_with(&options.data, None, &import, &watch)?)
}

impl super::Inner {
    /// Takes up images by their names.
    fn take_names<'a>(
        &mut self,
        names: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), StudyError> {
        self.store.add_images(names)?;
        let images = self.store.images()?;
        self.state.add_images(images);
        let super::Inner { desk, state, .. } = self;
        desk.sort(state);
        Ok(())
    }

    /// Gives images that are no longer under their names the names that their content has now.
    fn find_moved(&mut self, pooled: &Pooled) -> Result<usize, StudyError> {
        let there: HashSet<&str> = pooled.names.iter().map(String::as_str).collect();
        let stored = self.store.images()?;
        let known: HashSet<&str> = stored
            .iter()
            .filter(|image| image.digest.is_some())
            .map(|image| image.name.as_str())
            .collect();
        // Of copies the first one counts.
        let mut by_content: HashMap<[u8; 32], &str> = HashMap::new();
        for (name, digest) in pooled.names.iter().zip(&pooled.digests) {
            if !known.contains(name.as_str()) {
                by_content.entry(*digest).or_insert(name);
            }
        }
        let mut names: Vec<(ImageId, String)> = Vec::new();
        let mut taken = HashSet::new();
        for image in &stored {
            let Some(digest) = image.digest else { continue };
            if there.contains(image.name.as_str()) {
                continue;
            }
            if let Some(&name) = by_content.get(&digest)
                && taken.insert(name)
            {
                names.push((image.id, name.to_owned()));
            }
        }
        // A name that was listed a moment ago is the older image's.
        let just_listed = stored.iter().filter(|image| taken.contains(image.name.as_str()));
        let just_listed: Vec<StoredImage> = just_listed.cloned().collect();
        let ids: Vec<ImageId> = just_listed.iter().map(|image| image.id).collect();
        self.store.remove_images(&ids)?;
        self.state.forget(&ids);
        self.store.rename_images(&names)?;
        Ok(names.len())
    }

    /// What was listed but could not be read is never shown; its answers stay.
    fn withdraw_others(&mut self, ids: &[ImageId], pooled: &Pooled) {
        let there: HashSet<ImageId> = ids.iter().copied().collect();
        let gone: Vec<ImageId> = self
            .state
            .images
            .iter()
            .map(|image| image.id)
            .filter(|id| !there.contains(id))
            .collect();
        gone.iter().for_each(|id| self.desk.withdraw(*id));
        let answered = gone.iter().filter_map(|id| self.state.image(*id));
        let answered = answered.filter(|image| image.said().and_then(Said::class).is_some());
        match answered.count() {
            0 => {}
            count => {
                let images = counted(count, "labelled image");
                let name = &pooled.data.name;
                self.notes.push(format!("{images} cannot be found in {name} any more"));
            }
        }
    }

    /// Takes labels that images came with for answers, where there is none yet.
    fn take_labels(
        &mut self,
        ids: &[ImageId],
        labels: &[Option<String>],
    ) -> Result<usize, StudyError> {
        let mut names: Vec<&String> = labels.iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let mut class_of: HashMap<&str, ClassId> = HashMap::new();
        for name in names {
            if self.state.class_called(name).is_none() {
                self.add_class(None, OF_DATA, name)?;
            }
            let class = self.state.class_called(name).map(|class| class.id);
            class.map(|class| class_of.insert(name, class));
        }
        let mut events = Vec::new();
        for (id, label) in ids.iter().zip(labels) {
            let is_new = self.state.image(*id).is_some_and(|image| image.answer().is_none());
            let class = label.as_deref().and_then(|label| class_of.get(label));
            if let (true, Some(&class)) = (is_new, class) {
                let given = Given { imported: true, ..Given::new(Said::Class(class)) };
                events.push(Event::Answer { image: *id, given });
            }
        }
        let all = events.iter().map(|event| (None, OF_DATA, event));
        let kept = self.store.append_all(all)?;
        kept.iter().for_each(|kept| self.state.apply(kept));
        Ok(events.len())
    }
}
