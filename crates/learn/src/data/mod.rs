//! Data sets: where they come from, how they are read, and what they hold in memory.
//!
//! [`open`] takes what a person types: a name of the [`catalogue`] or a path. Everything after it sees a
//! [`Dataset`] only.

use std::path::{Path, PathBuf};

mod array;
pub mod cache;
pub mod catalogue;
mod dataset;
mod error;
mod labelled;
pub mod npy;
pub mod npz;
pub mod phantom;
mod pool;

pub use array::Array;
pub use dataset::{Dataset, Images, Split};
pub use error::DataError;
pub use labelled::Labelled;
pub use pool::{Benchmark, Pool};

use catalogue::{Entry, Task};

/// Opens a data set by its catalogue name or path; published ones are looked for in [`cache::folder`].
pub fn open(spec: &str) -> Result<Dataset, DataError> {
    match source(spec)? {
        Source::Phantom => Ok(phantom::make(phantom::SEED)),
        Source::Published(entry) => open_published(entry, &cache::folder()?),
        Source::File(path) => open_file(&path),
    }
}

/// What a data set's name or path stands for.
enum Source {
    Phantom,
    Published(&'static Entry),
    File(PathBuf),
}

fn source(spec: &str) -> Result<Source, DataError> {
    if spec == catalogue::PHANTOM {
        return Ok(Source::Phantom);
    }
    if let Some(entry) = catalogue::find(spec) {
        return match entry.task {
            Task::Findings => Err(DataError::MultiLabel { name: spec.to_owned() }),
            Task::Classes | Task::Grades => Ok(Source::Published(entry)),
        };
    }
    let path = Path::new(spec);
    if path.exists() || path.extension().is_some() || spec.contains(['/', '\\']) {
        return Ok(Source::File(path.to_owned()));
    }
    let nearest = catalogue::nearest(spec).map(str::to_owned);
    Err(DataError::UnknownName { name: spec.to_owned(), nearest })
}

fn open_published(entry: &Entry, folder: &Path) -> Result<Dataset, DataError> {
    let path = cache::published(entry, folder)?;
    let (splits, _) = npz::read(&path, Some(entry.class_names.len()))?;
    Ok(named(entry.name, splits, entry))
}

fn open_file(path: &Path) -> Result<Dataset, DataError> {
    if path.is_dir() {
        return Err(DataError::UnknownFormat { path: path.to_owned() });
    }
    let stem = path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy());
    let entry = catalogue::of_file_stem(&stem);
    let (splits, classes) = npz::read(path, entry.map(|entry| entry.class_names.len()))?;
    Ok(match entry {
        Some(entry) => named(&stem, splits, entry),
        None => Dataset::new(stem.into_owned(), splits, (0..classes).map(|class| format!("class_{class}")).collect()),
    })
}

/// A data set with the class names and properties of its catalogue entry.
fn named(name: &str, splits: [Split; 3], entry: &Entry) -> Dataset {
    let class_names = entry.class_names.iter().map(|name| (*name).to_owned()).collect();
    let mut dataset = Dataset::new(name.to_owned(), splits, class_names);
    dataset.flips_keep_labels = entry.flips_keep_labels;
    dataset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(spec: &str) -> String {
        open(spec).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        assert!(failure("orgnsmnist").ends_with("did you mean organsmnist?"), "{}", failure("orgnsmnist"));
        assert!(failure("knee").contains("data list"));
    }

    #[test]
    fn several_labels_an_image_are_refused() {
        assert!(failure("chestmnist").contains("several labels"));
    }

    #[test]
    fn a_folder_or_a_missing_file_is_one_sentence() {
        assert!(failure("./no/such/file.npz").starts_with("cannot read ./no/such/file.npz"));
        assert!(failure("no-such-file.npz").starts_with("cannot read no-such-file.npz"));
        assert!(failure("/").contains("no data set"));
    }

    #[test]
    fn a_published_set_that_is_not_here_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let entry = catalogue::find("organsmnist").unwrap();
        let sentence = open_published(entry, folder.path()).unwrap_err().to_string();
        let file = folder.path().join("organsmnist.npz");
        for part in [entry.address(), entry.md5.to_owned(), file.display().to_string()] {
            assert!(sentence.contains(&part), "{sentence}");
        }
        std::fs::write(&file, b"something else").unwrap();
        assert!(open_published(entry, folder.path()).unwrap_err().to_string().contains("not the published"));
    }
}
