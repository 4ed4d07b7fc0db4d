//! Data sets: where they come from, how they are read, and what they hold in memory.
//!
//! [`open`] takes what a person types: a name of the [`catalogue`] or a path. Everything after it
//! sees a [`Dataset`] only.

use std::path::{Path, PathBuf};

pub mod answers_table;
mod array;
pub mod cache;
pub mod catalogue;
pub mod class_names;
mod dataset;
mod error;
mod files;
mod labelled;
pub mod location;
pub mod npy;
pub mod npz;
pub mod phantom;
pub mod picture;
mod pool;
pub mod preprocessing;
pub mod source;
pub mod table;
mod unpack;
mod warnings;

pub use array::Array;
pub(crate) use dataset::hex;
pub use dataset::{Dataset, Images, Split, UNLABELLED, sides};
pub use error::DataError;
pub use files::{Files, Pictures};
pub use labelled::Labelled;
pub use pool::{Benchmark, Pool};

use catalogue::{Entry, Named, Task};
use source::{Import, Watch};

/// Opens a data set by its catalogue name or path; published ones are looked for in
/// [`cache::folder`].
///
/// # Errors
/// If there is no such data set, or it cannot be read.
pub fn open(spec: impl AsRef<Path>) -> Result<Dataset, DataError> {
    open_with_names(spec, None)
}

/// [`open`], with names for the classes in place of those that the data set has.
///
/// # Errors
/// As [`open`], or if the names cannot be told apart or are not one for every class.
pub fn open_with_names(
    spec: impl AsRef<Path>,
    names: Option<&[String]>,
) -> Result<Dataset, DataError> {
    open_with(spec, names, &Import::default(), &Watch::nobody())
}

/// [`open_with_names`], with a choice of how files become a data set and of splits to be made.
/// Whoever watches is told how many files are read.
///
/// # Errors
/// As [`open_with_names`], or if what was chosen does not fit the data.
pub fn open_with(
    spec: impl AsRef<Path>,
    names: Option<&[String]>,
    import: &Import,
    watch: &Watch<'_>,
) -> Result<Dataset, DataError> {
    let spec = spec.as_ref();
    if let Some(names) = names {
        class_names::check(names).map_err(given_names)?;
    }
    let place = place(spec)?;
    if let Place::Path(path) = &place
        && let Some(source) = source::Source::recognise(path)?
    {
        return source::import(&source, import, names, watch);
    }
    let wrong = |problem| DataError::Source { path: spec.to_owned(), problem };
    import.check().map_err(wrong)?;
    if let Some(option) = import.first_of_files() {
        let what = format!("{option} is for images that lie as files, and these are arrays");
        return Err(wrong(what));
    }
    let dataset = match place {
        Place::Phantom => renamed(phantom::make(phantom::SEED), names)?,
        Place::Published(entry) => renamed(open_published(entry, &cache::folder()?)?, names)?,
        Place::Path(path) => open_file(&path, names)?,
    };
    source::divide(dataset, import).map_err(wrong)
}

/// The data set with other names for its classes, where there are some.
fn renamed(mut dataset: Dataset, names: Option<&[String]>) -> Result<Dataset, DataError> {
    let Some(names) = names else { return Ok(dataset) };
    if names.len() != dataset.classes() {
        let problem = format!(
            "{}, expected {}, one for every class of {}",
            names.len(),
            dataset.classes(),
            dataset.name
        );
        return Err(given_names(problem));
    }
    dataset.rename_classes(names.to_vec());
    Ok(dataset)
}

fn given_names(problem: String) -> DataError {
    DataError::ClassNames { origin: "the class names given".to_owned(), problem }
}

/// Refuses what is neither a path that is there nor a name of the catalogue, without reading it.
///
/// # Errors
/// If there is no such data set, or it cannot be read.
pub fn check_place(spec: &Path) -> Result<(), DataError> {
    match place(spec)? {
        Place::Phantom | Place::Published(_) => Ok(()),
        Place::Path(path) => {
            std::fs::metadata(&path).map(drop).map_err(|source| DataError::Read { path, source })
        }
    }
}

