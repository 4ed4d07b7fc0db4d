//! Greedy k-center: always the image farthest from everything chosen or labelled.

use super::ties::all_equal;
use super::{Picks, Query};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An image and a distance it is at most away from its nearest centre.
#[derive(PartialEq)]
struct Bound {
    distance: f32,
    /// Its place in the pool.
    at: usize,
    /// Its place among its equals.
    rank: (u64, u32),
    /// Chosen centres that the distance takes into account.
    seen: usize,
}

impl Eq for Bound {}

impl Ord for Bound {
    /// The farther first, then as ties are broken.
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.rank.cmp(&self.rank))
    }
}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Chooses from `pool`, given every image's distance from the nearest labelled one, the scores of
/// the first pick where nothing is labelled (a `cold` start; its score is 0), and an image's
/// distance from the nearest of some chosen ones.
///
/// Distances only fall, so that an image is looked at again only when its old distance is the
/// greatest left: most never are.
pub(super) fn greedy(
    pool: &[u32],
    nearest: Vec<f32>,
    cold: Option<Vec<f64>>,
    query: &Query,
    distance: impl Fn(usize, &[u32]) -> f32,
) -> Picks {
    let mut picks = Picks::none("distance");
    let order = query.order();
    picks.all_equal = match &cold {
        Some(scores) => all_equal(scores.iter().copied()),
        None => all_equal(nearest.iter().map(|&distance| f64::from(distance))),
    };
    let first =
        cold.and_then(|scores| order.best(pool, scores.into_iter().zip(0..))).map(|(_, at)| at);
    if let Some(at) = first {
        picks.indices.push(pool[at]);
        picks.scores.push(0.0);
    }
    let bounds = nearest.into_iter().enumerate().filter(|(at, _)| Some(*at) != first);
    let mut heap: BinaryHeap<Bound> = bounds
        .map(|(at, distance)| Bound { distance, at, rank: order.rank(pool[at]), seen: 0 })
        .collect();
    while picks.indices.len() < query.batch {
        let Some(mut farthest) = heap.pop() else { break };
        if farthest.seen == picks.indices.len() {
            picks.indices.push(pool[farthest.at]);
            picks.scores.push(f64::from(farthest.distance));
            // Images as far from the mean, or as unsure, may still lie apart.
            picks.all_equal &= first.is_none() || farthest.distance == 0.0;
        } else {
            farthest.distance =
                farthest.distance.min(distance(farthest.at, &picks.indices[farthest.seen..]));
            farthest.seen = picks.indices.len();
            heap.push(farthest);
        }
    }
    picks
}
