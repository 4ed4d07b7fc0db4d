//! Work split over threads, in parts that do not depend on their number.

use crate::EngineError;

/// Some threads, or none besides the caller's own.
#[derive(Default)]
pub(crate) struct Team(Option<rayon::ThreadPool>);

impl Team {
    pub(crate) fn new(threads: usize) -> Result<Self, EngineError> {
        if threads <= 1 {
            return Ok(Self(None));
        }
        let failed = |e: rayon::ThreadPoolBuildError| EngineError::Threads { threads, reason: e.to_string() };
        Ok(Self(Some(rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(failed)?)))
    }

    /// Runs `job` where [`each`] and [`rayon::join`] find the team's threads.
    pub(crate) fn run<R: Send>(&self, job: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            None => job(),
            Some(pool) => pool.install(job),
        }
    }
}

/// Runs both, side by side if there are several threads.
pub(crate) fn two(threads: usize, a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    if threads > 1 {
        rayon::join(a, b);
    } else {
        a();
        b();
    }
}

/// Calls `work` with the index and a reference of every item and one of the workers. Items are dealt out in order, in
/// equal shares; with one worker everything runs in place.
pub(crate) fn each<T: Send, W: Send>(
    items: &mut [T],
    workers: &mut [W],
    work: &(impl Fn(usize, &mut T, &mut W) + Sync),
) {
    halves(0, items, workers, work);
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
    rayon::join(|| halves(first, a, left, work), || halves(first + middle, b, right, work));
}
