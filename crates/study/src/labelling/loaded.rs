//! The images of a project in memory, once they are read.

use crate::labelling::event::ImageId;
use fewlabel_learn::data::{Dataset, Files, Images, Split, UNLABELLED};
use std::collections::HashMap;
use std::path::PathBuf;

/// Every image that could be read, all as one pool.
#[derive(Debug)]
pub struct Loaded {
    /// The pool as a data set without labels, in its training split.
    pub data: Dataset,
    /// The number of each row's image.
    pub ids: Vec<ImageId>,
    rows: HashMap<ImageId, u32>,
}

/// A data set as a pool: all splits behind each other, with their names and labels.
pub(crate) struct Pooled {
    /// Without labels.
    pub(crate) data: Dataset,
    /// Each row's name.
    pub(crate) names: Vec<String>,
    /// Each row's group.
    pub(crate) groups: Vec<Option<String>>,
    /// The digest of each row's values.
    pub(crate) digests: Vec<[u8; 32]>,
    /// The names of labels that rows came with.
    pub(crate) labels: Vec<Option<String>>,
    /// The folder that names are relative to, where images are files.
    pub(crate) root: Option<PathBuf>,
}

impl Pooled {
    /// Puts the splits of `data` together.
    pub(crate) fn of(data: &Dataset) -> Self {
        let (mut names, mut labels, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut groups, mut digests) = (Vec::new(), Vec::new());
        for (number, (_, split)) in data.splits().into_iter().enumerate() {
            pixels.extend_from_slice(&split.images.pixels);
            for (row, label) in split.labels.iter().enumerate() {
                names.push(data.image_name(number, row));
                let label = (*label != UNLABELLED).then(|| usize::from(*label));
                labels.push(label.and_then(|label| data.class_names.get(label).cloned()));
                let files = data.files.as_ref();
                groups.push(files.and_then(|files| files.groups[number].get(row)?.clone()));
                let digest = files.and_then(|files| files.digests[number].get(row).copied());
                digests.push(digest.unwrap_or_else(|| own_digest(split.images.image(row))));
            }
        }
        let Images { height, width, channels, .. } = data.train.images;
        let images = Images { height, width, channels, pixels };
        let none = Split::none_like(&images);
        let all = Split { labels: vec![UNLABELLED; names.len()], images };
        let splits = [all, none.clone(), none];
        let mut pool = Dataset::new(data.name.clone(), splits, Vec::new());
        pool.synthetic = data.synthetic;
        pool.flips_keep_labels = data.flips_keep_labels;
        pool.files = data.files.as_ref().map(|files| Files {
            paths: [names.clone(), Vec::new(), Vec::new()],
            groups: [groups.clone(), Vec::new(), Vec::new()],
            digests: [digests.clone(), Vec::new(), Vec::new()],
            has_splits: false,
            ..files.clone()
        });
        let root = data.files.as_ref().map(|files| files.root.clone());
        Self { data: pool, names, groups, digests, labels, root }
    }
}

/// The digest of an image of an array.
fn own_digest(pixels: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(pixels).into()
}

impl Loaded {
    /// The pool whose rows are the images `ids`.
    pub(crate) fn new(data: Dataset, ids: Vec<ImageId>) -> Self {
        let rows = ids.iter().copied().zip(0..).collect();
        Self { data, ids, rows }
    }

    /// The row of an image, if it could be read.
    pub fn row(&self, id: ImageId) -> Option<u32> {
        self.rows.get(&id).copied()
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
