//! Who is scanned, and how: what differs between patients and between the two populations.

use fewlabel_engine::rng::Stream;

/// How patients and scans of one population spread. Training and validation share one, the test
/// split has another: more scans without contrast medium, more noise and thicker slices, heavier
/// and more tilted patients.
#[derive(Clone, Debug)]
pub(super) struct Population {
    /// Weights of the contrast phases: none, arterial, portal venous, late.
    phases: [f32; 4],
    /// Noise of a voxel, in HU.
    noise: [f32; 2],
    /// Slice thickness along the body, mm.
    thickness: [f32; 2],
    /// Fat under the skin, mm.
    fat: [f32; 2],
    /// Standard deviation of an organ's place, mm.
    displacement: f32,
    /// Standard deviation of tilts, radians.
    tilt: f32,
    /// Standard deviation of sizes, relative.
    size: f32,
    /// How often an organ is diseased.
    disease: f32,
    /// Standard deviation of the box's edges, relative to the organ.
    pub(super) box_error: f32,
}

/// The population of the training and validation splits.
pub(super) const TRAINING: Population = Population {
    phases: [0.15, 0.20, 0.55, 0.10],
    noise: [11.0, 34.0],
    thickness: [1.0, 4.0],
    fat: [10.0, 32.0],
    displacement: 9.8,
    tilt: 0.175,
    size: 0.135,
    disease: 0.28,
    box_error: 0.092,
};

/// The population of the test split.
pub(super) const SHIFTED: Population = Population {
    phases: [0.40, 0.18, 0.27, 0.15],
    noise: [17.0, 48.0],
    thickness: [1.0, 5.0],
    fat: [14.0, 45.0],
    displacement: 12.8,
    tilt: 0.235,
    size: 0.165,
    disease: 0.42,
    box_error: 0.11,
};

/// Attenuation of blood and organs in HU, after contrast medium or without.
#[derive(Clone, Debug)]
pub(super) struct Contrast {
    pub(super) artery: f32,
    pub(super) vein: f32,
    pub(super) liver: f32,
    pub(super) spleen: f32,
    pub(super) cortex: f32,
    pub(super) medulla: f32,
    pub(super) pelvis: f32,
    pub(super) pancreas: f32,
    pub(super) muscle: f32,
    pub(super) urine: f32,
    /// Contrast medium that was drunk, in the gut.
    pub(super) gut: f32,
}

/// Typical values without contrast medium, in the arterial, the portal venous and the late phase.
const PHASES: [[f32; 9]; 4] = [
    [42.0, 40.0, 56.0, 48.0, 34.0, 32.0, 6.0, 40.0, 4.0],
    [280.0, 90.0, 68.0, 115.0, 165.0, 70.0, 10.0, 105.0, 4.0],
    [160.0, 160.0, 108.0, 118.0, 185.0, 150.0, 20.0, 92.0, 8.0],
    [115.0, 118.0, 92.0, 98.0, 140.0, 150.0, 330.0, 75.0, 60.0],
];

/// What is drawn once for a patient, before the anatomy is laid out.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    /// Names the patient's random fields.
    pub(super) seed: u32,
    /// Size relative to the mean, for each axis.
    pub(super) scale: [f32; 3],
    pub(super) fat: f32,
    /// Half the body's width and depth without fat under the skin, mm.
    pub(super) torso: [f32; 2],
    pub(super) contrast: Contrast,
    pub(super) noise: f32,
    pub(super) thickness: f32,
    /// Upper end of the scan, mm above the first lumbar vertebra.
    pub(super) top: f32,
    pub(super) displacement: f32,
    pub(super) tilt: f32,
    pub(super) size: f32,
    pub(super) disease: f32,
    /// The whole patient's tilt in the sagittal plane, radians.
    pub(super) pose: f32,
}

impl Patient {
    pub(super) fn draw(population: &Population, rng: &mut Stream) -> Self {
        let overall = 1.0 + 0.07 * normal(rng);
        let scale = [0, 1, 2].map(|_| (overall * (1.0 + 0.05 * normal(rng))).clamp(0.75, 1.3));
        let fat = rng.uniform(population.fat[0], population.fat[1]);
        let noise = rng.uniform(population.noise[0], population.noise[1]);
        let thickness = rng.uniform(population.thickness[0], population.thickness[1]);
        let top =
            if chance(rng, 0.6) { rng.uniform(200.0, 300.0) } else { rng.uniform(150.0, 200.0) };
        Self {
            seed: rng.bits32(),
            torso: [150.0 * scale[0], 98.0 * scale[1]],
            scale,
            fat,
            contrast: Contrast::draw(population, rng),
            noise,
            thickness,
            top,
            displacement: population.displacement,
            tilt: population.tilt,
            size: population.size,
            disease: population.disease,
            pose: 0.5 * population.tilt * normal(rng),
        }
    }
}

impl Contrast {
    fn draw(population: &Population, rng: &mut Stream) -> Self {
        let mut phase = 0;
        let mut left = rng.unit() * population.phases.iter().sum::<f32>();
        while phase < 3 && left >= population.phases[phase] {
            left -= population.phases[phase];
            phase += 1;
        }
        // Phases are moments of a continuous course: mix with the next one.
        let (next, mix) = ((phase + 1).min(3), 0.5 * rng.unit() * rng.unit());
        let mut hu = PHASES[phase];
        for (value, later) in hu.iter_mut().zip(PHASES[next]) {
            *value += if phase == 0 { 0.0 } else { mix * (later - *value) };
            *value *= 1.0 + 0.12 * normal(rng);
            *value += 5.0 * normal(rng);
        }
        let [artery, vein, liver, spleen, cortex, medulla, pelvis, pancreas, urine] = hu;
        let fatty =
            if chance(rng, 0.5 * population.disease) { rng.uniform(10.0, 50.0) } else { 0.0 };
        let gut = if chance(rng, 0.35) { rng.uniform(80.0, 350.0) } else { 20.0 };
        let muscle = 55.0 + 6.0 * normal(rng);
        Self {
            artery,
            vein,
            liver: liver - fatty,
            spleen,
            cortex,
            medulla,
            pelvis,
            pancreas,
            muscle,
            urine,
            gut,
        }
    }
}

/// Standard normal, cut off at three.
pub(super) fn normal(rng: &mut Stream) -> f32 {
    (rng.normal() as f32).clamp(-3.0, 3.0)
}

/// True with probability `p`.
pub(super) fn chance(rng: &mut Stream, p: f32) -> bool {
    rng.unit() < p
}
