//! Images and labels in memory: bytes as they were stored, in three splits.

use super::catalogue::Entry;
use super::error::DataError;
use super::files::Files;
use super::{Benchmark, Pool};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Images of one size, `[n, height, width, channels]`, kept as the bytes they were stored as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// All images, one after another, channels last.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Bytes of one image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.image_len().max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The bytes of image `i`.
    ///
    /// # Panics
    /// If there is no image `i`.
    pub fn image(&self, i: usize) -> &[u8] {
        let len = self.image_len();
        &self.pixels[i * len..(i + 1) * len]
    }

    /// Some of the images.
    ///
    /// # Panics
    /// If a row is not there.
    pub fn select(&self, rows: &[u32]) -> Self {
        let pixels = rows.iter().flat_map(|&row| self.image(row as usize)).copied().collect();
        Self { pixels, ..*self }
    }
}

/// The label of an image that has none. No class has this number: there are at most 1,024.
pub const UNLABELLED: u16 = u16::MAX;

/// Images and the label of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The images.
    pub images: Images,
    /// The class of each image, or [`UNLABELLED`].
    pub labels: Vec<u16>,
}

impl Split {
    /// No images, of the same shape as `images`.
    pub fn none_like(images: &Images) -> Self {
        Self { images: images.select(&[]), labels: Vec::new() }
    }

    /// Rows of the samples that have a label.
    pub fn labelled_rows(&self) -> Vec<u32> {
        let rows = (0u32..).zip(&self.labels);
        rows.filter(|(_, label)| **label != UNLABELLED).map(|(row, _)| row).collect()
    }

    /// How many samples have no label.
    pub fn unlabelled(&self) -> usize {
        self.labels.iter().filter(|label| **label == UNLABELLED).count()
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Some of the samples.
    ///
    /// # Panics
    /// If a row is not there.
    pub fn select(&self, rows: &[u32]) -> Self {
        let labels = rows.iter().map(|&row| self.labels[row as usize]).collect();
        Self { images: self.images.select(rows), labels }
    }

    /// How many samples with a label each of `classes` classes has.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &label in self.labels.iter().filter(|label| **label != UNLABELLED) {
            counts[usize::from(label)] += 1;
        }
        counts
    }
}

/// A data set in its three splits, each of which may be empty.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name in the catalogue, or its file's stem.
    pub name: String,
    /// What is learned from.
    pub train: Split,
    /// What is watched while learning.
    pub val: Split,
    /// What is looked at once, at the end.
    pub test: Split,
    /// The files that the images come from, where each has one.
    pub files: Option<Files>,
    /// The classes' names, in the labels' order.
    pub class_names: Vec<String>,
    /// SHA-256, in hex, of shapes, pixels and labels of all splits.
    pub checksum: String,
    /// Whether the images were made by a program instead of a camera or scanner.
    pub synthetic: bool,
    /// Pairs of classes that differ only in the side of the body, left first.
    pub sides: Vec<(u16, u16)>,
    /// Whether a mirrored image keeps its label: not where left and right are classes.
    pub flips_keep_labels: bool,
    /// The published data set that these are.
    pub published: Option<&'static Entry>,
    /// What a person should know of where names and properties come from, in one line.
    pub note: Option<String>,
    pixels_pca: OnceLock<Arc<[f32]>>,
}

impl Dataset {
    /// Puts the splits together and computes what follows from them.
    pub fn new(name: String, [train, val, test]: [Split; 3], class_names: Vec<String>) -> Self {
        let checksum = checksum(&[&train, &val, &test]);
        let sides = sides(&class_names);
        let flips_keep_labels = sides.is_empty();
        Self {
            name,
            train,
            val,
            test,
            class_names,
            checksum,
            synthetic: false,
            sides,
            flips_keep_labels,
            published: None,
            note: None,
            files: None,
            pixels_pca: OnceLock::new(),
        }
    }

    /// The same images with other labels and classes.
    ///
    /// # Panics
    /// If there is not one label for every image.
    pub fn relabelled(self, labels: [Vec<u16>; 3], class_names: Vec<String>) -> Self {
        let Self { train, val, test, name, .. } = self;
        let [a, b, c] = labels;
        let with = |split: Split, labels: Vec<u16>| {
            assert_eq!(split.labels.len(), labels.len(), "a label for every image");
            Split { images: split.images, labels }
        };
        let splits = [with(train, a), with(val, b), with(test, c)];
        let mut other = Self::new(name, splits, class_names);
        other.synthetic = self.synthetic;
        other.flips_keep_labels &= self.flips_keep_labels;
        other.published = self.published;
        (other.note, other.files) = (self.note, self.files);
        other
    }

    /// Refuses what a simulated study cannot be made on: it needs the label of every image, and
    /// all three splits.
    ///
    /// # Errors
    /// Says of `what` needs them which labels or which split are missing.
    pub fn require_benchmark(&self, what: &'static str) -> Result<(), DataError> {
        let name = || self.name.clone();
        for (split, held) in
            [("training", &self.train), ("validation", &self.val), ("test", &self.test)]
        {
            if held.is_empty() {
                return Err(DataError::NoSplit { name: name(), split, what });
            }
            match held.unlabelled() {
                0 => {}
                count => return Err(DataError::Unlabelled { name: name(), split, count, what }),
            }
        }
        Ok(())
    }

    /// What an image is called in tables: its file's path, or the split and row of an array.
    pub fn image_name(&self, split: usize, row: usize) -> String {
        match &self.files {
            Some(files) => files.paths[split][row].clone(),
            None => format!("{}/{row}", self.splits()[split].0),
        }
    }

