//! One file: told by its content, decoded, and made an image of the size that is wanted.

use super::super::picture::{self, Format, Picture, Recognised, Values, Window};
use super::super::preprocessing::{Preprocessing, Resize};
use super::listing::{Entry, on_disk};
use super::settings::Import;
use crate::memory;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Images that are all of one size stay as they are up to this side.
pub(super) const LONGEST_OWN_SIDE: usize = 64;
/// Bytes from which a picture is told.
const HEAD: u64 = 512;
/// A picture's file is no longer than this.
const MOST_BYTES: u64 = 2 << 30;

/// How every image is read.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// Rows and columns, the images' own if none are said.
    pub(super) size: Option<[usize; 2]>,
    /// How another shape is made to fit.
    pub(super) resize: Resize,
    /// 1 or 3, as each image is if none is said.
    pub(super) channels: Option<usize>,
    /// What becomes black and white.
    pub(super) window: Option<Window>,
    /// Whether one file that cannot be used ends it all.
    pub(super) strict: bool,
}

impl Way {
    /// The way that `settings` ask for; sizes and windows that depend on the images come later.
    pub(super) fn of(settings: &Import) -> Self {
        let like = settings.like.as_ref();
        Self {
            size: like.map(|l| [l.height, l.width]).or(settings.size.map(|size| [size, size])),
            resize: like.map_or(settings.resize, |like| like.resize),
            channels: like.map(|like| like.channels).or(settings.channels),
            window: None,
            strict: settings.strict,
        }
    }
}

/// One image, ready.
pub(super) struct Ready {
    /// Its page, where its file has several.
    pub(super) page: Option<usize>,
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
    pub(super) pixels: Vec<u8>,
    pub(super) digest: [u8; 32],
    pub(super) about: About,
}

/// What is counted of an image's file.
pub(super) struct About {
    pub(super) format: Format,
    pub(super) size: [usize; 2],
    pub(super) channels: usize,
    pub(super) bits: u8,
    pub(super) window: Option<Window>,
    pub(super) notes: Vec<String>,
}

/// What a file came to.
pub(super) enum Outcome {
    /// Its images, and the pages that cannot be used.
    Images(Vec<Ready>, Vec<(Option<usize>, String)>),
    /// It is no picture.
    NoPicture,
    /// It is a picture that cannot be used.
    Unusable(String),
    /// It has an image too large to stay as it is.
    TooLarge,
}

/// The bytes of a picture file.
///
/// # Errors
/// With what the file came to, if it is none.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Outcome> {
    let cannot = |error: io::Error| Outcome::Unusable(format!("cannot be read: {error}"));
    let mut file = File::open(path).map_err(cannot)?;
    let before = file.metadata().map_err(cannot)?;
    let length = before.len();
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(cannot)?;
    match picture::recognise(&bytes) {
        Recognised::Picture(_) => {}
        Recognised::Refused(kind) => {
            return Err(Outcome::Unusable(format!("is {kind}, which is not read as a picture")));
        }
        Recognised::Unknown if bytes.is_empty() => {
            return Err(Outcome::NoPicture);
        }
        Recognised::Unknown => return Err(Outcome::NoPicture),
    }
    if length > MOST_BYTES {
        let size = memory::in_words(length as f64);
        return Err(Outcome::Unusable(format!("has {size}, at most 2.1 GB are read")));
    }
    bytes.reserve(length.saturating_sub(bytes.len() as u64) as usize);
    file.by_ref().take(MOST_BYTES).read_to_end(&mut bytes).map_err(cannot)?;
    let after = file.metadata().map_err(cannot)?;
    if (before.len(), before.modified().ok()) != (after.len(), after.modified().ok()) {
        return Err(Outcome::Unusable("changed while it was read".to_owned()));
    }
    Ok(bytes)
}

