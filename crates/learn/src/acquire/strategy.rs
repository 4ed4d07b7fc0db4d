//! What a strategy is, and the choice of the best of a list of scores.

use super::ties::{Order, all_equal};
use super::{AcquireError, Inputs, Needs, Query};
use crate::features::FeatureSource;
use fewlabel_engine::rng::Key;

/// What a strategy chose: exactly as many different unlabelled images as asked for, in the order of
/// choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Picks {
    /// Image numbers.
    pub indices: Vec<u32>,
    /// The score of each at the moment it was chosen; greater was wanted more.
    pub scores: Vec<f64>,
    /// What the scores are measured in.
    pub unit: &'static str,
    /// Whether every image of the pool had the same score at first, so that ties or draws alone
    /// chose.
    pub all_equal: bool,
}

impl Picks {
    /// No picks yet.
    pub(crate) fn none(unit: &'static str) -> Self {
        Self { indices: Vec::new(), scores: Vec::new(), unit, all_equal: false }
    }
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

    /// Chooses as many images of `pool` as the query wants. The result depends on the inputs, the
    /// set of images in the pool and the query, never on `threads` or the order of the pool.
    fn pick(
        &self,
        inputs: &Inputs,
        pool: &[u32],
        query: &Query,
        threads: usize,
    ) -> Result<Picks, AcquireError>;

    /// The score behind the strategy, if an image's score depends on that image alone: a pool
    /// larger than memory can be scored in blocks.
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
    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError>;

    /// Chooses some of `images` (ascending) by their scores.
    fn choose(&self, images: &[u32], scores: &[f64], query: &Query) -> Picks {
        Picks {
            all_equal: all_equal(scores.iter().copied()),
            ..highest(images, scores, query, self.unit())
        }
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

    fn score_rows(
        &self,
        inputs: &Inputs,
        images: &[u32],
        threads: usize,
    ) -> Result<Vec<f64>, AcquireError> {
        (**self).score_rows(inputs, images, threads)
    }

    fn choose(&self, images: &[u32], scores: &[f64], query: &Query) -> Picks {
        (**self).choose(images, scores, query)
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
        query: &Query,
        threads: usize,
    ) -> Result<Picks, AcquireError> {
        let pool = checked_pool(self, inputs, pool, query.batch)?;
        let scores = self.0.score_rows(inputs, &pool, threads)?;
        Ok(self.0.choose(&pool, &scores, query))
    }

    fn as_score(&self) -> Option<&dyn Score> {
        Some(&self.0)
    }
}

/// As many images as the query wants with the highest scores, best first.
pub(crate) fn highest(images: &[u32], scores: &[f64], query: &Query, unit: &'static str) -> Picks {
    top(images, scores, query.batch, query.order(), unit)
}

/// The `batch` images with the highest scores, best first.
pub(crate) fn top(
    images: &[u32],
    scores: &[f64],
    batch: usize,
    order: Order,
    unit: &'static str,
) -> Picks {
    // At most so many are looked at together: a pool of millions is not copied.
    let most = images.len().min(batch.saturating_mul(2).max(4096));
    let mut ranked: Vec<(f64, u32)> = Vec::with_capacity(most);
    let keep_best = |ranked: &mut Vec<(f64, u32)>| {
        if batch < ranked.len() {
            ranked.select_nth_unstable_by(batch, |&a, &b| order.preferred(a, b));
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
    ranked.sort_unstable_by(|&a, &b| order.preferred(a, b));
    let (scores, indices) = ranked.into_iter().unzip();
    Picks { indices, scores, ..Picks::none(unit) }
}

/// Checks arrays, pool and batch; returns the pool in ascending order, so that nothing depends on
/// its own.
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
        Some(&image) if image as usize >= rows => {
            Err(AcquireError::OutOfRange { list, image, rows })
        }
        _ => Ok(sorted),
    }
}

/// The images below `rows` that are not among the labelled ones, ascending: the pool of a whole
/// data set.
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
    use super::super::Ties;
    use super::*;

    #[test]
    fn ties_go_to_the_lower_image() {
        let picks = top(&[2, 5, 7, 9], &[0.0, 1.0, -0.0, 1.0], 3, Order::BY_NUMBER, "");
        assert_eq!(picks.indices, [5, 9, 2]);
        assert_eq!(picks.scores, [1.0, 1.0, 0.0]);
    }

    #[test]
    fn the_best_of_many_are_those_of_a_whole_sort() {
        let images: Vec<u32> = (0..20_000).collect();
        let scores: Vec<f64> =
            images.iter().map(|&i| f64::from(i.wrapping_mul(2_654_435_761) % 997)).collect();
        for order in
            [Query::new(1, Key::new(0, 0)), Query::new(1, Key::new(0, 0)).with_ties(Ties::Seeded)]
                .map(|q| q.order())
        {
            let mut sorted: Vec<(f64, u32)> =
                scores.iter().copied().zip(images.iter().copied()).collect();
            sorted.sort_by(|&a, &b| order.preferred(a, b));
            for batch in [1, 7, 3000, 19_999, 20_000] {
                let expected: Vec<u32> = sorted[..batch].iter().map(|(_, image)| *image).collect();
                assert_eq!(top(&images, &scores, batch, order, "").indices, expected, "{batch}");
            }
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
