//! Greedy k-center: always the image farthest from everything chosen or labelled.

use super::Picks;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An image and a distance it is at most away from its nearest centre.
#[derive(PartialEq)]
struct Bound {
    distance: f32,
    /// Its place in the pool.
    at: usize,
    /// Chosen centres that the distance takes into account.
    seen: usize,
}

impl Eq for Bound {}

impl Ord for Bound {
    /// The farther first, then the lower place.
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.at.cmp(&self.at))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Chooses `batch` of `pool`, given every image's distance from the nearest labelled one, the place in the pool of the first pick where
/// nothing is labelled (its score is 0), and an image's distance from the nearest of some chosen ones.
///
/// Distances only fall, so that an image is looked at again only when its old distance is the greatest left: most never are.
pub(super) fn greedy(
    pool: &[u32],
    nearest: Vec<f32>,
    first: Option<usize>,
    batch: usize,
    distance: impl Fn(usize, &[u32]) -> f32,
) -> Picks {
    let mut picks = Picks { indices: Vec::new(), scores: Vec::new(), unit: "distance" };
    if let Some(at) = first {
        picks.indices.push(pool[at]);
        picks.scores.push(0.0);
    }
    let bounds = nearest.into_iter().enumerate().filter(|(at, _)| Some(*at) != first);
    let mut heap: BinaryHeap<Bound> = bounds.map(|(at, distance)| Bound { distance, at, seen: 0 }).collect();
    while picks.indices.len() < batch {
        let Some(mut farthest) = heap.pop() else { break };
        if farthest.seen == picks.indices.len() {
            picks.indices.push(pool[farthest.at]);
            picks.scores.push(f64::from(farthest.distance));
        } else {
            farthest.distance = farthest.distance.min(distance(farthest.at, &picks.indices[farthest.seen..]));
            farthest.seen = picks.indices.len();
            heap.push(farthest);
        }
    }
    picks
}
