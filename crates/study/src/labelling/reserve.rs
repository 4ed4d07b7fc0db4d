//! Which images are held out to judge by, and when one of them is asked about.
//!
//! An image is *reserved* by a random number that the project's seed and its name (or its group's)
//! decide alone: a quarter of the pool, whole groups where these are known. No strategy sees a
//! reserved image. They are asked about in the order of random numbers of their own. So those that
//! have been answered are at any time a simple random sample of the pool, whatever order the images
//! came in and whatever was asked beside them.

use sha2::{Digest, Sha256};

/// The part of the pool that no strategy sees.
const SHARE: f64 = 0.25;
/// Up to so many images every fourth is a reserved one, then 15 %.
const FREQUENT: usize = 120;
const LATER_SHARE: f64 = 0.15;

/// The place of an image among those to judge by: none where it is learned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Whether the image is held out.
    pub is_reserved: bool,
    /// Images are drawn in this order.
    pub order: f64,
}

impl Draw {
    /// That of the image called `name`, of `group` where that is known.
    pub fn of(seed: u64, name: &str, group: Option<&str>) -> Self {
        let order = unit(seed, "image", name);
        let by = group.map_or_else(|| unit(seed, "alone", name), |g| unit(seed, "group", g));
        Self { is_reserved: by < SHARE, order }
    }
}

/// A number in [0, 1) that the words decide.
fn unit(seed: u64, what: &str, name: &str) -> f64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(what.as_bytes());
    hash.update([0]);
    hash.update(name.as_bytes());
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many of the first `asked` images are reserved ones.
pub fn due(asked: usize) -> usize {
    match asked.checked_sub(FREQUENT) {
        None => asked / 4,
        Some(more) => FREQUENT / 4 + (LATER_SHARE * more as f64 + 1e-9) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourth_of_the_first_hundred_and_twenty_then_fifteen_per_cent() {
        let counts: Vec<usize> = [3, 4, 119, 120, 126, 127, 139, 220].map(due).to_vec();
        assert_eq!(counts, [0, 1, 29, 30, 30, 31, 32, 45]);
    }

    #[test]
    fn a_quarter_is_reserved_and_groups_stay_whole() {
        let names: Vec<String> = (0..4000).map(|i| format!("scan {i}.png")).collect();
        let reserved = names.iter().filter(|name| Draw::of(7, name, None).is_reserved).count();
        assert!((900..1100).contains(&reserved), "{reserved}");
        for patient in 0..50 {
            let group = format!("patient {patient}");
            let each = |i: usize| Draw::of(7, &names[i], Some(&group));
            assert!((1..9).all(|i| each(i).is_reserved == each(0).is_reserved));
            assert!((1..9).all(|i| each(i).order != each(0).order));
        }
        assert_ne!(Draw::of(7, "a", None), Draw::of(8, "a", None));
    }
}
