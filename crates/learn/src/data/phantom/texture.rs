//! Smooth random fields in space: hashed lattice values, the same on every machine.

use super::shape::Point;

/// 32 well-mixed bits for a lattice point (the finaliser of MurmurHash3).
fn mixed(seed: u32, [x, y, z]: [i32; 3]) -> u32 {
    let mut h = seed
        ^ (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ (z as u32).wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// The lattice cell a point lies in, and where in it.
fn cell(p: Point, spacing: f32) -> ([i32; 3], Point) {
    let scaled = p.map(|v| v / spacing);
    // Quicker than `f32::floor`, which is a call where the instruction set has no rounding.
    let floor = scaled.map(|v| v as i32 - i32::from(v < 0.0));
    (floor, [0, 1, 2].map(|axis| scaled[axis] - floor[axis] as f32))
}

/// A smooth field in [-1, 1] whose features are about `spacing` millimetres wide.
pub(super) fn smooth(seed: u32, p: Point, spacing: f32) -> f32 {
    let (corner, fraction) = cell(p, spacing);
    let weight = fraction.map(|t| t * t * (3.0 - 2.0 * t));
    let mut sum = 0.0;
    for i in 0..8 {
        let offset = [i & 1, (i >> 1) & 1, i >> 2];
        let mut w = 1.0;
        for axis in 0..3 {
            w *= if offset[axis] == 1 { weight[axis] } else { 1.0 - weight[axis] };
        }
        let h = mixed(seed, [corner[0] + offset[0], corner[1] + offset[1], corner[2] + offset[2]]);
        sum += w * ((h >> 8) as f32 * (2.0 / 16_777_216.0) - 1.0);
    }
    sum
}

/// The nearest of the balls scattered through space, one a lattice cell: how deep `p` lies in it
/// (in units of `spacing`, positive inside) and 32 bits that are the ball's own.
pub(super) fn nearest_ball(seed: u32, p: Point, spacing: f32, radius: f32) -> (f32, u32) {
    let shifted = p.map(|v| v - 0.5 * spacing);
    let (corner, fraction) = cell(shifted, spacing);
    let mut best = (-1e3f32, 0);
    for i in 0..8 {
        let offset = [i & 1, (i >> 1) & 1, i >> 2];
        let h = mixed(seed, [corner[0] + offset[0], corner[1] + offset[1], corner[2] + offset[2]]);
        let mut d2 = 0.0;
        for axis in 0..3 {
            let jitter = ((h >> (axis * 8)) & 255) as f32 * (0.7 / 255.0) - 0.35;
            let d = offset[axis] as f32 + jitter - fraction[axis];
            d2 += d * d;
        }
        let depth = radius * (0.75 + 0.5 * (h >> 24) as f32 / 255.0) - d2.sqrt();
        if depth > best.0 {
            best = (depth, h.wrapping_mul(0x9e37_79b1) >> 3);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smooth_field_is_bounded_and_continuous() {
        let mut previous = smooth(7, [0.0, 3.0, -2.0], 10.0);
        for step in 1..500 {
            let value = smooth(7, [step as f32 * 0.1, 3.0, -2.0], 10.0);
            assert!(
                value.abs() <= 1.0 && (value - previous).abs() < 0.05,
                "{step}: {previous} {value}"
            );
            previous = value;
        }
    }

    #[test]
    fn balls_fill_part_of_space() {
        let inside = (0..1000)
            .filter(|&i| nearest_ball(3, [i as f32, i as f32 * 0.37, 5.0], 30.0, 0.5).0 > 0.0);
        let n = inside.count();
        assert!((200..900).contains(&n), "{n}");
    }
}