    /// Other names for the classes, as many as there are.
    ///
    /// # Panics
    /// If there are more or fewer.
    pub fn rename_classes(&mut self, class_names: Vec<String>) {
        assert_eq!(class_names.len(), self.classes(), "a name for every class");
        self.sides = sides(&class_names);
        self.flips_keep_labels &= self.sides.is_empty();
        self.class_names = class_names;
    }

    /// Other splits of the same classes, made from this data set's own, under a name of their own.
    pub fn with_splits(&self, name: String, splits: impl FnOnce(&Self) -> [Split; 3]) -> Self {
        let mut other = Self::new(name, splits(self), self.class_names.clone());
        other.synthetic = self.synthetic;
        other.sides.clone_from(&self.sides);
        other.flips_keep_labels = self.flips_keep_labels;
        other.published = self.published;
        other.note.clone_from(&self.note);
        other
    }

    /// SHA-256, in hex, over what learning looks at: training and validation split. Data sets that
    /// agree in it give the same models.
    pub fn learning_checksum(&self) -> String {
        checksum(&[&self.train, &self.val])
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// The splits with their names, in their usual order.
    pub fn splits(&self) -> [(&'static str, &Split); 3] {
        [("train", &self.train), ("val", &self.val), ("test", &self.test)]
    }

    /// The training images, without their labels.
    pub fn pool(&self) -> Pool<'_> {
        let (classes, flips_keep_labels) = (self.classes(), self.flips_keep_labels);
        Pool {
            images: &self.train.images,
            classes,
            flips_keep_labels,
            components: &self.pixels_pca,
        }
    }

    /// What only a finished data set has: held-out splits, and the labels that its training images
    /// came with.
    pub fn benchmark(&self) -> Benchmark<'_> {
        Benchmark { val: &self.val, test: &self.test, truth: &self.train.labels }
    }

    /// The training split's mean of each channel, of pixels scaled to [0, 1].
    pub fn mean(&self) -> Vec<f32> {
        self.pool().mean()
    }
}

/// Pairs of classes whose names differ only in `-left` and `-right`, the left one first.
pub fn sides(class_names: &[String]) -> Vec<(u16, u16)> {
    let mut pairs = Vec::new();
    for (left, name) in class_names.iter().enumerate() {
        let Some(organ) = name.strip_suffix("-left") else { continue };
        let other = |name: &String| name.strip_suffix("-right") == Some(organ);
        if let Some(right) = class_names.iter().position(other) {
            pairs.push((left as u16, right as u16));
        }
    }
    pairs
}

/// SHA-256 of every split's shape (four 64-bit words), pixels and labels (16 bits), little endian.
fn checksum(splits: &[&Split]) -> String {
    let mut hash = Sha256::new();
    for split in splits {
        let images = &split.images;
        for size in [images.len(), images.height, images.width, images.channels] {
            hash.update((size as u64).to_le_bytes());
        }
        hash.update(&images.pixels);
        for block in split.labels.chunks(1024) {
            let labels: Vec<u8> = block.iter().flat_map(|label| label.to_le_bytes()).collect();
            hash.update(labels);
        }
    }
    hex(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pixels: Vec<u8>, labels: Vec<u16>) -> Split {
        Split { images: Images { height: 1, width: 2, channels: 1, pixels }, labels }
    }

    fn dataset(train: Split) -> Dataset {
        let other = split(vec![1, 2], vec![0]);
        let names = ["kidney-left", "liver", "kidney-right"].map(str::to_owned).to_vec();
        Dataset::new("tiny".to_owned(), [train, other.clone(), other], names)
    }

    #[test]
    fn mean_is_that_of_the_training_split() {
        let data = dataset(split(vec![0, 255, 51, 102], vec![0, 2]));
        assert_eq!(data.mean(), [0.4]);
        assert_eq!(data.train.images.image(1), [51, 102]);
        assert_eq!(data.train.class_counts(3), [1, 0, 1]);
    }

    #[test]
    fn sides_are_found_by_name() {
        let data = dataset(split(vec![0, 0], vec![0]));
        assert_eq!(data.sides, [(0, 2)]);
        assert!(!data.flips_keep_labels);
    }

    #[test]
    fn other_names_are_other_sides_but_the_same_data() {
        let mut data = dataset(split(vec![1, 2], vec![0]));
        let checksum = data.checksum.clone();
        data.rename_classes(["a", "b-right", "b-left"].map(str::to_owned).to_vec());
        assert_eq!((data.sides.as_slice(), &data.checksum), (&[(2, 1)][..], &checksum));
        data.rename_classes(["a", "b", "c"].map(str::to_owned).to_vec());
        assert!(data.sides.is_empty() && !data.flips_keep_labels, "the images are the same");
    }

    #[test]
    fn checksum_sees_pixels_labels_and_shapes() {
        let base = dataset(split(vec![1, 2, 3, 4], vec![0, 1])).checksum;
        assert_eq!(base.len(), 64);
        assert_ne!(base, dataset(split(vec![1, 2, 3, 5], vec![0, 1])).checksum);
        assert_ne!(base, dataset(split(vec![1, 2, 3, 4], vec![1, 0])).checksum);
        let mut square = split(vec![1, 2, 3, 4], vec![0, 1]);
        (square.images.height, square.images.width) = (2, 1);
        assert_ne!(base, dataset(square).checksum);
    }
}
