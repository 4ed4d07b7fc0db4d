//! A patient's body parts, laid out: places and sizes of a textbook adult, spread as patients are.
//!
//! Millimetres from the first lumbar vertebra's height in the body's middle. The sources are the
//! usual ranges of radiological anatomy; what matters here is which organ lies beside which.

use fewlabel_engine::rng::Stream;

use super::patient::{Patient, chance, normal};
use super::shape::{Point, Shape, Solid, Tube};
use super::tissue::Tissue;

/// A body part: a shape and what fills it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) shape: Shape,
    pub(super) tissue: Tissue,
    /// How lobed the surface is, mm.
    pub(super) lobes: f32,
    /// Middle and half size of the box around it.
    pub(super) bounds: (Point, Point),
}

/// A patient's body: parts from the topmost to the lowest layer, and the box of each labelled
/// organ.
#[derive(Clone, Debug)]
pub(super) struct Anatomy {
    pub(super) parts: Vec<Part>,
    /// Middle and half size of each organ's box, in the labels' order.
    pub(super) organs: [(Point, Point); 11],
}

/// Lays out one patient's parts; later ones lie under earlier ones.
struct Layout<'a> {
    patient: &'a Patient,
    rng: &'a mut Stream,
    parts: Vec<Part>,
}

impl Anatomy {
    pub(super) fn draw(patient: &Patient, rng: &mut Stream) -> Self {
        let mut layout = Layout { patient, rng, parts: Vec::new() };
        let bladder = layout.bladder();
        let femurs = [layout.femur(1.0), layout.femur(-1.0)];
        let vessels = layout.vessels();
        let spleen_size = layout.spread(1.0);
        let kidneys = [layout.kidney(1.0), layout.kidney(-1.0)];
        let pancreas = layout.pancreas();
        let spleen = layout.spleen(spleen_size);
        layout.stomach();
        let liver = layout.liver();
        let heart = layout.heart();
        layout.parts.extend(vessels);
        layout.midriff();
        let lungs = [layout.lung(1.0), layout.lung(-1.0)];
        layout.frame();
        let organs = [
            bladder, femurs[0], femurs[1], heart, kidneys[0], kidneys[1], liver, lungs[0],
            lungs[1], pancreas, spleen,
        ];
        Self { parts: layout.parts, organs }
    }
}

