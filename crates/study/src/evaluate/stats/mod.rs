//! Statistics over seeds: what a difference between two regimes is worth.
//!
//! A mean that does not vary is not tested: where differences spread by no more than rounding there
//! is neither interval nor p.
//!
//! Everything is paired by seed, because for one seed all regimes share the permutation of the
//! training rows, the data order and the initial weights. The t interval of the mean difference
//! leads; bootstrap interval, Wilcoxon's test and effect size stand beside it.
//!
//! The distributions are computed here from `libm`, not taken from a statistics crate: those call
//! the platform's `ln` and `exp`, whose last bits differ between machines, and a report must be the
//! same bytes wherever it is drawn. Sums run in the order of the seeds.

mod bootstrap;
mod categorical;
mod curve;
mod distribution;
mod multiple;
mod paired;
mod spread;
mod summary;
mod wilcoxon;

pub use bootstrap::{RESAMPLES, bootstrap_mean_interval};
pub use categorical::{chi_square_p, proportion_difference_interval, proportion_difference_p};
pub use curve::{area_under_budget_curve, labels_needed};
pub use distribution::{chi_square_upper, normal_upper, student_quantile, student_two_sided};
pub use multiple::holm;
pub use paired::{Paired, seeds_for_half_width, seeds_for_power};
pub use spread::{PitmanMorgan, pitman_morgan};
pub(crate) use summary::LEVEL;
pub use summary::{Interval, Summary};
pub use wilcoxon::wilcoxon_signed_rank;
