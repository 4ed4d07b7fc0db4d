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
    pub(crate) fn run<R: Send>(&self, job: impl FnOnce(bool) -> R + Send) -> R {
        match &self.0 {
            None => job(false),
            Some(pool) => pool.install(|| job(true)),
        }
    }
}

/// Calls `work` with the index and a reference of every item, on several threads if `parallel`.
pub(crate) fn each<T: Send>(parallel: bool, items: &mut [T], work: &(impl Fn(usize, &mut T) + Sync)) {
    if parallel {
        halves(0, items, work);
    } else {
        items.iter_mut().enumerate().for_each(|(i, item)| work(i, item));
    }
}

fn halves<T: Send>(first: usize, items: &mut [T], work: &(impl Fn(usize, &mut T) + Sync)) {
    match items {
        [] => {}
        [item] => work(first, item),
        _ => {
            let middle = items.len() / 2;
            let (a, b) = items.split_at_mut(middle);
            rayon::join(|| halves(first, a, work), || halves(first + middle, b, work));
        }
    }
}
