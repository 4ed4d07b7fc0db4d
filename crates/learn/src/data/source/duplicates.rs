//! Images that are the same, or nearly so, in two splits: what is tested on was learned from.
//!
//! Copies have the same BLAKE3 of their decoded pixels where the images are files, the same pixels
//! where they are arrays. Near-duplicates are looked for among the pixels that a network sees, in
//! two steps. First the 64-bit difference hash (9 x 8 means of brightness; a bit says whether a
//! mean is darker than the one on its right) may differ in at most [`NEAR_BITS`] bits. Then the
//! pixels may differ by at most [`NEAR_LEVELS`] of 255 levels in the mean. The hash alone is no
//! evidence: `docs/your-images.md` has the measurement.
//!
//! Two hashes that differ in two bits agree in two of four blocks of 16 bits, so each hash is
//! looked up under its six pairs of blocks.

use super::super::dataset::{Dataset, Images};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Bits in which the hashes of near-duplicates may differ.
pub const NEAR_BITS: u32 = 2;
/// Mean difference of the pixels of near-duplicates, in levels of 255.
pub const NEAR_LEVELS: f64 = 8.0;

/// Columns and rows of the means that the hash compares.
const MEANS: (usize, usize) = (9, 8);
/// Neighbours that must differ for a hash to say anything: a black image has none.
const FEWEST_EDGES: u32 = 16;
/// Candidates of one image whose pixels are compared.
const MOST_CANDIDATES: usize = 256;

/// An image, as split (0 training, 1 validation, 2 test) and row.
pub type Place = (usize, u32);

/// A held-out image, and one of another split that it is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The image of the later split.
    pub held: Place,
    /// The image of the earlier split.
    pub known: Place,
    /// Mean difference of their pixels, in levels of 255.
    pub levels: f64,
}

/// What a data set holds twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duplicates {
    /// Images that are copies of an earlier one of their own split.
    pub copies_within: usize,
    /// Each held-out image that is a copy of one in an earlier split.
    pub copies_across: Vec<Pair>,
    /// Each held-out image that is nearly one of an earlier split, with the nearest.
    pub near_across: Vec<Pair>,
}

impl Duplicates {
    /// Looks for them; `threads` do not matter to the result.
    pub fn of(data: &Dataset) -> Self {
        let mut found = Self::default();
        find_copies(data, &mut found);
        found.near_across = near(data, &found.copies_across);
        found
    }
}

fn find_copies(data: &Dataset, found: &mut Duplicates) {
    let mut first: HashMap<&[u8], Place> = HashMap::new();
    for (split, (_, images)) in data.splits().iter().enumerate() {
        for row in 0..images.len() {
            let key = match &data.files {
                Some(files) => files.digests[split].get(row).map(|digest| &digest[..]),
                None => None,
            };
            let key = key.unwrap_or_else(|| images.images.image(row));
            let place = (split, row as u32);
            match first.get(key) {
                None => {
                    first.insert(key, place);
                }
                Some(known) if known.0 == split => found.copies_within += 1,
                Some(&known) => {
                    found.copies_across.push(Pair { held: place, known, levels: 0.0 });
                }
            }
        }
    }
}

/// The hash of an image, unless it has too few edges to tell it from others.
fn hash(images: &Images, row: usize) -> Option<u64> {
    let (columns, rows) = MEANS;
    let image = images.image(row);
    let (height, width, channels) = (images.height, images.width, images.channels);
    if height < rows || width < columns {
        return None;
    }
    let mut means = [0u64; MEANS.0 * MEANS.1];
    for (place, mean) in means.iter_mut().enumerate() {
        let (y, x) = (place / columns, place % columns);
        let (top, bottom) = (y * height / rows, (y + 1) * height / rows);
        let (left, right) = (x * width / columns, (x + 1) * width / columns);
        let mut sum = 0u64;
        for line in top..bottom {
            let from = (line * width + left) * channels;
            let to = (line * width + right) * channels;
            sum += image[from..to].iter().map(|&value| u64::from(value)).sum::<u64>();
        }
        // Sums of cells of unlike size, in 256ths of a level.
        *mean = sum * 256 / ((bottom - top) * (right - left) * channels) as u64;
    }
    let (mut bits, mut edges) = (0u64, 0);
    for (place, pair) in (0..rows * (columns - 1)).map(|i| (i, i / 8 * columns + i % 8)) {
        let (left, right) = (means[pair], means[pair + 1]);
        bits |= u64::from(left < right) << place;
        edges += u32::from(left.abs_diff(right) >= 256);
    }
    (edges >= FEWEST_EDGES).then_some(bits)
}

