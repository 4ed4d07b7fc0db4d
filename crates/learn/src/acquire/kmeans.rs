//! k-means with k-means++ seeding, the same on every machine and for any number of threads.

use super::parallel::fill;
use super::ties::Order;
use fewlabel_engine::rng::Key;
use fewlabel_engine::vector::{products_of_rows, squared_distances, squared_distances_at};

/// Lloyd's iterations at most; assignments rarely change after the first ten.
const ITERATIONS: usize = 20;
/// Iterations end when the total distance falls by less than this share.
const TOLERANCE: f64 = 1e-3;
/// Rows whose products with all centres are formed together.
const BLOCK: usize = 128;

/// A clustering.
pub(super) struct Clusters {
    /// `[k, dim]`.
    pub(super) centres: Vec<f32>,
    /// The nearest centre of every row.
    pub(super) of_row: Vec<u32>,
}

/// Clusters rows of length `dim` around `k` centres (at most as many as there are rows). Seeds are
/// drawn from a sample of 32 k rows; a centre that loses all its rows stays where it was.
pub(super) fn cluster(
    rows: &[f32],
    dim: usize,
    weights: Option<&[f64]>,
    k: usize,
    key: Key,
    threads: usize,
) -> Clusters {
    let n = rows.len() / dim;
    let mut centres = seeds(rows, dim, weights, k.min(n), key, threads);
    let mut of_row = vec![0; n];
    let mut before = f64::INFINITY;
    for _ in 0..ITERATIONS {
        let total = assign(rows, dim, &centres, &mut of_row, threads);
        update(rows, dim, weights, &of_row, &mut centres);
        if total >= before * (1.0 - TOLERANCE) {
            break;
        }
        before = total;
    }
    assign(rows, dim, &centres, &mut of_row, threads);
    Clusters { centres, of_row }
}

/// k-means++: the first row by its weight, the others with a chance proportional to weight times
/// squared distance from the nearest seed.
fn seeds(
    rows: &[f32],
    dim: usize,
    weights: Option<&[f64]>,
    k: usize,
    key: Key,
    threads: usize,
) -> Vec<f32> {
    let n = rows.len() / dim;
    let mut stream = key.stream();
    let mut sample: Vec<u32> = (0..n as u32).collect();
    let size = n.min((32 * k).max(1024));
    for at in 0..size {
        sample.swap(at, at + stream.below((n - at) as u64) as usize);
    }
    sample.truncate(size);
    sample.sort_unstable();
    let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
    let mut nearest = vec![f32::INFINITY; size];
    let mut chances: Vec<f64> = sample.iter().map(|&row| weight(row)).collect();
    let mut centres = Vec::with_capacity(k * dim);
    for _ in 0..k {
        let at = Order::BY_NUMBER.drawn(&sample, &chances, stream.unit_f64());
        let seed = &rows[sample[at] as usize * dim..][..dim];
        centres.extend_from_slice(seed);
        fill(&mut nearest, threads, |first, nearest| {
            let mut distances = vec![0.0; nearest.len()];
            squared_distances_at(seed, rows, &sample[first..first + nearest.len()], &mut distances);
            nearest
                .iter_mut()
                .zip(distances)
                .for_each(|(nearest, d)| *nearest = if d < *nearest { d } else { *nearest });
        });
        for ((chance, &nearest), &row) in chances.iter_mut().zip(&nearest).zip(&sample) {
            *chance = if *chance < 0.0 { -1.0 } else { weight(row) * f64::from(nearest) };
        }
        chances[at] = -1.0;
    }
    centres
}

/// The nearest centre of every row, the first of equals; returns the sum of the squared distances.
fn assign(rows: &[f32], dim: usize, centres: &[f32], of_row: &mut [u32], threads: usize) -> f64 {
    let k = centres.len() / dim;
    let origin = vec![0.0; dim];
    let mut lengths = vec![0.0; k];
    squared_distances(&origin, centres, &mut lengths);
    let mut nearest = vec![(0_u32, 0.0_f32); of_row.len()];
    fill(&mut nearest, threads, |first, nearest| {
        let mut products = vec![0.0; BLOCK * k];
        let blocks = nearest.chunks_mut(BLOCK).zip(rows[first * dim..].chunks(BLOCK * dim));
        for (nearest, rows) in blocks {
            let rows = &rows[..nearest.len() * dim];
            let products = &mut products[..nearest.len() * k];
            products_of_rows(dim, rows, centres, products);
            let mut own = [0.0; BLOCK];
            squared_distances(&origin, rows, &mut own[..nearest.len()]);
            for ((nearest, products), own) in
                nearest.iter_mut().zip(products.chunks_exact(k)).zip(own)
            {
                let (centre, least) = least(&lengths, products);
                *nearest = (centre, (own + least).max(0.0));
            }
        }
    });
    of_row.iter_mut().zip(&nearest).for_each(|(of_row, nearest)| *of_row = nearest.0);
    nearest.iter().map(|nearest| f64::from(nearest.1)).sum()
}

