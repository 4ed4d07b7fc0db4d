//! What a scanner sees inside a body part, in Hounsfield units.

use super::patient::Patient;
use super::shape::{Point, dot};
use super::texture::{nearest_ball, smooth};

/// Fat, in HU.
pub(super) const FAT: f32 = -100.0;

/// What fills a body part.
#[derive(Clone, Debug)]
pub(super) enum Tissue {
    /// One value, with a fine grain.
    Plain(f32),
    /// A solid organ: vessels run through it, and it may have lesions (their contrast; 0 for none).
    Parenchyma { hu: f32, vessel: f32, lesion: f32 },
    /// Cortex, pyramids, sinus fat and renal pelvis; `hilum` points to the middle of the body,
    /// `swollen` widens the pelvis.
    Kidney { hilum: f32, swollen: bool },
    /// A wall around fluid; gas collects in front, contrast medium settles behind, each beyond its
    /// level (mm from the middle).
    Hollow { wall: f32, thickness: f32, fluid: f32, gas_front: f32, layer_behind: f32, layer: f32 },
    /// Compact outside, spongy inside.
    Bone { shell: f32, inside: f32 },
    /// Chambers with blood in muscle.
    Heart,
    /// Air, vessels and bronchi.
    Lung,
    /// Vertebrae, discs and the canal behind them; `front` is where the canal begins (mm behind the
    /// middle).
    Spine { front: f32 },
    /// Loops of gut in fat.
    Gut,
}

/// Where in a part a point lies: its depth (mm), its place in the part's own space and in the
/// patient.
pub(super) struct Place {
    pub(super) depth: f32,
    pub(super) local: Point,
    pub(super) p: Point,
    /// The part's middle.
    pub(super) middle: Point,
}

impl Tissue {
    pub(super) fn hu(&self, place: &Place, patient: &Patient) -> f32 {
        let p = place.p;
        match *self {
            Self::Plain(hu) => hu + 6.0 * smooth(patient.seed ^ 1, p, 5.0),
            Self::Parenchyma { hu, vessel, lesion } => parenchyma(p, patient, [hu, vessel, lesion]),
            Self::Kidney { hilum, swollen } => kidney(place, patient, hilum, swollen),
            Self::Hollow { wall, thickness, fluid, gas_front, layer_behind, layer } => {
                let behind = p[1] - place.middle[1];
                match place.depth {
                    d if d < thickness => wall,
                    _ if behind < gas_front => -850.0,
                    _ if behind > layer_behind => layer,
                    _ => fluid,
                }
            }
            Self::Bone { shell, inside } => match place.depth {
                d if d < shell => 520.0,
                d => {
                    inside
                        + 90.0 * smooth(patient.seed ^ 2, p, 6.0)
                        + (3.0 - (d - shell)).max(0.0) * 40.0
                }
            },
            Self::Heart => heart(place, patient),
            Self::Lung => lung(p, patient),
            Self::Spine { front } => spine(place, patient, front),
            Self::Gut => gut(p, patient),
        }
    }
}

fn parenchyma(p: Point, patient: &Patient, [hu, vessel, lesion]: [f32; 3]) -> f32 {
    let mut value = hu + 5.0 * smooth(patient.seed ^ 3, p, 9.0);
    let branches = smooth(patient.seed ^ 4, p, 17.0);
    if branches.abs() < 0.035 {
        value += 0.8 * (vessel - hu);
    }
    if lesion != 0.0 {
        let (depth, bits) = nearest_ball(patient.seed ^ 5, p, 42.0, 0.38);
        if depth > 0.0 && bits % 100 < 55 {
            value += lesion * (depth * 12.0).min(1.0);
        }
    }
    value
}

fn kidney(place: &Place, patient: &Patient, hilum: f32, swollen: bool) -> f32 {
    let contrast = &patient.contrast;
    // The sinus opens to the middle and a little to the front.
    let u = place.local;
    let s = [(u[0] - 0.38 * hilum) / 0.75, (u[1] + 0.15) / 0.42, u[2] / 0.55];
    let sinus = 1.0 - dot(s, s).sqrt();
    if sinus > 0.0 {
        let wide = if swollen { 0.05 } else { 0.42 };
        let urine = sinus > wide || smooth(patient.seed ^ 6, place.p, 8.0) > 0.45;
        return if urine { contrast.pelvis } else { FAT + 25.0 };
    }
    if place.depth < 5.5 {
        return contrast.cortex;
    }
    // Columns of cortex reach in between the pyramids.
    let fold = smooth(patient.seed ^ 7, place.p, 11.0);
    if fold > 0.18 { contrast.cortex } else { contrast.medulla }
}

