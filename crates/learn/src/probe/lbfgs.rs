//! Minimising a smooth convex function (L-BFGS: Liu and Nocedal 1989), in `f64` with one order of summation.

/// Steps remembered.
const MEMORY: usize = 10;
/// Steps at most.
const MOST_STEPS: usize = 200;
/// The greatest slope that counts as none.
const FLAT: f64 = 1e-6;
/// Share of the promised decrease that a step must bring.
const ENOUGH: f64 = 1e-4;

/// Where `function` is least: it returns its value and writes its gradient. The search starts at `at`.
pub(super) fn minimise(mut at: Vec<f64>, mut function: impl FnMut(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let mut slope = vec![0.0; at.len()];
    let mut value = function(&at, &mut slope);
    let (mut next, mut next_slope) = (at.clone(), slope.clone());
    let mut memory: Vec<Pair> = Vec::new();
    for _ in 0..MOST_STEPS {
        if slope.iter().all(|g| g.abs() <= FLAT) {
            break;
        }
        let direction = direction(&slope, &memory);
        let promised = dot(&direction, &slope);
        let mut length = if memory.is_empty() { 1.0 / dot(&slope, &slope).sqrt().max(1.0) } else { 1.0 };
        let found = loop {
            next.iter_mut().zip(&at).zip(&direction).for_each(|((n, a), d)| *n = a + length * d);
            let there = function(&next, &mut next_slope);
            if there <= value + ENOUGH * length * promised {
                break Some(there);
            }
            length *= 0.5;
            if length < 1e-12 {
                break None;
            }
        };
        let Some(there) = found else { break };
        remember(&mut memory, difference(&next, &at), difference(&next_slope, &slope));
        std::mem::swap(&mut at, &mut next);
        std::mem::swap(&mut slope, &mut next_slope);
        value = there;
    }
    at
}

/// A step and how the gradient changed along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    product: f64,
}

/// Keeps a step along which the function curves upwards.
fn remember(memory: &mut Vec<Pair>, step: Vec<f64>, change: Vec<f64>) {
    let product = dot(&step, &change);
    if product > 1e-14 {
        if memory.len() == MEMORY {
            memory.remove(0);
        }
        memory.push(Pair { step, change, product });
    }
}

/// The two-loop recursion: minus the gradient times the remembered inverse curvature.
fn direction(slope: &[f64], memory: &[Pair]) -> Vec<f64> {
    let mut direction: Vec<f64> = slope.iter().map(|g| -g).collect();
    let mut shares = vec![0.0; memory.len()];
    for (pair, share) in memory.iter().zip(&mut shares).rev() {
        *share = dot(&pair.step, &direction) / pair.product;
        direction.iter_mut().zip(&pair.change).for_each(|(d, c)| *d -= *share * c);
    }
    if let Some(last) = memory.last() {
        let scale = last.product / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for (pair, share) in memory.iter().zip(&shares) {
        let back = share - dot(&pair.change, &direction) / pair.product;
        direction.iter_mut().zip(&pair.step).for_each(|(d, s)| *d += back * s);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_narrow_valley_is_found() {
        let rosenbrock = |x: &[f64], slope: &mut [f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            slope.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
            a * a + 100.0 * b * b
        };
        let bottom = minimise(vec![-1.2, 1.0], rosenbrock);
        assert!(bottom.iter().all(|x| (x - 1.0).abs() < 1e-5), "{bottom:?}");
    }
}
