//! What was made of files before, so that they are decoded once.
//!
//! Files are read in blocks. A block is known by what was done to its files and by each file's
//! path, page, length and time of change; what was made of them is kept under that name with a
//! checksum. A block that was kept is taken as it is, so that an import that was ended goes on.
//! This crate writes no files: whoever calls it brings a [`Keeper`].

use super::super::picture::{Format, Window};
use super::decode::{About, Outcome, Ready, Way};
use super::listing::{Entry, on_disk};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Changes with what is kept.
const VERSION: &[u8] = b"fewlabel images 2";
/// A file that changed so shortly ago may change again within the same tick of the clock.
const SETTLED: Duration = Duration::from_secs(2);

/// Keeps blocks of images between two calls, by the source's folder and the block's name.
pub trait Keeper: Sync {
    /// What was kept under this name, whole or not at all.
    fn load(&self, root: &Path, name: &str) -> Option<Vec<u8>>;
    /// Keeps it. Where that fails the files are read again the next time.
    fn keep(&self, root: &Path, name: &str, bytes: &[u8]);
}

/// A file's length, and the time of its last change.
pub(super) type Stamp = Option<(u64, SystemTime)>;

/// The stamp of a file; none where it cannot be looked up.
pub(super) fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// The name of a block of entries with these stamps; none where a file is not there or has only
/// just changed.
pub(super) fn name(entries: &[Entry], stamps: &[Stamp], way: Way) -> Option<String> {
    let settled = SystemTime::now().checked_sub(SETTLED)?;
    let mut hash = Sha256::new();
    hash.update(VERSION);
    hash.update(serde_json::to_vec(&(way.size, way.resize, way.channels, way.window)).ok()?);
    for (entry, stamp) in entries.iter().zip(stamps) {
        let (length, changed) = (*stamp)?;
        if changed > settled {
            return None;
        }
        let since = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
        hash.update(serde_json::to_vec(&(&entry.path, entry.frame, length, since)).ok()?);
    }
    Some(super::super::hex(&hash.finalize()))
}

/// A file's outcome without its pixels, which follow.
#[derive(Serialize, Deserialize)]
enum Kept {
    Images(Vec<KeptImage>, Vec<(Option<usize>, String)>),
    NoPicture,
    Unusable(String),
}

#[derive(Serialize, Deserialize)]
struct KeptImage {
    page: Option<usize>,
    size: [usize; 2],
    channels: usize,
    bytes: usize,
    digest: [u8; 32],
    format: Format,
    stored_size: [usize; 2],
    stored_channels: usize,
    bits: u8,
    window: Option<Window>,
    notes: Vec<String>,
}

/// The outcomes of a block as bytes: the length of a JSON header, the header, the pixels, SHA-256
/// of all that. None where an image is too large to stay as it is: the block is read in another
/// way.
pub(super) fn to_bytes(outcomes: &[Outcome]) -> Option<Vec<u8>> {
    let mut pixels: Vec<u8> = Vec::new();
    let mut kept = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        kept.push(match outcome {
            Outcome::TooLarge => return None,
            Outcome::NoPicture => Kept::NoPicture,
            Outcome::Unusable(reason) => Kept::Unusable(reason.clone()),
            Outcome::Images(ready, broken) => {
                ready.iter().for_each(|image| pixels.extend_from_slice(&image.pixels));
                Kept::Images(ready.iter().map(KeptImage::of).collect(), broken.clone())
            }
        });
    }
    let header = serde_json::to_vec(&kept).ok()?;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(pixels);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    Some(bytes)
}

/// The inverse of [`to_bytes`]; none of damaged bytes, or of another number of outcomes.
pub(super) fn from_bytes(bytes: &[u8], count: usize) -> Option<Vec<Outcome>> {
    let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    let (length, rest) = body.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (header, mut pixels) = rest.split_at_checked(length)?;
    let kept: Vec<Kept> = serde_json::from_slice(header).ok()?;
    let mut outcomes = Vec::with_capacity(kept.len());
    for kept in kept {
        outcomes.push(match kept {
            Kept::NoPicture => Outcome::NoPicture,
            Kept::Unusable(reason) => Outcome::Unusable(reason),
            Kept::Images(images, broken) => {
                let mut ready = Vec::with_capacity(images.len());
                for image in images {
                    let (own, after) = pixels.split_at_checked(image.bytes)?;
                    pixels = after;
                    ready.push(image.ready(own.to_vec()));
                }
                Outcome::Images(ready, broken)
            }
        });
    }
    (outcomes.len() == count && pixels.is_empty()).then_some(outcomes)
}

