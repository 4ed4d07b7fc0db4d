//! Work split over threads, in parts that do not depend on their number.

use crate::EngineError;
use std::hint;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The threads of a trainer or scorer: a handle that is cheap to clone.
#[derive(Clone, Debug)]
pub struct Team(Option<Arc<rayon::ThreadPool>>);

impl Team {
    pub(crate) fn new(threads: usize) -> Result<Self, EngineError> {
        if threads <= 1 {
            return Ok(Self(None));
        }
        let failed = |e: rayon::ThreadPoolBuildError| EngineError::Threads {
            threads,
            reason: e.to_string(),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(failed)?;
        Ok(Self(Some(Arc::new(pool))))
    }

    /// Runs `job` on one of the team's threads, while another one stays awake for parts of it.
    ///
    /// Put a whole loop over steps or scorings into one job: it is faster so, and no bit changes.
    /// Only one caller may run jobs at a time; each would wait for the other's.
    pub fn run<R: Send>(&self, job: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            None => job(),
            Some(pool) => pool.install(|| attended(job)),
        }
    }
}

/// How long a thread waits awake for the others.
///
/// To be woken takes tens of microseconds, as long as many layers. To wait longer would take time
/// from other programs where the machine has more work than cores.
const AWAKE: Duration = Duration::from_micros(50);

/// Runs `job` while another thread looks out for parts of it. Otherwise that thread would sleep,
/// and have to be woken at every layer.
fn attended<R: Send>(job: impl FnOnce() -> R + Send) -> R {
    let over = AtomicBool::new(false);
    let look_out = || {
        let mut idle = Instant::now();
        while !over.load(Acquire) && idle.elapsed() < AWAKE {
            if rayon::yield_now() == Some(rayon::Yield::Executed) {
                idle = Instant::now();
            }
        }
    };
    let job = || {
        let _over = SetOnDrop(&over);
        job()
    };
    rayon::join(job, look_out).0
}

/// [`rayon::join`], but the caller stays awake for a moment while another thread is still at `b`.
pub(crate) fn join(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let a = || {
        a();
        let start = Instant::now();
        while begun.load(Acquire) && !ended.load(Acquire) && start.elapsed() < AWAKE {
            // With more than two threads a part of `b` may be there to take.
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                hint::spin_loop();
            }
        }
    };
    let b = || {
        begun.store(true, Release);
        let _ended = SetOnDrop(&ended);
        b();
    };
    rayon::join(a, b);
}

/// Sets a flag when it goes, by return or by panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Release);
    }
}

/// Runs both, side by side if there are several threads.
pub(crate) fn two(threads: usize, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    if threads > 1 {
        join(a, b);
    } else {
        a();
        b();
    }
}

/// Calls `work` with the index and a reference of every item and one of the workers. Items are
/// dealt out in order, in equal shares. With one worker everything runs in place.
pub(crate) fn each<T: Send, W: Send>(
    items: &mut [T],
    workers: &mut [W],
    work: &(impl Fn(usize, &mut T, &mut W) + Sync),
) {
    halves(0, items, workers, work);
}

/// Calls `work` for every job with one of the workers, which take the next job whenever they are
/// done. A core that other programs slow down takes fewer. At most `most` workers take part.
pub(crate) fn deal<J: Send, W: Send>(
    jobs: impl Iterator<Item = J> + Send,
    most: usize,
    workers: &mut [W],
    work: &(impl Fn(J, &mut W) + Sync),
) {
    let rest = Mutex::new(jobs);
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let mut shares = vec![(); workers.len().min(most)];
    each(&mut shares, workers, &|_, (), worker| {
        while let Some(job) = next() {
            work(job, worker);
        }
    });
}

fn halves<T: Send, W: Send>(
    first: usize,
    items: &mut [T],
    workers: &mut [W],
    work: &(impl Fn(usize, &mut T, &mut W) + Sync),
) {
    if items.len() <= 1 || workers.len() <= 1 {
        for (i, item) in items.iter_mut().enumerate() {
            work(first + i, item, &mut workers[0]);
        }
        return;
    }
    let half = workers.len() / 2;
    let middle = (items.len() * half).div_ceil(workers.len());
    let (a, b) = items.split_at_mut(middle);
    let (left, right) = workers.split_at_mut(half);
    join(|| halves(first, a, left, work), || halves(first + middle, b, right, work));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn every_item_is_worked_on_once_for_any_number_of_threads() {
        for threads in [1, 2, 3] {
            let (mut items, mut workers) = ([0; 7], vec![(); threads]);
            Team::new(threads)
                .unwrap()
                .run(|| each(&mut items, &mut workers, &|i, item, ()| *item += i + 1));
            assert_eq!(items, [1, 2, 3, 4, 5, 6, 7]);
        }
    }

    #[test]
    fn a_panic_on_either_side_reaches_the_caller() {
        let team = Team::new(2).unwrap();
        for side in [false, true] {
            let job = || join(|| assert!(side, "left"), || assert!(!side, "right"));
            assert!(catch_unwind(AssertUnwindSafe(|| team.run(job))).is_err());
        }
        assert_eq!(team.run(|| team.run(|| 1)), 1);
        assert!(
            catch_unwind(AssertUnwindSafe(|| team.run(|| team.run(|| panic!("inside"))))).is_err()
        );
    }
}