/// The six pairs of a hash's four blocks.
fn keys(hash: u64) -> [u32; 6] {
    let block = |i: u32| (hash >> (16 * i)) as u32 & 0xffff;
    [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].map(|(a, b)| block(a) << 16 | block(b))
}

/// Every image with a hash, by split and row.
fn hashes(data: &Dataset) -> Vec<(Place, u64)> {
    let splits = data.splits();
    let places: Vec<Place> = splits
        .iter()
        .enumerate()
        .flat_map(|(split, (_, images))| (0..images.len() as u32).map(move |row| (split, row)))
        .collect();
    let of =
        |&(split, row): &Place| Some(((split, row), hash(&splits[split].1.images, row as usize)?));
    places.par_iter().filter_map(of).collect()
}

/// Every held-out image that is nearly one of an earlier split and no copy.
fn near(data: &Dataset, copies: &[Pair]) -> Vec<Pair> {
    let copies: BTreeMap<Place, Place> =
        copies.iter().map(|pair| (pair.held, pair.known)).collect();
    let hashes = hashes(data);
    let tables: Vec<HashMap<u32, Vec<u32>>> = (0..6)
        .into_par_iter()
        .map(|table| {
            let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
            for (i, (_, hash)) in hashes.iter().enumerate() {
                found.entry(keys(*hash)[table]).or_default().push(i as u32);
            }
            found
        })
        .collect();
    let splits = data.splits();
    let nearest = |&(held, hash): &(Place, u64)| {
        if held.0 == 0 || copies.contains_key(&held) {
            return None;
        }
        let mut candidates: Vec<(u32, u32)> = Vec::new();
        for (table, key) in tables.iter().zip(keys(hash)) {
            for &i in table.get(&key).into_iter().flatten() {
                let (place, other) = hashes[i as usize];
                let distance = (hash ^ other).count_ones();
                if place.0 < held.0 && distance <= NEAR_BITS {
                    candidates.push((distance, i));
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let image = |(split, row): Place| splits[split].1.images.image(row as usize);
        let pairs = candidates.iter().take(MOST_CANDIDATES).map(|&(_, i)| {
            let known = hashes[i as usize].0;
            Pair { held, known, levels: difference(image(held), image(known)) }
        });
        let near = pairs.filter(|pair| pair.levels <= NEAR_LEVELS);
        near.min_by(|a, b| a.levels.total_cmp(&b.levels))
    };
    hashes.par_iter().filter_map(nearest).collect()
}

/// Mean difference of two images of one size, in levels.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
    sum as f64 / a.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::dataset::Split;
    use super::*;
    use fewlabel_engine::rng::Key;

    /// Noise of 28 x 28 smoothed a little, one image a seed.
    fn image(seed: u64) -> Vec<u8> {
        let mut stream = Key::new(seed, 0).stream();
        let coarse: Vec<u8> = (0..49).map(|_| stream.below(256) as u8).collect();
        (0..784).map(|i| coarse[i / 28 / 4 * 7 + i % 28 / 4]).collect()
    }

    fn split(images: &[Vec<u8>]) -> Split {
        let pixels = images.concat();
        let images = Images { height: 28, width: 28, channels: 1, pixels };
        Split { labels: vec![0; images.len()], images }
    }

    #[test]
    fn copies_and_near_copies_across_splits_are_found() {
        let mut changed = image(3);
        changed.iter_mut().step_by(9).for_each(|value| *value = value.saturating_add(5));
        let train = split(&[image(1), image(2), image(3), image(2)]);
        let test = split(&[image(9), image(2), changed, vec![0; 784]]);
        let none = Split::none_like(&train.images);
        let names = vec!["a".to_owned(), "b".to_owned()];
        let data = Dataset::new("d".into(), [train, none, test], names);
        let found = Duplicates::of(&data);
        assert_eq!(found.copies_within, 1);
        assert_eq!(found.copies_across.len(), 1);
        assert_eq!((found.copies_across[0].held, found.copies_across[0].known), ((2, 1), (0, 1)));
        assert_eq!(found.near_across.len(), 1, "{found:?}");
        assert_eq!((found.near_across[0].held, found.near_across[0].known), ((2, 2), (0, 2)));
        assert!(found.near_across[0].levels > 0.3 && found.near_across[0].levels < 1.0);
    }

    #[test]
    fn hashes_two_bits_apart_share_a_key() {
        let mut stream = Key::new(1, 0).stream();
        for _ in 0..2000 {
            let hash = stream.bits64();
            let other = hash ^ 1 << stream.below(64) ^ 1 << stream.below(64);
            assert!(keys(hash).iter().zip(keys(other)).any(|(a, b)| *a == b));
        }
    }
}