impl KeptImage {
    fn of(image: &Ready) -> Self {
        let About { format, size, channels, bits, window, notes } = &image.about;
        Self {
            page: image.page,
            size: image.size,
            channels: image.channels,
            bytes: image.pixels.len(),
            digest: image.digest,
            format: *format,
            stored_size: *size,
            stored_channels: *channels,
            bits: *bits,
            window: *window,
            notes: notes.clone(),
        }
    }

    fn ready(self, pixels: Vec<u8>) -> Ready {
        let about = About {
            format: self.format,
            size: self.stored_size,
            channels: self.stored_channels,
            bits: self.bits,
            window: self.window,
            notes: self.notes,
        };
        let Self { page, size, channels, digest, .. } = self;
        Ready { page, size, channels, pixels, digest, about }
    }
}

/// What the files of a block come to, taken from the keeper or made and kept; no file that changed
/// while it was read.
pub(super) fn block<E>(
    root: &Path,
    entries: &[Entry],
    way: Way,
    keeper: Option<&dyn Keeper>,
    make: impl FnOnce() -> Result<Vec<Outcome>, E>,
) -> Result<Vec<Outcome>, E> {
    use rayon::prelude::*;
    let Some(keeper) = keeper else { return make() };
    let stamps = || -> Vec<Stamp> {
        entries.par_iter().map(|entry| stamp(&on_disk(root, &entry.path))).collect()
    };
    let before = stamps();
    let name = name(entries, &before, way);
    if let Some(name) = &name
        && let Some(bytes) = keeper.load(root, name)
        && let Some(outcomes) = from_bytes(&bytes, entries.len())
    {
        return Ok(outcomes);
    }
    let mut outcomes = make()?;
    let after = stamps();
    for ((outcome, before), after) in outcomes.iter_mut().zip(&before).zip(&after) {
        match (before, after) {
            (Some(_), None) => *outcome = Outcome::Unusable("vanished while it was read".into()),
            (a, b) if a != b => *outcome = Outcome::Unusable("changed while it was read".into()),
            _ => {}
        }
    }
    if let Some(name) = name
        && before == after
        && let Some(bytes) = to_bytes(&outcomes)
    {
        keeper.keep(root, &name, &bytes);
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Vec<Outcome> {
        let about = || About {
            format: Format::Png,
            size: [2, 3],
            channels: 1,
            bits: 8,
            window: None,
            notes: vec!["alpha laid on black".into()],
        };
        let ready = |page, pixels: Vec<u8>| Ready {
            page,
            size: [1, pixels.len()],
            channels: 1,
            pixels,
            digest: [7; 32],
            about: about(),
        };
        vec![
            Outcome::Images(vec![ready(None, vec![1, 2, 3])], vec![]),
            Outcome::NoPicture,
            Outcome::Unusable("is cut".into()),
            Outcome::Images(
                vec![ready(Some(1), vec![4]), ready(Some(3), vec![5])],
                vec![(Some(2), "is damaged".into())],
            ),
        ]
    }

    #[test]
    fn a_block_comes_back_and_any_flipped_byte_is_seen() {
        let bytes = to_bytes(&outcomes()).unwrap();
        let again = from_bytes(&bytes, 4).unwrap();
        assert_eq!(to_bytes(&again).unwrap(), bytes);
        assert!(from_bytes(&bytes, 3).is_none());
        for place in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(from_bytes(&damaged, 4).is_none(), "byte {place}");
            assert!(from_bytes(&bytes[..place], 4).is_none(), "cut at {place}");
        }
        assert!(to_bytes(&[Outcome::TooLarge]).is_none());
    }
}
