//! Greedy k-center: always the image farthest from everything chosen or labelled.

use super::Picks;
use super::strategy::preferred;

/// Chooses `batch` of `pool`, given every image's distance from the nearest labelled one, the place in the pool of the first pick where
/// nothing is labelled (its score is 0), and how a chosen image lowers these distances.
pub(super) fn greedy(
    pool: &[u32],
    mut nearest: Vec<f32>,
    first: Option<usize>,
    batch: usize,
    approach: impl Fn(&mut [f32], usize),
) -> Picks {
    let mut picks = Picks { indices: Vec::new(), scores: Vec::new(), unit: "distance" };
    let mut taken = vec![false; pool.len()];
    let mut first = first.map(|at| (0.0, at as u32));
    while picks.indices.len() < batch {
        let free = nearest.iter().enumerate().filter(|(at, _)| !taken[*at]);
        let farthest = || free.map(|(at, &d)| (f64::from(d), at as u32)).min_by(|&a, &b| preferred(a, b));
        let Some((distance, at)) = first.take().or_else(farthest) else { break };
        taken[at as usize] = true;
        picks.indices.push(pool[at as usize]);
        picks.scores.push(distance);
        approach(&mut nearest, at as usize);
    }
    picks
}
