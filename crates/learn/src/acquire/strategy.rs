//! What a strategy is, and the choice of the best of a list of scores.

use super::{AcquireError, Inputs, Needs};
use crate::features::FeatureSource;
use fewlabel_engine::rng::Key;
use std::cmp::Ordering;

/// What a strategy chose: exactly as many different unlabelled images as asked for, in the order of choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Picks {
    /// Image numbers.
    pub indices: Vec<u32>,
    /// The score of each at the moment it was chosen; greater was wanted more.
    pub scores: Vec<f64>,
    /// What the scores are measured in.
    pub unit: &'static str,
}

/// A way to choose the images to be labelled next.
pub trait Strategy: Send + Sync {
    /// The name on the command line and in files.
    fn name(&self) -> &str;

    /// The arrays it needs.
    fn needs(&self) -> Needs;

    /// The features that suit it where the user names none.
    fn default_features(&self) -> FeatureSource {
        FeatureSource::Penultimate
    }

    /// Chooses `batch` images of `pool`. The result depends on the inputs, the set of images in the pool, the batch and
    /// the first three words of the key (by convention seed, purpose and round; the fourth is the strategy's own), never on
    /// `threads` or the order of the pool. Ties go to the lower image number.
    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        batch: usize,
        key: Key,
        threads: usize,
    ) -> Result<Picks, AcquireError>;

    /// The score behind the strategy, if an image's score depends on that image alone: a pool larger than memory can be
    /// scored in blocks.
    fn as_score(&self) -> Option<&dyn Score> {
        None
    }
}

/// A strategy that gives every image a number by itself.
pub trait Score: Send + Sync {
    /// The name on the command line and in files.
    fn name(&self) -> &str;

    /// The arrays it needs.
    fn needs(&self) -> Needs;

    /// What the scores are measured in.
    fn unit(&self) -> &'static str;

    /// The scores of `images`, which are row numbers of `inputs`; greater is wanted more.
    fn score_rows(&self, inputs: &Inputs, images: &[u32], threads: usize) -> Result<Vec<f64>, AcquireError>;

    /// Chooses `batch` of `images` (ascending) by their scores.
    fn choose(&self, images: &[u32], scores: &[f64], batch: usize, _key: Key) -> Picks {
        highest(images, scores, batch, self.unit())
    }
}

impl Score for Box<dyn Score> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn unit(&self) -> &'static str {
        (**self).unit()
    }

    fn score_rows(&self, inputs: &Inputs, images: &[u32], threads: usize) -> Result<Vec<f64>, AcquireError> {
        (**self).score_rows(inputs, images, threads)
    }

    fn choose(&self, images: &[u32], scores: &[f64], batch: usize, key: Key) -> Picks {
        (**self).choose(images, scores, batch, key)
    }
}

/// A score as a strategy.
pub(crate) struct Scored<S>(pub(crate) S);

impl<S: Score> Strategy for Scored<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        batch: usize,
        key: Key,
        threads: usize,
    ) -> Result<Picks, AcquireError> {
        let pool = checked_pool(self, inputs, pool, batch)?;
        let scores = self.0.score_rows(inputs, &pool, threads)?;
        Ok(self.0.choose(&pool, &scores, batch, key))
    }

    fn as_score(&self) -> Option<&dyn Score> {
        Some(&self.0)
    }
}

