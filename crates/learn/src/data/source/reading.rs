//! From a listing to pixels: every file is opened once, decoded and resized at once, and what was
//! found is put together in the order of the listing. So results do not depend on threads, and
//! memory holds little more than the data set.

use super::super::files::{Pictures, count_one};
use super::super::picture::{self, Histogram, Window};
use super::decode::{About, Outcome, Ready, Way, bytes, of_file};
use super::kept;
use super::listing::{Entry, Listing, on_disk};
use super::settings::{Percentiles, Watch};
use crate::memory;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Bytes of pixels that wait to be put together.
const WAITING: usize = 64 << 20;
/// Names whose files are said to be broken where they hold no picture.
const ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif", "dcm"];

/// Why reading ended early.
pub(super) enum Stop {
    /// The images are not all of one small size: they have to be resized.
    OtherSizes,
    /// Somebody asked for the end.
    Cancelled,
    /// A sentence about the source.
    Problem(String),
}

/// A split as it grows.
#[derive(Default)]
pub(super) struct Part {
    pub(super) pixels: Vec<u8>,
    pub(super) labels: Vec<Option<String>>,
    pub(super) paths: Vec<String>,
    pub(super) groups: Vec<Option<String>>,
    pub(super) digests: Vec<[u8; 32]>,
}

/// All images of a source.
pub(super) struct Images {
    pub(super) parts: [Part; 3],
    /// Rows and columns; none before the first image.
    pub(super) size: Option<[usize; 2]>,
    pub(super) channels: usize,
    pub(super) unusable: Vec<(String, String)>,
    pub(super) passed_over: BTreeMap<String, usize>,
    pub(super) pictures: Pictures,
}

/// Reads every entry of `listing` in parallel.
pub(super) fn read(listing: &Listing, way: Way, watch: &Watch<'_>) -> Result<Images, Stop> {
    let mut images = Images {
        parts: Default::default(),
        size: way.size,
        channels: way.channels.unwrap_or(1),
        unusable: Vec::new(),
        passed_over: BTreeMap::new(),
        pictures: Pictures::default(),
    };
    watch.begin();
    let all = listing.entries.len();
    let mut rest = &listing.entries[..];
    // A few first: sizes that differ are mostly seen at once.
    let mut count = 64;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(count.min(rest.len()));
        let work = |entry: &Entry| {
            if watch.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            let outcome = of_file(&listing.root, entry, way);
            watch.one_more(all);
            Ok(outcome)
        };
        let make = || now.par_iter().map(work).collect::<Result<Vec<Outcome>, Stop>>();
        let outcomes = kept::block(&listing.root, now, way, watch.keeper(), make)?;
        for (entry, outcome) in now.iter().zip(outcomes) {
            images.take(entry, outcome, listing.is_named, way)?;
        }
        images.refuse_too_large(all)?;
        rest = later;
        count = (WAITING / images.bytes_each().max(1)).clamp(16, 4096);
    }
    Ok(images)
}

impl Images {
    /// Bytes of an image.
    fn bytes_each(&self) -> usize {
        self.size.map_or(0, |[height, width]| height * width * self.channels)
    }

