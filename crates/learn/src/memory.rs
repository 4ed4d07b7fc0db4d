//! How much memory there is, and what would take more than that.

use std::sync::OnceLock;

use fewlabel_engine::Architecture;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes of a number.
pub(crate) const NUMBER: f64 = 4.0;
/// Copies of a model's parameters in training: weights, gradient, two moments, and an average.
const COPIES: f64 = 5.0;
/// Numbers in training for every output of a convolution: the output, its normalised form and their
/// gradients, in tiles with borders.
const TRAINING: f64 = 4.5;

/// The memory of this machine in bytes, or of the container it is; `None` where the system does not
/// tell.
pub fn of_machine() -> Option<f64> {
    static FOUND: OnceLock<Option<f64>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let mut system = System::new().ok()?;
        system.refresh_memory();
        let whole = system.total_memory();
        let bytes = system.cgroup_limits().map_or(whole, |limits| limits.total_memory.min(whole));
        (bytes > 0).then_some(bytes as f64)
    })
}

/// Bytes that this process may still take, by what the machine has free and what its control groups
/// allow; none where the system does not say.
pub fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let machine = Some(system.available_memory()).filter(|&bytes| bytes > 0);
    let process = sysinfo::get_current_pid().ok().and_then(|id| {
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[id]),
            false,
            ProcessRefreshKind::nothing(),
        );
        system.process(id)?.cgroup_limits()
    });
    let groups = [system.cgroup_limits(), process];
    // Not a group's free memory: its cached files count there as taken, though they make room.
    let left =
        groups.into_iter().flatten().map(|group| group.total_memory.saturating_sub(group.rss));
    machine.into_iter().chain(left).min()
}

/// More memory than this machine has.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{setting}: {what} would take about {} of memory, and this machine has \
     {}", in_words(*bytes), in_words(*there)
)]
pub struct Excess {
    /// The setting and its value.
    pub setting: String,
    /// What would be kept.
    pub what: String,
    /// The estimate.
    pub bytes: f64,
    /// The memory there is.
    pub there: f64,
}

/// Refuses what takes more `bytes` than this machine has; `setting` and its value come first in the
/// message.
///
/// # Errors
/// Says the estimate and the memory there is.
pub fn check(setting: &str, what: &str, bytes: f64) -> Result<(), Excess> {
    match of_machine() {
        Some(there) if bytes > there => {
            Err(Excess { setting: setting.into(), what: what.into(), bytes, there })
        }
        _ => Ok(()),
    }
}

/// The strategy that keeps a joint distribution of labels.
pub(crate) const BATCHBALD: &str = "batchbald";
/// What that is called in a refusal.
pub(crate) const JOINT: &str = "the joint distribution of a batch's labels";

/// Bytes of the joint distribution of a batch's labels, exact up to `draws` combinations of classes
/// and drawn beyond.
pub(crate) fn of_joint(draws: usize, classes: usize, batch: usize, samples: usize) -> f64 {
    let combinations = (classes as f64).powi(batch.min(1000) as i32);
    8.0 * combinations.min(draws as f64) * samples as f64
}

/// Numbers that the convolutions make of an image: two a block, then a pool of 2 x 2 in steps of 3.
fn convolution_outputs(architecture: &Architecture) -> usize {
    let (mut height, mut width) = (architecture.height, architecture.width);
    let of_block = |&channels: &usize| {
        let outputs = 2usize.saturating_mul(height * width).saturating_mul(channels);
        (height, width) = (height.saturating_sub(2) / 3 + 1, width.saturating_sub(2) / 3 + 1);
        outputs
    };
    architecture.block_widths.iter().map(of_block).fold(0, usize::saturating_add)
}

/// Bytes of training a network on batches of `batch` images.
pub fn of_training(architecture: &Architecture, batch: usize) -> f64 {
    let outputs = convolution_outputs(architecture) as f64;
    NUMBER * (COPIES * architecture.parameter_count() as f64 + TRAINING * outputs * batch as f64)
}

/// A number of bytes as a person says it.
pub fn in_words(bytes: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut size, mut unit) = (bytes, 0);
    while size >= 1000.0 && unit + 1 < units.len() {
        (size, unit) = (size / 1000.0, unit + 1);
    }
    let digits = usize::from(unit > 0 && size < 9.95);
    format!("{size:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_some_and_not_without_end() {
        if let Some(bytes) = super::available() {
            assert!((1 << 20..1 << 50).contains(&bytes), "{bytes}");
        }
    }

    #[test]
    fn sizes_are_said_with_two_or_three_digits() {
        for (bytes, words) in [
            (512.0, "512 bytes"),
            (1500.0, "1.5 kB"),
            (24.4e9, "24 GB"),
            (2.45e15, "2.5 PB"),
            (3e21, "3000 EB"),
        ] {
            assert_eq!(in_words(bytes), words);
        }
    }

    #[test]
    fn this_machine_has_memory_and_not_without_end() {
        let there = of_machine().expect("a machine that tells");
        assert!((1e8..1e16).contains(&there), "{there}");
        assert!(check("draws = 1", "little", 1e6).is_ok());
        let error = check("mc_samples = 4000000000", "the predictions of 13932 images", 2.45e15)
            .unwrap_err()
            .to_string();
        let expected = "mc_samples = 4000000000: the predictions of 13932 images would take about \
                        2.5 PB of memory, and this";
        assert!(error.starts_with(expected), "{error}");
    }
}