/// What a data set's name or path stands for.
enum Place {
    Phantom,
    Published(&'static Entry),
    Path(PathBuf),
}

fn place(spec: &Path) -> Result<Place, DataError> {
    let Some(name) = spec.to_str() else { return Ok(Place::Path(spec.to_owned())) };
    if name == catalogue::PHANTOM {
        return Ok(Place::Phantom);
    }
    if let Some(entry) = catalogue::find(name) {
        return match entry.task {
            Task::Findings => Err(DataError::MultiLabel { name: name.to_owned() }),
            Task::Classes | Task::Grades => Ok(Place::Published(entry)),
        };
    }
    let path = location::from_text(name);
    if path.exists() || path.extension().is_some() || name.contains(['/', '\\']) {
        return Ok(Place::Path(path));
    }
    let nearest = catalogue::nearest(name).map(str::to_owned);
    Err(DataError::UnknownName { name: name.to_owned(), nearest })
}

fn open_published(entry: &'static Entry, folder: &Path) -> Result<Dataset, DataError> {
    let path = cache::published(entry, folder)?;
    let contents = npz::read(&path)?;
    contents.classes(&path, Some(entry.class_names.len()))?;
    let mut dataset = Dataset::new(entry.name.to_owned(), contents.splits, names_of(entry));
    publish(&mut dataset, entry);
    Ok(dataset)
}

/// The data set of a file. Its classes are called what `given` says, else what the file says, else
/// a text file beside it, else the catalogue where the file is a published one, else by their
/// numbers.
fn open_file(path: &Path, given: Option<&[String]>) -> Result<Dataset, DataError> {
    let stem = path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy());
    let mut contents = npz::read(path)?;
    let own = match (given, contents.class_names.take()) {
        (Some(names), _) => Some(names.to_vec()),
        (None, Some(names)) => Some(names),
        (None, None) => class_names::beside(path)?,
    };
    let classes = contents.classes(path, own.as_ref().map(Vec::len))?;
    let named = catalogue::of_file_stem(&stem);
    let is_named = own.is_some();
    let names = own.unwrap_or_else(|| class_names::placeholders(classes));
    let mut dataset = Dataset::new(stem.into_owned(), contents.splits, names);
    if let Some(named) = named {
        take_from_catalogue(&mut dataset, &named, is_named);
    }
    Ok(dataset)
}

/// Makes `dataset`, whose file is called as a published set, what the catalogue knows of that set,
/// if it is that set; says what was taken, or why nothing was.
fn take_from_catalogue(dataset: &mut Dataset, named: &Named, is_named: bool) {
    let Images { height, width, channels, .. } = dataset.train.images;
    let samples = dataset.splits().map(|(_, split)| split.len());
    let entry = named.entry;
    let note = match named.difference([height, width, channels], dataset.classes(), samples) {
        Some((found, expected)) => {
            format!(
                "is not the published {} ({found}; expected {expected}): nothing is taken from \
                 the catalogue",
                entry.name
            )
        }
        None => {
            let mut taken = vec!["licence", "whether images may be mirrored"];
            if !is_named {
                dataset.rename_classes(names_of(entry));
                taken.insert(0, "class names");
            }
            publish(dataset, entry);
            format!("{} are those of the published {}", taken.join(", "), entry.name)
        }
    };
    dataset.note = Some(note);
}

fn names_of(entry: &Entry) -> Vec<String> {
    entry.class_names.iter().map(|name| (*name).to_owned()).collect()
}

