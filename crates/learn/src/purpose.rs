//! What each stream of random numbers is for: the second word of every key.
//!
//! For one seed all regimes share [`PERMUTATION`], [`ORDER`], and, wherever shapes agree,
//! [`WEIGHTS`]: regimes are compared in pairs.

use fewlabel_engine::rng::Key;

/// The permutation of the training rows: its first rows are the initial sample and the passive
/// budgets, so that budgets nest.
pub(crate) const PERMUTATION: u64 = 1;
/// Initial weights; first counter 0 is the final model, 1 + k the loop model after k resets.
pub(crate) const WEIGHTS: u64 = 2;
/// Order of the rows in an epoch of the final model.
pub(crate) const ORDER: u64 = 3;
/// Order of the rows in an epoch of the loop model, by epoch over all rounds.
pub(crate) const LOOP_ORDER: u64 = 4;
/// Augmentation drawn once for each row, before any query (`alda`).
pub(crate) const AUGMENT_ONCE: u64 = 5;
/// Fresh augmentation at every epoch of the final model, by (epoch, row).
pub(crate) const AUGMENT: u64 = 6;
/// Fresh augmentation in the loop's training, by (epoch over all rounds, row).
pub(crate) const LOOP_AUGMENT: u64 = 7;
/// Dropout masks of the final model's training.
pub(crate) const DROPOUT: u64 = 8;
/// Dropout masks of the loop model's training.
pub(crate) const LOOP_DROPOUT: u64 = 9;
/// Choices of a strategy that draws; the first counter is the round.
pub(crate) const STRATEGY: u64 = 10;
/// Monte-Carlo dropout masks; the first counter is the round.
pub(crate) const MONTE_CARLO: u64 = 11;

/// Augmented views of the pool, by (round, view) and row.
pub(crate) const VIEWS: u64 = 12;
/// Images that stand for those to be predicted later (EPIG's targets), by round.
pub(crate) const TARGETS: u64 = 13;
/// Augmented views at test time, by view and row.
pub(crate) const TEST_VIEWS: u64 = 14;

/// Choices of the strategy that chooses the first labels.
pub(crate) const INITIAL: u64 = 15;
/// The parts that the labelled images are divided into in the search for a policy.
pub(crate) const FOLDS: u64 = 16;
/// The candidates of that search.
pub(crate) const CANDIDATES: u64 = 17;
/// Mixing of images in a batch of the final model, by epoch and step.
pub(crate) const MIXING: u64 = 18;
/// Mixing of images in a batch of the loop's models, by epoch over all rounds and step.
pub(crate) const LOOP_MIXING: u64 = 19;
/// Initial weights of an encoder that learns without labels.
pub(crate) const PRETRAIN_WEIGHTS: u64 = 20;
/// Order of the rows in an epoch of its training.
pub(crate) const PRETRAIN_ORDER: u64 = 21;
/// The first of its two views of an image, by (epoch, row); the second is the next number.
pub(crate) const PRETRAIN_VIEWS: u64 = 22;
/// Views whose features are averaged, by (view, row).
pub(crate) const FEATURE_VIEWS: u64 = 24;
/// Order of the labelled rows in a pass of fine-tuning.
pub(crate) const TUNING_ORDER: u64 = 25;
/// Views of labelled images in fine-tuning, by (pass, row).
pub(crate) const TUNING_VIEWS: u64 = 26;
/// Unlabelled images that a step of fine-tuning looks at, by step.
pub(crate) const UNLABELLED: u64 = 27;
/// Their hardly changed views, by (step, row).
pub(crate) const WEAK_VIEWS: u64 = 28;
/// Their much changed views, by (step, row).
pub(crate) const STRONG_VIEWS: u64 = 29;

/// Which images of a data set without splits are held out, by class.
pub(crate) const SPLIT: u64 = 30;

/// The order of the training rows that all regimes of `seed` share.
pub fn row_permutation(seed: u64, rows: usize) -> Vec<u32> {
    Key::new(seed, PERMUTATION).stream().permutation(rows)
}
