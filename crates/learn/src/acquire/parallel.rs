//! Independent rows spread over threads.

/// Calls `work(first, block)` for blocks of `out` that together cover it, `threads` at a time. An
/// element must be computed from its index alone, so that the division into blocks shows in no
/// result.
pub(crate) fn fill<T: Send>(out: &mut [T], threads: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    /// Below this many rows a thread costs more than it saves.
    const LEAST: usize = 256;
    let threads = threads.min(out.len() / LEAST).max(1);
    if threads == 1 {
        return work(0, out);
    }
    let length = out.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut blocks = out.chunks_mut(length).enumerate();
        let first = blocks.next();
        let work = &work;
        for (at, block) in blocks {
            scope.spawn(move || work(at * length, block));
        }
        if let Some((at, block)) = first {
            work(at * length, block);
        }
    });
}

/// `score(scratch, image)` for every image, with one scratch space a thread.
pub(crate) fn scores<T>(
    images: &[u32],
    threads: usize,
    scratch: impl Fn() -> T + Sync,
    score: impl Fn(&mut T, u32) -> f64 + Sync,
) -> Vec<f64> {
    let mut scores = vec![0.0; images.len()];
    fill(&mut scores, threads, |first, block| {
        let mut scratch = scratch();
        for (value, &image) in block.iter_mut().zip(&images[first..]) {
            *value = score(&mut scratch, image);
        }
    });
    scores
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_element_is_computed_once_from_its_index() {
        for threads in [1, 2, 3, 7] {
            let mut out = vec![0; 1001];
            super::fill(&mut out, threads, |first, block| {
                block.iter_mut().enumerate().for_each(|(i, x)| *x += first + i);
            });
            assert!(out.iter().enumerate().all(|(i, &x)| i == x));
        }
    }
}
