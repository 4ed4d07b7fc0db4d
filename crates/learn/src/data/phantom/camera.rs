//! From a body to an image: a sagittal cut, cropped to the organ's box, in an abdominal window.

use fewlabel_engine::rng::Stream;

use super::anatomy::{Anatomy, Part};
use super::patient::{Patient, normal};
use super::shape::{Point, Shape};
use super::texture::smooth;
use super::tissue::{Place, torso};

/// Pixels along a side.
pub(super) const SIDE: usize = 28;
/// The abdominal window: these HU are black and white.
const WINDOW: [f32; 2] = [-160.0, 240.0];

/// Which piece of the body an image shows.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// The cutting plane, mm to the patient's left.
    x: f32,
    /// Front and upper edge.
    origin: [f32; 2],
    /// Size of a pixel along y and down the body.
    pixel: [f32; 2],
}

impl View {
    /// The box (middle, half size) of an organ, cut at `along` of its half width, its edges off by
    /// `error`.
    pub(super) fn of(
        (middle, half): (Point, Point),
        along: f32,
        error: f32,
        rng: &mut Stream,
    ) -> Self {
        let mut edge = |at: f32, half: f32| at + error * half * normal(rng);
        let front = edge(middle[1] - half[1], half[1]);
        let back = edge(middle[1] + half[1], half[1]).max(front + 8.0);
        let bottom = edge(middle[2] - half[2], half[2]);
        let top = edge(middle[2] + half[2], half[2]).max(bottom + 8.0);
        let n = SIDE as f32;
        Self {
            x: middle[0] + along * half[0],
            origin: [front, top],
            pixel: [(back - front) / n, (top - bottom) / n],
        }
    }

    /// The middle of a pixel in the patient.
    fn point(&self, row: f32, column: f32) -> Point {
        let y = self.origin[0] + (column + 0.5) * self.pixel[0];
        let z = self.origin[1] - (row + 0.5) * self.pixel[1];
        [self.x, y, z]
    }

    /// Whether the part may be seen in this view.
    fn sees(&self, part: &Part) -> bool {
        let (middle, half) = part.bounds;
        let margin = 14.0;
        let reach = half.map(|h| 1.35 * h + margin);
        let n = SIDE as f32;
        let end = [self.origin[0] + n * self.pixel[0], self.origin[1] - n * self.pixel[1]];
        (self.x - middle[0]).abs() < reach[0]
            && middle[1] + reach[1] > self.origin[0]
            && middle[1] - reach[1] < end[0]
            && middle[2] - reach[2] < self.origin[1]
            && middle[2] + reach[2] > end[1]
    }
}

/// Makes the image of a view.
pub(super) fn image(
    patient: &Patient,
    anatomy: &Anatomy,
    view: &View,
    rng: &mut Stream,
) -> Vec<u8> {
    let parts: Vec<&Part> = anatomy.parts.iter().filter(|part| view.sees(part)).collect();
    let edge = 0.5 * (view.pixel[0] + view.pixel[1]);
    let bends = Bends::of(patient, view);
    let mut hu = Vec::with_capacity(SIDE * SIDE);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let p = view.point(row as f32, column as f32);
            let [y, z] = bends.at(row, column);
            hu.push(sample(patient, &parts, [p[0], p[1] + y, p[2] + z], edge));
        }
    }
    let hu = through_thickness(&hu, patient.thickness / view.pixel[1]);
    // A pixel averages several voxels, which quietens the noise, though less than for independent
    // ones.
    let voxels = (view.pixel[0] * view.pixel[1] / (0.8 * patient.thickness)).max(0.5);
    let noise = patient.noise / libm::sqrtf(libm::sqrtf(voxels)) / 1.2;
    let grain: Vec<f32> = (0..hu.len()).map(|_| noise * noise_draw(rng)).collect();
    let grain = through_thickness(&grain, 0.5 * patient.thickness / view.pixel[1]);
    hu.iter().zip(grain).map(|(hu, grain)| windowed(hu + grain)).collect()
}

/// How a patient's tissues are bent away from the plan, along y and z: at every fourth pixel,
/// straight between.
struct Bends([[f32; 2]; 64]);

impl Bends {
    fn of(patient: &Patient, view: &View) -> Self {
        let mut nodes = [[0.0; 2]; 64];
        for (i, node) in nodes.iter_mut().enumerate() {
            let p = view.point((i / 8 * 4) as f32, (i % 8 * 4) as f32);
            let bend = |seed: u32| {
                4.0 * smooth(patient.seed ^ seed, p, 45.0)
                    + 1.5 * smooth(patient.seed ^ seed ^ 7, p, 16.0)
            };
            *node = [bend(101) + 0.3 * patient.pose * p[2], bend(102)];
        }
        Self(nodes)
    }

    fn at(&self, row: usize, column: usize) -> [f32; 2] {
        let node = row / 4 * 8 + column / 4;
        let (t, s) = ((row % 4) as f32 * 0.25, (column % 4) as f32 * 0.25);
        [0, 1].map(|axis| {
            let at = |i: usize| self.0[node + i][axis];
            let (upper, lower) = (at(0) + s * (at(1) - at(0)), at(8) + s * (at(9) - at(8)));
            upper + t * (lower - upper)
        })
    }
}

/// The value at a point: parts from the topmost down, each as opaque as it covers the pixel.
fn sample(patient: &Patient, parts: &[&Part], p: Point, edge: f32) -> f32 {
    let (mut clear, mut value) = (1.0f32, 0.0f32);
    for part in parts {
        let mut depth = part.shape.depth(p);
        if depth > -12.0 && part.lobes > 0.0 {
            depth += part.lobes * smooth(patient.seed ^ 103, p, 9.0);
        }
        let cover = (0.5 + depth / edge).clamp(0.0, 1.0) * clear;
        if cover > 0.0 {
            let local = match &part.shape {
                Shape::Solid(solid) => solid.local(p),
                Shape::Tube(_) => [0.0; 3],
            };
            let place = Place { depth: depth.max(0.0), local, p, middle: part.bounds.0 };
            value += cover * part.tissue.hu(&place, patient).max(-1000.0);
            clear -= cover;
            if clear < 0.01 {
                return value;
            }
        }
    }
    value + clear * torso(p, patient)
}

/// Averages along the body, as thick slices do; `thickness` in pixels.
fn through_thickness(values: &[f32], thickness: f32) -> Vec<f32> {
    let side = (0.25 * thickness).min(0.3);
    let mut out = Vec::with_capacity(values.len());
    for row in 0..SIDE {
        for column in 0..SIDE {
            let at = |r: usize| values[r * SIDE + column];
            let (up, down) = (at(row.saturating_sub(1)), at((row + 1).min(SIDE - 1)));
            out.push((1.0 - 2.0 * side) * at(row) + side * (up + down));
        }
    }
    out
}

/// About standard normal: four uniform draws from one word (Irwin and Hall).
fn noise_draw(rng: &mut Stream) -> f32 {
    let bits = rng.bits64();
    let sum: u32 = (0..4).map(|i| ((bits >> (16 * i)) & 0xffff) as u32).sum();
    (sum as f32 * (1.0 / 65_536.0) - 2.0) * 1.732_050_8
}

fn windowed(hu: f32) -> u8 {
    ((hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]) * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}
