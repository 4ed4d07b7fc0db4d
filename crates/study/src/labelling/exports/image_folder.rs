//! Labelled images as a tree of folders, one for each class, as torchvision's `ImageFolder`, Keras
//! and `fewlabel` itself read them.

use crate::error::StudyError;
use crate::export::image_tree::folder_names;
use crate::store::whole_folder::WholeFolder;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Where the bytes of an image are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a file, which is left as it is.
    File(PathBuf),
    /// In memory, as a PNG: an image of an array, or one frame of a file.
    Png(Vec<u8>),
}

/// An image of the tree.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its path in the data set, by whose last part its file is called.
    pub path: String,
    /// The number of its class.
    pub class: u16,
    /// Where its bytes are.
    pub source: Source,
}

/// Whether files get a second name or are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// A hard link where the system can make one, else a copy. Links take no room, but who changes
    /// a file of the tree in its place changes the source.
    Linked,
    /// A copy, which nothing ties to the source.
    Copied,
}

/// Writes `images` as `folder`, which is there whole in the end or not at all, and returns how many
/// there are. Of images that would have one name in a class, in small or capital letters, the later
/// ones get a number: `a.png`, `a-2.png`. There are no symbolic links in the tree.
///
/// # Errors
/// If `folder` is there and not empty, an image cannot be read, or the disk takes no more.
///
/// # Panics
/// If an image's class has no name.
pub fn write(
    folder: &Path,
    class_names: &[String],
    images: impl IntoIterator<Item = Placed>,
    files: Files,
) -> Result<usize, StudyError> {
    let out = WholeFolder::create(folder)?;
    let (folders, mut taken) = (folder_names(class_names), HashSet::new());
    let mut count = 0;
    for image in images {
        let class = usize::from(image.class);
        let (stem, ending) = file_name(&image);
        let free = |number: usize| match number {
            1 => format!("{stem}{ending}"),
            number => format!("{stem}-{number}{ending}"),
        };
        let mut number = 1;
        while !taken.insert((class, free(number).to_lowercase())) {
            number += 1;
        }
        let name = format!("{}/{}", folders[class], free(number));
        match &image.source {
            Source::File(source) => out.file_of(&name, source, files == Files::Linked)?,
            Source::Png(bytes) => out.file(&name, bytes)?,
        }
        count += 1;
    }
    out.finish()?;
    Ok(count)
}

/// The name of an image's file, split before its ending. What stands behind `#` is a frame.
fn file_name(image: &Placed) -> (String, String) {
    let last = image.path.rsplit(['/', '\\']).next().unwrap_or_default();
    let whole = match last {
        "" | "." | ".." => "image",
        name => name,
    };
    match &image.source {
        Source::File(_) => match whole.rsplit_once('.') {
            Some((stem, ending)) if !stem.is_empty() => (stem.to_owned(), format!(".{ending}")),
            _ => (whole.to_owned(), String::new()),
        },
        Source::Png(_) => {
            let (file, frame) = whole.split_once('#').unwrap_or((whole, ""));
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let stem = if stem.is_empty() { "image" } else { stem };
            let frame = if frame.is_empty() { String::new() } else { format!("_{frame}") };
            // The row of an array has its split before it.
            let split = image.path.split_once('/').map_or("", |(split, _)| split);
            match file.bytes().all(|byte| byte.is_ascii_digit()) && !split.is_empty() {
                true => (format!("{split}_{stem}{frame}"), ".png".to_owned()),
                false => (format!("{stem}{frame}"), ".png".to_owned()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: Result<fs::DirEntry, _>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn every_class_has_a_folder_and_every_image_a_name() {
        let place = tempfile::tempdir().expect("a folder");
        let images = place.path().join("scans");
        for (path, content) in [("x/1.png", "one"), ("y/1.png", "two"), ("y/1.PNG", "three")] {
            let path = images.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, content).expect("written");
        }
        let classes = ["a/b", "stone"].map(str::to_owned);
        let placed = |path: &str, class| Placed {
            path: path.to_owned(),
            class,
            source: Source::File(images.join(path)),
        };
        let png = |path: &str| Placed {
            path: path.to_owned(),
            class: 1,
            source: Source::Png(b"png".to_vec()),
        };
        for files in [Files::Linked, Files::Copied] {
            let out = place.path().join(format!("{files:?}"));
            let all = [
                placed("x/1.png", 0),
                placed("y/1.png", 0),
                placed("y/1.PNG", 0),
                placed("x/1.png", 1),
                png("train/17"),
                png("y/stack.tif#3"),
            ];
            assert_eq!(write(&out, &classes, all, files).expect("written"), 6);
            assert_eq!(names(&out), ["a_b", "stone"]);
            assert_eq!(names(&out.join("a_b")), ["1-2.png", "1-3.PNG", "1.png"]);
            assert_eq!(names(&out.join("stone")), ["1.png", "stack_3.png", "train_17.png"]);
            assert_eq!(fs::read(out.join("a_b/1-2.png")).expect("read"), b"two");
        }
        assert_eq!(fs::read(images.join("y/1.png")).expect("read"), b"two");
    }

    #[test]
    fn an_image_that_is_gone_leaves_no_tree() {
        let place = tempfile::tempdir().expect("a folder");
        let gone = Placed {
            path: "gone.png".into(),
            class: 0,
            source: Source::File(place.path().join("gone.png")),
        };
        let out = place.path().join("out");
        let error = write(&out, &["a".to_owned()], [gone], Files::Linked).expect_err("gone");
        assert!(error.to_string().contains("cannot read"), "{error}");
        assert!(names(place.path()).is_empty());
    }
}
