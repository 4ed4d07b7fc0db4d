//! What can be wrong with a data set, one clear sentence each.

use std::io;
use std::path::PathBuf;

/// A data set that cannot be found, read or used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a zip archive, or a damaged one.
    #[error("{path} is not a complete .npz (zip) file: {reason}")]
    NotZip {
        /// The file.
        path: PathBuf,
        /// What is wrong with the archive.
        reason: String,
    },
    /// The arrays of images are missing.
    #[error(
        "{path} has no member {member}.npy; expected one or more of {{train,val,test}}_images and \
         their {{train,val,test}}_labels, found {found}"
    )]
    MissingMember {
        /// The file.
        path: PathBuf,
        /// The array that is missing.
        member: String,
        /// What the file holds instead.
        found: String,
    },
    /// An array is there but unusable.
    #[error("{path}, member {member}: {problem}")]
    Member {
        /// The file.
        path: PathBuf,
        /// The array.
        member: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A split that is needed is not there.
    #[error("{name} has no {split} images, which {what} needs{}", advice(.split))]
    NoSplit {
        /// The data set.
        name: String,
        /// Which split.
        split: &'static str,
        /// Who needs it.
        what: &'static str,
    },
    /// Labels that are needed are not there.
    #[error("{name} has {count} {split} images without a label; {what} needs a label for each")]
    Unlabelled {
        /// The data set.
        name: String,
        /// Which split.
        split: &'static str,
        /// Images without a label.
        count: usize,
        /// Who needs them.
        what: &'static str,
    },
    /// Names of classes that cannot be used.
    #[error("{origin}: {problem}")]
    ClassNames {
        /// Where they were given.
        origin: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file of features or predictions holds no array that can be used.
    #[error("{path}: {problem}")]
    Array {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// Images of one's own cannot be found, told apart or used.
    #[error("{path}: {problem}")]
    Source {
        /// The folder or file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// Whoever started reading asked for its end.
    #[error("stopped on request")]
    Interrupted,
    /// The path has none of the formats that are understood.
    #[error(
        "{path} is no data set: expected a MedMNIST .npz file, a folder of images, a manifest \
         (CSV or TSV with a column path) or a picture"
    )]
    UnknownFormat {
        /// The path as given.
        path: PathBuf,
    },
    /// The name is neither in the catalogue nor a file.
    #[error("unknown data set {name:?}: it is no file, and no name in the \
             catalogue{}", suggestion(.nearest))]
    UnknownName {
        /// The name as given.
        name: String,
        /// The catalogue name most like it.
        nearest: Option<String>,
    },
    /// The data set of the catalogue cannot be used here.
    #[error(
        "{name} has several labels an image; only data sets with one label an image can be used"
    )]
    MultiLabel {
        /// The data set.
        name: String,
    },
    /// A data set of the catalogue has not been fetched.
    #[error(
        "{name} is not on this machine: run `fewlabel data fetch {name}`, or download {address} \
         (MD5 {md5}) to {path}"
    )]
    NotFetched {
        /// The data set.
        name: String,
        /// Where it is published.
        address: String,
        /// The published file's MD5.
        md5: String,
        /// Where the file has to be put.
        path: PathBuf,
    },
    /// The file of a catalogue data set is not the published one.
    #[error(
        "{path} is not the published {name}: its MD5 is {found}, expected {expected}; delete it \
         and fetch it again"
    )]
    WrongChecksum {
        /// The file.
        path: PathBuf,
        /// The data set.
        name: String,
        /// The published MD5.
        expected: String,
        /// The file's MD5.
        found: String,
    },
    /// The platform names no folder for cached data.
    #[error("no cache folder is known for this user: set FEWLABEL_DATA to a folder")]
    NoCacheFolder,
    /// A data set cannot be written.
    #[error("cannot write the data set: {reason}")]
    Write {
        /// The writer's reason.
        reason: String,
    },
}

fn advice(split: &str) -> &'static str {
    match split {
        "validation" => ": --val-share 10% takes some of the training images for it",
        "test" => ": --test-share 20% takes some of the training images for it",
        _ => "",
    }
}

fn suggestion(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => "; `fewlabel data list` shows them".to_owned(),
    }
}