impl Layout<'_> {
    /// A factor around one.
    fn spread(&mut self, more: f32) -> f32 {
        (1.0 + more * self.patient.size * normal(self.rng)).clamp(0.55, 1.6)
    }

    /// A place in this patient: scaled, and displaced as organs are.
    fn place(&mut self, at: Point) -> Point {
        let displacement = self.patient.displacement;
        let scale = self.patient.scale;
        [0, 1, 2].map(|axis| at[axis] * scale[axis] + 0.7 * displacement * normal(self.rng))
    }

    fn radii(&mut self, radii: Point) -> Point {
        let (all, scale) = (self.spread(1.0), self.patient.scale);
        [0, 1, 2].map(|axis| radii[axis] * scale[axis] * all * self.spread(0.6))
    }

    fn tilt(&mut self) -> f32 {
        self.patient.tilt * normal(self.rng)
    }

    /// An ellipsoid with three dents or bulges of up to about `roughness`.
    fn solid(&mut self, at: Point, radii: Point, tilt: f32, roughness: f32) -> Solid {
        let (center, radii) = (self.place(at), self.radii(radii));
        let (tilt, turn) = (tilt + self.tilt(), self.tilt());
        let mut solid = Solid::new(center, radii, tilt, turn);
        for _ in 0..3 {
            let direction = [0; 3].map(|_| normal(self.rng));
            solid = solid.dented(direction, roughness * normal(self.rng));
        }
        solid
    }

    fn add(&mut self, shape: Shape, tissue: Tissue, lobes: f32) -> (Point, Point) {
        let bounds = shape.bounds();
        self.parts.push(Part { shape, tissue, lobes, bounds });
        bounds
    }

    fn lesion(&mut self, contrast: f32) -> f32 {
        if chance(self.rng, self.patient.disease) { contrast * self.spread(3.0) } else { 0.0 }
    }

    fn bladder(&mut self) -> (Point, Point) {
        let full = self.rng.uniform(0.5, 1.15);
        let solid =
            self.solid([0.0, -18.0, -248.0], [44.0 * full, 36.0 * full, 38.0 * full], 0.2, 0.12);
        let layer = if chance(self.rng, 0.15) {
            self.rng.uniform(100.0, 350.0)
        } else {
            self.patient.contrast.urine
        };
        let layer_behind = self.rng.uniform(-15.0, 20.0);
        let thickness = self.rng.uniform(2.0, 6.0);
        let fluid = self.patient.contrast.urine;
        let tissue =
            Tissue::Hollow { wall: 42.0, thickness, fluid, gas_front: -1e3, layer_behind, layer };
        let center = solid.center;
        let bounds = self.add(Shape::Solid(solid), tissue, 0.0);
        let pubis = Solid::new(
            [0.0, center[1] - 34.0 * full, center[2] - 30.0],
            [28.0, 14.0, 20.0],
            0.5,
            0.0,
        );
        self.add(Shape::Solid(pubis), Tissue::Bone { shell: 3.0, inside: 200.0 }, 0.0);
        let below = Solid::new(
            [0.0, center[1] + 12.0, center[2] - 46.0 * full],
            [25.0, 20.0, 18.0],
            0.0,
            0.0,
        );
        self.add(Shape::Solid(below), Tissue::Plain(62.0), 2.0);
        if chance(self.rng, 0.5) {
            let behind = Solid::new(
                [4.0, center[1] + 52.0 * full, center[2] + 16.0],
                [26.0, 22.0, 34.0],
                0.6,
                0.0,
            );
            self.add(Shape::Solid(behind), Tissue::Plain(70.0), 3.0);
        }
        bounds
    }

    fn femur(&mut self, side: f32) -> (Point, Point) {
        let radius = 24.0 * self.patient.scale[2] * self.spread(0.5);
        let center = self.place([side * 88.0, 4.0, -262.0]);
        let (tilt, inside) = (self.tilt(), self.rng.uniform(200.0, 380.0));
        let head = Solid::new(center, [radius; 3], tilt, 0.0).dented([side, 0.0, -0.6], 0.5);
        let bounds = (center, [radius; 3]);
        self.add(Shape::Solid(head), Tissue::Bone { shell: 2.5, inside }, 0.0);
        let away = [side * 40.0, 8.0 + 40.0 * self.tilt(), -34.0];
        let neck =
            Tube { path: vec![(center, 14.0), ([0, 1, 2].map(|a| center[a] + away[a]), 21.0)] };
        self.add(Shape::Tube(neck), Tissue::Bone { shell: 3.0, inside }, 0.0);
        let joint = Solid::new(center, [radius + 4.0; 3], 0.0, 0.0);
        self.add(Shape::Solid(joint), Tissue::Plain(75.0), 0.0);
        let above = [center[0] - side * 8.0, center[1] + 10.0, center[2] + radius * 0.9];
        let socket = Solid::new(above, [30.0, 36.0, 34.0], 0.3 + tilt, 0.0);
        self.add(Shape::Solid(socket), Tissue::Bone { shell: 3.5, inside: 160.0 }, 1.0);
        let wing = Solid::new(
            [side * 95.0, center[1] + 25.0, -165.0],
            [10.0, 45.0, 75.0],
            0.35,
            side * -0.3,
        );
        self.add(Shape::Solid(wing), Tissue::Bone { shell: 3.0, inside: 180.0 }, 1.0);
        let vessel = self.patient.contrast.vein;
        let start = [center[0] - side * 12.0, center[1] - 44.0, center[2] + 60.0];
        let path =
            vec![(start, 5.0), ([start[0] + side * 8.0, start[1] - 4.0, start[2] - 120.0], 5.5)];
        self.add(Shape::Tube(Tube { path }), Tissue::Plain(vessel), 0.0);
        bounds
    }

    /// Great vessels, drawn here so that organs can lie on them.
    fn vessels(&mut self) -> Vec<Part> {
        let contrast = self.patient.contrast.clone();
        let s = self.patient.scale;
        let bend = 8.0 * normal(self.rng);
        let line = |x: f32, y: f32, r: f32| Tube {
            path: vec![
                ([x * s[0], (y + 22.0) * s[1], 260.0], r + 2.0),
                ([x * s[0], (y + 8.0) * s[1], 90.0], r + 1.0),
                ([(x + bend) * s[0], y * s[1], -20.0], r),
                ([x * s[0], y * s[1], -110.0], r - 1.0),
            ],
        };
        let mut found = Vec::new();
        for (tube, hu) in
            [(line(10.0, 12.0, 11.0), contrast.artery), (line(-20.0, 8.0, 12.0), contrast.vein)]
        {
            let shape = Shape::Tube(tube);
            let bounds = shape.bounds();
            found.push(Part { shape, tissue: Tissue::Plain(hu), lobes: 0.0, bounds });
        }
        found
    }

    fn kidney(&mut self, side: f32) -> (Point, Point) {
        let height = if side > 0.0 { -2.0 } else { -12.0 };
        let mut solid = self.solid([side * 64.0, 42.0, height], [27.0, 25.0, 54.0], 0.22, 0.14);
        solid.dents.push(([-side, 0.0, 0.0], -0.25));
        let swollen = chance(self.rng, 0.3 * self.patient.disease);
        let (center, radii) = (solid.center, solid.radii);
        let bounds = self.add(Shape::Solid(solid), Tissue::Kidney { hilum: -side, swollen }, 0.0);
        if chance(self.rng, self.patient.disease) {
            // A simple cyst.
            let r = self.rng.uniform(6.0, 18.0);
            let at = [0, 1, 2].map(|axis| center[axis] + radii[axis] * self.rng.uniform(-0.8, 0.8));
            self.add(Shape::Solid(Solid::new(at, [r; 3], 0.0, 0.0)), Tissue::Plain(8.0), 0.0);
            let last = self.parts.len() - 1;
            self.parts.swap(last - 1, last);
        }
        let adrenal = [center[0] - side * 12.0, center[1] - 8.0, center[2] + radii[2] + 6.0];
        self.add(
            Shape::Solid(Solid::new(adrenal, [10.0, 4.0, 9.0], 0.5, 0.0)),
            Tissue::Plain(50.0),
            1.5,
        );
        let perirenal = Solid::new(center, radii.map(|r| r + 9.0), 0.2, 0.0);
        self.add(Shape::Solid(perirenal), Tissue::Plain(-95.0), 3.0);
        bounds
    }

    fn pancreas(&mut self) -> (Point, Point) {
        let thick = self.spread(1.2);
        let middle = [
            (-30.0, -18.0, -22.0, 15.0),
            (-14.0, -24.0, -2.0, 13.0),
            (14.0, -30.0, 8.0, 10.0),
            (48.0, -8.0, 16.0, 11.0),
            (84.0, 18.0, 26.0, 10.0),
        ];
        let shift = self.place([0.0; 3]);
        let mut path = Vec::new();
        for (x, y, z, r) in middle {
            let p = self.place([x, y, z]);
            path.push(([0, 1, 2].map(|a| p[a] + shift[a]), r * thick * self.spread(0.8)));
        }
        let vein = Tube {
            path: path.iter().map(|(p, _)| ([p[0], p[1] + 9.0, p[2] + 4.0], 4.5)).collect(),
        };
        let hu = self.patient.contrast.pancreas;
        let lesion = self.lesion(-35.0);
        let tissue = Tissue::Parenchyma { hu, vessel: -60.0, lesion };
        let vessel = self.patient.contrast.vein;
        self.add(Shape::Tube(vein), Tissue::Plain(vessel), 0.0);
        self.add(Shape::Tube(Tube { path }), tissue, 5.0)
    }

    fn spleen(&mut self, size: f32) -> (Point, Point) {
        let swollen = if chance(self.rng, 0.4 * self.patient.disease) { 1.3 } else { 1.0 };
        let radii = [32.0, 44.0, 50.0].map(|r| r * size * swollen);
        let mut solid = self.solid([104.0, 40.0, 48.0], radii, 0.5, 0.18);
        solid.dents.push(([-0.6, -0.8, 0.0], -0.45));
        let contrast = &self.patient.contrast;
        let (hu, vessel) = (contrast.spleen, contrast.vein);
        let lesion = self.lesion(-30.0);
        self.add(Shape::Solid(solid), Tissue::Parenchyma { hu, vessel, lesion }, 0.0)
    }

    fn stomach(&mut self) {
        let solid = self.solid([62.0, -28.0, 55.0], [36.0, 40.0, 48.0], -0.5, 0.2);
        let fluid = if chance(self.rng, 0.4) { self.patient.contrast.gut } else { 18.0 };
        let gas_front = self.rng.uniform(-40.0, 10.0);
        let tissue = Tissue::Hollow {
            wall: 65.0,
            thickness: 5.0,
            fluid,
            gas_front,
            layer_behind: 1e3,
            layer: fluid,
        };
        self.add(Shape::Solid(solid), tissue, 2.0);
        for side in [1.0, -1.0] {
            // The colon's two bends and its way down.
            let top = self.place([side * 105.0, -10.0, if side > 0.0 { 20.0 } else { -25.0 }]);
            let end = self.place([side * 112.0, 20.0, -130.0]);
            let radius = self.rng.uniform(15.0, 26.0);
            let gas_front = self.rng.uniform(-25.0, 25.0);
            let tissue = Tissue::Hollow {
                wall: 50.0,
                thickness: 3.0,
                fluid: 40.0,
                gas_front,
                layer_behind: 1e3,
                layer: 0.0,
            };
            self.add(
                Shape::Tube(Tube { path: vec![(top, radius), (end, radius * 0.8)] }),
                tissue,
                4.0,
            );
        }
    }

    fn liver(&mut self) -> (Point, Point) {
        let contrast = self.patient.contrast.clone();
        let lesion = self.lesion(-45.0);
        let bladder = self.solid([-45.0, -42.0, -8.0], [14.0, 18.0, 26.0], 0.5, 0.1);
        if chance(self.rng, 0.8) {
            let fluid = self.rng.uniform(2.0, 20.0);
            self.add(Shape::Solid(bladder), Tissue::Plain(fluid), 0.0);
        }
        let tissue = Tissue::Parenchyma { hu: contrast.liver, vessel: contrast.vein, lesion };
        let mut right = self.solid([-78.0, -6.0, 42.0], [78.0, 80.0, 76.0], 0.1, 0.16);
        right.dents.push(([0.5, 0.5, -0.7], -0.3));
        let left = self.solid([2.0, -50.0, 58.0], [58.0, 34.0, 42.0], 0.2, 0.12);
        let (middle, half) = right.half_box_with(&left);
        self.add(Shape::Solid(right), tissue.clone(), 0.0);
        self.add(Shape::Solid(left), tissue, 0.0);
        (middle, half)
    }

    fn heart(&mut self) -> (Point, Point) {
        let solid = self.solid([24.0, -38.0, 152.0], [58.0, 46.0, 52.0], 0.4, 0.08);
        let sac = Solid::new(solid.center, solid.radii.map(|r| r + 7.0), 0.4, 0.0);
        let bounds = self.add(Shape::Solid(solid), Tissue::Heart, 1.0);
        self.add(Shape::Solid(sac), Tissue::Plain(-85.0), 2.0);
        let s = self.patient.scale;
        let middle = Solid::new([4.0, 20.0 * s[1], 210.0], [26.0, 62.0 * s[1], 90.0], 0.0, 0.0);
        self.add(Shape::Solid(middle), Tissue::Plain(-60.0), 8.0);
        bounds
    }

    /// The domes of the diaphragm with what lies under them beside the organs.
    fn midriff(&mut self) {
        for side in [1.0, -1.0] {
            let height = if side > 0.0 { 8.0 } else { 16.0 };
            let dome = self.solid([side * 72.0, -4.0, height], [82.0, 96.0, 88.0], 0.0, 0.05);
            self.add(Shape::Solid(dome), Tissue::Gut, 0.0);
        }
    }

    fn lung(&mut self, side: f32) -> (Point, Point) {
        let s = self.patient.scale;
        let solid = self.solid([side * 76.0, 4.0, 148.0], [62.0, 88.0, 118.0], 0.05, 0.05);
        let effusion = chance(self.rng, 0.35 * self.patient.disease);
        if effusion {
            let at = [solid.center[0], 70.0 * s[1], 70.0 * s[2]];
            let pool = Solid::new(at, [50.0, 22.0, 50.0].map(|r| r * self.spread(2.0)), 0.2, 0.0);
            self.add(Shape::Solid(pool), Tissue::Plain(12.0), 0.0);
        }
        let (middle, half) = self.add(Shape::Solid(solid), Tissue::Lung, 0.0);
        // Its lower edge is where the diaphragm's dome falls away behind; its upper edge may be
        // outside the scan.
        let low = middle[2] - 0.8 * half[2];
        let high = (middle[2] + half[2]).min(self.patient.top);
        ([middle[0], middle[1], 0.5 * (low + high)], [half[0], half[1], 0.5 * (high - low)])
    }

    /// Spine, the muscles beside it, and the breastbone.
    fn frame(&mut self) {
        let (s, muscle) = (self.patient.scale, self.patient.contrast.muscle);
        let curve = 10.0 * normal(self.rng);
        let spine = Tube {
            path: vec![
                ([0.0, 62.0 * s[1], 300.0], 40.0),
                ([0.0, (56.0 + curve) * s[1], 60.0], 40.0),
                ([0.0, (48.0 - curve) * s[1], -120.0], 42.0),
                ([0.0, 80.0 * s[1], -220.0], 34.0),
            ],
        };
        self.add(Shape::Tube(spine), Tissue::Spine { front: 14.0 }, 0.0);
        for side in [1.0, -1.0] {
            let psoas = vec![
                ([side * 38.0, 50.0 * s[1], -10.0], 12.0),
                ([side * 72.0 * s[0], 8.0, -215.0], 24.0),
            ];
            self.add(Shape::Tube(Tube { path: psoas }), Tissue::Plain(muscle), 2.0);
            let back = vec![
                ([side * 36.0, 86.0 * s[1], 250.0], 22.0),
                ([side * 38.0, 84.0 * s[1], -170.0], 28.0),
            ];
            self.add(Shape::Tube(Tube { path: back }), Tissue::Plain(muscle), 3.0);
        }
        let breastbone =
            Solid::new([0.0, -self.patient.torso[1] + 9.0, 170.0], [20.0, 8.0, 75.0], 0.12, 0.0);
        self.add(Shape::Solid(breastbone), Tissue::Bone { shell: 2.0, inside: 180.0 }, 0.0);
    }
}