    /// How many images there are.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.paths.len()).sum()
    }

    /// Refuses what would not fit into memory before it is full; twice the pixels, since a split
    /// copies them.
    fn refuse_too_large(&self, files: usize) -> Result<(), Stop> {
        let [height, width] = self.size.unwrap_or_default();
        let setting = format!("size = {}", height.max(width));
        let what = format!("{files} images of {height}x{width}x{}", self.channels);
        let bytes = 2.0 * files.max(self.len()) as f64 * self.bytes_each() as f64;
        memory::check(&setting, &what, bytes).map_err(|excess| Stop::Problem(excess.to_string()))
    }

    /// Puts the images of a file behind those before.
    fn take(
        &mut self,
        entry: &Entry,
        outcome: Outcome,
        is_named: bool,
        way: Way,
    ) -> Result<(), Stop> {
        let refused = |path: &str, reason: &str| {
            way.strict
                .then(|| Stop::Problem(format!("{path} {reason} (strict)")))
                .map_or(Ok(()), Err)
        };
        let (ready, broken) = match outcome {
            Outcome::TooLarge => return Err(Stop::OtherSizes),
            Outcome::NoPicture if !is_named && !looks_like_picture(&entry.path) => {
                *self.passed_over.entry("no picture".to_owned()).or_default() += 1;
                return Ok(());
            }
            Outcome::NoPicture => (Vec::new(), vec![(None, "is no picture".to_owned())]),
            Outcome::Unusable(reason) => (Vec::new(), vec![(None, reason)]),
            Outcome::Images(ready, broken) => (ready, broken),
        };
        for (page, reason) in broken {
            let path = with_page(&entry.path, page);
            refused(&path, &reason)?;
            self.unusable.push((path, reason));
        }
        for image in ready {
            self.push(entry, image, way)?;
        }
        Ok(())
    }

    fn push(&mut self, entry: &Entry, image: Ready, way: Way) -> Result<(), Stop> {
        let size = *self.size.get_or_insert(image.size);
        if size != image.size {
            return Err(Stop::OtherSizes);
        }
        if image.channels > self.channels {
            self.widen();
        }
        self.pictures.add(&image.about, way.window.is_some());
        let part = &mut self.parts[entry.split as usize];
        if image.channels < self.channels {
            part.pixels.extend(image.pixels.iter().flat_map(|&value| [value; 3]));
        } else {
            part.pixels.extend(image.pixels);
        }
        part.labels.push(entry.label.clone());
        part.paths.push(with_page(&entry.path, image.page));
        part.groups.push(entry.group.clone());
        part.digests.push(image.digest);
        Ok(())
    }

    /// A first image in colour: all before it get three channels.
    fn widen(&mut self) {
        self.channels = 3;
        for part in &mut self.parts {
            let grey = std::mem::take(&mut part.pixels);
            part.pixels = grey.iter().flat_map(|&value| [value; 3]).collect();
        }
    }
}

impl Pictures {
    fn add(&mut self, about: &About, has_window: bool) {
        let [height, width] = about.size;
        count_one(&mut self.formats, about.format.name());
        count_one(&mut self.sizes, &format!("{height}x{width}"));
        count_one(&mut self.channels, if about.channels == 1 { "grey" } else { "colour" });
        count_one(&mut self.bits, &about.bits.to_string());
        // A window that was chosen stands above those of the files.
        if let Some(window) = about.window.filter(|_| !has_window) {
            count_one(&mut self.windows, &window.to_string());
        }
        about.notes.iter().for_each(|note| count_one(&mut self.notes, note));
    }
}

/// The path of a page of a file.
pub(super) fn with_page(path: &str, page: Option<usize>) -> String {
    page.map_or_else(|| path.to_owned(), |page| format!("{path}#{page}"))
}

fn looks_like_picture(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The window between two percentiles of the values of all images together; none where there is no
/// image, or one value only.
pub(super) fn percentiles(
    listing: &Listing,
    percentiles: Percentiles,
    watch: &Watch<'_>,
) -> Result<Option<Window>, Stop> {
    watch.begin();
    let all = listing.entries.len();
    let add = |mut seen: Histogram, entry: &Entry| {
        if watch.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        // What cannot be read is said when the images are read.
        if let Ok(bytes) = bytes(&on_disk(&listing.root, &entry.path)) {
            let pages = picture::frames(&bytes).unwrap_or(0);
            let wanted = entry.frame.map_or(0..pages, |page| page - 1..page);
            let read = wanted.filter_map(|page| picture::read(&bytes, page).ok());
            read.for_each(|picture| seen.add(&picture));
        }
        watch.one_more(all);
        Ok(seen)
    };
    // Counts are whole numbers: their sum has no order.
    let parts = listing.entries.par_iter().try_fold(Histogram::default, add);
    let merge = |mut a: Histogram, b: Histogram| {
        a.merge(&b);
        Ok(a)
    };
    let seen = parts.try_reduce(Histogram::default, merge)?;
    Ok(seen.window(percentiles.low, percentiles.high))
}