/// Decodes and resizes the images of one file.
pub(super) fn of_file(root: &Path, entry: &Entry, way: Way) -> Outcome {
    let bytes = match bytes(&on_disk(root, &entry.path)) {
        Ok(bytes) => bytes,
        Err(outcome) => return outcome,
    };
    let pages = match picture::frames(&bytes) {
        Ok(pages) => pages,
        Err(reason) => return Outcome::Unusable(reason),
    };
    let wanted = match entry.frame {
        Some(page) if page > pages => {
            let holds = crate::counted(pages, "page");
            return Outcome::Unusable(format!("holds {holds}, page {page} was asked for"));
        }
        Some(page) => page - 1..page,
        None => 0..pages,
    };
    let (mut ready, mut broken) = (Vec::new(), Vec::new());
    for page in wanted {
        let number = (pages > 1).then_some(page + 1);
        match picture::read(&bytes, page) {
            Ok(picture) => match of_picture(&picture, number, way) {
                Ok(image) => ready.push(image),
                Err(Some(reason)) => broken.push((number, reason)),
                Err(None) => return Outcome::TooLarge,
            },
            Err(reason) => broken.push((number, reason)),
        }
    }
    Outcome::Images(ready, broken)
}

/// An image of the size and the channels that are wanted; no reason where it is too large to stay
/// as it is.
fn of_picture(picture: &Picture, page: Option<usize>, way: Way) -> Result<Ready, Option<String>> {
    let own = [picture.height, picture.width];
    if way.size.is_none() && own.iter().any(|&side| side > LONGEST_OWN_SIDE) {
        return Err(None);
    }
    let size = way.size.unwrap_or(own);
    let is_grey = picture.is_grey();
    let channels = way.channels.unwrap_or(if is_grey { 1 } else { 3 });
    let [height, width] = size;
    let (resize, window) = (way.resize, way.window);
    let preprocessing = Preprocessing { height, width, channels, resize, window };
    // Red, green and blue that are equal are one grey exactly, whatever weights they would get.
    let pixels = match is_grey && picture.channels == 3 && channels == 1 {
        true => preprocessing.apply(&first_channel(picture)),
        false => preprocessing.apply(picture),
    };
    let about = About {
        format: picture.format,
        size: own,
        channels: if is_grey { 1 } else { 3 },
        bits: picture.bits,
        window: picture.window,
        notes: picture.notes.clone(),
    };
    let pixels = pixels.map_err(Some)?;
    Ok(Ready { page, size, channels, pixels, digest: digest(picture), about })
}

fn first_channel(picture: &Picture) -> Picture {
    fn first<T: Copy>(values: &[T]) -> Vec<T> {
        values.iter().step_by(3).copied().collect()
    }
    let values = match &picture.values {
        Values::U8(values) => Values::U8(first(values)),
        Values::U16(values) => Values::U16(first(values)),
        Values::F32(values) => Values::F32(first(values)),
    };
    let Picture { format, frames, height, width, bits, window, .. } = *picture;
    Picture { format, frames, height, width, channels: 1, bits, values, window, notes: Vec::new() }
}

/// BLAKE3 of a picture's shape and values as they are stored, whatever file they stand in. It takes
/// a quarter of SHA-256's time, which was a third of that of a large JPEG.
fn digest(picture: &Picture) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    for size in [picture.height, picture.width, picture.channels] {
        hash.update(&(size as u64).to_le_bytes());
    }
    match &picture.values {
        Values::U8(values) => {
            hash.update(values);
        }
        Values::U16(values) => {
            for block in values.chunks(4096) {
                let bytes: Vec<u8> = block.iter().flat_map(|value| value.to_le_bytes()).collect();
                hash.update(&bytes);
            }
        }
        Values::F32(values) => {
            for block in values.chunks(4096) {
                let bytes: Vec<u8> = block.iter().flat_map(|value| value.to_le_bytes()).collect();
                hash.update(&bytes);
            }
        }
    }
    hash.finalize().into()
}