/// Gives `dataset` the properties of its catalogue entry.
fn publish(dataset: &mut Dataset, entry: &'static Entry) {
    dataset.flips_keep_labels = entry.flips_keep_labels && dataset.sides.is_empty();
    dataset.published = Some(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(spec: &str) -> String {
        open(spec).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        assert!(
            failure("orgnsmnist").ends_with("did you mean organsmnist?"),
            "{}",
            failure("orgnsmnist")
        );
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
        assert!(failure("/").contains("root of a disk"));
    }

    /// A file of 40 grey images of 12x12 in so many classes, called `name`, with `names` where
    /// there are some.
    fn file(folder: &Path, name: &str, classes: u16, names: Option<&[&str]>) -> PathBuf {
        let split = || Split {
            images: Images { height: 12, width: 12, channels: 1, pixels: vec![7; 144 * 40] },
            labels: (0..40).map(|i| i % classes).collect(),
        };
        let names = match names {
            Some(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            None => class_names::placeholders(usize::from(classes)),
        };
        let dataset = Dataset::new(String::new(), [split(), split(), split()], names);
        let path = folder.join(name);
        npz::write(&dataset, std::fs::File::create(&path).unwrap()).unwrap();
        path
    }

    #[test]
    fn a_file_that_is_merely_called_like_a_published_set_keeps_its_own_classes() {
        let folder = tempfile::tempdir().unwrap();
        for (name, classes) in
            [("chestmnist-pneumonia-or-not.npz", 2), ("octmnist_my_5_classes.npz", 5)]
        {
            let data = open(file(folder.path(), name, classes, None)).unwrap();
            assert_eq!(data.class_names, class_names::placeholders(usize::from(classes)));
            assert!(data.flips_keep_labels && data.published.is_none() && data.note.is_none());
        }
        for (name, classes) in
            [("octmnist.npz", 4), ("chestmnist.npz", 2), ("organamnist-s.npz", 11)]
        {
            let data = open(file(folder.path(), name, classes, None)).unwrap();
            assert!(
                class_names::are_placeholders(&data.class_names) && data.flips_keep_labels,
                "{name}"
            );
            let note = data.note.unwrap();
            assert!(
                note.contains("splits of 40, 40 and 40; expected ")
                    && note.contains("nothing is taken"),
                "{note}"
            );
        }
    }

    #[test]
    fn names_come_from_the_person_the_file_the_text_beside_it_in_this_order() {
        let folder = tempfile::tempdir().unwrap();
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let data = file(folder.path(), "moles.npz", 3, None);
        let checksum = open(&data).unwrap().checksum;
        std::fs::write(class_names::file_beside(&data), "x-left\nx-right\nz\n").unwrap();
        let beside = open(&data).unwrap();
        assert_eq!(
            (beside.class_names.clone(), beside.sides.len()),
            (owned(&["x-left", "x-right", "z"]), 1)
        );
        assert!(
            !beside.flips_keep_labels && beside.checksum == checksum,
            "names are no part of the checksum"
        );
        let data = file(folder.path(), "moles.npz", 3, Some(&["benign", "malignant", "unclear"]));
        assert_eq!(open(&data).unwrap().class_names, owned(&["benign", "malignant", "unclear"]));
        let given = owned(&["a", "b", "c", "d"]);
        assert_eq!(open_with_names(&data, Some(&given)).unwrap().class_names, given);
        let error = open_with_names(&data, Some(&given[..2])).unwrap_err().to_string();
        assert!(
            error.ends_with("train_labels: row 2 is 2, expected 0 to 1 by its 2 classes"),
            "{error}"
        );
        let error = open_with_names(&data, Some(&owned(&["a", "a", "b"]))).unwrap_err().to_string();
        assert_eq!(error, "the class names given: \"a\" is the name of two classes");
        let error = open_with_names("phantom", Some(&given)).unwrap_err().to_string();
        assert_eq!(error, "the class names given: 4, expected 11, one for every class of phantom");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_text() {
        let folder = tempfile::tempdir().unwrap();
        let name = location::system_string(b"caf\xe9.npz".to_vec());
        let path = folder.path().join(name);
        std::fs::rename(file(folder.path(), "x.npz", 2, None), &path).unwrap();
        assert_eq!(open(&path).unwrap().classes(), 2);
        assert_eq!(open(location::to_text(&path)).unwrap().name, "caf\u{fffd}");
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
        assert!(
            open_published(entry, folder.path())
                .unwrap_err()
                .to_string()
                .contains("not the published")
        );
    }
}