/// The first centre with the least |c|^2 - 2 <x, c>, and that value.
fn least(lengths: &[f32], products: &[f32]) -> (u32, f32) {
    let value = |(length, product): (&f32, &f32)| length - 2.0 * product;
    let least = lengths
        .iter()
        .zip(products)
        .map(value)
        .fold(f32::INFINITY, |a, b| if b < a { b } else { a });
    let first = lengths.iter().zip(products).map(value).position(|v| v <= least);
    (first.unwrap_or(0) as u32, least)
}

/// Moves every centre to the (weighted) mean of its rows.
fn update(rows: &[f32], dim: usize, weights: Option<&[f64]>, of_row: &[u32], centres: &mut [f32]) {
    let k = centres.len() / dim;
    let mut sums = vec![0.0_f64; k * dim];
    let mut masses = vec![0.0_f64; k];
    for (at, (row, &centre)) in rows.chunks_exact(dim).zip(of_row).enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[at]);
        masses[centre as usize] += weight;
        let sum = &mut sums[centre as usize * dim..][..dim];
        sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += weight * f64::from(x));
    }
    for ((centre, sum), &mass) in
        centres.chunks_exact_mut(dim).zip(sums.chunks_exact(dim)).zip(&masses)
    {
        if mass > 0.0 {
            centre.iter_mut().zip(sum).for_each(|(centre, sum)| *centre = (sum / mass) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `per` rows around each of `k` corners far apart.
    fn corners(k: usize, per: usize, dim: usize) -> Vec<f32> {
        let mut stream = Key::new(51, 1).stream();
        let coordinate = |row: usize, d: usize| {
            if d == row / per % dim { 20.0 * (1 + row / per / dim) as f32 } else { 0.0 }
        };
        (0..k * per * dim)
            .map(|i| coordinate(i / dim, i % dim) + stream.uniform(-0.5, 0.5))
            .collect()
    }

    #[test]
    fn separate_groups_are_found() {
        let (k, per, dim) = (6, 40, 3);
        let rows = corners(k, per, dim);
        for seed in 0..5 {
            let clusters = cluster(&rows, dim, None, k, Key::new(seed, 0), 1);
            for group in clusters.of_row.chunks(per) {
                assert!(group.iter().all(|c| *c == group[0]), "{group:?}");
            }
            let mut firsts: Vec<u32> = clusters.of_row.iter().step_by(per).copied().collect();
            firsts.sort_unstable();
            assert_eq!(firsts, [0, 1, 2, 3, 4, 5]);
        }
    }

    #[test]
    fn every_row_belongs_to_its_nearest_centre() {
        let mut stream = Key::new(52, 1).stream();
        let rows: Vec<f32> = (0..500 * 5).map(|_| stream.uniform(0.0, 1.0)).collect();
        let clusters = cluster(&rows, 5, None, 17, Key::new(0, 0), 2);
        for (row, &of) in rows.chunks(5).zip(&clusters.of_row) {
            let distance = |c: &[f32]| {
                row.iter().zip(c).map(|(&x, &y)| f64::from((x - y) * (x - y))).sum::<f64>()
            };
            let nearest = clusters.centres.chunks(5).map(distance).fold(f64::INFINITY, f64::min);
            assert!(distance(&clusters.centres[of as usize * 5..][..5]) <= nearest + 1e-6);
        }
    }

    #[test]
    fn a_weight_pulls_the_centre() {
        let clusters = cluster(&[0.0, 4.0], 1, Some(&[3.0, 1.0]), 1, Key::new(0, 0), 1);
        assert_eq!(clusters.centres, [1.0]);
    }
}