/// The order of preference: greater score first, then lower image number.
pub(crate) fn preferred(a: (f64, u32), b: (f64, u32)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The `batch` images with the highest scores, best first.
pub(crate) fn highest(images: &[u32], scores: &[f64], batch: usize, unit: &'static str) -> Picks {
    // At most so many are looked at together: a pool of millions is not copied.
    let most = images.len().min(batch.saturating_mul(2).max(4096));
    let mut ranked: Vec<(f64, u32)> = Vec::with_capacity(most);
    let keep_best = |ranked: &mut Vec<(f64, u32)>| {
        if batch < ranked.len() {
            ranked.select_nth_unstable_by(batch, |&a, &b| preferred(a, b));
            ranked.truncate(batch);
        }
    };
    // Adding 0 turns -0 into 0, which `total_cmp` would tell apart.
    for candidate in scores.iter().map(|s| s + 0.0).zip(images.iter().copied()) {
        if ranked.len() == most {
            keep_best(&mut ranked);
        }
        ranked.push(candidate);
    }
    keep_best(&mut ranked);
    ranked.sort_unstable_by(|&a, &b| preferred(a, b));
    let (scores, indices) = ranked.into_iter().unzip();
    Picks { indices, scores, unit }
}

/// Checks arrays, pool and batch; returns the pool in ascending order, so that nothing depends on its own.
pub(crate) fn checked_pool(
    strategy: &dyn Strategy,
    inputs: &Inputs,
    pool: &[u32],
    batch: usize,
) -> Result<Vec<u32>, AcquireError> {
    inputs.check(strategy.name(), strategy.needs())?;
    check_batch(batch, pool.len())?;
    let rows = inputs.rows().unwrap_or(usize::MAX);
    let pool = ascending("the pool", pool, rows)?;
    let labelled = ascending("the list of labelled images", inputs.labelled, rows)?;
    if let Some(&image) = labelled.iter().find(|image| pool.binary_search(image).is_ok()) {
        return Err(AcquireError::LabelledInPool { image });
    }
    Ok(pool)
}

/// Refuses a batch of nothing and one greater than the pool.
pub fn check_batch(batch: usize, pool: usize) -> Result<(), AcquireError> {
    match batch {
        0 => Err(AcquireError::EmptyBatch),
        _ if batch > pool => Err(AcquireError::BatchAbovePool { batch, pool }),
        _ => Ok(()),
    }
}

/// The list in ascending order, without duplicates and within `rows`.
fn ascending(list: &'static str, images: &[u32], rows: usize) -> Result<Vec<u32>, AcquireError> {
    let mut sorted = images.to_vec();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(AcquireError::Duplicate { list, image: pair[0] });
    }
    match sorted.last() {
        Some(&image) if image as usize >= rows => Err(AcquireError::OutOfRange { list, image, rows }),
        _ => Ok(sorted),
    }
}

/// The images below `rows` that are not among the labelled ones, ascending: the pool of a whole data set.
pub fn unlabelled(rows: usize, labelled: &[u32]) -> Result<Vec<u32>, AcquireError> {
    let labelled = ascending("the list of labelled images", labelled, rows)?;
    let mut next = labelled.iter().copied().peekable();
    Ok((0..rows as u32).filter(|image| next.next_if_eq(image).is_none()).collect())
}

/// The key of one of the strategy's own draws: its fourth word.
pub(crate) fn draw(key: Key, name: u64) -> Key {
    Key([key.0[0], key.0[1], key.0[2], name])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lower_image() {
        let picks = highest(&[2, 5, 7, 9], &[0.0, 1.0, -0.0, 1.0], 3, "");
        assert_eq!(picks.indices, [5, 9, 2]);
        assert_eq!(picks.scores, [1.0, 1.0, 0.0]);
    }

    #[test]
    fn the_best_of_many_are_those_of_a_whole_sort() {
        let images: Vec<u32> = (0..20_000).collect();
        let scores: Vec<f64> = images.iter().map(|&i| f64::from(i.wrapping_mul(2_654_435_761) % 997)).collect();
        let mut sorted: Vec<(f64, u32)> = scores.iter().copied().zip(images.iter().copied()).collect();
        sorted.sort_by(|&a, &b| preferred(a, b));
        for batch in [1, 7, 3000, 19_999, 20_000] {
            let expected: Vec<u32> = sorted[..batch].iter().map(|(_, image)| *image).collect();
            assert_eq!(highest(&images, &scores, batch, "").indices, expected, "{batch}");
        }
    }

    #[test]
    fn the_pool_is_what_is_not_labelled() {
        assert_eq!(unlabelled(5, &[3, 0]).unwrap(), [1, 2, 4]);
        let error = unlabelled(5, &[3, 1, 3]).unwrap_err().to_string();
        assert_eq!(error, "the list of labelled images holds image 3 twice");
        let error = unlabelled(3, &[3]).unwrap_err().to_string();
        assert_eq!(error, "the list of labelled images holds image 3, but there are only 3 images");
    }
}