fn heart(place: &Place, patient: &Patient) -> f32 {
    let contrast = &patient.contrast;
    let chambers = [
        ([0.45, -0.1, -0.15], 0.46),
        ([-0.4, -0.35, -0.15], 0.44),
        ([0.25, 0.5, 0.45], 0.38),
        ([-0.55, 0.2, 0.4], 0.36),
    ];
    let mut value = contrast.muscle + 0.35 * (contrast.vein - contrast.muscle).max(0.0);
    for (i, (c, r)) in chambers.into_iter().enumerate() {
        let d = [place.local[0] - c[0], place.local[1] - c[1], place.local[2] - c[2]];
        if dot(d, d) < r * r {
            let left = i % 2 == 0;
            value = if left { contrast.artery } else { 0.5 * (contrast.vein + contrast.artery) };
        }
    }
    let groove = smooth(patient.seed ^ 8, place.p, 22.0);
    if place.depth < 7.0 && groove > 0.15 { FAT + 20.0 } else { value }
}

fn lung(p: Point, patient: &Patient) -> f32 {
    let (depth, bits) = nearest_ball(patient.seed ^ 9, p, 15.0, 0.14);
    let branches = smooth(patient.seed ^ 10, p, 20.0).abs();
    if depth > 0.0 && bits & 1 == 0 || branches < 0.012 {
        return 0.6 * patient.contrast.vein;
    }
    -850.0 + 60.0 * smooth(patient.seed ^ 11, p, 30.0)
}

fn spine(place: &Place, patient: &Patient, front: f32) -> f32 {
    let pitch = 36.0 * patient.scale[2];
    let level = place.p[2] / pitch;
    let along = (level - level.floor()) * pitch;
    let behind = place.p[1] - place.middle[1];
    if behind > front {
        let canal = behind < front + 15.0 && place.p[0].abs() < 11.0;
        return match (canal, along) {
            (true, _) => 35.0,
            (false, a) if a > 9.0 && a < 26.0 => 380.0,
            _ => 60.0,
        };
    }
    let spongy = 190.0 + 60.0 * smooth(patient.seed ^ 12, place.p, 6.0);
    match along {
        a if a < 7.0 => 95.0,
        a if a < 10.0 || a > pitch - 3.0 => 420.0,
        _ if place.depth < 2.5 => 450.0,
        _ => spongy,
    }
}

/// Loops of gut with gas, fluid or contrast medium, in fat with vessels.
pub(super) fn gut(p: Point, patient: &Patient) -> f32 {
    let spacing = 33.0;
    let (depth, bits) = nearest_ball(patient.seed ^ 13, p, spacing, 0.5);
    let depth = depth * spacing + 2.5 * smooth(patient.seed ^ 14, p, 12.0);
    if depth <= 0.0 {
        let strand = smooth(patient.seed ^ 15, p, 8.0);
        return if strand > 0.5 { 0.4 * patient.contrast.vein } else { FAT + 12.0 * strand };
    }
    let forward = p[1] < 0.0;
    match bits % 16 {
        _ if depth < 2.5 => 60.0,
        0..6 => 25.0,
        6..9 => 45.0,
        9..12 if forward => -700.0,
        9..14 => patient.contrast.gut,
        _ => 10.0 - 250.0 * smooth(patient.seed ^ 16, p, 4.0).max(0.0),
    }
}

/// What is no body part of its own: air, skin, fat, the muscles and ribs of the wall, and the gut
/// inside.
pub(super) fn torso(p: Point, patient: &Patient) -> f32 {
    let [half_x, half_y] = patient.torso;
    // The waist is slimmer than hips and chest.
    let waist = 1.0 - 0.06 * (1.0 - ((p[2] + 20.0) / 120.0).abs()).max(0.0);
    let e = [p[0] / (half_x * waist), p[1] / (half_y * waist)];
    let r = (e[0] * e[0] + e[1] * e[1]).sqrt().max(1e-3);
    let out = (r - 1.0) * (p[0] * p[0] + p[1] * p[1]).sqrt() / r;
    match out {
        d if d > patient.fat + 2.0 => -1000.0,
        d if d > patient.fat => 20.0,
        d if d > 0.0 => FAT + 14.0 * smooth(patient.seed ^ 17, p, 14.0),
        d if d > -13.0 => wall(p, d, patient),
        _ if p[2] < -175.0 && p[0].abs() > 45.0 => hip_muscle(p, patient),
        _ => gut(p, patient),
    }
}

/// Muscle, with ribs in it above the waist.
fn wall(p: Point, out: f32, patient: &Patient) -> f32 {
    let pitch = 27.0 * patient.scale[2];
    let level = (p[2] - 0.55 * p[1]) / pitch + 0.2 * smooth(patient.seed ^ 18, p, 60.0);
    let across = ((level - level.floor()) - 0.5).abs() * pitch;
    let rib = p[2] > -5.0 - 0.5 * p[1] && across < 6.5 && out < -3.0 && out > -12.0;
    match rib {
        true if across > 4.5 || !(-10.0..=-5.0).contains(&out) => 420.0,
        true => 170.0,
        false => patient.contrast.muscle + 10.0 * smooth(patient.seed ^ 19, p, 7.0),
    }
}

fn hip_muscle(p: Point, patient: &Patient) -> f32 {
    let plane = smooth(patient.seed ^ 20, p, 26.0);
    if plane.abs() < 0.07 {
        FAT + 20.0
    } else {
        patient.contrast.muscle + 14.0 * smooth(patient.seed ^ 21, p, 5.0)
    }
}
