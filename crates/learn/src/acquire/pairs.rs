//! All pairs of rows, in tiles that are never stored: distances by |x|^2 + |y|^2 - 2 <x, y>.

use super::AcquireError;
use fewlabel_engine::vector::{products_of_rows, squared_distances};

/// Rows of a tile.
const TILE: usize = 256;
/// Work above this is refused.
const SECONDS: f64 = 120.0;
/// Memory above this is refused.
const MEBIBYTES: f64 = 4096.0;

/// A tile of the upper triangle.
pub(super) struct Tile<'a> {
    /// Number of its first row and column.
    pub(super) row: usize,
    pub(super) column: usize,
    /// Dot products `[rows, columns]`.
    pub(super) products: &'a [f32],
    pub(super) columns: usize,
}

/// Squared length of every row.
pub(super) fn squares(rows: &[f32], dim: usize) -> Vec<f32> {
    let mut squares = vec![0.0; rows.len() / dim];
    squared_distances(&vec![0.0; dim], rows, &mut squares);
    squares
}

/// Shows every tile on and above the diagonal to a visitor, one visitor a thread. Which visitor
/// sees which tile depends on `threads`: their results must not depend on how they are put
/// together.
pub(super) fn visit<R: Send>(
    rows: &[f32],
    dim: usize,
    threads: usize,
    visitor: impl Fn() -> R + Sync,
    see: impl Fn(&mut R, &Tile) + Sync,
) -> Vec<R> {
    let tiles = (rows.len() / dim).div_ceil(TILE);
    let threads = threads.clamp(1, tiles.max(1));
    let work = |thread: usize| {
        let mut result = visitor();
        let mut products = vec![0.0; TILE * TILE];
        for row in (thread..tiles).step_by(threads) {
            let a = rows[row * TILE * dim..].chunks(TILE * dim).next().unwrap_or_default();
            for (column, b) in rows.chunks(TILE * dim).enumerate().skip(row) {
                let products = &mut products[..a.len() / dim * (b.len() / dim)];
                products_of_rows(dim, a, b, products);
                let columns = b.len() / dim;
                see(
                    &mut result,
                    &Tile { row: row * TILE, column: column * TILE, products, columns },
                );
            }
        }
        result
    };
    std::thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let mut results = vec![work(0)];
        results.extend(others.into_iter().filter_map(|other| other.join().ok()));
        results
    })
}

/// The `k` least squared distances of every row from other rows, ascending, `[n, k]`; infinite
/// where there are fewer rows.
pub(super) fn nearest(rows: &[f32], squares: &[f32], k: usize, threads: usize) -> Vec<f32> {
    let n = squares.len();
    let see = |nearest: &mut Vec<f32>, tile: &Tile| {
        let others = &squares[tile.column..][..tile.columns];
        let mut distances = [0.0; TILE];
        for (row, products) in (tile.row..).zip(tile.products.chunks_exact(tile.columns)) {
            let distances = &mut distances[..tile.columns];
            for ((distance, product), other) in distances.iter_mut().zip(products).zip(others) {
                *distance = squares[row] + other - 2.0 * product;
            }
            for (column, &distance) in (tile.column..).zip(&*distances) {
                if distance < nearest[row * k + k - 1] && column != row {
                    insert(&mut nearest[row * k..][..k], distance);
                }
                if tile.row != tile.column && distance < nearest[column * k + k - 1] {
                    insert(&mut nearest[column * k..][..k], distance);
                }
            }
        }
    };
    let mut found =
        visit(rows, rows.len() / n, threads, || vec![f32::INFINITY; n * k], see).into_iter();
    let mut all = found.next().unwrap_or_default();
    for part in found {
        for (all, part) in all.chunks_exact_mut(k).zip(part.chunks_exact(k)) {
            part.iter()
                .take_while(|&&distance| distance < f32::INFINITY)
                .for_each(|&distance| insert(all, distance));
        }
    }
    all
}

/// Puts a value into its place of an ascending list, whose last one falls out.
fn insert(list: &mut [f32], value: f32) {
    let at = list.partition_point(|&other| other <= value);
    if at < list.len() {
        list[at..].rotate_right(1);
        list[at] = value;
    }
}

/// Refuses work on all pairs that takes too long or too much memory.
pub(super) fn affordable(
    strategy: &str,
    rows: usize,
    dim: usize,
    passes: f64,
    mebibytes: f64,
    force: bool,
) -> Result<(), AcquireError> {
    let pairs = rows as f64 * rows as f64 / 2.0;
    // Measured: about 2.5e10 products a second and 0.5 ns a pair.
    let seconds = passes * pairs * (dim as f64 / 2.5e10 + 5e-10);
    if force || (seconds <= SECONDS && mebibytes <= MEBIBYTES) {
        return Ok(());
    }
    Err(AcquireError::TooExpensive { strategy: strategy.into(), rows, pairs, seconds, mebibytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_seen_once() {
        let rows: Vec<f32> = (0..600).map(|i| i as f32).collect();
        for threads in [1, 3] {
            let counts = visit(
                &rows,
                1,
                threads,
                || vec![0_u8; 600 * 600],
                |counts, tile| {
                    for (at, &product) in tile.products.iter().enumerate() {
                        let (i, j) =
                            (tile.row + at / tile.columns, tile.column + at % tile.columns);
                        assert_eq!(product, (i * j) as f32);
                        counts[i * 600 + j] += 1;
                    }
                },
            );
            let seen =
                |i: usize, j: usize| counts.iter().map(|counts| counts[i * 600 + j]).sum::<u8>();
            assert!((0..600).all(|i| (i..600).all(|j| seen(i, j) == 1)));
        }
    }

    #[test]
    fn the_nearest_are_those_of_all_distances() {
        let (n, k) = (600, 7);
        let rows: Vec<f32> = (0..n).map(|i| (i * 37 % n) as f32).collect();
        let squares = squares(&rows, 1);
        for threads in [1, 3] {
            let nearest = nearest(&rows, &squares, k, threads);
            for (i, nearest) in nearest.chunks(k).enumerate() {
                let mut all: Vec<f32> =
                    (0..n).filter(|&j| j != i).map(|j| (rows[i] - rows[j]).powi(2)).collect();
                all.sort_unstable_by(f32::total_cmp);
                assert_eq!(nearest, &all[..k]);
            }
        }
    }

    #[test]
    fn too_much_work_is_refused_with_an_estimate() {
        assert!(affordable("probcover", 14_000, 256, 2.0, 60.0, false).is_ok());
        let error =
            affordable("probcover", 1_000_000, 64, 1.0, 60.0, false).unwrap_err().to_string();
        assert!(error.contains("1000000 images compares 5.0e11 pairs, about 1530 s"), "{error}");
        assert!(affordable("probcover", 1_000_000, 64, 1.0, 60.0, true).is_ok());
    }
}
